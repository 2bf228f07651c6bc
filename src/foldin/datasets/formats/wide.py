"""Reads wide tables of numbers, such as a row for each user and a column for each item, in blocks of rows.

A file without errors is read by pyarrow. If that declines, it is read line by line, and the first error is named.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from foldin.core.errors import FoldinError
from foldin.datasets.formats import marks

EMPTY = ("", "NA", "NaN", "nan", "NULL", "null", "N/A", "n/a", "None")
"""How programs write a cell without a number."""
ROWS = 2_000
"""Rows of a block that is read line by line."""
BLOCK = 1 << 23
"""Bytes of a block that pyarrow reads; a line must fit into one."""


class Block(NamedTuple):
    """Some rows: their ids, None where there is no column of them, and their numbers, NaN where a cell has none."""

    ids: list[str | None] | None
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How a wide table of text is written.

    Attributes
    ----------
    names : list of str
        The columns there are, by place.
    delimiter, encoding : str
        What stands between two columns, and the encoding of the text.
    header : bool
        Whether the first line is no data.
    row_id : int or None
        Place of the column of the rows' ids.
    skip : set of int
        Places of columns that are neither id nor cells.
    decimal, thousands : str
        The marks in numbers; see `marks`.
    missing : tuple of str
        Texts of cells that have no number, beside `EMPTY`.
    """

    names: list[str]
    delimiter: str
    encoding: str = "utf-8"
    header: bool = True
    row_id: int | None = None
    skip: set[int] = field(default_factory=set)
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()

    @property
    def cells(self) -> list[int]:
        """The places of the columns that hold cells."""
        return [place for place in range(len(self.names)) if place != self.row_id and place not in self.skip]


def read(path: Path, layout: Layout) -> Iterator[Block]:
    """Yield the rows of a wide table of text, in blocks.

    Parameters
    ----------
    path : Path
        The file.
    layout : Layout
        How it is written.

    Raises
    ------
    FoldinError
        On the first row that is not as the others, or cell that is no number: names line, column and value.
    """
    try:
        done = 0
        for block in _in_bulk(path, layout):
            done += len(block.values)
            yield block
    except (pa.ArrowException, UnicodeError):
        # What was read before the fault is the same in both readers.
        yield from _without_first(_by_line(path, layout), done)


def _without_first(blocks: Iterator[Block], rows: int) -> Iterator[Block]:
    for ids, values in blocks:
        if rows < len(values):
            yield Block(ids[rows:] if ids is not None else None, values[rows:])
        rows = max(0, rows - len(values))


def _in_bulk(path: Path, layout: Layout) -> Iterator[Block]:
    if len(layout.delimiter) > 1 or layout.encoding.startswith("utf-16") or layout.thousands:
        raise pa.ArrowInvalid("only the line-by-line reader splits this")
    keys = [str(place) for place in range(len(layout.names))]
    cells = [keys[place] for place in layout.cells]
    ids = [] if layout.row_id is None else [keys[layout.row_id]]
    with pyarrow.csv.open_csv(
        path,
        pyarrow.csv.ReadOptions(
            block_size=max(BLOCK, 64 * len(keys)),
            skip_rows=int(layout.header),
            column_names=keys,
            encoding=layout.encoding,
        ),
        pyarrow.csv.ParseOptions(delimiter=layout.delimiter),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(cells, pa.float64()) | dict.fromkeys(ids, pa.string()),
            include_columns=[*ids, *cells],
            null_values=[*EMPTY, *layout.missing],
            strings_can_be_null=False,
            decimal_point=layout.decimal,
        ),
    ) as reader:
        for batch in reader:
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns[len(ids) :]]
            values = np.column_stack(columns).astype(np.float64) if columns else np.empty((len(batch), 0))
            names = [name.strip() or None for name in batch.column(0).to_pylist()] if ids else None
            yield Block(names, values)


def _by_line(path: Path, layout: Layout) -> Iterator[Block]:
    ids: list[str | None] = []
    rows: list[list[float]] = []
    empty = {*EMPTY, *layout.missing}
    for line, fields in _lines(path, layout):
        if len(fields) != len(layout.names):
            what = f"line {line}: {len(fields)} columns, {len(layout.names)} expected"
            raise FoldinError(what, where=path, remedy="mend the line, or separator")
        if layout.row_id is not None:
            ids.append(fields[layout.row_id].strip() or None)
        rows.append(
            [_number(fields[place].strip(), line, layout.names[place], layout, empty) for place in layout.cells]
        )
        if len(rows) == ROWS:
            yield Block(ids if layout.row_id is not None else None, np.array(rows, dtype=np.float64))
            ids, rows = [], []
    if rows:
        yield Block(ids if layout.row_id is not None else None, np.array(rows, dtype=np.float64))


def _number(text: str, line: int, name: str, layout: Layout, empty: set[str]) -> float:
    if text in empty:
        return float("nan")
    try:
        bare = marks.plain_text(text, layout.decimal, layout.thousands)
        if bare is None or "_" in bare:
            raise ValueError(text)
        return float(bare)
    except ValueError:
        what = f"line {line}: the column '{name}' has {text[:80]!r}, which is no number"
        remedy = "name it under `missing` if it means that there is no rating, or the column under `skip`"
        raise FoldinError(what, remedy=remedy) from None


def _lines(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    try:
        with path.open(encoding=encoding, newline="") as file:
            if len(layout.delimiter) > 1:
                rows = ((n, line.rstrip("\r\n").split(layout.delimiter)) for n, line in enumerate(file, 1))
            else:
                reader = csv.reader(file, delimiter=layout.delimiter)
                rows = ((reader.line_num, fields) for fields in reader)
            if layout.header:
                next(rows, None)
            yield from ((line, fields) for line, fields in rows if any(field.strip() for field in fields))
    except UnicodeError as error:
        raise FoldinError(f"this is no {layout.encoding} text ({error})", remedy="mend encoding") from None
    except csv.Error as error:
        raise FoldinError(f"its lines cannot be split into columns ({error})", remedy="mend separator") from None
