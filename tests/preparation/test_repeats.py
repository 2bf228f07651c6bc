"""Repeated interactions: counted, stated with what was made of them, and kept where a declaration asks for it."""

import json

import numpy as np
import pandas as pd
import pytest
from own_data import cleaned, declare, put
from test_clean import SETTINGS, STARS

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.core.ids import sorted_pairs
from foldin.preparation import clean, repeats
from foldin.preparation.ratings import clean_ratings

LOG = """who,what,n,when
u1,a,1,100
u1,b,2,200
u1,a,4,300
u2,a,1,50
u2,b,1,60
u3,b,1,10
u2,c,1,
"""
DECLARED = "mine: {file: own/log.csv, user: who, item: what, rating: n, feedback: implicit, time: when, time_unit: s%s}"


def account():
    return json.loads(paths.account("mine", "cleaning").read_text())["ratings"]


def test_what_was_made_of_repeats_is_in_the_account_and_on_the_terminal(workspace, capsys):
    put("log.csv", LOG)
    declare(DECLARED % "")
    ratings, _ = cleaned()
    assert len(ratings) == 6
    # u1's last interaction repeats a, u2's last with a time does not; u3 has one only.
    assert account()["repeats"] == {
        "pairs": 1,
        "rows_merged_by_sum": 2,
        "last_interactions": 2,
        "last_interactions_that_repeat": 1,
    }
    assert account()["dropped"]["added_to_same_pair"] == 1
    said = capsys.readouterr().err
    assert "2 rows of pairs that occur more than once: their counts are added up; 50.0% of the users' last" in said
    assert not (paths.clean("mine") / clean.LOG).exists()
    declare(DECLARED % ", events_per_pair: highest")
    cleaned()
    assert account()["repeats"]["rows_merged_by_highest"] == 2
    put("log.csv", LOG.replace("u1,a,4", "u1,c,4"))
    declare(DECLARED % "")
    cleaned()
    assert "repeats" not in account()


@pytest.mark.parametrize("kept", ["last", "first"])
def test_ratings_of_one_pair_are_stated_too(workspace, kept):
    rows = pd.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["a", "a", "a"], "rating": [1.0, 5.0, 3.0]})
    rows["timestamp"] = pd.array([1, 2, 3], dtype="Int64")
    ratings, account, log = clean_ratings(rows, STARS, SETTINGS.model_copy(update={"duplicates": kept}))
    assert account.repeats == {"pairs": 1, f"rows_merged_by_{kept}": 2}
    assert ratings["rating"].tolist() == [5.0 if kept == "last" else 1.0, 3.0]
    assert f"the {kept} rating of each is kept" in repeats.in_words(account.repeats)
    assert log is None


def test_all_interactions_are_kept_where_the_declaration_says_so(workspace):
    put("log.csv", LOG)
    declare(DECLARED % ", repeats: keep")
    ratings, _ = cleaned()
    assert len(ratings) == 6
    log = pd.read_parquet(paths.clean("mine") / clean.LOG)
    rows = (
        log.astype({"user_id": "str", "item_id": "str", "count": "int"}).fillna({"timestamp": -1}).to_numpy().tolist()
    )
    assert rows == [
        ["u1", "a", 1, 100],
        ["u1", "b", 2, 200],
        ["u1", "a", 4, 300],
        ["u2", "c", 1, -1],
        ["u2", "a", 1, 50],
        ["u2", "b", 1, 60],
        ["u3", "b", 1, 10],
    ]
    declare(DECLARED.replace(", time: when, time_unit: s", "") % ", repeats: keep")
    with pytest.raises(FoldinError, match="repeats: keep keeps the order of interactions: name the column of their"):
        cleaned()


def test_the_share_of_repeats_is_that_of_a_plain_count():
    draw = np.random.Generator(np.random.PCG64(3))
    users, items = draw.integers(0, 9, 200).astype(np.int32), draw.integers(0, 12, 200).astype(np.int32)
    times = pd.array(draw.integers(0, 80, 200), dtype="Int64")
    times[draw.random(200) < 0.1] = pd.NA
    names = pd.Index(list("abcdefghijkl"), dtype="str")
    rows = repeats.Usable(users, names[:9], items, names, np.ones(200), times)
    _, again = sorted_pairs(users, items, 12)
    found = repeats.account(rows, again, "sum")
    last = total = 0
    for user in range(9):
        own = sorted((time, row) for row, time in enumerate(times) if users[row] == user and time is not pd.NA)
        total += len(own) > 1
        last += len(own) > 1 and items[own[-1][1]] in {items[row] for _, row in own[:-1]}
    assert (found["last_interactions"], found["last_interactions_that_repeat"]) == (total, last)
    sizes = pd.Series(list(zip(users, items, strict=True))).value_counts()
    assert (found["pairs"], found["rows_merged_by_sum"]) == ((sizes > 1).sum(), sizes[sizes > 1].sum())
