"""Composed data sets: items by domain, users joined only where they are the same, scales that can be undone."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import from_shares

from foldin.core import interactions, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.datasets import composition, registry
from foldin.datasets.composition import Tables, compose, composed
from foldin.preparation import clean, fetch

BOOKS, MUSIC, MOVIES = (registry.get(name) for name in ("douban-book", "douban-music", "ml-100k"))


def tables(rows, ages=None):
    ratings = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]).assign(timestamp=None)
    users = pd.DataFrame({"user_id": ratings["user_id"].unique()})
    users["age"] = users["user_id"].map(ages or {}).astype("Int64")
    items = pd.DataFrame({"item_id": ratings["item_id"].unique()}).assign(title="T", domain="?", genres="")
    return Tables(ratings, items, users)


def test_the_same_people_are_joined_and_their_items_told_apart():
    both = composed("both", "Both.", {"books": BOOKS, "music": MUSIC})
    made = compose(both, [tables([("7", "1", 5.0)]), tables([("7", "1", 3.0), ("8", "1", 2.0)], {"7": 30})])
    assert made.ratings["user_id"].tolist() == ["7", "7", "8"]
    assert made.ratings["item_id"].tolist() == ["books:1", "music:1", "music:1"]
    assert made.ratings["rating"].tolist() == [5.0, 3.0, 2.0]
    assert made.items[["item_id", "domain"]].to_numpy().tolist() == [["books:1", "books"], ["music:1", "music"]]
    # What only the second part knows of a person is kept.
    assert made.users["user_id"].tolist() == ["7", "8"]
    assert made.users["age"].fillna(0).tolist() == [30, 0]


def test_different_people_are_never_joined_by_their_number():
    mixed = composed("mixed", "Mixed.", {"books": BOOKS, "movies": MOVIES, "music": MUSIC})
    made = compose(mixed, [tables([("7", "1", 5.0)]), tables([("7", "1", 4.0)]), tables([("7", "1", 3.0)])])
    assert made.ratings["user_id"].tolist() == ["douban:7", "ml-100k:7", "douban:7"]
    assert len(made.users) == 2


def test_one_scale_is_kept_and_several_become_shares():
    assert composed("both", "Both.", {"books": BOOKS, "music": MUSIC}).scale == BOOKS.scale
    ten = replace(BOOKS, name="ten", people="", scale=Scale(1.0, 10.0, 1.0))
    mixed = composed("mixed", "Mixed.", {"books": ten, "movies": MOVIES})
    made = compose(mixed, [tables([("1", "1", 10.0), ("1", "2", 1.0)]), tables([("1", "1", 4.0)])])
    assert made.ratings["rating"].tolist() == [1.0, 0.0, 0.75]
    assert mixed.scale == composition.SHARES
    assert mixed.unit == "shares of each domain's rating scale"
    assert mixed.scale.liked_from(0.75) == 0.75


@given(
    lowest=st.integers(-10, 5),
    width=st.integers(1, 20),
    places=st.lists(st.floats(0, 1), min_size=1),
)
def test_shares_are_undone_exactly_enough(lowest, width, places):
    scale = Scale(lowest, lowest + width, 1.0)
    ratings = pd.Series([lowest + place * width for place in places])
    back = from_shares(composition.to_shares(ratings, scale), scale)
    assert (back - ratings).abs().max() < 1e-9


def test_ids_that_two_parts_make_the_same_are_refused():
    books = replace(BOOKS, people="")
    odd = composed("odd", "Odd.", {"a": books, "a:b": MOVIES})
    with pytest.raises(FoldinError, match="one item 'a:b:1' of different ones"):
        compose(odd, [tables([("7", "b:1", 5.0)]), tables([("8", "1", 4.0)])])
    crowds = composed("odd", "Odd.", {"a": replace(BOOKS, people="x"), "b": replace(MOVIES, people="x:y")})
    with pytest.raises(FoldinError, match="one user 'x:y:1' of different ones"):
        compose(crowds, [tables([("y:1", "1", 5.0)]), tables([("1", "1", 4.0)])])


def test_ratings_and_counts_are_not_mixed():
    with pytest.raises(FoldinError, match=r"mix ratings with counts.*lastfm-hetrec2011 is implicit"):
        composed("odd", "Odd.", {"books": BOOKS, "music": registry.get("lastfm-hetrec2011")})


def test_a_part_of_several_domains_is_refused():
    for name in ("demo", "douban"):
        with pytest.raises(FoldinError, match=f"{name} cannot be the all of 'odd'"):
            composed("odd", "Odd.", {"all": registry.get(name), "music": MUSIC})


def test_douban_has_the_people_it_is_known_to_share(workspace, archives, monkeypatch):
    monkeypatch.setenv(fetch.VARIABLE, str(archives))
    fetch.run("douban")
    clean.run("douban")
    ratings = pd.read_parquet(paths.clean("douban") / "ratings.parquet").astype({"user_id": "str", "item_id": "str"})
    domains = ratings["item_id"].str.partition(":")[0]
    in_both = domains.groupby(ratings["user_id"]).nunique() == 2
    assert domains.value_counts().to_dict() == {"books": 96_041, "music": 69_709}
    assert in_both.sum() == 1_566
    assert len(in_both) == 2_110 + 1_672 - 1_566
    account = json.loads(paths.account("douban", "cleaning").read_text())
    assert account["ratings"]["rows_in"] == account["ratings"]["rows_out"] == 165_750
    assert account["users"]["rows_out"] == len(in_both)
    assert account["users"]["dropped"]["joined_with_another_part"] == 1_566
    assert account["items"]["dropped"]["joined_with_another_part"] == 0
    assert {domain: part["ratings"]["rows_out"] for domain, part in account["parts"].items()} == {
        "books": 96_041,
        "music": 69_709,
    }
    assert interactions.read_scale(paths.clean("douban")) == BOOKS.scale
