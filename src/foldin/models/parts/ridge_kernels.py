"""The compiled loops behind `foldin.models.parts.ridge_rows`, which says what they solve and how.

`exact` decomposes each row's system; `conjugate_gradient` takes some steps towards its solution from where it was, and
forms no system. Each chunk of rows has memory of its own, in which a row's features lie next to each other.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.models.parts import blas

BLOCK = 512
"""Cells whose features are gathered at once; a fixed number, because sums are grouped by it."""
KEPT = 4096
"""Cells whose features stay gathered from step to step of a row; of a longer one they are gathered in each step."""
LEAST_PIVOT = 1e-3
"""Share of a diagonal element that must be left of it when its turn comes: single precision has seven digits."""
NO_INTERCEPT = -1.0


class Systems(NamedTuple):
    """The regressions of all rows, as `ridge_rows.solve` takes them.

    `starts`, `columns` and `targets` are the cells in compressed rows; `intercept_penalty` is `NO_INTERCEPT` for rows
    without an intercept.
    """

    starts: IntArray
    columns: IntArray
    targets: FloatArray
    features: FloatArray
    shared: FloatArray
    penalties: FloatArray
    intercept_penalty: float


class Solutions(NamedTuple):
    """Arrays to fill in: the weights, intercept and minimum of each row."""

    weights: FloatArray
    intercepts: FloatArray
    minima: Values


@compiled(parallel=True)
def exact(rows: IntArray, chunks: int, systems: Systems, solutions: Solutions, lost: npt.NDArray[np.bool_]) -> None:
    """Fill in weights, intercepts and minima of rows, or mark a row as lost where single precision will not do."""
    starts, columns, targets, features, shared, penalties, intercept_penalty = systems
    weights, intercepts, minima = solutions
    size = features.shape[1]
    for chunk in numba.prange(chunks):
        gathered, centred = np.empty((max(BLOCK, size), size), np.float32), np.empty(max(BLOCK, size), np.float32)
        matrix, diagonal = np.empty(size * size, np.float32), np.empty(size, np.float32)
        mean, scale, right = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
        for place in range(chunk, len(rows), chunks):
            row = rows[place]
            first, last = starts[row], starts[row + 1]
            if first == last:
                continue
            share = share_of_mean(last - first, intercept_penalty)
            target_mean = _means(share, columns[first:last], targets[first:last], features, mean)
            for i in range(size):
                scale[i] = np.float32(1) / np.sqrt(shared[i] + penalties[row])
            # Fewer cells than features: the smaller system is that of the cells.
            few = last - first < size
            order = last - first if few else size
            left = matrix[: order * order].reshape((order, order))
            left[:], right[:] = 0, 0
            squares = 0.0
            for begin in range(first, last, len(gathered)):
                n = min(last - begin, len(gathered))
                _gather(columns[begin : begin + n], features, mean, scale, gathered)
                for cell in range(n):
                    centred[cell] = targets[begin + cell] - target_mean
                    squares += np.float64(centred[cell]) * np.float64(centred[cell])
                blas.add_products(gathered[:n], left, few)
                if not few:
                    blas.add_combination(gathered[:n], centred[:n], right)
            for i in range(order):
                left[i, i] += np.float32(1)
                diagonal[i] = left[i, i]
            if blas.cholesky(left) != 0 or not _keeps_digits(left, diagonal):
                lost[row] = True
                continue
            if few:
                solution = centred[:order]
                for cell in range(order):
                    diagonal[cell] = centred[cell]
                blas.solve_factored(left, solution)
                for cell in range(order):
                    minima[row] += np.float64(diagonal[cell]) * np.float64(solution[cell])
                blas.add_combination(gathered[:order], solution, right)
            else:
                diagonal[:] = right
                blas.solve_factored(left, right)
                minima[row] = squares
                for i in range(size):
                    minima[row] -= np.float64(diagonal[i]) * np.float64(right[i])
            _put(row, last - first, right, scale, share, target_mean, mean, intercept_penalty, weights, intercepts)


@compiled(parallel=True)
def conjugate_gradient(rows: IntArray, chunks: int, systems: Systems, steps: int, solutions: Solutions) -> None:
    """Take steps of conjugate gradient from the weights of the solutions, which they replace."""
    starts, columns, targets, features, shared, penalties, intercept_penalty = systems
    weights, intercepts, minima = solutions
    size = features.shape[1]
    for chunk in numba.prange(chunks):
        gathered, along = np.empty((KEPT, size), np.float32), np.empty(KEPT, np.float32)
        mean, scale, solution = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
        left, direction, ahead = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
        for place in range(chunk, len(rows), chunks):
            row = rows[place]
            first, last = starts[row], starts[row + 1]
            if first == last:
                weights[row] = 0
                continue
            share = share_of_mean(last - first, intercept_penalty)
            target_mean = _means(share, columns[first:last], targets[first:last], features, mean)
            for i in range(size):
                scale[i] = np.float32(1) / np.sqrt(shared[i] + penalties[row])
                solution[i] = weights[row, i] / scale[i]
                left[i] = -solution[i]
            objective = np.float64(blas.dot(solution, solution))
            for begin in range(first, last, KEPT):
                n = min(last - begin, KEPT)
                _gather(columns[begin : begin + n], features, mean, scale, gathered)
                for cell in range(n):
                    along[cell] = targets[begin + cell] - target_mean
                blas.add_dots(gathered[:n], solution, np.float32(-1), along[:n])
                objective += np.float64(blas.dot(along[:n], along[:n]))
                blas.add_combination(gathered[:n], along[:n], left)
            direction[:] = left
            length = np.float64(blas.dot(left, left))
            for step in range(steps):
                if length == 0:
                    break
                ahead[:] = direction
                for begin in range(first, last, KEPT):
                    n = min(last - begin, KEPT)
                    if last - first > KEPT:
                        _gather(columns[begin : begin + n], features, mean, scale, gathered)
                    along[:n] = 0
                    blas.add_dots(gathered[:n], direction, np.float32(1), along[:n])
                    blas.add_combination(gathered[:n], along[:n], ahead)
                far = length / np.float64(blas.dot(direction, ahead))
                objective -= far * length
                for i in range(size):
                    solution[i] += np.float32(far) * direction[i]
                    left[i] -= np.float32(far) * ahead[i]
                if step + 1 < steps:
                    before, length = length, np.float64(blas.dot(left, left))
                    for i in range(size):
                        direction[i] = left[i] + np.float32(length / before) * direction[i]
            minima[row] = objective
            _put(row, last - first, solution, scale, share, target_mean, mean, intercept_penalty, weights, intercepts)


@compiled()
def share_of_mean(n: int, penalty: float) -> float:
    """Return what share of the mean to take from n targets and features, so that an intercept may be left out."""
    return 0.0 if penalty == NO_INTERCEPT else 1.0 - np.sqrt(penalty / (n + penalty))


@compiled()
def _means(share: float, columns: IntArray, targets: FloatArray, features: FloatArray, mean: FloatArray) -> np.float32:
    """Fill in that share of the features' mean, and return that of the targets'."""
    if share == 0:
        mean[:] = 0
        return np.float32(0)
    sums, total = np.zeros(len(mean)), 0.0
    for cell in range(len(columns)):
        total += targets[cell]
        feature = features[columns[cell]]
        for i in range(len(sums)):
            sums[i] += feature[i]
    for i in range(len(mean)):
        mean[i] = share * sums[i] / len(columns)
    return np.float32(share * total / len(columns))


@compiled()
def _keeps_digits(factor: FloatArray, diagonal: FloatArray) -> bool:
    """Whether each squared pivot is a fair share of the element it came from; False for what is not a number."""
    keeps = True
    for i in range(len(factor)):
        keeps &= factor[i, i] * factor[i, i] >= LEAST_PIVOT * diagonal[i]
    return keeps


@compiled()
def _gather(columns: IntArray, features: FloatArray, mean: FloatArray, scale: FloatArray, gathered: FloatArray) -> None:
    """Fill in the features of columns, less their mean and scaled, shape (len(columns), k)."""
    for cell in range(len(columns)):
        feature, put = features[columns[cell]], gathered[cell]
        for i in range(len(mean)):
            put[i] = (feature[i] - mean[i]) * scale[i]


@compiled()
def _put(
    row: int,
    n: int,
    solution: FloatArray,
    scale: FloatArray,
    share: float,
    target_mean: np.float32,
    mean: FloatArray,
    intercept_penalty: float,
    weights: FloatArray,
    intercepts: FloatArray,
) -> None:
    """Write a row's weights, and the intercept that was left out."""
    intercept = np.float64(target_mean)
    for i in range(len(scale)):
        weights[row, i] = scale[i] * solution[i]
        intercept -= np.float64(mean[i]) * np.float64(weights[row, i])
    if share > 0:
        intercepts[row] = intercept * n / (share * (n + intercept_penalty))
