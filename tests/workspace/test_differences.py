"""Two files of one name: where they differ, and by how much."""

import base64
import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from foldin.report import plots
from foldin.workspace import differences

METRICS = {"ndcg_at_10": 0.25, "domains": {"books": {"rmse": 0.8}}}


def as_json(path, values):
    path.write_text(json.dumps(values))


def as_npz(path, values):
    np.savez(path, rmse=np.array([0.1, values["domains"]["books"]["rmse"]]))


def as_table(write):
    return lambda path, values: write(
        pd.DataFrame({"model": ["a"], "rmse": [values["domains"]["books"]["rmse"]]}), path
    )


WRITERS = {
    "json": as_json,
    "npz": as_npz,
    "csv": as_table(lambda table, path: table.to_csv(path, index=False)),
    "parquet": as_table(lambda table, path: table.to_parquet(path)),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_number_that_differs_is_named_with_both_values_and_the_gap(tmp_path, kind):
    pair = [tmp_path / f"first.{kind}", tmp_path / f"second.{kind}"]
    for path, rmse in zip(pair, (0.8, 0.84), strict=True):
        WRITERS[kind](path, METRICS | {"domains": {"books": {"rmse": rmse}}})
    (found,) = differences.between(*pair)
    assert found.where in ("rmse", "domains.books.rmse")
    assert found.what == "0.8 and 0.84, 4.8e-02 of the largest"
    assert found.relative == pytest.approx(0.04 / 0.84)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_bytes_have_no_difference(tmp_path, kind):
    for name in ("first", "second"):
        WRITERS[kind](tmp_path / f"{name}.{kind}", METRICS)
    assert differences.between(tmp_path / f"first.{kind}", tmp_path / f"second.{kind}") == []


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=5),
    st.integers(0, 4),
    st.floats(-1e6, 1e6, width=32),
)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_a_changed_number_is_never_missed(tmp_path_factory, values, place, other):
    folder = tmp_path_factory.mktemp("pair")
    changed = list(values)
    changed[place % len(values)] = other
    for name, array in (("first", values), ("second", changed)):
        np.savez(folder / f"{name}.npz", x=np.array(array))
    found = differences.between(folder / "first.npz", folder / "second.npz")
    assert bool(found) == (np.array(values).tobytes() != np.array(changed).tobytes())
    gap = max(abs(a - b) for a, b in zip(values, changed, strict=True))
    if gap:
        assert found[0].relative == pytest.approx(gap / max(map(abs, values + changed)))


def test_a_key_that_only_one_has_is_named(tmp_path):
    as_json(tmp_path / "first.json", {"rmse": 1.0})
    as_json(tmp_path / "second.json", {"rmse": 1.0, "mae": 1.0})
    (found,) = differences.between(tmp_path / "first.json", tmp_path / "second.json")
    assert found == differences.Difference("mae", "only in the second", None)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    as_json(tmp_path / "first.json", {})
    (found,) = differences.between(tmp_path / "first.json", tmp_path / "second.json")
    assert found.what == "missing in the second"


def notebook(path, printed, title="# Title", code="print(1)", picture=None):
    outputs = [nbformat.v4.new_output("stream", text=printed)]
    if picture:
        content = base64.b64encode(picture.read_bytes()).decode()
        outputs.append(nbformat.v4.new_output("display_data", data={"image/png": content, "text/plain": "<Metric>"}))
    cells = [nbformat.v4.new_markdown_cell(title, id="b"), nbformat.v4.new_code_cell(code, id="a", outputs=outputs)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def bars(path, height, size=None):
    metric = Figure(figsize=size)
    metric.subplots().bar([0, 1], [height, 2.0])
    plots.save(metric, path)


def compared(tmp_path, first, second):
    """Return the differences of two texts."""
    for name, text in (("first", first), ("second", second)):
        (tmp_path / f"{name}.md").write_text(text)
    return differences.between(tmp_path / "first.md", tmp_path / "second.md")


def test_a_notebooks_difference_is_named_by_its_cell(tmp_path):
    for name, printed in (("first", "rmse 0.8000"), ("second", "rmse 0.8401")):
        notebook(tmp_path / f"{name}.ipynb", printed)
    (found,) = differences.between(tmp_path / "first.ipynb", tmp_path / "second.ipynb")
    assert found.where == "cell 2"
    assert "0.8000" in found.what
    assert "0.8401" in found.what
    assert found.relative == pytest.approx((0.0401 - 0.0001) / 0.8401)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"printed": "rmse 0.8"}, {"printed": "mae 0.8"}),
        ({"printed": "a\nb"}, {"printed": "a"}),
        ({"printed": "0.8", "code": "f(1)"}, {"printed": "0.8", "code": "f(2)"}),
    ],
)
def test_what_differs_in_more_than_numbers_has_no_size(tmp_path, first, second):
    for name, content in (("first", first), ("second", second)):
        notebook(tmp_path / f"{name}.ipynb", **content)
    assert differences.between(tmp_path / "first.ipynb", tmp_path / "second.ipynb")[0].relative is None


