"""`foldin describe --write` puts a proposal into params.yaml and keeps every other line of it."""

import pytest
from own_data import put
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import paths

RATINGS = "user,item,rating\n" + "".join(f"u{n % 9},i{n // 9},{n % 5 + 1}\n" for n in range(90))
ITEMS = "item,title,genres,year\n" + "".join(f"i{n},Film {n},Drama;War,19{70 + n}\n" for n in range(10))
PEOPLE = "user,age,country,shoe size\n" + "".join(f"u{n},{20 + n},nl,4{n}\n" for n in range(9))


def written():
    return YAML(typ="safe").load(paths.params_file())


def test_a_sure_proposal_is_written_and_every_comment_kept(workspace, capsys):
    before = paths.params_file().read_text()
    put("a.csv", RATINGS)
    put("b.csv", RATINGS)
    assert cli.main(["describe", "own/a.csv", "--write"]) == 0
    assert cli.main(["describe", "own/b.csv", "--write", "--name", "other"]) == 0
    assert "params.yaml: other is in sources and datasets; next: dvc repro" in capsys.readouterr().out
    values = written()
    assert values["datasets"][-2:] == ["my-a", "other"]
    declared = {"user": "user", "item": "item", "rating": "rating", "scale": [1, 5, 1]}
    assert values["sources"] == {"my-a": {"file": "own/a.csv", **declared}, "other": {"file": "own/b.csv", **declared}}
    after = paths.params_file().read_text().splitlines()
    lost = [line for line in before.splitlines() if line not in after]
    assert [line.split(":")[0] for line in lost] == ["datasets", "sources"]
    assert cli.main(["check"]) == 0


def test_what_is_printed_to_paste_keeps_the_sources_that_are_there(workspace, capsys):
    put("a.csv", RATINGS)
    assert cli.main(["describe", "own/a.csv"]) == 0
    assert "replace `sources: {}` in params.yaml with this, and add its name" in capsys.readouterr().out
    assert cli.main(["describe", "own/a.csv", "--write"]) == 0
    put("b.csv", RATINGS)
    capsys.readouterr()
    assert cli.main(["describe", "own/b.csv"]) == 0
    printed = capsys.readouterr().out
    assert "add the entry below `sources:` in params.yaml, and add its name" in printed
    assert "{}" not in printed


def test_outside_a_checkout_a_file_is_described_as_the_first_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(RATINGS)
    assert cli.main(["describe", "a.csv"]) == 0
    assert "replace `sources: {}` in params.yaml" in capsys.readouterr().out


def test_writing_twice_changes_nothing_and_another_file_of_the_name_is_refused(workspace, capsys):
    put("a.csv", RATINGS)
    cli.main(["describe", "own/a.csv", "--write"])
    before = paths.params_file().read_bytes()
    assert cli.main(["describe", "own/a.csv", "--write"]) == 0
    assert paths.params_file().read_bytes() == before
    put("a.csv", RATINGS.replace("rating", "stars", 1))
    assert cli.main(["describe", "own/a.csv", "--write"]) == 1
    assert "sources already has another 'my-a'; remove it there, or give this one a name" in capsys.readouterr().err


def test_an_unsure_proposal_is_not_added_to_the_data_sets(workspace, capsys):
    put("a.csv", RATINGS.partition("\n")[2])
    assert cli.main(["describe", "own/a.csv", "--write"]) == 0
    values = written()
    assert "my-a" in values["sources"]
    assert "my-a" not in values["datasets"]
    assert "check the 2 points marked UNSURE, add my-a to datasets" in capsys.readouterr().out


def test_a_file_elsewhere_is_not_written(workspace, capsys, tmp_path):
    (tmp_path / "a.csv").write_text(RATINGS)
    before = paths.params_file().read_bytes()
    assert cli.main(["describe", str(tmp_path / "a.csv"), "--write"]) == 1
    assert "not in the folder own/" in capsys.readouterr().err
    assert paths.params_file().read_bytes() == before


def test_tables_of_items_and_users_are_proposed_beside_the_ratings(workspace, capsys):
    put("people.csv", PEOPLE)
    put("log.csv", RATINGS)
    put("films.csv", ITEMS)
    assert cli.main(["describe", "own/people.csv", "own/log.csv", "own/films.csv", "--write"]) == 0
    said = capsys.readouterr().out
    assert "# people.csv: shoe size: not used" in said
    assert "describes 100.0% of the rated items" in said
    declared = written()["sources"]["my-log"]
    assert declared["items"] == {
        "file": "own/films.csv",
        "id": "item",
        "title": "title",
        "genres": "genres",
        "genre_separator": ";",
        "year": "year",
    }
    assert declared["users"] == {"file": "own/people.csv", "id": "user", "age": "age", "country": "country"}
    assert cli.main(["fetch", "my-log"]) == 0
    assert cli.main(["clean", "my-log"]) == 0


def test_parts_of_one_table_are_declared_by_a_pattern(workspace, capsys):
    for n in range(1, 4):
        put(f"part-{n}.csv", RATINGS.replace("u", f"u{n}").replace(f"u{n}ser", "user"))
    put("films.csv", ITEMS)
    files = [f"own/part-{n}.csv" for n in (2, 3, 1)]
    assert cli.main(["describe", *files, "--write"]) == 0
    assert "3 files with the same columns, read as one: part-1.csv to part-3.csv" in capsys.readouterr().out
    (declared,) = written()["sources"].values()
    assert declared["files"] == "own/part-*.csv"
    assert cli.main(["describe", *files[:2]]) == 1
    assert "no pattern of names is theirs alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        # A column renamed is no other file: these are parts of one, but for their names.
        (("a.csv", "b.csv"), "no pattern of names is theirs alone"),
        (("films.csv", "people.csv"), "one of the files must hold the ratings"),
    ],
)
def test_two_files_of_ratings_or_none_are_refused(workspace, capsys, names, said):
    for name, content in (
        ("a.csv", RATINGS),
        ("b.csv", RATINGS.replace("rating", "stars")),
        ("films.csv", ITEMS),
        ("people.csv", PEOPLE),
    ):
        put(name, content)
    assert cli.main(["describe", *(f"own/{name}" for name in names)]) == 1
    assert said in capsys.readouterr().err
