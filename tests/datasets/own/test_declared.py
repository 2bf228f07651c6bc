"""Your data: declared in a few lines of YAML, and read exactly."""

import json
import math
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pytest
from own_data import CSV, ROWS, cleaned, declare, put, raw, triples
from pyarrow import parquet

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import clean, fetch
from foldin.report import explore


def test_a_csv_with_odd_columns_is_read_by_their_names(workspace):
    text = "stars, note,who ,book\n4.5,good,u1,b1\n1,,u1,b2\n3.0,'so, so',007,b1\n".replace("'", '"')
    put("a.csv", text)
    declare(CSV)
    assert triples(raw()) == ROWS
    assert registry.get("mine").scale == registry.get("ml-10m").scale
    assert "mine" in registry.names()


def test_a_mark_windows_lines_and_another_encoding_are_read(workspace):
    put("a.csv", b"\xef\xbb\xbfwho;book;stars\r\nJos\xc3\xa9;b1;4\r\n")
    put("b.tab", "who\tbook\tstars\nJosé\tb1\t4\n".encode("latin-1"))
    declare(
        """
        one: {file: own/a.csv, separator: ";", user: who, item: book, rating: stars, scale: [1, 5, 1]}
        two: {file: own/b.tab, encoding: latin-1, user: who, item: book, rating: stars, scale: [1, 5, 1]}
        """
    )
    assert triples(raw("one")) == triples(raw("two")) == [("José", "b1", 4.0)]


def test_columns_without_names_go_by_their_places(workspace):
    put("a.dat", "1::10::5::978300760\n2::10::3::978300761\n")
    where = "user: 1, item: 2, rating: 3, time: 4"
    declare(f"mine: {{file: own/a.dat, separator: '::', header: false, {where}, scale: [1, 5, 1]}}")
    tables = raw()
    assert triples(tables) == [("1", "10", 5.0), ("2", "10", 3.0)]
    assert tables.ratings["timestamp"].tolist() == [978300760, 978300761]


def test_parquet_json_lines_and_a_database_give_the_same(workspace):
    table = pd.DataFrame(ROWS, columns=["who", "book", "stars"])
    put("a.parquet", b"")
    table.to_parquet(paths.root() / "own" / "a.parquet", index=False)
    put("a.jsonl", "\n".join(json.dumps(dict(zip(table, row, strict=True))) for row in ROWS) + "\n\n")
    with closing(sqlite3.connect(paths.root() / "own" / "a.db")) as database:
        table.to_sql("ratings", database, index=False)
    common = "user: who, item: book, rating: stars, scale: [0.5, 5, 0.5]"
    declare(
        f"""
        arrow: {{file: own/a.parquet, {common}}}
        lines: {{file: own/a.jsonl, {common}}}
        table: {{file: own/a.db, table: ratings, {common}}}
        query: {{file: own/a.db, query: "select who, book, stars from ratings where stars < 9", {common}}}
        """
    )
    for name in ("arrow", "lines", "table", "query"):
        assert triples(raw(name)) == ROWS, name


def test_a_name_that_two_columns_have_is_refused_in_every_format(workspace):
    table = pa.table([["u1"], ["u2"], ["b1"], [4]], names=["who", "who", "book", "stars"])
    parquet.write_table(table, put("a.parquet", b""))
    put("a.jsonl", '{"who": "u1", "who": "u2", "book": "b1", "stars": 4}\n')
    with closing(sqlite3.connect(put("a.db", b""))) as database:
        database.execute("create table t (who, book, stars)")
        database.execute("insert into t values ('u1', 'b1', 4)")
        database.commit()
    for file, what in [
        ("a.parquet", "a.parquet: the file names 'who' twice; rename one of the two"),
        ("a.jsonl", "line 1 names 'who' twice"),
        (
            "a.db, query: 'select a.who, b.who, a.book, a.stars from t a, t b'",
            "a.db: the query names 'who' twice; name one of the two with `as`",
        ),
    ]:
        declare(f"mine: {{file: own/{file}, user: who, item: book, rating: stars, scale: [1, 5, 1]}}")
        with pytest.raises(FoldinError) as error:
            raw()
        assert what in str(error.value)


