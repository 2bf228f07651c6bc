"""A query reads: no query, and no database, makes or changes a file."""

import sqlite3
from contextlib import closing, suppress

import pytest

from foldin.core.errors import FoldinError
from foldin.datasets.formats import sqlite


@pytest.fixture
def database(tmp_path, monkeypatch):
    """Return a database with a write-ahead log, a view and a full-text index, alone in the current folder."""
    path = tmp_path / "own" / "a b?.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("pragma journal_mode = wal")
        opened.execute("create table t (user, item)")
        opened.execute("insert into t values (1, '[7, 8]')")
        opened.execute("create view v as select user from t")
        opened.execute("create virtual table words using fts5 (text)")
        opened.execute("insert into words values ('crown')")
        opened.commit()
    monkeypatch.chdir(path.parent)
    return path


def before_and_after(path, query):
    """Return the files and their contents before and after a query, which may fail."""
    states = []
    for _ in range(2):
        states.append({file.name: file.read_bytes() for file in path.parent.iterdir()})
        if len(states) == 1:
            with suppress(FoldinError):
                sqlite.read(path, query)
    return states


@pytest.mark.parametrize(
    "query",
    [
        "VACUUM INTO 'copy.db'",
        "ATTACH 'other.db' AS other",
        "vacuum",
        "pragma journal_mode = delete",
        "pragma user_version = 7",
        "insert into t values (2, 3) returning user",
        "drop table t",
        "create table more (a)",
        "select user from t",
        "select 1; delete from t",
    ],
)
def test_no_query_makes_or_changes_a_file(database, query):
    before, after = before_and_after(database, query)
    assert list(before) == [database.name]
    assert after == before


@pytest.mark.parametrize("query", ["VACUUM INTO 'copy.db'", "ATTACH 'other.db' AS other", "pragma user_version = 7"])
def test_what_writes_is_refused_in_words(database, query):
    with pytest.raises(FoldinError, match=r"own/a b\?\.db: the query '.+' fails \(.*(authoriz|denied)"):
        sqlite.read(database, query)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select user from v", [(1,)]),
        ("select user, value from t, json_each(t.item) order by value desc", [(1, 8), (1, 7)]),
        ("select rowid, text from words where words match 'crown'", [(1, "crown")]),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select i from n",
            [(1,), (2,), (3,)],
        ),
    ],
)
def test_what_reads_is_answered(database, query, rows):
    assert list(sqlite.read(database, query).itertuples(index=False, name=None)) == rows


def test_rows_that_another_program_has_not_yet_moved_from_its_log_are_read(database):
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("insert into t values (2, '[]')")
        writer.commit()
        assert len(sqlite.read(database, "select user from t")) == 2
