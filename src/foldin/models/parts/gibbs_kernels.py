"""Kernels of a Gibbs sweep: what a block's weights need of the ratings, and the drawing of one weight after another.

All that a weight's posterior needs of the ratings of a block's row is five sums (foldin.models.parts.gibbs says why).
A table holds them, a row for each of the block's. Rows of ids have no rating in common: they are drawn in parallel,
each by one thread. Other features are drawn one after the other. Random numbers are drawn beforehand, and no sum is
spread over threads, so that threads change nothing.
"""

import numba
import numpy as np

from foldin.core.compiled import compiled
from foldin.core.interactions import IntArray, Values
from foldin.models.parts.relations import Places

# Columns of the table of a block's rows: number of ratings; their sums of c, c², the residual e, and e c; then the sum
# of v x in the row; then what was added since the ratings were last brought up to date, to biases and to that sum.
COUNT, CROSS, SQUARES, ERROR, PRODUCT, SUM, SHIFT, SLOPE = range(8)
E_, Q_ = 0, 1  # columns of the table of ratings: the residual, and the sum of v x over all blocks


@compiled()
def totals(values: Values) -> tuple[float, float]:
    """Return the sum of values and of their squares, added up in their order."""
    total, squares = 0.0, 0.0
    for value in values:
        total += value
        squares += value * value
    return total, squares


@compiled(parallel=True)
def add_sums(row_of: IntArray, sums: Values, cells: Values) -> None:
    """Add the sum of v x of its row in one block to every rating's sum over all blocks."""
    for cell in numba.prange(len(row_of)):
        cells[cell, Q_] += sums[row_of[cell]]


@compiled(parallel=True)
def sum_up(order: IntArray, starts: Places, cells: Values, table: Values) -> None:
    """Set what a block's weights need of the ratings of each row; the sum of v x of each row is already there."""
    for row in numba.prange(len(starts) - 1):
        own = table[row, SUM]
        cross, squares, error, product = 0.0, 0.0, 0.0, 0.0
        for place in range(starts[row], starts[row + 1]):
            cell = order[place]
            other, left = cells[cell, Q_] - own, cells[cell, E_]
            cross += other
            squares += other * other
            error += left
            product += left * other
        table[row, COUNT] = starts[row + 1] - starts[row]
        table[row, CROSS], table[row, SQUARES] = cross, squares
        table[row, ERROR], table[row, PRODUCT] = error, product
        table[row, SHIFT], table[row, SLOPE] = 0.0, 0.0


@compiled(parallel=True)
def bring_up_to_date(order: IntArray, starts: Places, table: Values, cells: Values) -> None:
    """Subtract from the residual of every rating what the weights of a block drawn anew have added."""
    for row in numba.prange(len(starts) - 1):
        shift, slope = table[row, SHIFT], table[row, SLOPE]
        before = table[row, SUM] - slope
        for place in range(starts[row], starts[row + 1]):
            cell = order[place]
            cells[cell, E_] -= shift + slope * (cells[cell, Q_] - before)
            cells[cell, Q_] += slope


@compiled()
def _change(table: Values, row: int, step: float, rest: float) -> None:
    # A weight's change, times its value x, is `step`; `rest` is the sum of v x over the row's other features.
    table[row, ERROR] -= step * (rest * table[row, COUNT] + table[row, CROSS])
    table[row, PRODUCT] -= step * (rest * table[row, CROSS] + table[row, SQUARES])
    table[row, SUM] += step
    table[row, SHIFT] += step * rest
    table[row, SLOPE] += step


@compiled(parallel=True)
def draw_ids(
    weights: Values, noise: Values, mean: float, precision: float, alpha: float, linear: bool, table: Values
) -> None:
    """Draw the weight of each row's own feature, in place; a row without ratings has the mean of the prior.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_rows,)
        The weights.
    noise : ndarray of float64, shape (n_rows,)
        Standard normal numbers.
    mean, precision : float
        The prior of the weights.
    alpha : float
        The precision of the noise of ratings.
    linear : bool
        Whether these are weights w, not factors.
    table : ndarray of float64, shape (n_rows, 8)
        What `sum_up` set; kept up to date.
    """
    for row in numba.prange(len(weights)):
        old = weights[row]
        rest = 1.0 if linear else table[row, SUM] - old
        count, cross, squares = table[row, COUNT], table[row, CROSS], table[row, SQUARES]
        new = mean
        if count > 0:
            slopes = rest * rest * count + 2 * rest * cross + squares
            target = rest * table[row, ERROR] + table[row, PRODUCT] + old * slopes
            sharp = precision + alpha * slopes
            new = (precision * mean + alpha * target) / sharp + noise[row] / np.sqrt(sharp)
        weights[row] = new
        _change(table, row, new - old, rest)


@compiled()
def draw_features(
    starts: Places,
    rows: IntArray,
    values: Values,
    weights: Values,
    noise: Values,
    mean: float,
    precision: float,
    alpha: float,
    linear: bool,
    table: Values,
) -> None:
    """Draw the weights of a group of features, one after the other, in place; see `draw_ids`.

    Parameters
    ----------
    starts, rows, values : ndarray
        As of `Group`.
    weights, noise : ndarray of float64, shape (n_features,)
        The weights, and standard normal numbers.
    mean, precision, alpha, linear, table
        As of `draw_ids`.
    """
    for feature in range(len(weights)):
        begin, end, old = starts[feature], starts[feature + 1], weights[feature]
        if begin == end:
            weights[feature] = mean
            continue
        slopes, target = 0.0, 0.0
        for place in range(begin, end):
            row, x = rows[place], values[place]
            rest = 1.0 if linear else table[row, SUM] - x * old
            count, cross = table[row, COUNT], table[row, CROSS]
            slopes += x * x * (rest * rest * count + 2 * rest * cross + table[row, SQUARES])
            target += x * (rest * table[row, ERROR] + table[row, PRODUCT])
        sharp = precision + alpha * slopes
        new = (precision * mean + alpha * (target + old * slopes)) / sharp + noise[feature] / np.sqrt(sharp)
        weights[feature] = new
        for place in range(begin, end):
            row, x = rows[place], values[place]
            rest = 1.0 if linear else table[row, SUM] - x * old
            _change(table, row, (new - old) * x, rest)
