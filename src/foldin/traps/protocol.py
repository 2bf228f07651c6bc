"""Common evaluation mistakes: protocols that make the same models look better.

The name and first line of each protocol say what is wrong with it. Models are fitted, and the first of them, which
ranks at random, is the control.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin import metrics
from foldin.core.interactions import UNKNOWN, Interactions
from foldin.metrics import top_k
from foldin.models.parts import bias
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender
from foldin.traps.parts import DAMPING, Mask, held_out, rows_of
from foldin.traps.tables import CONTROL, CORRECTED, MISTAKE, Exhibit, Row, require, table

Values = npt.NDArray[np.float64]
DRAWS = 10
"""How often each candidate negative of a user is drawn, on average, over all epochs together."""
COPIED = 0.3
"""Share of the ratings that a second export of the log repeats."""


def _of(found: pd.DataFrame, column: int) -> "pd.Series[float]":
    """Return a column, indexed by model."""
    return found.droplevel("row").iloc[:, column]


def only_rated_items(test: Interactions, models: Mapping[str, Recommender], k: int, liked_above: float) -> Exhibit:
    """Rank only a user's test items, all of which the user rated, instead of the whole catalogue.

    In both protocols, an item is relevant when its held-out rating is above `liked_above`.
    """
    liked = test.ratings.copy()
    liked.data = (liked.data > liked_above).astype(np.float32)
    liked.eliminate_zeros()
    asked = np.flatnonzero(np.diff(liked.indptr)).astype(np.int32)
    require(len(asked), f"no held-out rating is above the mean, {liked_above:.4g}")
    rated = np.zeros((len(asked), test.n_items), dtype=bool)
    rows = np.repeat(np.arange(len(asked)), np.diff(test.ratings.indptr)[asked])
    rated[rows, test.ratings[asked].indices] = True
    readings: list[Row] = []
    for name, model in models.items():
        scores = model.score(asked)
        few = top_k.top_k(np.where(rated, scores, -np.inf), k)[0]
        whole = top_k.top_k(scores, k, exclude=model.known[asked])[0]
        ndcg = {
            f"NDCG@{k} of liked items, rated items only ({MISTAKE})": metrics.ndcg(few, liked[asked]).mean(),
            f"NDCG@{k} of liked items, whole catalogue ({CORRECTED})": metrics.ndcg(whole, liked[asked]).mean(),
        }
        readings.append((MISTAKE if readings else CONTROL, name, ndcg))
    found = table(*readings)
    among, all_ = _of(found, 0), _of(found, 1)
    return Exhibit(
        found,
        f"An item is liked, and a hit, if it is rated above the mean, {liked_above:.2f}. Among rated items, a random "
        f"ranking has an NDCG of {among.iloc[0]:.2f}, and the best model, {among.idxmax()}, {among.max():.2f}. In the "
        f"whole catalogue, a random ranking has {all_.iloc[0]:.4f}, and the best model, {all_.idxmax()}, "
        f"{all_.max():.4f}.",
    )


def sampled_candidates(
    test: Interactions, models: Mapping[str, Recommender], candidates: int, k: int, seed: int
) -> Exhibit:
    """Rank one held-out item among a few sampled ones, and print the hit rate as if the catalogue were that small.

    One held-out item of each user is ranked. It is one of the candidates, and a rank up to `k` is a hit.
    """
    require(test.n_items > 1, "there is one item, so nothing to rank")
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
        hits = {
            f"hit rate@{k}, {among}": float(np.mean((ahead & of).sum(axis=1) < k))
            for among, of in (
                (f"among {candidates} ({MISTAKE})", sampled),
                (f"whole catalogue ({CORRECTED})", possible),
            )
        }
        readings.append((MISTAKE if readings else CONTROL, name, hits))
    found = table(*readings)
    among, whole = (100 * _of(found, place).iloc[0] for place in (0, 1))
    return Exhibit(
        found,
        f"A random ranking has a hit for {among:.1f} % of the users among {candidates} candidates, and for "
        f"{whole:.1f} % in the whole catalogue. {order(found)} here.",
    )


def order(hits: pd.DataFrame) -> str:
    """Say whether two columns rank their rows in the same order; ties are compatible with any order."""
    pairs = combinations(hits.to_numpy(), 2)
    if any((a - b).prod() < 0 for a, b in pairs):
        return "The two protocols rank the models in different orders"
    return "Both protocols rank the models in the same order"


def telling_negatives(train: Interactions, test: Interactions, k: int, seed: int, *, draws: int = DRAWS) -> Exhibit:
    """Draw training negatives that avoid the test part too, so that the items that are never drawn reveal it.

    The "model" only counts how often each item was a negative of a user: the rarest are ranked first.
    """
    rng = np.random.default_rng(seed)
    asked = np.flatnonzero(np.diff(test.ratings.indptr)).astype(np.int32)
    known, held = (_filled(part)[asked].toarray() for part in (train, test))

    def measured(allowed: Mask) -> dict[str, float]:
        seen = rng.poisson(draws * allowed)
        lists = top_k.top_k(-seen.astype(np.float32), k, exclude=train.ratings[asked])[0]
        by_user = metrics.ranking_metrics(lists, test.ratings[asked])
        shown = {"precision": "precision", "recall": "recall", "hit rate": "hit_rate"}
        return {f"{title}@{k}": float(by_user[name].mean()) for title, name in shown.items()}

    leak, honest = measured(~known & ~held), measured(~known)
    name = f"precision@{k}"
    return Exhibit(
        table(
            (MISTAKE, "negatives avoid the train and the test part", leak),
            (CORRECTED, "negatives avoid the train part only", honest),
        ),
        f"A “model” that only counts how often each item was a negative has a {name} of {leak[name]:.4f}. With "
        f"negatives that avoid only training items, {name} is {honest[name]:.4f}.",
    )


def _filled(part: Interactions) -> sparse.csr_array:
    """Return which cells are filled; a rating of 0 fills its cell."""
    filled = part.ratings.copy()
    filled.data = np.ones(len(filled.data), dtype=bool)
    return filled


def duplicates(ratings: Interactions, share: float, seed: int, *, copied: float = COPIED) -> Exhibit:
    """Split a log that contains some rows twice: the copy in the train part reveals the one in the test part.

    The "model" looks up a pair among the training rows, and predicts like the mean or the biases if it is not there.

    `ratings` contain no duplicates; the log contains the share `copied` of them twice, and the share `share` of its
    rows is held out.
    """
    rng = np.random.default_rng(seed)
    once = np.arange(ratings.ratings.nnz)
    twice = np.concatenate([once, np.flatnonzero(rng.random(len(once)) < copied)])
    readings: list[Row] = []
    gains = []
    for reading, log, how in (
        (MISTAKE, twice, "duplicates split at random"),
        (CORRECTED, once, "duplicates dropped first"),
    ):
        held = held_out(len(log), share, rng)
        found = _with_look_up(ratings, np.unique(log[~held]), log[held])
        for name, measured in found.items():
            nothing = reading == MISTAKE and name == "mean"
            readings.append((CONTROL if nothing else reading, f"{name}, {how}", measured))
            require(measured["RMSE"], "the mean or the biases make no error")
        gains.append(100 - 100 * found["bias"]["RMSE with the look-up"] / found["bias"]["RMSE"])
    return Exhibit(
        table(*readings),
        "The look-up predicts a test pair by its training rating, if there is one. It lowers the RMSE of bias by "
        f"{gains[0]:.0f} % if the log contains duplicates, and by {gains[1]:.0f} % if they are dropped first.",
    )


def _with_look_up(
    ratings: Interactions, known: npt.NDArray[np.intp], asked: npt.NDArray[np.intp]
) -> dict[str, dict[str, float]]:
    """Return the metrics of the mean and of the biases, alone and with known rows looked up."""
    train = rows_of(ratings, known)
    users, items, values = ratings.triples()
    actual = values[asked]
    biases = bias.fit(train, DAMPING).predict(users[asked], items[asked])
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
) -> Exhibit:
    """Call a random split temporal, although it predicts the past from the future.

    Parameters
    ----------
    ratings : Interactions
        All ratings.
    times : ndarray of float64, shape (n_ratings,)
        When each of `ratings.triples()` was given, in seconds.
    models : mapping of str to RatingRecommender
        Not yet fitted. The summary is about the last.
    share : float
        Share of the ratings held out.
    seed : int
        Of the random split.

    Raises
    ------
    NotShownError
        When a time is unknown, or no rating is later than the others.
    """
    unknown = np.isnan(times)
    which = "no rating has a time" if unknown.all() else f"{unknown.sum():,} of {len(times):,} ratings have no time"
    require(not unknown.any(), f"{which}, so no split of them can be temporal")
    later_ones = times > np.quantile(times, 1 - share)
    require(later_ones.any(), f"too many ratings have the latest time to hold out the latest {share:.0%} of them")
    users, items, values = ratings.triples()
    readings: list[Row] = []
    for reading, how, held in (
        (MISTAKE, "random split", held_out(len(times), share, np.random.default_rng(seed))),
        (CORRECTED, "all of test after all of train", later_ones),
    ):
        train = rows_of(ratings, ~held)
        # Users and items without a training rating are unknown: predictions use the other side's bias.
        pairs = [
            np.where(np.isin(side[held], side[~held]), side[held], UNKNOWN).astype(np.int32) for side in (users, items)
        ]
        newest = np.full(ratings.n_users, -np.inf)
        np.maximum.at(newest, users[~held], times[~held])
        common = {
            "test ratings older than a training rating of the same user, %": 100
            * np.mean(newest[users[held]] > times[held]),
            "unknown users or items, %": 100 * np.mean(np.minimum(*pairs) == UNKNOWN),
        }
        for name, model in models.items():
            error = metrics.rmse(values[held], model.fit(train).predict(*pairs))
            readings.append((reading, f"{name}, {how}", {"RMSE": error, **common}))
    found = table(*readings)
    rmse, older = _of(found, 0).to_numpy(), _of(found, 1).to_numpy()
    last = len(models) - 1
    return Exhibit(
        found,
        f"In the random split, {older[0]:.0f} % of the test ratings are older than a training rating of the same user. "
        f"The RMSE of {list(models)[-1]} is {rmse[last]:.4f} with the random split and {rmse[-1]:.4f} with a split "
        "by time.",
    )
