"""Stage `clean`: makes the canonical tables `ratings`, `items` and `users` of raw files, and accounts for every row.

The rows of all tables are in natural order of ids, so they do not depend on the order of the raw files. Cost and memory
grow linearly with the ratings: ids become whole numbers first, and no step makes a Python object for each row.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from foldin.core import files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.ids import natural_order
from foldin.core.progress import say, step
from foldin.datasets import registry
from foldin.datasets.composition import Tables, compose
from foldin.datasets.declaration import DataSet
from foldin.preparation import alarms, repeats, side_tables
from foldin.preparation.account import PARTS, Account, check, summed
from foldin.preparation.ratings import clean_ratings, in_order

LOG = "interactions.parquet"
"""File of all interactions, beside the canonical tables, where a declaration says `repeats: keep`."""
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
    made, accounts, log = (make or tables)(declaration, raw, settings)
    for name, table in made._asdict().items():
        check(name, accounts[name], len(table))
    with files.whole_folder(paths.clean(dataset)) as folder:
        _write_ratings(folder / "ratings.parquet", made.ratings)
        if log is not None:
            _write_ratings(folder / LOG, log)
        made.items.to_parquet(folder / "items.parquet", index=False)
        made.users.to_parquet(folder / "users.parquet", index=False)
        # Another scale of the same rows is other data for the stages that follow.
        interactions.write_scale(folder, declaration.scale)
    files.write_json(paths.account(dataset, "cleaning"), accounts)
    rows_in, dropped = accounts["ratings"]["rows_in"], accounts["ratings"]["dropped"]
    if said := repeats.in_words(accounts["ratings"].get("repeats", {})):
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
    made, accounts = close(declaration, raw, settings, (ratings, account), (found.items, found.users))
    for table, changed in found.changed.items():
        accounts[table]["changed"] = accounts[table].get("changed", {}) | changed
    return made, accounts, None if every is None else repeats.log(every)


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
    accounts = {"ratings": account.close("ratings", len(ratings))}
    if odd:
        accounts["ratings"]["alarms"] = {alarm.name: alarm.count for alarm in odd}
    items, accounts["items"] = side_tables.items(described[0], ratings["item_id"], declaration, settings)
    users, accounts["users"] = side_tables.users(described[1], ratings["user_id"], settings)
    return Tables(ratings, items, users), accounts


def _composed(declaration: DataSet, parts: list[tuple[Tables, dict[str, Any]]]) -> tuple[Tables, dict[str, Any]]:
    """Return the tables of a composed data set, and the sums of its parts' accounts, with each part's own beside.

    A person of several parts is one user: all rows but one are `joined_with_another_part`.
    """
    ratings, items, users = compose(declaration, [made for made, _ in parts])
    items, users = (
        table.set_index(key).loc[natural_order(table[key])].reset_index()
        for table, key in ((items, "item_id"), (users, "user_id"))
    )
    accounts = summed([of_it for _, of_it in parts])
    for name, table, key in (("items", items, "item_id"), ("users", users, "user_id")):
        accounts[name]["dropped"]["joined_with_another_part"] = accounts[name]["rows_out"] - len(table)
        # Who rated nothing in one part may have in another.
        rated = table[key].isin(ratings[key])
        accounts[name] |= {"rows_out": len(table), "without_ratings": int((~rated).sum())}
    accounts[PARTS] = {part.domain: of_it for part, (_, of_it) in zip(declaration.parts, parts, strict=True)}
    return Tables(in_order(ratings), items, users), accounts


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
