"""Delimited text: read back exactly, or refused with file, line and column."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core.errors import FoldinError
from foldin.datasets.formats import lines, parsers

COLUMNS = {"name": parsers.text, "count": parsers.integer, "share": parsers.number}


def written(folder, text, encoding="utf-8"):
    path = folder / "raw" / "some-set" / "file.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(categories=["L", "N"], codec="latin-1"), min_size=1, max_size=8),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=20,
    ),
    encoding=st.sampled_from(["utf-8", "latin-1"]),
    delimiter=st.sampled_from(["\t", "|", ","]),
)
@settings(deadline=None, derandomize=True, max_examples=50)
def test_what_was_written_is_read_back(tmp_path_factory, rows, encoding, delimiter):
    text = "".join(delimiter.join(map(str, row)) + "\n" for row in rows)
    path = written(tmp_path_factory.mktemp("lines"), text, encoding)
    table = lines.read(path, COLUMNS, delimiter=delimiter, encoding=encoding)
    assert list(table.itertuples(index=False, name=None)) == rows


def test_an_empty_field_is_a_missing_value_and_quotes_hold_the_delimiter(tmp_path):
    path = written(tmp_path, 'name,count,share\n"Crown, The",,\n')
    table = lines.read(path, COLUMNS, delimiter=",", header=list(COLUMNS), quoted=True)
    assert table.loc[0, "name"] == "Crown, The"
    assert table.loc[0, ["count", "share"]].isna().all()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\t1\t0.5\nb\t2", "line 2: 2 fields, 3 expected"),
        ("a\t1\t0.5\tx\n", "line 1: 4 fields, 3 expected"),
        ("a\t1\t0.5\n\nb\ttwo\t0.5\n", "line 3: count is 'two'"),
        ("a\t1_0\t0.5\n", "line 1: count is '1_0'"),
        ("a\t99999999999999999999\t0.5\n", "line 1: count is '99999999999999999999'"),
        ("a\t1\tnan\n", "line 1: share is 'nan'"),
        ("", "holds no rows"),
    ],
)
def test_a_fault_is_named_by_file_line_and_column_with_a_remedy(tmp_path, text, what):
    with pytest.raises(FoldinError) as error:
        lines.read(written(tmp_path, text), COLUMNS, delimiter="\t")
    assert what in str(error.value)
    assert "raw/some-set/file.csv" in str(error.value)
    assert "dvc repro -f fetch@some-set" in str(error.value)


def test_a_wrong_header_a_wrong_encoding_and_a_missing_file_are_named(tmp_path):
    path = written(tmp_path, "name,number,share\na,1,1\n")
    with pytest.raises(FoldinError, match=r"line 1: the header is 'name,number,share', not 'name,count,share'"):
        lines.read(path, COLUMNS, delimiter=",", header=list(COLUMNS))
    with pytest.raises(FoldinError, match="no utf-8 text"):
        lines.read(written(tmp_path, "é,1,1\n", "latin-1"), COLUMNS, delimiter=",")
    with pytest.raises(FoldinError, match="the file is missing"):
        lines.read(tmp_path / "nothing", COLUMNS, delimiter=",")


def test_an_open_quote_is_refused_not_swallowed(tmp_path):
    path = written(tmp_path, 'a,1,1\n"b,2,2\nc,3,3\n')
    with pytest.raises(FoldinError, match="unexpected end of data"):
        lines.read(path, COLUMNS, delimiter=",", quoted=True)


@pytest.mark.parametrize("field", ["", "2", "yes"])
def test_a_flag_is_0_or_1_and_nothing_else(tmp_path, field):
    path = written(tmp_path, f"a,1\nb,{field}\n")
    with pytest.raises(FoldinError, match=f"line 2: on is '{field}'"):
        lines.read(path, {"name": parsers.text, "on": parsers.flag}, delimiter=",")


def test_bad_lines_are_dropped_and_counted_up_to_a_share(tmp_path):
    path = written(tmp_path, 'a,1,1\nb,two,2\n"c,3,3\nd,4,4"\ne,5,5\n')
    bad = lines.BadLines(share=0.8)
    table = lines.read(path, COLUMNS, delimiter=",", quoted=True, bad=bad)
    assert table["name"].tolist() == ["a", "e"]
    assert bad.count == 3
    few = lines.BadLines(share=0.5)
    with pytest.raises(FoldinError, match=r"3 of 5 lines are not as declared; the first: line 2: count is 'two'.*0\.5"):
        lines.read(path, COLUMNS, delimiter=",", quoted=True, bad=few)
    assert few.count == 0


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_ends_of_lines_and_blanks_around_names_change_nothing(tmp_path, ending, mark):
    path = written(tmp_path, mark + ending.join(["name:: count::share ", "a::1::0.5", "b: c::2::1", ""]))
    table = lines.read(path, COLUMNS, delimiter="::", header=list(COLUMNS))
    assert list(table.itertuples(index=False, name=None)) == [("a", 1, 0.5), ("b: c", 2, 1.0)]


def test_a_quote_behind_an_escape_ends_no_field(tmp_path):
    path = written(tmp_path, '"a \\"b\\"",1,1\n')
    table = lines.read(path, COLUMNS, delimiter=",", quoted=True, escape="\\")
    assert table["name"].tolist() == ['a "b"']


def test_identifiers_are_categories_however_they_are_read(tmp_path):
    columns = {"id": parsers.identifier, "share": parsers.number}
    for text in ("b,1\na,2\n b ,3\n,4\n", '"b",1\na,2\n b ,3\n,4\n'):
        table = lines.read(written(tmp_path, text), columns, delimiter=",", quoted=True)
        assert table["id"].tolist()[:3] == ["b", "a", "b"]
        assert table["id"].isna().tolist() == [False, False, False, True]
        assert table["id"].dtype == "category"
