"""Reads columns of a file of the user's own, whatever its format: CSV, Parquet, SQLite or JSON lines."""

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from foldin.core.errors import FoldinError
from foldin.core.params import nearest
from foldin.datasets.formats import json_lines, lines, parsers, sniffing, sqlite
from foldin.datasets.formats.fields import Faults, each, first_line, seconds
from foldin.datasets.own.schema import File

EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".dat": "csv",
    ".data": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""File extension → format, for files whose declaration names no format."""
PARSERS: dict[str, parsers.Parser] = {
    "time": parsers.timestamp,
    "user": parsers.identifier,
    "item": parsers.identifier,
    "rating": parsers.number,
}
"""How columns of some roles are read; others as text. Of a column with two roles, the later counts."""
WHOLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
"""Whole numbers of Parquet stay whole where some are missing: a float merges large ids."""
TABS = (".tsv", ".tab")
IDS = ("user", "item", "id")
"""Roles of ids, of which a list is none."""
RENAME = "rename one of the two"
FIRST = 1 << 16
"""Characters in which the first time of a file is looked for; where there is none, times are read as text."""


def format_of(file: File) -> str:
    """Return the format of a file: as declared, else as its ending says, else ""."""
    return file.format or EXTENSIONS.get(Path(file.file).suffix.lower(), "")


def check(file: File, key: str) -> None:
    """Refuse a declaration whose parts do not fit together.

    Parameters
    ----------
    file : File
        The declaration.
    key : str
        The key it stands under, for the message.

    Raises
    ------
    FoldinError
        When format, encoding, table or query are not as they must be.
    """

    def refuse(what: str, remedy: str) -> None:
        raise FoldinError(what, where="params.yaml", remedy=remedy)

    form = format_of(file)
    if not form:
        refuse(f"{key}.file is '{file.file}', whose ending says no format", f"add {key}.format")
    if form == "sqlite" and (file.table is None) == (file.query is None):
        refuse(f"{key} names a database and not what to read of it", f"add one of {key}.table and {key}.query")
    if form != "sqlite" and (file.table or file.query):
        refuse(f"{key} has a table or a query, and '{file.file}' is no database", "leave it out, or mend format")
    try:
        codecs.lookup(file.encoding)
    except LookupError:
        refuse(f"{key}.encoding is '{file.encoding}', which is none", "write utf-8, latin-1 or cp1252")


def separator_of(file: File) -> str:
    """Return what stands between two fields of a CSV file: as declared, else as its ending says."""
    return file.separator or ("\t" if Path(file.file).suffix.lower() in TABS else ",")


def read(file: File, path: Path, columns: dict[str, str], key: str, bad: lines.BadLines | None = None) -> pd.DataFrame:
    """Read some columns of a file.

    Parameters
    ----------
    file : File
        How to read it.
    path : Path
        Where it lies.
    columns : dict of str to str
        Role → name of the column.
    key : str
        The key of the declaration, for messages.
    bad : BadLines, optional
        Where lines of a file of text that cannot be read are counted; without it the first is an error.

    Returns
    -------
    pandas.DataFrame
        A column for each role, in file order of rows; of JSON lines, the index holds the numbers of the lines.

    Raises
    ------
    FoldinError
        When the file is not as declared: names the file as declared, the place in it, and the key to mend.
    """
    with name_file_in_errors(Path(file.file), key):
        if path.is_file() and not path.stat().st_size:
            raise FoldinError("the file is empty", remedy="put the data there")
        if path.is_file():
            sniffing.refuse_packed(path)
        match format_of(file):
            case "parquet":
                rows = _parquet(path, columns, key)
            case "sqlite":
                query = file.query or 'select * from "' + str(file.table).replace('"', '""') + '"'
                rows = sqlite.read(path, query)
                what, remedy = ("query", "name one of the two with `as`") if file.query else ("table", RENAME)
                _require(columns, [str(name) for name in rows], key, what, remedy)
            case "jsonl":
                rows, seen = json_lines.read(path, list(dict.fromkeys(columns.values())), bad)
                if len(rows):
                    _require(columns, seen, key)
            case "csv":
                rows = _csv(file, path, columns, key, bad)
            case form:
                what, remedy = f"{key} has the format '{form}', which has no reader", "convert it to csv or parquet"
                raise FoldinError(what, where="params.yaml", remedy=remedy)
        if rows.empty:
            raise FoldinError("the file holds no rows")
    if file.decimal == "," and format_of(file) != "csv" and "rating" in columns:
        rows = rows.assign(**{columns["rating"]: _with_points(rows[columns["rating"]])})
    # One column may have two roles.
    return pd.DataFrame({role: rows[name] if role in IDS else _flat(rows[name]) for role, name in columns.items()})


@contextmanager
def name_file_in_errors(path: Path, key: str) -> Iterator[None]:
    """Say of a fault in which file, as declared, it is, and which declaration may be wrong."""
    try:
        yield
    except FoldinError as error:
        if error.where == "params.yaml":
            raise
        remedy = f"mend the file, or {key} in params.yaml"
        if error.remedy and "fetch it again" not in error.remedy:
            remedy = f"{error.remedy}; or mend {key} in params.yaml"
        raise FoldinError(error.what, where=path, remedy=remedy) from None


def header_of(path: Path, separator: str, encoding: str) -> list[str]:
    """Return the fields of the first line, without blanks around them; none of an empty file."""
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        with path.open(encoding=encoding, errors="replace") as opened:
            line = opened.readline(FIRST).rstrip("\n")
    else:
        line = first_line(path).decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    fields = line.split(separator) if len(separator) > 1 else next(csv.reader([line], delimiter=separator), [])
    return [name.strip() for name in fields] if line else []


def _csv(file: File, path: Path, columns: dict[str, str], key: str, bad: lines.BadLines | None) -> pd.DataFrame:
    separator = separator_of(file)
    first = header_of(path, separator, file.encoding)
    names = first if file.header else [str(place + 1) for place in range(len(first))]
    _require(columns, names, key, "header")
    dates = "time" in columns and not _in_numbers(file, path, names.index(columns["time"]))
    read_by = PARSERS | ({"rating": parsers.number_with_comma} if file.decimal == "," else {})
    known = {columns[role]: read_by[role] for role in PARSERS if role in columns and not (role == "time" and dates)}
    # Columns nobody asked for may share a name, or have none.
    unique = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names)]
    with path.open("rb") as opened:
        marked = opened.read(3) == codecs.BOM_UTF8

    def rows(known: dict[str, parsers.Parser], bad: lines.BadLines | None) -> pd.DataFrame:
        return lines.read(
            path,
            dict.fromkeys(unique, parsers.ignored) | dict.fromkeys(columns.values(), parsers.text) | known,
            delimiter=separator,
            encoding="utf-8-sig" if marked and file.encoding == "utf-8" else file.encoding,
            header=first if file.header else None,
            quoted=len(separator) == 1,
            bad=bad,
        )

    before = bad.count if bad else 0
    found = rows(known, bad)
    if not dates:
        return found
    times = found[columns["time"]]
    faults = Faults(np.zeros(len(times), dtype=bool))
    seconds(times, path, "date", faults)
    if faults.first is None:
        return found
    # Dates are read many at once. To know the lines of those that are none, each line is looked at.
    known |= {columns["time"]: parsers.text_but(frozenset(times[faults.rows]))}
    if bad is not None and faults.rows.mean() <= bad.share:
        bad.count = before
        return rows(known, bad)
    try:
        return rows(known, None)
    except FoldinError as first:
        if bad is not None:
            bad.add(int(faults.rows.sum()), int((~faults.rows).sum()), first)
        raise


def _in_numbers(file: File, path: Path, place: int) -> bool:
    """Return whether the times in a column of a CSV file are numbers: as declared, else as the first of them is."""
    unit = getattr(file, "time_unit", None)
    if unit is not None:
        return bool(unit != "date")
    separator = separator_of(file)
    with path.open(encoding=file.encoding, errors="replace", newline="") as opened:
        sample = opened.read(FIRST).splitlines()[int(file.header) :]
    rows = [line.split(separator) for line in sample] if len(separator) > 1 else csv.reader(sample, delimiter=separator)
    with suppress(csv.Error):
        for row in rows:
            if len(row) > place and row[place].strip():
                return not pd.isna(pd.to_numeric(row[place].strip(), errors="coerce"))
    return False


def _parquet(path: Path, columns: dict[str, str], key: str) -> pd.DataFrame:
    try:
        opened = parquet.ParquetFile(path)
        _require(columns, opened.schema_arrow.names, key)
        # Without pandas' notes on its own index, which may be damaged, and which we do not need.
        table = opened.read(columns=sorted(set(columns.values()))).replace_schema_metadata(None)
        rows: pd.DataFrame = without_categories(table).to_pandas(types_mapper=WHOLE.get)
    except (pa.ArrowException, OSError) as error:
        raise FoldinError(f"no readable Parquet file ({str(error).splitlines()[0]})") from None
    return rows


def without_categories(table: pa.Table) -> pa.Table:
    """Return a table without categories, which may be numbers, or text with blanks around it."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


def _with_points(values: pd.Series) -> pd.Series:
    """Return a column in which texts such as "4,5" are "4.5"."""
    return each(values, lambda value: value.replace(",", ".") if isinstance(value, str) else value)


def _flat(values: pd.Series) -> pd.Series:
    """Return a column in which a list, such as one of genres, is one text."""
    if values.dtype != "object":
        return values
    return each(values, lambda value: "|".join(map(str, value)) if isinstance(value, list | np.ndarray) else value)


def _require(columns: dict[str, str], there: list[str], key: str, what: str = "file", remedy: str = RENAME) -> None:
    for role, name in columns.items():
        if there.count(name) > 1:
            raise FoldinError(f"the {what} names '{name}' twice", remedy=remedy)
        if name not in there:
            raise FoldinError(
                f"{key}.{role} is '{name}', and the file has no such column",
                where="params.yaml",
                remedy=nearest(name, there).replace("valid keys are", "its columns are"),
            )
