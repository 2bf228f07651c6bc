"""The bulk reader answers as the line-by-line reader does, or not at all."""

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core.errors import FoldinError
from foldin.datasets.formats import bulk, lines, parsers

COLUMNS = {"id": parsers.identifier, "name": parsers.text, "count": parsers.integer, "share": parsers.number}
DECLARED = {"id": parsers.identifier, "name": parsers.ignored, "count": parsers.timestamp, "share": parsers.ignored}
COMMAS = {
    "id": parsers.number_with_comma,
    "name": parsers.ignored,
    "count": parsers.timestamp,
    "share": parsers.number_with_comma,
}
# What two parsers could read differently: blanks, signs, bases, names of no number, ends of lines, quotes.
FIELDS = st.sampled_from(
    [
        "1",
        "007",
        "+5",
        "-3",
        " 7",
        "7 ",
        "0x1F",
        "00x1F",
        "1_0",
        "1.0",
        "1e5",
        "1e400",
        "1e-400",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "",
        " ",
        "\t",
        "\u00a0",
        "\x1c",
        "\x85",
        "a",
        " a",
        "a ",
        "é",
        "NA",
        "null",
        "NULL",
        "true",
        "\ufeff",
        "'",
        "٣",
        "#",
        "9223372036854775807",
        "9223372036854775808",
        "4611686018427387904",
        "4611686018427387903",
        "978300760.0",
        "978300760,0",
        "4,5",
        ",5",
        "1,2,3",
        "1,e1",
        "-1.5",
        ".5",
        "5.",
        "-0.0",
        "0.1e1",
        "\x00",
        "\x1f",
        ":",
        "::",
        '"',
        '"a"',
    ]
)
PLAIN = st.lists(st.sampled_from(["1", "2", "30", "-4", "2"]), min_size=4, max_size=4)


@st.composite
def tables(draw):
    """Return rows of four fields, one or two fields of which are odd, and now and then a row of another length."""
    rows = draw(st.lists(PLAIN, max_size=6))
    for _ in range(draw(st.integers(0, 2))):
        if rows:
            rows[draw(st.integers(0, len(rows) - 1))][draw(st.integers(0, 3))] = draw(FIELDS)
    return rows + draw(st.sampled_from([[], [], [], [["1"]], [[]], [["1"] * 5]]))


@given(
    columns=st.sampled_from([COLUMNS, DECLARED, COMMAS]),
    rows=tables(),
    ending=st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\r\n"]),
    last=st.booleans(),
    delimiter=st.sampled_from([",", "\t", ";", "::", "|"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-8-sig"]),
    quoted=st.booleans(),
    header=st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_in_bulk_or_line_by_line_the_table_is_the_same(
    tmp_path_factory, columns, rows, ending, last, delimiter, encoding, quoted, header
):
    path = tmp_path_factory.getbasetemp() / "raw" / "equal.csv"
    path.parent.mkdir(exist_ok=True)
    kept = [list(COLUMNS)] * header + rows
    text = ending.join(delimiter.join(row) for row in kept) + ending * last
    path.write_bytes(text.encode(encoding, "replace"))

    def outcome():
        try:
            table = lines.read(
                path,
                columns,
                delimiter=delimiter,
                encoding=encoding,
                header=list(COLUMNS) if header else None,
                quoted=quoted,
            )
        except FoldinError as error:
            return str(error)
        values = {name: table[name].astype(object).fillna("missing").tolist() for name in table}
        return table.dtypes.astype(str).tolist(), values

    both = outcome()
    with mock.patch.object(bulk, "read", return_value=None):
        assert outcome() == both


def test_times_are_rounded_down_and_a_column_nobody_asked_for_is_not_read(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text("u1,a review,978300760,4\nu2,,-1.5,\nu3,,,x\n")
    dtypes = {name: parsers.DTYPES[parser] for name, parser in DECLARED.items()}
    table = bulk.read(path, dtypes, delimiter=",", encoding="utf-8", header=False, special='"')
    assert list(table) == ["id", "count"]
    assert table["count"].fillna(0).tolist() == [978300760, -2, 0]
    assert table["count"].dtype == "Int64"


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"caf\xe9 "])
def test_text_of_another_encoding_is_a_fault_in_any_column(tmp_path, text):
    path = tmp_path / "raw" / "text.csv"
    path.parent.mkdir()
    path.write_bytes(b"u1," + text + b",978300760,4\n")
    with pytest.raises(FoldinError, match="line 1: no utf-8 text"):
        lines.read(path, DECLARED, delimiter=",")
    path.write_bytes(b"u1,a,978300760," + text)
    with pytest.raises(FoldinError, match="line 1: no utf-8 text"):
        lines.read(path, DECLARED, delimiter=",")


def test_a_plain_file_is_read_in_bulk(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("u1::a title::3::0.5\nu2::::::\n u1 ::b:c::-4::1e3\n")
    dtypes = {name: parsers.DTYPES[parser] for name, parser in COLUMNS.items()}
    table = bulk.read(path, dtypes, delimiter="::", encoding="utf-8", header=False, special='"')
    assert table["id"].tolist() == ["u1", "u2", "u1"]
    assert list(table["id"].cat.categories) == ["u1", "u2"]
    assert table["name"].tolist()[::2] == ["a title", "b:c"]
    assert table["count"].tolist()[::2] == [3, -4]
    assert table["share"].tolist()[::2] == [0.5, 1000.0]
    assert table.iloc[1, 1:].isna().all()


@pytest.mark.parametrize(
    "field",
    ["0x1F,1", "1,nan", "1,inf", "+5,1", "1.0,1", "1_0,1", "1", "1,2,3", '"1",1', "\0,1", "99999999999999999999,1"],
)
def test_what_is_not_plain_is_left_to_the_line_by_line_reader(tmp_path, field):
    path = tmp_path / "odd.csv"
    path.write_text(f"4,0.5\n{field}\n")
    types = {"count": "Int64", "share": "float64"}
    plain = {"delimiter": ",", "encoding": "utf-8", "header": False, "special": '"'}
    assert bulk.read(path, types, **plain) is None


def test_an_isbn_that_ends_in_0x_is_read_in_bulk_and_a_hexadecimal_number_is_not(tmp_path):
    path = tmp_path / "books.csv"
    types = {"book": "category", "count": "Int64"}
    plain = {"encoding": "utf-8", "header": False, "special": '"'}
    path.write_text("078685480X,7\n")
    assert bulk.read(path, types, delimiter=",", **plain)["book"].tolist() == ["078685480X"]
    path.write_text("a10x7\n")
    assert bulk.read(path, types, delimiter="1", **plain) is None
