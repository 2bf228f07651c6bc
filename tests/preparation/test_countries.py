"""Countries: one name each; what is unknown stays, what says nothing is missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.preparation import countries


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("usa", "United States"),
        ("U.S.A.", "United States"),
        ("nyc, new york, usa", "United States"),
        ('spain"', "Spain"),
        ("España", "Spain"),
        ("la france", "France"),
        ("l`italia", "Italy"),
        ("aragÃ¾Â«Â¼Ã¡spain", "Spain"),
        ("  new   zealand ", "New Zealand"),
        ("papua new guinea", "Papua New Guinea"),
        ("United Kingdom", "United Kingdom"),
    ],
)
def test_spellings_of_a_country_are_one(typed, name):
    assert countries.normalized(typed) == (name, True)


@pytest.mark.parametrize("typed", ["", "n/a", " , ", "...", "12", "universe", "paris, france, "])
def test_what_says_nothing_is_missing(typed):
    assert countries.normalized(typed) == (None, False)


def test_an_unknown_country_stays_tidied():
    assert countries.normalized(" Middle  Earth. ") == ("Middle Earth", False)
    assert countries.normalized("new england") == ("new england", False)


@given(st.text(max_size=20))
@settings(derandomize=True, deadline=None)
def test_a_normalized_name_stays(text):
    name, known = countries.normalized(text)
    if known:
        assert countries.normalized(name) == (name, True)


def test_nearly_all_real_places_have_a_known_country(archives):
    text = (archives / "book-crossing" / "BX-Users.first100k.csv").read_text("latin-1").splitlines()[1:]
    found = [countries.normalized(line.split(";")[1]) for line in text if line.count(";") == 2]
    named = [known for name, known in found if name is not None]
    assert len(named) > 0.9 * len(found)
    assert sum(named) > 0.99 * len(named)
