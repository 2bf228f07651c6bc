"""Ranking metrics of each user, over lists drawn from the full catalogue; a model's is the mean over the users.

Users without held-out items have no metrics. Other libraries define these names differently:

- precision: implicit divides the hits of all users by the sum of their min(k, R), R held-out items: on one and the
  same top-10 of ML-1M 0.223 instead of 0.164.
- recall: Liang et al. (2018, Mult-VAE) and those who follow them divide by min(k, R); here that is `recall_capped`.
- NDCG (Järvelin and Kekäläinen 2002, with binary gains): scikit-learn averages over the orders of tied scores.
- average precision (Manning, Raghavan and Schütze 2008, chapter 8, cut at k): trec_eval's `map_cut` divides by R.
- reciprocal rank (Voorhees 1999): trec_eval's is never cut.

A held-out item outside the catalogue (cold) can never be recommended. It still counts in R: the user chose it and the
model missed it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import IntArray, Values
from foldin.metrics import uncertainty
from foldin.metrics.metric import Metric, compute_all

BLOCK_USERS = 512
"""Users scored at once unless the caller says otherwise; bounds memory and changes no metric."""


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
    return places(recommended, relevant)[0]


def places(recommended: IntArray, relevant: sparse.csr_array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Return which recommended items are held out, and where among the stored cells (by row, then item); see `hits`."""
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
    return np.append(held, -2)[place] == asked, place


@dataclass(frozen=True)
class RankedHits:
    """The positions of the hits in each user's list, from which every metric of `RANKING` is computed.

    Attributes
    ----------
    found : ndarray of bool, shape (n, k)
        Which listed items are held out; the first columns of a longer list give the metrics at that length.
    n_held : ndarray of int, shape (n,)
        Number of each user's held-out items, including those outside the catalogue.
    """

    found: npt.NDArray[np.bool_]
    n_held: npt.NDArray[np.integer]

    @cached_property
    def ranks(self) -> npt.NDArray[np.intp]:
        """The ranks of a list, 1 to k."""
        return np.arange(1, self.found.shape[1] + 1)

    @cached_property
    def n_hits(self) -> npt.NDArray[np.intp]:
        """The number of each user's hits, shape (n,)."""
        n_hits: npt.NDArray[np.intp] = self.found.sum(axis=1)
        return n_hits

    @cached_property
    def most_hits(self) -> npt.NDArray[np.integer]:
        """The number of hits of a perfect list, min(k, held-out items), shape (n,)."""
        most: npt.NDArray[np.integer] = np.minimum(self.n_held, self.found.shape[1])
        return most


def ranking_metrics(
    recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0
) -> dict[str, Values]:
    """Return the ranking metrics of each user.

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
        One array for each metric of `RANKING`; NaN for a user without held-out items.
    """
    n_held = np.diff(relevant.indptr) + np.asarray(extra_relevant, dtype=np.int64)
    return metrics_of_hits(RankedHits(hits(recommended, relevant), n_held))


def metrics_of_hits(ranked: RankedHits) -> dict[str, Values]:
    """Return the ranking metrics of each user from the positions of the hits; see `ranking_metrics`."""
    with np.errstate(invalid="ignore"):
        values = compute_all(RANKING, ranked)
    return {name: np.where(ranked.n_held > 0, of_users, np.nan) for name, of_users in values.items()}


def ndcg(recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0) -> Values:
    """Return only the NDCG of each user, for training code that monitors it; see `ranking_metrics`."""
    return ranking_metrics(recommended, relevant, extra_relevant)["ndcg"]


def recall(ranked: RankedHits) -> Values:
    """Return each user's share of held-out items that are on the list."""
    shares: Values = ranked.n_hits / ranked.n_held
    return shares


def _recall_capped(ranked: RankedHits) -> Values:
    shares: Values = ranked.n_hits / ranked.most_hits
    return shares


def dcg(gains: npt.NDArray[Any]) -> Values:
    """Return the discounted cumulative gain of each list, Σ g_i / log2(i + 1), shape (n,).

    Parameters
    ----------
    gains : ndarray of bool or float, shape (n, k)
        The gain at each rank, best rank first; a hit counts as 1.
    """
    # A sum along rows does not depend on the number of threads, unlike a matrix product.
    summed: Values = (gains * _discounts(gains.shape[1])).sum(axis=1)
    return summed


def _discounts(k: int) -> Values:
    weights: Values = 1 / np.log2(np.arange(1, k + 1) + 1)
    return weights


def _ndcg(ranked: RankedHits) -> Values:
    ideal = np.concatenate([[0.0], np.cumsum(_discounts(ranked.found.shape[1]))])
    values: Values = dcg(ranked.found) / ideal[ranked.most_hits]
    return values


def _average_precision(ranked: RankedHits) -> Values:
    precisions = ranked.found.cumsum(axis=1) / ranked.ranks
    values: Values = (ranked.found * precisions).sum(axis=1) / ranked.most_hits
    return values


RANKING = (
    Metric(
        "precision",
        "mean over users of Σ r_i / k, even if R < k",
        lambda ranked: ranked.n_hits / ranked.found.shape[1],
        title="precision",
        of_groups=True,
    ),
    Metric(
        "recall",
        "mean over users of Σ r_i / R (divided by R, not by min(k, R))",
        recall,
        title="recall",
        of_groups=True,
    ),
    Metric(
        "recall_capped",
        "mean over users of Σ r_i / min(k, R): 1 for a list of hits only, however many are held out (the Recall@k of "
        "Liang et al. 2018; “capped” in Thakur et al. 2021)",
        _recall_capped,
    ),
    Metric(
        "ndcg",
        "mean over users of Σ r_i / log2(i + 1), divided by the same sum for an ideal list, whose first min(k, R) "
        "items are hits",
        _ndcg,
        title="NDCG",
        of_groups=True,
        standard_error=uncertainty.standard_error_of_mean,
        interval=True,
    ),
    Metric(
        "map",
        "mean over users of Σ r_i · (hits among the first i) / i, divided by min(k, R)",
        _average_precision,
        title="MAP",
        of_groups=True,
    ),
    Metric(
        "mrr",
        "mean over users of 1 / (rank of the first hit), 0 without a hit among the first k items",
        lambda ranked: (ranked.found / ranked.ranks).max(axis=1),
        title="MRR",
        of_groups=True,
    ),
    Metric(
        "hit_rate",
        "share of users with at least one hit among the first k items",
        lambda ranked: ranked.found.any(axis=1).astype(np.float64),
        title="hit rate",
        of_groups=True,
    ),
)
"""Metrics of lists of k, each computed from `RankedHits`: the values of users, shape (n,); a model's is their mean.

r_i: 1 if the i-th listed item is held out, else 0; R: number of the user's held-out items, cold ones included.
"""


def blocks(users: IntArray, size: int = BLOCK_USERS) -> Iterator[IntArray]:
    """Yield users in runs of at most `size`."""
    for start in range(0, len(users), size):
        yield users[start : start + size]
