"""What models cost: measured by the workbench and by evaluate, printed by `foldin show --costs`, in no hashed file."""

import json

import pytest
from conftest import edit_params

from foldin import cli
from foldin.core import costs, params, paths
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item
from foldin.workspace import show, workbench


@pytest.fixture
def trained(workspace):
    """Return a workspace in which the baselines are trained and evaluated, as their notebook does it."""
    edit_params(workspace, lambda values: values.update(families=["baselines"]))
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    bench = workbench.open_family("baselines", "demo")
    for name in bench.models:
        bench.try_out(name)
        bench.keep(name)
    bench.close()
    evaluate.run("demo", "baselines")
    return workspace


def test_every_model_has_its_costs_and_the_table_fits_a_terminal(trained, capsys):
    names = {"global-mean", "bias", "popularity", "random"}
    of = {stage: json.loads(paths.costs("demo", stage, "baselines").read_text()) for stage in ("train", "evaluate")}
    assert set(of["train"]) == set(of["evaluate"]) == names
    for name in names:
        assert of["train"][name]["seconds_trying_out"] > 0
        assert of["train"][name]["seconds_training"] > 0
        assert of["evaluate"][name]["seconds_scoring"] > 0
    assert cli.main(["show", "--costs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert {line.split()[0] for line in lines[4:8]} == names
    saved = paths.models("demo", "baselines") / "bias"
    size = sum(file.stat().st_size for file in saved.rglob("*")) / 1e6
    (row,) = (line for line in lines if line.startswith("bias "))
    assert row.split()[-1] == f"{size:.3g}"


def test_no_metric_and_no_report_holds_a_cost(trained):
    hashed = [file for folder in ("reports", "data/predictions", "data/models") for file in folder_of(trained, folder)]
    assert hashed
    assert not [file for file in hashed if "seconds" in file.read_text(encoding="utf-8", errors="ignore")]


def folder_of(workspace, name):
    return [file for file in (workspace / name).rglob("*") if file.is_file()]


def test_long_times_and_missing_ones_are_shown_plainly(workspace):
    family = params.families()[0]
    costs.write("demo", "train", family, {"slow": {"seconds_training": 12345.6, "peak_megabytes_training": 0.12345}})
    row = next(line for line in show.costs_text("demo").splitlines() if line.startswith("slow"))
    assert row.split() == ["slow", family, "–", "12,346", "0.123", "–", "–"]


def test_where_nothing_was_measured_the_command_that_measures_is_named(workspace, capsys):
    assert cli.main(["show", "demo", "--costs"]) == 1
    said = capsys.readouterr().err
    assert "data/costs/demo: no costs measured here yet; " in said
    assert "dvc repro -f train@demo-FAMILY" in said


def test_damaged_costs_are_said_in_one_line(workspace, capsys):
    file = paths.costs("demo", "train", "als")
    file.parent.mkdir(parents=True)
    file.write_text('{"als-exp')
    assert cli.main(["show", "demo", "--costs"]) == 1
    place = file.relative_to(workspace)
    said = f"{place}: not valid JSON; remove it, or measure again: dvc repro -f train@demo-als"
    assert capsys.readouterr().err == f"foldin: {said}\n"
