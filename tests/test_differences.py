"""Two files of one name: where they differ, and by how much."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin import differences, figures

FIGURES = {"ndcg_at_10": 0.25, "domains": {"books": {"rmse": 0.8}}}


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
        WRITERS[kind](path, FIGURES | {"domains": {"books": {"rmse": rmse}}})
    (found,) = differences.between(*pair)
    assert found.where in ("rmse", "domains.books.rmse")
    assert found.what == "0.8 and 0.84, 4.8e-02 of the largest"
    assert found.relative == pytest.approx(0.04 / 0.84)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_bytes_have_no_difference(tmp_path, kind):
    for name in ("first", "second"):
        WRITERS[kind](tmp_path / f"{name}.{kind}", FIGURES)
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
    assert differences.between(tmp_path / "first.json", tmp_path / "second.json") == [
        ("mae", "only in the second", None)
    ]


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    as_json(tmp_path / "first.json", {})
    (found,) = differences.between(tmp_path / "first.json", tmp_path / "second.json")
    assert found.what == "missing in the second"


def test_a_notebooks_difference_is_named_by_its_cell(tmp_path):
    for name, printed in (("first", "rmse 0.8000"), ("second", "rmse 0.8001")):
        cell = nbformat.v4.new_code_cell("print(1)", id="a", outputs=[nbformat.v4.new_output("stream", text=printed)])
        text = nbformat.v4.new_markdown_cell("# Title", id="b")
        nbformat.write(nbformat.v4.new_notebook(cells=[text, cell]), tmp_path / f"{name}.ipynb")
    (found,) = differences.between(tmp_path / "first.ipynb", tmp_path / "second.ipynb")
    assert found.where == "cell 2"
    assert "0.8000" in found.what
    assert "0.8001" in found.what


def test_pictures_are_compared_by_what_they_show(tmp_path):
    from matplotlib.figure import Figure

    for name, height in (("first", 1.0), ("second", 2.0)):
        figure = Figure()
        figure.subplots().bar([0, 1], [height, 2.0])
        figures.save(figure, tmp_path / f"{name}.png")
    (found,) = differences.between(tmp_path / "first.png", tmp_path / "second.png")
    assert found.where == "the picture"


def test_other_bytes_of_the_same_content_differ_by_0(tmp_path):
    (tmp_path / "first.json").write_text('{"rmse": 1.0}')
    (tmp_path / "second.json").write_text('{"rmse":  1.0}')
    (found,) = differences.between(tmp_path / "first.json", tmp_path / "second.json")
    assert found.relative == 0.0
