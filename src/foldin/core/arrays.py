"""Arrays in .npz files whose bytes depend on nothing but the arrays, whatever Python wrote them.

numpy.savez asks for ZIP64 headers, which Python writes differently from 3.11.4 on, and zipfile compresses with the zlib
that Python was built with. So headers are plain where they can be, and what is compressed is so by pyarrow's zstd.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

HEADER = 1024
"""Bytes, at most, of what numpy writes in front of an array."""
CODEC = "zstd"


def write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays by name, uncompressed, as `numpy.load` reads them.

    Parameters
    ----------
    path : Path
        The file.
    arrays : mapping of str to ndarray
        No arrays of objects.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            # Only what is too large for a plain header gets one of ZIP64.
            entry.file_size = array.nbytes + HEADER
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read what `write` wrote."""
    # Opened here, because numpy leaves a damaged file open.
    with path.open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def write_matrix(path: Path, matrix: sparse.csr_array) -> None:
    """Write a sparse matrix, uncompressed, as `scipy.sparse.load_npz` reads it."""
    parts = {"indices": matrix.indices, "indptr": matrix.indptr, "data": matrix.data}
    about = {"format": np.array(b"csr"), "shape": np.array(matrix.shape), "_is_array": np.array(True)}
    write(path, parts | about)


def write_cells(path: Path, matrix: sparse.csr_array) -> None:
    """Write which cells of a sparse matrix are stored, compressed; their values are not kept."""
    items = matrix.indices.astype(np.int32, copy=False)
    compressed = np.frombuffer(pa.compress(items.tobytes(), codec=CODEC, asbytes=True), dtype=np.uint8)
    write(path, {"starts": matrix.indptr.astype(np.int64), "items": compressed, "shape": np.array(matrix.shape)})


def read_cells(path: Path) -> sparse.csr_array:
    """Read what `write_cells` wrote: a matrix of float32 with a 1 in each cell."""
    kept = read(path)
    starts, (n_rows, n_columns) = kept["starts"], kept["shape"].tolist()
    size = int(starts[-1]) * np.dtype(np.int32).itemsize
    items = np.frombuffer(pa.decompress(kept["items"].tobytes(), size, codec=CODEC, asbytes=True), dtype=np.int32)
    # Of one type, as scipy wants indices to be.
    kind = np.int32 if len(items) <= np.iinfo(np.int32).max else np.int64
    values = np.ones(len(items), dtype=np.float32)
    return sparse.csr_array((values, items.astype(kind), starts.astype(kind)), (n_rows, n_columns))
