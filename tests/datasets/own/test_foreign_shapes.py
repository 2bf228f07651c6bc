"""Files in shapes that people bring: nested JSON, a file for each month, logs whose columns are called otherwise."""

import json

import numpy as np
import pandas as pd
import pytest
from own_data import put, raw
from ruamel.yaml import YAML

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets.own import printed, proposal, side, words

RNG = np.random.default_rng(6)
N = 600
PAIRS = RNG.choice(60 * 40, N, replace=False)
USERS, ITEMS = PAIRS // 40, PAIRS % 40
STARS = RNG.integers(1, 6, N)
DAYS = pd.Timestamp("2023-01-01", tz="UTC") + pd.to_timedelta(RNG.integers(0, 300 * 86400, N), unit="s")


def as_declared(quick, found):
    """Return the ratings that `clean` would read by a proposal."""
    quick["sources"] = YAML(typ="safe").load(printed.block(found.declared, "mine"))
    return raw().ratings


def nested(n):
    """Return a review as web interfaces give it."""
    return {
        "review": {"id": f"r{n}", "stars": int(STARS[n]), "helpful": {"yes": n % 7, "no": n % 3}},
        "author": {"id": f"u{USERS[n]}", "country": "DE"},
        "game": {"id": int(ITEMS[n]), "name": f"Game {ITEMS[n]}", "tags": ["a", "b"]},
        "created_at": DAYS[n].tz_convert("Asia/Kolkata").isoformat(),
    }


def outer(n):
    """Return a rating whose user is an object and whose other fields are not."""
    return {"user": {"profile": {"id": f"u{USERS[n]}"}}, "item_id": int(ITEMS[n]), "rating": int(STARS[n]), "ts": n}


def dotted(n):
    """Return a rating whose keys have points, and an object of the same name beside them."""
    return {
        "user.id": f"u{USERS[n]}",
        "user": {"id": "not this", "age": 7},
        "item": int(ITEMS[n]),
        "stars": int(STARS[n]),
    }


@pytest.mark.parametrize("made", [nested, outer, dotted])
def test_fields_of_nested_objects_are_columns(quick, made):
    path = put("reviews.jsonl", "".join(json.dumps(made(n)) + "\n" for n in range(N)))
    read = as_declared(quick, proposal.examine(path))
    assert read["user_id"].tolist() == [f"u{user}" for user in USERS]
    assert read["item_id"].tolist() == [str(item) for item in ITEMS]
    assert read["rating"].tolist() == STARS.tolist()
    if made is nested:
        assert read["timestamp"].tolist() == [int(day.timestamp()) for day in DAYS]


def test_a_nested_key_named_twice_is_a_bad_line(quick):
    put("a.jsonl", '{"user": {"id": 1, "id": 2}, "item": 1, "stars": 3}\n{"user": {"id": 1}, "item": 2, "stars": 4}\n')
    quick["sources"] = YAML(typ="safe").load(
        "mine: {file: own/a.jsonl, user: user.id, item: item, rating: stars, scale: [1, 5, 1]}"
    )
    with pytest.raises(FoldinError, match="line 1 names 'id' twice"):
        raw()


def test_a_nested_field_that_is_not_there_is_said_with_those_that_are(quick):
    put("a.jsonl", '{"user": {"key": 1}, "item": 1, "stars": 3}\n')
    quick["sources"] = YAML(typ="safe").load(
        "mine: {file: own/a.jsonl, user: user.kay, item: item, rating: stars, scale: [1, 5, 1]}"
    )
    with pytest.raises(FoldinError, match=r"user is 'user\.kay', and the file has no such column") as said:
        raw()
    assert "user.key" in said.value.remedy


def months(folder, later, order=(0, 1, 2, 3)):
    """Write a file for each month, those from June on with other columns; return the rows in the order of the files."""
    table = pd.DataFrame(
        {"listener": USERS, "track": ITEMS, "rating": STARS, "rated_at": DAYS.strftime("%Y-%m-%d %H:%M:%S")}
    )
    groups = [rows for _, rows in table.groupby(DAYS.month)]
    for month, rows in enumerate(groups, start=1):
        if month >= 6:
            rows = rows.rename(columns=later).iloc[:, list(order)]
        put(f"{folder}ratings-{month:02d}.csv", rows.to_csv(index=False))
    return pd.concat(groups)


