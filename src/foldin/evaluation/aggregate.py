"""Metrics from a model's errors and lists: overall, of each domain, by popularity, and by ratings of hits.

The metrics are defined in foldin.metrics.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from foldin import metrics
from foldin.core.interactions import UNKNOWN, FloatArray, IntArray, Values
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import RankedHits, RatingErrors, beyond_accuracy, graded, ranking, uncertainty
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, CATALOGUE, LISTS, Listed
from foldin.metrics.definitions import OF_LISTS
from foldin.metrics.graded import RankedGains
from foldin.metrics.metric import Metric, compute_all
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import RATING


def rating_errors(test: HeldOut, predicted: FloatArray) -> RatingErrors:
    """Return the errors of predicted ratings of all test pairs, computed here once for all that needs them."""
    error = metrics.errors(test.ratings, predicted)
    return RatingErrors(test.ratings.astype(np.float64), error, test.user_rows, len(test.users), test.warm)


def lists_of_all(test: HeldOut, items: IntArray) -> Listed:
    """Return the lists of the ranked users, shape (n, k), with the catalogue they are from."""
    known = test.known.ratings[test.ranked]
    return Listed(items, test.popularity, test.training.n_users, test.genres, known)


def over_users(chosen: Iterable[Metric], by_user: Mapping[str, Values], ending: str = "") -> dict[str, float]:
    """Return the means over users of metrics, with a standard error where it is asked for.

    Parameters
    ----------
    chosen : iterable of Metric
        What to average; those that `by_user` has not are left out.
    by_user : mapping of str to ndarray of float64, shape (n,)
        The values of users, by metric; NaN where a user has none.
    ending : str, optional
        What ends the names: "_at_10" for lists of 10.
    """
    measured = {}
    for metric in chosen:
        found = uncertainty.user_mean(by_user[metric.name]) if metric.name in by_user else None
        if found is not None:
            measured[f"{metric.name}{ending}"] = found[0]
            if metric.standard_error is not None:
                measured[f"{metric.name}{ending}_se"] = metric.standard_error(by_user[metric.name])
    return measured


def rating_metrics(errors: RatingErrors, *, of_group: bool = False) -> dict[str, float]:
    """Return the metrics of predicted ratings, of a group of pairs those that groups have."""
    chosen = [metric for metric in RATING if metric.of_groups or not of_group]
    measured: dict[str, float] = compute_all(chosen, errors)
    return measured | {f"{each.name}_se": each.standard_error(errors) for each in chosen if each.standard_error}


def list_metrics(by_user: Mapping[str, Values], listed: Listed) -> dict[str, float]:
    """Return the metrics of scores and lists: what is held out of them, and what accuracy does not see."""
    ending = f"_at_{listed.items.shape[1]}"
    measured = over_users((*OF_LISTS, *LISTS), by_user, ending) | over_users(SCORES, by_user)
    return measured | {f"{name}{ending}": value for name, value in compute_all(CATALOGUE, listed).items()}


def graded_metrics(test: HeldOut, items: IntArray, liked_share: float) -> Callable[[int], dict[str, Values]]:
    """Return what gives the metrics of `GRADED` and `LIKED_ONLY` at each length of list.

    Parameters
    ----------
    test : HeldOut
        The test part.
    items : ndarray of int32, shape (n_ranked, length)
        The lists of the ranked users.
    liked_share : float
        `evaluation.liked_share`: how far up the scale "liked" begins.

    Returns
    -------
    callable
        From k, at most the length, to the values of the ranked users by metric, each of shape (n_ranked,); no metric
        where feedback is implicit, since nobody gave a rating.
    """
    scale = test.training.scale
    if scale.feedback == "implicit":
        return lambda k: {}
    users, _ = test.indices
    n, length = items.shape
    known = users != UNKNOWN
    rows = np.searchsorted(test.ranked, users[known])
    ratings = test.ratings[known]
    best = graded.best_gains(rows, graded.gains(ratings, scale), n, length)
    listed = graded.held_ratings(items, test.relevant[test.ranked])
    gained = graded.gains(listed, scale)
    # As `metrics.confusion` does, so that both mean the same by liked.
    liked_from = scale.liked_from(liked_share)
    liked, n_liked = listed >= liked_from, np.bincount(rows[ratings >= liked_from], minlength=n)

    def at(k: int) -> dict[str, Values]:
        of_gains = graded.metrics_of_gains(RankedGains(gained[:, :k], best[:, :k]))
        return of_gains | graded.metrics_of_liked(RankedHits(liked[:, :k], n_liked))

    return at


def domain_metrics(
    test: HeldOut, domain: str, items: IntArray, errors: RatingErrors | None, prefix: str
) -> dict[str, Any]:
    """Return metrics of a domain, whose lists, shape (n, k), number its own items."""
    members = test.domains[domain]
    chosen = np.isin(test.indices[1], members)
    by_user = metrics.ranking_metrics(items, test.relevant[test.ranked][:, members])
    involved = ~np.isnan(by_user["ndcg"])
    known = test.known.ratings[test.ranked[involved]][:, members]
    listed = Listed(items[involved], test.popularity[members], test.training.n_users, test.genres[members], known)
    ending = f"_at_{items.shape[1]}"
    of_lists = over_users((each for each in RANKING if each.of_groups), by_user, ending)
    of_catalogue = compute_all((each for each in CATALOGUE if each.of_groups), listed)
    of_lists |= {f"{name}{ending}": value for name, value in of_catalogue.items()}
    measured: dict[str, Any] = {"pairs": int(chosen.sum()), "users_ranked": int(involved.sum())}
    measured |= {f"{prefix}{name}": value for name, value in of_lists.items()}
    if errors is None or not chosen.any():
        return measured
    scale = test.own_scales.get(domain)
    own_width = None if scale is None else scale.highest - scale.lowest
    return measured | rating_metrics(errors.among(chosen, own_width), of_group=True)


def bucket_metrics(
    test: HeldOut, items: IntArray, found: npt.NDArray[np.bool_], errors: RatingErrors | None, prefix: str
) -> dict[str, dict[str, Any]]:
    """Return metrics by popularity: recall of held-out items, share of list places, rating metrics of pairs."""
    ending, groups = f"_at_{items.shape[1]}", beyond_accuracy.buckets(test.popularity)
    relevant = test.relevant[test.ranked]
    rows = np.repeat(np.arange(len(items)), np.diff(relevant.indptr))
    tables = {}
    for number, name in enumerate(beyond_accuracy.BUCKETS):
        listed = (items >= 0) & (groups[items] == number)
        n_held = np.bincount(rows, groups[relevant.indices] == number, len(items))
        # A cold item has no popularity, so it is in no bucket.
        chosen = (test.indices[1] != UNKNOWN) & (groups[test.indices[1]] == number)
        measured: dict[str, Any] = {"pairs": int(chosen.sum())}
        if n_held.any():
            hits = RankedHits((found & listed)[n_held > 0], n_held[n_held > 0])
            measured[f"{prefix}recall{ending}"] = float(ranking.recall(hits).mean())
        for metric in BUCKETED:
            value = metric.compute(items, groups == number)
            measured |= {} if value is None else {f"{prefix}{metric.name}{ending}": value}
        if errors is not None and chosen.any():
            measured |= rating_metrics(errors.among(chosen), of_group=True)
        tables[name] = measured
    return tables
