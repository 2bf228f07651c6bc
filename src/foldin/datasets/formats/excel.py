"""Reads a sheet of a spreadsheet: .xlsx, .xlsm, .xlsb, .xls and .ods, where the extra `excel` is installed."""

from datetime import date, datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.params import nearest
from foldin.datasets.formats.fields import exact

NEEDS = "python_calamine"
INSTALL = "run `make install EXTRA=excel`, or save its table as CSV, and give that"
MARKS = {"#N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"}
"""What a spreadsheet shows in a cell whose formula failed: there is no value."""


def sheets(path: Path) -> list[str]:
    """Return the names of a spreadsheet's sheets, as they stand in it.

    Raises
    ------
    FoldinError
        When the file is damaged, or the extra is missing.
    """
    return list(_opened(path).sheet_names)


def read(path: Path, sheet: str | None = None, *, header: bool = True) -> pd.DataFrame:
    """Return a sheet as a table; empty rows at its end, and cells that are empty or hold an error, are missing.

    Parameters
    ----------
    path : Path
        The file, whatever its name.
    sheet : str, optional
        The sheet; may be left out where only one holds anything.
    header : bool
        Whether the first row names the columns; else they are numbered from 1.

    Returns
    -------
    pandas.DataFrame
        Whole numbers are whole: a spreadsheet knows no other numbers than floats. Times are times.

    Raises
    ------
    FoldinError
        When the file is damaged, the extra is missing, or no such sheet is there.
    """
    opened = _opened(path)
    cells = opened.get_sheet_by_name(_chosen(opened, sheet)).to_python(skip_empty_area=False)
    while cells and all(_value(cell) is None for cell in cells[-1]):
        cells.pop()
    if not cells:
        return pd.DataFrame()
    width = max(map(len, cells))
    names = [_name(cell, place) for place, cell in enumerate(cells[0])] if header else []
    names += [str(place + 1) for place in range(len(names), width)]
    rows = cells[1:] if header else cells
    columns = [_column([_value(row[place]) if place < len(row) else None for row in rows]) for place in range(width)]
    # Two columns may share a name: who needs one of them refuses it.
    return pd.concat(columns, axis=1, ignore_index=True).set_axis(names, axis=1)


def _opened(path: Path) -> Any:
    if find_spec(NEEDS) is None:
        raise FoldinError("this is a spreadsheet, and what reads it is not installed", where=path, remedy=INSTALL)
    # Its bytes, because these say what it is, and its name may not. What the disk refuses is no fault of the format.
    content = BytesIO(path.read_bytes())
    import python_calamine

    try:
        return python_calamine.load_workbook(content)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        what = f"no readable spreadsheet ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        raise FoldinError(what, where=path, remedy="open and save it again, or save its table as CSV") from None


def _chosen(opened: Any, sheet: str | None) -> str:
    names = list(opened.sheet_names)
    if sheet is not None:
        if sheet not in names:
            remedy = nearest(sheet, names).replace("valid keys are", "its sheets are")
            raise FoldinError(f"this spreadsheet has no sheet '{sheet}'", remedy=remedy)
        return sheet
    filled = [name for name in names if opened.get_sheet_by_name(name).height]
    if len(filled) > 1:
        shown = ", ".join(filled[:8])
        raise FoldinError(f"this spreadsheet has {len(filled)} sheets ({shown})", remedy="name one of them as `table`")
    return str((filled or names)[0])


def _name(cell: object, place: int) -> str:
    value = _value(cell)
    return str(place + 1) if value is None else str(value).strip()


def _value(cell: object) -> object:
    """Return what a cell holds, None where that is nothing."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return None if isinstance(cell, str) and (not cell.strip() or cell in MARKS) else cell


def _column(values: list[object]) -> "pd.Series[Any]":
    """Return a column: numbers as numbers, whole ones whole; times as times; all else as it is in its cell."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return pd.Series(values, dtype="float64")
    if kinds and kinds <= {date, datetime}:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object")))
    return exact(values)
