"""What factor models have in common: training by epochs with early stopping, and ratings as biases plus a dot product.

`train_by_epochs` is the loop. `BiasedFactors` is the rating model of Koren, Bell and Volinsky (2009): a rating is
mean + user bias + item bias + user factors · item factors. Its subclasses learn the factors, each in its own way.
"""

import itertools
from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import ValidationInfo, field_validator
from scipy import sparse

from foldin import metrics
from foldin.core.bounds import Damping, Epochs, LearningRate, Patience, Penalty, Spread, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.core.loops import Loop
from foldin.core.params import Section
from foldin.models.parts.portable import Portable
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, DivergedError, Recommender

Factors = npt.NDArray[np.float64] | npt.NDArray[np.float32]
BLOCK_PAIRS = 65_536
"""Pairs predicted at once; bounds memory, changes no metric."""


def row_dots(left: Factors, rows: IntArray, right: Factors, columns: IntArray) -> FloatArray:
    """Return left[rows[n]] · right[columns[n]] of every n.

    Parameters
    ----------
    left, right : ndarray of float64 or float32, shape (n_users, k) and (n_items, k)
        Factors.
    rows, columns : ndarray of int, shape (n,)
        Pairs of indices.

    Returns
    -------
    ndarray of float32, shape (n,)
        The dot products.
    """
    dots = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), BLOCK_PAIRS):
        block = slice(start, start + BLOCK_PAIRS)
        dots[block] = np.einsum("nf,nf->n", left[rows[block]], right[columns[block]])
    return dots


class EpochSettings(Section):
    """Settings of every model trained by epochs."""

    epochs: Epochs
    patience: Patience


class FactorSettings(EpochSettings):
    """Settings of every model whose factors are learned in epochs."""

    factors: Width


