"""Ranking metrics of each user, over lists drawn from the full catalogue; a model's is the mean over the users.

Users without a held-out item have none. Where others differ, under the same name:

- precision: implicit divides the hits of all users by the sum of their min(k, R), R held-out items: on one and the
  same top-10 of ML-1M 0.223 instead of 0.164.
- recall: Liang et al. (2018, Mult-VAE) and those who follow them divide by min(k, R).
- NDCG (Järvelin and Kekäläinen 2002, with binary gains): scikit-learn averages over the orders of tied scores.
- average precision (Manning, Raghavan and Schütze 2008, chapter 8, cut at k): trec_eval's `map_cut` divides by R.
- reciprocal rank (Voorhees 1999): trec_eval's is never cut.

A held-out item outside the catalogue (cold) can never be recommended. It counts in R all the same: the user
chose it and the model missed it.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import IntArray, Values

BLOCK_USERS = 512
"""Users scored at once unless the caller says otherwise; bounds memory and changes no metric."""
MEANS = {
    "precision": "precision",
    "recall": "recall",
    "ndcg": "ndcg",
    "average_precision": "map",
    "reciprocal_rank": "mrr",
    "hit": "hit_rate",
}
"""A user's ranking metrics, and what their means over users are called."""


def hits(recommended: IntArray, relevant: sparse.csr_array) -> npt.NDArray[np.bool_]:
    """Return which recommended items are held out.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices of each user's list, best first; -1 where there is none.
    relevant : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are the held-out items, a stored 0 included.

    Returns
    -------
    ndarray of bool, shape (n, k)
        True where a recommended item is held out.

    Raises
    ------
    FoldinError
        When the shapes do not fit, or a list has an item twice or outside the catalogue.
    """
    n, n_items = relevant.shape
    if recommended.ndim != 2 or len(recommended) != n:
        raise FoldinError(
            f"lists of shape {recommended.shape} against held-out items of {n} users",
            remedy="give one list per user",
        )
    if recommended.size and (recommended.min() < -1 or recommended.max() >= n_items):
        raise FoldinError(
            f"a list has the item {max(-recommended.min(), recommended.max())} of a catalogue of {n_items}",
            remedy="recommend item indices from 0, and -1 for no item",
        )
    in_order = np.sort(recommended, axis=1)
    twice = (np.diff(in_order, axis=1) == 0) & (in_order[:, 1:] >= 0)
    if twice.any():
        raise FoldinError(f"list {int(np.argmax(twice.any(axis=1)))} has an item twice", remedy="list it once")
    # One sorted array of (row, item) keys answers all look-ups at once.
    rows = np.arange(n, dtype=np.int64)
    held = np.repeat(rows, np.diff(relevant.indptr)) * n_items + relevant.indices
    if not relevant.has_sorted_indices:
        held.sort()
    asked = np.where(recommended >= 0, rows[:, None] * n_items + recommended, -1)
    place = np.searchsorted(held, asked)
    found: npt.NDArray[np.bool_] = np.append(held, -2)[place] == asked
    return found


def ranking_metrics(
    recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0
) -> dict[str, Values]:
    """Return the ranking metrics of each user, as foldin.metrics.definitions defines them.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices of each user's list, best first; -1 where there is none.
    relevant : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are the held-out items, a stored 0 included.
    extra_relevant : array_like of int, shape (n,), optional
        Number of each user's held-out items outside the catalogue.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        One array for each key of `MEANS`; NaN for a user without a held-out item, who has no metric.
    """
    n_relevant = np.diff(relevant.indptr) + np.asarray(extra_relevant, dtype=np.int64)
    return metrics_of_hits(hits(recommended, relevant), n_relevant)


def metrics_of_hits(found: npt.NDArray[np.bool_], n_relevant: npt.NDArray[np.integer]) -> dict[str, Values]:
    """Return the ranking metrics of each user from where in the list the hits are; see `ranking_metrics`.

    Parameters
    ----------
    found : ndarray of bool, shape (n, k)
        Which listed items are held out; the first columns of a longer list give the metrics at that length.
    n_relevant : ndarray of int, shape (n,)
        Number of each user's held-out items, those outside the catalogue too.
    """
    k = found.shape[1]
    reachable = np.minimum(n_relevant, k)
    ranks = np.arange(1, k + 1)
    n_hits = found.sum(axis=1)
    with np.errstate(invalid="ignore"):
        metrics = {
            "precision": n_hits / k,
            "recall": n_hits / n_relevant,
            "ndcg": _discounted(found) / _ideal(reachable, k),
            "average_precision": (found * found.cumsum(axis=1) / ranks).sum(axis=1) / reachable,
            "reciprocal_rank": (found / ranks).max(axis=1),
            "hit": found.any(axis=1).astype(np.float64),
        }
    return {name: np.where(n_relevant > 0, values, np.nan) for name, values in metrics.items()}


def ndcg(recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0) -> Values:
    """Return the NDCG of each user alone, for training code that watches it; see `ranking_metrics`."""
    return ranking_metrics(recommended, relevant, extra_relevant)["ndcg"]


def _discounts(k: int) -> Values:
    return 1 / np.log2(np.arange(2, k + 2))


def _discounted(found: npt.NDArray[np.bool_]) -> Values:
    # A sum along rows does not depend on the number of threads, unlike a matrix product.
    total: Values = (found * _discounts(found.shape[1])).sum(axis=1)
    return total


def _ideal(reachable: npt.NDArray[np.int64], k: int) -> Values:
    return np.concatenate([[0.0], np.cumsum(_discounts(k))])[reachable]


def coverage(recommended: IntArray, n_items: int) -> float:
    """Return the catalogue coverage: the share of the items that are on at least one list (Ge et al. 2010).

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    n_items : int
        Size of the catalogue.
    """
    return len(np.unique(recommended[recommended >= 0])) / n_items


def blocks(users: IntArray, size: int = BLOCK_USERS) -> Iterator[IntArray]:
    """Yield users in runs of at most `size`."""
    for start in range(0, len(users), size):
        yield users[start : start + size]
