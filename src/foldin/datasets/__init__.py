"""The data sets foldin knows: `get("ml-100k")` is its declaration, `names()` lists them all.

Each is declared once, in the module that also reads it. To add one: declare it there and name it below.
"""

import difflib

from foldin.datasets import demo, movielens
from foldin.datasets.declaration import Counts, DataSet, RawTables
from foldin.errors import FoldinError

_ALL = {dataset.name: dataset for dataset in (demo.DEMO, movielens.ML_100K, movielens.ML_LATEST_SMALL)}


def names() -> list[str]:
    """Return the names of all data sets; the embedded one comes first."""
    return list(_ALL)


def get(name: str) -> DataSet:
    """Return the declaration of a data set.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    FoldinError
        When there is no such data set: names the nearest one.
    """
    if name not in _ALL:
        close = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        remedy = f"did you mean '{close[0]}'?" if close else f"the data sets are: {', '.join(names())}"
        raise FoldinError(f"unknown data set '{name}'", where="params.yaml (datasets)", remedy=remedy)
    return _ALL[name]


__all__ = ["Counts", "DataSet", "RawTables", "get", "names"]
