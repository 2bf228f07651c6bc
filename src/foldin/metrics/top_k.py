"""The k best items of every row of scores, with ties broken by item, so that a list never depends on chance."""

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.compiled import compiled
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray


def top_k(scores: FloatArray, k: int, exclude: sparse.csr_array | None = None) -> tuple[IntArray, FloatArray]:
    """Return the k best items of each row by (−score, item index), and their scores.

    Parameters
    ----------
    scores : ndarray of float, shape (n, n_items)
        Higher is better. Item indices follow item ids, so breaking ties by index breaks them by id.
    k : int
        Length of the lists.
    exclude : scipy.sparse.csr_array, shape (n, n_items), optional
        Stored cells are never recommended, a stored 0 included.

    Returns
    -------
    items : ndarray of int32, shape (n, k)
        Item indices, best first; -1 where a row has fewer than k candidates.
    scores : ndarray of float32, shape (n, k)
        Their scores; -inf where there is no candidate.

    Raises
    ------
    FoldinError
        When a score is NaN.
    """
    scores = np.ascontiguousarray(scores, dtype=np.float32)
    if scores.size and np.isnan(scores.min()):
        row = int(np.flatnonzero(np.isnan(scores).any(axis=1))[0])
        raise FoldinError(f"a score of row {row} is NaN", remedy="the model diverged; lower its learning rate")
    items = np.full((len(scores), k), -1, dtype=np.int32)
    values = np.full((len(scores), k), -np.inf, dtype=np.float32)
    starts, excluded = np.zeros(len(scores) + 1, dtype=np.int64), np.empty(0, dtype=np.int32)
    if exclude is not None:
        starts, excluded = exclude.indptr.astype(np.int64), exclude.indices.astype(np.int32)
    _fill_best(scores, starts, excluded, items, values)
    return items, values


@compiled(parallel=True)
def _fill_best(
    scores: FloatArray, starts: npt.NDArray[np.int64], excluded: IntArray, items: IntArray, values: FloatArray
) -> None:
    k = items.shape[1]
    for row in numba.prange(scores.shape[0]):
        candidates = scores[row].copy()
        for cell in range(starts[row], starts[row + 1]):
            candidates[excluded[cell]] = -np.inf
        best, scored = items[row].copy(), values[row].copy()
        worst = scored[k - 1]
        # Items come in ascending order, and only a higher score moves a held one: so ties fall to the lower item.
        for item in range(candidates.shape[0]):
            value = candidates[item]
            if value > worst:
                place = k - 1
                while place > 0 and value > scored[place - 1]:
                    scored[place], best[place] = scored[place - 1], best[place - 1]
                    place -= 1
                scored[place], best[place] = value, item
                worst = scored[k - 1]
        items[row], values[row] = best, scored
