"""The first rows of a file of the user's own as text, and how it must be read: what `foldin describe` guesses from."""

import codecs
import csv
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from foldin.core.errors import FoldinError
from foldin.datasets.formats import json_lines, lines, sniffing, sqlite
from foldin.datasets.formats.fields import each
from foldin.datasets.own import guesses, tables
from foldin.datasets.own.schema import File

LOOKED_AT = 1 << 20
"""Bytes from which separator and header are guessed, and bytes read at once."""
ROWS = 10_000
"""Rows from which roles and units are guessed; the roles' columns are then read whole."""
SEPARATORS = ("::", "\t", ";", "|", ",")
COMMA = re.compile(r"\s*-?\d+(,\d+)?\s*")


@dataclass(frozen=True)
class Looks:
    """How a file is to be read, its first rows as text, and what was seen."""

    declared: dict[str, object]
    rows: pd.DataFrame
    seen: str


def look(path: Path) -> Looks:
    """Return how a file is to be read, and its first rows.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FoldinError
        When it is empty or packed, or in no known format.
    """
    if not path.stat().st_size:
        raise FoldinError("the file is empty, so it holds no rows", where=path, remedy="give one that has some")
    sniffing.refuse_packed(path)
    by_name = tables.format_of(File(file=path.name))
    form = sniffing.format_of(path) or by_name
    if form in ("", "csv") and _holds_objects(path):
        form = "jsonl"
    declared: dict[str, object] = {"format": form} if form and form != by_name else {}
    match form:
        case "parquet":
            return _parquet(path, declared)
        case "jsonl":
            return _json_lines(path, declared)
        case "sqlite":
            return _database(path, declared)
        case "" | "csv":
            return _text(path, declared if by_name else {"format": "csv"})
        case _:
            what = f"foldin cannot look into a file of the format '{form}'"
            raise FoldinError(what, where=path, remedy="declare it by hand; see own/README.md")


def _parquet(path: Path, declared: dict[str, object]) -> Looks:
    try:
        opened = parquet.ParquetFile(path)
        names = opened.schema_arrow.names
        _refuse_duplicates(names, path)
        batch = next(opened.iter_batches(ROWS), None)
        table = tables.without_categories(pa.Table.from_batches([batch] if batch else [], opened.schema_arrow))
        # Columns nobody needs may share a name.
        table = table.select([place for place, name in enumerate(names) if names.count(name) == 1])
        rows = table.replace_schema_metadata(None).to_pandas(types_mapper=tables.WHOLE.get)
    except (pa.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise FoldinError(f"no readable parquet file ({reason})", where=path, remedy="mend it, or rename it") from None
    return Looks(declared, _as_text(rows, path), f"{len(names)} columns, parquet")


def _json_lines(path: Path, declared: dict[str, object]) -> Looks:
    bad = lines.BadLines(1.0)
    rows, _ = json_lines.read(path, None, bad, ROWS)
    if rows.empty and bad.first is not None:
        whole = _start(path).startswith(b"[")
        raise FoldinError(
            f"no readable jsonl file ({'it is one array' if whole else bad.first.what})",
            where=path,
            remedy="write one object on each line",
        )
    return Looks(declared, _as_text(rows, path), f"{rows.shape[1]} columns, jsonl")


def _holds_objects(path: Path) -> bool:
    with path.open("rb") as file, suppress(ValueError, RecursionError):
        return isinstance(json.loads(file.readline(LOOKED_AT)), dict)
    return False


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LOOKED_AT).removeprefix(codecs.BOM_UTF8).lstrip()


