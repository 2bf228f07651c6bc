"""Files of shapes that were once proposed wrongly: the proposal reads them exactly, or says what it is unsure of."""

import json
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from own_data import put

from foldin import cli
from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets.own import proposal
from foldin.preparation import clean, fetch

RNG = np.random.default_rng(5)


def table(*columns, header=None, separator=",", n=240):
    lines = [separator.join(str(value(row)) for value in columns) for row in range(n)]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def user(row):
    return 100 + row % 24


def item(row):
    return 7000 + row // 24


def stars(row):
    return row * 7 % 5 + 1


def examined(values, name, content):
    """Describe a file; return the proposal, and the ratings that `clean` makes of it."""
    path = put(name, content)
    found = proposal.examine(path)
    proposal.written(found)
    values["sources"] = {"mine": found.declared}
    fetch.run("mine")
    clean.run("mine")
    return found, pd.read_parquet(paths.clean("mine") / "ratings.parquet")


def grid(fullness, users=60, items=40, continuous=False):
    values = RNG.uniform(-10, 10, (users, items)).round(2) if continuous else RNG.integers(1, 6, (users, items))
    return np.where(RNG.random((users, items)) < fullness, values.astype(float), np.nan)


def cells(values):
    return {(row, column): values[row, column] for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True)}


def written(values, empty="", lead=None, header=None):
    rows = [
        ",".join([*([lead(row, line)] if lead else []), *(empty if np.isnan(cell) else f"{cell:g}" for cell in line)])
        for row, line in enumerate(values)
    ]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


@pytest.mark.parametrize("fullness", [0.05, 0.5, 0.9])
def test_a_matrix_with_a_header_is_no_list_however_full(quick, fullness):
    values = grid(fullness)
    header = "user," + ",".join(f"Film number {n}" for n in range(40))
    found, ratings = examined(quick, "a.csv", written(values, lead=lambda row, _: f"u{row}", header=header))
    assert found.declared == {"file": "own/a.csv", "shape": "matrix", "row_id": "user", "scale": [1, 5, 1]}
    assert not found.unsure
    pairs = zip(ratings["user_id"], ratings["item_id"], ratings["rating"], strict=True)
    assert {(int(u[1:]), int(i.split()[-1])): r for u, i, r in pairs} == cells(values)


@pytest.mark.parametrize("code", ["99", "-99", "999"])
def test_a_dense_matrix_with_counts_first_and_a_code_for_missing_is_no_list(quick, code):
    values = grid(0.6, continuous=True)
    text = written(values, empty=code, lead=lambda _, line: str(int((~np.isnan(line)).sum())))
    found, ratings = examined(quick, "jokes.csv", text)
    assert found.declared["shape"] == "matrix"
    assert found.declared["skip"] == [1]
    assert found.declared["missing"] == [int(code)]
    assert "column 1: not used (the number of ratings in the row)" in found.notes
    pairs = zip(ratings["user_id"], ratings["item_id"], ratings["rating"], strict=True)
    made = {(int(u) - 1, int(i) - 1): round(float(r), 2) for u, i, r in pairs}
    assert made == pytest.approx(cells(values))


@pytest.mark.parametrize("columns", [300, 3000])
def test_thousands_of_columns_and_a_long_header_are_read(quick, columns):
    values = grid(0.05, users=60, items=columns)
    header = "reader," + ",".join(
        f"A book with a rather long title, volume {n}".replace(",", "") for n in range(columns)
    )
    found, ratings = examined(quick, "a.csv", written(values, lead=lambda row, _: f"r{row}", header=header))
    assert len(header) > 10_000
    assert found.declared["shape"] == "matrix"
    assert len(ratings) == len(cells(values))


@pytest.mark.parametrize("separator", [" ", "  ", "   "])
def test_blanks_separate_the_columns_of_a_matrix_and_of_a_list(quick, separator):
    values = grid(0.4)
    text = written(values, empty="0").replace(",", separator)
    found, ratings = examined(quick, "a.txt", text)
    assert found.declared["separator"] == "blanks"
    assert found.declared["missing"] == [0]
    assert any("0 is taken as no rating" in line for line in found.unsure)
    assert len(ratings) == len(cells(values))
    found, ratings = examined(quick, "b.txt", table(user, item, stars, separator=separator))
    assert (found.declared["user"], found.declared["item"], found.declared["rating"]) == (1, 2, 3)
    assert len(ratings) == 240


