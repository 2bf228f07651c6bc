"""Reads arrays of numpy (.npy, .npz), sparse matrices of SciPy (.npz) and MATLAB's files (.mat), never a pickle."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import io, sparse

from foldin.core.errors import FoldinError
from foldin.core.params import nearest

FORMATS = ("npy", "npz", "mat")


def load(path: Path, form: str, name: str | None = None) -> Any:
    """Return an array, a sparse matrix, or columns of equal length by name.

    Parameters
    ----------
    path : Path
        The file.
    form : str
        One of `FORMATS`.
    name : str, optional
        Which of several arrays; may be left out where there is one, or where all are columns of one table.

    Returns
    -------
    ndarray, scipy.sparse.csr_array, or dict of str to ndarray of shape (n,)
        Of numbers or text.

    Raises
    ------
    FoldinError
        When the file is damaged, holds Python objects, or several arrays of which none is named.
    """
    try:
        match form:
            case "npy":
                return np.load(path, allow_pickle=False)
            case "npz":
                found = _archive(path)
            case _:
                found = {key: value for key, value in io.loadmat(path).items() if not key.startswith("__")}
    except (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "pickle" in reason.lower():
            what, remedy = "this array holds Python objects", "store numbers or text: array.astype(float)"
            raise FoldinError(what, where=path, remedy=remedy) from None
        raise FoldinError(f"no readable {form} file ({reason})", where=path, remedy="save it again") from None
    except NotImplementedError:
        remedy = "save it with -v7, or its table as CSV"
        raise FoldinError("this is a MATLAB file of version 7.3", where=path, remedy=remedy) from None
    if name is not None:
        if name not in found:
            remedy = nearest(name, list(found)).replace("valid keys are", "its arrays are")
            raise FoldinError(f"the file holds no array '{name}'", where=path, remedy=remedy)
        return found[name]
    if len(found) == 1:
        return next(iter(found.values()))
    columns = {key: np.asarray(value).ravel() for key, value in found.items() if _is_column(value)}
    if len(columns) == len(found) and len({len(column) for column in columns.values()}) == 1 and columns:
        return columns
    listed = ", ".join(f"{key} {'×'.join(map(str, np.shape(value)))}" for key, value in list(found.items())[:8])
    what = f"the file holds {len(found)} arrays ({listed})"
    raise FoldinError(what, where=path, remedy="name one of them as `table`")


def _archive(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        names = set(archive.files)
        # What scipy.sparse.save_npz writes.
        if {"format", "shape", "data"} <= names:
            return {"matrix": sparse.csr_array(sparse.load_npz(path))}
        return {name: archive[name] for name in archive.files}


def is_sparse(value: Any) -> bool:
    """Return whether what was loaded is a sparse matrix."""
    return bool(sparse.issparse(value))


def _is_column(value: Any) -> bool:
    shape = np.shape(value)
    return not is_sparse(value) and (len(shape) == 1 or (len(shape) == 2 and min(shape) == 1))


def table(path: Path, form: str, name: str | None = None) -> pd.DataFrame:
    """Return arrays as a table: columns by name, or by number from 1; see `load`.

    Raises
    ------
    FoldinError
        When they are no table.
    """
    found = load(path, form, name)
    if isinstance(found, dict):
        return pd.DataFrame(found)
    if is_sparse(found):
        remedy = "declare shape: matrix"
        raise FoldinError(f"this is a sparse matrix of {found.shape[0]:,} rows", where=path, remedy=remedy)
    if found.dtype.names:
        return pd.DataFrame({field: found[field] for field in found.dtype.names})
    if found.ndim != 2:
        what = f"this is an array of {found.ndim} dimensions, and a table has 2"
        raise FoldinError(what, where=path, remedy="save rows and columns")
    return pd.DataFrame(found, columns=[str(place + 1) for place in range(found.shape[1])])
