"""Databases and workbooks with several tables: ratings, items and users are found in them as in several files."""

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from own_data import put, raw
from ruamel.yaml import YAML
from spreadsheets import xlsx

from foldin import cli
from foldin.core import paths
from foldin.datasets.own import printed, side, words

RNG = np.random.default_rng(8)
N, USERS, ITEMS = 400, 40, 30
PAIRS = RNG.choice(USERS * ITEMS, N, replace=False)
STARS = RNG.integers(1, 6, N)
AGES, YEARS = RNG.integers(18, 80, USERS), RNG.integers(1950, 2020, ITEMS)
KINDS = RNG.choice(["Drama", "Comedy", "Drama|War"], ITEMS)


def tables(names, *, spread=False):
    """Return ratings, items and users under some names; ids of both are numbers from 1, or `spread` over others."""
    user_ids = np.arange(USERS) * (7 if spread else 1) + 1
    item_ids = np.arange(ITEMS) * (11 if spread else 1) + (5000 if spread else 1)
    return {
        names[0]: pd.DataFrame(
            {
                names[3]: user_ids[PAIRS // ITEMS],
                names[4]: item_ids[PAIRS % ITEMS],
                names[5]: STARS,
                "created_at": 1_500_000_000 + 86_400 * np.arange(N),
            }
        ),
        names[1]: pd.DataFrame(
            {names[6]: item_ids, names[7]: [f"Film {n}" for n in range(ITEMS)], "year": YEARS, "genres": KINDS}
        ),
        names[2]: pd.DataFrame({names[8]: user_ids, "age": AGES, "country": RNG.choice(["nl", "de"], USERS)}),
    }


def stored(form, made):
    if form == "xlsx":
        pytest.importorskip("python_calamine", reason="needs the extra excel: make install EXTRA=excel")
        sheets = {name: [list(map(str, one)), *one.to_numpy().tolist()] for name, one in made.items()}
        return put("shop.xlsx", xlsx(**sheets))
    path = put("shop.sqlite", b"")
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        for name, one in made.items():
            one.to_sql(name, database, index=False)
    return path


def described(quick, path):
    """Return a proposal, and the tables that `clean` would read by it."""
    found = side.examine([path])
    quick["sources"] = YAML(typ="safe").load(printed.block(found.declared, "mine"))
    return found, raw()


SAID = ("ratings", "movies", "users", "user_id", "movie_id", "rating", "movie_id", "title", "user_id")
PLAIN = ("reviews", "films", "members", "member_id", "film_id", "stars", "id", "name", "id")
LIBRARY = ("opinion", "title", "borrower", "borrower_id", "title_id", "grade", "id", "name", "id")
UNSAID = ("b_facts", "c_films", "a_people", "p", "f", "val", "pk", "label", "pk")


@pytest.mark.parametrize("form", ["sqlite", "xlsx"])
@pytest.mark.parametrize("names", [SAID, PLAIN, LIBRARY, UNSAID])
@pytest.mark.parametrize("spread", [True, False])
def test_tables_of_items_and_users_of_one_file_are_found(quick, form, names, spread):
    made = tables(names, spread=spread)
    found, read = described(quick, stored(form, made))
    assert [found.declared[key].get("table") for key in ("items", "users")] == list(names[1:3])
    assert found.declared["table"] == names[0]
    ratings = made[names[0]]
    assert read.ratings["user_id"].tolist() == ratings[names[3]].astype(str).tolist()
    assert read.ratings["item_id"].tolist() == ratings[names[4]].astype(str).tolist()
    assert read.ratings["rating"].tolist() == STARS.tolist()
    assert read.items["title"].tolist() == [f"Film {n}" for n in range(ITEMS)]
    assert read.items["year"].tolist() == YEARS.tolist()
    assert read.items["genres"].tolist() == KINDS.tolist()
    assert read.users["age"].tolist() == AGES.tolist()
    # By places only, users and items may be exchanged.
    assert bool(found.unsure) == (names == UNSAID)


@pytest.mark.parametrize("form", ["sqlite", "xlsx"])
def test_every_other_table_is_named(quick, form):
    made = tables(SAID) | {
        "log": pd.DataFrame({"at": ["x", "y", "x"], "what": [1, 1, 2]}),
        "casts": pd.DataFrame({"movie_id": [1, 1, 2, 2], "actor": ["a", "b", "a", "c"]}),
        "about": pd.DataFrame({"version": [1]}),
        "a_settings": pd.DataFrame({"id": range(1, 60), "key": "x", "value": [f"v{n}" for n in range(59)]}),
    }
    found, _ = described(quick, stored(form, made))
    assert not found.unsure
    for name in ("log", "casts", "about", "a_settings"):
        assert any(note.startswith(f"table '{name}': not used") for note in found.notes)


def test_a_table_that_has_the_ids_of_items_and_no_telling_name_is_unsure(quick):
    made = tables(SAID)
    made["xyz"] = made.pop("movies")[["movie_id"]].rename(columns={"movie_id": "pk"})
    found, _ = described(quick, stored("sqlite", made))
    assert any("table 'xyz' is taken to describe items, by its ids only" in what for what in found.unsure)


@pytest.mark.parametrize("form", ["sqlite", "xlsx"])
def test_two_tables_of_items_are_unsure(quick, form):
    made = tables(SAID)
    made["films_more"] = made["movies"][["movie_id", "year"]]
    found, _ = described(quick, stored(form, made))
    assert any("two tables describe items" in what for what in found.unsure)


@pytest.mark.parametrize("form", ["sqlite", "xlsx"])
def test_of_two_tables_with_users_and_items_that_with_ratings_is_taken(quick, form):
    made = tables(SAID)
    seen = made["ratings"][["user_id", "movie_id", "created_at"]]
    found, read = described(quick, stored(form, {"bookmarks": pd.concat([seen, seen]), **made}))
    assert found.declared["table"] == "ratings"
    assert any("bookmarks may hold ratings too" in what for what in found.unsure)
    assert read.ratings["rating"].tolist() == STARS.tolist()


def test_a_table_without_ids_of_who_is_rated_is_not_used(quick):
    made = tables(SAID)
    made["users"]["user_id"] += 10_000
    found, _ = described(quick, stored("sqlite", made))
    assert "users" not in found.declared
    assert any(note.startswith("table 'users': not used") for note in found.notes)
    assert found.unsure


def test_a_file_of_users_beside_a_database_of_ratings_and_items(quick):
    made = tables(SAID)
    people = put("people.csv", made.pop("users").to_csv(index=False))
    found = side.examine([stored("sqlite", made), people])
    assert found.declared["items"]["table"] == "movies"
    assert found.declared["users"]["file"] == "own/people.csv"


def test_a_database_is_written_with_its_tables(workspace, capsys):
    path = stored("sqlite", tables(SAID))
    assert cli.main(["describe", str(path), "--write"]) == 0
    written = YAML(typ="safe").load(paths.params_file())
    assert written["sources"]["my-shop"]["items"] == {
        "file": "own/shop.sqlite",
        "table": "movies",
        "id": "movie_id",
        "title": "title",
        "genres": "genres",
        "year": "year",
    }
    assert "my-shop" in written["datasets"]
    assert cli.main(["fetch", "my-shop"]) == cli.main(["clean", "my-shop"]) == 0


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("users", "user"),
        ("tbl_films", "item"),
        ("DimCustomer", "user"),
        ("people", "user"),
        ("Artikel", "item"),
        ("movies2", "item"),
        ("user_items", ""),
        ("facts", ""),
    ],
)
def test_the_name_of_a_table_says_what_it_describes(name, role):
    assert words.role_of_table(name) == role
