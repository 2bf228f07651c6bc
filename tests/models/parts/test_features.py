"""What towers read of users and items beside their ids."""

import numpy as np
import pandas as pd

from foldin.models.parts import features

ITEMS = pd.DataFrame(
    {
        "item_id": ["a", "b", "c", "d"],
        "domain": ["books", "movies", "books", "movies"],
        "genres": ["Crime|Drama", "Drama", "", None],
        "creator": ["Ann", "Bob", "Ann", "Cid"],
        "year": pd.array([1999, 2000, 1990, None], dtype="Int64"),
    }
)


def test_an_item_has_a_feature_for_each_value_it_holds():
    table = features.of_items(ITEMS, min_count=1)
    assert table.columns.tolist() == [
        "domain=books", "domain=movies", "genres=Crime", "genres=Drama",
        "creator=Ann", "creator=Bob", "creator=Cid", "years=1990-1999", "years=2000-2009",
    ]  # fmt: skip
    np.testing.assert_array_equal(table.iloc[0], [1, 0, 0.5, 0.5, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(table.iloc[1], [0, 1, 0, 1, 0, 1, 0, 0, 1])


def test_what_is_unknown_gives_no_feature():
    table = features.of_items(ITEMS, min_count=1)
    np.testing.assert_array_equal(table.filter(like="genres=").iloc[2:], 0)
    np.testing.assert_array_equal(table.filter(like="years=").iloc[3], 0)


def test_a_value_that_too_few_share_is_no_feature():
    assert features.of_items(ITEMS, min_count=2).columns.tolist() == [
        "domain=books", "domain=movies", "genres=Drama", "creator=Ann", "years=1990-1999",
    ]  # fmt: skip


def test_ages_fall_into_groups_that_begin_where_they_say():
    users = pd.DataFrame({"age": pd.array([17, 18, 24, 65, None], dtype="Int64"), "country": list("NNSSS")})
    table = features.of_users(users, min_count=1)
    assert table.columns.tolist() == ["country=N", "country=S", "age=0-17", "age=18-24", "age=65-119"]
    np.testing.assert_array_equal(table.filter(like="age=").to_numpy().argmax(axis=1)[:4], [0, 1, 1, 2])
    assert table.filter(like="age=").iloc[4].sum() == 0


def test_a_data_set_that_says_nothing_gives_no_features():
    table = features.of_users(pd.DataFrame({"user_id": ["u", "v"]}), min_count=1)
    assert table.shape == (2, 0)


def test_rows_keep_their_place_whatever_the_index():
    shuffled = ITEMS.set_index(pd.Index([7, 3, 3, 0]))
    np.testing.assert_array_equal(features.of_items(shuffled, 1), features.of_items(ITEMS, 1))
