"""A model tried out with other settings is shown beside the pipeline's, and leaves nothing in what that keeps."""

import ast
import json
from pathlib import Path

import pytest
from conftest import CHECKOUT, FAMILIES, edit_params
from matplotlib.figure import Figure

from foldin import models
from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.models.parts import item_weights
from foldin.preparation import clean, fetch, user_item
from foldin.workspace import changes, workbench, workers


@pytest.fixture
def prepared(workspace, monkeypatch):
    def small(values):
        values["demo"].update(users=120, items=60, ratings=2000)
        values["evaluation"]["seeds"] = {}

    edit_params(workspace, small)
    monkeypatch.setattr(workers, "beside", lambda: 0)
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    return workspace


@pytest.fixture
def displayed(monkeypatch):
    found = []
    monkeypatch.setattr(workbench, "display", lambda *values: found.extend(values))
    return found


def written(root: Path) -> dict[str, str]:
    """Return what a family's notebook writes, but how long it took."""
    folders = [paths.models("demo", "als"), paths.validation("demo", "als"), paths.training("demo", "als")]
    every = [file for folder in folders for file in ([folder] if folder.is_file() else sorted(folder.rglob("*")))]
    return {str(file.relative_to(root)): files.md5(file) for file in every if file.is_file()}


def run(bench: workbench.Workbench, **settings) -> None:
    for name in bench.models:
        bench.try_out(name)
        if settings:
            bench.try_out(name, **settings)
        bench.keep(name)
    bench.close()


def test_keep_saves_the_model_of_params_yaml_whatever_else_was_tried_out(prepared):
    run(workbench.open_family("als", "demo"))
    usual = written(prepared)
    bench = workbench.open_family("als", "demo")
    run(bench, factors=3, epochs=2, patience=0)
    assert written(prepared) == usual
    head = json.loads((paths.models("demo", "als") / "als-explicit" / "model.json").read_text())
    assert head["settings"]["factors"] == 32
    assert bench.models["als-explicit"].item_factors().shape[1] == 32
    assert set(bench.history()["model"]) == {"als-explicit", "als-implicit"}


def test_a_changed_model_has_its_settings_and_is_not_kept_in_place_of_the_usual_one(prepared):
    bench = workbench.open_family("als", "demo")
    made = bench.try_out("als-explicit", factors=3)
    assert made.item_factors().shape[1] == 3
    assert made.seed == bench.models["als-explicit"].seed
    with pytest.raises(FoldinError, match=r"^'als-explicit' was not tried out; call try_out\("):
        bench.keep("als-explicit")


def test_old_and_new_are_in_one_plot_and_one_table(prepared, displayed):
    bench = workbench.open_family("als", "demo")
    bench.try_out("als-explicit")
    assert bench.compare("als-explicit").index.tolist() == ["params.yaml"]
    assert displayed == []
    made = bench.try_out("als-explicit", factors=3)
    bench.try_out("als-explicit", factors=3, regularization=1.0)
    table = bench.compare("als-explicit")
    assert table.index.tolist() == ["params.yaml", "factors=3", "factors=3, regularization=1.0"]
    usual = bench.models["als-explicit"]
    assert table["epochs chosen"].tolist()[:2] == [str(usual.epochs), str(made.epochs)]
    assert table["rmse"].iloc[0] == f"{bench.validation().loc['als-explicit', 'rmse']:.4f}"
    assert table["rmse"].iloc[1] == f"{min(row['validation_rmse'] for row in made.history):.4f}"
    (plot,) = displayed
    assert isinstance(plot, Figure)
    legend = [text.get_text() for text in plot.axes[0].get_legend().get_texts()]
    assert legend == [*table.index, "train", "validation"]


def test_a_model_without_epochs_has_a_table_and_no_plot(prepared, displayed):
    bench = workbench.open_family("baselines", "demo")
    bench.try_out("bias")
    bench.try_out("bias", damping=50)
    table = bench.compare("bias")
    assert table.index.tolist() == ["params.yaml", "damping=50"]
    assert "epochs chosen" not in table
    assert displayed == []


