"""A smaller problem: the split stays as it was, and the test part does not affect what is trained on."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from foldin.core import interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch, subset, user_item
from foldin.preparation.protocols import Split


@pytest.fixture
def split_demo(workspace):
    """Return a function that splits demo with some keys of section subset changed."""
    fetch.run("demo")
    clean.run("demo")

    def split(**values):
        yaml = YAML()
        content = yaml.load(workspace / "params.yaml")
        content["subset"].update(values)
        yaml.dump(content, workspace / "params.yaml")
        user_item.run("demo")
        data = interactions.load("demo")
        test = pd.read_parquet(paths.test("demo") / "ratings.parquet")
        return data, test, json.loads(paths.account("demo", "split").read_text())

    return split


def pairs(part):
    users, items, _ = part.triples()
    return set(zip(part.users["user_id"].to_numpy()[users], part.items["item_id"].to_numpy()[items], strict=True))


def test_a_share_of_users_keeps_their_ratings_in_the_parts_they_were_in(split_demo):
    data, test, _ = split_demo()
    some, some_test, account = split_demo(users=0.5)
    assert some.train.n_users == 60
    assert pairs(some.train) < pairs(data.train)
    assert pairs(some.validation) < pairs(data.validation)
    kept = set(some_test["user_id"])
    assert kept <= set(some.train.users["user_id"])
    assert some_test["rating"].sum() == test.loc[test["user_id"].isin(kept), "rating"].sum()
    left = account["ratings_train"] + account["ratings_validation"] + account["ratings_test"]
    everything = len(pairs(data.training)) + len(test)
    assert left + account["ratings_of_users_not_drawn"] == everything


def test_a_core_leaves_the_test_part_as_it_was_and_what_is_gone_is_cold(split_demo):
    data, test, before = split_demo()
    core, core_test, account = split_demo(k_core=12)
    counts = core.training.ratings
    assert np.diff(counts.indptr).min() >= 12
    assert np.bincount(counts.indices).min() >= 12
    assert 0 < core.train.n_items < data.train.n_items
    columns = ["user_id", "item_id", "rating"]
    pd.testing.assert_frame_equal(core_test[columns], test[columns])
    assert account["cold_pairs_in_test"] > before["cold_pairs_in_test"]
    gone = account["training_ratings_outside_the_core"]
    assert account["ratings_train"] + account["ratings_validation"] + gone == len(pairs(data.training))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), unique=True, max_size=50), st.integers(2, 4))
@settings(derandomize=True, deadline=None)
def test_the_core_is_the_largest_set_where_all_have_k(cells, k):
    users, items = np.array(cells, dtype=np.int32).reshape(-1, 2).T
    core = subset.k_core(users, items, k)
    alive = set(range(len(cells)))
    while True:
        weak = {n for n in alive for side in (users, items) if sum(side[m] == side[n] for m in alive) < k}
        if not weak:
            break
        alive -= {min(weak)}  # one at a time: the core does not depend on the order
    assert set(np.flatnonzero(core).tolist()) == alive


def test_a_core_of_nothing_is_an_error_that_names_the_key(split_demo):
    with pytest.raises(FoldinError, match=r"subset\.k_core is 5000, which leaves no train rating"):
        split_demo(k_core=5000)


def test_off_by_default(workspace):
    rows = np.arange(3)
    split = Split(rows[:1], rows[1:2], rows[2:])
    assert subset.reduce(pd.DataFrame(), split, params.section(params.Subset)) is split
