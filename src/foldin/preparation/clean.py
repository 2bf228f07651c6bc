"""Stage `clean`: makes the canonical tables `ratings`, `items` and `users` of raw files, and accounts for every row.

The rows of all tables are in natural order of ids, so they do not depend on the order of the raw files. Cost and memory
grow linearly with the ratings: ids become whole numbers first, and no step makes a Python object for each row.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from foldin.core import files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.ids import Rows, categories, in_natural_order, natural_order, sorted_pairs
from foldin.core.interactions import Scale
from foldin.core.progress import say, step
from foldin.datasets import registry
from foldin.datasets.composition import Tables, compose
from foldin.datasets.declaration import DataSet
from foldin.preparation import alarms, isbn, repeats, side_tables
from foldin.preparation.account import PARTS, Account, check, summed
from foldin.preparation.repeats import Usable

RATINGS = {"user_id": "category", "item_id": "category", "rating": "float32", "timestamp": "Int64"}
"""Columns of the ratings. Ids are texts, each stored once, in natural order."""
ITEMS, USERS = side_tables.ITEMS, side_tables.USERS
BLOCK = 1 << 20
"""Ratings checked at once, so that a check needs little memory beside the ratings."""
SAME_PAIR = {"sum": "added_to_same_pair", "highest": "lower_of_same_pair"}
"""What is made of the counts of a pair → why all its rows but one are dropped."""
LOG = "interactions.parquet"
"""File of all interactions, beside the canonical tables, where a declaration says `repeats: keep`."""
Mask = npt.NDArray[np.bool_]
Made = tuple[Tables, dict[str, Any], pd.DataFrame | None]
"""Canonical tables, their accounts, and the log of interactions where a data set keeps repeats."""
Make = Callable[[DataSet, Path, params.Clean], Made]


def run(dataset: str, make: Make | None = None) -> None:
    """Make the canonical tables of a data set, and the account of what was dropped, changed and kept, and why.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    make : callable, optional
        What makes the tables, as `tables` does: another engine has its own.

    Raises
    ------
    FoldinError
        When raw files are missing, malformed or not whole, or no rating is left.
    """
    declaration = registry.get(dataset)
    settings = params.section(params.Clean)
    raw = paths.raw(dataset)
    files.require(dataset, "fetch", "raw files", raw)
    step(f"{dataset}: reading and cleaning the raw files")
    made, account, log = (make or tables)(declaration, raw, settings)
    for name, table in made._asdict().items():
        check(name, account[name], len(table))
    with files.whole_folder(paths.clean(dataset)) as folder:
        _write_ratings(folder / "ratings.parquet", made.ratings)
        if log is not None:
            _write_ratings(folder / LOG, log)
        made.items.to_parquet(folder / "items.parquet", index=False)
        made.users.to_parquet(folder / "users.parquet", index=False)
        # Another scale of the same rows is other data for the stages that follow.
        interactions.write_scale(folder, declaration.scale)
    files.write_json(paths.account(dataset, "cleaning"), account)
    rows_in, dropped = account["ratings"]["rows_in"], account["ratings"]["dropped"]
    if said := repeats.in_words(account["ratings"].get("repeats", {})):
        say(f"{dataset}: {said}")
    say(f"{dataset}: {len(made.ratings):,} of {rows_in:,} ratings kept; dropped: {_in_words(dropped)}")


def tables(declaration: DataSet, raw: Path, settings: params.Clean) -> Made:
    """Return the canonical tables of a data set, the account of what was done and why, and the log of interactions.

    The log is None unless the data set keeps repeats.

    Parameters
    ----------
    declaration : DataSet
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
    if declaration.parts:
        parts = [tables(part.dataset, raw / part.dataset.name, settings)[:2] for part in declaration.parts]
        for part in declaration.parts:
            if part.dataset.keeps_repeats:
                say(f"{declaration.name}: repeats are kept in {part.dataset.name} alone, not in a composition of it")
        return *_composed(declaration, parts), None
    found = declaration.read(raw)
    declaration.check_counts(found.ratings, raw)
    declaration.check_files(raw, str(place))
    dropped = {"bad_line": found.bad_lines, **found.dropped}
    ratings, account, every = clean_ratings(found.ratings, declaration, settings, dropped=dropped)
    made, metrics = close(declaration, raw, settings, (ratings, account), (found.items, found.users))
    for table, changed in found.changed.items():
        metrics[table]["changed"] = metrics[table].get("changed", {}) | changed
    return made, metrics, None if every is None else repeats.log(every)


