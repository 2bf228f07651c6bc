"""Split ratings by the protocol of params.yaml, and check that every rating is in exactly one part."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.preparation.protocols import PROTOCOLS, Given, Protocol, Split

PARTS = ("train", "validation", "test")


def split_ratings(
    ratings: pd.DataFrame, settings: params.Split, given: Given, elsewhere: Mapping[str, Protocol] | None = None
) -> Split:
    """Split ratings by the protocol of params.yaml.

    Parameters
    ----------
    ratings : pandas.DataFrame
        The canonical ratings, in natural order of user, then item.
    settings : params.Split
        Section `split` of params.yaml.
    given : tuple of DataSet and Path
        The data set, and its raw files for protocols that others published.
    elsewhere : mapping of str to callable, optional
        Protocols that another engine computes.

    Returns
    -------
    Split
        Disjoint parts that together are all ratings.

    Raises
    ------
    FoldinError
        When the protocol is unknown or does not suit the data, or a part would be empty.
    """
    if settings.protocol not in PROTOCOLS:
        remedy = params.nearest(settings.protocol, list(PROTOCOLS))
        raise FoldinError(f"split.protocol is '{settings.protocol}'", where="params.yaml", remedy=remedy)
    compute = (elsewhere or {}).get(settings.protocol, PROTOCOLS[settings.protocol][0])
    split = compute(ratings, settings, given)
    for name in PARTS:
        if not len(getattr(split, name)):
            if name == "test" and settings.protocol == "k_fold":
                what = (
                    f"fold {settings.fold} of {len(ratings):,} ratings would be empty: split.folds is {settings.folds}"
                )
                raise FoldinError(what, where="params.yaml", remedy="lower split.folds")
            shares = f"split.test is {settings.test} and split.validation is {settings.validation}"
            lower, key = ("lower", "one of them") if name == "train" else ("raise", f"split.{name}")
            raise FoldinError(
                f"the {name} part of {len(ratings):,} ratings would be empty: {shares}",
                where="params.yaml",
                remedy=f"{lower} {key}",
            )
    rows = np.concatenate([split.train, split.validation, split.test, split.fold_in])
    assigned = np.zeros(len(ratings), dtype=bool)
    assigned[rows] = True
    if len(rows) != len(ratings) or not assigned.all():
        raise FoldinError(f"{settings.protocol} put a rating into two parts or none", remedy="this is a bug: report it")
    return split
