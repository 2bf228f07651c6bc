"""Rows from all over a file of the user's own as text, and how it must be read: what `foldin describe` guesses from."""

import codecs
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import arrays, columnar, excel, json_lines, lines, marks, sniffing, sqlite
from foldin.datasets.formats.fields import each
from foldin.datasets.own import tables, text, words
from foldin.datasets.own.schema import File

ROWS = 10_000
"""Rows from which roles and units are guessed; what is said of the file is then read from all of it."""


@dataclass(frozen=True)
class Looks:
    """How a file is to be read, rows of it as text, and what was seen.

    Attributes
    ----------
    declared : dict
        Keys of a declaration that say how to read it.
    rows : pandas.DataFrame
        Some rows, columns named as in the file, or by number from 1; missing where a cell is empty.
    seen : str
        What it is, in words.
    named : bool
        Whether its columns have names.
    unsure : list of str
        What may be otherwise.
    empty : dict of str to list of str
        Column → words in it, such as NULL, that say that a cell is empty.
    sparse : bool
        Whether it is a sparse matrix, of which `rows` has none.
    marked : dict of str to Marks
        Column → the marks in its numbers, which are points in `rows`.
    """

    declared: dict[str, object]
    rows: pd.DataFrame
    seen: str
    named: bool = True
    unsure: list[str] = field(default_factory=list)
    empty: dict[str, list[str]] = field(default_factory=dict)
    sparse: bool = False
    marked: dict[str, marks.Marks] = field(default_factory=dict)


def look(path: Path, name: str) -> Looks:
    """Return how a file is to be read, and some of its rows.

    Parameters
    ----------
    path : Path
        Where it lies, unpacked.
    name : str
        What it is called.

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
            looks = _database(path, name, declared)
        case "npy" | "npz" | "mat":
            looks = _arrays(path, form, name, declared)
        case "excel":
            looks = _spreadsheet(path, name, declared)
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


def as_text(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table with all that is known as text.

    Raises
    ------
    FoldinError
        When it has no rows.
    """
    if rows.empty:
        raise FoldinError("the file holds no rows", where=name, remedy="give one that does")
    known = rows.notna().to_numpy()
    columns = {name: each(rows[name], _text_of) if rows[name].dtype == "object" else rows[name] for name in rows}
    return pd.DataFrame(columns).rename(columns=str).astype("str").where(known)


def _text_of(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def refuse_duplicates(names: list[str], file: str) -> None:
    """Refuse a file in which two columns have one name, where it may be the name of one that is needed."""
    if len(set(names)) == len(names):
        return
    for name in words.by_name(sorted(name for name in set(names) if names.count(name) > 1)).values():
        raise FoldinError(f"the file names '{name}' twice", where=file, remedy="rename one of the two")


def _database(path: Path, file: str, declared: dict[str, object]) -> Looks:
    names = sqlite.tables(path)
    fitting: dict[str, pd.DataFrame] = {}
    others: list[str] = []
    for name in names:
        rows = sqlite.read(path, 'select * from "' + name.replace('"', '""') + f'" limit {ROWS}')
        if rows.empty:
            continue
        rows = as_text(rows, file)
        if {"user", "item"} <= set(words.by_name([str(column) for column in rows])):
            fitting[name] = rows
        elif rows.shape[1] > 1:
            others.append(name)
            fitting.setdefault("", rows)
    chosen = next((name for name in fitting if name), others[0] if len(others) == 1 else None)
    if chosen is None:
        raise FoldinError(
            f"no table of this database names users and items (tables: {', '.join(names) or 'none'})",
            where=file,
            remedy="declare it by hand, with a table or a query; see own/README.md",
        )
    text_rows = fitting[chosen] if chosen in fitting else fitting[""]
    rivals = [name for name in fitting if name not in ("", chosen)]
    unsure = [f"the table '{chosen}' is taken; {', '.join(rivals)} may hold ratings too"] if rivals else []
    seen = f"{text_rows.shape[1]} columns, table '{chosen}' of {', '.join(names)}"
    return Looks({**declared, "table": chosen}, text_rows, seen, unsure=unsure)


def _spreadsheet(path: Path, file: str, declared: dict[str, object]) -> Looks:
    names = excel.sheets(path)
    plain = {name: rows for name in names if not (rows := excel.read(path, name, header=False)).empty}
    if not plain:
        raise FoldinError("no sheet of this spreadsheet holds rows", where=file, remedy="give one that does")
    first = {name: [str(cell) for cell in rows.iloc[0].fillna("")] for name, rows in plain.items()}
    named = [name for name in plain if {"user", "item"} <= set(words.by_name(first[name]))]
    # A sheet with one column is a note, not a table.
    chosen, *rivals = named or [name for name in plain if plain[name].shape[1] > 1] or list(plain)
    unsure = [f"the sheet '{chosen}' is taken; {', '.join(rivals)} may hold ratings too"] if rivals else []
    if len(plain) > 1:
        declared["table"] = chosen
    body = as_text(plain[chosen].iloc[1:1000], file).fillna("").to_numpy().tolist() if len(plain[chosen]) > 1 else []
    header, doubt = text.has_header([first[chosen], *body])
    if not header:
        declared["header"] = False
    rows = as_text(excel.read(path, chosen, header=header), file)
    refuse_duplicates([str(column) for column in rows], file)
    # Whole numbers are written without a point, whatever else is in their column.
    rows = rows.iloc[:: max(1, len(rows) // ROWS)].reset_index(drop=True)
    rows = rows.apply(lambda column: column.str.removesuffix(".0"))
    kind = "with a header" if header else "without a header"
    seen = f"{rows.shape[1]} columns, sheet '{chosen}' of {', '.join(names)}, {kind}"
    return Looks(declared, rows, seen, named=header, unsure=unsure + doubt)


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