def close(
    declaration: DataSet,
    raw: Path,
    settings: params.Clean,
    cleaned: tuple[pd.DataFrame, Account],
    described: tuple[pd.DataFrame, pd.DataFrame],
) -> tuple[Tables, dict[str, Any]]:
    """Return the canonical tables and their accounts, of ratings that are clean.

    Parameters
    ----------
    declaration, raw, settings
        As of `tables`.
    cleaned : tuple of pandas.DataFrame and Account
        The ratings, and what happened to their rows, as `clean_ratings` returns them.
    described : tuple of two pandas.DataFrame
        The raw tables of items and users.

    Raises
    ------
    FoldinError
        When no rating is left, no time can be, or an alarm is one to stop on.
    """
    (ratings, account), place = cleaned, raw.relative_to(paths.root())
    if ratings.empty:
        raise FoldinError(
            f"no rating of '{declaration.name}' is left after cleaning: {_in_words(account.dropped)}",
            where=place,
            remedy=f"mend sources.{declaration.name} in params.yaml"
            if declaration.own_files
            else "look at the raw files",
        )
    if declaration.own_files and account.changed["impossible_time"] and ratings["timestamp"].isna().all():
        raise FoldinError(
            f"each of the {account.changed['impossible_time']:,} times is before 1970 or after {settings.latest_year}",
            where=place,
            remedy=f"mend sources.{declaration.name}.time_unit in params.yaml",
        )
    odd = alarms.find(ratings, account, declaration)
    alarms.raise_alarms(odd, declaration.name, settings)
    metrics = {"ratings": account.close("ratings", len(ratings))}
    if odd:
        metrics["ratings"]["alarms"] = {alarm.name: alarm.count for alarm in odd}
    items, metrics["items"] = side_tables.items(described[0], ratings["item_id"], declaration, settings)
    users, metrics["users"] = side_tables.users(described[1], ratings["user_id"], settings)
    return Tables(ratings, items, users), metrics


def _composed(declaration: DataSet, parts: list[tuple[Tables, dict[str, Any]]]) -> tuple[Tables, dict[str, Any]]:
    """Return the tables of a composed data set, and the sums of its parts' accounts, with each part's own beside.

    A person of several parts is one user: all rows but one are `joined_with_another_part`.
    """
    ratings, items, users = compose(declaration, [made for made, _ in parts])
    items, users = (
        table.set_index(key).loc[natural_order(table[key])].reset_index()
        for table, key in ((items, "item_id"), (users, "user_id"))
    )
    account = summed([account for _, account in parts])
    for name, table, key in (("items", items, "item_id"), ("users", users, "user_id")):
        account[name]["dropped"]["joined_with_another_part"] = account[name]["rows_out"] - len(table)
        # Who rated nothing in one part may have in another.
        rated = table[key].isin(ratings[key])
        account[name] |= {"rows_out": len(table), "without_ratings": int((~rated).sum())}
    account[PARTS] = {part.domain: of_it for part, (_, of_it) in zip(declaration.parts, parts, strict=True)}
    return Tables(in_order(ratings), items, users), account


def clean_ratings(
    raw: pd.DataFrame, dataset: DataSet, settings: params.Clean, *, dropped: dict[str, int] | None = None
) -> tuple[pd.DataFrame, Account, Usable | None]:
    """Drop what is no usable rating, one reason after the other.

    Parameters
    ----------
    raw : pandas.DataFrame
        `user_id`, `item_id` (str or categorical), `rating` (float), `timestamp` (Int64), in file order.
    dataset : DataSet
        Says what its ratings mean: `scale` (a rating must be one of its steps), `feedback`, `zero_is_implicit`,
        `isbn_items`. Counts of implicit feedback become strengths, log(1 + count): a second play says more than a
        hundredth.
    settings : params.Clean
        `duplicates`: of several ratings of one pair, the last or the first stays, by time, then by file order; an
        unknown time counts as the earliest. Counts of one pair are added up instead, or the highest stays
        (`events_per_pair`). `latest_year`: a time after it
        or before 1970 is made missing.
    dropped : dict of str to int, optional
        Reason → rows that the reader of the ratings dropped: `bad_line`, and what a declaration leaves out.

    Returns
    -------
    ratings : pandas.DataFrame
        The rows kept, in natural order of user and item; dtypes as in `RATINGS`.
    account : Account
        Rows dropped, changed and kept, by reason.
    log : Usable or None
        All usable rows, those of the same pair too, where the data set keeps repeats.
    """
    before = {"bad_line": 0, **(dropped or {})}
    account = Account(len(raw) + sum(before.values()), dropped=before)
    users, items = categories(raw["user_id"]), categories(raw["item_id"])
    if dataset.isbn_items:
        items, account.changed, account.kept[isbn.WRONG] = isbn.normalize(items)
    rating = raw["rating"].to_numpy(np.float64, na_value=np.nan)
    usable = np.ones(len(raw), dtype=bool)

    def drop(reason: str, faulty: Mask) -> None:
        faulty &= usable
        account.dropped[reason] = int(np.count_nonzero(faulty))
        usable[faulty] = False

    implicit = dataset.feedback == "implicit"
    drop("missing_id", (users.codes < 0) | (items.codes < 0))
    drop("missing_rating", ~np.isfinite(rating))
    if dataset.zero_is_implicit:
        drop("zero_means_not_rated", rating == 0)
    drop("no_positive_count", rating <= 0) if implicit else drop("off_the_scale", _off(rating, dataset.scale))
    rows: Rows | slice = slice(None) if usable.all() else np.flatnonzero(usable)
    time, account.changed["impossible_time"] = _times(raw["timestamp"].array[rows], settings.latest_year)
    found = Usable(*in_natural_order(users, rows), *in_natural_order(items, rows), rating[rows], time)
    return _one_of_each_pair(found, dataset, settings, account), account, found if dataset.keeps_repeats else None