@pytest.mark.parametrize(
    ("later", "order"),
    [({"rating": "stars"}, (0, 3, 1, 2)), ({"rating": "stars", "rated_at": "date"}, (0, 1, 2, 3)), ({}, (3, 2, 1, 0))],
)
@pytest.mark.parametrize("folder", ["", "months/"])
def test_parts_with_a_renamed_or_moved_column_are_one_table(quick, later, order, folder):
    rows = months(folder, later, order)
    own = paths.root() / "own"
    found = side.examine([own / "months"] if folder else sorted(own.glob("*.csv")))
    read = as_declared(quick, found)
    assert read["user_id"].tolist() == [str(user) for user in rows["listener"]]
    assert read["rating"].tolist() == rows["rating"].tolist()
    assert read["timestamp"].notna().all()
    assert found.declared.get("renamed", {}) == {name: mine for mine, name in later.items()}
    assert len(found.unsure) == len(later)
    assert found.name == "my-ratings"


def test_parts_whose_columns_changed_places_are_refused(quick):
    put("p-1.csv", "user,item,rating,score\n1,a,5,9\n1,b,3,9\n2,a,4,9\n")
    put("p-2.csv", "user,item,score\n3,a,5\n3,b,3\n4,a,4\n")
    own = paths.root() / "own"
    with pytest.raises(FoldinError, match="one of the files must hold the ratings"):
        side.examine([own / "p-1.csv", own / "p-2.csv"])


def test_a_column_with_the_declared_name_is_not_renamed(quick):
    put("p-1.csv", "user,item,rating,stars\n1,a,5,1\n")
    put("p-2.csv", "user,item,stars\n2,a,4\n")
    quick["sources"] = YAML(typ="safe").load(
        "mine: {files: 'own/p-*.csv', user: user, item: item, rating: rating, renamed: {stars: rating},"
        " scale: [1, 5, 1]}"
    )
    assert raw().ratings["rating"].tolist() == [5, 4]


def test_an_empty_folder_is_named(quick):
    (paths.root() / "own" / "empty").mkdir(parents=True)
    with pytest.raises(FoldinError, match="this folder holds no files"):
        side.examine([paths.root() / "own" / "empty"])


def log(kinds, names):
    event = RNG.choice(kinds, N)
    table = pd.DataFrame(
        {"n": range(N), "ms": 1_640_995_200_000 + 7_000_000 * np.arange(N), "who": USERS, "event": event}
    )
    table["what"], table["share"] = [f"E-{item:03d}" for item in ITEMS], RNG.random(N).round(3)
    table.columns = names
    return event, table.to_csv(index=False, sep=";", decimal=",")


@pytest.mark.parametrize("against", ["skip", "remove_from_cart", "Refund"])
def test_events_that_speak_against_an_item_are_left_out_and_said(quick, against):
    event, text = log(["view", "play", against], ["event_id", "ts_ms", "visitor", "event", "episode", "listened"])
    found = proposal.examine(put("log.csv", text))
    assert set(found.declared["events"]) == {"view", "play"}
    assert any(f"{against} may speak against an item" in what for what in found.unsure)
    assert len(as_declared(quick, found)) == (event != against).sum()
    assert "decimal" not in found.declared


@pytest.mark.parametrize("item", ["thing_key", "Podcast-Nr", "what"])
def test_what_is_no_whole_number_or_different_in_each_row_is_no_id(quick, item):
    _, text = log(["view", "play"], ["row_id", "ts_ms", "visitor", "event", item, "share"])
    found = proposal.examine(put("log.csv", text))
    assert (found.declared["user"], found.declared["item"]) == ("visitor", item)
    assert not any("share" in what for what in found.unsure)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Käufer", "user"),
        ("Kundennummer", "user"),
        ("Artikelnummer", "item"),
        ("user.profile.id", "user"),
        ("review.stars", "rating"),
        ("review.id", ""),
        ("reviewer.handle", "user"),
        ("product.gtin", "item"),
        ("title_id", "item"),
        ("Menge", "count"),
    ],
)
def test_names_of_other_languages_and_of_nested_fields_say_their_role(name, role):
    assert words.role_of(name) == role
