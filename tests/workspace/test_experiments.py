"""`foldin experiments`: what differs, parameters first, no wider than the terminal."""

import pytest

from foldin.workspace import experiments


def revision(rev, name=None, factors=32, rmse=0.9, dataset="demo", **more):
    metrics = {f"reports/{dataset}/metrics/als/als-explicit.json": {"data": {"rmse": rmse, "coverage_at_10": rmse}}}
    metrics |= {f"reports/{dataset}/metrics/svd/svds.json": {"data": {"ndcg_at_10": 0.3, "ndcg_at_10_se": rmse}}}
    # Of commits before the tables.
    metrics |= {f"reports/{dataset}/metrics/als/als-explicit.books.json": {"data": {"rmse": rmse}}}
    metrics |= {f"reports/{dataset}/validation/als/als-explicit.json": {"data": {"rmse": 0.1}}}
    given = {"als": {"als-explicit": {"factors": factors, "epochs": 40}}, **more}
    return {"rev": rev, "name": name, "data": {"params": {"params.yaml": {"data": given}}, "metrics": metrics}}


@pytest.fixture
def commits():
    """Return a workspace and a commit with two experiments, as DVC gives them."""
    runs = [{"revs": [revision("a" * 40, "few", 4, 0.95)]}, {"revs": [revision("b" * 40, "some", 8, 0.92)]}]
    return [revision("workspace"), revision("c" * 40, "main") | {"experiments": runs}]


def test_what_differs_is_shown_parameters_first_under_short_names(commits):
    lines = experiments.text(commits, 120).splitlines()
    assert lines[0].split() == ["experiment", "als.", "als-explicit"]
    assert lines[2].split() == ["factors"]
    rows = {
        line.split()[0]: line.split()[1:] for line in lines if line.startswith(("workspace", "main", "few", "some"))
    }
    assert rows == {
        "workspace": ["32", "0.9000"],
        "main": ["32", "0.9000"],
        "few": ["4", "0.9500"],
        "some": ["8", "0.9200"],
    }
    assert "ndcg" not in "".join(lines), "the same in all"
    assert "coverage" not in "".join(lines)


def test_a_narrow_terminal_gets_a_column_for_each_experiment_and_as_many_tables_as_it_takes(commits):
    text = experiments.text(commits, 44)
    assert max(map(len, text.splitlines())) <= 44
    assert text.count("als.als-explicit.factors") == 3
    assert text.index("als.als-explicit.factors") < text.index("als-explicit rmse")
    assert [name in text for name in ("workspace", "main", "few", "some")] == [True] * 4


def test_several_data_sets_are_named(commits):
    other = revision("d" * 40, "ml", rmse=0.8, dataset="ml-100k")
    assert "ml-100k\nals-explicit\nrmse" not in experiments.text(commits, 120)
    text = experiments.text([*commits, other], 10)
    assert "ml-100k als-explicit rmse" in text
    assert "demo als-explicit rmse" in text


def test_equal_experiments_are_said_to_be_equal():
    text = experiments.text([revision("workspace"), revision("c" * 40, "main")], 120)
    assert text.startswith("Nothing differs between workspace, main. Make an experiment: dvc exp run")
