"""Beyond-accuracy metrics of lists: how much of the catalogue they use, how novel and how diverse they are."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core.interactions import IntArray, Values
from foldin.metrics.metric import Metric

BUCKETS = ("head", "middle", "tail")
"""Groups of items with a third of the training ratings each, the most popular items first."""


@dataclass(frozen=True)
class Listed:
    """Lists and their catalogue, from which every metric of `LISTS` and `CATALOGUE` is computed.

    Attributes
    ----------
    items : ndarray of int32, shape (n, k)
        Item indices of each user's list, best first; -1 where there is none.
    popularity : ndarray of int, shape (n_items,)
        Number of training ratings of each item.
    n_users : int
        Number of users of the training part.
    genres : ndarray of float64, shape (n_items, n_genres)
        As `genre_vectors` gives them.
    known : scipy.sparse.csr_array, shape (n, n_items)
        What each of these users rated before.
    """

    items: IntArray
    popularity: npt.NDArray[np.int64]
    n_users: int
    genres: Values
    known: sparse.csr_array

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.popularity)


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


def gini(recommended: IntArray, n_items: int) -> float | None:
    """Return how unevenly lists use the catalogue, 0 to 1 − 1/n_items; None when no item is listed.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    n_items : int
        Size of the catalogue.
    """
    listed = recommended[recommended >= 0]
    if not len(listed):
        return None
    counts = np.sort(np.bincount(listed, minlength=n_items))
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


def novelty(recommended: IntArray, popularity: npt.NDArray[np.int64], n_users: int) -> Values:
    """Return the mean self-information of each list, in bits (Vargas and Castells 2011).

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    popularity : ndarray of int, shape (n_items,)
        Number of users who rated each item in training; at least 1.
    n_users : int
        Number of users of the training part.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for an empty list.
    """
    return _list_means(recommended, -np.log2(np.maximum(popularity, 1) / n_users))


def popularity_lift(recommended: IntArray, popularity: npt.NDArray[np.int64], known: sparse.csr_array) -> float | None:
    """Return how much more popular listed items are than those their users rated before; see `CATALOGUE`.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    popularity : ndarray of int, shape (n_items,)
        Number of training ratings of each item.
    known : scipy.sparse.csr_array, shape (n, n_items)
        What each of these users rated before.

    Returns
    -------
    float or None
        0: as popular as before; 1: twice as popular. None when no user has both.
    """
    listed = _list_means(recommended, popularity.astype(np.float64))
    counts = np.diff(known.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    sums = np.bincount(rows, popularity[known.indices], minlength=len(counts))
    both = ~np.isnan(listed) & (counts > 0)
    if not both.any():
        return None
    return float(listed[both].mean() / (sums[both] / counts[both]).mean() - 1)


def genre_vectors(genres: "pd.Series[str]") -> Values:
    """Return a unit vector over genres for each item, shape (n_items, n_genres); 0 for an item without genres."""
    # An empty string would count as a genre.
    flags = genres.str.get_dummies("|").drop(columns="", errors="ignore").to_numpy(np.float64)
    lengths = np.sqrt(flags.sum(axis=1, keepdims=True))
    vectors: Values = flags / np.maximum(lengths, 1)
    return vectors


def diversity(recommended: IntArray, vectors: Values) -> Values:
    """Return the intra-list diversity of each list, by genres (Ziegler et al. 2005).

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    vectors : ndarray of float64, shape (n_items, n_genres)
        As `genre_vectors` gives them; an item of zeros is left out.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for a list of fewer than two items with genres.
    """
    padded = np.vstack([vectors, np.zeros(vectors.shape[1])])
    described = (padded.sum(axis=1) > 0)[recommended].sum(axis=1)
    total = np.zeros((len(recommended), vectors.shape[1]))
    for place in range(recommended.shape[1]):
        total += padded[recommended[:, place]]
    # The sum of all cosines of unit vectors is the squared length of their sum.
    cosines = np.square(total).sum(axis=1) - described
    pairs = described * (described - 1)
    values: Values = np.where(pairs > 0, 1 - cosines / np.maximum(pairs, 1), np.nan)
    # Lists of one genre give 0 except for rounding.
    return np.clip(values, 0, 1)


def buckets(popularity: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Return the bucket of each item, shape (n_items,): 0 head, 1 middle, 2 tail; see `BUCKETS`.

    Parameters
    ----------
    popularity : ndarray of int, shape (n_items,)
        Number of training ratings of each item.
    """
    order = np.argsort(-popularity, kind="stable")
    before = np.cumsum(popularity[order]) - popularity[order]
    of_item = np.empty(len(popularity), dtype=np.int8)
    of_item[order] = np.minimum(3 * before // max(popularity.sum(), 1), 2)
    return of_item


def list_share(recommended: IntArray, members: npt.NDArray[np.bool_]) -> float | None:
    """Return the share of all recommended items that belong to a group; None when no item is listed.

    Parameters
    ----------
    recommended : ndarray of int32, shape (n, k)
        Item indices; -1 where there is none.
    members : ndarray of bool, shape (n_items,)
        Which items belong to the group.
    """
    listed = recommended[recommended >= 0]
    return float(members[listed].sum() / len(listed)) if len(listed) else None


def _list_means(recommended: IntArray, values: Values) -> Values:
    filled = recommended >= 0
    counts = filled.sum(axis=1)
    sums = np.where(filled, values[recommended], 0.0).sum(axis=1)
    means: Values = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def _describes(name: str, text: str, compute: Callable[..., Any], **more: Any) -> Metric:
    # More is not better by itself: random lists cover the whole catalogue.
    return Metric(name, text, compute, higher_is_better=None, **more)


LISTS = (
    _describes(
        "novelty",
        "mean over users of the mean, over listed items, of −log2(share of users who rated the item in training)",
        lambda lists: novelty(lists.items, lists.popularity, lists.n_users),
        highest=math.inf,
        title="novelty (bits)",
    ),
    _describes(
        "diversity",
        "mean over users of the mean of 1 − cosine of genre vectors over pairs of listed items that have genres",
        lambda lists: diversity(lists.items, lists.genres),
        title="diversity",
    ),
)
"""Metrics of each user's list, each computed from `Listed`: values of shape (n,); a model's is their mean."""
CATALOGUE = (
    _describes(
        "coverage",
        "items on at least one list / items of the catalogue (Ge et al. 2010)",
        lambda lists: coverage(lists.items, lists.n_items),
        title="coverage",
        of_groups=True,
    ),
    _describes(
        "gini",
        "Σ (2j − n − 1) c_j / (n Σ c_j); c_j: number of lists that contain item j, items sorted by c_j ascending; n: "
        "items of the catalogue. 0: all items equally often, near 1: the same few items (Fleder and Hosanagar 2009)",
        lambda lists: gini(lists.items, lists.n_items),
        title="Gini",
    ),
    _describes(
        "popularity_lift",
        "mean popularity (training ratings) of listed items, divided by that of the users' own training items, minus "
        "1; both are averaged by user first (Abdollahpouri et al. 2019)",
        lambda lists: popularity_lift(lists.items, lists.popularity, lists.known),
        lowest=-1.0,
        highest=math.inf,
        title="popularity lift",
    ),
)
"""Metrics of all lists together, each computed from `Listed`: a float, or None."""
BUCKETED = (
    _describes(
        "list_share",
        "share of all recommended items that belong to this group",
        list_share,
        title="share of lists",
    ),
)
"""Metrics of a popularity bucket alone, each computed as `list_share` is."""
