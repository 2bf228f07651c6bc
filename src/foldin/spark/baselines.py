"""Baselines on Spark: counts, and means of blocks of users and items, equal to the local engine's to the byte.

A sum of floating-point numbers depends on its order, so executors keep that of the local engine. The biases of a row
are one task's, which adds its ratings in their order. The mean of all ratings is numpy's: numpy adds halves of an array
by themselves, and these sums to each other, so that executors can have the parts of such a tree.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from foldin.core.interactions import FloatArray, Interactions, Values
from foldin.models import baselines
from foldin.models.parts import bias
from foldin.models.parts.nearest import transposed
from foldin.models.parts.recommender import Recommender
from foldin.spark import session
from foldin.spark.row_blocks import Block, RowBlocks

PART = 100_000
"""Ratings that a task adds up for the mean, at most."""
LEAST = 128
"""What numpy adds up without cutting it in halves."""


class GlobalMean(baselines.GlobalMean):
    """`global-mean`; see foldin.models.baselines."""

    def _fit_bias(self, train: Interactions) -> bias.Bias:
        return fit_bias(self.name, train, self._damping())


class DampedBias(baselines.DampedBias):
    """`bias`; see foldin.models.baselines."""

    def _fit_bias(self, train: Interactions) -> bias.Bias:
        return fit_bias(self.name, train, self._damping())


class Popularity(baselines.Popularity):
    """`popularity`; see foldin.models.baselines."""

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        with session.job(f"{self.name}: counts on Spark") as spark:
            blocks = RowBlocks(spark, train.ratings)
            counts = np.sum(blocks.map(_counts, train.n_items), axis=0)
            blocks.drop()
        self._counts = counts.astype(np.float32)


def fit_bias(name: str, train: Interactions, damping: float) -> bias.Bias:
    """Return the global mean, then item biases, then user biases on what is left; as `foldin.models.parts.bias.fit`.

    Parameters
    ----------
    name : str
        What progress calls the model.
    train : Interactions
        The training part.
    damping : float
        Pseudo-ratings at the mean added to each user and item; at least 0.
    """
    with session.job(f"{name}: means on Spark") as spark:
        mean = total(spark, train.ratings.data) / np.float64(train.ratings.nnz)
        items = _biases(spark, transposed(train.ratings), mean, np.zeros(train.n_users), damping)
        users = _biases(spark, train.ratings, mean, items, damping)
    return bias.Bias(float(mean), users.astype(np.float32), items.astype(np.float32))


def total(spark: Any, values: FloatArray) -> np.float64:
    """Return the sum that `values.astype(numpy.float64).sum()` is, in that order; `values` of shape (n,), n > 0."""
    parts = list(_parts(0, len(values)))
    sent = spark.sparkContext.parallelize([values[start:end] for start, end in parts], len(parts))
    sums = sent.map(_sum).collect()
    return _added(0, len(values), iter(sums))


def _half(n: int) -> int:
    """Return how many of n numbers numpy adds up before the others: about half, a multiple of 8."""
    half = n // 2
    return half - half % 8


def _parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start <= max(PART, LEAST):
        yield start, end
        return
    cut = start + _half(end - start)
    yield from _parts(start, cut)
    yield from _parts(cut, end)


def _added(start: int, end: int, sums: Iterator[np.float64]) -> np.float64:
    """Return the sum of parts' sums, added as `_parts` has cut."""
    if end - start <= max(PART, LEAST):
        return next(sums)
    cut = start + _half(end - start)
    return _added(start, cut, sums) + _added(cut, end, sums)


def _sum(values: FloatArray) -> np.float64:
    found: np.float64 = values.astype(np.float64).sum()
    return found


def _counts(block: Block, n_items: int) -> "np.typing.NDArray[np.int64]":
    return np.bincount(block.cells.indices, minlength=n_items)


def _biases(spark: Any, rows: sparse.csr_array, mean: np.float64, of_columns: Values, damping: float) -> Values:
    """Return the damped mean of what mean and columns leave of each row's ratings, shape (n_rows,)."""
    blocks = RowBlocks(spark, rows)
    found: Sequence[Values] = blocks.map(_damped, (mean, of_columns, damping))
    blocks.drop()
    return np.concatenate(found)


def _damped(block: Block, given: tuple[np.float64, Values, float]) -> Values:
    mean, of_columns, damping = given
    cells = block.cells
    left = cells.data.astype(np.float64) - mean - of_columns[cells.indices]
    rows = np.repeat(np.arange(cells.shape[0], dtype=np.int32), np.diff(cells.indptr))
    return bias.damped_means(rows, left, cells.shape[0], damping)


MODELS: dict[str, type[Recommender]] = baselines.MODELS | {
    "global-mean": GlobalMean,
    "bias": DampedBias,
    "popularity": Popularity,
}
