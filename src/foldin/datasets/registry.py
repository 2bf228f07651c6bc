"""The data sets foldin knows: `get("ml-100k")` is its declaration, `names()` lists them all.

Each is declared once: in the module of `known` that also reads it, or in public/sets.py. To add one: declare it there,
name it here, and describe it in catalogue.py. Your own are declared in params.yaml; see foldin.datasets.own.declared.
"""

import difflib

from foldin.core.errors import FoldinError
from foldin.datasets import composition
from foldin.datasets.declaration import DataSet
from foldin.datasets.demo import generate
from foldin.datasets.known import bookcrossing, douban, lastfm, movielens, movielens_dat, netflix, personality
from foldin.datasets.own import declared
from foldin.datasets.public.sets import SETS

_ALL = {
    dataset.name: dataset
    for dataset in (
        generate.DEMO,
        movielens.ML_100K,
        movielens.ML_LATEST_SMALL,
        movielens_dat.ML_1M,
        movielens_dat.ML_10M,
        movielens.ML_20M,
        movielens.ML_25M,
        movielens.ML_32M,
        personality.PERSONALITY,
        bookcrossing.BOOK_CROSSING,
        netflix.NETFLIX,
        lastfm.LASTFM_HETREC,
        lastfm.LASTFM_360K,
        douban.DOUBAN_BOOK,
        douban.DOUBAN_MUSIC,
        *SETS,
        composition.DOUBAN,
        composition.CROSS_PLATFORM,
    )
}


def names() -> list[str]:
    """Return the names of all data sets: the embedded one first, those of the user's own last."""
    return [*_ALL, *declared.names()]


def get(name: str) -> DataSet:
    """Return the declaration of a data set.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    FoldinError
        When there is no such data set: names the nearest one; or when it is the user's own and not declared rightly.
    """
    if name in _ALL:
        if name in declared.names():
            raise FoldinError(
                f"sources.{name} has the name of a data set that foldin brings",
                where="params.yaml",
                remedy="give it another name",
            )
        return _ALL[name]
    if name in declared.names():
        return declared.get(name, get)
    close = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
    remedy = f"did you mean '{close[0]}'?" if close else f"the data sets are: {', '.join(names())}"
    raise FoldinError(f"unknown data set '{name}'", where="params.yaml (datasets)", remedy=remedy)
