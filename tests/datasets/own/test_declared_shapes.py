"""Data of other shapes than a file with a row for each rating: matrices, fused ids, event logs, packed files, parts."""

import bz2
import gzip
import io
import lzma
import math
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from own_data import CSV, ROWS, cleaned, declare, put, raw, triples
from pyarrow import feather, parquet
from scipy import io as scipy_io
from scipy import sparse

from foldin.core.errors import FoldinError

TEXT = "who,book,stars\nu1,b1,4.5\nu1,b2,1\n007,b1,3.0\n"


def zipped(**members):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return memory.getvalue()


def zstd(content):
    memory = pa.BufferOutputStream()
    with pa.CompressedOutputStream(memory, "zstd") as stream:
        stream.write(content)
    return memory.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("a.csv.bz2", bz2.compress(TEXT.encode())),
        ("a.csv.xz", lzma.compress(TEXT.encode())),
        ("a.csv.zst", zstd(TEXT.encode())),
        ("a.csv.zip", zipped(a_csv=TEXT)),
        ("a.csv", gzip.compress(TEXT.encode(), mtime=0)),
    ],
)
def test_a_packed_file_is_read_in_place(workspace, name, content):
    put(name, content)
    declare(CSV.replace("a.csv", name))
    assert triples(raw()) == ROWS
    put(name, content[: len(content) // 2])
    with pytest.raises(FoldinError, match=r"damaged|no readable zip") as error:
        raw()
    assert f"own/{name}" in str(error.value)


def test_one_file_of_an_archive_of_several_is_named(workspace):
    put("a.zip", zipped(a_csv=TEXT, readme_txt="hello"))
    declare(CSV.replace("own/a.csv", "own/a.zip, member: a.csv"))
    assert triples(raw()) == ROWS
    declare(CSV.replace("own/a.csv", "own/a.zip, format: csv"))
    with pytest.raises(FoldinError, match=r"holds 2 files \(a\.csv, readme\.txt\).*name one of them as `member`"):
        raw()
    declare(CSV.replace("own/a.csv", "own/a.zip, member: b.csv"))
    with pytest.raises(FoldinError, match=r"holds no 'b\.csv'; did you mean 'a\.csv'\?"):
        raw()


def test_several_files_are_read_as_one(workspace):
    put("part-2.csv", "who,book,stars\n007,b1,3.0\n")
    put("part-1.csv", "stars,who,book\n4.5,u1,b1\n1,u1,b2\n")
    put("other.csv", "nothing")
    declare(CSV.replace("file: own/a.csv", "files: own/part-*.csv"))
    assert triples(raw()) == ROWS
    put("part-3.csv", "who,book\nu1,b1\n")
    with pytest.raises(FoldinError, match=r"sources\.mine\.rating is 'stars', and the file has no such column"):
        raw()
    declare(CSV.replace("file: own/a.csv", "files: own/piece-*.csv"))
    with pytest.raises(FoldinError, match=r"own/piece-\*\.csv: the file of your data set 'mine' is missing"):
        raw()


@pytest.mark.parametrize("code", ["99", "-1", "n/a", "?"])
def test_codes_for_missing_are_no_ratings_and_counted(workspace, code):
    put("a.csv", f"who,book,stars\nu1,b1,4\nu1,b2,{code}\nu2,b1,5\n")
    listed = code if code.lstrip("-").isdigit() else f"'{code}'"
    declare(f"mine: {{file: own/a.csv, user: who, item: book, rating: stars, scale: [1, 5, 1], missing: [{listed}]}}")
    ratings, account = cleaned()
    assert ratings["rating"].tolist() == [4, 5]
    assert account["ratings"]["changed"]["code_for_missing"] == 1
    assert account["ratings"]["dropped"]["missing_rating"] == 1


LOG = "who,item,what\nu1,i1,view\nu1,i1,purchase\nu1,i2,view\nu2,i1,view\nu2,i1,view\nu2,i2,share\n"


@pytest.mark.parametrize(("how", "first", "second"), [("sum", 6, 2), ("highest", 5, 1)])
def test_events_count_what_they_are_declared_to(workspace, how, first, second):
    put("a.csv", LOG)
    declare(
        "mine: {file: own/a.csv, user: who, item: item, event: what, events: {view: 1, purchase: 5}, "
        f"events_per_pair: {how}, feedback: implicit}}"
    )
    ratings, account = cleaned()
    values = dict(zip(zip(ratings["user_id"], ratings["item_id"], strict=True), ratings["rating"], strict=True))
    assert values == pytest.approx(
        {("u1", "i1"): math.log1p(first), ("u1", "i2"): math.log1p(1), ("u2", "i1"): math.log1p(second)}
    )
    assert account["ratings"]["dropped"]["event_not_listed"] == 1
    assert account["ratings"]["rows_in"] == 6


def test_an_event_that_never_occurs_is_refused_with_the_nearest(workspace):
    put("a.csv", LOG)
    declare("mine: {file: own/a.csv, user: who, item: item, event: what, events: {buy: 5}, feedback: implicit}")
    with pytest.raises(FoldinError, match=r"events names 'buy', which the column 'what' never holds; its values are:"):
        raw()


@pytest.mark.parametrize(
    ("where", "kept"), [("{what: view}", 4), ("{what: [view, share]}", 5), ("{what: VIEW, who: u1}", 2)]
)
def test_where_selects_rows_and_counts_the_others(workspace, where, kept):
    put("a.csv", LOG)
    declare(f"mine: {{file: own/a.csv, user: who, item: item, where: {where}, feedback: implicit}}")
    account = cleaned()[1]["ratings"]
    assert account["rows_in"] == 6
    assert account["dropped"]["not_selected_by_where"] == 6 - kept
    declare("mine: {file: own/a.csv, user: who, item: item, where: {what: nothing}, feedback: implicit}")
    with pytest.raises(FoldinError, match="where selects none of 6 rows"):
        raw()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_where_compares_numbers_and_truth_as_such(workspace, form):
    table = pd.DataFrame({"who": ["a", "b", "c"], "book": "x", "n": [1, 2, 3], "ok": [True, False, True]})
    match form:
        case "csv":
            table.to_csv(put("a.csv", ""), index=False)
        case "jsonl":
            put("a.jsonl", table.to_json(orient="records", lines=True))
        case "parquet":
            table.to_parquet(put("a.parquet", ""), index=False)
    declare(
        f"mine: {{file: own/a.{form}, user: who, item: book, rating: n, feedback: implicit, "
        "where: {ok: true, n: [1.0, 2]}}"
    )
    assert triples(raw()) == [("a", "x", 1.0)]


@pytest.mark.parametrize(
    ("written", "date_format"),
    [("18/03/2020", "%d/%m/%Y"), ("03-18-2020 00:00", "%m-%d-%Y %H:%M"), ("Mar 18, 2020", "%b %d, %Y")],
)
def test_dates_are_read_as_they_are_declared_to_be_written(workspace, written, date_format):
    put("a.csv", f'who,book,stars,when\nu1,b1,4,"{written}"\n')
    declare(CSV.replace("user:", f"time: when, date_format: '{date_format}', user:"))
    assert raw().ratings["timestamp"].tolist() == [1584489600]
    put("a.csv", "who,book,stars,when\nu1,b1,4,2020-03-18\n")
    with pytest.raises(FoldinError, match="line 2: when is '2020-03-18'"):
        raw()


def test_a_column_of_both_ids_is_split(workspace):
    put("a.csv", "key,stars\nu1:b1,4.5\nu1:b2,1\n007:b1,3\n")
    declare("mine: {file: own/a.csv, pair: key, rating: stars, scale: [0.5, 5, 0.5]}")
    assert triples(raw()) == ROWS
    put("a.csv", "key,stars\nb1--u1,4.5\nb2--u1,1\nb1--007,3\n")
    common = "file: own/a.csv, pair: key, rating: stars, scale: [0.5, 5, 0.5]"
    declare(f"mine: {{{common}, pair_separator: '--', pair_order: item-user}}")
    assert triples(raw()) == ROWS
    put("a.csv", "key,stars\nb1--u1,4.5\nb2--u1--x,1\n")
    with pytest.raises(FoldinError, match=r"row 2: pair is 'b2--u1--x', no two ids separated by '--'"):
        raw()


@pytest.mark.parametrize("text", ["u1 b1 4.5\nu1  b2 1\n  007   b1\t3 \n", '"u1" b1 4.5\nu1 b2 1\n007 b1 3\n'])
def test_columns_separated_by_blanks_are_read(workspace, text):
    put("a.txt", text)
    where = "header: false, user: 1, item: 2, rating: 3"
    declare(f"mine: {{file: own/a.txt, separator: blanks, {where}, scale: [0.5, 5, 0.5]}}")
    assert triples(raw()) == ROWS
    put("a.txt", "u1 b1 4.5\nu1 b2 x\n")
    with pytest.raises(FoldinError, match="line 2: 3 is 'x'"):
        raw()


GRID = [[4, None, 1], [None, 2, None], [5, 3, 99]]
CELLS = [("1", "1", 4), ("1", "3", 1), ("2", "2", 2), ("3", "1", 5), ("3", "2", 3)]


def grid_as(form):
    """Write the grid in a format; return what to declare of the file."""
    empty = [["" if cell is None else cell for cell in row] for row in GRID]
    numbers = np.array([[np.nan if cell is None else cell for cell in row] for row in GRID])
    match form:
        case "csv":
            put("a.csv", "\n".join(",".join(map(str, row)) for row in empty))
            return "file: own/a.csv, header: false"
        case "csv with ids":
            rows = [",1,2,3", *(f"{n},{','.join(map(str, row))}" for n, row in enumerate(empty, 1))]
            put("a.csv", "\n".join(rows))
            return "file: own/a.csv, row_id: 1"
        case "blanks":
            put("a.txt", "\n".join(" ".join("99" if cell == "" else str(cell) for cell in row) for row in empty))
            return "file: own/a.txt, header: false, separator: blanks"
        case "double colon":
            put("a.dat", "\n".join("::".join(map(str, row)) for row in empty))
            return "file: own/a.dat, header: false, separator: '::'"
        case "parquet":
            parquet.write_table(pa.table({str(n + 1): numbers[:, n] for n in range(3)}), put("a.parquet", ""))
            return "file: own/a.parquet"
        case "feather":
            feather.write_feather(pa.table({str(n + 1): numbers[:, n] for n in range(3)}), put("a.feather", ""))
            return "file: own/a.feather"
        case "npy":
            np.save(put("a.npy", ""), numbers)
            return "file: own/a.npy"
        case "npz":
            sparse.save_npz(put("a.npz", ""), sparse.csr_array(np.nan_to_num(numbers)))
            return "file: own/a.npz"
        case "several":
            np.savez(put("a.npz", ""), ratings=numbers, other=np.zeros(4))
            return "file: own/a.npz, table: ratings"
        case "mat":
            scipy_io.savemat(put("a.mat", ""), {"R": numbers})
            return "file: own/a.mat"


FORMS = ["csv", "csv with ids", "blanks", "double colon", "parquet", "feather", "npy", "npz", "several", "mat"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", ["users", "items"])
def test_a_matrix_is_read_cell_by_cell_in_every_format(workspace, form, rows):
    declared = grid_as(form)
    declare(f"mine: {{{declared}, shape: matrix, rows: {rows}, missing: [99], scale: [1, 5, 1]}}")
    swapped = [(user, item, value) if rows == "users" else (item, user, value) for user, item, value in CELLS]
    assert triples(raw()) == swapped
    account = cleaned()[1]["ratings"]
    assert (account["rows_in"], account["rows_out"]) == (5, 5)
    assert account["changed"]["code_for_missing"] == (4 if form == "blanks" else 1)


def test_columns_of_a_matrix_that_are_no_cells_are_named(workspace):
    put("a.csv", "name,count,b1,b2,note\nu1,2,4.5,1,x\n007,1,3,,y\n")
    declare("mine: {file: own/a.csv, shape: matrix, row_id: name, skip: [count, 5], scale: [0.5, 5, 0.5]}")
    assert triples(raw()) == ROWS
    declare("mine: {file: own/a.csv, shape: matrix, row_id: name, skip: [count], scale: [0.5, 5, 0.5]}")
    with pytest.raises(
        FoldinError, match=r"own/a\.csv: line 2: the column 'note' has 'x', which is no number; name it"
    ):
        raw()
    declare("mine: {file: own/a.csv, shape: matrix, row_id: nam, skip: [count], scale: [0.5, 5, 0.5]}")
    with pytest.raises(FoldinError, match=r"sources\.mine\.row_id is 'nam', .*did you mean 'name'\?"):
        raw()


def test_a_matrix_of_thousands_of_columns_is_read(workspace):
    width, rng = 3000, np.random.default_rng(1)
    grid = np.where(rng.random((40, width)) < 0.05, rng.integers(1, 6, (40, width)), 0)
    lines = ["user," + ",".join(f"Film number {n}" for n in range(width))]
    lines += [f"u{n}," + ",".join("" if cell == 0 else str(cell) for cell in row) for n, row in enumerate(grid)]
    put("a.csv", "\n".join(lines))
    declare("mine: {file: own/a.csv, shape: matrix, row_id: user, scale: [1, 5, 1]}")
    found = triples(raw())
    assert len(found) == int((grid > 0).sum())
    assert all(grid[int(user[1:]), int(item.split()[-1])] == value for user, item, value in found)


def test_zeros_that_a_sparse_matrix_stores_are_ratings(workspace):
    stored = sparse.csr_array((np.array([0.0, 3.0]), np.array([1, 0]), np.array([0, 1, 2])), shape=(2, 2))
    sparse.save_npz(put("a.npz", ""), stored)
    declare("mine: {file: own/a.npz, shape: matrix, scale: [0, 3, 1]}")
    assert triples(raw()) == [("1", "2", 0.0), ("2", "1", 3.0)]


@pytest.mark.parametrize("form", ["npy", "npz", "structured"])
def test_an_array_of_three_columns_is_a_list(workspace, form):
    table = np.array([[7, 1, 5], [7, 2, 3], [9, 1, 1]])
    common = "scale: [1, 5, 1]"
    match form:
        case "npy":
            np.save(put("a.npy", ""), table.astype(float))
            declare(f"mine: {{file: own/a.npy, user: 1, item: 2, rating: 3, {common}}}")
        case "npz":
            np.savez(put("a.npz", ""), who=table[:, 0], what=table[:, 1], stars=table[:, 2])
            declare(f"mine: {{file: own/a.npz, user: who, item: what, rating: stars, {common}}}")
        case "structured":
            records = np.array([tuple(row) for row in table], dtype=[("who", int), ("what", int), ("stars", float)])
            np.save(put("a.npy", ""), records)
            declare(f"mine: {{file: own/a.npy, user: who, item: what, rating: stars, {common}}}")
    assert triples(raw()) == [("7", "1", 5.0), ("7", "2", 3.0), ("9", "1", 1.0)]


def test_arrays_of_python_objects_are_never_loaded(workspace):
    np.save(put("a.npy", ""), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    declare("mine: {file: own/a.npy, user: 1, item: 2, feedback: implicit}")
    with pytest.raises(FoldinError, match=r"own/a\.npy: this array holds Python objects"):
        raw()


def test_rows_without_ids_of_several_matrices_are_numbered_on(workspace):
    put("m-1.csv", "1,,3\n,2,\n")
    put("m-2.csv", "5,5,\n")
    declare("mine: {files: 'own/m-*.csv', shape: matrix, header: false, scale: [1, 5, 1]}")
    assert triples(raw()) == [("1", "1", 1.0), ("1", "3", 3.0), ("2", "2", 2.0), ("3", "1", 5.0), ("3", "2", 5.0)]
