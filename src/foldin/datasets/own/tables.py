"""Reads columns of a file of the user's own, whatever its format, packed or not."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.params import nearest
from foldin.datasets.formats import arrays, columnar, excel, json_lines, lines, packed, sniffing, sqlite
from foldin.datasets.formats.fields import each
from foldin.datasets.own import delimited
from foldin.datasets.own.delimited import header_of as header_of
from foldin.datasets.own.delimited import separator_of as separator_of
from foldin.datasets.own.schema import File, OwnData

EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".dat": "csv",
    ".data": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".npy": "npy",
    ".npz": "npz",
    ".mat": "mat",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
}
"""File extension → format, for files whose declaration names no format."""
HAVE_TABLES = ("sqlite", "npz", "mat", "excel")
"""Formats that may hold several tables."""
IDS = ("user", "session", "item", "id", "pair")
"""Roles of ids, of which a list is none."""
COLUMNS = ("user", "session", "item", "pair", "rating", "event", "time")
"""Roles of the columns of a list."""
RENAME = "rename one of the two"
GUESSED = "its declaration"
"""The key of a declaration that `foldin describe` tries and that is not in params.yaml."""


def format_of(file: File) -> str:
    """Return the format of a file: as declared, else as its ending says, else ""."""
    return file.format or EXTENSIONS.get(Path(packed.inner_name(file.name, file.member)).suffix.lower(), "")


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
        refuse(f"{key}.file is '{file.name}', whose ending says no format", f"add {key}.format")
    if form == "sqlite" and (file.table is None) == (file.query is None):
        refuse(f"{key} names a database and not what to read of it", f"add one of {key}.table and {key}.query")
    if (form not in HAVE_TABLES and file.table) or (form != "sqlite" and file.query):
        refuse(f"{key} has a table or a query, and '{file.name}' is no database", "leave it out, or mend format")
    try:
        codecs.lookup(file.encoding)
    except LookupError:
        refuse(f"{key}.encoding is '{file.encoding}', which is none", "write utf-8, latin-1 or cp1252")


def read(
    file: File,
    path: Path,
    columns: dict[str, str],
    key: str,
    bad: lines.BadLines | None = None,
    padded: dict[str, int] | None = None,
) -> pd.DataFrame:
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
    padded : dict of str to int, optional
        Column → ids that had blanks around them, counted here.

    Returns
    -------
    pandas.DataFrame
        A column for each role, in file order of rows; of JSON lines, the index holds the numbers of the lines.

    Raises
    ------
    FoldinError
        When the file is not as declared: names the file as declared, the place in it, and the key to mend.
    """
    with name_file_in_errors(Path(file.name), key):
        if path.is_file() and not path.stat().st_size:
            raise FoldinError("the file is empty", remedy="put the data there")
        if not path.is_file():
            raise FoldinError("the file is missing", remedy="put the data there")
        sniffing.refuse_unreadable(path)
        with packed.unpacked(path, file.member) as plain:
            if sniffing.format_of(plain) == "excel" != format_of(file):
                raise FoldinError("this is a spreadsheet", remedy=f"write format: excel in {key}")
            rows = _rows(file, plain, columns, key, bad, padded)
        if rows.empty:
            raise FoldinError("the file holds no rows")
        if padded is not None and format_of(file) != "csv":
            padded |= {name: _padded(rows[name]) for role, name in columns.items() if role in IDS}
    # One column may have two roles.
    return pd.DataFrame({role: rows[name] if role in IDS else _flat(rows[name]) for role, name in columns.items()})


