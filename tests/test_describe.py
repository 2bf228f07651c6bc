"""`foldin describe` proposes a declaration that works when it is pasted, and says what it saw."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldin import clean, cli, datasets, fetch, paths
from foldin.errors import FoldinError

RNG = np.random.default_rng(3)
N = 300
USERS, ITEMS = RNG.integers(100, 140, N), RNG.integers(1, 60, N)
STARS = RNG.choice([0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5], N)
TIMES = RNG.integers(900_000_000, 1_500_000_000, N)


def described(capsys, path):
    assert cli.main(["describe", str(path)]) == 0
    return capsys.readouterr().out


def pasted(text):
    """Put a proposal into params.yaml as its comments say; return the name of the data set."""
    yaml = YAML()
    values = yaml.load(paths.params_file())
    values["sources"] = YAML(typ="safe").load(text)["sources"]
    yaml.dump(values, paths.params_file())
    (name,) = values["sources"]
    return name


def own(name):
    folder = paths.root() / "own"
    folder.mkdir(exist_ok=True)
    return folder / name


def save(table, path):
    match path.suffix:
        case ".parquet":
            table.to_parquet(path, index=False)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_dict("records")))
        case ".sqlite":
            with closing(sqlite3.connect(path)) as database:
                pd.DataFrame({"x": [1]}).to_sql("about", database, index=False)
                table.to_sql("my ratings", database, index=False)
        case ".tsv":
            table.to_csv(path, index=False, sep="\t")
        case ".dat":
            path.write_text(
                "".join("::".join(map(str, row)) + "\n" for row in table.itertuples(index=False, name=None))
            )
        case _:
            table.to_csv(path, index=False, sep=";" if path.stem == "semi" else ",", encoding="latin-1")


@pytest.mark.parametrize("name", ["plain.csv", "semi.csv", "t.tsv", "r.dat", "p.parquet", "l.jsonl", "d.sqlite"])
def test_the_proposal_pasted_in_reads_the_same_ratings(workspace, capsys, name):
    table = pd.DataFrame({"User-ID": USERS, "ISBN": ITEMS, "Book-Rating": STARS, "tstamp": TIMES})
    path = own(name)
    save(table, path)
    text = described(capsys, path)
    dataset = pasted(text)
    fetch.run(dataset)
    ratings = datasets.get(dataset).read(paths.raw(dataset)).ratings
    assert ratings["user_id"].tolist() == [str(user) for user in USERS]
    assert ratings["item_id"].tolist() == [str(item) for item in ITEMS]
    assert ratings["rating"].tolist() == STARS.tolist()
    assert ratings["timestamp"].tolist() == TIMES.tolist()
    scale = datasets.get(dataset).scale
    assert (scale.lowest, scale.highest, scale.step) == (0.5, 5.0, 0.5)
    clean.run(dataset)
    assert "10 distinct values from 0.5 to 5, in steps of 0.5" in text
    assert f"{len(set(USERS)):,} distinct values" in text
    assert len([line for line in text.splitlines() if not line.startswith("#")]) <= 11


def test_odd_names_text_that_is_no_utf_8_and_dates_are_seen(workspace, capsys):
    path = own("Meine Käufe.csv")
    rows = ["wann;Kunde (member);product\n", "2020-05-01 10:00:00;Jörg;x\n", "2021-06-01 11:00:00;Anna;y\n"]
    path.write_bytes("".join(rows).encode("latin-1"))
    text = described(capsys, path)
    declared = YAML(typ="safe").load(text)["sources"]["my-meine-k-ufe"]
    assert declared["encoding"] == "latin-1"
    assert declared["feedback"] == "implicit"
    assert (declared["user"], declared["item"], declared["time"]) == ("Kunde (member)", "product", "wann")
    name = pasted(text)
    fetch.run(name)
    assert datasets.get(name).read(paths.raw(name)).ratings["user_id"].tolist() == ["Jörg", "Anna"]


def test_counts_are_told_from_ratings(workspace, capsys):
    plays = np.round(np.exp(RNG.normal(4, 2, N))).astype(int) + 1
    save(pd.DataFrame({"userID": USERS, "artistID": ITEMS, "weight": plays}), own("plays.csv"))
    text = described(capsys, own("plays.csv"))
    assert "so counts, not ratings" in text
    assert "feedback: implicit" in text
    assert "rating: weight" in text


def test_many_zeros_are_taken_for_no_rating_and_said_to_be(workspace, capsys):
    rated = np.where(RNG.random(N) < 0.6, 0, RNG.integers(1, 11, N))
    save(pd.DataFrame({"user": USERS, "book": ITEMS, "rating": rated}), own("a.csv"))
    text = described(capsys, own("a.csv"))
    assert "zero_is_implicit: true" in text
    assert "scale: [1, 10, 1]" in text
    assert "check this" in text


def test_a_file_elsewhere_is_described_and_said_to_be_copied_first(workspace, capsys, tmp_path):
    path = tmp_path / "ratings.csv"
    save(pd.DataFrame({"user": USERS, "item": ITEMS, "rating": STARS}), path)
    text = described(capsys, path)
    assert f"cp {path} own/" in text
    assert "file: own/ratings.csv" in text


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", b"", "holds no rows"),
        ("a.csv", b"\x00\x01\x02", "no text file"),
        ("a.csv", b"one\ntwo\nthree\n", "no separator parts its lines"),
        ("a.parquet", b"PAR1", "no readable parquet file"),
        ("a.jsonl", b"{", "no readable jsonl file"),
        ("a.sqlite", b"no database at all, just text", "no table of this database"),
        ("a.csv", b"rating,time\n5,978300760\n4,978300761\n", "no two columns can be users and items"),
    ],
)
def test_a_file_nothing_can_be_said_of_is_one_line(workspace, capsys, name, content, what):
    own(name).write_bytes(content)
    assert cli.main(["describe", str(own(name))]) == 1
    said = capsys.readouterr()
    assert what in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_missing_file_is_named(workspace):
    from foldin.datasets import describe

    with pytest.raises(FoldinError, match="there is no such file"):
        describe.proposal(paths.root() / "nothing.csv")