def test_numbers_in_a_notebooks_prose_count_too(tmp_path):
    for name, title in (("first", "An RMSE of 0.8000."), ("second", "An RMSE of 0.8400.")):
        notebook(tmp_path / f"{name}.ipynb", "", title=title)
    (found,) = differences.between(tmp_path / "first.ipynb", tmp_path / "second.ipynb")
    assert found.relative == pytest.approx(0.0399 / 0.84)


@pytest.mark.parametrize(
    ("first", "second", "relative"),
    [
        ("| als | 0.9000 | 12 |", "| als | 0.9900 | 12 |", 0.0899 / 0.99),
        ("| als | 9.99 |\n|-----|------|", "| als | 10.99 |\n|-----|-------|", 0.99 / 10.99),
        ("1,000 users", "1,010 users", 10 / 1010),
        ("loss 1.5e-05", "loss 3.0e-05", 1.4e-5 / 3e-5),
        ("change -0.20", "change 0.20", 0.39 / 0.20),
        ("change −0.20", "change −0.40", 0.19 / 0.40),
        ("0.20 to 0.30.", "0.20 to 0.40.", 0.09 / 0.40),
        ("12 epochs", "13 epochs", 1 / 13),
        ("0.0012", "0.0013", 0.0),  # both may be 0.00125
        ("0.50", "0.500", 0.0),
        ("fold-1", "fold-2", None),
        ("ml-100k", "ml-10m", None),
        ("als 0.9", "svd 0.9", None),
        ("0.9 and 0.8", "0.9", None),
    ],
)
def test_texts_are_as_far_apart_as_their_numbers(tmp_path, first, second, relative):
    found = compared(tmp_path, f"same 1\n{first}\n", f"same 1\n{second}\n")
    assert found[0].relative == (None if relative is None else pytest.approx(relative))
    assert found[0].where == "line 2"


def test_the_largest_difference_of_a_text_comes_first(tmp_path):
    found = compared(tmp_path, "1.00\n1.00\n1.00", "1.10\n3.00\n1.20")
    assert [difference.where for difference in found] == ["line 2", "line 3", "line 1"]


def test_bytes_that_are_no_text_have_no_size(tmp_path):
    (tmp_path / "first").write_bytes(b"\xff 1")
    (tmp_path / "second").write_bytes(b"\xfe 1")
    assert differences.between(tmp_path / "first", tmp_path / "second")[0].relative is None


def test_pictures_that_show_something_else_are_marked_as_pictures(tmp_path):
    for name, height in (("first", 1.0), ("second", 2.0)):
        bars(tmp_path / f"{name}.png", height)
        notebook(tmp_path / f"{name}.ipynb", f"{height}", picture=tmp_path / f"{name}.png")
    (found,) = differences.between(tmp_path / "first.png", tmp_path / "second.png")
    assert found.where == "the picture"
    assert found.picture
    text, picture = differences.between(tmp_path / "first.ipynb", tmp_path / "second.ipynb")
    assert (text.picture, picture.picture) == (False, True)


def test_pictures_of_other_sizes_are_no_such_pair(tmp_path):
    bars(tmp_path / "first.png", 1.0, (4, 3))
    bars(tmp_path / "second.png", 1.0, (4, 4))
    (found,) = differences.between(tmp_path / "first.png", tmp_path / "second.png")
    assert not found.picture
    assert found.relative is None


def test_other_bytes_of_the_same_content_differ_by_0(tmp_path):
    (tmp_path / "first.json").write_text('{"rmse": 1.0}')
    (tmp_path / "second.json").write_text('{"rmse":  1.0}')
    (found,) = differences.between(tmp_path / "first.json", tmp_path / "second.json")
    assert found.relative == 0.0
