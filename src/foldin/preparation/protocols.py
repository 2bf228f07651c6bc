"""Split protocols: which users and ratings are held out. `split.protocol` in params.yaml names one of `PROTOCOLS`.

A protocol assigns rows of the canonical ratings to parts; nothing else in foldin decides what is held out. Its phrase
(`PROTOCOLS[name]`) appears in messages, in the account of the split and in the report, so that a random split is never
mistaken for a temporal one. `foldin.preparation.splits` runs the protocol and checks its parts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.datasets.declaration import DataSet

Rows = npt.NDArray[np.intp]


def _no_rows() -> Rows:
    return np.empty(0, dtype=np.intp)


@dataclass(frozen=True)
class Split:
    """The rows of each part, as a protocol assigns them.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Rows of the ratings, ascending; disjoint.
    fold_in : ndarray of int
        Rows of held-out users that a model observes when it is evaluated (fold-in), and never learns from.
    negatives : pandas.DataFrame or None
        `user_id`, `item_id`: the items beside which each user's held-out items are ranked, instead of the whole
        catalogue. Metrics are then sampled ones, and named so.
    notes : dict of str to int
        What else the account of the split says.
    """

    train: Rows
    validation: Rows
    test: Rows
    fold_in: Rows = field(default_factory=_no_rows)
    negatives: pd.DataFrame | None = None
    notes: dict[str, int] = field(default_factory=dict)


Given = tuple[DataSet, Path]
"""A data set, and the folder of its raw files."""


def random_by_rating(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out a share of all ratings, whoever gave them."""
    n = len(ratings)
    n_test, n_validation = round(n * settings.test), round(n * settings.validation)
    drawn = np.random.Generator(np.random.PCG64(settings.seed)).random(n)
    train = _least(drawn, n - n_test - n_validation)
    training = _least(drawn, n - n_test)
    return Split(np.flatnonzero(train), np.flatnonzero(training & ~train), np.flatnonzero(~training))


