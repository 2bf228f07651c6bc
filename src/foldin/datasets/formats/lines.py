"""Reads delimited text so that every error names file, line and column.

A file without errors is read in bulk (foldin.datasets.formats.bulk). If that declines, it is read line by line.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.progress import tick
from foldin.datasets.formats import bulk
from foldin.datasets.formats.bad_lines import BadLines as BadLines
from foldin.datasets.formats.parsers import DTYPES, Parser, flag, identifier, ignored

CHUNK = 200_000
"""Rows held as Python objects at once; they take twenty times the space of a column."""
AS_READ = {"category": "str", "time": "Int64", "float64 with comma": "float64"}
"""Dtypes of columns that have another while they are read."""
# What `surrogateescape` makes of a byte that is no text.
UNDECODED = re.compile("[\udc80-\udcff]")


def read(
    path: Path,
    columns: Mapping[str, Parser],
    *,
    delimiter: str,
    encoding: str = "utf-8",
    header: list[str] | None = None,
    quoted: bool = False,
    escape: str | None = None,
    bad: BadLines | None = None,
    padded: dict[str, int] | None = None,
) -> pd.DataFrame:
    """Read a delimited text file.

    Parameters
    ----------
    path : Path
        The file. A byte order mark is skipped; lines end as on Unix, Windows or old Macs.
    columns : dict of str to callable
        Column name → parser of its fields (see `parsers`), in file order. An empty field is a missing value; an
        `ignored` column is not returned.
    delimiter : str
        What stands between two fields: one character, or several such as "::" where nothing is quoted.
    encoding : str, optional
        Of the text.
    header : list of str, optional
        What the first line must say, blanks around its cells aside; without it the first line is data.
    quoted : bool, optional
        Whether a field may stand in double quotes.
    escape : str, optional
        The character that takes its meaning from the quote after it.
    bad : BadLines, optional
        Where lines that are not as declared are counted; without it the first is an error.
    padded : dict of str to int, optional
        Column → ids that had blanks around them, counted here.

    Returns
    -------
    pandas.DataFrame
        One row per line; blank lines are skipped. `identifier` columns are categorical.

    Raises
    ------
    FoldinError
        On the first line that is not as declared, or when too many are: names file, line number, what is wrong, and
        the remedy.
    """
    try:
        with path.open("rb") as file:
            marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        if marked and encoding == "utf-8":
            encoding = "utf-8-sig"
        skip = len(codecs.BOM_UTF8) if marked and encoding != "utf-8-sig" else 0
        reader = _Reader(path, columns, delimiter, encoding, quoted, escape, bad, skip)
        if header is not None:
            reader.expect(header)
        dtypes = {name: DTYPES.get(parser, "") for name, parser in columns.items()}
        special = ('"' if quoted else "") + (escape or "")
        table = bulk.read(
            path,
            dtypes,
            delimiter=delimiter,
            encoding=encoding,
            header=header is not None,
            special=special,
            padded=padded,
        )
        if table is None:
            table = reader.table(header is not None)
            if padded is not None:
                padded |= reader.padded
    except FileNotFoundError:
        raise FoldinError("the file is missing", where=_place(path), remedy=_remedy(path)) from None
    if table.empty:
        raise FoldinError("the file holds no rows", where=_place(path), remedy=_remedy(path))
    return table


class _Reader:
    """One line-by-line pass over a file."""

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, Parser],
        delimiter: str,
        encoding: str,
        quoted: bool,
        escape: str | None,
        bad: BadLines | None,
        skip: int,
    ) -> None:
        self.path, self.columns, self.delimiter, self.encoding = path, columns, delimiter, encoding
        self.quoted, self.escape, self.bad, self.skip = quoted, escape, bad, skip
        self.line = 0
        self.span = 1  # lines of the record at hand: a quoted field may hold ends of lines
        self.dropped = 0
        self.first: FoldinError | None = None
        self.padded: dict[str, int] = {}

    def expect(self, header: list[str]) -> None:
        """Refuse a file whose first line says something else."""
        self.line = 0
        found = [cell.strip() for cell in next(self._rows(strict=True), [])]
        if found != header or self.line > 1:
            shown = self.delimiter.join(found)
            raise self._fault(1, f"the header is {shown!r}, not {self.delimiter.join(header)!r}")

    def table(self, header: bool) -> pd.DataFrame:
        """Return all rows but the header."""
        chunks, rows = [], []
        parsers = list(self.columns.items())
        records = self._rows(strict=False)
        self.line = 0
        if header:
            next(records)
        n = 0
        for fields in records:
            try:
                rows.append(self._parsed(fields, parsers))
            except FoldinError as fault:
                self._drop(fault, self.span)
                continue
            n += 1
            if len(rows) == CHUNK:
                chunks.append(self._frame(rows))
                rows = []
                tick(f"{_place(self.path)}: {n:,} lines read one by one")
        chunks.append(self._frame(rows))
        self._judge(n)
        table = pd.concat(chunks, ignore_index=True) if len(chunks) > 1 else chunks[0]
        return table.astype({name: "category" for name, parser in parsers if parser is identifier})

    def _frame(self, rows: list[list[Any]]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                name: pd.Series(
                    [row[place] for row in rows], dtype=AS_READ.get(dtype := DTYPES.get(parser, "str"), dtype)
                )
                for place, (name, parser) in enumerate(self.columns.items())
                if parser is not ignored
            }
        )

    def _lines(self, strict: bool) -> Iterator[str]:
        try:
            with self.path.open(encoding=self.encoding, errors="surrogateescape", newline="") as file:
                for place, line in enumerate(file):
                    self.line += 1
                    if place == 0 and self.skip:  # a mark of UTF-8 before text of another encoding
                        line = line[self.skip :]
                    what = self._undecodable(line)
                    if what is None:
                        yield line
                    elif strict:
                        raise self._fault(self.line, what)
                    else:
                        self._drop(self._fault(self.line, what), 1)
        except UnicodeError as error:
            raise self._fault(self.line + 1, f"here or below is no {self.encoding} text ({error})") from None

    def _undecodable(self, line: str) -> str | None:
        if "\0" in line:
            return "a NUL byte, so this is no text, or text of another encoding"
        if not line.isascii() and (found := UNDECODED.search(line)):
            return f"no {self.encoding} text (byte 0x{ord(found.group()) - 0xDC00:02x})"
        return None

    def _rows(self, strict: bool) -> Iterator[list[str]]:
        """Yield the fields of each line that has any."""
        lines = self._lines(strict)
        if len(self.delimiter) > 1:
            yield from (line.rstrip("\r\n").split(self.delimiter) for line in lines if line.rstrip("\r\n"))
            return
        records = csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            escapechar=self.escape,
            strict=True,
        )
        while True:
            # Undecodable lines are counted where they occur.
            before = self.line - self.dropped
            try:
                fields = next(records, None)
            except csv.Error as error:
                fault = self._fault(self.line, str(error))
                if strict:
                    raise fault from None
                # An open quote has swallowed more lines than one.
                self._drop(fault, self.line - self.dropped - before)
                continue
            if fields is None:
                return
            self.span = self.line - self.dropped - before
            if fields or strict:
                yield fields

    def _parsed(self, fields: list[str], parsers: list[tuple[str, Parser]]) -> list[Any]:
        if len(fields) != len(parsers):
            raise self._fault(self.line, f"{len(fields)} fields, {len(parsers)} expected")
        row: list[Any] = []
        for field, (name, parser) in zip(fields, parsers, strict=True):
            try:
                row.append(parser(field) if field.strip() or parser is flag else None)
                if parser is identifier and row[-1] is not None and row[-1] != field:
                    self.padded[name] = self.padded.get(name, 0) + 1
            except ValueError:
                raise self._fault(self.line, f"{name} is {field[:80]!r}") from None
        return row

    def _drop(self, fault: FoldinError, lines: int) -> None:
        if self.bad is None:
            raise fault
        self.first = self.first or fault
        self.dropped += lines

    def _judge(self, good: int) -> None:
        if self.bad is not None and self.first is not None:
            self.bad.add(self.dropped, good, self.first)

    def _fault(self, line: int, what: str) -> FoldinError:
        return FoldinError(f"line {line}: {what}", where=_place(self.path), remedy=_remedy(self.path))


def _place(path: Path) -> str:
    return "/".join(path.parts[-4:])


def _remedy(path: Path) -> str:
    # Raw files lie in a folder that bears the name of their data set.
    return f"the data set is damaged; fetch it again: dvc repro -f fetch@{path.parent.name}"
