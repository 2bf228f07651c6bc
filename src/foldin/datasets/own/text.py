"""Looks at a file of text: its encoding, what separates columns, whether it has a header, and rows from all over it."""

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import blanks, marks, sniffing
from foldin.datasets.own import words

LOOKED_AT = 1 << 20
"""Bytes from which separator and header are guessed, and bytes read at once."""
LONGEST = 1 << 26
"""Bytes that are looked at where lines are so long that fewer hold too few of them."""
FEWEST = 50
"""Lines to look at, at least."""
ROWS, CELLS = 10_000, 4_000_000
"""Rows to return, and cells, at most."""
PLACES, PIECE = 64, 1 << 14
"""Places of the file that rows are taken from beside its start, and bytes read at each."""
SEPARATORS = ("::", "\t", ";", "|", ",", blanks.NAME)
NUMBER = re.compile(r'\s*"?-?\d+([.,]\d+)?([eE][+-]?\d+)?"?\s*')
WINDOWS, UNDEFINED = re.compile(rb"[\x80-\x9f]"), re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""Bytes that Latin-1 has no character for, and those of them that Windows-1252 has none for either."""
EMPTY = ("NA", "NaN", "nan", "NULL", "null", "N/A", "None")
"""How programs write that a cell is empty."""


@dataclass(frozen=True)
class Text:
    """What a text is, with some of its rows: columns by name, or by number from 1; missing where a cell is empty.

    `empty` has for each column the words, such as NULL, that say so; `marked` the marks of those whose numbers have
    others than points, which are points in `rows`.
    """

    separator: str
    encoding: str
    header: bool
    width: int
    rows: pd.DataFrame
    unsure: list[str] = field(default_factory=list)
    empty: dict[str, list[str]] = field(default_factory=dict)
    marked: dict[str, marks.Marks] = field(default_factory=dict)


def look(path: Path, name: str) -> Text:
    """Return what a text is, with some of its rows.

    Parameters
    ----------
    path : Path
        Where it lies.
    name : str
        What it is called, for messages.

    Raises
    ------
    FoldinError
        When it is no text, has no rows, or nothing separates columns.
    """
    encoding = sniffing.encoding_of(path) or _encoding(path)
    start, whole = _start(path)
    sample = start.decode(encoding, errors="ignore").lstrip("\ufeff")
    if not sample.strip():
        raise FoldinError("the file holds no rows", where=name, remedy="give one that does")
    if "\0" in sample:
        what = "this is no text file, nor one of a known format"
        raise FoldinError(what, where=name, remedy="save its table as CSV or Parquet, and give that")
    separator = _separator(sample, name)
    rows = list(_split(sample, separator, ROWS + 1))
    # The last may be cut.
    rows = rows if whole or len(rows) < 2 else rows[:-1]
    header, unsure = has_header(rows)
    if encoding == "latin-1" and UNDEFINED.search(start):
        unsure.append("it is no UTF-8, and neither Latin-1 nor Windows-1252 has all its characters: mend encoding")
    width = len(rows[0])
    names = [cell.strip() for cell in rows[0]] if header else [str(n + 1) for n in range(width)]
    most = max(FEWEST, min(ROWS, CELLS // width))
    body = [row for row in rows[int(header) :] if len(row) == width][:most]
    if not whole and '"' not in sample and not encoding.startswith("utf-16"):
        body += [row for row in _from_all_over(path, separator, encoding) if len(row) == width][:most]
    if not body:
        raise FoldinError("the file holds no rows", where=name, remedy="give one that does")
    table = pd.DataFrame([[cell.strip() or None for cell in row] for row in body], dtype="str")
    unique, twice = set(names), len(set(names)) < len(names)
    if twice:
        _refuse_duplicates(names, name)
        unique = {column for column in unique if names.count(column) == 1}
    kept = [place for place, column in enumerate(names) if column in unique]
    table = table.iloc[:, kept].set_axis([names[place] for place in kept], axis=1)
    table, empty = without_words(table)
    comma = separator != ","
    marked = {str(column): how for column in table if (how := marks.guess(table[column], comma=comma))}
    for column, how in marked.items():
        table[column] = marks.plain(table[column], how.decimal, how.thousands).astype("str")
    return Text(separator, encoding, header, width, table, unsure, empty, marked)


def without_words(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return a table of texts in which words that say that a cell is empty are missing, and those words by column."""
    found: dict[str, list[str]] = {}
    for name, cells in table.items():
        if said := sorted(set(cells[cells.isin(EMPTY)])):
            found[str(name)] = said
    return table.mask(table.isin(EMPTY)), found


def _start(path: Path) -> tuple[bytes, bool]:
    """Return the start of a file, with enough lines, and whether that is all of it."""
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
        while start.count(b"\n") < FEWEST and start.count(b"\r") < FEWEST and len(start) < LONGEST:
            more = file.read(LOOKED_AT)
            if not more:
                return start, True
            start += more
        return start, not file.read(1)


