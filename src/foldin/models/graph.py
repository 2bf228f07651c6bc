"""Graph filtering without training: users and items are a graph, a user's items are a signal on it, and it is smoothed.

`gf-cf` filters the signal twice. The linear filter spreads it one round of the graph: from items to the users who rated
them, and on to the items of those users, each edge divided by the root of the degrees at its ends. The ideal low-pass
filter keeps only the smoothest directions, in which neighbours on the graph agree most: the largest singular vectors.
"""

import numpy as np
from scipy import sparse

from foldin.core.bounds import FilterWeight, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.core.params import Section
from foldin.models.parts.decompositions import by_lanczos
from foldin.models.parts.item_weights import parts, weighted_sums
from foldin.models.parts.nearest import transposed
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender


class GraphFilter(Recommender):
    """`gf-cf`: r R̃ᵀR̃ + w r D^(−½) V Vᵀ D^½ of a user's row r of ones.

    R̃ is the matrix of ones, each divided by √(ratings of its user · ratings of its item); V are the first right
    singular vectors of R̃, and D are the ratings of items (Shen et al. 2021). Values of ratings are not read. No matrix
    of all pairs of items is made, so that memory is that of the ratings and of V.
    """

    class Settings(Section):
        """Settings of `gf-cf`; a small matrix may have fewer factors than asked for."""

        factors: Width
        ideal_weight: FilterWeight

    settings: Settings
    about = (
        "GF-CF: a linear and an ideal low-pass filter on the user-item graph, without training (Shen et al. 2021); "
        "ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self._make_graph()
        factors = max(1, min(self.settings.factors, min(self.known.shape) - 1))
        singular, self._smooth = by_lanczos(self._edges.astype(np.float64), factors, self.seed)
        # Directions of no weight are whatever the search began with; a graph of few edges has them.
        self._smooth[singular < 1e-6 * singular[0]] = 0

    def _make_graph(self) -> None:
        users, items = (np.maximum(np.diff(rows.indptr), 1) for rows in (self.known, transposed(self.known)))
        self._root: Values = np.sqrt(items.astype(np.float64))
        edges = 1 / (np.repeat(np.sqrt(users), np.diff(self.known.indptr)) * self._root[self.known.indices])
        self._edges = sparse.csr_array(
            (edges.astype(np.float32), self.known.indices, self.known.indptr), shape=self.known.shape
        )
        self._to_users = transposed(self._edges)

    def directions(self) -> Values:
        """Return the smoothest directions, an item's place along each, shape (factors, n_items)."""
        return self._smooth

    def frequencies(self) -> Values:
        """Return how far neighbours on the graph disagree along each direction: 0 not at all, 1 wholly.

        Returns
        -------
        ndarray of float64, shape (factors,)
            1 minus the square of the direction's singular value.
        """
        along: Values = np.asarray(self._edges @ self._smooth.T, dtype=np.float64)
        frequencies: Values = 1 - np.sum(along**2, axis=0)
        return frequencies

    def _score(self, users: IntArray) -> FloatArray:
        return self._fold_in(self.known[users])

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return self.linear(ratings) + np.float32(self.settings.ideal_weight) * self.ideal(ratings)

    def linear(self, ratings: sparse.csr_array) -> FloatArray:
        """Return what the linear filter makes of rows of ratings, shape (n, n_items)."""
        rated = sparse.csr_array(
            (np.ones(ratings.nnz, np.float32), ratings.indices, ratings.indptr), shape=ratings.shape
        )
        near = sparse.csr_array(rated @ self._to_users)
        near.sort_indices()
        return weighted_sums(*parts(near), *parts(self._edges), self.known.shape[1])

    def ideal(self, ratings: sparse.csr_array) -> FloatArray:
        """Return what the ideal low-pass filter makes of rows of ratings, shape (n, n_items)."""
        kept: FloatArray = (self._along(ratings) @ (self._smooth * self._root)).astype(np.float32)
        return kept

    def _along(self, ratings: sparse.csr_array) -> Values:
        """Return the places of rows of ratings along the smoothest directions, shape (n, factors)."""
        cells = 1 / self._root[ratings.indices]
        rated = sparse.csr_array((cells, ratings.indices, ratings.indptr), shape=ratings.shape)
        along: Values = np.asarray(rated @ self._smooth.T, dtype=np.float64)
        return along

    def portable(self) -> Portable:
        """Return the graph for the linear filter, and vectors for the ideal one; see `Portable`."""
        return Portable(
            edges=self._edges,
            user_vectors=self.settings.ideal_weight * self._along(self.known),
            item_vectors=(self._smooth * self._root).T,
        )

    def _arrays(self) -> Arrays:
        return {"smooth": self._smooth}

    def _restore(self, arrays: Arrays) -> None:
        self._smooth = arrays["smooth"]
        self._make_graph()


MODELS: dict[str, type[Recommender]] = {"gf-cf": GraphFilter}