def random_by_user(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out the same share of every user's ratings, rounded; each user keeps at least one to learn from."""
    order = _shuffled(len(ratings), settings)
    owner = pd.factorize(ratings["user_id"])[0][order]
    by_owner = order[np.argsort(owner, kind="stable")]
    place, count = _places(ratings["user_id"].to_numpy()[by_owner])
    n_test = np.minimum(np.rint(count * settings.test), count - 1)
    n_validation = np.minimum(np.rint(count * settings.validation), count - 1 - n_test)
    return _labelled(by_owner, place < n_test, place < n_test + n_validation)


def leave_last_out(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out each user's last rating, and choose on the one before it.

    Of ratings of the same moment, the one whose item comes last in natural order counts as the last; the account says
    of how many users that rule decides. A user's only rating is for training; of two ratings, none is for validation.
    """
    moments = _moments(ratings, "leave_last_out")
    owner = pd.factorize(ratings["user_id"])[0]
    # Rows of a user are in natural order of items.
    order = np.lexsort((np.arange(len(ratings)), moments, owner))
    place, count = _places(owner[order])
    from_last = count - 1 - place
    chosen = _labelled(order, (from_last == 0) & (count > 1), (from_last <= 1) & (from_last < count - 1))
    last = pd.Series(moments).groupby(owner).transform("max").to_numpy() == moments
    tied = int((np.bincount(owner[last]) > 1).sum())
    return Split(chosen.train, chosen.validation, chosen.test, notes={"users_whose_last_moment_is_tied": tied})


def global_time(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out the latest ratings of all: every training and validation rating is older than every test rating.

    Ratings of one moment stay together, in the later part.
    """
    moments = _moments(ratings, "global_time")
    in_order, n = np.sort(moments), len(moments)
    first_test = in_order[n - max(1, round(n * settings.test))]
    older = in_order[in_order < first_test]
    n_validation = min(max(1, round(n * settings.validation)), len(older))
    first_validation = older[len(older) - n_validation] if len(older) else first_test
    chosen = _labelled(np.arange(n), moments >= first_test, moments >= first_validation)
    training = np.concatenate([chosen.train, chosen.validation])
    if len(training) and moments[training].max() >= moments[chosen.test].min():
        raise FoldinError("a training rating is not older than all test ratings", remedy="this is a bug: report it")
    return chosen


def k_fold(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out the fold numbered `split.fold` of `split.folds` random ones, of sizes that differ by one at most."""
    if settings.fold > settings.folds:
        raise FoldinError(
            f"split.fold is {settings.fold} of {settings.folds}",
            where="params.yaml",
            remedy="choose from 1 to split.folds",
        )
    folds = np.array_split(_shuffled(len(ratings), settings), settings.folds)
    # The others in turn from the next one on, so that validation parts differ between folds too.
    others = [folds[(settings.fold + step) % settings.folds] for step in range(settings.folds - 1)]
    rest, test = np.concatenate([*others, _no_rows()]), folds[settings.fold - 1]
    n_validation = round(len(ratings) * settings.validation)
    return Split(np.sort(rest[n_validation:]), np.sort(rest[:n_validation]), np.sort(test))


def predefined_fold(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out a fold that the data set's own files define, such as u1 to u5 of ML-100K."""
    dataset, folder = given
    if dataset.fold is None:
        raise FoldinError(
            f"'{dataset.name}' has no official folds",
            where="params.yaml (split.protocol)",
            remedy="choose k_fold, or a data set that has (ml-100k)",
        )
    held = _found(ratings, dataset.fold(folder, settings.fold), dataset.name)
    return _choosing_at_random(len(ratings), held, settings)


def strong_generalization(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out users: `split.test` of those with two ratings or more are unknown to training.

    The model observes a share `split.fold_in` of each one's ratings when it is evaluated; the rest is held out
    (Liang et al. 2018, Mult-VAE).
    """
    rng = np.random.default_rng(settings.seed)
    owner, ids = pd.factorize(ratings["user_id"])
    counts = np.bincount(owner)
    eligible = np.flatnonzero(counts > 1)
    held_out = np.zeros(len(ids), dtype=bool)
    held_out[rng.permutation(eligible)[: round(len(eligible) * settings.test)]] = True
    order = rng.permutation(len(ratings))
    order = order[np.argsort(owner[order], kind="stable")]
    place, count = _places(owner[order])
    observed = np.clip(np.rint(count * settings.fold_in), 1, count - 1)
    of_held_out = held_out[owner[order]]
    chosen = _choosing_at_random(len(ratings), np.sort(order[of_held_out]), settings)
    return Split(
        chosen.train,
        chosen.validation,
        test=np.sort(order[of_held_out & (place >= observed)]),
        fold_in=np.sort(order[of_held_out & (place < observed)]),
        notes={"users_held_out": int(held_out.sum())},
    )


def given_negatives(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out one rating of each user and rank it among negatives, both from published files.

    He et al. (2017). Metrics of sampled candidates may order models other than full ones do (Krichene, Rendle 2020).
    """
    dataset, folder = given
    if dataset.negatives is None:
        raise FoldinError(
            f"'{dataset.name}' comes with no negatives",
            where="params.yaml (split.protocol)",
            remedy="choose leave_last_out, which ranks the whole catalogue, or a data set that has (ml-1m)",
        )
    held, negatives = dataset.negatives(folder, dataset.read(folder).ratings)
    chosen = _choosing_at_random(len(ratings), _found(ratings, held, dataset.name), settings)
    return Split(chosen.train, chosen.validation, chosen.test, negatives=negatives)


Protocol = Callable[[pd.DataFrame, params.Split, Given], Split]
PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "random_by_rating": (random_by_rating, "at random by rating, not by time"),
    "random_by_user": (random_by_user, "at random within each user, not by time"),
    "leave_last_out": (leave_last_out, "by time within each user, the last rating held out"),
    "global_time": (global_time, "by time, the latest ratings of all held out"),
    "k_fold": (k_fold, "into random folds, not by time"),
    "predefined_fold": (predefined_fold, "by an official fold, not by time"),
    "strong_generalization": (strong_generalization, "by user, held-out users at random, not by time"),
    "given_negatives": (given_negatives, "by published files, one rating of each user held out among given negatives"),
}
"""Each protocol, and how reports put it: ratings "were split …"."""
FROM_FILES = ("predefined_fold", "given_negatives")  # published by others, for some data sets only


def _shuffled(n: int, settings: params.Split) -> Rows:
    return np.argsort(np.random.Generator(np.random.PCG64(settings.seed)).random(n), kind="stable")


def _least(values: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.bool_]:
    """Return which values are the k least, of equal ones the first: what a stable sort would say, much sooner."""
    k = min(max(k, 0), len(values))
    if k == 0:
        return np.zeros(len(values), dtype=bool)
    bound = np.partition(values, k - 1)[k - 1]
    least: npt.NDArray[np.bool_] = values < bound
    least[np.flatnonzero(values == bound)[: k - np.count_nonzero(least)]] = True
    return least


def _places(owners: npt.NDArray[np.generic]) -> tuple[Rows, Rows]:
    """Return each row's place among its owner's, and how many those are; rows of an owner are next to each other."""
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    counts = np.diff(np.r_[starts, len(owners)])
    return np.arange(len(owners)) - np.repeat(starts, counts), np.repeat(counts, counts)


def _labelled(rows: Rows, test: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_]) -> Split:
    return Split(np.sort(rows[~held & ~test]), np.sort(rows[held & ~test]), np.sort(rows[test]))


def _choosing_at_random(n: int, held: Rows, settings: params.Split) -> Split:
    """Return the held rows as test part, and a random share of the others as validation part."""
    rest = _shuffled(n, settings)
    rest = rest[~np.isin(rest, held)]
    n_validation = round(len(rest) * settings.validation)
    return Split(np.sort(rest[n_validation:]), np.sort(rest[:n_validation]), np.sort(held))


def _moments(ratings: pd.DataFrame, protocol: str) -> npt.NDArray[np.int64]:
    missing = int(ratings["timestamp"].isna().sum())
    if missing:
        raise FoldinError(
            f"{missing:,} of {len(ratings):,} ratings have no time, which {protocol} goes by",
            where="params.yaml (split.protocol)",
            remedy="choose a protocol that needs none, such as random_by_user",
        )
    return ratings["timestamp"].to_numpy(np.int64)


def _found(ratings: pd.DataFrame, pairs: pd.DataFrame, dataset: str) -> Rows:
    columns = ["user_id", "item_id"]
    rows = pd.MultiIndex.from_frame(ratings[columns]).get_indexer(pd.MultiIndex.from_frame(pairs[columns]))
    if (rows < 0).any():
        user, item = pairs[columns].iloc[int(np.argmax(rows < 0))]
        raise FoldinError(
            f"the held-out pair ('{user}', '{item}') is not among the ratings kept",
            where=f"data/raw/{dataset}",
            remedy="the files are of another release, or cleaning drops it: change section clean",
        )
    return np.sort(rows)
