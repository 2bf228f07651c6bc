"""Evaluates one fitted model on the test part: its rating errors, its lists, and the metrics of each user.

Rating models predict every test pair, those of unknown users and items too. Every model ranks, for each known user with
a test rating, all items of the catalogue the user has no training rating of; an item is relevant if the user rated it
in the test part, however low. (Metrics with "graded" or "liked" in their names look at the rating: see
foldin.metrics.graded.) Where the split holds out users, models observe their other ratings first (fold-in); where it
gives negatives, held-out items are ranked among these, and every metric of such lists is named `sampled_…`.

Implicit feedback has no ratings to predict, so models have no rating metrics.

Metrics are also given by domain and by the popularity of items: rating metrics over the pairs of its items. A domain's
ranking metrics have candidates and held-out items restricted to it, over the users who have one. A test item that does
not occur in training belongs to no catalogue, so it counts in the overall metrics only.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.core.loops import Blocks
from foldin.core.params import Evaluation
from foldin.core.progress import tick
from foldin.evaluation import aggregate, guards
from foldin.evaluation.oracle import Oracle
from foldin.evaluation.rank_block import CATALOGUE, Lists, RankedBlock, rank_block, refuse_known
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import RankedHits, RatingErrors, top_k
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import LISTS
from foldin.metrics.definitions import COUNTS, OF_LISTS, SAMPLED
from foldin.metrics.metric import compute_all
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender

BYTES_PER_CELL = 20
"""Of a block of scores: in double and single precision, ordered, and copied for each thread."""
USERS_ASKED = 20
"""Users whose lists a model is asked for itself, to see that they are those that its scores make."""


@dataclass(frozen=True)
class Judgement:
    """The results of one model.

    Attributes
    ----------
    predicted : ndarray of float32, shape (n_pairs,), or None
        Predicted ratings of the test pairs; None where scores are not ratings, or feedback is implicit.
    lists : Lists
        The lists of the ranked users, of length `evaluation.k`.
    users : pandas.DataFrame
        One row for each user of the test part: `user_id`, `pairs`, `squared_error` and `absolute_error` (summed over
        the user's pairs), and the user's own value of the metrics of `definitions.OVER_USERS`; NaN where a user or the
        model has none.
    metrics : dict
        The model's metrics, as written to the metrics file.
    seconds : float
        How long the model took to predict the test pairs and to score all items for the ranked users.
    stds : ndarray of float32, shape (n_pairs,), or None
        Predictive standard deviations of the test ratings; None where the model has none.
    """

    predicted: FloatArray | None
    lists: Lists
    users: pd.DataFrame
    metrics: dict[str, Any]
    seconds: float = 0.0
    stds: FloatArray | None = None


Ranker = Callable[[Iterator[IntArray]], Iterable[RankedBlock]]
"""Ranks for each block of users, in order."""


class _Ranked(NamedTuple):
    lists: dict[str, Lists]
    of_scores: dict[str, Values]
    predicted: FloatArray | None
    seconds: float


def evaluate_model(
    model: Recommender | Oracle, test: HeldOut, settings: Evaluation, label: str, ranker: Ranker | None = None
) -> Judgement:
    """Evaluate a model on the test part.

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
    ranker : callable, optional
        Ranks blocks of users instead of this process, in the order of the blocks: another engine has its own.

    Raises
    ------
    FoldinError
        When the model is of other data, gives NaN, recommends an item its user is known to have rated or other items
        than its scores say, or a metric lies outside its bounds.
    """
    _refuse_other_data(model, test)
    ranked = _rank(model, test, settings, label, ranker)
    if isinstance(model, Recommender):
        _refuse_other_lists(model, test, settings.k)
    predicted, best = ranked.predicted, ranked.lists[CATALOGUE].items
    found = metrics.hits(best, test.relevant[test.ranked])
    n_held = np.diff(test.relevant.indptr)[test.ranked] + test.cold_items[test.ranked]
    lists = Lists(best[:, : settings.k], ranked.lists[CATALOGUE].scores[:, : settings.k])
    listed = aggregate.lists_of_all(test, lists.items)
    graded = aggregate.graded_metrics(test, best, settings.liked_share)
    by_user = metrics.metrics_of_hits(RankedHits(found[:, : settings.k], n_held)) | graded(settings.k)
    by_user |= ranked.of_scores | compute_all(LISTS, listed)
    errors = None if predicted is None else aggregate.rating_errors(test, predicted)
    prefix = SAMPLED if test.negatives is not None else ""

    measured: dict[str, Any] = compute_all(COUNTS, test)
    measured |= {f"{prefix}{name}": value for name, value in aggregate.list_metrics(by_user, listed).items()}
    measured["other_lengths"] = {
        f"{prefix}{name}": value
        for k in settings.ks
        for name, value in aggregate.over_users(
            OF_LISTS, metrics.metrics_of_hits(RankedHits(found[:, :k], n_held)) | graded(k), f"_at_{k}"
        ).items()
    }
    if predicted is not None and errors is not None:
        measured |= aggregate.rating_metrics(errors)
        liked_from = test.training.scale.liked_from(settings.liked_share)
        measured["liked"] = metrics.confusion(test.ratings, predicted, liked_from)
    if test.domains:
        measured["domains"] = {
            domain: aggregate.domain_metrics(test, domain, ranked.lists[domain].items[:, : settings.k], errors, prefix)
            for domain in test.domains
        }
    measured["popularity"] = aggregate.bucket_metrics(test, lists.items, found[:, : settings.k], errors, prefix)
    guards.check_bounds(measured)
    users = _users(test, errors, by_user, prefix)
    return Judgement(predicted, lists, users, measured, ranked.seconds, _stds(model, test))


def _users(test: HeldOut, errors: RatingErrors | None, by_user: dict[str, Values], prefix: str) -> pd.DataFrame:
    """Return the results of each user of the test part; those without history are last, and have no list."""
    users = test.users[["user_id", "pairs"]].copy()
    users["squared_error"] = np.nan if errors is None else errors.squared_by_user
    users["absolute_error"] = np.nan if errors is None else errors.absolute_by_user
    without = np.full(len(users) - len(test.ranked), np.nan)
    return users.assign(**{f"{prefix}{name}": np.r_[values, without] for name, values in by_user.items()})


def _refuse_other_data(model: Recommender | Oracle, test: HeldOut) -> None:
    known, training = model.known, (test.known if isinstance(model, Oracle) else test.training).ratings
    if known.shape != training.shape:
        raise FoldinError(
            f"fitted on {known.shape} users and items, the training part has {training.shape}",
            remedy="train it again: dvc repro",
        )
    if not (np.array_equal(known.indptr, training.indptr) and np.array_equal(known.indices, training.indices)):
        raise FoldinError("fitted on other ratings than the training part's", remedy="train it again: dvc repro")


def _predict(model: Recommender | Oracle, test: HeldOut, label: str) -> FloatArray | None:
    if test.training.scale.feedback == "implicit":
        return None  # Nobody gave a rating: a metric of errors in predicting counts would pass for one of ratings.
    if isinstance(model, Oracle):
        return model.predict_ids(test.pairs["user_id"], test.pairs["item_id"])
    if not isinstance(model, RatingRecommender):
        return None
    tick(f"{label}: predicting {len(test.pairs):,} ratings")
    users, items = test.indices
    if test.fold_in is None:
        return model.predict(users, items, test.days)
    # Of items that training has never seen; all others are filled in block by block, when their users are folded in.
    return model.clipped(model.biases_of(test.fold_in.ratings).predict(users, items))


def _stds(model: Recommender | Oracle, test: HeldOut) -> FloatArray | None:
    """Return how sure the model says it is of each test rating; folded-in users have no such numbers."""
    if (
        test.training.scale.feedback == "implicit"
        or test.fold_in is not None
        or not isinstance(model, RatingRecommender)
    ):
        return None
    return model.predict_std(*test.indices, test.days)


def _rank(
    model: Recommender | Oracle, test: HeldOut, settings: Evaluation, label: str, ranker: Ranker | None
) -> _Ranked:
    """Rank for all users, in blocks: lists out of the whole catalogue and of each domain (its own item numbers)."""
    start = time.perf_counter()
    predicted = _predict(model, test, label)
    seconds = time.perf_counter() - start
    size = max(1, int(settings.block_megabytes * 1e6 / BYTES_PER_CELL / test.training.n_items))
    parts = list((ranker or partial(_here, model, test, settings, label))(metrics.blocks(test.ranked, size)))
    lists = {
        scope: Lists(*(np.concatenate(arrays) for arrays in zip(*(part.lists[scope] for part in parts), strict=True)))
        for scope in (CATALOGUE, *test.domains)
    }
    of_scores = {metric.name: np.concatenate([part.of_scores[metric.name] for part in parts]) for metric in SCORES}
    if predicted is not None and test.fold_in is not None:
        for part in parts:
            if part.of_pairs is not None:
                predicted[part.of_pairs.places] = part.of_pairs.ratings
    return _Ranked(lists, of_scores, predicted, seconds + sum(part.seconds for part in parts))


def _here(
    model: Recommender | Oracle, test: HeldOut, settings: Evaluation, label: str, blocks: Iterator[IntArray]
) -> Iterator[RankedBlock]:
    shown = Blocks(f"{label}: ranking for user", test.known.n_users)
    for users in blocks:
        shown.begin(int(users[0]))
        yield rank_block(model, test, settings, users)


def _refuse_other_lists(model: Recommender, test: HeldOut, k: int) -> None:
    """Compare the lists of `recommend` with those made here from the scores, which the metrics are computed on."""
    # The model was not trained on held-out users, so it is asked about those it was trained on.
    everyone = test.ranked if test.fold_in is None else np.arange(test.training.n_users, dtype=np.int32)
    users = everyone[:USERS_ASKED]
    own = np.asarray(model.recommend(users, k)[0])
    refuse_known(own, users, test.training)
    best = top_k.top_k(model.score(users), k, exclude=test.training.ratings[users])[0]
    if own.shape != best.shape:
        raise FoldinError(
            f"recommends lists of shape {own.shape} to {len(users)} users asked for {k} items",
            remedy="return k items for each user, -1 where there is none",
        )
    if not np.array_equal(own, best):
        row = int(np.argmax((own != best).any(axis=1)))
        user = test.training.users["user_id"].iloc[users[row]]
        raise FoldinError(
            f"recommends to user '{user}' {_named(own[row], test)}, where its scores say {_named(best[row], test)}",
            remedy="let `recommend` follow `score`, which metrics are computed on; that of the base class does",
        )


def _named(items: IntArray, test: HeldOut) -> str:
    return ", ".join(test.training.items["item_id"].iloc[items[items >= 0]]) or "nothing"
