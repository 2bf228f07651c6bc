"""Canonical tables: each dropped row has a reason, the sums close, and the bytes depend on nothing but the input."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core import ids, params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, Scale
from foldin.datasets import registry
from foldin.datasets.declaration import RawTables
from foldin.preparation import clean, fetch, side_tables
from foldin.preparation.ratings import RATINGS, clean_ratings, in_order

STARS = replace(registry.get("ml-latest-small"), scale=Scale(lowest=0.5, highest=5.0, step=0.5))
TEN = Scale(lowest=0.0, highest=10.0, step=1.0)
SETTINGS = params.Clean(duplicates="last", bad_lines=0.0, youngest=5, oldest=110, earliest_year=1450, latest_year=2030)


def raw_ratings(rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    return table.astype({"user_id": "str", "item_id": "str", "rating": "float64", "timestamp": "Int64"})


def cleaned(rows, dataset=STARS, **settings):
    ratings, account, _ = clean_ratings(raw_ratings(rows), dataset, SETTINGS.model_copy(update=settings))
    account.close("ratings", len(ratings))
    return ratings, account


def test_each_fault_is_dropped_under_its_own_reason():
    ratings, account = cleaned(
        [
            ("a", "x", 4.0, 10),
            (None, "x", 4.0, 10),
            ("a", None, 4.0, 10),
            ("a", "", 4.0, 10),
            ("a", "y", None, 10),
            ("a", "z", 5.5, 10),
            ("b", "z", 0.0, 10),
            ("c", "z", 3.7, 10),
            ("a", "x", 2.0, 11),
        ]
    )
    dropped = {name: count for name, count in account.dropped.items() if count}
    assert dropped == {"missing_id": 3, "missing_rating": 1, "off_the_scale": 3, "duplicate_pair": 1}
    assert ratings.to_dict("records") == [{"user_id": "a", "item_id": "x", "rating": 2.0, "timestamp": 11}]
    assert {name: str(dtype) for name, dtype in ratings.dtypes.items()} == RATINGS


def test_lines_that_no_reader_could_read_are_in_the_account():
    raw = raw_ratings([("a", "x", 4.0, 1)])
    ratings, account, _ = clean_ratings(raw, STARS, SETTINGS, dropped={"bad_line": 3})
    metrics = account.close("ratings", len(ratings))
    assert (metrics["rows_in"], metrics["rows_out"], metrics["dropped"]["bad_line"]) == (4, 1, 3)


def test_a_zero_is_a_rating_or_none_as_the_data_set_says():
    rows = [("a", "x", 0.0, None), ("a", "y", 10.0, None)]
    ratings, account = cleaned(rows, replace(STARS, scale=TEN))
    assert ratings["rating"].tolist() == [0.0, 10.0]
    assert ratings["timestamp"].isna().all()
    assert sum(account.dropped.values()) == 0
    ratings, account = cleaned(rows, replace(STARS, scale=TEN, zero_is_implicit=True))
    assert ratings["rating"].tolist() == [10.0]
    assert account.dropped["zero_means_not_rated"] == 1


def test_a_scale_may_run_below_zero_and_have_no_steps():
    rows = [("a", "x", -10.0, 1), ("a", "y", 0.0, 1), ("a", "z", 3.71, 1), ("a", "w", -10.5, 1)]
    ratings, account = cleaned(rows, replace(STARS, scale=Scale(lowest=-10.0, highest=10.0, step=0.0)))
    assert ratings["rating"].tolist() == [np.float32(-10.0), np.float32(0.0), np.float32(3.71)]
    assert account.dropped["off_the_scale"] == 1


def test_counts_of_one_pair_are_added_and_become_strengths():
    rows = [("a", "x", 3.0, 5), ("b", "x", 1.0, 6), ("a", "x", 4.0, 2), ("a", "y", 0.0, 1), ("a", "y", -2.0, 1)]
    ratings, account = cleaned(rows, replace(STARS, scale=IMPLICIT))
    assert ratings["user_id"].tolist() == ["a", "b"]
    np.testing.assert_allclose(ratings["rating"], np.log1p([7.0, 1.0]), rtol=1e-6)
    assert ratings["timestamp"].tolist() == [5, 6]
    assert (account.dropped["no_positive_count"], account.dropped["added_to_same_pair"]) == (2, 1)


def test_spellings_of_one_isbn_are_one_book_before_duplicates_are_looked_for():
    rows = [("a", "034545104X", 1.0, 1), ("a", "0-345-45104-x", 2.0, 2), ("a", "34545104X", 3.0, 3)]
    rows += [("a", "9780345451040", 4.0, 4), ("a", "034545104O", 5.0, 5), ("b", " - ", 5.0, 6)]
    ratings, account = cleaned(rows, replace(STARS, isbn_items=True))
    assert list(zip(ratings["item_id"], ratings["rating"], strict=True)) == [("034545104O", 5.0), ("034545104X", 4.0)]
    assert (account.dropped["duplicate_pair"], account.dropped["missing_id"]) == (3, 1)
    assert {name: count for name, count in account.changed.items() if count} == {
        "isbn_separators": 1,
        "isbn_lost_zeros": 1,
        "isbn_13": 1,
    }
    assert account.kept == {"no_valid_isbn": 2}


def test_impossible_times_are_missing_and_counted():
    rows = [("a", "x", 1.0, -5), ("a", "y", 1.0, 10**17), ("a", "z", 1.0, 1924991999), ("a", "w", 1.0, None)]
    ratings, account = cleaned(rows)
    assert account.changed["impossible_time"] == 2
    assert ratings["timestamp"].notna().sum() == 1


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
    ratings, account = cleaned([("a", "x", float(n + 1), time) for n, time in enumerate(times)], duplicates=keep)
    assert ratings["rating"].tolist() == [kept]
    assert account.dropped["duplicate_pair"] == 2


maybe = st.none() | st.sampled_from(["1", "2", "10", "b"])


@given(
    rows=st.lists(
        st.tuples(
            maybe, maybe, st.none() | st.sampled_from([0.0, 0.5, 3.3, 4.5, 5.0, 7.0]), st.none() | st.integers(0, 3)
        )
    ),
    keep=st.sampled_from(["first", "last"]),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_what_is_left_is_what_a_plain_loop_would_leave(rows, keep):
    ratings, account = cleaned(rows, duplicates=keep)
    assert account.rows_in == len(rows)
    left = {}
    for user, item, rating, time in sorted(rows, key=lambda row: -1 if row[3] is None else row[3]):
        if user and item and rating in (0.5, 4.5, 5.0) and not (keep == "first" and (user, item) in left):
            left[user, item] = (rating, time)
    order = {name: place for place, name in enumerate(ids.natural_order({user for user, _ in left}))}
    among = {name: place for place, name in enumerate(ids.natural_order({item for _, item in left}))}
    expected = [(*pair, *left[pair]) for pair in sorted(left, key=lambda pair: (order[pair[0]], among[pair[1]]))]
    found = ratings.astype({"timestamp": object}).itertuples(index=False, name=None)
    assert [(u, i, r, None if t is pd.NA else t) for u, i, r, t in found] == expected


def test_composed_ratings_are_put_in_order_whatever_the_dtype_of_their_ids():
    ratings, _ = cleaned([("10", "b", 1, 1), ("9", "c", 1, 2), ("9", "a", 1, 3)])
    shuffled = ratings.iloc[[2, 0, 1]]
    for again in (shuffled, shuffled.astype({"user_id": "str", "item_id": "str"})):
        pd.testing.assert_frame_equal(in_order(again), ratings)


def test_rows_come_in_natural_order_of_user_then_item():
    ratings, _ = cleaned([("10", "b", 1, 1), ("9", "c", 1, 2), ("9", "a", 1, 3), ("100", "a", 1, 4)])
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
        registry.get("ml-latest-small"), name="tiny", files={}, counts=None, read=lambda _: RawTables(**tables)
    )
    monkeypatch.setitem(registry._ALL, "tiny", dataset)
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
        "changed": {"impossible_year": 0},
        "added_without_description": 1,
        "without_ratings": 1,
    }
    assert account["ratings"]["rows_in"] == account["ratings"]["rows_out"] == 3
    assert account["users"]["added_without_description"] == 1


def test_impossible_ages_and_dirty_countries_are_mended_and_counted(tiny):
    tiny["users"] = pd.DataFrame(
        {
            "user_id": ["2", "10", "11", "12", "13"],
            "age": pd.array([3, 110, 111, 204, None], dtype="Int64"),
            "country": ["usa", '"Spain"', "n/a", "Middle Earth", None],
        }
    )
    clean.run("tiny")
    users = read("users").set_index("user_id")
    assert users["age"].dropna().to_dict() == {"10": 110}
    assert users["country"].dropna().to_dict() == {"2": "United States", "10": "Spain", "12": "Middle Earth"}
    account = json.loads(paths.account("tiny", "cleaning").read_text())["users"]
    assert account["changed"] == {"impossible_age": 3, "country_renamed": 2, "country_says_nothing": 1}
    assert account["kept"] == {"country_not_listed": 1}


def test_the_ratings_come_back_with_each_id_stored_once_in_natural_order(tiny):
    clean.run("tiny")
    ratings = read("ratings")
    assert {name: str(dtype) for name, dtype in ratings.dtypes.items()} == RATINGS
    assert ratings["user_id"].cat.categories.tolist() == ["2", "10"]


def test_the_same_input_gives_the_same_bytes_whatever_its_order(tiny):
    def written():
        clean.run("tiny")
        return {path.name: path.read_bytes() for path in paths.clean("tiny").iterdir()}

    first = written()
    tiny["ratings"] = tiny["ratings"].iloc[::-1].reset_index(drop=True)
    assert written() == first


def test_nothing_left_is_an_error_that_says_why_and_leaves_no_tables(tiny):
    tiny["ratings"]["rating"] = np.nan
    with pytest.raises(FoldinError, match=r"no rating of 'tiny' is left after cleaning: 3 missing rating"):
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
    assert list(items.columns) == list(side_tables.ITEMS)
    assert set(items["domain"]) == {"books", "movies", "music"}


@pytest.mark.parametrize(("name", "rows"), [("ml-100k", 100_000), ("ml-latest-small", 100_836)])
def test_real_data_is_clean_already(workspace, archives, monkeypatch, name, rows):
    monkeypatch.setenv(fetch.VARIABLE, str(archives))
    fetch.run(name)
    clean.run(name)
    account = json.loads(paths.account(name, "cleaning").read_text())["ratings"]
    assert account["rows_in"] == account["rows_out"] == rows
    assert set(account["dropped"].values()) == {0}
    assert set(account["changed"].values()) == {0}


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
