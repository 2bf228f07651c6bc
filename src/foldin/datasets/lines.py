"""Reads delimited text line by line, so that every fault is named by file, line and column."""

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from foldin.errors import FoldinError

Parser = Callable[[str], Any]


def text(field: str) -> str:
    """Return a text field without surrounding blanks."""
    return field.strip()


def whole(field: str) -> int:
    """Return a whole number.

    Raises
    ------
    ValueError
        When the field is none.
    """
    value = int(field)
    if "_" in field or not -(2**63) <= value < 2**63:
        raise ValueError(field)
    return value


def number(field: str) -> float:
    """Return a finite number.

    Raises
    ------
    ValueError
        When the field is none.
    """
    value = float(field)
    if "_" in field or not math.isfinite(value):
        raise ValueError(field)
    return value


def flag(field: str) -> bool:
    """Return whether the field is 1 rather than 0.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if field not in ("0", "1"):
        raise ValueError(field)
    return field == "1"


DTYPES: dict[Parser, str] = {text: "str", whole: "Int64", number: "float64", flag: "bool"}


def read(
    path: Path,
    columns: Mapping[str, Parser],
    *,
    delimiter: str,
    encoding: str = "utf-8",
    header: list[str] | None = None,
    quoted: bool = False,
    escape: str | None = None,
) -> pd.DataFrame:
    """Read a delimited text file.

    Parameters
    ----------
    path : Path
        The file.
    columns : dict of str to callable
        Column name → parser of its fields (`text`, `whole`, `number`, `flag`), in file order. An empty field is a
        missing value.
    delimiter : str
        What stands between two fields; one of several characters, such as "::", only where nothing is quoted.
    encoding : str, optional
        Of the text.
    header : list of str, optional
        What the first line must say, blanks around names aside; without it the first line is data.
    quoted : bool, optional
        Whether a field may stand in double quotes.
    escape : str, optional
        The character that takes its meaning from the quote after it.

    Returns
    -------
    pandas.DataFrame
        One row per line; blank lines are skipped.

    Raises
    ------
    FoldinError
        On the first line that is not as declared: names file, line number, what is wrong, and the remedy.
    """
    rows: list[list[Any]] = []
    parsers = list(columns.items())
    try:
        with path.open(encoding=encoding, newline="") as file:
            # The csv module parts by one character only; where there are more, they are made one that no text holds.
            lines = csv.reader(
                file if len(delimiter) == 1 else (line.replace(delimiter, "\x1f") for line in file),
                delimiter=delimiter if len(delimiter) == 1 else "\x1f",
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
                escapechar=escape,
                strict=True,
            )
            if header is not None:
                found = [name.strip() for name in next(lines, [])]
                if found != header:
                    raise _fault(path, 1, f"the header is {delimiter.join(found)!r}, not {delimiter.join(header)!r}")
            for fields in lines:
                if not fields:
                    continue
                if len(fields) != len(parsers):
                    raise _fault(path, lines.line_num, f"{len(fields)} fields, {len(parsers)} expected")
                rows.append(_parsed(path, lines.line_num, fields, parsers))
    except FileNotFoundError:
        raise FoldinError("the file is missing", where=_place(path), remedy=_remedy(path)) from None
    except UnicodeDecodeError as error:
        raise _fault(path, lines.line_num + 1, f"here or below is no {encoding} text ({error.reason})") from None
    except csv.Error as error:
        raise _fault(path, lines.line_num, str(error)) from None
    if not rows:
        raise FoldinError("the file holds no rows", where=_place(path), remedy=_remedy(path))
    series = {
        name: pd.Series([row[place] for row in rows], dtype=DTYPES[parser])
        for place, (name, parser) in enumerate(parsers)
    }
    return pd.DataFrame(series)


def _parsed(path: Path, line: int, fields: list[str], parsers: list[tuple[str, Parser]]) -> list[Any]:
    row: list[Any] = []
    for field, (name, parser) in zip(fields, parsers, strict=True):
        try:
            row.append(parser(field) if field.strip() or parser is flag else None)
        except ValueError:
            raise _fault(path, line, f"{name} is {field!r}") from None
    return row


def _place(path: Path) -> str:
    return "/".join(path.parts[-4:])


def _remedy(path: Path) -> str:
    # Raw files lie in a folder that bears the name of their data set.
    return f"the data set is damaged; fetch it again: dvc repro -f fetch@{path.parent.name}"


def _fault(path: Path, line: int, what: str) -> FoldinError:
    return FoldinError(f"line {line}: {what}", where=_place(path), remedy=_remedy(path))
