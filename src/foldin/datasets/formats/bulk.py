"""Reads delimited text in bulk through pyarrow, or returns None.

It returns a table only if the result equals that of the line-by-line reader (`lines`). Anything unusual is left to that
reader, which is forty times slower and can name the faulty line.
"""

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from foldin.datasets.formats.parsers import LATEST

BLOCK = 1 << 23
"""Bytes looked at, or parsed by one thread, at once."""
TEXT = pa.dictionary(pa.int32(), pa.string())
COMMA = "float64 with comma"
TYPES = {"str": TEXT, "category": TEXT, "Int64": pa.int64(), "float64": pa.float64(), "time": pa.int64()}
TYPES[COMMA] = pa.float64()
UNIT_SEPARATOR = b"\x1f"
# pyarrow reads 0x10 as a whole number, which 00X, the end of an ISBN, cannot be; a NUL byte means that it is no text.
SUSPECT = re.compile(rb"(?<![0-9])0[xX]|\x00")
# Encodings in which every byte below 128 is the ASCII character, so that bytes can be searched.
ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "latin-1": "latin-1", "ascii": "ascii", "cp1252": "cp1252"}


def read(
    path: Path,
    dtypes: Mapping[str, str],
    *,
    delimiter: str,
    encoding: str,
    header: bool,
    special: str,
    padded: dict[str, int] | None = None,
) -> pd.DataFrame | None:
    """Read a file whose every line is plain: no quotes in use, every number in its usual spelling.

    Parameters
    ----------
    path : Path
        The file.
    dtypes : dict of str to str
        Column name → "str", "category", "Int64", "float64", "float64 with comma", "time" (a number rounded down) or
        "ignored" (not read, not returned), in file order.
    delimiter : str
        What stands between two fields.
    encoding : str
        Of the text.
    header : bool
        Whether the first line is no data; it is not looked at.
    special : str
        Characters that would mean something: the quote where fields may be quoted, the escape where there is one.
    padded : dict of str to int, optional
        Where the ids of each column are counted that had blanks around them.

    Returns
    -------
    pandas.DataFrame or None
        The table; None where only the line-by-line reader can tell what the file holds.
    """
    types = {name: TYPES.get(dtype) for name, dtype in dtypes.items() if dtype != "ignored"}
    if encoding not in ENCODINGS or not delimiter.isascii() or delimiter[-1].isdigit() or None in types.values():
        return None
    # pyarrow decodes what it reads, and the line-by-line reader all of a line.
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])() if len(types) < len(dtypes) else None
    if _suspect(path, special, decoder, header=header) or (encoding not in ("utf-8", "utf-8-sig") and _marked(path)):
        return None
    source: object = path
    if len(delimiter) > 1:
        content = path.read_bytes()
        if UNIT_SEPARATOR in content:
            return None
        source = pa.BufferReader(content.replace(delimiter.encode(), UNIT_SEPARATOR))
        delimiter = UNIT_SEPARATOR.decode()

    def parsed(types: dict[str, pa.DataType | None]) -> pa.Table | None:
        try:
            return pyarrow.csv.read_csv(
                source,
                pyarrow.csv.ReadOptions(
                    block_size=BLOCK, skip_rows=int(header), column_names=list(dtypes), encoding=ENCODINGS[encoding]
                ),
                pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
                pyarrow.csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=[""],
                    strings_can_be_null=True,
                    decimal_point="," if COMMA in dtypes.values() else ".",
                ),
            )
        except (pa.ArrowException, UnicodeError):
            return None

    table = parsed(types)
    if table is None and "time" in dtypes.values() and COMMA not in dtypes.values():
        # Times with a point: what pandas writes of a column with a gap.
        if isinstance(source, pa.BufferReader):
            source.seek(0)
        table = parsed({name: pa.float64() if dtypes[name] == "time" else known for name, known in types.items()})
    if table is None:
        return None
    columns = {}
    for name in types:
        column = _column(table.column(name), dtypes[name])
        if padded is not None and dtypes[name] == "category":
            padded[name] = _padded(table.column(name))
        table = table.drop_columns(name)  # so that never two copies of more than one column are alive
        if column is None:
            return None
        columns[name] = column
    del table
    # pyarrow keeps what it no longer needs: as much again as the table itself.
    pa.default_memory_pool().release_unused()
    # A table of no rows has its own message.
    return pd.DataFrame(columns) if columns and len(next(iter(columns.values()))) else None


def _marked(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _suspect(path: Path, special: str, decoder: codecs.IncrementalDecoder | None, *, header: bool) -> bool:
    with path.open("rb") as file:
        last = b""
        if header:
            # Its names may be quoted, unless an end of line is quoted as well.
            names = file.readline(BLOCK)
            if names.count(b'"') % 2 or b"\r" in names.rstrip(b"\r\n"):
                return True
            if decoder is not None:
                try:
                    decoder.decode(names)
                except UnicodeDecodeError:
                    return True
        while block := file.read(BLOCK):
            if any(character.encode() in block for character in special):
                return True
            # Searching for one byte is many times faster than for a pattern, and most files hold none of these.
            if any(byte in block for byte in (b"x", b"X", b"\0")) and SUSPECT.search(last + block):
                return True
            if decoder is not None and (not block.isascii() or decoder.getstate()[0]):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    return True
            last = block[-1:]
    return decoder is not None and bool(decoder.getstate()[0])


def _column(values: pa.ChunkedArray, dtype: str) -> pd.api.extensions.ExtensionArray | np.ndarray | None:
    if dtype in ("Int64", "time"):
        missing = values.is_null().to_numpy() if values.null_count else np.zeros(len(values), dtype=bool)
        whole: np.ndarray = (values.fill_null(0) if values.null_count else values).to_numpy()
        if dtype == "time" and len(whole):
            # NaN is no time either, and not below anything.
            if not (whole.min() > -LATEST and whole.max() < LATEST):
                return None
            whole = whole if whole.dtype == np.int64 else np.floor(whole).astype(np.int64)
        return pd.arrays.IntegerArray(whole, missing)
    if dtype in ("float64", COMMA):
        numbers: np.ndarray = values.to_numpy()
        # NaN or an infinity that the file spells out is no number.
        return numbers if int((~np.isfinite(numbers)).sum()) == values.null_count else None
    stripped = _stripped(values)
    return stripped if dtype == "category" else stripped.astype("str")


def _padded(values: pa.ChunkedArray) -> int:
    """Return how many texts have blanks around them, and are not all blank."""
    count = 0
    for chunk in values.chunks:
        texts = chunk.dictionary.to_pylist()
        odd = np.array([text != text.strip() != "" for text in texts], dtype=bool)
        if odd.any():
            count += int(odd[chunk.indices.drop_null().to_numpy()].sum())
    return count


def _stripped(values: pa.ChunkedArray) -> pd.Categorical:
    """Return texts without surrounding blanks, as categories in order of appearance; what is blank is missing."""
    whole = values.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no chunks
        return pd.Categorical([])
    codes = whole.indices.fill_null(-1).to_numpy()
    texts = pd.Series(whole.dictionary.to_pylist(), dtype="object").str.strip()
    # Two spellings may differ by blanks only.
    places, names = pd.factorize(texts.mask(texts == ""))
    if len(names) < len(texts):
        codes = np.append(places, -1).astype(np.int32)[codes]
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))
