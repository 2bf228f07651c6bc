"""Baselines: what a recommender must beat. None of them knows a user's personal taste."""

import itertools
import math

import numpy as np
from scipy import sparse

from foldin.core.bounds import Damping
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.core.params import Section
from foldin.models.parts.portable import Portable
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, Recommender


class GlobalMean(RatingRecommender):
    """Predicts the mean training rating for everyone and everything."""

    seeded = False
    about = "Predicts the mean training rating for every pair."

    def _damping(self) -> float:
        # Biases damped without end are 0, so that pairs with an unknown user or item get the mean too.
        return math.inf

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        return

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        return self._bias.predict(users, items)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return self._bias.fold_in(ratings, self._damping()).grid(np.arange(ratings.shape[0], dtype=np.int32))

    def portable(self) -> Portable:
        """Return the biases; see `Portable`."""
        return Portable(user_biases=self._bias.of_users(), item_biases=self._bias.item)

    def _arrays(self) -> Arrays:
        return {}

    def _restore(self, arrays: Arrays) -> None:
        return


class DampedBias(GlobalMean):
    """Predicts mean + user bias + item bias; see `foldin.models.parts.bias`."""

    class Settings(Section):
        """Settings of `bias`."""

        damping: Damping

    settings: Settings
    about = "The mean plus a damped bias of the user and of the item (Koren 2010); every user gets the same ranking."

    def _damping(self) -> float:
        return self.settings.damping

    def user_biases(self) -> FloatArray:
        """Return the bias of every user, shape (n_users,), in the unit of the ratings."""
        return self._bias.user

    def item_biases(self) -> FloatArray:
        """Return the bias of every item, shape (n_items,), in the unit of the ratings."""
        return self._bias.item


class Popularity(Recommender):
    """Ranks items by how many training ratings they have."""

    seeded = False
    about = "Training ratings of an item, the same for every user: hard to beat if users mostly see popular items."

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        counts = np.bincount(train.ratings.indices, minlength=train.n_items)
        self._counts = counts.astype(np.float32)

    def counts(self) -> FloatArray:
        """Return the number of training ratings of every item, shape (n_items,)."""
        return self._counts

    def portable(self) -> Portable:
        """Return the counts, as biases of items; see `Portable`."""
        return Portable(item_biases=self._counts)

    def _score(self, users: IntArray) -> FloatArray:
        return np.tile(self._counts, (len(users), 1))

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return np.tile(self._counts, (ratings.shape[0], 1))

    def _arrays(self) -> Arrays:
        return {"counts": self._counts}

    def _restore(self, arrays: Arrays) -> None:
        self._counts = arrays["counts"]


class Random(Recommender):
    """Ranks items by chance: the floor of every ranking metric."""

    about = "Random scores from a seed: the metrics that chance gives."

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        return

    def portable(self) -> Portable:
        """Return the seed; see `Portable`."""
        return Portable(seed=self.seed)

    def _score(self, users: IntArray) -> FloatArray:
        n_items = self.known.shape[1]
        # A generator for each user: a pair's score is the same in whatever block it is asked for.
        rows = [np.random.default_rng([self.seed, user]).random(n_items, dtype=np.float32) for user in users]
        return np.stack(rows) if rows else np.empty((0, n_items), dtype=np.float32)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        # A new user is known by their ratings, so that scores do not depend on who is asked for beside them.
        observed = [ratings.indices[start:end] for start, end in itertools.pairwise(ratings.indptr)]
        rows = [
            np.random.default_rng([self.seed, *items]).random(ratings.shape[1], dtype=np.float32) for items in observed
        ]
        return np.stack(rows) if rows else np.empty(ratings.shape, dtype=np.float32)

    def _arrays(self) -> Arrays:
        return {}

    def _restore(self, arrays: Arrays) -> None:
        return


MODELS: dict[str, type[Recommender]] = {
    "global-mean": GlobalMean,
    "bias": DampedBias,
    "popularity": Popularity,
    "random": Random,
}
