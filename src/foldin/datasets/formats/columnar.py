"""Reads columns of Parquet and Feather files, in batches of rows."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from foldin.core.errors import FoldinError

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
"""Whole numbers stay whole where some are missing: a float merges large ids."""
FORMATS = ("parquet", "feather")
BATCH = 1 << 16
"""Rows of a batch."""


def names(path: Path, form: str) -> list[str]:
    """Return the names of a file's columns.

    Raises
    ------
    FoldinError
        When the file is damaged.
    """
    try:
        if form == "parquet":
            return list(parquet.ParquetFile(path).schema_arrow.names)
        return list(feather.read_table(path, memory_map=True).column_names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(form, error) from None


def read(path: Path, form: str, columns: list[str]) -> pd.DataFrame:
    """Return columns of a file, whole numbers with gaps as whole numbers.

    Parameters
    ----------
    path : Path
        The file.
    form : str
        "parquet" or "feather".
    columns : list of str
        Their names; no two columns of the file share one of these.

    Raises
    ------
    FoldinError
        When the file is damaged.
    """
    try:
        if form == "parquet":
            table = parquet.ParquetFile(path).read(columns=columns)
        else:
            table = feather.read_table(path, columns=columns)
        return to_frame(table)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(form, error) from None


def frames(path: Path, form: str, rows: int = BATCH) -> Iterator[pd.DataFrame]:
    """Yield all columns of a file, some rows at a time.

    Raises
    ------
    FoldinError
        When the file is damaged.
    """
    try:
        if form == "parquet":
            opened = parquet.ParquetFile(path)
            for batch in opened.iter_batches(rows):
                yield to_frame(pa.Table.from_batches([batch], opened.schema_arrow))
        else:
            table = feather.read_table(path, memory_map=True)
            for start in range(0, len(table), rows):
                yield to_frame(table.slice(start, rows))
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(form, error) from None


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table of pandas, without categories, which may be numbers, or text with blanks around it."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    # Two columns may share a name. Pandas' notes on its own index may be damaged, and are not needed.
    names = table.column_names
    table = table.rename_columns([str(place) for place in range(len(names))]).replace_schema_metadata(None)
    frame: pd.DataFrame = table.to_pandas(types_mapper=WHOLE.get)
    return frame.set_axis(names, axis=1)


def _unreadable(form: str, error: Exception) -> FoldinError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return FoldinError(f"no readable {form.capitalize()} file ({reason})")