def _as_text(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    if rows.empty:
        raise FoldinError("the file holds no rows", where=path, remedy="give one that does")
    known = rows.notna().to_numpy()
    columns = {name: each(rows[name], _text_of) if rows[name].dtype == "object" else rows[name] for name in rows}
    return pd.DataFrame(columns).rename(columns=str).astype("str").where(known)


def _text_of(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _refuse_duplicates(names: list[str], path: Path) -> None:
    """Refuse a file in which two columns have one name, where it may be the name of one that is needed."""
    for name in guesses.by_name([name for name in names if names.count(name) > 1]).values():
        raise FoldinError(f"the file names '{name}' twice", where=path, remedy="rename one of the two")


def _database(path: Path, declared: dict[str, object]) -> Looks:
    names = sqlite.tables(path)
    for name in names:
        rows = sqlite.read(path, 'select * from "' + name.replace('"', '""') + f'" limit {ROWS}')
        if not rows.empty:
            text = _as_text(rows, path)
            roles = guesses.by_name([str(column) for column in text])
            if {"user", "item"} <= set(roles):
                seen = f"{text.shape[1]} columns, table '{name}' of {', '.join(names)}"
                return Looks({**declared, "table": name}, text, seen)
    raise FoldinError(
        f"no table of this database names users and items (tables: {', '.join(names) or 'none'})",
        where=path,
        remedy="declare it by hand, with a query; see own/README.md",
    )


def _text(path: Path, declared: dict[str, object]) -> Looks:
    encoding = sniffing.encoding_of(path) or _encoding(path)
    with path.open("rb") as opened:
        start = opened.read(LOOKED_AT)
    sample = start.decode(encoding, errors="ignore").lstrip("\ufeff")
    if not sample.strip():
        raise FoldinError("the file holds no rows", where=path, remedy="give one that does")
    if "\0" in sample:
        raise FoldinError("this is no text file", where=path, remedy="name it by its format: .parquet, .sqlite, …")
    separator = _separator(sample, path)
    rows = _rows(sample, separator, ROWS + 1)
    # The last may be cut.
    rows = rows[:-1] if len(start) == LOOKED_AT and len(rows) > 1 else rows
    header = _has_header(rows)
    width = len(rows[0])
    names = [cell.strip() for cell in rows[0]] if header else [str(n + 1) for n in range(width)]
    _refuse_duplicates(names, path)
    whole = [[cell.strip() or None for cell in row] for row in rows[int(header) :] if len(row) == width]
    if not whole:
        raise FoldinError("the file holds no rows", where=path, remedy="give one that does")
    table = pd.DataFrame(whole, dtype="str")
    table = table.loc[:, [names.count(name) == 1 for name in names]].set_axis(
        [name for name in names if names.count(name) == 1], axis=1
    )
    if separator != tables.separator_of(File(file=path.name)):
        declared["separator"] = separator
    if encoding != "utf-8":
        declared["encoding"] = encoding
    if not header:
        declared["header"] = False
    if commas := [name for name in table if _has_commas(table[name])]:
        declared["decimal"] = ","
        table = table.assign(**{str(name): table[name].str.replace(",", ".") for name in commas})
    kind = "with a header" if header else "without a header"
    return Looks(declared, table, f"{width} columns separated by {separator!r}, {encoding}, {kind}")


def _encoding(path: Path) -> str:
    # The first byte that is no UTF-8 may stand anywhere, so the whole file is looked at.
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as opened:
        try:
            while chunk := opened.read(LOOKED_AT):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def _rows(sample: str, separator: str, most: int) -> list[list[str]]:
    """Return the first rows of a text as its reader will split them: quoted fields may hold separators and lines."""
    if len(separator) > 1:
        return [line.split(separator) for line in sample.splitlines()[:most] if line.strip()]
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for row in csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", sample), delimiter=separator):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) == most:
                break
    return rows


def _separator(sample: str, path: Path) -> str:
    for separator in SEPARATORS:
        widths = [len(row) for row in _rows(sample, separator, 1000)]
        # Titles hold commas and blanks, so most lines must agree, not all.
        usual = int(np.median(widths)) if widths else 0
        if usual > 1 and np.mean([width == usual for width in widths]) > 0.9:
            return separator
    raise FoldinError(
        "no separator splits its lines into columns", where=path, remedy="declare it by hand; see own/README.md"
    )


def _has_commas(values: pd.Series) -> bool:
    known = values.dropna()
    return bool(len(known) and known.str.fullmatch(COMMA).all() and known.str.contains(",").any())


def _has_header(rows: list[list[str]]) -> bool:
    def numeric(cell: str) -> bool:
        return re.fullmatch(r'\s*"?-?\d+([.,]\d+)?"?\s*', cell) is not None

    # A header has no number where the lines below it have one; or words we know.
    first, below = rows[0], rows[1:]
    if any(numeric(cell) for cell in first):
        return False
    cells = [cell.strip(' "') for cell in first]
    return bool(guesses.by_name(cells)) or any(
        numeric(row[place]) for row in below[:20] for place in range(min(len(row), len(first)))
    )
