"""Several rows of one pair of user and item: which of them stays, or what they come to together."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.ids import Rows

Mask = npt.NDArray[np.bool_]


def chosen(order: Rows, repeats: Mask, times: pd.arrays.IntegerArray, *, last: bool) -> Rows:
    """Return the order with one row of each pair: the last or first by time, then by row."""
    group = np.cumsum(~repeats)
    in_question = np.concatenate([repeats[1:], [False]]) | repeats
    places = np.flatnonzero(in_question)
    known = times.to_numpy(np.int64, na_value=np.iinfo(np.int64).min)
    # The order is by row within a pair, and lexsort keeps it among equal times.
    sorted_places = places[np.lexsort((known[order[places]], group[places]))]
    owner = group[sorted_places]
    ends = owner[1:] != owner[:-1]
    keeps = sorted_places[np.concatenate([ends, [True]] if last else [[True], ends])]
    kept = ~in_question
    kept[keeps] = True
    return order[kept]


def combined(counts: npt.NDArray[np.float64], order: Rows, repeats: Mask, add: np.ufunc) -> npt.NDArray[np.float64]:
    """Return counts where every row of a pair has the sum of the pair's, or the highest."""
    starts = np.flatnonzero(~repeats)
    sums = add.reduceat(counts[order], starts)
    result = np.empty_like(counts)
    result[order] = np.repeat(sums, np.diff(np.append(starts, len(order))))
    return result
