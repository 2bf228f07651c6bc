"""Data of one's own: declared in a few lines of YAML, read exactly, and refused by key, file and remedy."""

import json
import math
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import clean, fetch
from foldin.report import explore

ROWS = [("u1", "b1", 4.5), ("u1", "b2", 1.0), ("007", "b1", 3.0)]


def declare(text):
    """Write the section `sources` into params.yaml."""
    yaml = YAML()
    values = yaml.load(paths.params_file())
    values["sources"] = YAML(typ="safe").load(text)
    yaml.dump(values, paths.params_file())


def put(name, content):
    path = paths.root() / "own" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def raw(name="mine"):
    """Return the raw tables of a data set, as the stages `fetch` and `clean` get at them."""
    fetch.run(name)
    return registry.get(name).read(paths.raw(name))


def triples(tables):
    return list(tables.ratings[["user_id", "item_id", "rating"]].itertuples(index=False, name=None))


CSV = "mine: {file: own/a.csv, user: who, item: book, rating: stars, scale: [0.5, 5, 0.5]}"


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


def cleaned():
    """Fetch and clean the data set; return its ratings, and the account."""
    fetch.run("mine")
    clean.run("mine")
    return pd.read_parquet(paths.clean("mine") / "ratings.parquet"), json.loads(
        paths.account("mine", "cleaning").read_text()
    )


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


def raw_digest(declaration, name="mine"):
    declare(declaration)
    fetch.run(name)
    found = sorted(path for path in paths.raw(name).rglob("*") if path.is_file())
    return {path.relative_to(paths.raw(name)).as_posix(): path.read_bytes() for path in found}


OWN = """
mine:
  file: own/a.csv
  user: who
  item: book
  rating: stars
  scale: [1, 5, 0.5]
  items: {file: own/b.csv, id: id, title: name}
  users: {file: own/p.csv, id: id, age: years}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rating: stars", "rating: more"),
        ("user: who", "user: book"),
        ("item: book", "item: who"),
        ("scale: [1, 5, 0.5]", "scale: [0, 5, 1]"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5.0000008, 0.5000001]"),
        ("scale: [1, 5, 0.5]", "feedback: implicit"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  domain: books"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  people: us"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  isbn_items: true"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  zero_is_implicit: true"),
        ("scale: [1, 5, 0.5]", "scale: [1, 5, 0.5]\n  time: more"),
        ("title: name", "title: id"),
        ("age: years", "occupation: years"),
    ],
)
def test_a_change_of_any_declared_key_changes_the_raw_data_that_clean_depends_on(workspace, old, new):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    put("b.csv", "id,name\nb1,Emma\n")
    put("p.csv", "id,years\nu1,30\n")
    before = raw_digest(OWN)
    assert raw_digest(OWN) == before
    assert raw_digest(OWN.replace(old, new)) != before


PARTS = """
a: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], people: us}
b: {file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], people: us}
mine: {parts: {books: a, movies: b}}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("books: a", "novels: a"),
        ("books: a, movies: b", "books: b, movies: a"),
        ("{books: a, movies: b}", "{books: a, movies: b}, about: Both."),
        ("rating: stars", "rating: more"),
        ("people: us", "people: them"),
        ("scale: [1, 5, 1]", "scale: [1, 10, 1]"),
    ],
)
def test_a_change_of_a_composition_or_of_a_part_changes_its_raw_data(workspace, old, new):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    before = raw_digest(PARTS)
    assert raw_digest(PARTS) == before
    assert raw_digest(PARTS.replace(old, new, 1)) != before


def test_the_order_in_which_parts_are_declared_means_nothing(workspace):
    put("a.csv", "who,book,stars,more\nu1,b1,4,5\n")
    before = raw_digest(PARTS)
    assert raw_digest(PARTS.replace("books: a, movies: b", "movies: b, books: a")) == before
    assert [(part.domain, part.dataset.name) for part in registry.get("mine").parts] == [
        ("books", "a"),
        ("movies", "b"),
    ]


