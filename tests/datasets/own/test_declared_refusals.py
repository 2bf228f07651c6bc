"""A declaration or file that cannot be used is refused by key, file and remedy."""

import pytest
from own_data import declare, put, raw

from foldin import cli
from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import fetch


@pytest.mark.parametrize(
    ("declaration", "what", "remedy"),
    [
        ("{file: own/a.csv, user: who, item: book}", "sources.mine is not whole", "name the column of ratings"),
        ("{file: own/a.csv, user: who, item: book, rating: stars}", "sources.mine is not whole", "[1, 5, 1]"),
        ("{file: own/a.csv, user: who, itm: book}", "unknown key 'sources.mine.itm'", "did you mean 'item'?"),
        ("{user: who, item: book}", "sources.mine is not whole", "name its file as file, or several alike"),
        (
            "{file: own/a.csv, files: own/*.csv, user: who, item: book, feedback: implicit}",
            "sources.mine is not whole",
            "name its file as file, or several alike",
        ),
        ("{file: own/a.csv, user: who, feedback: implicit}", "sources.mine is not whole", "name the column of items"),
        ("{file: own/a.csv, shape: matrix, user: who, scale: [1, 5]}", "sources.mine is not whole", "row_id"),
        (
            "{file: own/a.csv, pair: who, user: who, feedback: implicit}",
            "not whole",
            "leave out user, session and item",
        ),
        (
            "{file: own/a.csv, user: who, item: book, event: stars, feedback: implicit}",
            "not whole",
            "{view: 1, buy: 5}",
        ),
        ("{file: own/a.csv, user: who, item: book, row_id: 1, feedback: implicit}", "not whole", "shape: matrix"),
        (
            "{file: own/a.csv, user: wo, item: book, rating: stars, scale: [1, 5]}",
            "sources.mine.user is 'wo', and the file has no such column",
            "did you mean 'who'?",
        ),
        ("{file: /etc/a.csv, user: who, item: book, feedback: implicit}", "not in the folder own/", "own/a.csv"),
        ("{file: own/../a.csv, user: who, item: book, feedback: implicit}", "not in the folder own/", "own/a.csv"),
        ("{file: own/a.pdf, user: who, item: book, feedback: implicit}", "says no format", "sources.mine.format"),
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
