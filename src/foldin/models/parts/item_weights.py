"""What item-item models share: a score is the sum of the weights from a user's items to the item in question.

score(u, i) = Σ over j that u has rated of W[j, i]. What a user has rated is all that such a model needs to know of
them, so that new users are scored as training users are. Values of ratings are not read: a rated item is a 1.

Rows are spread over threads, each thread's sums are its own, and none is split: results depend on no thread count.
"""

from abc import abstractmethod

import numba
import numpy as np
import psutil
from scipy import sparse

from foldin.core.compiled import compiled
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.models.parts.portable import Matrix, Portable
from foldin.models.parts.recommender import Arrays, Recommender

GIGABYTE = 2**30


class LacksMemoryError(FoldinError):
    """Raised where too little memory is free just now: nothing that a result may depend on."""


def beyond(n_items: int, cell_bytes: int, gigabytes: float) -> str | None:
    """Return why the matrices of all pairs of items are larger than allowed; None if they are not.

    Parameters
    ----------
    n_items : int
        Size of the catalogue, n.
    cell_bytes : int
        What the model holds at its peak for each of the n² pairs.
    gigabytes : float
        What it may take (GiB).
    """
    return _more_than(gigabytes, f"`gigabytes` allows {gigabytes:g} GB", n_items, cell_bytes)


def refuse_beyond_memory(name: str, n_items: int, cell_bytes: int, gigabytes: float) -> None:
    """Refuse to fit a model whose matrices of all pairs of items would not fit into memory; call before making them.

    Parameters
    ----------
    name : str
        The model.
    n_items, cell_bytes, gigabytes
        See `beyond`; free memory of the machine is a limit, too.

    Raises
    ------
    FoldinError
        When it needs more than either: says how much, and what to do.
    """
    free = psutil.virtual_memory().available / GIGABYTE
    lacking = _more_than(free, f"this machine has {free:.1f} GB free", n_items, cell_bytes)
    not_allowed = beyond(n_items, cell_bytes, gigabytes)
    reason = not_allowed or lacking
    if reason is None:
        return
    kind = FoldinError if not_allowed else LacksMemoryError
    raise kind(
        f"{name}: {reason}",
        where="params.yaml",
        remedy=("" if lacking else "raise `gigabytes`, ") + "drop rare items (subset.k_core), or leave its family out "
        "of `families` and take `neighbours`, which holds the nearest items only",
    )


def _more_than(limit: float, said: str, n_items: int, cell_bytes: int) -> str | None:
    needed = n_items**2 * cell_bytes / GIGABYTE
    return None if needed <= limit else f"it needs {needed:.1f} GB for all pairs of {n_items:,} items, and {said}"


class ItemWeights(Recommender):
    """A model of item-item weights."""

    _weights: Matrix

    def portable(self) -> Portable:
        """Return the weights; see `Portable`."""
        return Portable(item_weights=self._weights)

    def _score(self, users: IntArray) -> FloatArray:
        return self._fold_in(self.known[users])

    @abstractmethod
    def column(self, item: int) -> FloatArray:
        """Return the weights from every item to one, shape (n_items,)."""

    def strongest(self, item: int, k: int) -> IntArray:
        """Return the k items that speak most for an item: those of the largest positive weights to it.

        Parameters
        ----------
        item : int
            The item.
        k : int
            How many, at most.

        Returns
        -------
        ndarray of int32, shape (at most k,)
            Items by weight, the largest first, ties by index.
        """
        weights = self.column(item)
        best = np.argsort(-weights, kind="stable")[:k]
        return best[weights[best] > 0].astype(np.int32)


class DenseItemWeights(ItemWeights):
    """Weights between all pairs of items: `_weights`, float32, shape (n_items, n_items), from row to column."""

    _weights: FloatArray

    def column(self, item: int) -> FloatArray:
        """Return the weights from every item to one, shape (n_items,)."""
        return self._weights[:, item]

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return sums_of_rows(ratings.indptr, ratings.indices, self._weights)

    def _arrays(self) -> Arrays:
        return {"weights": self._weights}

    def _restore(self, arrays: Arrays) -> None:
        self._weights = arrays["weights"]


