"""Columns of raw files converted to canonical types: numbers, and times in seconds since 1970 UTC; ids: `ids`.

A missing value stays missing; an invalid value raises an error that names its row.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from foldin.core.errors import FoldinError
from foldin.datasets.formats import marks

LARGEST = 2.0**62
LONGEST_LINE = 1 << 24
"""Bytes of a header, at most."""
SHOWN = 80
"""Characters of a value in a message."""
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""What times are divided by to give seconds."""


@dataclass
class Faults:
    """Values that are not as they should be, where they are gathered and not the first of them an error.

    Attributes
    ----------
    rows : ndarray of bool
        Which rows have one.
    first : FoldinError or None
        What would have been said of the first one found.
    """

    rows: npt.NDArray[np.bool_]
    first: FoldinError | None = None

    def add(self, rows: npt.NDArray[np.bool_], error: FoldinError) -> None:
        """Add the faults of one column."""
        self.rows = self.rows | rows
        self.first = self.first or error


def first_line(path: Path) -> bytes:
    """Return the first line of a file, for readers of formats that come in variants; b"" where there is no file."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        # Lines may end as on old Macs; and a matrix has a name for each of its many columns.
        return re.split(rb"[\r\n]", file.readline(LONGEST_LINE))[0]


def undescribed(item_ids: pd.Series, domain: str) -> pd.DataFrame:
    """Return the table of items of which nothing but the id and the domain is known: one row for each distinct id."""
    names = pd.Series(item_ids.dropna().unique()).astype("str")
    return pd.DataFrame({"item_id": names, "title": None, "domain": domain, "genres": ""})


def exact(values: Sequence[object]) -> pd.Series:
    """Return values of a database or of JSON as a column that keeps each as it is: no whole number becomes a float.

    Parameters
    ----------
    values : sequence of object
        As Python has them, None where missing; they may be of several kinds.

    Returns
    -------
    pandas.Series of Int64, float64, str or object
        Of Python's own objects where the values are of several kinds, or too large for 64 bits.
    """
    kinds = {type(value) for value in values} - {type(None)}
    dtype = {int: "Int64", float: "float64", str: "str"}.get(kinds.pop()) if len(kinds) == 1 else None
    try:
        return pd.Series(values, dtype=dtype or "object")
    except OverflowError:
        return pd.Series(values, dtype="object")


def each(values: pd.Series, change: Callable[[Any], object]) -> pd.Series:
    """Return a column of Python's own objects with each that is known changed; pandas' `map` makes floats of them."""
    known = values.notna()
    found = [change(value) if there else value for value, there in zip(values, known, strict=True)]
    return pd.Series(found, index=values.index, name=values.name, dtype="object")


def fault(values: pd.Series, row: int, path: Path, what: str, remedy: str) -> FoldinError:
    """Return the error of a value that is not as it should be.

    Parameters
    ----------
    values : pandas.Series
        The column; its name is the column's.
    row : int
        The place of the value in the column, from 0.
    path : Path
        The file it is from.
    what : str
        What is wrong with it, such as "no number".
    remedy : str
        What to do.
    """
    text = f"{_at(values, row)}: {values.name} is {_shown(values.iloc[row])}, {what}"
    return FoldinError(text, where=_place(path), remedy=remedy)


def _shown(value: object) -> str:
    text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _at(values: pd.Series, row: int) -> str:
    """Return where a row is, for messages: the index of a column of JSON lines has the numbers of its lines."""
    return f"line {values.index[row]}" if values.index.name == "line" else f"row {row + 1}"


def written(value: object) -> str:
    """Return a value as text without surrounding blanks; a number without a fraction as a whole number."""
    if isinstance(value, float | Decimal) and value % 1 == 0:
        value = int(value)
    return str(value).strip()


def numbers(
    values: pd.Series, path: Path, faults: Faults | None = None, *, decimal: str = ".", thousands: str = ""
) -> pd.Series:
    """Return a column as float64.

    Parameters
    ----------
    values : pandas.Series
        Numbers, or text of them; its name is the column's.
    path : Path
        The file it is from, for the message.
    faults : Faults, optional
        Where values that are no numbers are gathered; they are then missing.
    decimal, thousands : str, optional
        The marks in texts of numbers; see `marks`.

    Raises
    ------
    FoldinError
        On the first value that is no number, unless they are gathered.
    """
    known = values
    if (decimal != "." or thousands) and not types.is_numeric_dtype(values.dtype):
        known = marks.plain(values, decimal, thousands)
    return _checked(_numeric(known), values, path, "no number", faults).astype("float64")


def whole_numbers(values: pd.Series, path: Path, missing: str = "", faults: Faults | None = None) -> pd.Series:
    """Return a column as Int64; `missing` is what the file writes for a missing value; see `numbers`."""
    known = values.where(values.astype("str") != missing)
    found = _numeric(known)
    return _checked(found.where(found % 1 == 0), known, path, "no whole number", faults).astype("Int64")


def _numeric(values: pd.Series) -> pd.Series:
    """Return what of a column are numbers, or texts of them, as numbers; missing what is not."""
    if types.is_datetime64_any_dtype(values.dtype) or types.is_timedelta64_dtype(values.dtype):
        return pd.Series(np.nan, index=values.index, name=values.name)  # pandas would give nanoseconds
    if types.is_object_dtype(values.dtype):
        # Of a list it would be an error, of a whole number beyond all floats too.
        values = each(values, _number)
    return pd.to_numeric(values, errors="coerce")


def _number(value: object) -> object:
    if isinstance(value, int):
        return value if abs(value) < LARGEST else None
    return value if isinstance(value, float | Decimal | str | np.generic) else None


def seconds(
    values: pd.Series, path: Path, unit: str = "", faults: Faults | None = None, date_format: str = ""
) -> pd.Series:
    """Return times as seconds since 1970 UTC.

    Parameters
    ----------
    values : pandas.Series
        Numbers or text of them, or dates such as "2001-08-11 17:07:49"; its name is the column's.
    path : Path
        The file it is from, for the message.
    unit : str, optional
        Of numbers: one of `UNITS`; "date" for dates. Without it, seconds where the first is a number, else dates.
    faults : Faults, optional
        Where values that are no times are gathered; they are then missing.
    date_format : str, optional
        How dates are written, as for `strptime`, such as "%d/%m/%Y"; without it, as ISO 8601 writes them.

    Returns
    -------
    pandas.Series of Int64
        Seconds, rounded down.

    Raises
    ------
    FoldinError
        On the first value that is no time, unless they are gathered; or when the column holds durations.
    """
    if types.is_timedelta64_dtype(values.dtype):
        raise FoldinError(
            f"{values.name} is a column of durations, which say no time of day or year",
            where=_place(path),
            remedy="name a column of times or dates",
        )
    if types.is_datetime64_any_dtype(values.dtype):
        unit = "date"
    known = values.dropna()
    # Where nobody says what the values are, the first one does.
    if not unit and len(known) and _numeric(known.head(1)).isna().all():
        unit = "date"
    if unit != "date":
        found = _numeric(values)
    else:
        found = _since_1970(
            pd.to_datetime(_calendar(values), errors="coerce", utc=True, format=date_format or "ISO8601")
        )
    no_date = f"no date as {date_format}" if date_format else "no date"
    found = _checked(found, values, path, no_date if unit == "date" else f"no time in {unit or 's'}", faults)
    scaled: pd.Series = found.floordiv(UNITS.get(unit, 1)).astype("Int64")
    return scaled


def _since_1970(dates: pd.Series) -> pd.Series:
    try:
        found: pd.Series = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    except pd.errors.OutOfBoundsDatetime:
        # pandas reads years before the first one, and cannot count from them.
        return _since_1970(dates.where(dates.dt.year >= 1))
    return found


def _calendar(values: pd.Series) -> pd.Series:
    """Return what pandas can read dates of: 20200318 is a day, which pandas takes for nanoseconds since 1970."""
    if types.is_numeric_dtype(values.dtype):
        whole = _numeric(values)
        return whole.where((whole % 1 == 0) & (whole.abs() < LARGEST)).astype("Int64").astype("str")
    if types.is_object_dtype(values.dtype):
        return each(values, lambda value: value if isinstance(value, str | date) else written(value))
    return values


def _checked(found: pd.Series, given: pd.Series, path: Path, what: str, faults: Faults | None = None) -> pd.Series:
    # What 64 bits cannot hold is no number of ours.
    found = found.where(found.abs() < LARGEST)
    wrong = found.isna() & given.notna()
    if wrong.any():
        remedy = f"the data set is damaged; fetch it again: dvc repro -f fetch@{path.parent.name}"
        error = fault(given, int(wrong.to_numpy().argmax()), path, what, remedy)
        if faults is None:
            raise error
        faults.add(wrong.to_numpy(bool), error)
    return found


def _place(path: Path) -> str:
    return "/".join(path.parts[-4:])
