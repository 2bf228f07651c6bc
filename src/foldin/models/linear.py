"""Linear item-item models: the weights that predict each item's column of the user-item matrix from the others.

All three solve the same regression of the matrix X of ones on itself, each item's weight to itself being 0:

- `ease` with a penalty on squares, which has an answer in closed form: one inverse of an n × n matrix;
- `edlae` with a penalty that grows with an item's popularity, what random dropout of X comes to on average;
- `slim` with a penalty on absolute values too, and no weight below 0: few weights remain, found by coordinate descent.
"""

import numba
import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from foldin.core.bounds import Dropout, Gigabytes, PositivePenalty, Sweeps
from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, Interactions, Values
from foldin.core.loops import Blocks
from foldin.core.params import Section
from foldin.core.progress import tick
from foldin.models.parts.item_weights import (
    DenseItemWeights,
    SparseItemWeights,
    beyond,
    count_pairs,
    refuse_beyond_memory,
)
from foldin.models.parts.recommender import DivergedError, Recommender

BLOCK_ITEMS = 256
"""Items whose weights `slim` finds at once; bounds memory and changes no weight."""
DENSE_BYTES, COUNT_BYTES = 8, 4
"""Bytes for each pair of items at the peak: the inverse in double precision; the counts of pairs."""
SETTLED = 1e-4
"""`slim` ends an item's descent after a sweep in which no weight has changed by more."""


class Ease(DenseItemWeights):
    """`ease`: minimizes |X − XB|² + λ |B|² over all B with zeros on the diagonal.

    With P = (XᵀX + λI)⁻¹ the answer is B[j, i] = −P[j, i] / P[i, i] (Steck 2019). P is computed in double precision, by
    Cholesky decomposition in place on one thread, and B takes its place; the peak is 8 bytes for each pair of items, 4
    of which are kept.
    """

    class Settings(Section):
        """Settings of `ease`."""

        regularization: PositivePenalty
        gigabytes: Gigabytes

    settings: Settings
    seeded = False
    about = "EASE: a linear autoencoder whose item-item weights have a closed form (Steck 2019); ranks only."

    def too_large(self, n_users: int, n_items: int) -> str | None:
        """Return why `gigabytes` allows no training; see `Recommender.too_large`."""
        return beyond(n_items, DENSE_BYTES, self.settings.gigabytes)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        refuse_beyond_memory(self.name, train.n_items, DENSE_BYTES, self.settings.gigabytes)
        pairs = np.zeros((train.n_items, train.n_items))
        by_item = train.ratings.T.tocsr()
        count_pairs(by_item.indptr, by_item.indices, train.ratings.indptr, train.ratings.indices, pairs)
        counts = np.diag(pairs).copy()
        np.fill_diagonal(pairs, counts + self._penalties(counts))
        tick(f"{self.name}: inverting a matrix of {train.n_items:,} rows")
        inverted(pairs)
        self._weights = weights_in_place(pairs)

    def _penalties(self, counts: Values) -> Values:
        """Return the penalty of the weights from each item, shape (n_items,), by its number of users."""
        return np.full_like(counts, self.settings.regularization)


class Edlae(Ease):
    """`edlae`: as `ease`, with an item's penalty λ + p / (1 − p) · (its number of users).

    That is what it costs on average to reconstruct X from a copy in which each 1 is dropped with probability p, where a
    model must not lean on the item itself (Steck 2020). A popular item so speaks for others less.
    """

    class Settings(Ease.Settings):
        """Settings of `edlae`."""

        dropout: Dropout

    settings: Settings
    about = "EDLAE: EASE with dropout of a user's items, in closed form (Steck 2020); ranks only."

    def _penalties(self, counts: Values) -> Values:
        return self.settings.regularization + self.settings.dropout / (1 - self.settings.dropout) * counts


