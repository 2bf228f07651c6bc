"""Columns of raw files: ids, numbers and times, missing where missing, and named where wrong."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldin.core.errors import FoldinError
from foldin.datasets.formats import fields
from foldin.datasets.formats.ids import ids

FILE = Path("data/raw/mine/ratings.csv")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7, 8], ["7", "8"]),
        ([7.0, None], ["7", None]),
        ([7.5, -3.0], ["7.5", "-3"]),
        ([7, 7.0, "7", None, 7.5, Decimal("7.0")], ["7", "7", "7", None, "7.5", "7"]),
        ([2**53 + 1, 2**53, None, 10**30, " x "], [str(2**53 + 1), str(2**53), None, str(10**30), "x"]),
        (["  a b ", "", None, "007"], ["a b", None, None, "007"]),
        ([b"u1", None, b" caf\xc3\xa9"], ["u1", None, "café"]),
    ],
)
def test_ids_are_text(values, expected):
    found = ids(fields.exact(values), FILE)
    assert [None if missing else value for value, missing in zip(found, found.isna(), strict=True)] == expected
    assert found.dtype == "str"


@pytest.mark.parametrize("value", [True, {"a": 1}, [1, 2], (1,), b"\xff\x00", np.array([1, 2])])
@pytest.mark.parametrize("before", [[], ["u1", None]])
def test_what_is_neither_text_nor_a_number_is_no_id(before, value):
    column = pd.Series([*before, value], name="user")
    with pytest.raises(FoldinError, match=rf"row {len(before) + 1}: user is .*, which is no id; store ids as text"):
        ids(column, FILE)


WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 2) | st.integers(-9, 9)


@given(st.lists(st.none() | WHOLE))
def test_whole_ids_stay_what_they_are_however_large_and_whatever_is_beside_them(numbers):
    written = [None if number is None else str(number) for number in numbers]
    for beside in ([], [None], ["x"], [0.5]):
        found = ids(fields.exact([*numbers, *beside]), FILE)
        assert [value if isinstance(value, str) else None for value in found[: len(numbers)]] == written


@given(st.lists(st.none() | st.floats(allow_nan=False)), st.sampled_from(["float64", "object"]))
def test_floats_are_ids_where_they_can_be_one_whole_number_only(numbers, dtype):
    column = pd.Series(numbers, dtype=dtype, name="user")
    if any(number is not None and abs(number) >= 2**53 for number in numbers):
        with pytest.raises(FoldinError, match=r"user is .* a float so large"):
            ids(column, FILE)
        return
    found = [value if isinstance(value, str) else None for value in ids(column, FILE)]
    whole = [None if number is None else str(int(number) if number % 1 == 0 else number) for number in numbers]
    assert found == whole


def test_a_short_float_is_refused_where_it_merges_ids():
    with pytest.raises(FoldinError, match=r"row 2: user is 16777216\.0, a float so large"):
        ids(pd.Series([1, 2**24 + 1], dtype="float32", name="user"), FILE)


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        (["964982703"], "", 964982703),
        ([964982703.9], "s", 964982703),
        ([964982703999], "ms", 964982703),
        (["2000-07-30 18:45:03"], "", 964982703),
        (["2000-07-30T20:45:03+02:00"], "date", 964982703),
        ([pd.Timestamp("2000-07-30 18:45:03")], "", 964982703),
        (["1969-12-31"], "date", -86400),
        (["20000730"], "date", 964915200),
        ([20000730], "date", 964915200),
        ([20000730.0], "date", 964915200),
        ([date(2000, 7, 30)], "", 964915200),
        ([964982703999999999], "ns", 964982703),
    ],
)
def test_times_are_seconds(values, unit, expected):
    found = fields.seconds(fields.exact([*values, None]), FILE, unit)
    assert found.iloc[0] == expected
    assert pd.isna(found.iloc[1])


@pytest.mark.parametrize(
    ("function", "values", "what"),
    [
        (fields.numbers, ["1", None, "two"], "row 3: given is 'two', no number"),
        (fields.whole_numbers, ["1", "1.5"], "row 2: given is '1.5', no whole number"),
        (fields.seconds, ["7", "noon"], "row 2: given is 'noon', no time in s"),
        (fields.seconds, ["2000-01-01", "7"], "row 2: given is '7', no date"),
        (fields.seconds, ["2000-01-01", "-1"], "row 2: given is '-1', no date"),
        (fields.seconds, [["2000-01-01"], 7], "row 1: given is ['2000-01-01'], no date"),
        (fields.numbers, [4, 10**400], f"row 2: given is 1{'0' * 79}…, no number"),
        (fields.numbers, [4, {"a": 1}], "row 2: given is {'a': 1}, no number"),
        (fields.numbers, [pd.Timestamp("2000-01-01")], "row 1: given is Timestamp('2000-01-01 00:00:00'), no number"),
        (fields.seconds, [None, pd.Timedelta("3h")], "given is a column of durations"),
    ],
)
def test_what_is_wrong_is_named_with_its_row_and_file(function, values, what):
    with pytest.raises(FoldinError) as error:
        function(pd.Series(values, name="given"), FILE)
    assert what in str(error.value)
    assert str(FILE) in str(error.value)
