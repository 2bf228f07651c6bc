"""Ranks for a block of users: their lists out of the whole catalogue and of each domain, and the metrics of scores.

Any engine can do this: it needs the model and the test part, and nothing of other blocks.
"""

import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.core.params import Evaluation
from foldin.evaluation.oracle import Oracle
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import top_k
from foldin.metrics.auc import SCORES
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender

CATALOGUE = ""
"""The scope of a list that may hold any item, beside the domains."""


class Lists(NamedTuple):
    """Recommendation lists, best first: items (int32, -1 where candidates ran out) and scores, each of shape (n, k)."""

    items: IntArray
    scores: FloatArray


class OfPairs(NamedTuple):
    """Predicted ratings of folded-in users: places among the test pairs, shape (n,), and float32 ratings."""

    places: npt.NDArray[np.intp]
    ratings: FloatArray


class RankedBlock(NamedTuple):
    """What ranking for a block of users gives.

    Attributes
    ----------
    lists : dict of str to Lists
        Scope → lists of the users; those of a domain have its own item numbers.
    of_scores : dict of str to ndarray of float64, shape (n,)
        The values of the metrics of `SCORES`.
    of_pairs : OfPairs or None
        None unless users are folded in and the model predicts ratings.
    seconds : float
        How long the model took to score.
    """

    lists: dict[str, Lists]
    of_scores: dict[str, Values]
    of_pairs: OfPairs | None
    seconds: float


def rank_block(model: Recommender | Oracle, test: HeldOut, settings: Evaluation, users: IntArray) -> RankedBlock:
    """Rank for some users.

    Parameters
    ----------
    model : Recommender or Oracle
        The fitted model.
    test : HeldOut
        The test part.
    settings : Evaluation
        Section `evaluation` of params.yaml.
    users : ndarray of int32, shape (n,)
        Users of `test.ranked`, ascending.

    Raises
    ------
    FoldinError
        When a score is not finite, or an item is recommended that its user is known to have rated.
    """
    # Scored once for all scopes, then ranked exactly as Recommender.recommend does.
    length, known = max(settings.k, *settings.ks), test.known.ratings[users]
    folding_in = test.fold_in is not None and isinstance(model, Recommender)
    start = time.perf_counter()
    scores = model.fold_in(known) if folding_in else model.score(users)  # type: ignore[union-attr]
    seconds = time.perf_counter() - start
    _refuse_infinite(scores, users, test)
    of_pairs = None
    if folding_in and isinstance(model, RatingRecommender) and test.training.scale.feedback != "implicit":
        of_pairs = _of_pairs(model, scores, users, test)
    relevant = test.relevant[users]
    if test.negatives is not None:
        scores = _among(scores, test.negatives[users], relevant)
    lists = {CATALOGUE: Lists(*top_k.top_k(scores, length, exclude=known))}
    refuse_known(lists[CATALOGUE].items, users, test.known)
    of_scores = {metric.name: metric.compute(scores, known, relevant, test.cold_items[users]) for metric in SCORES}
    for domain, members in test.domains.items():
        lists[domain] = Lists(*top_k.top_k(scores[:, members], length, exclude=known[:, members]))
    return RankedBlock(lists, of_scores, of_pairs, seconds)


def _among(scores: FloatArray, negatives: sparse.csr_array, relevant: sparse.csr_array) -> FloatArray:
    """Return scores of each user's negatives and held-out items, -inf for all others."""
    sampled = np.full_like(scores, -np.inf)
    for part in (negatives, relevant):
        rows = np.repeat(np.arange(len(scores)), np.diff(part.indptr))
        sampled[rows, part.indices] = scores[rows, part.indices]
    return sampled


def _of_pairs(model: Any, scores: FloatArray, users: IntArray, test: HeldOut) -> OfPairs:
    pair_users, pair_items = test.indices
    place = np.searchsorted(users, pair_users)
    mine = test.warm & (place < len(users))
    mine[mine] = users[place[mine]] == pair_users[mine]
    return OfPairs(np.flatnonzero(mine), model.clipped(scores[place[mine], pair_items[mine]]))


def _refuse_infinite(scores: FloatArray, users: IntArray, test: HeldOut) -> None:
    if not (np.isfinite(scores.min()) and np.isfinite(scores.max())):
        row = int(np.argmin(np.isfinite(scores).all(axis=1)))
        user = test.known.users["user_id"].iloc[users[row]]
        kind = "NaN" if np.isnan(scores[row]).any() else "infinity"
        raise FoldinError(f"the scores of user '{user}' hold {kind}", remedy="it diverged; lower its learning rate")


def refuse_known(items: IntArray, users: IntArray, known: Interactions) -> None:
    """Refuse lists, shape (n, k), of items that their users have rated."""
    wrong = metrics.hits(items, known.ratings[users])
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        user, item = known.users["user_id"].iloc[users[row]], known.items["item_id"].iloc[items[row, place]]
        raise FoldinError(
            f"recommends '{item}' to user '{user}', who has rated it in the training part",
            remedy="exclude what the model was fitted on, and fit it on all training data",
        )
