"""Days of ratings: whole days since 1970 in UTC, found by pair, and read only when asked for."""

import numpy as np
import pandas as pd
from scipy import sparse

from foldin.core.days import NO_DAY, Days, of_timestamps


def test_a_day_lasts_from_midnight_to_midnight_and_a_missing_time_has_none():
    times = pd.Series([0, 86_399, 86_400, None, 1_600_000_000], dtype="Int64")
    assert of_timestamps(times).tolist() == [0, 0, 1, NO_DAY, 18_518]
    assert of_timestamps(times).dtype == np.int32


def test_days_are_found_by_pair_the_first_of_1970_too():
    cells = sparse.csr_array((np.array([0, 9, 7], np.int32), ([0, 0, 2], [1, 3, 0])), shape=(3, 4))
    days = Days(lambda: cells)
    asked = np.array([2, 0, 0, 1, 2]), np.array([0, 3, 1, 1, 3])
    assert days.of(*asked).tolist() == [7, 9, 0, NO_DAY, NO_DAY]


def test_days_are_read_once_and_not_before_they_are_asked_for():
    reads = []
    days = Days(lambda: reads.append(1) or sparse.csr_array((np.array([5], np.int32), ([0], [0])), shape=(1, 1)))
    assert not reads
    for _ in range(2):
        assert days.of(np.array([0]), np.array([0])).tolist() == [5]
    assert len(reads) == 1


def test_where_no_rating_is_stored_no_day_is_known():
    days = Days(lambda: sparse.csr_array((2, 3), dtype=np.int32))
    found = days.of(np.array([0, 1]), np.array([2, 0]))
    assert (found.tolist(), found.dtype) == ([NO_DAY, NO_DAY], np.int32)