def test_settings_that_were_searched_are_called_so(prepared):
    files.write_json(paths.tuned("demo", "als"), {"als-explicit": {"factors": 5}})
    bench = workbench.open_family("als", "demo")
    bench.try_out("als-explicit")
    made = bench.try_out("als-explicit", regularization=1.0)
    assert made.settings.factors == 5
    assert bench.compare("als-explicit").index.tolist() == ["tuned", "regularization=1.0"]


def test_metrics_to_be_read_have_a_dash_where_there_is_none(prepared):
    bench = workbench.open_family("baselines", "demo")
    for name in ("bias", "popularity"):
        bench.try_out(name)
    table = bench.metrics_table()
    assert table.loc["popularity", "rmse"] == "–"
    assert table.loc["bias", "rmse"] == f"{bench.validation().loc['bias', 'rmse']:.4f}"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("als-explict", {}, "'als' has no model 'als-explict'; did you mean 'als-explicit'?"),
        ("als-explicit", {"factor": 64}, "try_out: als-explicit has no setting 'factor'; did you mean 'factors'?"),
        (
            "als-explicit",
            {"factors": 0},
            "try_out: als-explicit.factors is 0; input should be greater than or equal to 1",
        ),
        ("als-explicit", {"factors": "64"}, "try_out: als-explicit.factors is '64'; input should be a valid integer"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_that_names_it(prepared, name, settings, said):
    with pytest.raises(FoldinError) as caught:
        workbench.open_family("als", "demo").try_out(name, **settings)
    assert str(caught.value) == said


def test_a_model_without_settings_says_so(prepared):
    with pytest.raises(FoldinError, match=r"^try_out: popularity has no setting 'k'; it has no settings$"):
        workbench.open_family("baselines", "demo").try_out("popularity", k=3)


def test_a_model_too_large_is_compared_without_a_fault_and_can_be_tried_with_more_memory(prepared, monkeypatch):
    monkeypatch.setattr(item_weights, "GIGABYTE", 1000)
    edit_params(prepared, lambda values: [each.update(gigabytes=8) for each in values["linear"].values()])
    bench = workbench.open_family("linear", "demo")
    assert "28.8 GB" in bench.compare("ease").loc["params.yaml", "skipped (too large)"]
    with pytest.raises(FoldinError, match=r"^'ease' is skipped \(too large\): it needs 28\.8 GB"):
        bench.try_out("ease")
    with pytest.raises(FoldinError, match=r"^try_out: ease, gigabytes=9 is too large: it needs 28\.8 GB"):
        bench.try_out("ease", gigabytes=9)
    bench.try_out("ease", gigabytes=100)
    assert bench.compare("ease").index.tolist() == ["gigabytes=100"]


def test_the_parts_of_a_stack_are_named_without_their_settings():
    parts = {"ease": {"gigabytes": 8.0}, "mf-l2": {}}
    assert changes.label({"parts": parts, "steps": 3}) == "parts=ease + mf-l2, steps=3"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_turn_of_the_reader_is_a_change_that_is_possible(workspace, family):
    """In the pipeline the line is a comment; what it says is still right."""
    cells = json.loads((CHECKOUT / "notebooks" / f"{family}.ipynb").read_text(encoding="utf-8"))["cells"]
    (place,) = (place for place, cell in enumerate(cells) if cell["id"] == "your-turn")
    assert cells[place - 1]["source"][0] == "## Your turn\n"
    assert cells[place + 1]["source"][0] == "## For the pipeline: retrain and save\n"
    commented, compared = cells[place]["source"]
    call = ast.parse(commented.removeprefix("# ")).body[0].value
    assert ast.unparse(call.func) == "bench.try_out"
    name = ast.literal_eval(call.args[0])
    assert compared == f'bench.compare("{name}")'
    settings = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert settings
    model = models.family(family)[name]
    usual = model.settings.model_dump()
    assert all(usual[key] != value for key, value in settings.items())
    model.Settings.model_validate(usual | settings)
