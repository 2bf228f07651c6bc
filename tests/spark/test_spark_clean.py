"""Cleaned on Spark: the same tables and accounts as by the local engine, or its message."""

from dataclasses import replace

import pandas as pd
import pytest

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.datasets.known import movielens, movielens_dat
from foldin.preparation import clean, fetch
from foldin.spark import clean as on_spark

pytestmark = pytest.mark.timeout(1200)
KNOWN = {"counts": None, "other_releases": ()}
TABS = replace(movielens.ML_100K, files={"u.data": None}, name="tabs", **KNOWN)
COMMAS = replace(movielens.ML_LATEST_SMALL, files={"ratings.csv": None}, name="commas", **KNOWN)
COLONS = replace(movielens_dat.ML_1M, files={"ratings.dat": None}, name="colons", **KNOWN)
ROWS = [
    ("10", "7", "4", "1000000000"),
    ("9", "7", "5", "1000000000"),
    ("10", "7", "3", "1000000000"),  # the same pair and time: order in the file decides
    ("2", "30", "1", ""),
    ("2", "30", "2", "5"),  # a known time is later than an unknown one
    ("2", "4", "9", "1000000000"),  # off the scale
    ("2", "5", "3.5", "1000000000"),  # between two steps, where the step is 1
    ("", "5", "3", "1000000000"),
    ("2", "", "3", "1000000000"),
    ("2", "6", "", "1000000000"),
    ("2", "8", "3", "99999999999"),  # a time that cannot be
    ("2", "9", "3", "-4"),
    ("a b", "9", "3", "4"),
]


def write(declaration, rows=ROWS, end="\n", more=""):
    """Write raw files of a data set; return their folder."""
    raw = paths.raw(declaration.name)
    raw.mkdir(parents=True, exist_ok=True)
    file = declaration.ratings_file
    lines = [*([file.delimiter.join(file.head)] if file.head else []), *map(file.delimiter.join, rows)]
    (raw / file.name).write_text(end.join(lines) + end + more, newline="")
    match file.name:
        case "u.data":
            (raw / "u.genre").write_text("unknown|0\nDrama|1\n")
            (raw / "u.item").write_text("7|A Film (1990)|||x|0|1\n99|Never Rated (1991)|||x|1|0\n")
            (raw / "u.user").write_text("10|30|F|other|1\n")
        case "ratings.csv":
            (raw / "movies.csv").write_text("movieId,title,genres\n7,A Film (1990),Drama\n")
        case "ratings.dat":
            (raw / "movies.dat").write_text("7::A Film (1990)::Drama\n")
    return raw


def both(declaration, raw, settings=None):
    settings = settings or params.section(params.Clean)
    return [engine.tables(declaration, raw, settings)[:2] for engine in (clean, on_spark)]


def same(found):
    (local, account), (spark, accounted) = found
    assert accounted == account
    for name in ("ratings", "items", "users"):
        pd.testing.assert_frame_equal(getattr(spark, name), getattr(local, name))


@pytest.mark.parametrize("declaration", [TABS, COMMAS, COLONS], ids=lambda each: each.name)
@pytest.mark.parametrize("keep", ["last", "first"])
def test_every_reason_is_counted_as_by_the_local_engine(on_a_core, capfd, declaration, keep):
    raw = write(declaration, end="\r\n" if declaration is COMMAS else "\n", more="\n\n")
    settings = params.section(params.Clean).model_copy(update={"duplicates": keep})
    found = both(declaration, raw, settings)
    same(found)
    (tables, account), _ = found
    assert account["ratings"]["dropped"]["duplicate_pair"] == 2
    assert account["ratings"]["changed"] == {"impossible_time": 2}
    rated = tables.ratings.set_index(["user_id", "item_id"])["rating"]
    assert rated["10", "7"] == (3 if keep == "last" else 4)
    assert rated["2", "30"] == (2 if keep == "last" else 1)
    assert "local engine" not in capfd.readouterr().err


def test_the_stage_writes_the_same_bytes(on_a_core):
    fetch.run("demo")
    written = []
    for engine in (clean, on_spark):
        engine.run("demo")
        files = [*sorted(paths.clean("demo").iterdir()), paths.account("demo", "cleaning")]
        written.append({file.name: file.read_bytes() for file in files})
    assert len(written[0]) == 5
    assert written[0] == written[1]


@pytest.mark.parametrize("odd", [("\u00e9", "7", "4", "1"), ("1", "7", "4e0", "1"), ("1", "7", "+4", "1")])
def test_a_line_that_is_not_plain_is_left_to_the_local_engine(on_a_core, capfd, odd):
    raw = write(TABS, [*ROWS, odd])
    same(both(TABS, raw))
    assert "tabs: cleaned by the local engine, because u.data has lines that are not plain" in capfd.readouterr().err


def test_a_fault_is_named_by_its_line(on_a_core):
    raw = write(TABS, [*ROWS, ("1", "2", "3")])
    with pytest.raises(FoldinError, match=r"u\.data: line 14: 3 fields, 4 expected"):
        both(TABS, raw)[1]
    with pytest.raises(FoldinError, match=r"u\.data: line 14: 3 fields, 4 expected"):
        on_spark.tables(TABS, raw, params.section(params.Clean))


def test_known_counts_are_compared(on_a_core):
    declaration = replace(TABS, counts=movielens.Counts(ratings=12))
    raw = write(declaration)
    with pytest.raises(FoldinError, match="13 ratings found where 12 are known to be"):
        on_spark.tables(declaration, raw, params.section(params.Clean))
