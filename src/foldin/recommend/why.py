"""Why an item is recommended: the ratings without which its score would fall most, by leaving each one out.

A user's ratings are folded in all together, and once without each of them. A score is looked at beside those of the
other candidates (items that the user has not rated): the reason that a rating gives for an item is

    r(item; all ratings) - r(item; all ratings but this one),   r = score(item) - mean score of the candidates.

Scores of one fold-in can be compared with each other only, so the mean is subtracted. It also removes what a rating
does to all items alike, such as raising a user's bias, which is a reason for no item in particular. The definition
asks nothing of a model but fold-in. For a model whose score is a sum of item-item weights, the reason is the weight
from the rated item less that item's mean weight to the candidates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.models.baselines import Random
from foldin.recommend.saved import NotPossibleError, Saved

MOST = 100
"""Ratings that are left out in turn, at most: each is one more user to fold in."""
SHOWN = 3
"""Reasons of a recommendation, at most."""
NEGLIGIBLE = 1e-4
"""In standard deviations of the candidates' scores: a smaller reason may be rounding, and is not shown."""


class Reason(NamedTuple):
    """A rated item that speaks for a recommendation: its index, its rating, and the score that depends on it."""

    item: int
    rating: float
    drop: float


class Found(NamedTuple):
    """The reasons of each recommendation, the strongest first, and how many of how many ratings were left out."""

    by_item: list[list[Reason]]
    judged: int
    rated: int


def reasons(saved: Saved, rated: sparse.csr_array, items: IntArray) -> Found:
    """Return the ratings that speak most for some items.

    Parameters
    ----------
    saved : Saved
        The model.
    rated : scipy.sparse.csr_array, shape (1, n_items)
        The user's ratings.
    items : ndarray of int, shape (n,)
        Items the user has not rated.

    Returns
    -------
    Found
        For each item its reasons; at most `SHOWN`, none that is not above 0.

    Raises
    ------
    NotPossibleError
        When the model cannot fold in, or its scores are chance.
    """
    if isinstance(saved.model, Random):
        raise NotPossibleError(f"the scores of {saved.name} are chance", remedy="choose another model")
    places = strongest(rated, saved.training.ratings)
    falls, spread = drops(saved, rated, places, items)
    found = []
    for column in falls.T:
        best = np.argsort(-column, kind="stable")[:SHOWN]
        best = best[column[best] > NEGLIGIBLE * spread]
        of_item = [(int(rated.indices[places[each]]), float(rated.data[places[each]])) for each in best]
        found.append([Reason(*pair, float(column[each])) for pair, each in zip(of_item, best, strict=True)])
    return Found(found, len(places), rated.nnz)


def strongest(rated: sparse.csr_array, training: sparse.csr_array) -> IntArray:
    """Return which of a user's ratings are left out in turn: all, or the `MOST` highest, in the order of items.

    Among equal ratings, those of items that fewer people rated come first: they say more of a taste.

    Parameters
    ----------
    rated : scipy.sparse.csr_array, shape (1, n_items)
        The user's ratings.
    training : scipy.sparse.csr_array, shape (n_users, n_items)
        Everybody's.

    Returns
    -------
    ndarray of int, shape (at most MOST,)
        Places among the stored cells of `rated`.
    """
    if rated.nnz <= MOST:
        return np.arange(rated.nnz, dtype=np.int32)
    counts = np.bincount(training.indices, minlength=training.shape[1])
    order = np.lexsort((rated.indices, counts[rated.indices], -rated.data))
    return np.sort(order[:MOST]).astype(np.int32)


def drops(saved: Saved, rated: sparse.csr_array, places: IntArray, items: IntArray) -> tuple[Values, float]:
    """Return by how much the score of each item falls, beside the candidates' mean, without each of some ratings.

    Parameters
    ----------
    saved : Saved
        The model.
    rated : scipy.sparse.csr_array, shape (1, n_items)
        The user's ratings.
    places : ndarray of int, shape (m,)
        The ratings to leave out in turn, as places among the stored cells of `rated`.
    items : ndarray of int, shape (n,)
        Items the user has not rated.

    Returns
    -------
    falls : ndarray of float64, shape (m, n)
        In the unit of the model's scores.
    spread : float
        The standard deviation of the candidates' scores with all ratings.
    """
    scores = saved.fold_in(_with_one_left_out(rated, places)).astype(np.float64)
    candidates = np.ones(rated.shape[1], dtype=bool)
    candidates[rated.indices] = False
    beside = scores[:, items] - scores[:, candidates].mean(axis=1, keepdims=True)
    return beside[0] - beside[1:], float(scores[0, candidates].std())


def notes(found: Found) -> Sequence[str]:
    """Return what a reader of the reasons must know, a sentence each."""
    if not any(found.by_item):
        return ["No rating is a reason for any of these items more than for all others."]
    said = [
        "because of: without that rating, the item's score minus the mean score of all unrated items is this much "
        "lower."
    ]
    if found.judged < found.rated:
        said.append(f"Only the {found.judged} highest of {found.rated:,} ratings were left out, one at a time.")
    return said


def _with_one_left_out(rated: sparse.csr_array, places: IntArray) -> sparse.csr_array:
    """Return the ratings as a first row, and below it a row without each of some; stored zeros are kept."""
    n = rated.nnz
    kept = [np.arange(n), *(np.delete(np.arange(n), place) for place in places)]
    cells = np.concatenate(kept)
    starts = np.cumsum([0, *map(len, kept)]).astype(np.int32)
    data: FloatArray = rated.data.astype(np.float32)
    return sparse.csr_array(
        (data[cells], rated.indices[cells].astype(np.int32), starts), shape=(len(kept), rated.shape[1])
    )
