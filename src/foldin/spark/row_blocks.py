"""A sparse matrix cut into blocks of rows that executors keep, and what a function makes of each block.

The functions given here treat each row by itself, so no result depends on how many blocks there are. A lost worker's
blocks are made again from those of the driver's JVM, and its tasks are repeated.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import IntArray

TASKS_PER_CORE = 3
"""Blocks for each core, so that none waits long for another."""
Result = TypeVar("Result")


class Block(NamedTuple):
    """Rows of a matrix, one after the other.

    Attributes
    ----------
    first : int
        The number of the first row.
    cells : scipy.sparse.csr_array, shape (n, n_columns)
        The rows.
    """

    first: int
    cells: sparse.csr_array

    @property
    def rows(self) -> slice:
        """The place of the rows in the matrix."""
        return slice(self.first, self.first + self.cells.shape[0])


class Fault(NamedTuple):
    """A FoldinError of a task: as an exception, Spark would repeat the task and bury the line below a stack."""

    kind: type[FoldinError]
    what: str
    where: str | None
    remedy: str | None


class RowBlocks:
    """A matrix in the executors' memory, or on their disks where that is full.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.
    matrix : scipy.sparse.csr_array, shape (n_rows, n_columns)
        What to cut; at least one row.
    """

    def __init__(self, spark: Any, matrix: sparse.csr_array) -> None:
        from pyspark import StorageLevel

        self._context = spark.sparkContext
        bounds = cuts(matrix.indptr, TASKS_PER_CORE * self._context.defaultParallelism)
        blocks = [Block(int(first), _rows(matrix, first, last)) for first, last in pairwise(bounds)]
        self._blocks = self._context.parallelize(blocks, len(blocks)).persist(StorageLevel.MEMORY_AND_DISK)

    def map(self, function: Callable[[Block, Any], Result], given: Any = None) -> list[Result]:
        """Return what a function makes of each block, in order of rows.

        Parameters
        ----------
        function : callable
            A function of a module, called with a block and `given`.
        given : object, optional
            Sent to each executor once.

        Raises
        ------
        FoldinError
            When the function raises one.
        """
        sent = self._context.broadcast(given)
        try:
            found = self._blocks.mapPartitions(_applied(function, sent)).collect()
        finally:
            sent.destroy()
        raise_faults(found)
        return list(found)

    def drop(self) -> None:
        """Free the executors' memory."""
        self._blocks.unpersist()


def _applied(function: Callable[[Block, Any], Any], sent: Any) -> Callable[[Iterator[Block]], Iterator[Any]]:
    def apply(blocks: Iterator[Block]) -> Iterator[Any]:
        return said(function(block, sent.value) for block in blocks)

    return apply


def said(results: Iterator[Result]) -> Iterator[Result | Fault]:
    """Yield the results of a task; where there is a FoldinError, a `Fault` in its place, the last result."""
    try:
        yield from results
    except FoldinError as error:
        yield Fault(type(error), error.what, error.where, error.remedy)


def raise_faults(found: list[Any]) -> None:
    """Raise the first fault among results of tasks, on the driver."""
    for each in found:
        if isinstance(each, Fault):
            raise each.kind(each.what, where=each.where, remedy=each.remedy)


def cuts(starts: IntArray, most: int) -> npt.NDArray[np.int64]:
    """Return the rows at which to cut a matrix into blocks of about equal work, the first row and the end included.

    Parameters
    ----------
    starts : ndarray of int, shape (n_rows + 1,)
        `indptr` of the matrix.
    most : int
        How many blocks there may be.

    Returns
    -------
    ndarray of int64
        Ascending, none twice.
    """
    # A row costs something without cells, too.
    work = starts.astype(np.int64) + np.arange(len(starts))
    return np.unique(np.searchsorted(work, np.linspace(0, work[-1], most + 1)))


def _rows(matrix: sparse.csr_array, first: int, last: int) -> sparse.csr_array:
    """Return some rows, whose indices keep their type: `matrix[first:last]` may choose another."""
    start, end = matrix.indptr[first], matrix.indptr[last]
    cells = matrix.data[start:end], matrix.indices[start:end], matrix.indptr[first : last + 1] - start
    return sparse.csr_array(cells, shape=(last - first, matrix.shape[1]))
