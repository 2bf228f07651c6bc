"""Which items are near which in a vector space, and whether neighbours have more in common than random pairs."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.interactions import FloatArray, IntArray

Vectors = npt.NDArray[np.float64] | FloatArray
SAMPLE = 2000
"""Items compared with all others, at most: pairs grow with the square of a catalogue."""
BLOCK_CELLS = 1 << 24
"""Cosines held at once; bounds memory, changes no metric."""


def nearest(vectors: Vectors, row: int, k: int) -> IntArray:
    """Return the k other rows whose vectors point most in the direction of a row's.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, size)
        Vectors of items, or of users.
    row : int
        The row whose neighbours to return.
    k : int
        How many, at most.

    Returns
    -------
    ndarray of int32, shape (min(k, n - 1),)
        Rows by cosine, the nearest first, ties by index; rows of zeros have cosine 0.
    """
    directions = _directions(vectors)
    cosines = np.sum(directions * directions[row], axis=1)
    cosines[row] = -np.inf
    return np.argsort(-cosines, kind="stable")[: min(k, len(vectors) - 1)].astype(np.int32)


def nearest_of_each(vectors: Vectors, rows: IntArray) -> IntArray:
    """Return for each of some rows the one other row, of all, that points most in its direction; ties by index.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, size)
        Vectors of items, or of users.
    rows : ndarray of int, shape (m,)
        Whose neighbours to return.

    Returns
    -------
    ndarray of int32, shape (m,)
        Their neighbours; where there is one row only, that row itself.
    """
    directions = _directions(vectors)
    found = np.empty(len(rows), dtype=np.int32)
    size = max(1, BLOCK_CELLS // len(vectors))
    for begin in range(0, len(rows), size):
        block = rows[begin : begin + size]
        cosines = directions[block] @ directions.T
        cosines[np.arange(len(block)), block] = -np.inf
        found[begin : begin + size] = cosines.argmax(axis=1)
    return found


def sample(n: int, seed: int = 0) -> IntArray:
    """Return the numbers below n in their order, or `SAMPLE` of them drawn at random where there are more."""
    if n <= SAMPLE:
        return np.arange(n, dtype=np.int32)
    return np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False)).astype(np.int32)


def values(items: pd.DataFrame, column: str = "genres") -> npt.NDArray[np.bool_]:
    """Return which values of a column, joined by "|" in a cell, each item has, shape (n_items, number of values)."""
    table = items[column].fillna("").astype(str).str.get_dummies("|")
    # To know nothing is no value that two items share; some kinds of text give it a column.
    return table.drop(columns="", errors="ignore").to_numpy(dtype=bool)


def in_common(held: npt.NDArray[np.bool_], rows: IntArray, partners: IntArray) -> npt.NDArray[np.bool_]:
    """Return whether each pair has a value in common, shape (m,); `held` as `values` gives it."""
    return np.asarray((held[rows] & held[partners]).any(axis=1))


def in_common_by_chance(held: npt.NDArray[np.bool_], rows: IntArray) -> float:
    """Return the share of all pairs of two different ones of some rows that have a value in common."""
    if len(rows) < 2:
        return 0.0  # One item makes no pair, and none has anything in common.
    some = held[rows].astype(np.float32)
    sharing = np.count_nonzero(some @ some.T) - np.count_nonzero(some.any(axis=1))
    return float(sharing / (len(rows) * (len(rows) - 1)))


def _directions(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1)
    directions: Vectors = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    return directions
