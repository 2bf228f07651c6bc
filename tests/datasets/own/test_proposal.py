"""`foldin describe` proposes a declaration that works when it is pasted, and says what it saw."""

import gzip
import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import clean, fetch

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
    ratings = registry.get(dataset).read(paths.raw(dataset)).ratings
    assert ratings["user_id"].tolist() == [str(user) for user in USERS]
    assert ratings["item_id"].tolist() == [str(item) for item in ITEMS]
    assert ratings["rating"].tolist() == STARS.tolist()
    assert ratings["timestamp"].tolist() == TIMES.tolist()
    scale = registry.get(dataset).scale
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
    assert registry.get(name).read(paths.raw(name)).ratings["user_id"].tolist() == ["Jörg", "Anna"]


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
        ("a.csv", b"one\ntwo\nthree\n", "no separator splits its lines"),
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


def declared_of(capsys, name, content):
    """Describe a file, paste what is proposed, clean it; return the declaration, the text and the clean ratings."""
    path = own(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = described(capsys, path)
    dataset = pasted(text)
    fetch.run(dataset)
    clean.run(dataset)
    found = YAML(typ="safe").load(text)["sources"][dataset]
    return found, text, pd.read_parquet(paths.clean(dataset) / "ratings.parquet")


def rows(*columns, header="user,item,rating,time", n=60):
    header = ",".join(header.split(",")[: len(columns)])
    return header + "\n" + "".join(",".join(str(value(row)) for value in columns) + "\n" for row in range(n))


def user(row):
    return f"u{row % 12}"


def item(row):
    return f"i{row // 12}"


def stars(row):
    return row % 5 + 1


@pytest.mark.parametrize(
    ("time", "unit", "year"),
    [
        (lambda row: 20200301 + row % 28, "date", 2020),
        (lambda row: f"2020-03-{row % 28 + 1:02d}T10:00:00Z", "date", 2020),
        (lambda row: 1583020799 + row, "s", 2020),
        (lambda row: (1583020799 + row) * 1000, "ms", 2020),
        (lambda row: (1583020799 + row) * 10**9, "ns", 2020),
        (lambda row: 1583020799 + row if row % 30 else 0, "s", 2020),
        (lambda row: 2000 + row % 20, None, None),
        (lambda row: "long ago", None, None),
        (lambda row: 3 * row, None, None),
    ],
)
def test_a_time_is_proposed_where_clean_can_read_it_and_left_out_with_a_reason_elsewhere(
    workspace, capsys, time, unit, year
):
    found, text, ratings = declared_of(capsys, "a.csv", rows(user, item, stars, time))
    assert found.get("time_unit") == unit
    assert ("time" in found) == (unit is not None)
    assert ("time: no readable time" in text) == (unit is None)
    years = pd.to_datetime(ratings["timestamp"].astype("float64"), unit="s").dt.year
    assert years.notna().sum() >= (58 if unit else 0)
    assert set(years.dropna()) - {1970} == ({year} if unit else set())


def test_json_lines_are_known_by_what_they_hold_with_a_mark_and_with_large_ids(workspace, capsys):
    lines = [json.dumps({"user": 2**70 + row % 12, "item": item(row), "rating": stars(row)}) for row in range(60)]
    for name in ("a.json", "b.txt"):
        found, _, ratings = declared_of(capsys, name, b"\xef\xbb\xbf" + "\n".join(lines).encode())
        assert found.get("format") == (None if name == "a.json" else "jsonl")
        assert len(ratings) == 60
        assert str(2**70) in set(ratings["user_id"])


def test_quoted_text_with_separators_and_ends_of_lines_is_parted_as_it_is_read(workspace, capsys):
    text = rows(user, item, stars, lambda row: '"a, b, ""c""\nand, d"', header="user,item,rating,review")
    found, said, ratings = declared_of(capsys, "a.csv", text)
    assert found == {"file": "own/a.csv", "user": "user", "item": "item", "rating": "rating", "scale": [1, 5, 1]}
    assert len(ratings) == 60
    assert "60 rows, 4 columns" in said


def test_utf_16_and_decimal_commas_are_proposed(workspace, capsys):
    text = rows(user, item, lambda row: f"{row % 5},5").replace(",5\n", "|5\n").replace(",", ";").replace("|5", ",5")
    found, _, ratings = declared_of(capsys, "a.csv", text.encode("utf-16"))
    assert (found["encoding"], found["decimal"], found["scale"]) == ("utf-16", ",", [0.5, 4.5, 1])
    assert len(ratings) == 60


def test_a_rare_value_far_from_all_others_is_no_end_of_the_scale(workspace, capsys):
    found, text, ratings = declared_of(capsys, "a.csv", rows(user, item, lambda row: 999 if row == 7 else stars(row)))
    assert found["scale"] == [1, 5, 1]
    assert "999, in 1 rows, is far from all others" in text
    assert len(ratings) == 59


def test_a_column_that_is_the_same_in_every_row_is_no_rating(workspace, capsys):
    found, _, _ = declared_of(capsys, "a.csv", rows(user, item, lambda row: 1, header="a,b,c"))
    assert found["feedback"] == "implicit"
    assert "rating" not in found


def test_values_that_are_no_numbers_are_told_with_what_to_do(workspace, capsys):
    content = rows(user, item, lambda row: "n/a" if row == 3 else stars(row), n=60)
    path = own("a.csv")
    path.write_text(content)
    text = described(capsys, path)
    assert "1 lines cannot be read, the first: line 5: rating is 'n/a'" in text
    assert "raise clean.bad_lines from 0.001 to 0.017" in text
    assert "60 rows, " in text
    path.write_text(rows(user, item, lambda row: "n/a" if row % 3 else stars(row)))
    assert cli.main(["describe", str(path)]) == 1
    said = capsys.readouterr().err
    assert "40 of 60 lines do not fit the guesses; the first: line 3: rating is 'n/a'" in said
    assert "clean.bad_lines" not in said


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", rows(user, item, stars, stars, header="user,item,rating,rating"), "names 'rating' twice"),
        ("a.csv", rows(user, *[lambda row: stars(row) if row % 3 else ""] * 8, header="user," + "x," * 7 + "x"), ""),
        ("a.csv.gz", gzip.compress(b"user,item\n", mtime=0), "the file holds no rows"),
        ("a.csv.gz", gzip.compress(b"user,item\nu1,i1\n" * 99, mtime=0)[:-9], "packed by gzip is damaged"),
        ("a.zip", b"PK\x03\x04....", "no readable zip archive"),
        ("a.pkl", b"\x80\x04\x95....", "a Python pickle, which may run any program"),
        ("a.h5", b"\x89HDF\r\n\x1a\n....", "an HDF5 file, as MATLAB 7.3"),
        ("a.csv", b"\x00\x01\x02\x03" * 50, "no text file, nor one of a known format"),
        ("a.xlsx", b"PK\x03\x04....", "save its table as CSV"),
        ("a.json", b'[{"user": 1}]', "it is one array"),
    ],
)
def test_what_is_no_table_of_ratings_is_told_what_it_is(workspace, capsys, name, content, what):
    own(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cli.main(["describe", str(own(name))]) == 1
    said = capsys.readouterr()
    assert what in said.err
    assert said.err.count("\n") == 1


def test_a_missing_file_is_named(workspace):
    from foldin.datasets.own import proposal

    with pytest.raises(FoldinError, match="there is no such file"):
        proposal.proposal(paths.root() / "nothing.csv")
