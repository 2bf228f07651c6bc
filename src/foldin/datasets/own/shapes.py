"""Guesses of what shape a table is: a list of ratings, a matrix of users and items, or a table of items or of users."""

import re
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.datasets.own import words
from foldin.datasets.own.values import codes_of

WIDE = 5
"""Columns of ratings from which on a table can be a matrix."""
OTHERS = 4
"""Columns of a matrix, at most, that hold no ratings."""
COLUMNS = 400
"""Columns of a matrix that are compared with one another."""
SUMMED = 300
"""Rows that are looked at to find columns that sum up their rows."""
SUMMARIES = 3
"""Columns at each end of a matrix that may sum up its rows."""
FEW = 12
"""Rows below which a column may sum up all rows by chance."""
MOST_ROWS = 0.95
"""Share of the rows that a column of sums, means or numbers of ratings must fit."""
ROUNDED = 0.051
"""By how much a mean that is written with one digit may be off."""


@dataclass
class Matrix:
    """How a matrix is to be declared, and what is unsure of it."""

    declared: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def numbers_of(rows: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Return the columns of which all that is known are numbers, as numbers."""
    found = {}
    for name in rows:
        values = pd.to_numeric(rows[name], errors="coerce")
        if (values.notna() | rows[name].isna()).all():
            found[str(name)] = values
    return found


def matrix(rows: pd.DataFrame, *, named: bool) -> Matrix | None:
    """Return how a table is a matrix of users and items, None where it is none.

    Parameters
    ----------
    rows : pandas.DataFrame
        Some of its rows, as text.
    named : bool
        Whether its columns have names.
    """
    names = [str(name) for name in rows]
    said = words.by_name(names) if named and len(names) < 200 else {}
    if named and len(names) >= 200:
        said = words.by_name(names[:3])
    if {"user", "item"} <= set(said) or len(names) < WIDE:
        return None
    numeric = numbers_of(rows)
    # A list of ratings has few columns of numbers that are like one another.
    others = [name for name in names if name not in numeric]
    if len(others) > OTHERS or len(numeric) < WIDE:
        return None
    table = np.column_stack([numeric[name].to_numpy(np.float64) for name in numeric])
    cells = _cells(list(numeric), table, said, named=named)
    if len(cells) < max(WIDE, len(names) - OTHERS):
        return None
    return _declared(names, rows, numeric, cells, said, named=named)


def _cells(names: list[str], table: npt.NDArray[np.floating[Any]], said: dict[str, str], *, named: bool) -> list[str]:
    """Return the columns that hold ratings: those whose values are of one kind."""
    # Columns at the start and at the end may be none.
    inner = [place for place, name in enumerate(names) if name not in said.values()]
    if named:
        inner = [place for place in inner if not words.is_attribute(names[place]) or len(names) > 50]
    # Those that are surely ratings stand between what sums them up.
    outer = min(SUMMARIES + 1, (len(inner) - WIDE) // 2)
    few = inner[outer:-outer] if outer > 0 else inner[1:] if len(inner) > WIDE else inner
    few = few[:: max(1, len(few) // COLUMNS)]
    pooled = table[:, few]
    known = pooled[~np.isnan(pooled)]
    if not len(known):
        return []
    codes = [_usual(known), *codes_of(np.unique(known))]
    low, high = _core(known[~np.isin(known, codes[1:])])
    if high <= low:
        return []
    alike = []
    for place in inner:
        column = table[:, place]
        column = column[~np.isnan(column)]
        if not len(column):
            alike.append(place)
            continue
        span = min(column.max(), high) - max(column.min(), low)
        inside = float(((column >= low) & (column <= high)).mean())
        # What is coded as missing lies outside.
        coded = float(np.isin(column, codes).mean())
        enough = len(column) < 20 or span >= 0.3 * (high - low)
        if inside + coded >= 0.6 and (enough or coded > 0.5):
            alike.append(place)
    return [names[place] for place in alike]


def _usual(known: npt.NDArray[np.floating[Any]]) -> float:
    values, counts = np.unique(known, return_counts=True)
    return float(values[counts.argmax()])


def _core(known: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return between which values most numbers lie, without one at an end that stands apart."""
    distinct = np.unique(known)
    for _ in range(2):
        if len(distinct) < 3:
            break
        if distinct[-1] - distinct[-2] > distinct[-2] - distinct[0]:
            distinct = distinct[:-1]
        elif distinct[1] - distinct[0] > distinct[-1] - distinct[1]:
            distinct = distinct[1:]
    return float(distinct[0]), float(distinct[-1])


def _declared(
    names: list[str],
    rows: pd.DataFrame,
    numeric: dict[str, "pd.Series[float]"],
    cells: list[str],
    said: dict[str, str],
    *,
    named: bool,
) -> Matrix:
    found = Matrix({"shape": "matrix"})
    table = np.column_stack([numeric[name].to_numpy(np.float64) for name in cells])
    rest = [name for name in names if name not in cells]
    first = names[0]
    # A first column of whole numbers, each once, beside ratings that repeat, is one of ids, if it is no count.
    if first in cells and first in numeric:
        column = numeric[first].to_numpy(np.float64)
        others = table[:, 1:]
        whole = not np.isnan(column).any() and (column % 1 == 0).all()
        unique = len(np.unique(column)) == len(column) and len(column) >= 3
        counts = bool(summary(column, others))
        blank = named and (not first or first.lower().startswith(("unnamed", "index", "id")))
        if whole and (counts or unique or blank):
            cells, rest, table = cells[1:], [first, *rest], others
            if not (counts or blank) and len(column) < 12:
                found.unsure.append(
                    f"column 1 ({first}) is taken as the ids of the rows; if it holds ratings, leave out row_id"
                )
    summaries = _summaries(cells, table)
    if summaries:
        kept = [place for place, name in enumerate(cells) if name not in summaries]
        cells, rest, table = [cells[place] for place in kept], [*rest, *summaries], table[:, kept]
    row_id = None
    skipped = []
    for name in rest:
        texts = rows[name]
        role = words.role_of(name) if named else ""
        what = summaries.get(name, "")
        if not what and name in numeric:
            what = summary(numeric[name].to_numpy(np.float64), table)
        apart = bool(texts.notna().all()) and texts.nunique() == len(texts)
        if (
            row_id is None
            and not what
            and (role in ("user", "item") or (apart and not (named and words.is_attribute(name))))
        ):
            row_id = name
        else:
            skipped.append(name)
            found.notes.append(f"{_called(name, names, named)}: not used ({what or 'neither ids nor ratings'})")
            if not what:
                found.unsure.append(f"{_called(name, names, named)} is taken to hold no ratings")
    by_items = row_id is not None and named and words.role_of(row_id) == "item"
    by_users = row_id is not None and named and words.role_of(row_id) == "user"
    of_columns = _role_of_all(cells) if named else ""
    if by_items or (not by_users and of_columns == "user"):
        found.declared["rows"] = "items"
    if not (by_items or by_users or of_columns):
        found.unsure.append(
            "rows are taken as users and columns as items; if it is the other way round, declare rows: items"
        )
    if row_id is not None:
        # A number is a place, for a name may be a number too.
        found.declared["row_id"] = row_id if named and row_id and not row_id.isdigit() else names.index(row_id) + 1
        found.notes.append(f"{_called(row_id, names, named)}: ids of the rows")
        if len(set(rows[row_id].dropna())) < len(rows[row_id].dropna()):
            found.unsure.append(f"{_called(row_id, names, named)} is taken as the ids of the rows, and some repeat")
    else:
        found.notes.append("no column of ids: rows are numbered from 1")
    if skipped:
        found.declared["skip"] = [
            name if named and name and not name.isdigit() else names.index(name) + 1 for name in skipped
        ]
    shown = (
        f"{cells[0]} to {cells[-1]}"
        if named
        else f"column {names.index(cells[0]) + 1} to column {names.index(cells[-1]) + 1}"
    )
    found.notes.append(f"{shown}: ratings, {len(cells):,} columns" + ("" if named else ", numbered from 1"))
    return found


def _called(name: str, names: list[str], named: bool) -> str:
    return name if named and name else f"column {names.index(name) + 1}"


def _summaries(cells: list[str], table: npt.NDArray[np.floating[Any]]) -> dict[str, str]:
    """Return which of the outer columns of a matrix sum up its rows, and in what way."""
    if len(table) < FEW:
        return {}
    table = table[:: max(1, len(table) // SUMMED)]
    n = len(cells)
    # Means and sums may stand side by side, and each sums up neither the other nor itself.
    for before, after in sorted(product(range(SUMMARIES + 1), repeat=2), key=sum):
        outer = [*range(before), *range(n - after, n)]
        if outer and n - len(outer) >= 2:
            inner = table[:, before : n - after]
            found = {cells[place]: summary(table[:, place], inner) for place in outer}
            if all(found.values()):
                return found
    return {}


def summary(column: npt.NDArray[np.floating[Any]], cells: npt.NDArray[np.floating[Any]]) -> str:
    """Return what a column says of the ratings of each row, "" if nothing: their number, mean or sum.

    Parameters
    ----------
    column : ndarray, shape (n_rows,)
        The column.
    cells : ndarray, shape (n_rows, n_columns)
        The ratings, NaN where a cell is empty; a code for missing ratings is found here.
    """
    if len(column) < 2 or not np.isfinite(column).any():
        return ""
    filled = (~np.isnan(cells)).sum(axis=1)
    codes: list[tuple[float, ...]] = [()]
    if filled.any():
        known = cells[~np.isnan(cells)]
        codes += [(_usual(known),), (known.min(),), (known.max(),), (0.0,), tuple(codes_of(np.unique(known)).tolist())]
    for some in dict.fromkeys(codes):
        coded = np.isin(cells, some)
        number = filled - coded.sum(axis=1)
        total = np.where(coded | np.isnan(cells), 0.0, cells).sum(axis=1)
        mean = total / np.maximum(number, 1)
        for what, expected, off in (
            ("the number of ratings in the row", number, 0.0),
            ("the mean of the ratings in the row", mean, ROUNDED),
            ("the sum of the ratings in the row", total, ROUNDED),
        ):
            # Means and sums of few ratings are often ratings too.
            if off and (len(column) < FEW or not number.any() or number.max() < WIDE):
                continue
            close = np.abs(column - expected) <= off + 1e-6
            if np.ptp(expected) > 0 and close.mean() > MOST_ROWS:
                return what
    return ""


def _role_of_all(names: list[str]) -> str:
    """Return what the columns of a matrix are: "item" where they are called film 1, film 2, …; "" where unknown."""
    few = names[:: max(1, len(names) // 200)]
    roles = [words.role_of(re.split(r"[\s_\-.#]*\d|[\s_\-]number", name.lower())[0]) for name in few]
    role = max(set(roles), key=roles.count)
    return role if role in ("user", "item") and roles.count(role) > 0.8 * len(roles) else ""


def side_table(rows: pd.DataFrame, *, named: bool) -> str:
    """Return "items" or "users" where a table describes items or users, one in each row, and holds no ratings; else "".

    Parameters
    ----------
    rows : pandas.DataFrame
        Some of its rows, as text.
    named : bool
        Whether its columns have names.
    """
    if not named or len(rows) < 2:
        return ""
    names = [str(name) for name in rows]
    said = words.by_name(names)
    if ("user" in said) == ("item" in said):
        return ""
    role = "user" if "user" in said else "item"
    column = rows[said[role]]
    one_each = column.notna().all() and column.nunique() == len(column)
    attributes = [name for name in names if words.is_attribute(name)]
    return f"{role}s" if one_each and (attributes or len(rows) >= 20) else ""