@pytest.mark.parametrize(
    ("declaration", "what", "remedy"),
    [
        ("{file: own/a.csv, user: who, item: book}", "sources.mine is not whole", "name the column of ratings"),
        ("{file: own/a.csv, user: who, item: book, rating: stars}", "sources.mine is not whole", "[1, 5, 1]"),
        ("{file: own/a.csv, user: who, itm: book}", "unknown key 'sources.mine.itm'", "did you mean 'item'?"),
        ("{user: who, item: book}", "'sources.mine.file' is missing", ""),
        (
            "{file: own/a.csv, user: wo, item: book, rating: stars, scale: [1, 5]}",
            "sources.mine.user is 'wo', and the file has no such column",
            "did you mean 'who'?",
        ),
        ("{file: /etc/a.csv, user: who, item: book, feedback: implicit}", "not in the folder own/", "own/a.csv"),
        ("{file: own/../a.csv, user: who, item: book, feedback: implicit}", "not in the folder own/", "own/a.csv"),
        ("{file: own/a.xls, user: who, item: book, feedback: implicit}", "says no format", "sources.mine.format"),
        ("{file: own/b.csv, user: who, item: book, feedback: implicit}", "own/b.csv: the file of your", "put it there"),
        ("{file: own/a.db, user: who, item: book, feedback: implicit}", "not what to read", "sources.mine.query"),
        (
            "{file: own/a.csv, encoding: utf-9, user: who, item: book, feedback: implicit}",
            "sources.mine.encoding is 'utf-9'",
            "latin-1",
        ),
        ("{file: own/a.csv, user: who, item: book, feedback: implicit, scale: [1, 5]}", "not whole", "leave out scale"),
        ("{file: own/a.csv, user: who, item: book, rating: stars, scale: [0, 10, 3]}", "not whole", "mend the step"),
        ("{file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 10]}", "not whole", "mend the step"),
        ("{parts: {books: ml-100k, movies: mine}}", "sources.mine.parts.movies is 'mine'", "other data sets"),
        ("{parts: {books: ml-100k}}", "sources.mine.parts", ""),
        ("{parts: {books: ml-100k, 'books:a': douban-book}}", "names a domain 'books:a'", "small letters"),
        (
            "{file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5], people: 'a:b'}",
            "sources.mine.people is 'a:b'",
            "leave the colon out",
        ),
        ("{parts: {books: ml-100k, movies: nothing}}", "unknown data set 'nothing'", ""),
        ("[1, 2]", "sources.mine", ""),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_by_key_and_remedy(workspace, declaration, what, remedy):
    put("a.csv", "who,book,stars\nu1,b1,4\n")
    declare(f"mine: {declaration}")
    with pytest.raises(FoldinError) as error:
        raw()
    said = str(error.value)
    assert what in said
    assert remedy in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", "who,book,stars\nu1,b1,four\n", "line 2: stars is 'four'"),
        ("a.csv", "who,book,stars\nu1,b1\n", "line 2: 2 fields, 3 expected"),
        ("a.csv", b"who,book,stars\nu\xff,b1,4\n", "no utf-8 text"),
        ("a.csv", "who,book,stars\n", "holds no rows"),
        ("a.csv", "", "the file is empty"),
        ("a.jsonl", "", "the file is empty"),
        ("a.jsonl", "\n", "holds no rows"),
        ("a.csv", "who,who,book,stars\n1,2,3,4\n", "the header names 'who' twice"),
        ("a.parquet", b"PAR1 no", "no readable Parquet file"),
        ("a.jsonl", '{"who": "u1", "book": "b1", "stars": 4}\n{"who": \n', "line 2 is no JSON object"),
        ("a.jsonl", '{"who": "u1", "book": "b1", "stars": "x"}\n', "line 1: rating is 'x', no number"),
    ],
)
def test_a_file_that_is_not_as_declared_is_named(workspace, name, content, what):
    put(name, content)
    declare(f"mine: {{file: own/{name}, user: who, item: book, rating: stars, scale: [1, 5, 1]}}")
    with pytest.raises(FoldinError) as error:
        raw()
    said = str(error.value)
    assert what in said
    assert f"own/{name}" in said or "params.yaml" in said
    assert "sources.mine" in said
    assert "fetch it again" not in said


def test_the_name_of_a_known_data_set_is_taken(workspace):
    declare("ml-100k: {file: own/a.csv, user: a, item: b, feedback: implicit}")
    with pytest.raises(FoldinError, match=r"sources\.ml-100k has the name of a data set that foldin brings"):
        registry.get("ml-100k")


def test_a_name_that_makes_no_folder_is_refused(workspace):
    declare("'../x': {file: own/a.csv, user: a, item: b, feedback: implicit}")
    with pytest.raises(FoldinError, match="would make a bad folder"):
        registry.get("../x")


def test_compositions_that_are_parts_of_each_other_are_refused_with_the_way_round(workspace, capsys):
    declare(
        """
        a: {parts: {books: ml-100k, music: b}}
        b: {parts: {books: ml-100k, music: c}}
        c: {parts: {books: ml-100k, music: a}}
        """
    )
    with pytest.raises(FoldinError, match=r"sources\.c\.parts\.music is 'a', so a part of itself: a → b → c → a"):
        fetch.run("a")
    assert cli.main(["check"]) == 1
    assert "a → b → c → a" in capsys.readouterr().err


def test_foldin_check_looks_at_every_declaration(workspace, capsys):
    declare("mine: {file: own/a.csv, user: who, itme: book}")
    assert cli.main(["check"]) == 1
    assert "unknown key 'sources.mine.itme'" in capsys.readouterr().err


def test_a_database_in_use_is_not_copied_halfway(workspace):
    put("a.db", b"")
    put("a.db-wal", b"unfinished")
    declare("mine: {file: own/a.db, table: t, user: a, item: b, feedback: implicit}")
    with pytest.raises(FoldinError, match=r"own/a\.db: a program has written to this database"):
        fetch.run("mine")
    assert not paths.raw("mine").exists()