class SparseItemWeights(ItemWeights):
    """Weights between few pairs of items: `_weights`, float32, shape (n_items, n_items), from row to column."""

    _weights: sparse.csr_array

    def column(self, item: int) -> FloatArray:
        """Return the weights from every item to one, shape (n_items,)."""
        found: FloatArray = self._weights[:, [item]].toarray()[:, 0]
        return found

    def n_weights(self) -> int:
        """Return the number of pairs of items that have a weight."""
        return int(self._weights.nnz)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        ones = np.ones(ratings.nnz, dtype=np.float32)
        return weighted_sums(ratings.indptr, ratings.indices, ones, *parts(self._weights), self._weights.shape[1])

    def _arrays(self) -> Arrays:
        return dict(zip(("starts", "columns", "values"), parts(self._weights), strict=True))

    def _restore(self, arrays: Arrays) -> None:
        n_items = len(arrays["starts"]) - 1
        self._weights = sparse.csr_array(
            (arrays["values"], arrays["columns"], arrays["starts"]), shape=(n_items, n_items)
        )


def parts(matrix: sparse.csr_array) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the starts of rows, the columns and the values (float32) of a sparse matrix, for compiled functions."""
    return matrix.indptr, matrix.indices, matrix.data.astype(np.float32, copy=False)


@compiled(parallel=True)
def sums_of_rows(starts: IntArray, columns: IntArray, weights: FloatArray) -> FloatArray:
    """Return for each row of a sparse matrix the sum of the rows of `weights` that its cells name.

    Parameters
    ----------
    starts : ndarray of int32, shape (n + 1,)
        Where each row's cells start and end.
    columns : ndarray of int32, shape (n_cells,)
        The column of each cell.
    weights : ndarray of float32, shape (n_columns, width)
        What is added up.

    Returns
    -------
    ndarray of float32, shape (n, width)
        The sums, each in the order of its cells.
    """
    width = weights.shape[1]
    sums = np.zeros((len(starts) - 1, width), dtype=np.float32)
    for row in numba.prange(len(starts) - 1):
        for cell in range(starts[row], starts[row + 1]):
            column = columns[cell]
            for place in range(width):
                sums[row, place] += weights[column, place]
    return sums


@compiled(parallel=True)
def weighted_sums(
    starts: IntArray,
    columns: IntArray,
    values: FloatArray,
    other_starts: IntArray,
    other_columns: IntArray,
    other_values: FloatArray,
    width: int,
) -> FloatArray:
    """Return the product of two sparse matrices as a dense one, shape (n, width), each sum in the order of cells."""
    sums = np.zeros((len(starts) - 1, width), dtype=np.float32)
    for row in numba.prange(len(starts) - 1):
        for cell in range(starts[row], starts[row + 1]):
            column, value = columns[cell], values[cell]
            for place in range(other_starts[column], other_starts[column + 1]):
                sums[row, other_columns[place]] += value * other_values[place]
    return sums


@compiled(parallel=True)
def count_pairs(
    starts: IntArray, users: IntArray, user_starts: IntArray, items: IntArray, into: Values | FloatArray
) -> None:
    """Count for each pair of items the users who have rated both: XᵀX of a matrix X of ones.

    Parameters
    ----------
    starts, users : ndarray of int32
        The users of each item, as rows of a sparse matrix (items × users).
    user_starts, items : ndarray of int32
        The items of each user, as rows of a sparse matrix (users × items).
    into : ndarray of float32 or float64, shape (n_items, n_items)
        Zeros; gets the counts, exact up to 2²⁴ users in float32.
    """
    for item in numba.prange(len(starts) - 1):
        for cell in range(starts[item], starts[item + 1]):
            user = users[cell]
            for place in range(user_starts[user], user_starts[user + 1]):
                into[item, items[place]] += 1
