"""Data sets composed of others, one for each domain: `douban` and `cross-platform`.

Item ids are kept apart by domain (`books:034545104X`). Users of two parts are merged only if both data sets declare the
same `people`; else their ids are kept apart (`ml-100k:7`). Nothing is ever joined by row number.

If the parts' rating scales differ, a rating becomes its share of the way up its own scale, 0 to 1. The inverse is
lowest + share · (highest - lowest), so an error in shares times (highest - lowest) is an error in that part's unit.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, Part, RawTables
from foldin.datasets.known.bookcrossing import BOOK_CROSSING
from foldin.datasets.known.douban import DOUBAN_BOOK, DOUBAN_MUSIC
from foldin.datasets.known.movielens import ML_100K

SHARES = Scale(lowest=0.0, highest=1.0, step=0.0)


class Tables(NamedTuple):
    """Canonical tables, as the stage `clean` makes them of one data set."""

    ratings: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame


def composed(name: str, about: str, parts: dict[str, DataSet]) -> DataSet:
    """Return the declaration of a data set that is composed of others.

    Parameters
    ----------
    name : str
        Its name.
    about : str
        One sentence that helps to choose a data set.
    parts : dict of str to DataSet
        Domain → the data set of its items; at least two.

    Raises
    ------
    FoldinError
        When a part is composed itself or has several domains, or explicit and implicit feedback are mixed.
    """
    for domain, dataset in parts.items():
        if dataset.parts or len(dataset.domains) != 1:
            raise FoldinError(
                f"{dataset.name} cannot be the {domain} of '{name}', for it has several domains itself",
                where="params.yaml",
                remedy="compose data sets of one domain each",
            )
    if len({dataset.scale.feedback for dataset in parts.values()}) > 1:
        kinds = ", ".join(f"{dataset.name} is {dataset.scale.feedback}" for dataset in parts.values())
        raise FoldinError(
            f"the parts of '{name}' mix ratings with counts, which have no common unit: {kinds}",
            where="params.yaml",
            remedy="compose explicit with explicit, and implicit with implicit feedback",
        )
    scales = {dataset.scale for dataset in parts.values()}
    return DataSet(
        name=name,
        about=about,
        scale=scales.pop() if len(scales) == 1 else SHARES,
        domains=tuple(parts),
        licence="; ".join(dict.fromkeys(f"{dataset.name}: {dataset.licence}" for dataset in parts.values())),
        redistributable=all(dataset.redistributable for dataset in parts.values()),
        files={},
        read=_refuse,
        parts=tuple(Part(dataset, domain) for domain, dataset in parts.items()),
    )


def _refuse(folder: Path) -> RawTables:
    raise FoldinError("a composed data set has no files of its own", where=folder, remedy="read its parts")


def compose(dataset: DataSet, tables: list[Tables]) -> Tables:
    """Make the canonical tables of a composed data set from those of its parts.

    Parameters
    ----------
    dataset : DataSet
        The composed data set.
    tables : list of Tables
        Those of its parts, in their order.

    Returns
    -------
    Tables
        In no particular order of rows; ratings in the unit of `dataset.scale`.
    """
    crowds = [part.dataset.people or part.dataset.name for part in dataset.parts]
    one_crowd = len(set(crowds)) == 1
    ratings, items, users = [], [], []
    for part, crowd, own in zip(dataset.parts, crowds, tables, strict=True):
        of_item, of_user = f"{part.domain}:", "" if one_crowd else f"{crowd}:"
        rated = own.ratings.assign(
            user_id=of_user + own.ratings["user_id"].astype("str"),
            item_id=of_item + own.ratings["item_id"].astype("str"),
        )
        if dataset.normalized:
            rated["rating"] = to_shares(rated["rating"], part.dataset.scale)
        ratings.append(rated)
        items.append(own.items.assign(item_id=of_item + own.items["item_id"].astype("str"), domain=part.domain))
        users.append(own.users.assign(user_id=of_user + own.users["user_id"].astype("str")))
    everything = pd.concat(items, ignore_index=True)
    _refuse_duplicates("item", everything["item_id"])
    if not one_crowd:
        of_crowds = {
            crowd: pd.concat(
                [own["user_id"] for own, other in zip(users, crowds, strict=True) if other == crowd]
            ).unique()
            for crowd in crowds
        }
        _refuse_duplicates("user", pd.Series(np.concatenate(list(of_crowds.values()))))
    # Of a person known to two parts, whatever either part knows is kept, the first part's word first.
    people = pd.concat(users, ignore_index=True).groupby("user_id", as_index=False, sort=False).first()
    return Tables(pd.concat(ratings, ignore_index=True), everything, people)


def _refuse_duplicates(kind: str, ids: pd.Series) -> None:
    """Refuse ids of which two parts have made the same: what belongs to one would silently be the other's too."""
    if (duplicates := ids.duplicated()).any():
        raise FoldinError(
            f"two parts make one {kind} '{ids[duplicates].iloc[0]}' of different ones",
            where="src/foldin/datasets/composition.py",
            remedy="give the parts other domains and people, without ':'",
        )


def to_shares(ratings: pd.Series, scale: Scale) -> pd.Series:
    """Return ratings as shares of the way up their scale, 0 to 1."""
    return (ratings - scale.lowest) / (scale.highest - scale.lowest)


DOUBAN = composed(
    "douban",
    ABOUT["douban"],
    {"books": DOUBAN_BOOK, "music": DOUBAN_MUSIC},
)
CROSS_PLATFORM = composed(
    "cross-platform",
    ABOUT["cross-platform"],
    {"books": BOOK_CROSSING, "movies": ML_100K, "music": DOUBAN_MUSIC},
)
