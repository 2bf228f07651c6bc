"""The k best items of every row of scores, with ties broken by item, so that a list never depends on chance."""

import numpy as np
from scipy import sparse

from foldin.errors import FoldinError
from foldin.interactions import FloatArray, IntArray


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
    ranked = np.array(scores, dtype=np.float32)
    if ranked.size and np.isnan(ranked.min()):
        row = int(np.flatnonzero(np.isnan(ranked).any(axis=1))[0])
        raise FoldinError(f"a score of row {row} is NaN", remedy="the model diverged; lower its learning rate")
    if exclude is not None:
        rows = np.repeat(np.arange(len(ranked)), np.diff(exclude.indptr))
        ranked[rows, exclude.indices] = -np.inf
    n_items = ranked.shape[1]
    k_held = min(k, n_items)
    kth = np.partition(ranked, n_items - k_held, axis=1)[:, n_items - k_held, None].copy()
    chosen = ranked >= kth
    # Everything above the k-th best score is in; of those equal to it, the lowest indices fill up.
    tied = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k_held)
    if len(tied):
        level = ranked[tied] == kth[tied]
        room = k_held - (chosen[tied] & ~level).sum(axis=1, keepdims=True)
        chosen[tied] &= ~level | (np.cumsum(level, axis=1, dtype=np.int32) <= room)
    items = (np.flatnonzero(chosen) % n_items).reshape(len(ranked), k_held)
    values = np.take_along_axis(ranked, items, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    items = np.take_along_axis(items, order, axis=1).astype(np.int32)
    values = np.take_along_axis(values, order, axis=1)
    items[np.isneginf(values)] = -1
    if k_held < k:
        padding = ((0, 0), (0, k - k_held))
        items = np.pad(items, padding, constant_values=-1)
        values = np.pad(values, padding, constant_values=-np.inf)
    return items, values