def test_tables_of_items_and_users_are_read_beside(workspace):
    put("a.csv", "who,book,stars\nu1,b1,4\nu1,b9,4\n")
    put("more/books.csv", "id,name,kind,author,published\nb1,Emma,Novel / Classic,Austen,1815\n")
    put("people.jsonl", '{"id": "u1", "years": 33, "land": "nl"}\n')
    declare(
        """
        mine:
          file: own/a.csv
          user: who
          item: book
          rating: stars
          scale: [1, 5, 1]
          domain: books
          items:
            {file: own/more/books.csv, id: id, title: name, genres: kind,
             genre_separator: /, creator: author, year: published}
          users: {file: own/people.jsonl, id: id, age: years, country: land}
        """
    )
    tables = raw()
    assert tables.items.to_dict("records") == [
        {
            "item_id": "b1",
            "title": "Emma",
            "creator": "Austen",
            "domain": "books",
            "genres": "Novel|Classic",
            "year": 1815,
        }
    ]
    assert tables.users.to_dict("records") == [{"user_id": "u1", "country": "nl", "age": 33}]
    clean.run("mine")
    items = pd.read_parquet(paths.clean("mine") / "items.parquet")
    assert items["title"].tolist() == ["Emma", "b9"]


def test_events_without_a_count_are_added_up_by_pair(workspace):
    put("log.csv", "who,song\nu1,s1\nu1,s1\nu1,s2\n,s1\n")
    declare("mine: {file: own/log.csv, user: who, item: song, feedback: implicit}")
    fetch.run("mine")
    clean.run("mine")
    ratings = pd.read_parquet(paths.clean("mine") / "ratings.parquet")
    assert ratings["item_id"].tolist() == ["s1", "s2"]
    assert ratings["rating"].tolist() == pytest.approx([math.log(3), math.log(2)])
    account = json.loads(paths.account("mine", "cleaning").read_text())["ratings"]
    assert account["dropped"]["missing_id"] == 1
    assert account["dropped"]["added_to_same_pair"] == 1


def test_a_composition_of_ones_own_joins_the_same_people(workspace):
    put("a.csv", "who,book,stars\n1,1,4\n")
    put("b.csv", "who,film,score\n1,1,80\n2,1,0\n")
    declare(
        """
        a: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], people: us}
        b: {file: own/b.csv, user: who, item: film, rating: score, scale: [0, 100], people: us}
        both: {parts: {books: a, movies: b}}
        """
    )
    fetch.run("both")
    clean.run("both")
    ratings = pd.read_parquet(paths.clean("both") / "ratings.parquet")
    rows = list(ratings[["user_id", "item_id", "rating"]].round(4).itertuples(index=False, name=None))
    assert [(user, item, round(float(rating), 4)) for user, item, rating in rows] == [
        ("1", "books:1", 0.75),
        ("1", "movies:1", 0.8),
        ("2", "movies:1", 0.0),
    ]


def test_what_cleaning_dropped_of_a_composition_is_told_by_part(workspace):
    put("a.csv", "who,book,stars\n1,1,4\n2,1,\n")
    put("b.csv", "who,film,score\n1,1,80\n2,1,101\n3,1,102\n")
    declare(
        """
        a: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1]}
        b: {file: own/b.csv, user: who, item: film, rating: score, scale: [0, 100]}
        mine: {parts: {books: a, movies: b}}
        """
    )
    account = cleaned()[1]
    dropped = {domain: part["ratings"]["dropped"] for domain, part in account["parts"].items()}
    assert dropped["books"] | {"missing_rating": 1, "off_the_scale": 0} == dropped["books"]
    assert dropped["movies"] | {"missing_rating": 0, "off_the_scale": 2} == dropped["movies"]
    assert account["ratings"]["dropped"]["off_the_scale"] == 2
    shown = explore.cleaning_table(explore.open_profile("mine"))
    assert shown.loc[("ratings of movies", "dropped"), "rows"] == "2"


def test_what_was_fetched_is_recorded_with_its_declaration(workspace):
    path = put("a.csv", "who,book,stars\nu1,b1,4\n")
    declare(CSV)
    fetch.run("mine")
    record = json.loads((paths.raw("mine") / fetch.OWN).read_text())
    assert record["declaration"]["scale"] == [0.5, 5, 0.5]
    assert list(record["sha256"]) == ["a.csv"]
    path.write_text("who,book,stars\nu1,b1,5\n")
    fetch.run("mine")
    assert json.loads((paths.raw("mine") / fetch.OWN).read_text())["sha256"] != record["sha256"]


def test_a_copy_for_an_experiment_says_how_to_give_it_the_files(workspace, monkeypatch):
    declare(CSV)
    with pytest.raises(FoldinError, match="put it there"):
        fetch.run("mine")
    copy = workspace / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    copy.mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(workspace / name, copy)
    monkeypatch.chdir(copy)
    with pytest.raises(
        FoldinError, match=r"own/a\.csv: .* is missing; .* add .*--copy-paths .* own/\*\) to dvc exp run"
    ):
        fetch.run("mine")
