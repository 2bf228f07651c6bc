"""The nearest rows of a sparse matrix of ones, by cosine, correlation or a walk, without a matrix of all pairs.

What two rows have in common is counted row by row, over the columns of the one and back to all rows that have them. So
memory is that of the k neighbours kept. Rows are spread over threads in blocks; each row's sums are one thread's own.
The additions, whose number is known before, take the time: those of an item's users, summed over each row's items.
"""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.core.loops import Blocks

BLOCK_ROWS = 32
"""Rows that one thread goes through with the same scratch memory."""
ADDITIONS = 100_000_000
"""Additions between two looks at how far it is: some tenths of a second."""
NOTHING = 1e-9
"""A correlation this small, beside what two rows have in common, is a rounding error of 0."""


def similar(
    rows: sparse.csr_array,
    others: sparse.csr_array,
    similarity: str,
    shrinkage: float,
    k: int,
    *,
    among_themselves: bool = False,
    first: int = 0,
    doing: str | None = None,
) -> sparse.csr_array:
    """Return each row's k most similar other rows, by their cells; values are not read.

    Of rows with n and m cells, c of them in common, of N columns, the cosine is c / (√(nm) + shrinkage), and the
    correlation of the ones and zeros is (c − nm/N) / (√(n(1 − n/N) m(1 − m/N)) + shrinkage).

    Parameters
    ----------
    rows : scipy.sparse.csr_array, shape (n, n_columns)
        Whose neighbours to return.
    others : scipy.sparse.csr_array, shape (n_others, n_columns)
        Who may be a neighbour.
    similarity : str
        "cosine" or "correlation".
    shrinkage : float
        Takes from similarities that rest on few cells.
    k : int
        Most neighbours of a row.
    among_themselves : bool, optional
        Whether rows are among the others, so that none is its own neighbour.
    first : int, optional
        The place of the first row among the others, which the next rows follow.
    doing : str, optional
        Shown as progress, before the number of a row: "item-knn: neighbours of item".

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n, n_others)
        The similarities of the neighbours, all above 0; ties fall to the lower row.
    """
    n_columns = rows.shape[1]
    counts, other_counts = np.diff(rows.indptr).astype(np.float64), np.diff(others.indptr).astype(np.float64)
    if similarity == "cosine":
        means = np.zeros_like(counts), np.zeros_like(other_counts)
        lengths = np.sqrt(counts), np.sqrt(other_counts)
    else:
        means = counts, other_counts / n_columns
        lengths = np.sqrt(counts * (1 - counts / n_columns)), np.sqrt(other_counts * (1 - other_counts / n_columns))
    return strongest(rows, others, np.ones(n_columns), means, lengths, shrinkage, k, among_themselves, first, doing)


def strongest(
    rows: sparse.csr_array,
    others: sparse.csr_array,
    weights: Values,
    means: tuple[Values, Values],
    lengths: tuple[Values, Values],
    shrinkage: float,
    k: int,
    among_themselves: bool,
    first: int = 0,
    doing: str | None = None,
) -> sparse.csr_array:
    """Return for each row the k others with the highest (Σ weights in common − mean · mean) / (length · length + …).

    Parameters
    ----------
    rows, others : scipy.sparse.csr_array
        As of `similar`.
    weights : ndarray of float64, shape (n_columns,)
        What a column in common counts, above 0.
    means, lengths : tuple of ndarray of float64, shapes (n,) and (n_others,)
        Of rows and of others.
    shrinkage, k, among_themselves, first, doing
        As of `similar`.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n, n_others)
        As of `similar`.
    """
    back = others.T.tocsr()
    k = min(k, others.shape[0])
    done = np.concatenate([[0], np.cumsum(np.diff(back.indptr)[rows.indices])])[rows.indptr]
    pieces = list(_pieces(done))
    shown = Blocks(doing, rows.shape[0]) if doing and len(pieces) > 1 else None
    indices, values, sizes = [], [], [np.zeros(1, np.int64)]
    for start, end in pieces:
        if shown is not None:
            shown.begin(start, done[start] / max(done[-1], 1))
        found, similarities = _nearest(
            *(rows.indptr[start : end + 1], rows.indices, back.indptr, back.indices, weights),
            *(means[0][start:end], means[1], lengths[0][start:end], lengths[1]),
            *(shrinkage, k, among_themselves, first + start),
        )
        kept = found >= 0
        indices.append(found[kept])
        values.append(similarities[kept])
        sizes.append(kept.sum(axis=1))
    starts = np.cumsum(np.concatenate(sizes)).astype(np.int32)
    cells = np.concatenate(values), np.concatenate(indices), starts
    nearest = sparse.csr_array(cells, shape=(rows.shape[0], others.shape[0]))
    # By index within a row, so that whoever sums over neighbours does so in that order.
    nearest.sort_indices()
    return nearest


def _pieces(done: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the first row of each piece and the row after its last: about `ADDITIONS` additions, at least one row."""
    start, n_rows = 0, len(done) - 1
    while start < n_rows or start == n_rows == 0:
        end = int(np.searchsorted(done, done[start] + ADDITIONS, side="right")) - 1
        end = min(max(end, start + 1), n_rows)
        yield start, end
        start = max(end, 1)


@compiled(parallel=True)
def _nearest(
    starts: IntArray,
    columns: IntArray,
    back_starts: IntArray,
    back_rows: IntArray,
    weights: Values,
    row_means: Values,
    other_means: Values,
    row_lengths: Values,
    other_lengths: Values,
    shrinkage: float,
    k: int,
    among_themselves: bool,
    first: int,
) -> tuple[IntArray, FloatArray]:
    n_rows, n_others = len(starts) - 1, len(other_means)
    found = np.full((n_rows, k), -1, dtype=np.int32)
    values = np.zeros((n_rows, k), dtype=np.float32)
    for block in numba.prange((n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS):
        common, touched = np.zeros(n_others), np.empty(n_others, dtype=np.int32)
        for row in range(block * BLOCK_ROWS, min(n_rows, (block + 1) * BLOCK_ROWS)):
            n_touched = 0
            for cell in range(starts[row], starts[row + 1]):
                column = columns[cell]
                for place in range(back_starts[column], back_starts[column + 1]):
                    other = back_rows[place]
                    if common[other] == 0:
                        touched[n_touched] = other
                        n_touched += 1
                    common[other] += weights[column]
            for other in touched[:n_touched]:
                shared = common[other]
                common[other] = 0
                above = shared - row_means[row] * other_means[other]
                below = row_lengths[row] * other_lengths[other] + shrinkage
                if above > NOTHING * shared and below > 0 and not (among_themselves and other == first + row):
                    _insert(found[row], values[row], other, np.float32(above / below))
    return found, values


@compiled()
def _insert(found: IntArray, values: FloatArray, other: int, value: Any) -> None:
    # Into its place among the best so far, by (−value, index); a place not taken yet has the value 0.
    place = len(found)
    while place > 0 and (
        value > values[place - 1] or (value == values[place - 1] and value > 0 and other < found[place - 1])
    ):
        place -= 1
    if place < len(found):
        for later in range(len(found) - 1, place, -1):
            found[later], values[later] = found[later - 1], values[later - 1]
        found[place], values[place] = other, value


def transposed(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return the transpose of a sparse matrix by rows, its cells in order."""
    turned = sparse.csr_array(matrix.T.tocsr())
    turned.sort_indices()
    return turned
