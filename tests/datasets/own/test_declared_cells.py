"""Cells of your data that cannot be read: counted where they are few, refused where an id would change."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pytest
from own_data import CSV, ROWS, cleaned, declare, put, raw, triples
from pyarrow import parquet

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch


def test_a_few_bad_lines_are_dropped_and_counted_and_many_are_an_error(workspace):
    good = "".join(f"u{n % 50},b{n},4\n" for n in range(2000))
    put("a.csv", "who,book,stars\n" + good + "u1,b1\n")
    declare(CSV)
    fetch.run("mine")
    clean.run("mine")
    account = json.loads(paths.account("mine", "cleaning").read_text())["ratings"]
    assert (account["rows_in"], account["rows_out"], account["dropped"]["bad_line"]) == (2001, 2000, 1)
    put("a.csv", "who,book,stars\n" + good + "u1,b1\n" * 20)
    with pytest.raises(FoldinError, match=r"own/a\.csv: 20 of 2,020 lines .* line 2002: 2 fields.*clean\.bad_lines"):
        raw()


@pytest.mark.parametrize("unit", ["", ", time_unit: s", ", time_unit: date"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_times_that_cannot_be_read_are_tolerated_as_other_bad_cells_are(workspace, form, unit):
    good = "2015-03-04 05:06:07" if "date" in unit else "978300760"
    table = pd.DataFrame({"who": [f"u{n}" for n in range(2000)], "book": "b1", "stars": 4, "when": good})
    table.loc[1500, "when"] = "unknown"
    declare(
        CSV.replace("a.csv", f"a.{form}").replace("0.5, 5, 0.5", "1, 5, 1").replace("user:", f"time: when{unit}, user:")
    )
    for bad in (1, 3):
        table.loc[: bad - 1, "when"] = "NULL"
        match form:
            case "csv":
                table.to_csv(put("a.csv", b""), index=False)
            case "jsonl":
                put("a.jsonl", "\n" + table.to_json(orient="records", lines=True))
            case "parquet":
                table.to_parquet(put("a.parquet", b""), index=False)
        if bad == 1 and unit:
            ratings, account = cleaned()
            assert account["ratings"]["dropped"]["bad_line"] == 2
            assert len(ratings) == 1998
            assert ratings["timestamp"].notna().all()
    place = "row 1" if form == "parquet" else "line 2"
    with pytest.raises(FoldinError, match=rf"of 2,000 lines are not as declared; the first: {place}: .* is 'NULL'"):
        raw()


def test_a_truncated_last_line_of_json_is_dropped_and_counted(workspace):
    lines = [json.dumps({"who": f"u{n}", "book": "b1", "stars": 4}) for n in range(2000)]
    put("a.jsonl", "\n".join([*lines, '{"who": "u1", "bo']))
    declare(CSV.replace("a.csv", "a.jsonl"))
    assert cleaned()[1]["ratings"]["dropped"]["bad_line"] == 1
    put("a.jsonl", "\n".join([*lines[:10], "[" * 100_000]))
    with pytest.raises(FoldinError, match="line 11 is no JSON object"):
        raw()


def test_ages_and_years_that_cannot_be_read_are_missing_and_counted(workspace):
    put("a.csv", "who,book,stars\nu1,b1,4\nu2,b2,4\nu3,b3,4\n")
    put("b.csv", "id,published\nb1,unknown\nb2,1950\nb3,1950.5\n")
    put("p.csv", "id,age\nu1,NULL\nu2,30\nu3,900\n")
    declare(
        CSV[:-1] + ", items: {file: own/b.csv, id: id, year: published}, users: {file: own/p.csv, id: id, age: age}}"
    )
    _, account = cleaned()
    assert account["users"]["changed"] == {"impossible_age": 1, "unreadable_age": 1}
    assert account["items"]["changed"] == {"impossible_year": 0, "unreadable_year": 2}
    users = pd.read_parquet(paths.clean("mine") / "users.parquet")
    assert users["age"].fillna(0).tolist() == [0, 30, 0]


def test_an_id_that_pandas_wrote_with_a_point_is_the_one_without_in_every_table(workspace):
    put("a.csv", "who,book,stars\n1.0,007,4\n2.0,b1,4\n1.00,b1,3\n,b1,3\nx1.0,b1,3\n")
    put("p.csv", "id,age\n1,30\n2.0,31\n")
    declare(CSV[:-1] + ", users: {file: own/p.csv, id: id, age: age}}")
    ratings, account = cleaned()
    assert sorted(zip(ratings["user_id"], ratings["item_id"], strict=True)) == [
        ("1", "007"),
        ("1", "b1"),
        ("2", "b1"),
        ("x1.0", "b1"),
    ]
    assert account["ratings"]["changed"]["id_written_with_a_point"] == 3
    assert account["users"]["changed"]["id_written_with_a_point"] == 1
    assert account["users"]["dropped"]["duplicate_id"] == 0
    users = pd.read_parquet(paths.clean("mine") / "users.parquet")
    assert dict(zip(users["user_id"], users["age"].fillna(0), strict=True)) == {"1": 30, "2": 31, "x1.0": 0}


@pytest.mark.parametrize("value", [True, ["u1"], {"name": "u1"}])
def test_an_id_that_is_no_text_and_no_number_is_refused_with_its_row(workspace, value):
    put("a.jsonl", json.dumps({"who": "u0", "book": "b", "stars": 4}) + "\n\n")
    with (paths.root() / "own" / "a.jsonl").open("a") as file:
        file.write(json.dumps({"who": value, "book": "b", "stars": 4}) + "\n")
    declare(CSV.replace("a.csv", "a.jsonl"))
    with pytest.raises(FoldinError, match=r"own/a\.jsonl: line 3: user is .*, which is no id; store ids as text"):
        raw()
    table = pa.table({"who": [value], "book": ["b"], "stars": [4]})
    parquet.write_table(table, put("a.parquet", b""))
    declare(CSV.replace("a.csv", "a.parquet"))
    with pytest.raises(FoldinError, match=r"own/a\.parquet: row 1: user is .*, which is no id"):
        raw()


def test_blobs_that_are_text_are_ids_and_others_are_refused(workspace):
    with closing(sqlite3.connect(put("a.db", b""))) as database:
        database.execute("create table t (who, book, stars)")
        database.execute("insert into t values (?, 'b1', 4)", (b"u1",))
        database.commit()
        declare(CSV.replace("own/a.csv", "own/a.db, table: t"))
        assert triples(raw()) == [("u1", "b1", 4.0)]
        database.execute("insert into t values (?, 'b1', 4)", (b"\xff",))
        database.commit()
    with pytest.raises(FoldinError, match=r"row 2: user is b'\\xff', which is no id"):
        raw()


def test_a_unit_that_makes_every_time_impossible_is_refused_and_one_that_makes_some_so_is_counted(workspace):
    put("a.csv", "who,book,stars,when\nu1,b1,4,978300760000\nu2,b1,4,978300761000\nu2,b2,4,\n")
    declare(CSV.replace("user:", "time: when, time_unit: s, user:"))
    with pytest.raises(
        FoldinError, match=r"each of the 2 times is before 1970 or after .* mend sources\.mine\.time_unit"
    ):
        cleaned()
    declare(CSV.replace("user:", "time: when, time_unit: ms, user:"))
    assert cleaned()[0]["timestamp"].notna().sum() == 2
    put("a.csv", "who,book,stars,when\nu1,b1,4,978300760000\nu2,b1,4,-5\n")
    assert cleaned()[1]["ratings"]["changed"]["impossible_time"] == 1


def test_durations_are_no_times(workspace):
    when = pa.array([1, 2], pa.duration("s"))
    parquet.write_table(
        pa.table({"who": ["a", "b"], "book": ["c", "d"], "stars": [4, 5], "when": when}), put("a.parquet", b"")
    )
    declare(CSV.replace("a.csv", "a.parquet").replace("user:", "time: when, user:"))
    with pytest.raises(FoldinError, match=r"own/a\.parquet: time is a column of durations"):
        raw()


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_decimal_comma_is_read_where_it_is_declared(workspace, quote):
    put("a.csv", f"who;book;stars\n{quote}u1{quote};b1;4,5\nu1;b2;1\n007;b1;3,0\n")
    declare(CSV.replace("own/a.csv", 'own/a.csv, separator: ";", decimal: ","'))
    assert triples(raw()) == ROWS
    put("a.csv", f"who;book;stars\n{quote}u1{quote};b1;4.5\n")
    with pytest.raises(FoldinError, match=r"line 2: stars is '4\.5'"):
        raw()
    put("a.jsonl", '{"who": "u1", "book": "b1", "stars": "4,5"}\n')
    declare(CSV.replace("own/a.csv", 'own/a.jsonl, decimal: ","'))
    assert triples(raw()) == ROWS[:1]


LARGE = [9007199254740993, 9007199254740992, None, 7]


@pytest.mark.parametrize("form", ["parquet", "categories", "jsonl", "sqlite"])
def test_large_ids_beside_a_missing_one_stay_different_people(workspace, form):
    path = put(f"a.{'parquet' if form == 'categories' else form}", b"")
    table = pa.table({"who": pa.array(LARGE), "book": pa.array(LARGE), "stars": [1, 2, 3, 4]})
    match form:
        case "categories":
            ids = pa.array(LARGE).dictionary_encode()
            parquet.write_table(table.set_column(0, "who", ids), path)
        case "parquet":
            parquet.write_table(table, path)
        case "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
        case "sqlite":
            with closing(sqlite3.connect(path)) as database:
                database.execute("create table t (who integer, book integer, stars integer)")
                database.executemany("insert into t values (?, ?, ?)", zip(*table.to_pydict().values(), strict=True))
                database.commit()
    of = ", table: t" if form == "sqlite" else ""
    declare(f"mine: {{file: own/{path.name}{of}, user: who, item: book, rating: stars, scale: [1, 5, 1]}}")
    ids = ["9007199254740993", "9007199254740992", "?", "7"]
    ratings = raw().ratings
    assert ratings["user_id"].fillna("?").tolist() == ratings["item_id"].fillna("?").tolist() == ids
    clean.run("mine")
    account = json.loads(paths.account("mine", "cleaning").read_text())["ratings"]
    assert account["dropped"]["duplicate_pair"] == 0
    assert account["rows_out"] == 3


def test_a_float_that_may_be_several_ids_is_refused_by_column_value_and_file(workspace):
    put("a.jsonl", '{"who": 7, "book": 7.0, "stars": 4}\n{"who": 9007199254740993.0, "book": 7, "stars": 4}\n')
    declare("mine: {file: own/a.jsonl, user: who, item: book, rating: stars, scale: [1, 5, 1]}")
    with pytest.raises(FoldinError, match=r"own/a\.jsonl: line 2: user is 9007199254740992\.0.*whole numbers"):
        raw()
    put("a.jsonl", '{"who": 7, "book": 7.0, "stars": 4}\n{"who": 7.0, "book": 8, "stars": 4}\n')
    assert triples(raw()) == [("7", "7", 4.0), ("7", "8", 4.0)]