@pytest.mark.parametrize(("lean", "doubted"), [(1.0, False), (2.0, True), (4.0, True)])
def test_most_values_far_below_the_middle_may_be_counts_though_called_ratings(quick, lean, doubted):
    def rated(row):
        return 1 + round(93 * ((row * 37 % 240) / 239) ** lean)

    found, ratings = examined(quick, "a.csv", table(user, item, rated, header="user,item,rating"))
    assert found.declared["scale"] == [1, 94, 1]
    assert any("counts may look like this" in line for line in found.unsure) == doubted
    assert len(ratings) == 240


@pytest.mark.parametrize("header", ["UserId:ItemId,", "UserId:ItemId,stars"])
def test_codes_for_missing_may_stand_beside_a_column_of_both_ids(quick, header):
    def starred(row: int) -> object:
        return "NA" if row % 7 == 0 else stars(row)

    found, ratings = examined(quick, "a.csv", table(lambda row: f"{user(row)}:{item(row)}", starred, header=header))
    assert found.declared["missing"] == ["NA"]
    assert len(ratings) == 240 - len(range(0, 240, 7))


@pytest.mark.parametrize(
    ("header", "separator"), [("UserId:ItemId,stars", ":"), ("key,stars", "::"), ("ItemId:UserId,stars", ":")]
)
def test_a_column_of_both_ids_is_split(quick, header, separator):
    order = (item, user) if header.startswith("Item") else (user, item)
    text = table(lambda row: f"{order[0](row)}{separator}{order[1](row)}", stars, header=header)
    found, ratings = examined(quick, "a.csv", text)
    assert found.declared["pair"] == header.split(",")[0]
    assert set(ratings["user_id"].astype(int)) == set(map(user, range(240)))
    assert bool(found.unsure) == header.startswith("key")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("movie_id,title,score,year", "items"),
        ("isbn,title,rating,genre", "items"),
        ("user_id,age,country,score", "users"),
    ],
)
def test_a_table_of_items_or_users_is_no_table_of_ratings(quick, header, kind):
    text = table(
        lambda row: 900 + row, lambda row: f"Name {row}", lambda row: row % 5 + 0.5, lambda row: row % 7, header=header
    )
    with pytest.raises(
        FoldinError, match=rf"a table of {kind}, a row for each, and holds no ratings; describe it together"
    ):
        examined(quick, "a.csv", text)


@pytest.mark.parametrize("header", ["user,item,n", "user,item,listening_minutes", "user,item,whatever"])
def test_a_column_of_counts_is_found_or_named(quick, header):
    found, ratings = examined(quick, "a.csv", table(user, item, lambda row: row * row % 201 + 1, header=header))
    assert found.declared["rating"] == header.split(",")[2]
    assert found.declared["feedback"] == "implicit"
    assert len(set(ratings["rating"])) > 50
    assert bool(found.unsure) == header.endswith("whatever")


