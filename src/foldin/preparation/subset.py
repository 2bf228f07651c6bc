"""Reduces the data after the split: a share of the users, and the k-core of the training ratings.

Nothing here reads the test part. With a k-core of all data, the number of test ratings would influence which users are
evaluated.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.ids import categories
from foldin.preparation.protocols import Rows, Split

NOT_DRAWN, OUTSIDE = "ratings_of_users_not_drawn", "training_ratings_outside_the_core"
"""What the account of the split calls the ratings that are gone."""


def reduce(ratings: pd.DataFrame, split: Split, settings: params.Subset) -> Split:
    """Return the split with fewer rows, and notes of what is gone.

    Parameters
    ----------
    ratings : pandas.DataFrame
        The canonical ratings.
    split : Split
        Rows of one part of them.
    settings : params.Subset
        Section `subset` of params.yaml.

    Raises
    ------
    FoldinError
        When nothing is left of a part: names the key to change.
    """
    if settings.users < 1:
        split = _of_some_users(ratings, split, settings)
    if settings.k_core > 1:
        split = _in_core(ratings, split, settings.k_core)
    return split


def _of_some_users(ratings: pd.DataFrame, split: Split, settings: params.Subset) -> Split:
    users = categories(ratings["user_id"])
    kept_users = max(1, round(settings.users * len(users.categories)))
    order = np.random.Generator(np.random.PCG64(settings.seed)).permutation(len(users.categories))
    keeps = np.zeros(len(users.categories), dtype=bool)
    keeps[order[:kept_users]] = True
    of_kept = keeps[users.codes]
    parts = {name: rows[of_kept[rows]] for name, rows in _parts(split).items()}
    before, after = (sum(map(len, part.values())) for part in (_parts(split), parts))
    for name in ("train", "validation", "test"):
        if not len(parts[name]):
            raise FoldinError(
                f"subset.users is {settings.users}, and {kept_users:,} users leave no {name} rating",
                where="params.yaml",
                remedy="raise it, or write 1.0 to keep all users",
            )
    negatives = split.negatives
    if negatives is not None:
        negatives = negatives[negatives["user_id"].isin(users.categories[keeps])].reset_index(drop=True)
    notes = split.notes | {NOT_DRAWN: before - after}
    return Split(**parts, negatives=negatives, notes=notes)


def _in_core(ratings: pd.DataFrame, split: Split, k: int) -> Split:
    users, items = (categories(ratings[name]).codes for name in ("user_id", "item_id"))
    training = np.concatenate([split.train, split.validation])
    core = np.zeros(len(ratings), dtype=bool)
    core[training[k_core(users[training], items[training], k)]] = True
    parts = {name: rows[core[rows]] for name, rows in (("train", split.train), ("validation", split.validation))}
    for name, rows in parts.items():
        if not len(rows):
            raise FoldinError(
                f"subset.k_core is {k}, which leaves no {name} rating",
                where="params.yaml",
                remedy="lower it, or write 0 to keep all ratings",
            )
    gone = len(training) - sum(map(len, parts.values()))
    return replace(
        split,
        train=parts["train"],
        validation=parts["validation"],
        notes=split.notes | {OUTSIDE: gone},
    )


def k_core(users: npt.NDArray[np.int32], items: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.bool_]:
    """Return which ratings are in the k-core: the largest set in which every user and every item has k ratings.

    Parameters
    ----------
    users, items : ndarray of int32, shape (n,)
        Codes, from 0.
    k : int
        Fewest ratings of a user and of an item.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    core = np.ones(len(users), dtype=bool)
    while True:
        few = np.zeros(len(users), dtype=bool)
        for codes in (users, items):
            few |= np.bincount(codes[core], minlength=int(codes.max(initial=0)) + 1)[codes] < k
        if not (few & core).any():
            return core
        core &= ~few


def _parts(split: Split) -> dict[str, Rows]:
    return {name: getattr(split, name) for name in ("train", "validation", "test", "fold_in")}
