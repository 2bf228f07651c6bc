"""Reads a declaration of `shape: matrix`: a row for each user and a column for each item, or the other way round."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.params import nearest
from foldin.datasets.formats import arrays, blanks, packed, sniffing, wide
from foldin.datasets.formats.fields import numbers
from foldin.datasets.formats.ids import ids as as_ids
from foldin.datasets.own import tables
from foldin.datasets.own.schema import OwnData


class Cells(NamedTuple):
    """The ratings of a matrix, row by row.

    Attributes
    ----------
    row_ids, column_ids : list of (str or None)
        The ids of all rows, and of all columns that hold cells; numbers from 1 where the file names none.
    rows, columns : ndarray of int32, shape (n,)
        Places of each rating among these.
    values : ndarray of float64, shape (n,)
        The ratings.
    coded : int
        Cells whose value `missing` names, which are no ratings.
    empty : int
        Cells that are empty.
    """

    row_ids: list[str | None]
    column_ids: list[str | None]
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    coded: int
    empty: int


def read(data: OwnData, path: Path, key: str) -> Cells:
    """Read the cells of a matrix.

    Parameters
    ----------
    data : OwnData
        The declaration.
    path : Path
        Where its file lies.
    key : str
        The key of the declaration, for messages.

    Raises
    ------
    FoldinError
        When the file is not as declared.
    """
    codes = [float(code) for code in data.missing if not isinstance(code, str)]
    sniffing.refuse_unreadable(path)
    with packed.unpacked(path, data.member) as plain:
        form = tables.format_of(data)
        if form in arrays.FORMATS and arrays.is_sparse(found := arrays.load(plain, form, data.table)):
            return _of_sparse(sparse.csr_array(found), codes)
        names, blocks = _blocks(data, plain, form, key)
        row_ids: list[str | None] = []
        parts: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]] = []
        coded = empty = 0
        for block_ids, values in blocks:
            known = ~np.isnan(values)
            empty += known.size - int(known.sum())
            if codes:
                meant = np.isin(values, codes) & known
                coded += int(meant.sum())
                known &= ~meant
            rows, columns = np.nonzero(known)
            parts.append(((rows + len(row_ids)).astype(np.int32), columns.astype(np.int32), values[known]))
            numbered: list[str | None] = [str(len(row_ids) + row + 1) for row in range(len(values))]
            row_ids += numbered if block_ids is None else block_ids
    if not row_ids:
        raise FoldinError("the file holds no rows")
    places, across, found = (np.concatenate([part[axis] for part in parts]) for axis in range(3))
    return Cells(row_ids, names, places, across, found, coded, empty)


def _of_sparse(found: sparse.csr_array, codes: list[float]) -> Cells:
    """Return the stored cells of a sparse matrix; a zero that is stored is a rating."""
    stored = found.tocoo()
    values = stored.data.astype(np.float64)
    coded = np.isin(values, codes) | np.isnan(values)
    order = np.lexsort((stored.col, stored.row))
    order = order[~coded[order]]
    return Cells(
        [str(row + 1) for row in range(found.shape[0])],
        [str(column + 1) for column in range(found.shape[1])],
        stored.row[order].astype(np.int32),
        stored.col[order].astype(np.int32),
        values[order],
        int(np.isin(values, codes).sum()),
        found.shape[0] * found.shape[1] - len(values),
    )


def _blocks(data: OwnData, path: Path, form: str, key: str) -> tuple[list[str | None], Iterator[wide.Block]]:
    """Return the ids of the columns with cells, and blocks of rows."""
    if form != "csv":
        frames = tables.frames(data, path)
        first = next(frames, pd.DataFrame())
        names = [str(name) for name in first]
        named = form not in arrays.FORMATS and data.header
        layout = _layout(data, names, key, named=named)
        return _column_ids(names, layout, named), _of_frames(first, frames, layout, data)
    separator = tables.separator_of(data)
    first_row = tables.header_of(path, separator, data.encoding)
    names = first_row if data.header else [str(place + 1) for place in range(len(first_row))]
    layout = _layout(data, names, key, named=data.header)
    return _column_ids(names, layout, data.header), _of_text(data, path, separator, layout)


def _of_text(data: OwnData, path: Path, separator: str, layout: wide.Layout) -> Iterator[wide.Block]:
    if separator == blanks.NAME:
        with blanks.separated(path, data.encoding) as plain:
            yield from wide.read(plain, layout)
    else:
        yield from wide.read(path, layout)


def _of_frames(
    first: pd.DataFrame, frames: Iterator[pd.DataFrame], layout: wide.Layout, data: OwnData
) -> Iterator[wide.Block]:
    texts = {*wide.EMPTY, *layout.missing}
    for frame in (first, *frames):
        columns = []
        for place in layout.cells:
            column = frame.iloc[:, place]
            if not pd.api.types.is_numeric_dtype(column.dtype):
                column = column.mask(column.astype("str").str.strip().isin(texts))
            columns.append(numbers(column, Path(data.file), decimal=data.decimal, thousands=data.thousands).to_numpy())
        row_ids = None
        if layout.row_id is not None:
            named = as_ids(frame.iloc[:, layout.row_id], Path(data.file))
            row_ids = [None if pd.isna(name) else str(name) for name in named]
        yield wide.Block(row_ids, np.column_stack(columns) if columns else np.empty((len(frame), 0)))


def _layout(data: OwnData, names: list[str], key: str, *, named: bool) -> wide.Layout:
    def place(column: str | int, what: str) -> int:
        # A number is a place: in a matrix, a name may be a number too.
        if isinstance(column, int):
            if not 1 <= column <= len(names):
                raise FoldinError(
                    f"{key}.{what} is {column}, and the file has {len(names)} columns",
                    where="params.yaml",
                    remedy="write a place from 1, or a name in quotes",
                )
            return column - 1
        if not named or column not in names:
            raise FoldinError(
                f"{key}.{what} is '{column}', and the file has no such column",
                where="params.yaml",
                remedy=nearest(column, names[:1000]).replace("valid keys are", "its columns are")
                if named
                else "write its place, from 1, without quotes",
            )
        return names.index(column)

    layout = wide.Layout(
        names=names,
        delimiter=blanks.SEPARATOR if (separator := tables.separator_of(data)) == blanks.NAME else separator,
        encoding=data.encoding,
        header=data.header,
        row_id=None if data.row_id is None else place(data.row_id, "row_id"),
        skip={place(column, "skip") for column in data.skip},
        decimal=data.decimal,
        thousands=data.thousands,
        missing=tuple(code for code in data.missing if isinstance(code, str)),
    )
    if not layout.cells:
        raise FoldinError("no column is left to hold ratings", remedy=f"mend {key}.row_id or {key}.skip")
    return layout


def _column_ids(names: list[str], layout: wide.Layout, named: bool) -> list[str | None]:
    if not named:
        return [str(place + 1) for place in range(len(layout.cells))]
    of_cells = [names[place] for place in layout.cells]
    seen: set[str] = set()
    for place, name in zip(layout.cells, of_cells, strict=True):
        if not name:
            remedy = "name it in the header, or under `skip` by its place"
            raise FoldinError(f"column {place + 1} has no name, which would be its id", remedy=remedy)
        if name in seen:
            raise FoldinError(f"the header names '{name}' twice", remedy="rename one of the two")
        seen.add(name)
    return [*of_cells]
