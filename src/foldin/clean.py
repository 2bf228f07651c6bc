"""Stage `clean`: makes the canonical tables `ratings`, `items` and `users` of raw files, and accounts for dropped rows.

The rows of all tables are in natural order of ids, so they do not depend on the order of the raw files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldin import datasets, files, interactions, params, paths
from foldin.datasets import DataSet
from foldin.datasets.composition import Tables, compose
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
    (ratings, items, users), account = tables(wanted, raw, settings)
    with files.whole_folder(paths.clean(dataset)) as folder:
        for name, table in (("ratings", ratings), ("items", items), ("users", users)):
            table.to_parquet(folder / f"{name}.parquet", index=False)
        interactions.write_scale(folder, wanted.scale)
    files.write_json(paths.account(dataset, "cleaning"), account)
    rows_in, dropped = account["ratings"]["rows_in"], account["ratings"]["dropped"]
    say(f"{dataset}: {len(ratings):,} of {rows_in:,} ratings kept; dropped: {_in_words(dropped)}")


def tables(wanted: DataSet, raw: Path, settings: params.Clean) -> tuple[Tables, dict[str, Any]]:
    """Return the canonical tables of a data set, and the account of what was dropped and why.

    Parameters
    ----------
    wanted : DataSet
        The data set.
    raw : Path
        The folder of its raw files.
    settings : params.Clean
        Section `clean` of params.yaml.

    Raises
    ------
    FoldinError
        When raw files are missing, malformed or not whole, or no rating is left.
    """
    place = raw.relative_to(paths.root())
    if wanted.parts:
        made = [tables(part.dataset, raw / part.dataset.name, settings) for part in wanted.parts]
        ratings, items, users = compose(wanted, [own for own, _ in made])
        items, users = (
            table.set_index(table.columns[0]).loc[natural_order(table.iloc[:, 0])].reset_index()
            for table in (items, users)
        )
        return Tables(_in_order(ratings), items, users), _sum([account for _, account in made])
    found = wanted.read(raw)
    wanted.check_counts(found.ratings, raw)
    if not wanted.own_files:
        wanted.check_files(raw, str(place))
    ratings, dropped = clean_ratings(
        found.ratings, wanted.scale, keep=settings.duplicates, zeros_are_implicit=wanted.zeros_are_implicit
    )
    if ratings.empty:
        raise FoldinError(
            f"no rating of '{wanted.name}' is left after cleaning: {_in_words(dropped)}",
            where=place,
            remedy="look at the raw files" if not wanted.own_files else f"mend sources.{wanted.name} in params.yaml",
        )
    items, items_account = _describe(ratings["item_id"], found.items, ITEMS)
    users, users_account = _describe(ratings["user_id"], found.users, USERS)
    _fill(items, wanted)
    account = {
        "ratings": {"rows_in": len(found.ratings), "rows_out": len(ratings), "dropped": dropped},
        "items": items_account,
        "users": users_account,
    }
    return Tables(ratings, items, users), account


def _sum(accounts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the account of a composed data set: every figure summed over its parts, as far as they have it."""
    total: dict[str, Any] = {}
    for account in accounts:
        for key, value in account.items():
            if isinstance(value, dict):
                total[key] = _sum([total.get(key, {}), value])
            else:
                total[key] = total.get(key, 0) + value
    return total


def clean_ratings(
    raw: pd.DataFrame, scale: Scale, keep: str, *, zeros_are_implicit: bool = False
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop what is no usable rating, one reason after the other.

    Counts of implicit feedback become strengths, log(1 + count): a hundredth play says less than a second one.

    Parameters
    ----------
    raw : pandas.DataFrame
        `user_id`, `item_id`, `rating`, `timestamp`, in file order.
    scale : Scale
        The rating scale; a rating must be one of its steps.
    keep : str
        Of several ratings of one pair, keep the "last" or the "first" by time, then by file order. An unknown time
        counts as the earliest. Counts of one pair are added up instead.
    zeros_are_implicit : bool, optional
        Whether a rating of 0 means "met, but not rated"; such rows are dropped under a reason of their own.

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
    if zeros_are_implicit:
        drop("zero_means_not_rated", kept["rating"] == 0)
    if scale.feedback == "implicit":
        drop("no_positive_count", kept["rating"] <= 0)
        by_pair = kept.groupby(["user_id", "item_id"], sort=False, observed=True)
        added = by_pair.agg(rating=("rating", "sum"), timestamp=("timestamp", "max")).reset_index()
        dropped["added_to_same_pair"] = len(kept) - len(added)
        return _in_order(added.assign(rating=np.log1p(added["rating"]))), dropped
    outside = (kept["rating"] < scale.lowest) | (kept["rating"] > scale.highest)
    if scale.step:
        steps = (kept["rating"] - scale.lowest) / scale.step
        outside |= (steps - steps.round()).abs() > 1e-6
    drop("off_the_scale", outside)
    kept = kept.sort_values("timestamp", kind="stable", na_position="first")
    drop("duplicate_pair", kept.duplicated(["user_id", "item_id"], keep="last" if keep == "last" else "first"))
    return _in_order(kept), dropped


def _in_order(ratings: pd.DataFrame) -> pd.DataFrame:
    order = np.lexsort((_ranks(ratings["item_id"]), _ranks(ratings["user_id"])))
    return ratings.iloc[order].astype(RATINGS).reset_index(drop=True)[list(RATINGS)]


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
