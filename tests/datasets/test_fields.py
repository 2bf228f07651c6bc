"""Columns of raw files: ids, numbers and times, missing where missing, and named where wrong."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldin.datasets import fields
from foldin.errors import FoldinError

FILE = Path("data/raw/mine/ratings.csv")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7, 8], ["7", "8"]),
        ([7.0, None], ["7", None]),
        ([7.5, 1e20], ["7.5", "1e+20"]),
        (["  a b ", "", None, "007"], ["a b", None, None, "007"]),
        ([True, False], ["True", "False"]),
    ],
)
def test_ids_are_text(values, expected):
    found = fields.ids(pd.Series(values))
    assert [None if missing else value for value, missing in zip(found, found.isna(), strict=True)] == expected
    assert found.dtype == "str"


@given(st.lists(st.one_of(st.none(), st.integers(0, 2**52))))
def test_whole_ids_read_alike_with_and_without_gaps(numbers):
    found = fields.ids(pd.Series(numbers, dtype="float64"))
    assert found.isna().tolist() == [number is None for number in numbers]
    assert found.dropna().tolist() == [str(number) for number in numbers if number is not None]


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
    ],
)
def test_times_are_seconds(values, unit, expected):
    found = fields.seconds(pd.Series([*values, None], name="when"), FILE, unit)
    assert found.iloc[0] == expected
    assert pd.isna(found.iloc[1])


@pytest.mark.parametrize(
    ("function", "values", "what"),
    [
        (fields.numbers, ["1", None, "two"], "row 3: given is 'two', no number"),
        (fields.whole_numbers, ["1", "1.5"], "row 2: given is '1.5', no whole number"),
        (fields.seconds, ["7", "noon"], "row 2: given is 'noon', no time in s"),
        (fields.seconds, ["2000-01-01", "7"], "row 2: given is '7', no date"),
    ],
)
def test_what_is_wrong_is_named_with_its_row_and_file(function, values, what):
    with pytest.raises(FoldinError) as error:
        function(pd.Series(values, name="given"), FILE)
    assert what in str(error.value)
    assert str(FILE) in str(error.value)