class Slim(SparseItemWeights):
    """`slim`: minimizes ½ |x − Xw|² + l2/2 |w|² + l1 |w|₁ over w ≥ 0 for each item's column x, its own weight 0.

    Coordinate descent (Ning and Karypis 2011; Friedman et al. 2010) on the counts of pairs, so that a step costs the
    same for any number of users. The peak is 4 bytes for each pair of items, and those of the weights that are not 0.
    """

    class Settings(Section):
        """Settings of `slim`."""

        l1: PositivePenalty
        l2: PositivePenalty
        sweeps: Sweeps
        gigabytes: Gigabytes

    settings: Settings
    seeded = False
    about = "SLIM: sparse, non-negative item-item weights from an elastic net (Ning and Karypis 2011); ranks only."

    def too_large(self, n_users: int, n_items: int) -> str | None:
        """Return why `gigabytes` allows no training; see `Recommender.too_large`."""
        return beyond(n_items, COUNT_BYTES, self.settings.gigabytes)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        n_items = train.n_items
        refuse_beyond_memory(self.name, n_items, COUNT_BYTES, self.settings.gigabytes)
        pairs = np.zeros((n_items, n_items), dtype=np.float32)
        by_item = train.ratings.T.tocsr()
        count_pairs(by_item.indptr, by_item.indices, train.ratings.indptr, train.ratings.indices, pairs)
        found = []
        shown = Blocks(f"{self.name}: weights to item", n_items)
        for first in range(0, n_items, BLOCK_ITEMS):
            shown.begin(first)
            size = min(BLOCK_ITEMS, n_items - first)
            block = elastic_nets(pairs, first, size, self.settings.l1, self.settings.l2, self.settings.sweeps, SETTLED)
            found.append(sparse.csr_array(block.astype(np.float32)))
        self._weights = sparse.vstack(found, format="csr").T.tocsr()


def inverted(matrix: Values) -> Values:
    """Invert a symmetric positive definite matrix in place, on one thread: sums of OpenBLAS follow their number.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n), in C order
        Is overwritten.

    Returns
    -------
    ndarray of float64, shape (n, n)
        The same memory, the inverse in its upper triangle; what is below has no meaning.

    Raises
    ------
    DivergedError
        When the matrix is not positive definite.
    """
    with threadpool_limits(1, user_api="blas"):
        # LAPACK reads columns first: to it, the upper triangle is the lower.
        factor, failed = lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed == 0:
            inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise DivergedError("the counts of pairs have no inverse", where="params.yaml", remedy="raise `regularization`")
    upper: Values = inverse.T
    return upper


def weights_in_place(inverse: Values) -> FloatArray:
    """Return −P[j, i] / P[i, i], 0 on the diagonal, of the upper triangle of a symmetric P, in half of its memory.

    Parameters
    ----------
    inverse : ndarray of float64, shape (n, n), in C order
        Owns its memory; no other array may share it. It is of no use afterwards.

    Returns
    -------
    ndarray of float32, shape (n, n)
        The weights; the other half of the memory is given back.
    """
    size = len(inverse)
    _mirror(inverse)
    diagonal = np.diag(inverse).copy()
    # Row r goes to where row r / 2 was, which has been read by then.
    weights = inverse.reshape(-1).view(np.float32)[: size * size].reshape(size, size)
    for row in range(size):
        weights[row] = -inverse[row] / diagonal
        weights[row, row] = 0
    del weights
    inverse.resize((size * size + 1) // 2, refcheck=False)  # makes no copy of what is left, as a slice's copy would
    shrunk: FloatArray = inverse.view(np.float32)[: size * size].reshape(size, size)
    return shrunk


@compiled(parallel=True)
def _mirror(matrix: Values) -> None:
    """Copy the upper triangle of a matrix below its diagonal."""
    for row in numba.prange(len(matrix)):
        for column in range(row):
            matrix[row, column] = matrix[column, row]


@compiled(parallel=True)
def elastic_nets(pairs: FloatArray, first: int, size: int, l1: float, l2: float, sweeps: int, settled: float) -> Values:
    """Return the weights to some items, each by coordinate descent on the counts of pairs.

    Parameters
    ----------
    pairs : ndarray of float32, shape (n_items, n_items)
        XᵀX.
    first, size : int
        The items first … first + size − 1.
    l1, l2 : float
        Penalties of absolute weights and of half their squares.
    sweeps : int
        Most passes over the weights of an item.
    settled : float
        The descent ends after a pass in which no weight changes by more.

    Returns
    -------
    ndarray of float64, shape (size, n_items)
        Row r: the weights from every item to item first + r.
    """
    n_items = len(pairs)
    found = np.zeros((size, n_items))
    for row in numba.prange(size):
        item = first + row
        weights = found[row]
        # What is still to be explained, by items: Xᵀ(x − Xw).
        left = pairs[item].astype(np.float64)
        # No count and no weight is negative, so that `left` only falls: at most l1 at the start, a weight stays 0.
        chosen = np.flatnonzero(left > l1)
        for _ in range(sweeps):
            largest = 0.0
            for other in chosen:
                if other == item:
                    continue
                old, count = weights[other], np.float64(pairs[other, other])
                new = max(0.0, (left[other] + count * old - l1) / (count + l2))
                if new != old:
                    weights[other] = new
                    change = new - old
                    for place in range(n_items):
                        left[place] -= change * pairs[other, place]
                    largest = max(largest, abs(change))
            if largest <= settled:
                break
    return found


MODELS: dict[str, type[Recommender]] = {"ease": Ease, "edlae": Edlae, "slim": Slim}
