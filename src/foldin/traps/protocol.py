"""Traps of the whole field: the same models, judged in ways that flatter them.

Every function returns a table of `foldin.traps.gallery.table`. What each way does wrong is in its name and first line.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics
from foldin.core.interactions import UNKNOWN, Interactions
from foldin.metrics import top_k
from foldin.models.parts import bias
from foldin.models.parts.recommender import RatingRecommender, Recommender
from foldin.traps.parts import rows_of
from foldin.traps.tables import AS_PUBLISHED, KNOWING_NOTHING, MENDED, Row, need, table

Values = npt.NDArray[np.float64]


def _reading(name: str) -> str:
    return KNOWING_NOTHING if name == "random" else AS_PUBLISHED


def only_rated_items(test: Interactions, models: Mapping[str, Recommender], k: int, liked_above: float) -> pd.DataFrame:
    """Rank a user's test items only, instead of the whole catalogue: all of them were picked by the user already.

    Parameters
    ----------
    test : Interactions
        The held-out ratings.
    models : mapping of str to Recommender
        Fitted; "random" has learnt nothing.
    k : int
        Length of the lists.
    liked_above : float
        An item is relevant when its held-out rating is above this, in both ways of ranking.
    """
    liked = test.ratings.copy()
    liked.data = (liked.data > liked_above).astype(np.float32)
    liked.eliminate_zeros()
    asked = np.flatnonzero(np.diff(liked.indptr)).astype(np.int32)
    need(len(asked), f"no held-out rating is above the mean, {liked_above:.4g}")
    rated = np.zeros((len(asked), test.n_items), dtype=bool)
    rows = np.repeat(np.arange(len(asked)), np.diff(test.ratings.indptr)[asked])
    rated[rows, test.ratings[asked].indices] = True
    readings: list[Row] = []
    for name, model in models.items():
        scores = model.score(asked)
        few = top_k.top_k(np.where(rated, scores, -np.inf), k)[0]
        whole = top_k.top_k(scores, k, exclude=model.known[asked])[0]
        ndcg = {
            f"NDCG@{k}, rated items only": metrics.ndcg(few, liked[asked]).mean(),
            f"NDCG@{k}, whole catalogue": metrics.ndcg(whole, liked[asked]).mean(),
        }
        readings.append((_reading(name), name, ndcg))
    return table(*readings)


def sampled_candidates(
    test: Interactions, models: Mapping[str, Recommender], candidates: int, k: int, seed: int
) -> pd.DataFrame:
    """Rank one held-out item among a few sampled ones, and print the hit rate as if the catalogue were that small.

    Parameters
    ----------
    test : Interactions
        The held-out ratings; one of each user is asked for.
    models : mapping of str to Recommender
        Fitted; "random" has learnt nothing.
    candidates : int
        Items in a list, the held-out one included.
    k : int
        A hit is a rank up to this.
    seed : int
        Seed of the item asked for and of the sampled ones.
    """
    need(test.n_items > 1, "there is one item, so no list to rank")
    rng = np.random.default_rng(seed)
    counts = np.diff(test.ratings.indptr)
    asked = np.flatnonzero(counts).astype(np.int32)
    places = test.ratings.indptr[asked] + (rng.random(len(asked)) * counts[asked]).astype(np.int32)
    held = test.ratings.indices[places]
    lottery = rng.random((len(asked), test.n_items))
    readings: list[Row] = []
    for name, model in models.items():
        scores, known = model.score(asked), model.known[asked]
        possible = np.ones(scores.shape, dtype=bool)
        possible[np.repeat(np.arange(len(asked)), np.diff(known.indptr)), known.indices] = False
        possible[np.arange(len(asked)), held] = False
        tickets = np.where(possible, lottery, np.inf)
        n_others = min(candidates - 1, test.n_items - 1)
        last = np.partition(tickets, n_others - 1, axis=1)[:, n_others - 1, None]
        sampled = possible & (tickets <= last)
        own = scores[np.arange(len(asked)), held, None]
        ahead = (scores > own) | ((scores == own) & (np.arange(test.n_items) < held[:, None]))
        figures_ = {
            f"hit rate@{k}, {among}": float(np.mean((ahead & of).sum(axis=1) < k))
            for among, of in ((f"among {candidates}", sampled), ("whole catalogue", possible))
        }
        readings.append((_reading(name), name, figures_))
    return table(*readings)


def telling_negatives(train: Interactions, test: Interactions, draws: int, k: int, seed: int) -> pd.DataFrame:
    """Draw negatives for training from what is in no part, so that what is never drawn must be the test part.

    The "model" has learnt nothing but how often it saw each item as a negative of a user: the rarest come first.

    Parameters
    ----------
    train, test : Interactions
        Parts of the ratings of the same users.
    draws : int
        How often each item that may be a negative of a user is drawn, on average, over all epochs together.
    k : int
        Length of the lists.
    seed : int
        Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    asked = np.flatnonzero(np.diff(test.ratings.indptr)).astype(np.int32)
    known, held = (part.ratings[asked].astype(bool).toarray() for part in (_filled(train), _filled(test)))

    def figures_(allowed: npt.NDArray[np.bool_]) -> dict[str, float]:
        seen = rng.poisson(draws * allowed)
        lists = top_k.top_k(-seen.astype(np.float32), k, exclude=train.ratings[asked])[0]
        by_user = metrics.ranking_metrics(lists, test.ratings[asked])
        return {f"{name}@{k}": float(by_user[name].mean()) for name in ("precision", "recall", "hit")}

    return table(
        (AS_PUBLISHED, "negatives avoid the train and the test part", figures_(~known & ~held)),
        (MENDED, "negatives avoid the train part only", figures_(~known)),
    )


