"""Rows from all over a file of the user's own as text, and how it must be read: what `foldin describe` guesses from."""

import codecs
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import arrays, columnar, json_lines, lines, marks, sniffing
from foldin.datasets.own import several, tables, text
from foldin.datasets.own.looks import ROWS, as_text, refuse_duplicates
from foldin.datasets.own.looks import Looks as Looks
from foldin.datasets.own.schema import File


def look(path: Path, name: str, table: str | None = None) -> Looks:
    """Return how a file is to be read, and some of its rows.

    Parameters
    ----------
    path : Path
        Where it lies, unpacked.
    name : str
        What it is called.
    table : str, optional
        Which table of a database or a spreadsheet; that with the ratings without it.

    Raises
    ------
    FoldinError
        When it is empty, or in no known format.
    """
    if not path.stat().st_size:
        raise FoldinError("the file is empty, so it holds no rows", where=name, remedy="give one that has some")
    by_name = tables.format_of(File(file=name))
    form = sniffing.format_of(path) or by_name
    if form in ("", "csv") and _holds_objects(path):
        form = "jsonl"
    declared: dict[str, object] = {"format": form} if form and form != by_name else {}
    match form:
        case "parquet" | "feather":
            looks = _columnar(path, form, name, declared)
        case "jsonl":
            looks = _json_lines(path, name, declared)
        case "sqlite":
            looks = several.database(path, name, declared, table)
        case "npy" | "npz" | "mat":
            looks = _arrays(path, form, name, declared)
        case "excel":
            looks = several.spreadsheet(path, name, declared, table)
        case "" | "csv":
            return _text(path, name, declared if by_name else {"format": "csv"})
        case _:
            what = f"foldin cannot look into a file of the format '{form}'"
            raise FoldinError(what, where=name, remedy="declare it by hand; see own/README.md")
    rows, empty = text.without_words(looks.rows)
    return replace(looks, rows=rows, empty=empty)


def _text(path: Path, name: str, declared: dict[str, object]) -> Looks:
    found = text.look(path, name)
    if found.separator != tables.separator_of(File(file=name)):
        declared["separator"] = found.separator
    if found.encoding != "utf-8":
        declared["encoding"] = found.encoding
    if not found.header:
        declared["header"] = False
    if found.marked:
        declared |= marks_of(found.marked, list(found.marked))
    how = "blanks" if found.separator == "blanks" else repr(found.separator)
    kind = "with a header" if found.header else "without a header"
    seen = f"{found.width} columns separated by {how}, {found.encoding}, {kind}"
    return Looks(declared, found.rows, seen, found.header, found.unsure, found.empty, marked=found.marked)


def marks_of(marked: dict[str, marks.Marks], columns: list[str]) -> dict[str, object]:
    """Return what to declare of the marks in the numbers of some columns: those of the first that has thousands."""
    found = [marked[column] for column in columns if column in marked]
    how = next((how for how in found if how.thousands), found[0] if found else marks.Marks())
    declared: dict[str, object] = {"decimal": how.decimal} if how.decimal != "." else {}
    return declared | ({"thousands": how.thousands} if how.thousands else {})


def keep_marks(declared: dict[str, object], marked: dict[str, marks.Marks], strength: str) -> list[str]:
    """Keep declared only the marks in the numbers of the ratings or counts, for no others are read.

    Returns
    -------
    list of str
        What is unsure of them.
    """
    of_strength = marks_of(marked, [strength])
    for key in ("decimal", "thousands"):
        if key in declared and key not in of_strength:
            del declared[key]
    declared |= of_strength
    how = marked.get(strength)
    # Other columns of a file, such as prices, tell which mark means what.
    if how is None or how.sure or any(other.sure and other.decimal == how.decimal for other in marked.values()):
        return []
    return [
        f"{strength}: '{how.thousands}' is taken to separate thousands, as in 1{how.thousands}234; if it is the "
        f'decimal mark, write decimal: "{how.thousands}" and leave out thousands'
    ]


def _columnar(path: Path, form: str, name: str, declared: dict[str, object]) -> Looks:
    try:
        names = columnar.names(path, form)
        refuse_duplicates(names, name)
        parts: list[pd.DataFrame] = []
        for frame in columnar.frames(path, form):
            # Some of each batch: what the first rows lack, others may have.
            parts.append(frame.iloc[:: max(1, len(frame) // 500)] if parts else frame.head(ROWS))
            if len(parts) > 200:
                break
    except FoldinError as error:
        what = error.what.replace("Parquet", "parquet").replace("Feather", "feather")
        raise FoldinError(what, where=name, remedy="mend it, or rename it") from None
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    # Columns nobody needs may share a name.
    rows = rows.iloc[:, [place for place, column in enumerate(names) if names.count(column) == 1]] if parts else rows
    return Looks(declared, as_text(rows, name), f"{len(names)} columns, {form}")


def _json_lines(path: Path, name: str, declared: dict[str, object]) -> Looks:
    bad = lines.BadLines(1.0)
    rows, _ = json_lines.read(path, None, bad, ROWS)
    if rows.empty and bad.first is not None:
        with path.open("rb") as file:
            whole = file.read(64).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
        raise FoldinError(
            f"no readable jsonl file ({'it is one array' if whole else bad.first.what})",
            where=name,
            remedy="write one object on each line",
        )
    return Looks(declared, as_text(rows, name), f"{rows.shape[1]} columns, jsonl")


def _holds_objects(path: Path) -> bool:
    with path.open("rb") as file, suppress(ValueError, RecursionError):
        return isinstance(json.loads(file.readline(1 << 20)), dict)
    return False


def _arrays(path: Path, form: str, name: str, declared: dict[str, object]) -> Looks:
    found = arrays.load(path, form, None)
    if arrays.is_sparse(found):
        seen = f"a sparse matrix of {found.shape[0]:,} rows and {found.shape[1]:,} columns, {form}"
        return Looks(declared, pd.DataFrame(), seen, named=False, sparse=True)
    table = arrays.table(path, form)
    named = isinstance(found, dict) or bool(getattr(found, "dtype", np.dtype(float)).names)
    step = max(1, len(table) // ROWS)
    rows = as_text(table.iloc[::step], name)
    # NaN is how an array writes that a cell is empty, and whole numbers are written without a point.
    rows = rows.where(rows.notna() & (rows != "nan")).apply(lambda column: column.str.removesuffix(".0"))
    return Looks(declared, rows.reset_index(drop=True), f"{table.shape[1]:,} columns, {form}", named=named)
