"""Canonical tables: each dropped row has a reason, the sums close, and the bytes depend on nothing but the input."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin import clean, datasets, fetch, paths
from foldin.datasets import RawTables
from foldin.errors import FoldinError
from foldin.interactions import Scale

STARS = Scale(lowest=0.5, highest=5.0, step=0.5)


def raw_ratings(rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    return table.astype({"user_id": "str", "item_id": "str", "rating": "float64", "timestamp": "Int64"})


def test_each_fault_is_dropped_under_its_own_reason():
    ratings, dropped = clean.clean_ratings(
        raw_ratings(
            [
                ("a", "x", 4.0, 10),
                (None, "x", 4.0, 10),
                ("a", None, 4.0, 10),
                ("a", "y", None, 10),
                ("a", "z", 5.5, 10),
                ("b", "z", 0.0, 10),
                ("c", "z", 3.7, 10),
                ("a", "x", 2.0, 11),
            ]
        ),
        STARS,
        keep="last",
    )
    assert dropped == {"missing_id": 2, "missing_rating": 1, "off_the_scale": 3, "duplicate_pair": 1}
    assert ratings.to_dict("records") == [{"user_id": "a", "item_id": "x", "rating": 2.0, "timestamp": 11}]
    assert {name: str(dtype) for name, dtype in ratings.dtypes.items()} == clean.RATINGS


def test_a_zero_on_a_scale_that_has_zero_is_a_rating():
    raw = raw_ratings([("a", "x", 0.0, None), ("a", "y", 10.0, None)])
    ratings, dropped = clean.clean_ratings(raw, Scale(lowest=0.0, highest=10.0, step=1.0), keep="last")
    assert ratings["rating"].tolist() == [0.0, 10.0]
    assert ratings["timestamp"].isna().all()
    assert sum(dropped.values()) == 0


@pytest.mark.parametrize(
    ("keep", "times", "kept"),
    [
        ("last", [3, 9, 5], 2.0),
        ("first", [3, 9, 5], 1.0),
        ("last", [9, 3, 5], 1.0),
        ("first", [9, 3, 5], 2.0),
        ("last", [4, 4, 4], 3.0),
        ("first", [4, 4, 4], 1.0),
        ("last", [None, None, None], 3.0),
        ("last", [None, 1, None], 2.0),
    ],
)
def test_of_duplicates_the_last_or_first_by_time_then_by_file_order_stays(keep, times, kept):
    raw = raw_ratings([("a", "x", float(place + 1), time) for place, time in enumerate(times)])
    ratings, dropped = clean.clean_ratings(raw, STARS, keep=keep)
    assert ratings["rating"].tolist() == [kept]
    assert dropped["duplicate_pair"] == 2


maybe = st.none() | st.sampled_from(["1", "2", "10", "b"])


@given(
    rows=st.lists(
        st.tuples(maybe, maybe, st.none() | st.sampled_from([0.0, 0.5, 3.3, 5.0, 7.0]), st.none() | st.integers(0, 3))
    ),
    keep=st.sampled_from(["first", "last"]),
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_the_sums_close_and_no_pair_is_left_twice(rows, keep):
    ratings, dropped = clean.clean_ratings(raw_ratings(rows), STARS, keep=keep)
    assert len(ratings) + sum(dropped.values()) == len(rows)
    assert not ratings.duplicated(["user_id", "item_id"]).any()
    usable = {(u, i) for u, i, r, _ in rows if u and i and r in (0.5, 5.0)}
    assert set(zip(ratings["user_id"], ratings["item_id"], strict=True)) == usable


def test_ids_that_are_all_whole_numbers_are_ordered_by_value():
    assert clean.natural_order(["10", "9", "100", "9"]) == ["9", "10", "100"]
    assert clean.natural_order(["10", "9", "b"]) == ["10", "9", "b"]
    assert clean.natural_order(["7", "007", "8"]) == ["007", "7", "8"]
    assert clean.natural_order([]) == []


def test_rows_come_in_natural_order_of_user_then_item():
    raw = raw_ratings([("10", "b", 1, 1), ("9", "c", 1, 2), ("9", "a", 1, 3), ("100", "a", 1, 4)])
    ratings, _ = clean.clean_ratings(raw, STARS, keep="last")
    assert list(zip(ratings["user_id"], ratings["item_id"], strict=True)) == [
        ("9", "a"),
        ("9", "c"),
        ("10", "b"),
        ("100", "a"),
    ]


@pytest.fixture
def tiny(workspace, monkeypatch):
    """Declare a data set whose reader gives the tables put into the returned dict."""
    tables = {
        "ratings": raw_ratings([("2", "5", 4, 1), ("10", "5", 3, 2), ("10", "7", 2, 3)]),
        "items": pd.DataFrame({"item_id": ["5", "6", "5", None], "title": ["Five", "Six", "Again", "No id"]}).assign(
            domain="movies", genres="Drama", year=pd.array([1990, None, 1991, 1992], dtype="Int64")
        ),
        "users": pd.DataFrame({"user_id": ["10"], "age": pd.array([33], dtype="Int64"), "gender": ["F"]}),
    }
    dataset = replace(
        datasets.get("ml-latest-small"), name="tiny", files={}, counts=None, read=lambda _: RawTables(**tables)
    )
    monkeypatch.setitem(datasets._ALL, "tiny", dataset)
    paths.raw("tiny").mkdir(parents=True)
    return tables


def read(name):
    return pd.read_parquet(paths.clean("tiny") / f"{name}.parquet")


def test_tables_describe_everything_rated_and_the_account_says_what_was_added(tiny):
    clean.run("tiny")
    items, users = read("items"), read("users")
    assert items["item_id"].tolist() == ["5", "6", "7"]
    assert items["title"].tolist() == ["Five", "Six", "7"]
    assert items["domain"].tolist() == ["movies"] * 3
    assert items["genres"].tolist() == ["Drama", "Drama", ""]
    assert items["year"].isna().tolist() == [False, True, True]
    assert users["user_id"].tolist() == ["2", "10"]
    assert users["age"].isna().tolist() == [True, False]
    account = json.loads(paths.account("tiny", "cleaning").read_text())
    assert account["items"] == {
        "rows_in": 4,
        "rows_out": 3,
        "dropped": {"missing_id": 1, "duplicate_id": 1},
        "added_without_description": 1,
        "without_ratings": 1,
    }
    assert account["ratings"]["rows_in"] == account["ratings"]["rows_out"] == 3
    assert account["users"]["added_without_description"] == 1


def test_the_same_input_gives_the_same_bytes_whatever_its_order(tiny):
    def written():
        clean.run("tiny")
        return {path.name: path.read_bytes() for path in paths.clean("tiny").iterdir()}

    first = written()
    tiny["ratings"] = tiny["ratings"].iloc[::-1].reset_index(drop=True)
    assert written() == first


def test_nothing_left_is_an_error_that_says_why_and_leaves_no_tables(tiny):
    tiny["ratings"]["rating"] = np.nan
    with pytest.raises(FoldinError, match=r"no rating of 'tiny' is left after cleaning: .* 3 missing rating"):
        clean.run("tiny")
    assert not paths.clean("tiny").exists()


def test_before_fetch_the_error_names_the_command(workspace):
    with pytest.raises(FoldinError, match=r"data/raw/demo: .* dvc repro fetch@demo"):
        clean.run("demo")


def test_demo_keeps_every_row(workspace):
    fetch.run("demo")
    clean.run("demo")
    account = json.loads(paths.account("demo", "cleaning").read_text())
    assert account["ratings"]["rows_out"] == account["ratings"]["rows_in"] > 2500
    items = pd.read_parquet(paths.clean("demo") / "items.parquet")
    assert list(items.columns) == list(clean.ITEMS)
    assert set(items["domain"]) == {"books", "movies", "music"}


@pytest.mark.parametrize(("name", "rows"), [("ml-100k", 100_000), ("ml-latest-small", 100_836)])
def test_real_data_is_clean_already(workspace, archives, monkeypatch, name, rows):
    monkeypatch.setenv(fetch.VARIABLE, str(archives))
    fetch.run(name)
    clean.run(name)
    account = json.loads(paths.account(name, "cleaning").read_text())["ratings"]
    assert account["rows_in"] == account["rows_out"] == rows
    assert set(account["dropped"].values()) == {0}


def test_a_raw_file_cut_after_fetch_is_refused(workspace, archives, monkeypatch):
    monkeypatch.setenv(fetch.VARIABLE, str(archives))
    fetch.run("ml-100k")
    data = paths.raw("ml-100k") / "u.data"
    whole = data.read_bytes()
    for cut, what in ((1000, "line"), (1978, "ratings found where"), (len(whole) - 2, "SHA-256 of u.data")):
        data.write_bytes(whole[:cut] if cut != 1978 else whole[: whole.index(b"\n", cut) + 1])
        with pytest.raises(FoldinError, match=what):
            clean.run("ml-100k")
        assert not paths.clean("ml-100k").exists()