def _filled(part: Interactions) -> Interactions:
    """Return the part with 1 in every filled cell, so that a rating of 0 counts as filled."""
    ones = part.ratings.copy()
    ones.data = np.ones_like(ones.data)
    return part.with_ratings(ones)


def duplicates(ratings: Interactions, copied: float, share: float, damping: float, seed: int) -> pd.DataFrame:
    """Split a log that holds some rows twice: the copy in the train part answers for the one in the test part.

    The "model" looks a pair up among the rows it has, and else predicts as the other line does.

    Parameters
    ----------
    ratings : Interactions
        Ratings without duplicates.
    copied : float
        Share of them that the log holds twice.
    share : float
        Share of the rows that is held out.
    damping : float
        Of the bias model.
    seed : int
        Seed of copies and split.
    """
    rng = np.random.default_rng(seed)
    once = np.arange(ratings.ratings.nnz)
    twice = np.concatenate([once, np.flatnonzero(rng.random(len(once)) < copied)])
    readings: list[Row] = []
    for reading, log, how in (
        (AS_PUBLISHED, twice, "duplicates split at random"),
        (MENDED, once, "duplicates dropped first"),
    ):
        held = rng.random(len(log)) < share
        need(held.any() and not held.all(), f"{len(log)} rows are too few to hold a share of {share} of them out")
        for name, figures_ in _with_look_up(ratings, np.unique(log[~held]), log[held], damping).items():
            nothing = reading == AS_PUBLISHED and name == "mean"
            readings.append((KNOWING_NOTHING if nothing else reading, f"{name}, {how}", figures_))
    found = table(*readings)
    need(found["RMSE"].all(), "the mean or the biases make no error to begin with")
    return found


def _with_look_up(
    ratings: Interactions, known: npt.NDArray[np.intp], asked: npt.NDArray[np.intp], damping: float
) -> dict[str, dict[str, float]]:
    """Return the metrics of the mean and of the biases, alone and with known rows looked up."""
    train = rows_of(ratings, known)
    users, items, values = ratings.triples()
    actual = values[asked]
    biases = bias.fit(train, damping).predict(users[asked], items[asked])
    guesses = {
        "mean": np.full(len(asked), train.ratings.data.mean(dtype=np.float64)),
        "bias": np.clip(biases, train.scale.lowest, train.scale.highest),
    }
    seen = np.isin(asked, known)
    return {
        name: {
            "RMSE": metrics.rmse(actual, guess),
            "RMSE with the look-up": metrics.rmse(actual, np.where(seen, actual, guess)),
            "test rows also in train, %": 100 * float(seen.mean()),
        }
        for name, guess in guesses.items()
    }


