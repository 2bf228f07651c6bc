"""A change of a declaration changes the raw data that later stages depend on."""

import pytest
from own_data import declare, put

from foldin.core import paths
from foldin.datasets import registry
from foldin.preparation import fetch


def raw_digest(declaration, name="mine"):
    declare(declaration)
    fetch.run(name)
    found = sorted(path for path in paths.raw(name).rglob("*") if path.is_file())
    return {path.relative_to(paths.raw(name)).as_posix(): path.read_bytes() for path in found}


OWN = """
mine:
  file: own/a.csv
  user: who
  item: book
  rating: stars
  scale: [1, 5, 0.5]
  items: {file: own/b.csv, id: id, title: name}
  users: {file: own/p.csv, id: id, age: years}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rating: stars", "rating: more"),
        ("user: who", "user: book"),
        ("item: book", "item: who"),
        ("scale: [1, 5, 0.5]", "scale: [0, 5, 1]"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5.0000008, 0.5000001]"),
        ("scale: [1, 5, 0.5]", "feedback: implicit"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  domain: books"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  people: us"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  isbn_items: true"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  zero_is_implicit: true"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  time: more"),
        ("title: name", "title: id"),
        ("age: years", "occupation: years"),
    ],
)
def test_a_change_of_any_declared_key_changes_the_raw_data_that_clean_depends_on(workspace, old, new):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    put("b.csv", "id,name\nb1,Emma\n")
    put("p.csv", "id,years\nu1,30\n")
    before = raw_digest(OWN)
    assert raw_digest(OWN) == before
    assert raw_digest(OWN.replace(old, new)) != before


PARTS = """
a: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], people: us}
b: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], people: us}
mine: {parts: {books: a, movies: b}}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("books: a", "novels: a"),
        ("books: a, movies: b", "books: b, movies: a"),
        ("{books: a, movies: b}", "{books: a, movies: b}, about: Both."),
        ("rating: stars", "rating: more"),
        ("people: us", "people: them"),
        ("scale: [1, 5, 1]", "scale: [1, 10, 1]"),
    ],
)
def test_a_change_of_a_composition_or_of_a_part_changes_its_raw_data(workspace, old, new):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    before = raw_digest(PARTS)
    assert raw_digest(PARTS) == before
    assert raw_digest(PARTS.replace(old, new, 1)) != before


def test_the_order_in_which_parts_are_declared_means_nothing(workspace):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    before = raw_digest(PARTS)
    assert raw_digest(PARTS.replace("books: a, movies: b", "movies: b, books: a")) == before
    assert [(part.domain, part.dataset.name) for part in registry.get("mine").parts] == [
        ("books", "a"),
        ("movies", "b"),
    ]
