"""Ids of raw files as text: 7 and 7.0 are one id; what is no id, or may stand for several, is an error."""

from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from foldin.datasets.formats.fields import each, fault, written

EXACT = {2: 2.0**11, 4: 2.0**24, 8: 2.0**53}
"""Bytes of a float → the number below which it can be every whole number; from there on, one stands for several."""
NO_ID, MERGED = "which is no id", "a float so large that it may be several ids"
NO_IDS = (bool, np.bool_, bytes, dict, list, tuple, np.ndarray)
"""What must not become an id by being printed: 1 and true are not two users."""


def ids(values: pd.Series, path: Path) -> pd.Series:
    """Return ids as text without surrounding blanks; the numbers 7 and 7.0 are both "7", and an empty id is missing.

    Parameters
    ----------
    values : pandas.Series
        Text or numbers, also both in one column; its name is the column's.
    path : Path
        The file it is from, for the message.

    Raises
    ------
    FoldinError
        On the first id that is a number with a point (a float) so large that it may stand for several whole numbers,
        or is neither text nor a number: true or false, a list, an object, bytes that are no text.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values  # Read as ids, so they are text already, each stored once.
    if types.is_float_dtype(values.dtype):
        _refuse_id(values.abs() >= EXACT[values.to_numpy().dtype.itemsize], values, path, MERGED)
        # A whole column with a gap comes as float.
        whole = values == values.round()
        text = values.astype("str").where(~whole, values.where(whole).astype("Int64").astype("str"))
    elif types.is_bool_dtype(values.dtype):
        _refuse_id(values.notna(), values, path, NO_ID)
        return values.astype("str")
    elif types.is_object_dtype(values.dtype):
        values = each(values, _decoded)
        _refuse_id(values.map(lambda value: isinstance(value, NO_IDS)), values, path, NO_ID)
        _refuse_id(values.map(lambda value: isinstance(value, float) and abs(value) >= EXACT[8]), values, path, MERGED)
        text = values.map(written, na_action="ignore")
    else:
        text = values.astype("str").str.strip()
    text = text.astype("str")
    found: pd.Series = text.where(values.notna() & (text != "")).astype("str")
    return found


def _decoded(value: object) -> object:
    """Return bytes, which databases and Parquet files have, as the text they are, if they are."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _refuse_id(wrong: pd.Series, values: pd.Series, path: Path, what: str) -> None:
    if wrong.any():
        row = int(wrong.to_numpy(bool, na_value=False).argmax())
        raise fault(values, row, path, what, "store ids as text or as whole numbers")