def _rows(
    file: File,
    path: Path,
    columns: dict[str, str],
    key: str,
    bad: lines.BadLines | None,
    padded: dict[str, int] | None,
) -> pd.DataFrame:
    match format_of(file):
        case "parquet" | "feather" as form:
            _require(columns, columnar.names(path, form), key)
            return columnar.read(path, form, sorted(set(columns.values())))
        case "sqlite":
            rows = sqlite.read(path, _query(file))
            what, remedy = ("query", "name one of the two with `as`") if file.query else ("table", RENAME)
            _require(columns, [str(name) for name in rows], key, what, remedy)
            return rows
        case "jsonl":
            rows, seen = json_lines.read(path, list(dict.fromkeys(columns.values())), bad)
            if len(rows):
                _require(columns, seen, key)
            return rows
        case "npy" | "npz" | "mat" as form:
            rows = arrays.table(path, form, file.table)
            _require(columns, [str(name) for name in rows], key)
            return rows
        case "excel":
            rows = excel.read(path, file.table, header=file.header)
            if len(rows):
                _require(columns, list(rows.columns), key, "sheet")
            return rows
        case "csv":
            first = header_of(path, separator_of(file), file.encoding)
            names = first if file.header else [str(place + 1) for place in range(len(first))]
            _require(columns, names, key, "header")
            return delimited.read(file, path, columns, first, bad, padded)
        case form:
            what, remedy = f"{key} has the format '{form}', which has no reader", "convert it to csv or parquet"
            raise FoldinError(what, where="params.yaml", remedy=remedy)


def names(file: File, path: Path) -> list[str]:
    """Return the columns of a file, packed or not, by name; see `frames`."""
    with packed.unpacked(path, file.member) as plain:
        match format_of(file):
            case "csv":
                return header_of(plain, separator_of(file), file.encoding)
            case "parquet" | "feather" as form:
                return columnar.names(plain, form)
            case _:
                return [str(name) for name in next(frames(file, plain), pd.DataFrame())]


def called_here(data: OwnData, path: Path) -> OwnData:
    """Return a declaration with the names that columns have in one file, where `renamed` says others."""
    if not data.renamed or not data.header or not path.is_file():
        return data
    there = names(data, path)
    here = {name: other for other, name in data.renamed.items() if other in there and name not in there}
    columns = {role: here.get(str(getattr(data, role)), getattr(data, role)) for role in COLUMNS}
    where = {here.get(name, name): values for name, values in data.where.items()}
    return data.model_copy(update={**columns, "where": where})


def frames(file: File, path: Path) -> Iterator[pd.DataFrame]:
    """Yield all columns of a file that is no text, some rows at a time.

    Parameters
    ----------
    file : File
        How to read it.
    path : Path
        Where it lies, unpacked.
    """
    match format_of(file):
        case "parquet" | "feather" as form:
            yield from columnar.frames(path, form)
        case "sqlite":
            yield sqlite.read(path, _query(file))
        case "jsonl":
            yield json_lines.read(path, None, None)[0].reset_index(drop=True)
        case "excel":
            yield excel.read(path, file.table, header=file.header)
        case form:
            yield arrays.table(path, form, file.table)


def _query(file: File) -> str:
    return file.query or 'select * from "' + str(file.table).replace('"', '""') + '"'


@contextmanager
def name_file_in_errors(path: Path, key: str) -> Iterator[None]:
    """Say of a fault in which file, as declared, it is, and which declaration may be wrong."""
    try:
        yield
    except FoldinError as error:
        if error.where == "params.yaml":
            raise
        if key == GUESSED:
            # Nothing is declared yet that could be mended.
            remedy = error.remedy if error.remedy and "fetch it again" not in error.remedy else "mend the file"
            by_hand = "" if "by hand" in remedy else "; or declare it by hand; see own/README.md"
            raise FoldinError(error.what, where=path, remedy=remedy + by_hand) from None
        remedy = f"mend the file, or {key} in params.yaml"
        if error.remedy and "fetch it again" not in error.remedy:
            remedy = error.remedy if key in error.remedy else f"{error.remedy}; or mend {key} in params.yaml"
        raise FoldinError(error.what, where=path, remedy=remedy) from None


def _padded(values: pd.Series) -> int:
    """Return how many ids of a column have blanks around them."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return 0
    texts = [value for value in values.dropna() if isinstance(value, str)]
    return sum(text != text.strip() != "" for text in texts)


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