def test_counts_without_a_header_stay_in_their_place(quick):
    found, _ = examined(quick, "a.csv", table(user, lambda row: row // 24, lambda row: row * 31 % 977 + 1))
    assert (found.declared["user"], found.declared["item"], found.declared["rating"]) == (1, 2, 3)
    assert any("by their places only" in line for line in found.unsure)


@pytest.mark.parametrize("header", ["user,item,event", "user,item,what", "user,item,action"])
def test_kinds_of_events_are_found_with_all_that_occur(quick, header):
    kinds = ["view", "view", "view", "addtocart", "purchase"]
    found, ratings = examined(quick, "a.csv", table(user, item, lambda row: kinds[row % 5], header=header))
    assert found.declared["event"] == header.split(",")[2]
    assert found.declared["events"] == {"view": 1, "addtocart": 3, "purchase": 5}
    assert len(set(ratings["rating"])) == 3
    assert any("you choose how much each kind counts" in line for line in found.unsure)


def test_a_kind_of_event_that_only_late_rows_have_is_found(quick):
    text = table(
        user, lambda row: row % 31, lambda row: "buy" if row > 39_000 else "view", header="user,item,event", n=40_000
    )
    found = proposal.examine(put("a.csv", text))
    assert found.declared["events"] == {"view": 1, "buy": 5}


@pytest.mark.parametrize(
    ("date", "declared", "sure"),
    [
        (lambda row: f"{row % 28 + 1:02d}/03/2020", "%d/%m/%Y", True),
        (lambda row: f"03/{row % 28 + 1:02d}/2020", "%m/%d/%Y", True),
        (lambda row: f"{row % 12 + 1:02d}/03/2020", "%d/%m/%Y", False),
        (lambda row: f"{row % 28 + 1}.03.2020 10:30", "%d.%m.%Y %H:%M", True),
    ],
)
def test_dates_are_read_as_they_are_written(quick, date, declared, sure):
    found, ratings = examined(quick, "a.csv", table(user, item, stars, date, header="user,item,stars,bought on"))
    assert (found.declared["time"], found.declared["date_format"]) == ("bought on", declared)
    assert ratings["timestamp"].notna().all()
    assert sure == (not found.unsure)


def test_the_last_day_of_a_file_tells_days_from_months(quick):
    text = table(
        user,
        lambda row: row % 31,
        stars,
        lambda row: f"{13 if row == 39_990 else 5:02d}/03/2020",
        header="user,item,stars,date",
        n=40_000,
    )
    found = proposal.examine(put("a.csv", text))
    assert found.declared["date_format"] == "%d/%m/%Y"
    assert not [line for line in found.unsure if "exchanged" in line]


@pytest.mark.parametrize("place", [0, 20_000, 29_999])
def test_the_range_of_times_is_that_of_the_whole_file(quick, place):
    text = table(
        user,
        lambda row: row % 37,
        stars,
        lambda row: 1_600_000_000 if row == place else 1_000_000_000,
        header="user,item,rating,timestamp",
        n=30_000,
    )
    found = proposal.examine(put("a.csv", text))
    assert "timestamp: times in s since 1970, 2001-09-09 to 2020-09-13" in found.notes


@pytest.mark.parametrize(
    ("code", "share", "sure"), [(99, 0.4, True), (-1, 0.4, True), (-1, 0.02, False), (0, 0.2, False), (9, 0.1, False)]
)
def test_a_code_for_missing_is_no_end_of_the_scale(quick, code, share, sure):
    coded = RNG.random(240) < share
    text = table(user, item, lambda row: code if coded[row] else stars(row), header="user,item,rating")
    found, ratings = examined(quick, "a.csv", text)
    assert sure == (not found.unsure)
    if code in (99, -1):
        assert found.declared["missing"] == [code]
        assert found.declared["scale"] == [1, 5, 1]
        assert len(ratings) == 240 - coded.sum()


def test_headers_of_recbole_are_understood(quick):
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    text = table(user, item, stars, lambda row: 978_300_000.0 + row, header=header, separator="\t")
    found, ratings = examined(quick, "ml.inter", text)
    assert found.declared["user"] == "user_id:token"
    assert found.declared["time"] == "timestamp:float"
    assert not found.unsure
    assert len(ratings) == 240


def test_every_column_is_named_and_the_first_rows_are_shown(quick):
    text = table(
        user, item, stars, lambda row: f"w{row % 3}", lambda row: row % 60 + 18, header="user,item,stars,shop,age"
    )
    said = proposal.proposal(put("a.csv", text))
    assert "# shop: not used (3 different texts in the rows looked at, such as 'w0')" in said
    assert "# age: not used (60 different numbers in the rows looked at, such as '18')" in said
    assert "#   user 100, item 7000, rating 1" in said


def test_every_row_with_a_user_of_its_own_is_said(quick):
    found = proposal.examine(put("a.csv", table(lambda row: row, item, stars, header="user,item,rating")))
    assert any("every row has a user of its own" in line for line in found.unsure)


def test_a_broken_params_file_does_not_stop_the_examination(workspace, capsys):
    put("a.csv", table(user, item, stars, header="user,item,rating"))
    paths.params_file().write_text("datasets: [")
    assert cli.main(["describe", "own/a.csv"]) == 0
    assert "scale: [1, 5, 1]" in capsys.readouterr().out


def test_blanks_around_ids_are_taken_away_and_counted(quick):
    text = "user,item,rating\nu1 ,a,4\nu1,b,3\n u2,a,5\nu2,b,1\n"
    for name, content in (
        ("a.csv", text),
        ("b.csv", text.replace("u1,b", '"u1",b')),
        ("c.jsonl", "".join(json.dumps(row) + "\n" for row in pd.read_csv(StringIO(text)).to_dict("records"))),
    ):
        found, ratings = examined(quick, name, content)
        assert set(ratings["user_id"]) == {"u1", "u2"}
        assert "2 ids have blanks around them, which are removed" in found.notes
        account = json.loads(paths.account("mine", "cleaning").read_text())["ratings"]
        assert account["changed"]["blanks_around_id"] == 2
