"""Your files changed as users and programs change them: a correct table, or one FoldinError, in every format."""

import json
import shutil
import sqlite3
from contextlib import closing

import pyarrow as pa
import pytest
from fuzzing import FUZZ, one_line, table_or_error
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets.own import proposal

NAMES = ["who", "what", "stars", "when"]
PLAIN = [[f"u{n % 8}", n // 8, n % 5 + 1, 978_300_760 + n] for n in range(64)]
ODD = st.sampled_from(
    [
        None,
        "",
        " ",
        "NULL",
        "7.0",
        "1e400",
        "4,5",
        "2020-03-18",
        "\u00a0",
        "\ufeff",
        "a\nb",
        'a"b',
        True,
        float("nan"),
        float("inf"),
        7.0,
        4.5,
        -0.0,
        2.0**53,
        2**53 + 1,
        2**64,
        2**70,
        10**400,
        -1,
        b"u1",
        b"\xff",
        ["u1", "u2"],
        [],
        {"id": 1},
        {"id": {"id": None}},
        [[["u1"]]],
    ]
)
RETYPED = {
    "text": str,
    "floats": lambda value: float(value) if isinstance(value, int) else value,
    "ratios": lambda value: value / 3 if isinstance(value, int) else value,
    "milliseconds": lambda value: value * 1000 if isinstance(value, int) else value,
    "padded": lambda value: f" {value} ",
    "nested": lambda value: {"value": value},
    "listed": lambda value: [value],
    "bytes": lambda value: str(value).encode(),
    "true": lambda value: value == 1,
}


@st.composite
def changed(draw):
    """Return names of columns and rows, after one to three changes of whole columns or of single cells."""
    names, rows = list(NAMES), [list(row) for row in PLAIN]
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["swap", "double", "retype", "cells", "cells", "drop", "rename", "rows", "none"]))
        column, other = draw(st.integers(0, len(names) - 1)), draw(st.integers(0, len(names) - 1))
        match kind:
            case "swap":
                names[column], names[other] = names[other], names[column]
            case "double":
                names.append(names[column])
                rows = [[*row, row[other]] for row in rows]
            case "retype":
                of = RETYPED[draw(st.sampled_from(sorted(RETYPED)))]
                rows = [[of(cell) if place == column else cell for place, cell in enumerate(row)] for row in rows]
            case "cells":
                for row in draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=3)):
                    rows[row][column] = draw(ODD)
            case "drop" if len(names) > 1:
                names.pop(column)
                rows = [row[:column] + row[column + 1 :] for row in rows]
            case "rename":
                names[column] = draw(st.sampled_from(["", " who", "WHO", "é", "who.what", "1", 'a"b']))
            case "rows":
                rows = [[*row] for row in rows[: draw(st.integers(1, 64))] * 2]
    return names, rows


def write(form, path, names, rows):
    """Write a table in a format, or give the example up where the format has no way to hold it."""
    match form:
        case "csv":
            lines = [",".join("" if cell is None else str(cell) for cell in row) for row in [names, *rows]]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        case "jsonl":
            # A dict would hold no name twice.
            keys = [json.dumps(name) for name in names]
            cells = [[json.dumps(cell, default=lambda value: value.decode("latin-1")) for cell in row] for row in rows]
            lines = [", ".join(map(": ".join, zip(keys, row, strict=True))) for row in cells]
            path.write_text("".join(f"{{{line}}}\n" for line in lines), encoding="utf-8")
        case "parquet":
            try:
                arrays = [pa.array(column) for column in zip(*rows, strict=True)]
            except (pa.ArrowException, OverflowError):
                assume(False)
            parquet.write_table(pa.Table.from_arrays(arrays, names), path)
        case "sqlite":
            places = ", ".join(f"c{place}" for place in range(len(names)))
            path.unlink(missing_ok=True)
            try:
                with closing(sqlite3.connect(path)) as database:
                    database.execute(f"create table t ({places})")
                    database.executemany(f"insert into t values ({', '.join('?' * len(names))})", rows)
                    database.commit()
            except (sqlite3.Error, OverflowError):
                assume(False)


def declaration(form, names, unit):
    declared = {"file": f"own/a.{form}", "user": "who", "item": "what", "rating": "stars", "scale": [1, 5, 1]}
    if form == "sqlite":
        columns = [f'c{place} as "{name.replace(chr(34), chr(34) * 2)}"' for place, name in enumerate(names)]
        declared["query"] = f"select {', '.join(columns)} from t"
    return declared | ({} if unit is None else {"time": "when"}) | ({"time_unit": unit} if unit else {})


@pytest.mark.parametrize("form", ["csv", "parquet", "sqlite", "jsonl"])
@given(table=changed(), unit=st.sampled_from([None, "", "s", "ms", "date"]), share=st.sampled_from([0.001, 0.2]))
@settings(FUZZ, max_examples=60)
def test_a_changed_file_gives_a_closed_account_or_one_error(quick, form, table, unit, share):
    names, rows = table
    folder = paths.raw("mine")
    folder.mkdir(parents=True, exist_ok=True)
    write(form, folder / f"a.{form}", names, rows)
    quick["sources"] = {"mine": declaration(form, names, unit)}
    quick["clean"]["bad_lines"] = share
    ratings = table_or_error("mine")
    if ratings is not None and form != "csv":
        # No id is what Python prints of something else, unless that is what was written.
        texts = {cell.strip() for row in rows for cell in row if isinstance(cell, str)}
        made = {*ratings["user_id"], *ratings["item_id"]} - texts
        assert not [name for name in made if name.startswith(("b'", "{", "[", "array(")) or name in ("True", "nan")]
    own = paths.root() / "own"
    own.mkdir(exist_ok=True)
    shutil.copy(folder / f"a.{form}", own)
    try:
        proposal.proposal(own / f"a.{form}")
    except FoldinError as error:
        one_line(error)


def test_the_file_unchanged_is_read_whole_in_every_format(quick):
    for form in ("csv", "parquet", "sqlite", "jsonl"):
        paths.raw("mine").mkdir(parents=True, exist_ok=True)
        write(form, paths.raw("mine") / f"a.{form}", NAMES, PLAIN)
        quick["sources"] = {"mine": declaration(form, NAMES, "s")}
        assert len(table_or_error("mine")) == len(PLAIN)
