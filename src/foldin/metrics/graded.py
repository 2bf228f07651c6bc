"""Ranking metrics that look at how an item was rated, beside those of `ranking`, to which every held-out item is a hit.

Two views, each with names of its own. Graded: NDCG whose gain is the rating. Liked: the metrics of `RANKING` over liked
items alone, as if the others had not been held out; a list place for one of them is lost.

The gain of a rating is linear, its share of the scale: 0 for the lowest rating, 1 for the highest (Järvelin and
Kekäläinen 2002 and trec_eval have linear gains as well). So NDCG is the same in any unit of the ratings. The other gain
in use, 2^rating − 1 (Burges et al. 2005), is not: it depends on how many levels a scale has, so half stars would count
differently from stars, and on a scale of 100 levels the best item would be all that counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.interactions import FloatArray, IntArray, Scale, Values
from foldin.metrics import uncertainty
from foldin.metrics.metric import Metric, compute_all
from foldin.metrics.ranking import RANKING, RankedHits, dcg, places


@dataclass(frozen=True)
class RankedGains:
    """The gains of each user's list, and of the best list there is: what every metric of `GRADED` is computed from.

    Attributes
    ----------
    found : ndarray of float64, shape (n, k)
        Gain of each listed item, 0 where it is not held out; the first columns of a longer list give the metrics at
        that length.
    best : ndarray of float64, shape (n, k)
        Gains of the user's held-out items, those outside the catalogue too, largest first; 0 where there are no more.
    """

    found: Values
    best: Values


def held_ratings(recommended: IntArray, relevant: sparse.csr_array) -> FloatArray:
    """Return the held-out rating of each recommended item, float32 of shape (n, k); NaN where it is not held out.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices of each user's list, best first; -1 where there is none.
    relevant : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are the held-out ratings, a stored 0 included.
    """
    if not relevant.has_sorted_indices:
        relevant = relevant.sorted_indices()
    found, place = places(recommended, relevant)
    ratings = np.append(relevant.data.astype(np.float32), np.float32(np.nan))
    listed: FloatArray = ratings[np.where(found, place, -1)]
    return listed


def gains(ratings: npt.ArrayLike, scale: Scale) -> Values:
    """Return the gain of each rating, its share of the scale: 0 for the lowest, 1 for the highest.

    Parameters
    ----------
    ratings : array_like of float
        Ratings in the unit of the scale; 0 is a rating like any other. NaN, not held out, gains 0.
    scale : Scale
        The rating scale.
    """
    shares = (np.asarray(ratings, dtype=np.float64) - scale.lowest) / (scale.highest - scale.lowest)
    return np.nan_to_num(shares, nan=0.0)


def best_gains(owners: npt.NDArray[np.integer], gained: Values, n: int, k: int) -> Values:
    """Return the k largest gains of each owner, largest first, 0 where there are no more.

    Parameters
    ----------
    owners : ndarray of int, shape (n_pairs,)
        Row of each held-out pair, 0 to n − 1.
    gained : ndarray of float64, shape (n_pairs,)
        Its gain.
    n, k : int
        Number of rows and columns of the result.

    Returns
    -------
    ndarray of float64, shape (n, k)
        For `RankedGains`.
    """
    order = np.lexsort((-gained, owners))
    owners, gained = owners[order], gained[order]
    counts = np.bincount(owners, minlength=n)
    place = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    best = np.zeros((n, k))
    best[owners[place < k], place[place < k]] = gained[place < k]
    return best


def metrics_of_gains(ranked: RankedGains) -> dict[str, Values]:
    """Return the metrics of `GRADED` of each user; NaN for a user none of whose held-out items has a gain."""
    with np.errstate(invalid="ignore"):
        return compute_all(GRADED, ranked)


def metrics_of_liked(liked: RankedHits) -> dict[str, Values]:
    """Return the metrics of `LIKED_ONLY` of each user; NaN for a user without a liked held-out item.

    Parameters
    ----------
    liked : RankedHits
        Of liked held-out items alone.
    """
    with np.errstate(invalid="ignore"):
        values: Mapping[str, Values] = compute_all(LIKED_ONLY, liked)
    return {name: np.where(liked.n_held > 0, of_users, np.nan) for name, of_users in values.items()}


GRADED = (
    Metric(
        "ndcg_graded",
        "mean over users of Σ g_i / log2(i + 1), divided by that sum of the user's k largest gains, largest first; "
        "gain g = (rating − lowest) / (highest − lowest) of the scale, linear, 0 where an item is not held out; over "
        "users with a held-out rating above the lowest",
        # Sums over equally long rows: a perfect list has exactly 1.
        lambda ranked: dcg(ranked.found) / dcg(ranked.best),
        title="graded NDCG",
        standard_error=uncertainty.standard_error_of_mean,
    ),
)
"""Metrics of lists of k by how items were rated, each computed from `RankedGains`: the values of users, shape (n,)."""
LIKED_ONLY = tuple(
    replace(
        metric,
        name=f"{metric.name}_liked",
        text=f"`{metric.name}`, but only liked items count as held out (rated evaluation.liked_share of the way up the "
        "scale, or higher), over users who have one",
        of_groups=False,
        interval=False,
    )
    for metric in RANKING
)
"""The metrics of `RANKING` over liked items, each computed from `RankedHits` of these: `ndcg_liked`, `recall_liked`, …

Their names end in "liked": `liked_recall` is of predicted ratings, classified into liked and not liked.
"""