def _from_all_over(path: Path, separator: str, encoding: str) -> Iterator[list[str]]:
    """Yield rows from many places of a file, of which each is whole."""
    size = path.stat().st_size
    piece = max(PIECE, min(1 << 20, size // 200))
    with path.open("rb") as file:
        for place in range(PLACES):
            file.seek(LOOKED_AT + (size - LOOKED_AT) * place // PLACES)
            file.readline(LONGEST)
            text = file.read(piece) if place < PLACES - 1 else file.read()[: 1 << 22]
            found = text.decode(encoding, errors="ignore").splitlines()[: 1 if len(text) < 2 else None]
            cut = found[:-1] if not text.endswith(b"\n") else found
            yield from _split("\n".join(cut), separator, ROWS // PLACES)


def _encoding(path: Path) -> str:
    # The first byte that is no UTF-8 may stand anywhere, so the whole file is looked at.
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as opened:
        try:
            while chunk := opened.read(LOOKED_AT):
                if not chunk.isascii() or decoder.getstate()[0]:
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            opened.seek(0)
            # In Latin-1 these bytes are control characters, which no text has; Windows writes € and quotes with them.
            found = "latin-1"
            while chunk := opened.read(LOOKED_AT):
                if UNDEFINED.search(chunk):
                    return "latin-1"
                if WINDOWS.search(chunk):
                    found = "cp1252"
            return found
    return "utf-8"


def _split(sample: str, separator: str, most: int) -> Iterator[list[str]]:
    """Yield the first rows of a text as its reader will split them: quoted fields may hold separators and lines."""
    if separator == blanks.NAME or len(separator) > 1:
        split = blanks.split if separator == blanks.NAME else lambda line: line.split(separator)
        yield from (split(line) for line in sample.splitlines()[:most] if line.strip())
        return
    n = 0
    with suppress(csv.Error):
        for row in csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", sample), delimiter=separator):
            if any(cell.strip() for cell in row):
                yield row
                n += 1
            if n == most:
                return


def _separator(sample: str, name: str) -> str:
    second = ""
    for separator in SEPARATORS:
        rows = list(_split(sample, separator, 1000))
        widths = [len(row) for row in rows]
        # Titles hold commas and blanks, so most lines must agree, not all.
        usual = int(np.median(widths)) if widths else 0
        if usual > 1 and np.mean([width == usual for width in widths]) > 0.9:
            cells = [cell for row in rows[:50] for cell in row]
            if separator == "," and np.mean([re.fullmatch(r"-?\d+\s+-?\d+", cell) is not None for cell in cells]) > 0.3:
                continue  # numbers with a decimal comma, separated by blanks
            if widths[0] == usual:
                return separator
            # A separator within a column has none in the header.
            second = second or separator
    if second:
        return second
    raise FoldinError(
        "no separator splits its lines into columns", where=name, remedy="declare it by hand; see own/README.md"
    )


def _refuse_duplicates(names: list[str], file: str) -> None:
    for name in words.by_name(sorted(name for name in set(names) if names.count(name) > 1)).values():
        raise FoldinError(f"the file names '{name}' twice", where=file, remedy="rename one of the two")


def has_header(rows: list[list[str]]) -> tuple[bool, list[str]]:
    """Return whether the first row names the columns, and what is unsure of that."""
    first, below = rows[0], [row for row in rows[1:1000] if len(row) == len(rows[0])]
    cells = [cell.strip(' "') for cell in first]
    numeric = [NUMBER.fullmatch(cell) is not None for cell in first]
    if any(numeric):
        return _names_numbers(first, numeric, below)
    if words.by_name(cells) or any(words.of_pair(cell) for cell in cells):
        return True, []
    if any(NUMBER.fullmatch(row[place]) for row in below[:20] for place in range(len(first))):
        return True, []
    # All is text: a header's names do not occur below.
    again = [first[place] in {row[place] for row in below} for place in range(len(first))]
    if any(again):
        return False, []
    return False, [
        f"the first line ({', '.join(cells)[:60]}) is taken as data; if it names the columns, add a header that does"
    ]


def _names_numbers(first: list[str], numeric: list[bool], below: list[list[str]]) -> tuple[bool, list[str]]:
    """Return whether a first row with numbers names the columns of a matrix: ids, which no row below is like."""
    places = [place for place, is_number in enumerate(numeric) if is_number]
    names = [first[place].strip(' "') for place in places]
    if not below or len(places) < max(2, len(first) - 3) or len(set(names)) < len(names):
        return False, []
    lead = first[0].strip(' "')
    if not numeric[0] and (not lead or words.role_of(lead)):
        return True, []

    def rises(row: list[str]) -> bool:
        cells = [row[place] for place in places]
        if not all(NUMBER.fullmatch(cell) for cell in cells):
            return False
        return bool((np.diff([float(cell.strip(' "').replace(",", ".")) for cell in cells]) > 0).all())

    heads = [float(name.replace(",", ".")) for name in names]
    fewest = 5 if not numeric[0] else 6
    if len(heads) < fewest or any(head % 1 for head in heads) or np.mean([rises(row) for row in below]) > 0.1:
        return False, []
    if not rises(first):
        return False, []
    if len(heads) >= 10 or not numeric[0]:
        return True, []
    return True, ["the first line is taken as the ids of the columns; if it is data, add header: false"]
