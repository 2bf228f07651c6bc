"""Neighbourhood models: users who rated the same items, and items that the same users rated.

- `item-knn` recommends the items nearest to a user's own, by cosine or correlation;
- `user-knn` recommends what the nearest users rated;
- `rp3beta` recommends what a random walk of three steps from a user reaches: to one of their items, to another user who
  rated it, and on to another item; exponents limit the weight of active users and popular items.

Each keeps the k nearest only, so memory grows with the catalogue, not with its square. The models do not read the
values of ratings.
"""

from typing import Literal

import numpy as np
from scipy import sparse

from foldin.core.bounds import Neighbours, Shrinkage, WalkExponent
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.core.params import Section
from foldin.models.parts import nearest
from foldin.models.parts.item_weights import SparseItemWeights, parts, weighted_sums
from foldin.models.parts.nearest import transposed
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender


class SimilaritySettings(Section):
    """Settings of `item-knn` and `user-knn`."""

    neighbours: Neighbours
    similarity: Literal["cosine", "correlation"]
    shrinkage: Shrinkage


class ItemKNN(SparseItemWeights):
    """`item-knn`: an item's score is the sum of its similarities to those of a user's items that are among its nearest.

    The nearest are those of the item that is scored, k at most, so that a popular item cannot be near to all others.
    """

    class Settings(SimilaritySettings):
        """Settings of `item-knn`."""

    settings: Settings
    seeded = False
    about = (
        "Item-based nearest neighbours on who rated what (Sarwar et al. 2001; Deshpande and Karypis 2004); ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self._weights = transposed(self._nearest(transposed(train.ratings)))

    def _nearest(self, by_item: sparse.csr_array) -> sparse.csr_array:
        """Return the similarities of each item's nearest items, shape (n_items, n_items), float32."""
        given = self.settings.similarity, self.settings.shrinkage, self.settings.neighbours
        return nearest.similar(
            by_item, by_item, *given, among_themselves=True, doing=f"{self.name}: neighbours of item"
        )


class UserKNN(Recommender):
    """`user-knn`: an item's score is the sum of the similarities of a user's nearest users who have rated it."""

    class Settings(SimilaritySettings):
        """Settings of `user-knn`."""

    settings: Settings
    seeded = False
    about = "User-based nearest neighbours on who rated what (Resnick et al. 1994; Herlocker et al. 1999); ranks only."

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self._neighbours = self._nearest(train.ratings, among_themselves=True)

    def _nearest(self, rows: sparse.csr_array, *, among_themselves: bool = False) -> sparse.csr_array:
        given = self.settings.similarity, self.settings.shrinkage, self.settings.neighbours
        doing = f"{self.name}: neighbours of user"
        return nearest.similar(rows, self.known, *given, among_themselves=among_themselves, doing=doing)

    def neighbours(self) -> sparse.csr_array:
        """Return the similarities of each user's nearest users, shape (n_users, n_users), float32."""
        return self._neighbours

    def portable(self) -> Portable:
        """Return the similarities of the nearest users; see `Portable`."""
        return Portable(similar_users=self._neighbours)

    def _score(self, users: IntArray) -> FloatArray:
        return self._sums(self._neighbours[users])

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return self._sums(self._nearest(ratings))

    def _sums(self, neighbours: sparse.csr_array) -> FloatArray:
        starts, items, _ = parts(self.known)
        ones = np.ones(len(items), dtype=np.float32)
        return weighted_sums(*parts(neighbours), starts, items, ones, self.known.shape[1])

    def _arrays(self) -> Arrays:
        return dict(zip(("starts", "columns", "values"), parts(self._neighbours), strict=True))

    def _restore(self, arrays: Arrays) -> None:
        n_users = self.known.shape[0]
        self._neighbours = sparse.csr_array(
            (arrays["values"], arrays["columns"], arrays["starts"]), shape=(n_users, n_users)
        )


class RP3Beta(SparseItemWeights):
    """`rp3beta`: the weight from item j to item i is Σ over users u of both of 1 / (d_jᵅ d_uᵅ d_iᵝ); d counts ratings.

    1 / d_j and 1 / d_u are the chances of the walk from j to u and from u to i. Each item keeps its k strongest weights
    to others; `normalized` then scales them to a sum of 1, so that every item of a user counts the same.
    """

    class Settings(Section):
        """Settings of `rp3beta`."""

        neighbours: Neighbours
        alpha: WalkExponent
        beta: WalkExponent
        normalized: bool

    settings: Settings
    seeded = False
    about = (
        "RP3beta: a random walk of three steps; scores are divided by a power of popularity (Paudel et al. 2017); "
        "ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        by_item = transposed(train.ratings)
        of_users, of_items = (np.diff(cells.indptr).astype(np.float64) for cells in (train.ratings, by_item))
        alpha, beta = self.settings.alpha, self.settings.beta
        nothing = np.zeros(train.n_items)
        weights = nearest.strongest(
            by_item,
            by_item,
            np.maximum(of_users, 1) ** -alpha,
            (nothing, nothing),
            (of_items**alpha, of_items**beta),
            0.0,
            self.settings.neighbours,
            True,
            doing=f"{self.name}: neighbours of item",
        )
        if self.settings.normalized:
            sums = np.add.reduceat(np.append(weights.data.astype(np.float64), 0), weights.indptr[:-1])
            weights.data = (weights.data / np.repeat(sums, np.diff(weights.indptr))).astype(np.float32)
        self._weights = weights


MODELS: dict[str, type[Recommender]] = {"item-knn": ItemKNN, "user-knn": UserKNN, "rp3beta": RP3Beta}
