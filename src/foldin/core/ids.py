"""Ids of users and items as integers, in natural order, and pairs of them sorted as one integer each.

Tens of millions of ratings have few distinct ids. Each distinct id is parsed once; ratings store its integer code.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


def natural_order(ids: Iterable[str]) -> list[str]:
    """Return distinct ids in natural order: by value where all are whole numbers, else as text.

    Parameters
    ----------
    ids : iterable of str
        Ids, in any order, repeated or not.
    """
    distinct = sorted(set(ids))
    joined = "".join(distinct)
    if joined.isascii() and joined.isdigit() and all(distinct):
        # By number of digits, then as text: by value, however long the id.
        distinct.sort(key=lambda name: (len(bare := name.lstrip("0")), bare))
    return distinct


def categories(ids: "pd.Series[str]") -> pd.Categorical:
    """Return a column of ids as categories, in any order; a missing or empty id has code -1.

    Parameters
    ----------
    ids : pandas.Series
        Texts, or categories of texts.
    """
    if isinstance(ids.dtype, pd.CategoricalDtype):
        found = pd.Categorical(ids.array)
    else:
        codes, names = pd.factorize(ids)
        found = pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))
    empty = np.flatnonzero(found.categories == "")
    return found.remove_categories("") if len(empty) else found


def occurring(ids: pd.Categorical, rows: Rows | slice) -> "pd.Index[str]":
    """Return the ids of some rows, once each, in natural order.

    Parameters
    ----------
    ids : pandas.Categorical, length n
        Ids.
    rows : ndarray of int64, or slice
        The rows; none of them misses its id.
    """
    occurs = np.bincount(ids.codes[rows], minlength=len(ids.categories)) > 0
    return pd.Index(natural_order(ids.categories[occurs].tolist()), dtype="str")


def in_natural_order(ids: pd.Categorical, rows: Rows | slice) -> tuple[Codes, "pd.Index[str]"]:
    """Return the ids of some rows as places in the natural order of those that occur.

    Parameters
    ----------
    ids : pandas.Categorical, length n
        Ids.
    rows : ndarray of int64, or slice
        The rows to return; none of them misses its id.

    Returns
    -------
    codes : ndarray of int32
        Place of each row's id among `names`.
    names : pandas.Index of str
        The ids that occur, in natural order.
    """
    names = occurring(ids, rows)
    return names.get_indexer(ids.categories).astype(np.int32)[ids.codes[rows]], names


def sorted_pairs(users: Codes, items: Codes, n_items: int) -> tuple[Rows | None, npt.NDArray[np.bool_] | None]:
    """Sort pairs by user, then item, then row.

    Parameters
    ----------
    users, items : ndarray of int32, shape (n,)
        Codes, from 0.
    n_items : int
        Number of items.

    Returns
    -------
    order : ndarray of int64, shape (n,), or None
        The rows in order; None where they are in order already and no pair occurs twice.
    repeats : ndarray of bool, shape (n,), or None
        Whether the pair at this place of the order is that of the place before; None where no pair occurs twice.
    """
    key = users.astype(np.int64) * n_items
    key += items
    step = np.diff(key)
    if (step > 0).all():
        return None, None
    order = _order(key)
    key = key[order]
    repeats = np.concatenate([[False], key[1:] == key[:-1]])
    return order, repeats if repeats.any() else None


def _order(key: npt.NDArray[np.int64]) -> Rows:
    """Return the stable order of keys from 0."""
    bits = int(len(key) - 1).bit_length()
    if int(key.max()) >= 1 << (63 - bits):
        return np.argsort(key, kind="stable")
    # Key and row in one number: a plain sort of those is several times faster than sorting an index.
    packed = key << bits
    packed |= np.arange(len(key))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed
