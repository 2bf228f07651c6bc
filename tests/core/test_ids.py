"""Ids in natural order, as whole numbers; pairs sorted as one number each."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core import ids


def test_ids_that_are_all_whole_numbers_are_ordered_by_value():
    assert ids.natural_order(["10", "9", "100", "9"]) == ["9", "10", "100"]
    assert ids.natural_order(["10", "9", "b"]) == ["10", "9", "b"]
    assert ids.natural_order(["7", "007", "8"]) == ["007", "7", "8"]
    assert ids.natural_order([]) == []
    assert ids.natural_order(["9" * 5000, "1" + "0" * 5000]) == ["9" * 5000, "1" + "0" * 5000]


@given(st.lists(st.integers(0, 10**25).map(str)))
@settings(derandomize=True, deadline=None)
def test_the_order_by_value_is_that_of_the_numbers(names):
    assert [int(name) for name in ids.natural_order(names)] == sorted({int(name) for name in names})


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_ids_become_places_in_natural_order(dtype):
    coded = ids.categories(pd.Series(["10", "9", "", None, "9", "100"], dtype=dtype))
    assert (coded.codes < 0).tolist() == [False, False, True, True, False, False]
    rows = np.flatnonzero(coded.codes >= 0)
    codes, names = ids.in_natural_order(coded, rows[:3])
    assert codes.tolist() == [1, 0, 0]
    assert names.tolist() == ["9", "10"]
    assert ids.occurring(coded, rows).tolist() == ["9", "10", "100"]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=30),
    st.sampled_from([4, 2**20, 2**31 - 1]),
)
@settings(derandomize=True, deadline=None)
def test_pairs_are_sorted_by_user_item_and_row(pairs, n_items):
    users, items = np.array(pairs, dtype=np.int32).T
    if n_items > 2**30:  # numbers too large to hold the row as well
        users = users * np.int32(2**28)
    order, repeats = ids.sorted_pairs(users, items, n_items)
    expected = np.lexsort((items, users))
    rows = np.arange(len(pairs)) if order is None else order
    assert rows.tolist() == expected.tolist()
    in_order = list(zip(users[rows].tolist(), items[rows].tolist(), strict=True))
    again = [False] + [a == b for a, b in zip(in_order[1:], in_order[:-1], strict=True)]
    assert (repeats.tolist() if repeats is not None else [False] * len(pairs)) == again
