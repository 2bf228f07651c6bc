"""Judges one fitted model on the test part: its rating errors, its lists, and what they come to for every user.

Rating models predict every test pair, those of unknown users and items too. Every model ranks, for each known user with
a test rating, all items of the catalogue the user has no training rating of; whatever the user is found to have rated
in the test part is relevant, however it was rated. (What was liked is judged apart, as a classification.)

Where feedback is implicit there is no rating to predict, so no model has rating figures.

Where a data set has several domains, the figures are also given for each: rating figures over the pairs of its items;
ranking figures with candidates and held-out items restricted to it, over the users who have one. A test item that the
training part has never seen belongs to no catalogue, so it counts in the overall figures only.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics, ranking, uncertainty
from foldin.errors import FoldinError
from foldin.held_out import HeldOut
from foldin.interactions import UNKNOWN, FloatArray, IntArray
from foldin.metrics import Values
from foldin.oracle import Oracle
from foldin.params import Evaluation
from foldin.progress import tick
from foldin.recommender import RatingRecommender, Recommender

CATALOGUE = ""
"""The scope of a list that may hold any item, beside the domains."""


class Lists(NamedTuple):
    """Recommendation lists, best first: items (int32, -1 where candidates ran out) and scores, each of shape (n, k)."""

    items: IntArray
    scores: FloatArray


@dataclass(frozen=True)
class Judgement:
    """What evaluation found out about one model.

    Attributes
    ----------
    predicted : ndarray of float32, shape (n_pairs,), or None
        Predicted ratings of the test pairs; None where scores are not ratings, or feedback is implicit.
    lists : Lists
        The lists of the ranked users.
    users : pandas.DataFrame
        One row for each user of the test part: `user_id`, `pairs`, `squared_error` (summed over the user's pairs) and
        the ranking figures of `metrics.MEANS`; NaN where a user or the model has none.
    figures : dict
        The model's figures, as written to the metrics file.
    """

    predicted: FloatArray | None
    lists: Lists
    users: pd.DataFrame
    figures: dict[str, Any]


def judge(model: Recommender | Oracle, test: HeldOut, settings: Evaluation, label: str) -> Judgement:
    """Judge a model on the test part.

    Parameters
    ----------
    model : Recommender or Oracle
        The fitted model.
    test : HeldOut
        The test part.
    settings : Evaluation
        Section `evaluation` of params.yaml.
    label : str
        What progress lines call the model.

    Raises
    ------
    FoldinError
        When the model is of other data, gives NaN, or recommends an item its user is known to have rated.
    """
    _refuse_other_data(model, test)
    predicted = _predict(model, test, label)
    lists = _lists(model, test, settings, label)
    everything = metrics.ranking_figures(
        lists[CATALOGUE].items, test.relevant[test.ranked], test.cold_items[test.ranked]
    )

    users = test.people[["user_id", "pairs"]].copy()
    without = np.full(len(users) - len(test.ranked), np.nan)
    users["squared_error"] = np.nan
    users = users.assign(**{name: np.concatenate([values, without]) for name, values in everything.items()})

    figures: dict[str, Any] = {
        "pairs": len(test.pairs),
        "cold_pairs": int((np.minimum(*test.indices) == UNKNOWN).sum()),
        "users_ranked": len(test.ranked),
        "users_without_history": len(without),
    }
    figures |= _ranking_means(everything, lists[CATALOGUE].items, test.training.n_items)
    if predicted is not None:
        every = np.ones(len(predicted), dtype=bool)
        users["squared_error"] = _by_person(test, np.square(metrics.errors(test.ratings, predicted)), every)
        figures |= _rating_figures(test, predicted, every)
        liked_from = test.training.scale.liked_from(settings.liked_share)
        figures["liked"] = metrics.confusion(test.ratings, predicted, liked_from)
    if test.domains:
        figures["domains"] = {
            domain: _domain_figures(test, domain, lists[domain].items, predicted) for domain in test.domains
        }
    return Judgement(predicted, lists[CATALOGUE], users, figures)


def _refuse_other_data(model: Recommender | Oracle, test: HeldOut) -> None:
    known, training = model.known, test.training.ratings
    if known.shape != training.shape:
        raise FoldinError(
            f"fitted on {known.shape} users and items, the training part has {training.shape}",
            remedy="train it again: dvc repro",
        )
    if not (np.array_equal(known.indptr, training.indptr) and np.array_equal(known.indices, training.indices)):
        raise FoldinError("fitted on other ratings than the training part's", remedy="train it again: dvc repro")


def _predict(model: Recommender | Oracle, test: HeldOut, label: str) -> FloatArray | None:
    if test.training.scale.feedback == "implicit":
        return None  # Nobody gave a rating: a figure of errors in predicting counts would pass for one of ratings.
    if isinstance(model, Oracle):
        return model.predict_ids(test.pairs["user_id"], test.pairs["item_id"])
    if isinstance(model, RatingRecommender):
        tick(f"{label}: predicting {len(test.pairs):,} ratings")
        return model.predict(*test.indices)
    return None


def _lists(model: Recommender | Oracle, test: HeldOut, settings: Evaluation, label: str) -> dict[str, Lists]:
    """Return the ranked users' lists out of the whole catalogue and out of each domain (its own item numbers)."""
    blocks: dict[str, list[Lists]] = {scope: [] for scope in (CATALOGUE, *test.domains)}
    for users in metrics.blocks(test.ranked, settings.block_users):
        tick(f"{label}: ranking for user {users[0] + 1:,} of {test.training.n_users:,}")
        # Scored once for all scopes, then ranked exactly as Recommender.recommend does.
        scores, known = model.score(users), model.known[users]
        if np.isnan(scores.min()):
            user = test.training.users["user_id"].iloc[users[np.isnan(scores).any(axis=1)][0]]
            raise FoldinError(f"the scores of user '{user}' hold NaN", remedy="it diverged; lower its learning rate")
        best = Lists(*ranking.top_k(scores, settings.k, exclude=known))
        _refuse_known(best.items, users, test)
        blocks[CATALOGUE].append(best)
        for domain, members in test.domains.items():
            of_domain = ranking.top_k(scores[:, members], settings.k, exclude=known[:, members])
            blocks[domain].append(Lists(*of_domain))
    return {
        scope: Lists(np.concatenate([part.items for part in parts]), np.concatenate([part.scores for part in parts]))
        for scope, parts in blocks.items()
    }


def _refuse_known(items: IntArray, users: IntArray, test: HeldOut) -> None:
    wrong = metrics.hits(items, test.training.ratings[users])
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        user = test.training.users["user_id"].iloc[users[row]]
        item = test.training.items["item_id"].iloc[items[row, place]]
        raise FoldinError(
            f"recommends '{item}' to user '{user}', who has rated it in the training part",
            remedy="exclude what the model was fitted on, and fit it on all training data",
        )


def _ranking_means(by_user: dict[str, Values], items: IntArray, n_items: int) -> dict[str, float]:
    k = items.shape[1]
    figures = {}
    for name, title in metrics.MEANS.items():
        found = uncertainty.user_mean(by_user[name])
        if found is not None:
            figures[f"{title}_at_{k}"] = found[0]
            if name == "ndcg":
                figures[f"{title}_at_{k}_se"] = found[1]
    return figures | {f"coverage_at_{k}": metrics.coverage(items, n_items)}


def _rating_figures(test: HeldOut, predicted: FloatArray, chosen: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return RMSE with its standard error, and MAE, over the chosen pairs, of which there is at least one."""
    actual, guess = test.ratings[chosen], predicted[chosen]
    counts = np.bincount(test.person[chosen], minlength=len(test.people))
    squared = _by_person(test, np.square(metrics.errors(actual, guess)), chosen)
    return {
        "rmse": metrics.rmse(actual, guess),
        "rmse_se": uncertainty.rmse(squared[counts > 0], counts[counts > 0])[1],
        "mae": metrics.mae(actual, guess),
    }


def _by_person(test: HeldOut, values: Values, chosen: npt.NDArray[np.bool_]) -> Values:
    sums: Values = np.bincount(test.person[chosen], values, len(test.people)).astype(np.float64)
    return sums


def _domain_figures(test: HeldOut, domain: str, items: IntArray, predicted: FloatArray | None) -> dict[str, float]:
    members = test.domains[domain]
    chosen = np.isin(test.indices[1], members)
    by_user = metrics.ranking_figures(items, test.relevant[test.ranked][:, members])
    involved = ~np.isnan(by_user["ndcg"])
    figures: dict[str, float] = {"pairs": int(chosen.sum()), "users_ranked": int(involved.sum())}
    figures |= _ranking_means(by_user, items[involved], len(members))
    if predicted is not None and chosen.any():
        figures |= _rating_figures(test, predicted, chosen)
    return figures
