"""Stage `clean`: makes the canonical tables `ratings`, `items` and `users` of raw files, and accounts for dropped rows.

The rows of all tables are in natural order of ids, so they do not depend on the order of the raw files.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from foldin import datasets, files, params, paths
from foldin.datasets import DataSet
from foldin.errors import FoldinError
from foldin.interactions import Scale
from foldin.progress import say

RATINGS = {"user_id": "str", "item_id": "str", "rating": "float32", "timestamp": "Int64"}
ITEMS = {"item_id": "str", "title": "str", "domain": "str", "genres": "str", "creator": "str", "year": "Int64"}
USERS = {"user_id": "str", "age": "Int64", "gender": "str", "country": "str", "occupation": "str"}


def run(dataset: str) -> None:
    """Make the canonical tables of a data set, and the account of what was dropped and why.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When raw files are missing, malformed or not whole, or no rating is left.
    """
    wanted = datasets.get(dataset)
    settings = params.section(params.Clean)
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise FoldinError(
            f"the data set '{dataset}' has no raw files yet",
            where=raw.relative_to(paths.root()),
            remedy=f"fetch them first: dvc repro fetch@{dataset}",
        )
    tables = wanted.read(raw)
    wanted.check_counts(tables.ratings)
    wanted.check_files(raw, str(raw.relative_to(paths.root())))
    ratings, dropped = clean_ratings(tables.ratings, wanted.scale, keep=settings.duplicates)
    if ratings.empty:
        raise FoldinError(
            f"no rating of '{dataset}' is left after cleaning: {_in_words(dropped)}",
            where=raw.relative_to(paths.root()),
            remedy="look at the raw files",
        )
    items, items_account = _describe(ratings["item_id"], tables.items, ITEMS)
    users, users_account = _describe(ratings["user_id"], tables.users, USERS)
    _fill(items, wanted)
    with files.whole_folder(paths.clean(dataset)) as folder:
        for name, table in (("ratings", ratings), ("items", items), ("users", users)):
            table.to_parquet(folder / f"{name}.parquet", index=False)
    account = {
        "ratings": {"rows_in": len(tables.ratings), "rows_out": len(ratings), "dropped": dropped},
        "items": items_account,
        "users": users_account,
    }
    files.write_json(paths.account(dataset, "cleaning"), account)
    say(f"{dataset}: {len(ratings):,} of {len(tables.ratings):,} ratings kept; dropped: {_in_words(dropped)}")


def clean_ratings(raw: pd.DataFrame, scale: Scale, keep: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop what is no usable rating, one reason after the other.

    Parameters
    ----------
    raw : pandas.DataFrame
        `user_id`, `item_id`, `rating`, `timestamp`, in file order.
    scale : Scale
        The rating scale; a rating must be one of its steps.
    keep : str
        Of several ratings of one pair, keep the "last" or the "first" by time, then by file order. An unknown time
        counts as the earliest.

    Returns
    -------
    ratings : pandas.DataFrame
        The rows kept, in natural order of user and item; `rating` as float32.
    dropped : dict of str to int
        Rows dropped for each reason; with the rows kept they add up to the rows given.
    """
    kept, dropped = raw, {}

    def drop(reason: str, faulty: "pd.Series[bool]") -> None:
        nonlocal kept
        dropped[reason] = int(faulty.sum())
        kept = kept[~faulty]

    drop("missing_id", kept["user_id"].isna() | kept["item_id"].isna())
    drop("missing_rating", kept["rating"].isna())
    steps = (kept["rating"] - scale.lowest) / scale.step
    outside = (kept["rating"] < scale.lowest) | (kept["rating"] > scale.highest)
    drop("off_the_scale", outside | ((steps - steps.round()).abs() > 1e-6))
    kept = kept.sort_values("timestamp", kind="stable", na_position="first")
    drop("duplicate_pair", kept.duplicated(["user_id", "item_id"], keep="last" if keep == "last" else "first"))
    order = np.lexsort((_ranks(kept["item_id"]), _ranks(kept["user_id"])))
    return kept.iloc[order].astype(RATINGS).reset_index(drop=True)[list(RATINGS)], dropped


def natural_order(ids: Iterable[str]) -> list[str]:
    """Return distinct ids in natural order: by value where all are whole numbers, else as text.

    Parameters
    ----------
    ids : iterable of str
        Ids, in any order, repeated or not.
    """
    distinct = sorted(set(ids))
    if all(name.isascii() and name.isdigit() for name in distinct):
        distinct.sort(key=int)
    return distinct


def _ranks(ids: "pd.Series[str]") -> np.ndarray:
    return pd.Index(natural_order(ids)).get_indexer(pd.Index(ids))


def _describe(
    rated: "pd.Series[str]", table: pd.DataFrame, columns: dict[str, str]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return one row for each id that is rated or described, in natural order, and the account of it."""
    key = next(iter(columns))
    missing = table[key].isna()
    named = table[~missing]
    twice = named.duplicated(key)
    described = named[~twice]
    ids = natural_order([*rated, *described[key]])
    result = described.set_index(key).reindex(pd.Index(ids, name=key)).reset_index()
    result = result.astype({name: dtype for name, dtype in columns.items() if name in result})
    account = {
        "rows_in": len(table),
        "rows_out": len(result),
        "dropped": {"missing_id": int(missing.sum()), "duplicate_id": int(twice.sum())},
        "added_without_description": len(result) - len(described),
        "without_ratings": len(result) - rated.nunique(),
    }
    return result[[name for name in columns if name in result]], account


def _fill(items: pd.DataFrame, dataset: DataSet) -> None:
    """Give items that lack them a title (their id), a domain (the data set's only one) and genres (none)."""
    items["title"] = items["title"].fillna(items["item_id"])
    items["domain"] = items["domain"].fillna(dataset.domains[0] if len(dataset.domains) == 1 else "unknown")
    items["genres"] = items["genres"].fillna("")


def _in_words(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in dropped.items())
