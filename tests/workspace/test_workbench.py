"""The workbench: fits in other processes are those that it would make itself; models that are too large are skipped."""

import json
import os
from concurrent.futures.process import BrokenProcessPool

import pytest
from conftest import edit_params

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import evaluate
from foldin.models.parts import item_weights
from foldin.preparation import clean, fetch, user_item
from foldin.report import contents, page
from foldin.workspace import train, workbench, workers


@pytest.fixture
def prepared(workspace):
    edit_params(workspace, lambda values: values["demo"].update(users=120, items=60, ratings=2000))
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    return workspace


def models_of(family):
    folder = paths.models("demo", family)
    return {str(file.relative_to(folder)): files.md5(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def kept(family, only=None):
    bench = workbench.open_family(family, "demo")
    for name in list(bench.models):
        if only is not None and name not in only:
            del bench.models[name]
            continue
        bench.try_out(name)
        bench.keep(name)
    bench.close()
    return models_of(family)


CHEAP_PARTS = {
    "stack-ratings": ["svds-centred", "mf-l2"],
    "stack-ranking": ["als-implicit", "ease"],
}


@pytest.mark.parametrize(
    ("family", "name"),
    [("svd", "mf-l2"), ("als", "als-implicit"), ("hybrid", "stack-ratings"), ("hybrid", "stack-ranking")],
)
def test_fits_in_other_processes_have_the_bytes_of_fits_in_this_one(prepared, monkeypatch, family, name):
    def change(values):
        every = {model: settings for each in values["families"] for model, settings in values[each].items()}
        for stack, parts in CHEAP_PARTS.items():
            values["hybrid"][stack]["parts"] = {part: every[part] for part in parts}

    edit_params(prepared, change)
    monkeypatch.setattr(workers, "beside", lambda: 1)
    beside = kept(family, only=[name])
    monkeypatch.setattr(workers, "beside", lambda: 0)
    assert kept(family, only=[name]) == beside
    seeds = range(43, 42 + params.seeds(family))
    assert {file.split("/")[0] for file in beside} == {name, *(f"{name}.seed-{seed}" for seed in seeds)}
    arrays = [beside[f"{folder}/arrays.npz"] for folder in (name, f"{name}.seed-43")]
    assert arrays[0] != arrays[1]


def test_other_seeds_have_the_settings_and_epochs_of_the_kept_model(prepared, monkeypatch):
    monkeypatch.setattr(workers, "beside", lambda: 1)
    bench = workbench.open_family("svd", "demo")
    model = bench.models["mf-l2"]
    model.settings = model.settings.model_copy(update={"factors": 3})
    bench.try_out("mf-l2")
    bench.keep("mf-l2")
    bench.keep("mf-l2")
    bench._kept = set(bench.models)
    bench.close()
    first, second = (
        json.loads(file.read_text()) for file in sorted(paths.models("demo", "svd").glob("*/model.json"))[:2]
    )
    assert (first.pop("seed"), second.pop("seed")) == (42, 43)
    assert first == second
    assert first["settings"]["factors"] == 3


def test_a_fit_that_fails_beside_fails_the_notebook_with_its_own_error_and_is_not_said_to_be_done(
    prepared, monkeypatch, capsys
):
    monkeypatch.setattr(workers, "beside", lambda: 1)
    bench = workbench.open_family("svd", "demo")
    bench.try_out("mf-l2")
    (prepared / "data" / "user_item" / "demo" / "scale.json").unlink()
    bench.keep("mf-l2")
    bench._kept = set(bench.models)
    with pytest.raises(FoldinError, match=r"the data set 'demo' has no user-item matrices yet"):
        bench.close()
    assert "fitted with seed" not in capsys.readouterr().err


def test_a_process_that_dies_is_said_in_one_line(prepared):
    bench = workbench.open_family("svd", "demo")
    bench._kept = set(bench.models)
    bench._other_seeds._pool = workers.start(1)
    bench._other_seeds._fits["mf-l2", 43] = bench._other_seeds._pool.submit(os.abort)
    with pytest.raises(FoldinError, match=r"a process that fitted a model died; .* set processes: 1"):
        bench.close()


@pytest.fixture
def tiny_gigabytes(monkeypatch):
    """Let 60 items need much: what params.yaml calls a gigabyte has a thousand bytes."""
    monkeypatch.setattr(item_weights, "GIGABYTE", 1000)


def test_the_next_fit_after_a_death_says_the_same(prepared, monkeypatch):
    monkeypatch.setattr(workers, "beside", lambda: 1)
    bench = workbench.open_family("svd", "demo")
    bench._other_seeds._pool = workers.start(1)
    with pytest.raises(BrokenProcessPool):
        bench._other_seeds._pool.submit(os.abort).result()
    bench.try_out("mf-l2")
    with pytest.raises(FoldinError, match="a process that fitted a model died"):
        bench.keep("mf-l2")


def test_a_model_too_large_is_skipped_and_the_others_of_its_family_are_compared(prepared, tiny_gigabytes):
    def change(values):
        for name, settings in values["linear"].items():
            settings["gigabytes"] = 8 if name == "ease" else 100

    edit_params(prepared, change)
    bench = workbench.open_family("linear", "demo")
    assert list(bench.models) == ["edlae", "slim"]
    assert bench.left_out["ease"] == "it needs 28.8 GB for all pairs of 60 items, and `gigabytes` allows 8 GB"
    for name in bench.models:
        bench.try_out(name)
        bench.keep(name)
    bench.close()
    evaluate.run("demo", "linear")
    assert set(json.loads((paths.predictions("demo", "linear") / "metrics.json").read_text())) == {"edlae", "slim"}
    assert sorted(file.stem for file in paths.metrics("demo", "linear").iterdir()) == ["edlae", "slim"]
    # A notebook that is run by hand writes into the same folders.
    edit_params(prepared, lambda values: values["linear"]["ease"].update(gigabytes=100))
    kept("linear")
    assert not paths.left_out("demo", "linear").exists()


def test_a_family_of_models_too_large_blocks_no_report_and_the_page_says_why(prepared, tiny_gigabytes):
    def change(values):
        values["families"] = ["baselines", "linear"]
        for settings in values["linear"].values():
            settings["gigabytes"] = 8

    edit_params(prepared, change)
    kept("baselines")
    train.run("demo", "linear")
    for family in params.families():
        evaluate.run("demo", family)
    shown = json.loads(paths.executed_notebook("demo", "linear").read_text())
    assert "all models are skipped (too large) on demo" in "".join(shown["cells"][0]["source"])
    text = page.page(contents.open_report("demo"))
    skipped = "Skipped (too large), because they need more memory than params.yaml allows: `ease`, `edlae`, `slim`."
    assert skipped in text
    assert "**Skipped (too large):** it needs 28.8 GB for all pairs of 60 items" in text
