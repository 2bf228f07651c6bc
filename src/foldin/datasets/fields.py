"""Columns of raw files as canonical tables want them: ids as text, numbers as numbers, times in seconds since 1970 UTC.

A missing value stays missing; what is neither missing nor as it should be is a fault that names its row.
"""

import re
from pathlib import Path

import pandas as pd
from pandas.api import types

from foldin.errors import FoldinError

LARGEST = 2.0**62
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


def ids(values: pd.Series) -> pd.Series:
    """Return ids as text without surrounding blanks; 7 and 7.0 are both "7", and an empty id is missing."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values  # Read as ids, so they are text already, each stored once.
    if types.is_float_dtype(values.dtype):
        # A whole column with a gap comes as float.
        whole = (values == values.round()) & (values.abs() < 2**53)
        text = values.astype("str").where(~whole, values.where(whole).astype("Int64").astype("str"))
    else:
        text = values.astype("str").str.strip()
    found: pd.Series = text.where(values.notna() & (text != "")).astype("str")
    return found


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
            where="/".join(path.parts[-4:]),
            remedy=f"the data set is damaged; fetch it again: dvc repro -f fetch@{path.parent.name}",
        )
    return found
