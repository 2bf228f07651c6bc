"""Looks at files that may hold several tables, databases and spreadsheets, and finds that with the ratings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import excel, sqlite
from foldin.datasets.own import shapes, text, words
from foldin.datasets.own.looks import ROWS, Looks, as_text, refuse_duplicates

REPEATS = 0.95
"""Share of the rows in which the ids of a column differ, below which they can be those of users or items."""


class Table(NamedTuple):
    """Some rows of a table as text, and whether its columns have names."""

    rows: pd.DataFrame
    named: bool = True


def database(path: Path, file: str, declared: dict[str, object], table: str | None) -> Looks:
    """Return a look at a table of a database; for parameters see `samples.look`.

    Raises
    ------
    FoldinError
        When no table can hold ratings.
    """
    found: dict[str, Table] = {}
    names = sqlite.tables(path)
    for name in names if table is None else [table]:
        rows = sqlite.read(path, f"select * from {_quoted(name)} limit {ROWS}")
        if len(rows):
            found[name] = Table(as_text(rows, file))

    def length(name: str) -> int:
        return int(sqlite.read(path, f"select count(*) as n from {_quoted(name)}")["n"].iloc[0])

    chosen, unsure = _chosen(found, length) if table is None else (table, [])
    if chosen is None or chosen not in found:
        raise FoldinError(
            f"no table of this database names users and items (tables: {', '.join(names) or 'none'})",
            where=file,
            remedy="declare it by hand, with a table or a query; see own/README.md",
        )
    rows = found[chosen].rows
    seen = f"{rows.shape[1]} columns, table '{chosen}' of {', '.join(names)}"
    others = tuple(name for name in found if name != chosen)
    return Looks({**declared, "table": chosen}, rows, seen, unsure=unsure, others=others)


def spreadsheet(path: Path, file: str, declared: dict[str, object], table: str | None) -> Looks:
    """Return a look at a sheet of a spreadsheet; for parameters see `samples.look`.

    Raises
    ------
    FoldinError
        When no sheet holds rows.
    """
    names = excel.sheets(path)
    found: dict[str, Table] = {}
    doubts: dict[str, list[str]] = {}
    whole: dict[str, int] = {}
    for name in names if table is None else [table]:
        plain = excel.read(path, name, header=False)
        if plain.empty:
            continue
        first = [str(cell) for cell in plain.iloc[0].fillna("")]
        body = as_text(plain.iloc[1:1000], file).fillna("").to_numpy().tolist() if len(plain) > 1 else []
        header, doubts[name] = text.has_header([first, *body])
        rows = excel.read(path, name, header=header) if header else plain
        if rows.empty:
            continue
        whole[name] = len(rows)
        # Whole numbers are written without a point, whatever else is in their column.
        few = as_text(rows, file).iloc[:: max(1, len(rows) // ROWS)].reset_index(drop=True)
        found[name] = Table(few.apply(lambda column: column.str.removesuffix(".0")), header)
    if not found:
        raise FoldinError("no sheet of this spreadsheet holds rows", where=file, remedy="give one that does")
    chosen, unsure = _chosen(found, whole.__getitem__) if table is None else (table, [])
    # A sheet with one column is a note, not a table.
    chosen = chosen or next((name for name, one in found.items() if one.rows.shape[1] > 1), next(iter(found)))
    if len(whole) > 1 or table is not None:
        declared["table"] = chosen
    rows, header = found[chosen]
    if not header:
        declared["header"] = False
    refuse_duplicates([str(column) for column in rows], file)
    kind = "with a header" if header else "without a header"
    seen = f"{rows.shape[1]} columns, sheet '{chosen}' of {', '.join(names)}, {kind}"
    others = tuple(name for name in found if name != chosen)
    return Looks(declared, rows, seen, named=header, unsure=unsure + doubts[chosen], others=others)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _chosen(found: Mapping[str, Table], length: Callable[[str], int]) -> tuple[str | None, list[str]]:
    """Return the table with the ratings, None where there is none, and what is unsure of that."""
    said = {
        name: words.by_name([str(column) for column in one.rows]) if one.named else {} for name, one in found.items()
    }
    possible = [name for name in found if {"user", "item"} <= set(said[name])]
    possible = possible or _joining(found) or [name for name, one in found.items() if _may_rate(one)]
    if not possible:
        wide = [name for name, one in found.items() if one.rows.shape[1] > 1]
        return (wide[0] if len(wide) == 1 else None), []
    if len(possible) == 1:
        return possible[0], []

    def rank(name: str) -> tuple[bool, int]:
        return bool({"rating", "count", "event"} & set(said[name])), length(name)

    chosen = max(possible, key=rank)
    rivals = ", ".join(name for name in possible if name != chosen)
    return chosen, [f"the table '{chosen}' is taken; {rivals} may hold ratings too"]


def _joining(found: Mapping[str, Table]) -> list[str]:
    """Return the tables that hold the ids of two others, as a table of ratings does those of users and items."""

    def values(name: str, *, once: bool) -> list[set[str]]:
        rows = found[name].rows
        columns = [rows[column].dropna() for column in rows]
        return [
            set(column)
            for column in columns
            if len(column) and (column.nunique() == len(rows) if once else 1 < column.nunique() < REPEATS * len(rows))
        ]

    keys = {name: values(name, once=True) for name in found}

    def others(name: str) -> list[set[str]]:
        """Return for each column with ids of other tables which tables these are."""
        columns = values(name, once=False)
        held = [{other for other in found if other != name and any(c <= key for key in keys[other])} for c in columns]
        return [names for names in held if names]

    joined = {name: others(name) for name in found}
    return [name for name, held in joined.items() if len(held) >= 2 and len(set().union(*held)) >= 2]


def _may_rate(one: Table) -> bool:
    """Return whether a table can hold ratings: two of its columns can be ids that come again, or it is a matrix."""
    rows, named = one
    if shapes.side_table(rows, named=named):
        return False
    if shapes.matrix(rows, named=named) is not None:
        return True
    left = [name for name in rows if not (named and words.is_attribute(str(name)))]
    return sum(1 < rows[name].nunique() < REPEATS * len(rows) for name in left) >= 2
