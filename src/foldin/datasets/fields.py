"""Columns of raw files as canonical tables want them: ids as text, numbers as numbers, times in seconds since 1970 UTC.

A missing value stays missing; what is neither missing nor as it should be is a fault that names its row.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd
from pandas.api import types

from foldin.errors import FoldinError

LARGEST = 2.0**62
EXACT = {2: 2.0**11, 4: 2.0**24, 8: 2.0**53}
"""Bytes of a float → the number below which it can be every whole number; from there on, one stands for several."""
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
"""What times are divided by to give seconds."""


def first_line(path: Path) -> bytes:
    """Return the first line of a file, for readers of formats that come in variants; b"" where there is no file."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        # Lines may end as on old Macs.
        return re.split(rb"[\r\n]", file.readline(10_000))[0]


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


def ids(values: pd.Series, path: Path) -> pd.Series:
    """Return ids as text without surrounding blanks; the numbers 7 and 7.0 are both "7", and an empty id is missing.

    Parameters
    ----------
    values : pandas.Series
        Text or numbers, also both in one column; its name is the column's.
    path : Path
        The file it is from, for the message.

    Raises
    ------
    FoldinError
        On the first id that is a number with a point (a float) so large that it may stand for several whole numbers.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values  # Read as ids, so they are text already, each stored once.
    if types.is_float_dtype(values.dtype):
        _refuse_inexact(values.abs() >= EXACT[values.to_numpy().dtype.itemsize], values, path)
        # A whole column with a gap comes as float.
        whole = values == values.round()
        text = values.astype("str").where(~whole, values.where(whole).astype("Int64").astype("str"))
    elif types.is_object_dtype(values.dtype):
        _refuse_inexact(values.map(lambda value: isinstance(value, float) and abs(value) >= EXACT[8]), values, path)
        text = values.map(_written, na_action="ignore")
    else:
        text = values.astype("str").str.strip()
    text = text.astype("str")
    found: pd.Series = text.where(values.notna() & (text != "")).astype("str")
    return found


def _written(value: object) -> str:
    if isinstance(value, float | Decimal) and value % 1 == 0:
        value = int(value)
    return str(value).strip()


def _refuse_inexact(inexact: pd.Series, values: pd.Series, path: Path) -> None:
    if inexact.any():
        row = int(inexact.to_numpy(bool, na_value=False).argmax())
        raise FoldinError(
            f"row {row + 1}: {values.name} is {float(values.iloc[row])!r}, a float so large that it may be several ids",
            where=_place(path),
            remedy="store these ids as whole numbers or as text",
        )


def numbers(values: pd.Series, path: Path) -> pd.Series:
    """Return a column as float64.

    Parameters
    ----------
    values : pandas.Series
        Numbers, or text of them; its name is the column's.
    path : Path
        The file it is from, for the message.

    Raises
    ------
    FoldinError
        On the first value that is no number.
    """
    return _checked(pd.to_numeric(values, errors="coerce"), values, path, "no number").astype("float64")


def whole_numbers(values: pd.Series, path: Path, missing: str = "") -> pd.Series:
    """Return a column as Int64; `missing` is what the file writes for a missing value; see `numbers`."""
    known = values.where(values.astype("str") != missing)
    found = pd.to_numeric(known, errors="coerce")
    return _checked(found.where(found % 1 == 0), known, path, "no whole number").astype("Int64")


def seconds(values: pd.Series, path: Path, unit: str = "") -> pd.Series:
    """Return times as seconds since 1970 UTC.

    Parameters
    ----------
    values : pandas.Series
        Numbers or text of them, or dates such as "2001-08-11 17:07:49"; its name is the column's.
    path : Path
        The file it is from, for the message.
    unit : str, optional
        Of numbers: one of `UNITS`; "date" for dates. Without it, seconds where the first is a number, else dates.

    Returns
    -------
    pandas.Series of Int64
        Seconds, rounded down.

    Raises
    ------
    FoldinError
        On the first value that is no time.
    """
    if types.is_datetime64_any_dtype(values.dtype):
        unit = "date"
    known = values.dropna()
    # Where nobody says what the values are, the first one does.
    if not unit and len(known) and pd.isna(pd.to_numeric(known.iloc[0], errors="coerce")):
        unit = "date"
    if unit != "date":
        found = pd.to_numeric(values, errors="coerce")
    else:
        dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
        found = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    found = _checked(found, values, path, "no date" if unit == "date" else f"no time in {unit or 's'}")
    scaled: pd.Series = found.floordiv(UNITS.get(unit, 1)).astype("Int64")
    return scaled


def _checked(found: pd.Series, given: pd.Series, path: Path, what: str) -> pd.Series:
    # What 64 bits cannot hold is no number of ours.
    found = found.where(found.abs() < LARGEST)
    wrong = found.isna() & given.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise FoldinError(
            f"row {row + 1}: {given.name} is {given.iloc[row]!r}, {what}",
            where=_place(path),
            remedy=f"the data set is damaged; fetch it again: dvc repro -f fetch@{path.parent.name}",
        )
    return found


def _place(path: Path) -> str:
    return "/".join(path.parts[-4:])
