"""Damaged files of every kind: a correct table with an account that closes, or one FoldinError; nothing else, ever."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fuzzing import FUZZ, table_or_error
from hypothesis import given
from hypothesis import strategies as st

from foldin.core import paths
from foldin.core.interactions import Scale
from foldin.datasets import registry
from foldin.datasets.composition import composed
from foldin.datasets.declaration import RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.fields import undescribed

EXTREME = Scale(lowest=-10.0, highest=10.0, step=0.0)


@st.composite
def damage(draw):
    """Return a function that damages bytes: flips, cuts, other delimiters, pieces doubled or moved, columns swapped."""
    kind = draw(
        st.sampled_from(["flip", "cut", "insert", "delimiter", "move", "columns", "double", "ends", "mark", "encode"])
    )
    where, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    piece = draw(
        st.sampled_from(
            [b"nan", b"inf", b"-1", b"0", b"", b"1e999", b'"', b"\0", b"\xff", b"\xe9", b"9" * 40, b"\r", b"7.3"]
        )
    )

    def apply(data: bytes) -> bytes:
        place, end = sorted((int(where * len(data)), int(other * len(data))))
        match kind:
            case "flip":
                return data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :] if place < len(data) else data
            case "cut":
                return data[:place]
            case "insert":
                return data[:place] + piece + data[place:]
            case "delimiter":
                return data.replace(b"\t", b";").replace(b",", b"\t")
            case "move":
                return data[end:] + data[place:end] + data[:place]
            case "columns":
                return b"\n".join(_swapped(line) for line in data.split(b"\n"))
            case "double":
                return data[:end] + data[place:]
            case "ends":
                return data.replace(b"\n", b"\r\n")
            case "mark":
                return b"\xef\xbb\xbf" + data
        return data.decode("latin-1").encode("utf-16")

    return apply


def _swapped(line: bytes) -> bytes:
    """Return a line with its first two fields swapped."""
    delimiter = next((mark for mark in (b"::", b"\t", b"|", b";", b",") if mark in line), b"\0")
    first, second, *others = [*line.split(delimiter), b""]
    return delimiter.join([second, first, *others[:-1]]) if others else line


@pytest.fixture(scope="module")
def originals(request) -> dict[str, dict[str, bytes]]:
    """Return lines of real files, of their start and of all of them, by data set and name."""
    archive = request.getfixturevalue("archives")
    found = {}
    for name in ("ml-100k", "ml-latest-small", "lastfm-hetrec2011", "douban-book"):
        found[name] = {}
        for file in registry.get(name).files:
            whole = (archive / (registry.get(name).archive or name) / file).read_bytes().splitlines(keepends=True)
            found[name][file] = b"".join(whole[:120] + whole[120 :: max(1, len(whole) // 60)])
    return found


@given(data=st.data(), blows=st.lists(damage(), min_size=1, max_size=3))
@FUZZ
def test_damaged_real_files_give_a_closed_account_or_one_error(quick, originals, data, blows):
    every = [(name, file) for name in sorted(originals) for file in sorted(originals[name])]
    name, victim = data.draw(st.sampled_from(every))
    folder = paths.raw("fuzzed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, content in originals[name].items():
        for blow in blows if file == victim else []:
            content = blow(content)
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._ALL, "fuzzed", replace(registry.get(name), name="fuzzed", files={}, counts=None))
        table_or_error("fuzzed")


def read_leniently(folder: Path) -> RawTables:
    bad = lines.BadLines(share=0.2)
    columns = {
        "user_id": parsers.identifier,
        "item_id": parsers.identifier,
        "rating": parsers.number,
        "timestamp": parsers.integer,
    }
    ratings = lines.read(folder / "ratings.csv", columns, delimiter=",", quoted=True, bad=bad)
    items = pd.DataFrame(
        {"item_id": pd.Series(dtype="str"), "title": pd.Series(dtype="str"), "domain": "", "genres": ""}
    )
    return RawTables(ratings, items, pd.DataFrame({"user_id": pd.Series(dtype="str")}), bad.count)


IDS = st.sampled_from(["1", "2", "007", "9" * 400, "-5", "a b", "é", " x ", "", "NULL", "nan", "0x1F", "\U0001f600"])
RATINGS = st.sampled_from(["-10", "10", "0", "-0.0", "3.75", "10.01", "nan", "", "inf", "five", "1_0", "1e-320"])
TIMES = st.sampled_from(["", "0", "978300760", "-1", "9" * 18, "9" * 19, "1.5"])


@given(
    rows=st.lists(st.tuples(IDS, IDS, RATINGS, TIMES), max_size=25),
    good=st.integers(0, 60),
    stray=st.lists(st.sampled_from(["", "x", "1,2", '1,"2', "1,2,3,4,5", ",,,", "\x00", "\ufeff,1,1,1,1"]), max_size=3),
)
@FUZZ
def test_odd_values_are_counted_and_every_rating_left_is_one_that_was_written(quick, rows, good, stray):
    plain = [(f"u{n % 7}", f"i{n // 7}", str(n % 21 - 10), str(10**9 + n)) for n in range(good)]
    folder = paths.raw("odd")
    folder.mkdir(parents=True, exist_ok=True)
    written = [",".join(row) for row in [*plain, *rows]] + stray
    (folder / "ratings.csv").write_text("\n".join(written) + "\n", encoding="utf-8")
    odd = replace(registry.get("demo"), name="odd", scale=EXTREME, files={}, read=read_leniently, generate=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._ALL, "odd", odd)
        ratings = table_or_error("odd")
    if ratings is None:
        return

    def usable(row):
        user, item, rating, time = row
        try:
            parsers.integer(time) if time else None
            return bool(user.strip() and item.strip() and rating and abs(parsers.number(rating)) <= 10)
        except ValueError:
            return False

    expected = {(row[0].strip(), row[1].strip()): np.float32(row[2]) for row in [*plain, *rows] if usable(row)}
    found = dict(zip(zip(ratings["user_id"], ratings["item_id"], strict=True), ratings["rating"], strict=True))
    if not any('"' in line for line in stray):  # an open quote may take lines after it along, all counted
        assert found.keys() == expected.keys()
    candidates = {
        (pair, value)
        for row in [*plain, *rows]
        if usable(row)
        for pair, value in [((row[0].strip(), row[1].strip()), float(np.float32(row[2])))]
    }
    assert all((pair, float(value)) in candidates for pair, value in found.items())


@pytest.mark.parametrize(
    "rows",
    [
        [("only", f"i{n}", "3", str(n)) for n in range(30)],
        [(f"u{n}", "only", "3", str(n)) for n in range(30)],
        [(f"u{n % 6}", f"i{n // 6}", "4", "7") for n in range(30)],
        [(f"u{n % 6}", f"i{n // 6}", str(-n / 3), "") for n in range(30)],
        [("u", "i", "1", "1")],
    ],
    ids=["one user", "one item", "all ratings equal", "none above zero", "one rating"],
)
def test_data_of_one_kind_is_cleaned_whole(quick, monkeypatch, rows):
    paths.raw("odd").mkdir(parents=True)
    (paths.raw("odd") / "ratings.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    odd = replace(registry.get("demo"), name="odd", scale=EXTREME, files={}, read=read_leniently, generate=None)
    monkeypatch.setitem(registry._ALL, "odd", odd)
    ratings = table_or_error("odd")
    assert sorted(ratings["rating"]) == sorted(np.float32(row[2]) for row in rows)


PEOPLE = st.lists(st.tuples(st.sampled_from(["1", "2", "3", "", "x"]), st.integers(0, 6)), max_size=6)
RATED = st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from("ab"), st.sampled_from("0135")), max_size=9)


@given(parts=st.tuples(st.tuples(PEOPLE, RATED), st.tuples(PEOPLE, RATED)), same=st.booleans())
@FUZZ
def test_the_account_of_a_composition_closes_for_people_of_one_part_or_of_both(quick, parts, same):
    def part(number):
        people, rated = parts[number]

        def read(folder):
            ratings = pd.DataFrame([*rated, ("1", "a", "5")], columns=["user_id", "item_id", "rating"], dtype="str")
            ratings = ratings.assign(rating=ratings["rating"].astype("float64"), timestamp=pd.NA)
            ratings["timestamp"] = ratings["timestamp"].astype("Int64")
            users = pd.DataFrame(people, columns=["user_id", "age"]).astype({"user_id": "str", "age": "Int64"})
            return RawTables(ratings, undescribed(ratings["item_id"], "books"), users)

        crowd = "us" if same else f"crowd {number}"
        known = replace(registry.get("ml-100k"), name=f"part-{number}", domains=("books",), people=crowd, read=read)
        return replace(known, files={}, counts=None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._ALL, "mixed", composed("mixed", "Mixed.", {"books": part(0), "music": part(1)}))
        paths.raw("mixed").mkdir(parents=True, exist_ok=True)
        assert table_or_error("mixed") is not None
    users = pd.read_parquet(paths.clean("mixed") / "users.parquet")
    account = json.loads(paths.account("mixed", "cleaning").read_text())["users"]
    rated = pd.read_parquet(paths.clean("mixed") / "ratings.parquet")["user_id"].astype("str")
    assert account["without_ratings"] == (~users["user_id"].isin(rated)).sum()
    assert (account["dropped"]["joined_with_another_part"] > 0) == same
