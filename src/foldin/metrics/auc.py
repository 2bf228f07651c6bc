"""AUC: how often a held-out item is scored above another candidate, over the whole catalogue of every user."""

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.metrics.metric import Metric

Starts = npt.NDArray[np.int64]


def auc(
    scores: FloatArray, known: sparse.csr_array, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0
) -> Values:
    """Return each user's area under the ROC curve, as `SCORES` defines it (Rendle et al. 2009, BPR).

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


SCORES = (
    Metric(
        "auc",
        "mean over users of the share of (held-out, other candidate) pairs in the right order, a tie counting ½; "
        "a cold held-out item counts as wrongly ordered",
        auc,
        title="AUC",
    ),
)
"""Metrics of scores of the whole catalogue, each computed as `auc` is; a model's is the mean over users."""


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
        # Twice how many held-out scores each other candidate beats, a tie counting once: four scores at a time in
        # whole numbers of 32 bits, a loop that compilers turn into vector instructions. None is above infinity.
        padded = np.full((len(mine) + 3) // 4 * 4, np.inf, dtype=np.float32)
        padded[: len(mine)] = of_held
        beaten = np.zeros(n_items, dtype=np.int32)
        for start in range(0, len(padded), 4):
            a, b, c, d = padded[start], padded[start + 1], padded[start + 2], padded[start + 3]
            for item in range(n_items):
                other = others[item]
                beaten[item] += (
                    np.int32(other > a)
                    + np.int32(other >= a)
                    + np.int32(other > b)
                    + np.int32(other >= b)
                    + np.int32(other > c)
                    + np.int32(other >= c)
                    + np.int32(other > d)
                    + np.int32(other >= d)
                )
        lost = 0
        for item in range(n_items):
            lost += beaten[item]
        wins[row] = float(len(mine)) * n_others - 0.5 * lost
        pairs[row] = float(len(mine) + extra[row]) * n_others
