"""What every model that predicts ratings adds to the interface: predictions in the data set's unit, for any pair."""

from abc import abstractmethod
from pathlib import Path
from typing import Self

import numpy as np
from scipy import sparse

from foldin.core import arrays
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import bias
from foldin.models.parts.recommender import Arrays, Recommender


class RatingRecommender(Recommender):
    """A model whose scores are ratings in the data set's own unit.

    Unknown users or items (index -1) are predicted by damped biases from whatever is known of the pair, so that
    no test pair is dropped. What has a step or a penalty learns in units of the ratings' spread, so that one setting
    means the same on stars and on a scale from 1 to 100.
    """

    predicts_ratings = True

    def _prepare(self, train: Interactions) -> None:
        self._bias = self._fit_bias(train)
        self._limits = np.array([train.scale.lowest, train.scale.highest], dtype=np.float32)
        # Of ratings that are all alike there is nothing to learn, in any unit.
        self._spread = float(train.ratings.data.std(dtype=np.float64)) or 1.0

    def _fit_bias(self, train: Interactions) -> bias.Bias:
        """Return the biases that every rating model falls back on; the engine Spark has its own sums."""
        return bias.fit(train, self._damping())

    def predict(self, users: IntArray, items: IntArray, days: IntArray | None = None) -> FloatArray:
        """Return predicted ratings of pairs, clipped to the rating scale.

        Parameters
        ----------
        users, items : ndarray of int, shape (n,)
            Indices; -1 stands for an unknown user or item.
        days : ndarray of int, shape (n,), optional
            When each rating is given, as of `foldin.core.days`; most models ignore it. Without it, a model that learns
            from dates predicts for a day unlike none that it knows.

        Returns
        -------
        ndarray of float32, shape (n,)
            Ratings in the data set's own unit.
        """
        users, items = np.asarray(users, dtype=np.int32), np.asarray(items, dtype=np.int32)
        return self.clipped(self._predict_any(users, items, days))

    def _predict_any(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        """Return predicted ratings of pairs, some of which may be unknown, shape (n,); by default these by biases."""
        predicted = self._bias.predict(users, items)
        warm = (users >= 0) & (items >= 0)
        if warm.any():
            predicted[warm] = self._predict_on(users[warm], items[warm], None if days is None else days[warm])
        return predicted

    def predict_std(self, users: IntArray, items: IntArray, days: IntArray | None = None) -> FloatArray | None:
        """Return how far off `predict` should be: predictive standard deviations in the ratings' own unit, or None.

        Float32 of shape (n,), before ratings are clipped to the scale; arguments as of `predict`. None of a model that
        does not know how sure it is.
        """
        return None

    def clipped(self, ratings: FloatArray) -> FloatArray:
        """Return ratings within the scale."""
        return np.clip(ratings, *self._limits)

    def biases_of(self, observed: sparse.csr_array) -> bias.Bias:
        """Return the biases that predict pairs with unknown items, for users with these ratings; see `fold_in`."""
        return self._bias.fold_in(observed, self._damping())

    @abstractmethod
    def _damping(self) -> float:
        """Return the number of pseudo-ratings at the mean added to each user and item."""

    def _in_spreads(self, ratings: sparse.csr_array) -> sparse.csr_array:
        """Return ratings, or what is left of them, in units of the standard deviation of the training ratings."""
        scaled = ratings.copy()
        scaled.data = (ratings.data / self._spread).astype(np.float32)
        return scaled

    @abstractmethod
    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return predicted ratings of known pairs, shape (n,)."""

    def _predict_on(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        """Return what `_predict` does, for days; a model that learns from dates overrides this."""
        return self._predict(users, items)

    def _score(self, users: IntArray) -> FloatArray:
        n_items = self.known.shape[1]
        pairs = np.repeat(users, n_items), np.tile(np.arange(n_items, dtype=np.int32), len(users))
        return self._predict(*pairs).reshape(len(users), n_items)

    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing folder; see `Recommender.save`."""
        super().save(folder)
        arrays.write(folder / "bias.npz", self.prepared())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote; see `Recommender.load`."""
        model = super().load(folder)
        model.restore_prepared(arrays.read(folder / "bias.npz"))
        return model

    def prepared(self) -> Arrays:
        """Return what every rating model knows of its training part beside what it learns itself, by name."""
        mean, spread = np.array(self._bias.mean), np.array(self._spread)
        biases: Arrays = {"mean": mean, "spread": spread, "user": self._bias.user, "item": self._bias.item}
        return biases | {"limits": self._limits}

    def restore_prepared(self, arrays: Arrays) -> None:
        """Take back what `prepared` gave."""
        self._bias = bias.Bias(float(arrays["mean"]), arrays["user"], arrays["item"])
        self._limits, self._spread = arrays["limits"], float(arrays["spread"])
