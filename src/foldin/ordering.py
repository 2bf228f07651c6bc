"""AUC: how often a held-out item is scored above another candidate, over the whole catalogue of every user."""

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.compiled import compiled
from foldin.interactions import FloatArray, IntArray
from foldin.metrics import Values

Starts = npt.NDArray[np.int64]


def auc(
    scores: FloatArray, known: sparse.csr_array, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0
) -> Values:
    """Return each user's area under the ROC curve, as foldin.definitions defines it (Rendle et al. 2009, BPR).

    Parameters
    ----------
    scores : ndarray of float32, shape (n, n_items)
        Finite, or -inf for an item that is no candidate.
    known : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are no candidates.
    relevant : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are the held-out items.
    extra_relevant : array_like of int, shape (n,), optional
        Number of each user's held-out items outside the catalogue: none of them is in the right order.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for a user without a held-out item, or whose candidates are all held out.
    """
    wins, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    extra = np.broadcast_to(np.asarray(extra_relevant, dtype=np.int64), len(scores)).copy()
    _count_wins(
        np.ascontiguousarray(scores, dtype=np.float32),
        known.indptr.astype(np.int64),
        known.indices.astype(np.int32),
        relevant.indptr.astype(np.int64),
        relevant.indices.astype(np.int32),
        extra,
        wins,
        pairs,
    )
    with np.errstate(invalid="ignore"):
        areas: Values = wins / np.where(pairs > 0, pairs, np.nan)
    return areas


@compiled(parallel=True)
def _count_wins(
    scores: FloatArray,
    known_starts: Starts,
    known: IntArray,
    held_starts: Starts,
    held: IntArray,
    extra: Starts,
    wins: Values,
    pairs: Values,
) -> None:
    n_items = scores.shape[1]
    for row in numba.prange(scores.shape[0]):
        mine = held[held_starts[row] : held_starts[row + 1]]
        others = scores[row].copy()
        for cell in range(known_starts[row], known_starts[row + 1]):
            others[known[cell]] = -np.inf
        # What is left are the candidates that are not held out.
        of_held = others[mine]
        others[mine] = -np.inf
        n_others = 0
        for item in range(n_items):
            n_others += others[item] > -np.inf
        won = 0.0
        for score in of_held:
            # Two counts of 32 bits: a loop that compilers turn into vector instructions.
            above = np.int32(0)
            level = np.int32(0)
            for item in range(n_items):
                above += np.int32(others[item] > score)
                level += np.int32(others[item] == score)
            won += n_others - above - 0.5 * level
        wins[row] = won
        pairs[row] = float(len(mine) + extra[row]) * n_others
