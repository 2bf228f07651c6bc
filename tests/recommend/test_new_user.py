"""`foldin rate FILE`: the list of somebody new is the model's fold-in of what the file says."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from small_models import rows_of
from synthetic import from_triples

from foldin import cli
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, Scale
from foldin.metrics import top_k
from foldin.recommend import new_user

MINE = "item,rating\ni0005,4.5\nTitle 2,1\ntitle 30,5\n"


@pytest.fixture
def file(tmp_path):
    """Return what writes a CSV file."""

    def write(text, name="mine.csv"):
        (tmp_path / name).write_bytes(text.encode())
        return str(tmp_path / name)

    return write


@pytest.fixture
def path(file):
    """Return the same, for what takes paths."""
    return lambda text: Path(file(text))


@pytest.mark.parametrize("model", ["als-explicit", "ease"])
def test_the_list_is_the_fold_in_of_the_ratings(opened, file, capsys, model):
    row = sparse.csr_array((np.float32([1, 4.5, 5]), np.int32([2, 5, 30]), [0, 3]), shape=(1, 40))
    items, scores = top_k.top_k(opened(model).model.fold_in(row), 5, exclude=row)
    assert cli.main(["rate", "--model", model, "--k", "5", file(MINE)]) == 0
    printed = capsys.readouterr().out
    assert "From 3 ratings, folded in; the list leaves out rated items." in printed
    assert [int(cells[0][1:]) for cells in rows_of(printed).values()] == items[0].tolist()
    assert [float(cells[-1]) for cells in rows_of(printed).values()] == pytest.approx(scores[0], rel=1e-3)


def test_reasons_name_given_ratings(saved_models, file, capsys):
    assert cli.main(["rate", "--model", "als-explicit", "--why", file(MINE)]) == 0
    printed = capsys.readouterr().out
    assert "because of" in printed
    said = {line.split("  ")[-1].strip() for line in printed.splitlines() if "  +" in line}
    assert said
    assert said <= {"Title 5 (4.5)", "Title 2 (1)", "Title 30 (5)"}


def test_a_file_may_come_by_standard_input_with_a_byte_order_mark(saved_models, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + MINE.encode())))
    assert cli.main(["rate", "--model", "ease", "-"]) == 0
    assert "From 3 ratings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item,rating\ni0001,6\n", "line 2: '6' is no rating of i0001; ratings are 0.5 to 5 in steps of 0.5"),
        ("item,rating\ni0001,0\n", "line 2: '0' is no rating of i0001; ratings are 0.5 to 5 in steps of 0.5"),
        ("item,rating\ni0001,3.7\n", "'3.7' is no rating of i0001; ratings are 0.5 to 5 in steps of 0.5"),
        ("item,rating\ni0001,good\n", "line 2: 'good' is no number; give a number"),
        ("item,rating\ni0001,nan\n", "line 2: 'nan' is no number"),
        ("item,rating\ni0001,\n", "line 2: a rating is missing"),
        ("item,rating\ni0002,3\nTitle 2,4\n", "line 3: 'Title 2' is also on line 2; rate it once"),
        ("item,rating\nTitle 41,3\n", "line 2: 'demo' has no item 'Title 41'; did you mean 'Title 4' or "),
        ("item,rating\nTwice,3\n", "2 items of 'demo' have the title 'Twice'; give the id instead: i0003, i0008"),
        ("item,rating\nUnheard,3\n", "'Unheard' of 'demo' has no rating in the training part, so no model knows it"),
        (
            "item,rating\ni0001,4,5\n",
            "line 2: has 3 fields; write: item,rating, and put a title that has a comma between double quotes",
        ),
        ("item,rating\ni0001\n", "line 2: has too few fields; write: item,rating"),
        ("item;rating\ni0001;4\n", "the first line is 'item;rating'; it must be: item,rating"),
        ("item\ni0001\n", "the first line is 'item'; it must be: item,rating"),
        ("item,rating,when\ni0001,4,1\n", "the first line is 'item,rating,when'; it must be"),
        ("", "the first line is 'nothing'; it must be: item,rating"),
        ("item,rating\n", "holds no ratings; give an item on each line below the first"),
        ('item,rating\n"i0001,4\n', "is no CSV"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_place(saved_models, file, capsys, text, said):
    path = file(text)
    assert cli.main(["rate", "--model", "ease", path]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"foldin: {path}")
    assert said in error
    assert error.count("\n") == 1


def test_what_is_no_csv_is_said(saved_models, file, tmp_path, capsys):
    (tmp_path / "latin.csv").write_bytes(b"item,rating\nCaf\xe9,3\n")
    for path, said in (
        (tmp_path / "none.csv", "no such file; name a CSV file with the columns item,rating"),
        (tmp_path, "is a folder; name a CSV file in it"),
        (tmp_path / "latin.csv", "is no UTF-8 text; save it as UTF-8"),
    ):
        assert cli.main(["rate", "--model", "ease", str(path)]) == 1
        assert capsys.readouterr().err == f"foldin: {path}: {said}\n"


def implicit():
    return from_triples([0, 1, 1], [0, 1, 2], [1.0, 1.0, 1.0], (2, 3), scale=IMPLICIT)


def test_counts_are_taken_as_in_training_and_may_be_missing(saved_models, path):
    training = implicit()
    for text, values in (
        ("item,rating\ni0002,7\ni0000,\n", [np.log(2), np.log(8)]),
        ("item\ni0002\ni0000\n", [np.log(2), np.log(2)]),
    ):
        row = new_user.read(path(text), "lastfm-hetrec2011", training).row()
        assert row.indices.tolist() == [0, 2]
        assert row.data == pytest.approx(values)
    with pytest.raises(FoldinError, match=r"line 2: '-1' is no count; give a number above 0"):
        new_user.read(path("item,rating\ni0002,-1\n"), "lastfm-hetrec2011", training)


def test_where_only_liked_items_count_a_rating_is_refused(saved_models, path):
    """Of a data set of stars, `split.liked_only` keeps ones of log 2; five stars are no five times."""
    training = implicit()
    row = new_user.read(path("item\ni0001\n"), "demo", training).row()
    assert row.data == pytest.approx([np.log(2)])
    with pytest.raises(FoldinError, match="only liked items count here"):
        new_user.read(path("item,rating\ni0001,5\n"), "demo", training)


def test_a_zero_is_a_rating_where_the_scale_has_it(saved_models, path):
    training = from_triples([0, 1], [0, 1], [0.0, 10.0], (2, 2), scale=Scale(0.0, 10.0, 1.0))
    row = new_user.read(path("item,rating\ni0001,0\n"), "book-crossing", training).row()
    assert (row.nnz, row.data.tolist()) == (1, [0.0])


def test_of_several_scales_each_item_is_rated_on_its_own(saved_models, path):
    """cross-platform: books from 0 to 10, movies from 1 to 5; training has shares of both."""
    training = from_triples([0, 1], [0, 1], [0.0, 1.0], (2, 2), scale=Scale(0.0, 1.0, 0.0))
    row = new_user.read(path("item,rating\ni0000,9\ni0001,4\n"), "cross-platform", training).row()
    books = new_user.Ratings("cross-platform", training).scale(0)
    assert row.data == pytest.approx([(9 - books.lowest) / (books.highest - books.lowest), 0.75])
    with pytest.raises(FoldinError, match="'9' is no rating of i0001; ratings are 1 to 5 in steps of 1"):
        new_user.read(path("item,rating\ni0001,9\n"), "cross-platform", training)
