"""The figures models are judged by: arrays in, arrays out. What each figure is stands in foldin.definitions, once.

Ranking figures are per user, over lists drawn from the full catalogue; a model's figure is the mean over the
users with a held-out item. Where others differ, on figures of the same name:

- rmse: Cornac and LensKit report the mean of per-user RMSE, here `user_rmse`.
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

from foldin.errors import FoldinError
from foldin.interactions import IntArray, Interactions
from foldin.progress import tick
from foldin.recommender import RatingRecommender, Recommender

Values = npt.NDArray[np.float64]
BLOCK_USERS = 512
"""Users scored at once unless the caller says otherwise; bounds memory and changes no figure."""
MEANS = {
    "precision": "precision",
    "recall": "recall",
    "ndcg": "ndcg",
    "average_precision": "map",
    "reciprocal_rank": "mrr",
    "hit": "hit_rate",
}
"""A user's ranking figures, and what their means over users are called."""


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the root mean squared error over all pairs: √(Σ (predicted - actual)² / n).

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    FoldinError
        When there is no pair, or a prediction is not a finite number.
    """
    return float(np.sqrt(np.mean(np.square(errors(actual, predicted)))))


def mae(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the mean absolute error over all pairs: Σ |predicted - actual| / n; see `rmse`."""
    return float(np.mean(np.abs(errors(actual, predicted))))


def errors(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Values:
    """Return predicted - actual in double precision, shape (n,); see `rmse`."""
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.ndim != 1:
        raise FoldinError(
            f"{truth.shape} actual against {guess.shape} predicted ratings",
            remedy="give one of each per pair",
        )
    if not len(truth):
        raise FoldinError("no pair to measure an error on", remedy="raise split.test and split.validation")
    wrong = np.flatnonzero(~np.isfinite(guess))
    if len(wrong):
        raise FoldinError(
            f"{len(wrong)} of {len(guess)} predicted ratings are no number, the first is {guess[wrong[0]]}",
            remedy="the model diverged; lower its learning rate",
        )
    return guess - truth


def confusion(actual: npt.ArrayLike, predicted: npt.ArrayLike, threshold: float) -> dict[str, float]:
    """Judge predicted ratings as a classification into liked (at least `threshold`) and not liked.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    threshold : float
        The lowest rating that means "liked", in the same unit.

    Returns
    -------
    dict of str to float
        Counts `true_positives` (TP: liked and predicted so), `false_positives` (FP: predicted only),
        `false_negatives` (FN: liked only), `true_negatives`; and `precision` = TP / (TP + FP), `recall` =
        TP / (TP + FN), `f1` = 2 TP / (2 TP + FP + FN). A figure with denominator 0 (nothing was liked, or nothing
        predicted so) has no value and is left out.
    """
    errors(actual, predicted)
    liked, chosen = np.asarray(actual) >= threshold, np.asarray(predicted) >= threshold
    true_positives = int(np.sum(liked & chosen))
    false_positives = int(np.sum(~liked & chosen))
    false_negatives = int(np.sum(liked & ~chosen))
    figures: dict[str, float] = {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": int(np.sum(~liked & ~chosen)),
    }
    if true_positives + false_positives:
        figures["precision"] = true_positives / (true_positives + false_positives)
    if true_positives + false_negatives:
        figures["recall"] = true_positives / (true_positives + false_negatives)
    if true_positives + false_positives + false_negatives:
        figures["f1"] = 2 * true_positives / (2 * true_positives + false_positives + false_negatives)
    return figures


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


def ranking_figures(
    recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0
) -> dict[str, Values]:
    """Return the ranking figures of each user, as foldin.definitions defines them.

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
        One array for each key of `MEANS`; NaN for a user without a held-out item, who has no figure.
    """
    n_relevant = np.diff(relevant.indptr) + np.asarray(extra_relevant, dtype=np.int64)
    return figures_of_hits(hits(recommended, relevant), n_relevant)


def figures_of_hits(found: npt.NDArray[np.bool_], n_relevant: npt.NDArray[np.integer]) -> dict[str, Values]:
    """Return the ranking figures of each user from where in the list the hits are; see `ranking_figures`.

    Parameters
    ----------
    found : ndarray of bool, shape (n, k)
        Which listed items are held out; the first columns of a longer list give the figures at that length.
    n_relevant : ndarray of int, shape (n,)
        Number of each user's held-out items, those outside the catalogue too.
    """
    k = found.shape[1]
    reachable = np.minimum(n_relevant, k)
    ranks = np.arange(1, k + 1)
    n_hits = found.sum(axis=1)
    with np.errstate(invalid="ignore"):
        figures = {
            "precision": n_hits / k,
            "recall": n_hits / n_relevant,
            "ndcg": _discounted(found) / _ideal(reachable, k),
            "average_precision": (found * found.cumsum(axis=1) / ranks).sum(axis=1) / reachable,
            "reciprocal_rank": (found / ranks).max(axis=1),
            "hit": found.any(axis=1).astype(np.float64),
        }
    return {name: np.where(n_relevant > 0, values, np.nan) for name, values in figures.items()}


def ndcg(recommended: IntArray, relevant: sparse.csr_array, extra_relevant: npt.ArrayLike = 0) -> Values:
    """Return the NDCG of each user alone, for training code that watches it; see `ranking_figures`."""
    return ranking_figures(recommended, relevant, extra_relevant)["ndcg"]


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


def validate(model: Recommender, validation: Interactions, k: int, block_users: int = BLOCK_USERS) -> dict[str, float]:
    """Judge a fitted model on the validation part.

    Parameters
    ----------
    model : Recommender
        Fitted on the train part; ranks every item of the catalogue that a user has no train rating of.
    validation : Interactions
        The held-out ratings.
    k : int
        Length of the lists.
    block_users : int, optional
        Users scored at once.

    Returns
    -------
    dict of str to float
        `ndcg_at_<k>`, `recall_at_<k>`, means over users with a validation rating; `rmse` for rating models.

    Raises
    ------
    FoldinError
        When the validation part is empty, or the model gives NaN.
    """
    ratings = validation.ratings
    users = np.flatnonzero(np.diff(ratings.indptr)).astype(np.int32)
    if not len(users):
        raise FoldinError("the validation part is empty", remedy="raise split.validation")
    parts = []
    for block in blocks(users, block_users):
        tick(f"{model.name}: ranking for user {block[0] + 1:,} of {validation.n_users:,}")
        parts.append(ranking_figures(model.recommend(block, k)[0], ratings[block]))
    figures = {
        f"{name}_at_{k}": float(np.mean(np.concatenate([part[name] for part in parts]))) for name in ("ndcg", "recall")
    }
    if isinstance(model, RatingRecommender):
        rows, items, actual = validation.triples()
        figures["rmse"] = rmse(actual, model.predict(rows, items))
    return figures