def random_factors(
    train: Interactions, factors: int, spread: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return normal factors of users and items to start from, shape (n, factors); 0 of those without a rating.

    Parameters
    ----------
    train : Interactions
        The training part.
    factors : int
        Length of the vectors.
    spread : float
        Standard deviation.
    rng : numpy.random.Generator
        Where random numbers come from: first those of users, then those of items.
    """
    by_user, by_item = np.diff(train.ratings.indptr), np.bincount(train.ratings.indices, minlength=train.n_items)
    users, items = (
        rng.normal(scale=spread, size=(len(counts), factors)) * (counts > 0)[:, None] for counts in (by_user, by_item)
    )
    return users, items


def train_by_epochs(
    model: Recommender,
    settings: EpochSettings,
    *,
    step: Callable[[int], dict[str, float] | None],
    watch: Callable[[], dict[str, float]],
    weights: Sequence[Factors],
    choose_by: str,
    higher_is_better: bool = False,
    choosing: bool,
) -> None:
    """Train a model epoch by epoch, fill its `history`, and keep the weights of the best epoch.

    Parameters
    ----------
    model : Recommender
        Its `history` and `epochs` are set here.
    settings : EpochSettings
        The model's own.
    step : callable
        Called with each epoch (from 1); changes `weights` in place. It may return metrics that cost it nothing, such
        as the objective it has come down to; they are kept with those watched.
    watch : callable
        Returns the metrics watched, after each epoch; not called where all is chosen (in `Recommender.refit`), because
        computing them can take longer than the epoch.
    weights : sequence of ndarray of float64 or float32
        Everything learned.
    choose_by : str
        The metric by which the best epoch is chosen.
    higher_is_better : bool, optional
        Whether that metric is better when higher.
    choosing : bool
        Whether there is a validation part to choose on. Then training stops when `settings.patience` epochs in a
        row brought nothing better (0: never), and ends with the weights of the best epoch (0: the last). Else it
        runs for `model.epochs`, chosen before, or all epochs of the settings.

    Raises
    ------
    DivergedError
        When a weight is no longer a finite number.
    """
    last = settings.epochs if choosing or model.epochs is None else model.epochs
    stopping_early = choosing and settings.patience > 0
    chosen = not choosing and model.epochs is not None
    best, best_value, best_weights = 0, np.inf, [array.copy() for array in weights]
    loop = Loop(f"{model.name}: epoch", last, at_most=stopping_early)
    for epoch in range(1, last + 1):
        loop.begin(epoch, model.history, choose_by)
        reported = step(epoch) or {}
        if not all(np.isfinite(array).all() for array in weights):
            raise DivergedError(
                f"{model.name} diverged in epoch {epoch}",
                where="params.yaml",
                remedy="lower its learning rate or initial spread, or raise its regularization",
            )
        noted = {} if chosen else watch()
        model.history.append({"epoch": epoch, **reported, **noted})
        if model.after_epoch is not None:
            model.after_epoch(model.history[-1])
        if not stopping_early:
            continue
        value = -noted[choose_by] if higher_is_better else noted[choose_by]
        if value < best_value:
            best, best_value, best_weights = epoch, value, [array.copy() for array in weights]
        elif epoch - best >= settings.patience:
            break
    if stopping_early:
        for array, kept in zip(weights, best_weights, strict=True):
            array[...] = kept
    if choosing:
        model.epochs = best if stopping_early else last


class BiasedFactors(RatingRecommender):
    """Ratings as mean + user bias + item bias + user factors · item factors.

    A user or an item without a training rating has bias and factors 0. Mean, biases and factors are those of ratings
    in units of their spread.
    """

    class Settings(FactorSettings):
        """Settings of every such model."""

        damping: Damping

    settings: Settings

    def _damping(self) -> float:
        return self.settings.damping

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        scaled = train.with_ratings(self._in_spreads(train.ratings))
        self._mean = float(scaled.ratings.data.mean(dtype=np.float64))
        rng = np.random.default_rng(self.seed)
        self._start(scaled, rng)

        def watch() -> dict[str, float]:
            parts = {"train": train, "validation": validation}
            return {f"{name}_rmse": self._rmse(part) for name, part in parts.items() if part is not None}

        train_by_epochs(
            self,
            self.settings,
            step=lambda epoch: self._step(scaled, rng),
            watch=watch,
            weights=self._weights(),
            choose_by="validation_rmse",
            choosing=validation is not None,
        )

    @abstractmethod
    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        """Set biases, shape (n,), and factors, shape (n, settings.factors), of users and items."""

    @abstractmethod
    def _step(self, train: Interactions, rng: np.random.Generator) -> dict[str, float] | None:
        """Learn for one epoch: change biases and factors in place, and return what `step` of `train_by_epochs` may."""

    def _weights(self) -> tuple[Factors, ...]:
        """Return everything learned, arrays that `_step` changes in place."""
        return self._user_bias, self._item_bias, self._user_factors, self._item_factors

    def _implied_by(self, items: IntArray) -> Values:
        """Return the factors, shape (factors,), that users have by having rated these items, whatever the ratings."""
        return np.zeros(self._item_factors.shape[1])

    def _penalties(self, n_ratings: int) -> tuple[float, float] | None:
        """Return the weights of the squared bias and factors of a user with so many ratings, beside squared errors.

        None where a user's weights are no such minimum: then no users can be folded in.
        """
        return None

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """With the items' factors fixed, a user is a ridge regression; without penalty, the shortest solution."""
        ratings = self._in_spreads(ratings)
        features = np.column_stack([np.ones(len(self._item_factors)), self._item_factors])
        residuals = ratings.data - self._mean - self._item_bias[ratings.indices]
        weights = np.zeros((ratings.shape[0], features.shape[1]))
        for row, (start, end) in enumerate(itertools.pairwise(ratings.indptr)):
            penalties = self._penalties(int(end - start))
            if penalties is None:
                return super()._fold_in(ratings)
            bias, factors = penalties
            penalty = np.diag(np.sqrt(np.r_[bias, np.full(features.shape[1] - 1, factors)]))
            items = ratings.indices[start:end]
            implied = self._implied_by(items)
            targets = np.r_[residuals[start:end] - self._item_factors[items] @ implied, np.zeros(len(penalty))]
            weights[row] = np.linalg.lstsq(np.vstack([features[items], penalty]), targets)[0]
            weights[row, 1:] += implied
        scores: FloatArray = (self._spread * (self._mean + self._item_bias + weights @ features.T)).astype(np.float32)
        return scores

    def _rmse(self, part: Interactions) -> float:
        users, items, ratings = part.triples()
        return metrics.rmse(ratings, self.predict(users, items))

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        biases = self._mean + self._user_bias[users] + self._item_bias[items]
        tastes = row_dots(self._user_factors, users, self._item_factors, items)
        return (self._spread * (biases + tastes)).astype(np.float32)

    def _score(self, users: IntArray) -> FloatArray:
        biases = self._mean + self._user_bias[users, None] + self._item_bias
        scores: FloatArray = self._spread * (biases + self._user_factors[users] @ self._item_factors.T)
        return scores.astype(np.float32)

    def item_factors(self) -> Factors:
        """Return the factors of all items, shape (n_items, factors)."""
        return self._item_factors

    def portable(self) -> Portable:
        """Return biases and factors, in the unit of the ratings; see `Portable`."""
        return Portable(
            user_biases=self._spread * (self._mean + self._user_bias),
            item_biases=self._spread * self._item_bias,
            user_vectors=self._spread * self._user_factors,
            item_vectors=self._item_factors,
        )

    def _arrays(self) -> Arrays:
        return {
            "mean": np.array(self._mean),
            "user_bias": self._user_bias,
            "item_bias": self._item_bias,
            "user_factors": self._user_factors,
            "item_factors": self._item_factors,
        }

    def _restore(self, arrays: Arrays) -> None:
        self._mean = float(arrays["mean"])
        self._user_bias, self._item_bias = arrays["user_bias"], arrays["item_bias"]
        self._user_factors, self._item_factors = arrays["user_factors"], arrays["item_factors"]


class DescentSettings(BiasedFactors.Settings):
    """Settings of every model of biases and factors that learns by stochastic gradient descent."""

    learning_rate: LearningRate
    l2: Penalty
    initial_spread: Spread

    @field_validator("l2", "implicit_l2", check_fields=False)
    @classmethod
    def _keeps_signs(cls, l2: float, others: ValidationInfo) -> float:
        if l2 * others.data.get("learning_rate", 0) >= 1:
            raise ValueError("times learning_rate it must be below 1, or each step turns all factors round")
        return l2
