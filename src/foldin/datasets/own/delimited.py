"""Reads columns of a file of separated text of the user's own, as it is declared."""

import codecs
import csv
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import blanks, lines, packed, parsers
from foldin.datasets.formats.fields import LONGEST_LINE, Faults, first_line, seconds
from foldin.datasets.own.schema import File, OwnData

PARSERS: dict[str, parsers.Parser] = {
    "time": parsers.timestamp,
    "user": parsers.identifier,
    "session": parsers.identifier,
    "item": parsers.identifier,
    "rating": parsers.number,
}
"""How columns of some roles are read; others as text. Of a column with two roles, the later counts."""
TABS = (".tsv", ".tab")
FIRST = 1 << 16
"""Characters in which the first time of a file is looked for; where there is none, times are read as text."""


def separator_of(file: File) -> str:
    """Return what stands between two fields of a text: as declared, else as its ending says."""
    return file.separator or ("\t" if Path(packed.inner_name(file.name, file.member)).suffix.lower() in TABS else ",")


def header_of(path: Path, separator: str, encoding: str) -> list[str]:
    """Return the fields of the first line, without blanks around them; none of an empty file."""
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        with path.open(encoding=encoding, errors="replace") as opened:
            line = opened.readline(LONGEST_LINE).rstrip("\n")
    else:
        line = first_line(path).decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    if separator == blanks.NAME:
        return blanks.split(line)
    fields = line.split(separator) if len(separator) > 1 else next(csv.reader([line], delimiter=separator), [])
    return [name.strip() for name in fields] if line else []


def read(
    file: File,
    path: Path,
    columns: dict[str, str],
    first: list[str],
    bad: lines.BadLines | None,
    padded: dict[str, int] | None = None,
) -> pd.DataFrame:
    """Read some columns of a file of text.

    Parameters
    ----------
    file : File
        How to read it.
    path : Path
        Where it lies.
    columns : dict of str to str
        Role → name of the column, which the file has once.
    first : list of str
        The fields of its first line.
    bad : BadLines, optional
        Where lines that cannot be read are counted; without it the first is an error.
    padded : dict of str to int, optional
        Column → ids that had blanks around them, counted here.
    """
    if separator_of(file) == blanks.NAME:
        with blanks.separated(path, file.encoding) as plain:
            return _read(file, plain, columns, first, bad, blanks.SEPARATOR, padded)
    return _read(file, path, columns, first, bad, separator_of(file), padded)


def _read(
    file: File,
    path: Path,
    columns: dict[str, str],
    first: list[str],
    bad: lines.BadLines | None,
    separator: str,
    padded: dict[str, int] | None,
) -> pd.DataFrame:
    names = first if file.header else [str(place + 1) for place in range(len(first))]
    data = file if isinstance(file, OwnData) else None
    as_text = data is not None and (bool(data.thousands) or any(isinstance(code, str) for code in data.missing))
    dates = "time" in columns and not _in_numbers(file, path, names.index(columns["time"]), separator)
    read_by = PARSERS | ({"rating": parsers.number_with_comma} if file.decimal == "," else {})
    known = {
        columns[role]: parser
        for role, parser in read_by.items()
        if role in columns and not (role == "time" and dates) and not (role == "rating" and as_text)
    }
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
            quoted=len(separator) == 1 and separator != blanks.SEPARATOR,
            bad=bad,
            padded=padded,
        )

    before = bad.count if bad else 0
    found = rows(known, bad)
    if not dates:
        return found
    times = found[columns["time"]]
    faults = Faults(np.zeros(len(times), dtype=bool))
    seconds(times, path, "date", faults, data.date_format if data else "")
    if faults.first is None:
        return found
    # Dates are read many at once. To know the lines of those that are none, each line is looked at.
    known |= {columns["time"]: parsers.text_but(frozenset(times[faults.rows]))}
    if bad is not None and faults.rows.mean() <= bad.share:
        bad.count = before
        return rows(known, bad)
    try:
        return rows(known, None)
    except FoldinError as first_fault:
        if bad is not None:
            bad.add(int(faults.rows.sum()), int((~faults.rows).sum()), first_fault)
        raise


def _in_numbers(file: File, path: Path, place: int, separator: str) -> bool:
    """Return whether the times in a column are numbers: as declared, else as the first of them is."""
    if getattr(file, "date_format", ""):
        return False
    unit = getattr(file, "time_unit", None)
    if unit is not None:
        return bool(unit != "date")
    with path.open(encoding=file.encoding, errors="replace", newline="") as opened:
        sample = opened.read(FIRST).splitlines()[int(file.header) :]
    rows = [line.split(separator) for line in sample] if len(separator) > 1 else csv.reader(sample, delimiter=separator)
    with suppress(csv.Error):
        for row in rows:
            if len(row) > place and row[place].strip():
                return not pd.isna(pd.to_numeric(row[place].strip(), errors="coerce"))
    return False