def _one_of_each_pair(rows: Usable, dataset: DataSet, settings: params.Clean, account: Account) -> pd.DataFrame:
    """Return one row of each pair, and count the others."""
    implicit = dataset.feedback == "implicit"
    how, rating = dataset.events_per_pair if implicit else settings.duplicates, rows.rating
    order, again = sorted_pairs(rows.user, rows.item, len(rows.item_names))
    if order is not None and again is not None:
        account.repeats = repeats.account(rows, again, how)
        rating = repeats.of_pairs(rating, order, again, how) if implicit else rating
        order = repeats.chosen(order, again, rows.time, last=how != "first")
    account.dropped[SAME_PAIR.get(how, "duplicate_pair")] = len(rating) - (len(rating) if order is None else len(order))
    values = rating if order is None else rating[order]
    columns = {
        "user_id": pd.Categorical.from_codes(rows.user if order is None else rows.user[order], rows.user_names),
        "item_id": pd.Categorical.from_codes(rows.item if order is None else rows.item[order], rows.item_names),
        "rating": (np.log1p(values) if implicit else values).astype(np.float32),
        "timestamp": rows.time if order is None else rows.time[order],
    }
    return pd.DataFrame(columns, copy=False)


def in_order(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return ratings in natural order of user and item, dtypes as in `RATINGS`; every pair occurs once.

    Parameters
    ----------
    ratings : pandas.DataFrame
        Clean ratings in any order; ids are str or categorical.
    """
    user, user_names = in_natural_order(categories(ratings["user_id"]), slice(None))
    item, item_names = in_natural_order(categories(ratings["item_id"]), slice(None))
    coded = ratings.assign(
        user_id=pd.Categorical.from_codes(user, user_names), item_id=pd.Categorical.from_codes(item, item_names)
    )
    order, repeats = sorted_pairs(user, item, len(item_names))
    if order is not None and repeats is not None:
        twice = coded.iloc[order[int(np.argmax(repeats))]]
        raise FoldinError(
            f"the pair of user '{twice['user_id']}' and item '{twice['item_id']}' is there twice after cleaning",
            where="src/foldin/preparation/clean.py",
            remedy="this is a fault of foldin, not of the data; report it",
        )
    return (coded if order is None else coded.iloc[order]).astype(RATINGS).reset_index(drop=True)[list(RATINGS)]


def _off(rating: npt.NDArray[np.float64], scale: Scale) -> Mask:
    """Return which ratings are outside the scale or between two of its steps."""
    off = np.empty(len(rating), dtype=bool)
    for start in range(0, len(rating), BLOCK):
        values = rating[start : start + BLOCK]
        outside = (values < scale.lowest) | (values > scale.highest)
        if scale.step:
            steps = (values - scale.lowest) / scale.step
            outside |= np.abs(steps - np.round(steps)) > 1e-6
        off[start : start + BLOCK] = outside
    return off


def _times(times: pd.arrays.IntegerArray, latest_year: int) -> tuple[pd.arrays.IntegerArray, int]:
    """Return times with those before 1970 or after a year missing, and how many those are."""
    end = np.datetime64(f"{latest_year + 1:04d}-01-01", "s").astype(np.int64)
    seconds = times.to_numpy(np.int64, na_value=0)
    impossible = (seconds < 0) | (seconds >= end)
    count = int(np.count_nonzero(impossible))
    if count:
        times = times.copy()
        times[impossible] = pd.NA
    return times, count


def _write_ratings(path: Path, ratings: pd.DataFrame) -> None:
    """Write the ratings as one row group, so that ids come back as the same categories in the same order."""
    table = pa.Table.from_pandas(ratings, preserve_index=False)
    pyarrow.parquet.write_table(
        table,
        path,
        row_group_size=max(1, len(ratings)),
        use_dictionary=["user_id", "item_id", "rating" if "rating" in ratings else "count"],
        dictionary_pagesize_limit=1 << 30,
        column_encoding={"timestamp": "PLAIN"},
        write_statistics=False,  # nothing asks for them, and they take longer than all else of the writing
    )


def _in_words(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in dropped.items() if count) or "none"


__all__ = ["ITEMS", "RATINGS", "USERS", "Tables", "clean_ratings", "in_order", "natural_order", "run", "tables"]
