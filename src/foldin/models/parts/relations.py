"""Relation blocks: what is known of a user, or of an item, once for all of their ratings (Rendle 2013, VLDB).

A factorization machine sees a rating as a long row of features. Most of them repeat: whoever rates, and all that is
known of them, is the same in each of their ratings. A block holds these features once for each user (or item), so that
a sweep over all weights takes time linear in the ratings plus the filled cells of the blocks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.interactions import IntArray, Values

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Features that share one normal prior, column by column.

    Attributes
    ----------
    starts : ndarray of int64, shape (n_features + 1,)
        Where the cells of each feature start and end.
    rows : ndarray of int32, shape (n_cells,)
        The block's row of each cell, ascending within a feature.
    values : ndarray of float64, shape (n_cells,)
        The value of each cell.
    """

    starts: Places
    rows: IntArray
    values: Values

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.starts) - 1

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which features have a cell, bool of shape (n_features,): the others cannot be learned."""
        return np.diff(self.starts) > 0


@dataclass(frozen=True)
class Block:
    """Rows that ratings point to: one of the users, of the items, or of anything else that a rating has one of.

    Every row has a feature of its own, its id, and what `groups` hold.

    Attributes
    ----------
    row_of : ndarray of int32, shape (n_ratings,)
        The row of each rating.
    order : ndarray of int32, shape (n_ratings,)
        The ratings by row; within a row, in their own order.
    starts : ndarray of int64, shape (n_rows + 1,)
        Where each row starts and ends in `order`.
    groups : tuple of Group
        The features beside the ids.
    """

    row_of: IntArray
    order: IntArray
    starts: Places
    groups: tuple[Group, ...] = ()

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def counts(self) -> Places:
        """Number of ratings of each row."""
        return np.diff(self.starts)


def block(row_of: IntArray, n_rows: int, groups: tuple[Group, ...] = ()) -> Block:
    """Return the block of rows that ratings point to.

    Parameters
    ----------
    row_of : ndarray of int32, shape (n_ratings,)
        The row of each rating.
    n_rows : int
        Number of rows; some may have no rating.
    groups : tuple of Group, optional
        Features beside the ids of the rows.
    """
    starts = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row_of, minlength=n_rows), out=starts[1:])
    return Block(row_of, np.argsort(row_of, kind="stable").astype(np.int32), starts, groups)


def group(features: sparse.sparray) -> Group:
    """Return a matrix of features, shape (n_rows, n_features), as a group."""
    by_feature = sparse.csc_array(features)
    by_feature.sort_indices()
    starts, rows = by_feature.indptr.astype(np.int64), by_feature.indices.astype(np.int32)
    return Group(starts, rows, by_feature.data.astype(np.float64))


def implicit(ratings: sparse.csr_array) -> Group:
    """Return who rated what as features: a row's n columns with a rating, each of value 1/√n (SVD++, Koren 2008)."""
    counts = np.diff(ratings.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    return group(sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape))