def called_temporal(
    ratings: Interactions, times: Values, models: Mapping[str, RatingRecommender], share: float, seed: int
) -> pd.DataFrame:
    """Call a random split temporal: the past is then predicted from the future.

    Parameters
    ----------
    ratings : Interactions
        All ratings.
    times : ndarray of float64, shape (n_ratings,)
        When each of `ratings.triples()` was given, in seconds.
    models : mapping of str to RatingRecommender
        Unfitted.
    share : float
        Share of the ratings held out.
    seed : int
        Seed of the random split.

    Raises
    ------
    NotShownError
        Where a time is unknown, or no rating is later than the others.
    """
    unknown = np.isnan(times)
    which = "no rating has a time" if unknown.all() else f"{unknown.sum():,} of {len(times):,} ratings have no time"
    need(not unknown.any(), f"{which}, so no split of them may be called temporal")
    later_ones = times > np.quantile(times, 1 - share)
    need(later_ones.any(), f"too many ratings are of the latest moment to hold the latest {share:.0%} of them out")
    users, items, values = ratings.triples()
    splits = {
        AS_PUBLISHED: ("random split", np.random.default_rng(seed).random(len(times)) < share),
        MENDED: ("all of test after all of train", later_ones),
    }
    readings: list[Row] = []
    for reading, (how, held) in splits.items():
        need(held.any() and not held.all(), f"{len(held)} ratings are too few to hold a share of {share} of them out")
        train = rows_of(ratings, ~held)
        # What the train part has never seen is unknown, and falls back on the other side's bias.
        pairs = [
            np.where(np.isin(side[held], side[~held]), side[held], UNKNOWN).astype(np.int32) for side in (users, items)
        ]
        newest = np.full(ratings.n_users, -np.inf)
        np.maximum.at(newest, users[~held], times[~held])
        common = {
            "test ratings older than something learnt of the user, %": 100 * np.mean(newest[users[held]] > times[held]),
            "unknown users or items, %": 100 * np.mean(np.minimum(*pairs) == UNKNOWN),
        }
        for name, model in models.items():
            rmse = metrics.rmse(values[held], model.fit(train).predict(*pairs))
            readings.append((reading, f"{name}, {how}", {"RMSE": rmse, **common}))
    return table(*readings)


def one_model_many_errors(train: Interactions, test: Interactions, model: RatingRecommender) -> pd.DataFrame:
    """Print one model's errors in several ways, all of which have been called its RMSE.

    Parameters
    ----------
    train, test : Interactions
        Parts of the ratings of the same users.
    model : RatingRecommender
        Fitted on `train`.
    """
    users, items, actual = test.triples()
    need(len(actual) > 1, f"{len(actual)} held-out rating has no half whose items are more popular")
    predicted = model.predict(users, items)
    squares = np.square(metrics.errors(actual, predicted))
    counts = np.bincount(users, minlength=test.n_users)
    by_user = np.sqrt(np.bincount(users, squares, test.n_users)[counts > 0] / counts[counts > 0])
    popular = np.bincount(train.ratings.indices, minlength=train.n_items)
    often = np.argsort(-popular[items], kind="stable")[: len(items) // 2]
    own, highest = train.triples(), train.scale.highest
    ways = (
        (MENDED, "all test ratings at once, in rating units", metrics.rmse(actual, predicted)),
        (AS_PUBLISHED, "mean over users of each user's RMSE", float(by_user.mean())),
        (AS_PUBLISHED, "the half of them whose items are more popular", float(np.sqrt(squares[often].mean()))),
        (AS_PUBLISHED, f"ratings divided by {highest:g} first", metrics.rmse(actual, predicted) / (highest or 1)),
        (AS_PUBLISHED, "the ratings it has learnt from", metrics.rmse(own[2], model.predict(*own[:2]))),
    )
    # Ratings from 0 to 1 have been divided by the highest already, and nobody divides by 0 or less.
    wrong = highest == 1 or highest <= 0
    return table(
        *((reading, how, {"“RMSE”": value}) for reading, how, value in ways if not (wrong and "divided" in how))
    )
