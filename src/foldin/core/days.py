"""The days on which ratings were given, read only where a model asks for them: few do."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

IntArray = npt.NDArray[np.int32]
NO_DAY = -1
"""The day of a rating without a time; times before 1970 are refused as impossible, so no rating has it."""
UNKNOWN_DAY = np.iinfo(np.int32).max
"""A day that no rating is from: asks for a prediction that holds for any."""
SECONDS = 86_400


def of_timestamps(timestamps: "pd.Series[int]") -> IntArray:
    """Return the days of times.

    Parameters
    ----------
    timestamps : pandas.Series of Int64
        Seconds since 1970, UTC; missing where no time is known.

    Returns
    -------
    ndarray of int32, shape (n,)
        Days since 1970-01-01, UTC; `NO_DAY` where no time is known.
    """
    seconds = timestamps.to_numpy(np.int64, na_value=NO_DAY * SECONDS)
    return (seconds // SECONDS).astype(np.int32)


class Days:
    """The day of each rating of a user-item matrix, and perhaps of ratings held out of it.

    Parameters
    ----------
    read : callable
        Returns a csr_array of int32, shape (n_users, n_items), with sorted indices: a stored cell is the day of that
        rating, a stored 0 included. Called once, by the first question.
    """

    def __init__(self, read: Callable[[], sparse.csr_array]) -> None:
        self._read = read

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """The days, int32 of shape (n_users, n_items)."""
        return self._read()

    @cached_property
    def _cells(self) -> npt.NDArray[np.int64]:
        return self._key(np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr)), self.matrix.indices)

    def _key(self, users: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        return users.astype(np.int64) * self.matrix.shape[1] + items

    def of(self, users: IntArray, items: IntArray) -> IntArray:
        """Return the days of pairs, `NO_DAY` where none is stored.

        Parameters
        ----------
        users, items : ndarray of int, shape (n,)
            Indices of known users and items.

        Returns
        -------
        ndarray of int32, shape (n,)
            Days since 1970-01-01, UTC.
        """
        if not self.matrix.nnz:
            return np.full(len(users), NO_DAY, dtype=np.int32)
        asked = self._key(users, items)
        places = np.minimum(np.searchsorted(self._cells, asked), len(self._cells) - 1)
        return np.where(self._cells[places] == asked, self.matrix.data[places], NO_DAY).astype(np.int32)
