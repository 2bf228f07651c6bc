"""Spreadsheets: read where the extra `excel` is installed, one line with the remedy where it is not."""

import datetime

import numpy as np
import pandas as pd
import pytest
from own_data import ROWS, cleaned, declare, put, raw, triples
from spreadsheets import xlsx

from foldin import cli
from foldin.core.errors import FoldinError
from foldin.datasets.formats import excel
from foldin.datasets.own import proposal

SHEET = [("who", "book", "stars", "when"), *((*row, datetime.date(2024, 3, n + 1)) for n, row in enumerate(ROWS))]
DECLARED = "mine: {file: own/a.xlsx, user: who, item: book, rating: stars, time: when, scale: [0.5, 5, 0.5]%s}"


@pytest.fixture
def calamine():
    return pytest.importorskip("python_calamine", reason="needs the extra excel: make install EXTRA=excel")


def test_without_the_extra_one_line_names_the_remedy(workspace, monkeypatch, capsys):
    monkeypatch.setattr(excel, "find_spec", lambda name: None)
    path = put("a.xlsx", xlsx(Sheet1=SHEET))
    assert cli.main(["describe", str(path)]) == 1
    said = capsys.readouterr().err
    assert (
        "own/a.xlsx: this is a spreadsheet, and what reads it is not installed; run `make install EXTRA=excel`" in said
    )
    assert said.count("\n") == 1
    declare(DECLARED % "")
    with pytest.raises(FoldinError, match=r"own/a\.xlsx: .*run `make install EXTRA=excel`, or save its table as CSV"):
        raw()


def test_a_sheet_is_read_with_numbers_texts_and_dates(workspace, calamine):
    put("a.xlsx", xlsx(Sheet1=SHEET))
    declare(DECLARED % "")
    ratings, _ = cleaned()
    assert ratings["timestamp"].tolist() == [1709424000, 1709251200, 1709337600]
    assert triples(raw()) == ROWS
    put("b.dat", xlsx(Sheet1=SHEET))
    declare(DECLARED.replace("a.xlsx", "b.dat") % "")
    with pytest.raises(FoldinError, match=r"own/b\.dat: this is a spreadsheet; write format: excel in sources\.mine"):
        raw()
    declare(DECLARED.replace("a.xlsx", "b.dat") % ", format: excel")
    assert triples(raw()) == ROWS


def test_whole_numbers_are_no_floats_and_a_failed_formula_is_missing(workspace, calamine):
    path = put("a.xlsx", xlsx(Sheet1=[(7, "a", 1.5), (None, "#N/A", 2.0), (9_007_199_254_740_000, " ", 3.0)]))
    rows = excel.read(path, header=False)
    assert rows["1"].fillna(-1).tolist() == [7, -1, 9_007_199_254_740_000]
    assert rows["2"].isna().tolist() == [False, True, True]
    assert rows["3"].tolist() == [1.5, 2.0, 3.0]


def test_one_sheet_of_several_is_named(workspace, calamine):
    put("a.xlsx", xlsx(Notes=[("what this is",)], Stars=SHEET, Empty=[]))
    declare(DECLARED % "")
    with pytest.raises(FoldinError, match=r"has 2 sheets \(Notes, Stars\); name one of them as `table`"):
        raw()
    declare(DECLARED % ", table: Stars")
    assert triples(raw()) == ROWS
    declare(DECLARED % ", table: Star")
    with pytest.raises(FoldinError, match="no sheet 'Star'; did you mean 'Stars'"):
        raw()
    found = proposal.examine(put("b.xlsx", xlsx(Notes=[("what this is",)], Stars=SHEET)))
    assert (found.declared["table"], found.declared["user"], found.declared["time"]) == ("Stars", "who", "when")


def test_a_matrix_without_a_header_is_read_and_proposed(workspace, calamine):
    draw = np.random.Generator(np.random.PCG64(5))
    cells = np.where(draw.random((40, 9)) < 0.3, 99, draw.integers(-100, 100, (40, 9)) / 10).tolist()
    rows = [[sum(value != 99 for value in row), *row] for row in cells]
    path = put("a.xlsx", xlsx(Sheet1=rows))
    declare("mine: {file: own/a.xlsx, shape: matrix, header: false, skip: [1], missing: [99], scale: [-10, 10, 0]}")
    found = raw().ratings.dropna(subset="rating")
    assert len(found) == sum(value != 99 for row in rows for value in row[1:])
    place = next(place for place, value in enumerate(cells[0]) if value != 99)
    assert found.iloc[0][["user_id", "item_id", "rating"]].tolist() == ["1", str(place + 1), cells[0][place]]
    seen = proposal.examine(path)
    assert (seen.declared["shape"], seen.declared["header"], seen.declared["missing"]) == ("matrix", False, [99])


def test_a_damaged_spreadsheet_is_one_line(workspace, calamine):
    whole = xlsx(Sheet1=SHEET)
    for name, content in (("a.xlsx", whole[: len(whole) // 2]), ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600)):
        put(name, content)
        declare((DECLARED % "").replace("a.xlsx", name))
        with pytest.raises(FoldinError, match=r"own/a\.xlsx?: no readable spreadsheet"):
            raw()


def test_what_the_disk_refuses_is_not_said_to_be_the_format(workspace, monkeypatch, capsys):
    monkeypatch.setattr(excel, "find_spec", lambda name: "installed")
    (workspace / "own" / "a.xlsx").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        excel.sheets(workspace / "own" / "a.xlsx")


def test_feather_needs_no_extra(workspace):
    from pyarrow import feather

    path = put("a.feather", b"")
    feather.write_feather(pd.DataFrame(ROWS, columns=["who", "book", "stars"]), path)
    declare("mine: {file: own/a.feather, user: who, item: book, rating: stars, scale: [0.5, 5, 0.5]}")
    assert triples(raw()) == ROWS
