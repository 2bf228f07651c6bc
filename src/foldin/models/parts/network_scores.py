"""Scores of trained networks for pairs and for whole catalogues, computed from their weights without Keras.

A block of users × items through Keras stores every hidden unit of every pair at once, and is limited by memory
bandwidth. Here a tile of items stays in the processor's cache, which is several times as fast (benchmarks/README.md),
and models are evaluated without loading TensorFlow. Each pair's sums run over its units in their order, whatever the
tiles, the threads and the instructions.
"""

from collections.abc import Callable

import numba
import numpy as np

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray

BLOCK_PAIRS = 2048
"""Pairs whose units are held at once: few enough to stay in the processor's cache."""
TILE = 256
"""Items whose sums are kept in cache while their units pass by; changes no metric."""


def of_pairs(values: Callable[[IntArray, IntArray], FloatArray], users: IntArray, items: IntArray) -> FloatArray:
    """Return the values of pairs, float32 of shape (n,), asked for block by block.

    Parameters
    ----------
    values : callable
        From users and items, shape (m,) each, to their values, shape (m,).
    users, items : ndarray of int32, shape (n,)
        Indices.
    """
    found = np.empty(len(users), dtype=np.float32)
    for begin in range(0, len(users), BLOCK_PAIRS):
        block = slice(begin, begin + BLOCK_PAIRS)
        found[block] = values(users[block], items[block])
    return found


def leaky(units: FloatArray, slope: float) -> FloatArray:
    """Return units rectified: as they are above 0, times `slope` below."""
    rectified: FloatArray = np.maximum(units, np.float32(slope) * units)
    return rectified


def one_hidden_layer(
    user_half: FloatArray, item_half: FloatArray, output: FloatArray, bias: FloatArray, slope: float
) -> FloatArray:
    """Return Σ_h output_h · leaky(user_half_uh + item_half_hi) + bias of users with every item.

    Parameters
    ----------
    user_half : ndarray of float32, shape (n, hidden)
        What users add to the hidden units.
    item_half : ndarray of float32, shape (hidden, n_items)
        What items add, the layer's bias included.
    output : ndarray of float32, shape (hidden, 1)
        Weights of the hidden units.
    bias : ndarray of float32, shape (1,)
        What is added at the end.
    slope : float
        Of the hidden units below 0: 0 for a ReLU; less than 1.

    Returns
    -------
    ndarray of float32, shape (n, n_items)
        The values.
    """
    values = np.full((len(user_half), item_half.shape[1]), bias[0], dtype=np.float32)
    _add_hidden_layer(user_half, item_half, output[:, 0].copy(), np.float32(slope), values)
    return values


@compiled(parallel=True)
def _add_hidden_layer(
    user_half: FloatArray, item_half: FloatArray, output: FloatArray, slope: np.float32, values: FloatArray
) -> None:
    n_items = item_half.shape[1]
    for row in numba.prange(user_half.shape[0]):
        for begin in range(0, n_items, TILE):
            tile = values[row, begin : begin + TILE]
            for unit in range(item_half.shape[0]):
                user, weight = user_half[row, unit], output[unit]
                of_items = item_half[unit, begin : begin + TILE]
                for item in range(len(tile)):
                    value = user + of_items[item]
                    tile[item] += weight * max(value, slope * value)


def two_hidden_layers(
    user_half: FloatArray,
    item_half: FloatArray,
    second: tuple[FloatArray, FloatArray],
    output: FloatArray,
    values: FloatArray,
) -> None:
    """Add what a second layer of rectified units makes of the first to the values of users with every item.

    Parameters
    ----------
    user_half, item_half
        As of `one_hidden_layer`, whose `slope` is 0 here.
    second : tuple of ndarray of float32, shape (hidden, size) and (size,)
        Weights and biases of the second layer.
    output : ndarray of float32, shape (size, 1)
        Weights of its units.
    values : ndarray of float32, shape (n, n_items)
        Changed in place.
    """
    _add_two_layers(user_half, item_half, *second, output[:, 0].copy(), values)


@compiled(parallel=True)
def _add_two_layers(
    user_half: FloatArray,
    item_half: FloatArray,
    second: FloatArray,
    second_bias: FloatArray,
    output: FloatArray,
    values: FloatArray,
) -> None:
    n_units, n_items = item_half.shape
    nothing = np.float32(0)
    for row in numba.prange(user_half.shape[0]):
        first = np.empty((n_units, TILE), dtype=np.float32)
        sums = np.empty(TILE, dtype=np.float32)
        for begin in range(0, n_items, TILE):
            tile = values[row, begin : begin + TILE]
            for unit in range(n_units):
                user, of_items, into = user_half[row, unit], item_half[unit, begin : begin + TILE], first[unit]
                for item in range(len(tile)):
                    into[item] = max(user + of_items[item], nothing)
            for target in range(len(output)):
                sums[:] = second_bias[target]
                for unit in range(n_units):
                    weight, of_unit = second[unit, target], first[unit]
                    for item in range(len(tile)):
                        sums[item] += weight * of_unit[item]
                weight = output[target]
                for item in range(len(tile)):
                    tile[item] += weight * max(sums[item], nothing)
