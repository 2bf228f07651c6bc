"""A stage whose inputs change while it runs fails, so that dvc.lock never says what is not so."""

import nbformat
import pytest
from conftest import edit_params

from foldin import cli
from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch
from foldin.workspace import source_lists, strip, watched_inputs


@pytest.fixture
def fetched(workspace):
    fetch.run("demo")
    return workspace


def test_a_stage_that_was_left_alone_passes(fetched):
    with watched_inputs.inputs("clean", "demo"):
        clean.run("demo")
    assert paths.clean("demo").is_dir()


def test_an_input_edited_while_the_stage_runs_fails_it(fetched):
    with (
        pytest.raises(FoldinError, match=r"clean@demo: data/raw/demo/ratings\.csv changed while .* dvc repro$"),
        watched_inputs.inputs("clean", "demo"),
        (paths.raw("demo") / "ratings.csv").open("a") as file,
    ):
        file.write("\n")


def test_an_input_added_while_the_stage_runs_fails_it(fetched):
    with (
        pytest.raises(FoldinError, match="data/raw/demo/more changed while clean@demo was running"),
        watched_inputs.inputs("clean", "demo"),
    ):
        (paths.raw("demo") / "more").touch()


def test_a_parameter_edited_while_the_stage_runs_fails_it(fetched):
    with (
        pytest.raises(FoldinError, match=r"clean of params\.yaml changed while clean@demo was running"),
        watched_inputs.inputs("clean", "demo"),
    ):
        edit_params(fetched, lambda values: values["clean"].update(duplicates="first"))


def test_a_parameter_of_another_stage_may_be_edited(fetched):
    with watched_inputs.inputs("clean", "demo"):
        edit_params(fetched, lambda values: values["split"].update(seed=2))


def test_source_edited_after_it_was_listed_stops_the_stage_before_it_runs(fetched, monkeypatch):
    monkeypatch.setattr(watched_inputs, "SOURCE", fetched)
    module = fetched / "src" / "foldin" / "preparation" / "clean.py"
    files.write_text(module, "as it was listed")
    files.write_text(
        fetched / "data" / "source" / "clean.txt", f"{files.sha256(module)}  src/foldin/preparation/clean.py"
    )
    with watched_inputs.inputs("clean", "demo"):
        pass
    files.write_text(module, "edited")
    with (
        pytest.raises(
            FoldinError, match=r"^src/foldin/preparation/clean\.py: edited since the stage `source` looked at it"
        ),
        watched_inputs.inputs("clean", "demo"),
    ):
        raise AssertionError("the stage ran")


def test_source_edited_while_the_stage_runs_fails_it(fetched, monkeypatch):
    monkeypatch.setattr(watched_inputs, "SOURCE", fetched)
    module = fetched / "src" / "foldin" / "preparation" / "clean.py"
    files.write_text(module, "as it was listed")
    files.write_text(
        fetched / "data" / "source" / "clean.txt", f"{files.sha256(module)}  src/foldin/preparation/clean.py"
    )
    with (
        pytest.raises(FoldinError, match=r"src/foldin/preparation/clean\.py changed while clean@demo was running"),
        watched_inputs.inputs("clean", "demo"),
    ):
        module.write_text("edited")


def test_a_stage_cannot_read_a_parameter_it_does_not_declare(fetched):
    with watched_inputs.inputs("clean", "demo"):
        assert params.section(params.Clean).duplicates
        with pytest.raises(FoldinError, match=r"^dvc\.yaml: clean@demo reads the parameter 'split', .* add 'split' to"):
            params.section(params.Split)
    assert params.section(params.Split).test


def test_a_key_declared_alone_does_not_declare_its_section(fetched):
    with watched_inputs.inputs("train", "demo", "als"):
        assert params.list_length()
        with pytest.raises(FoldinError, match="reads the parameter 'evaluation', which it does not declare"):
            params.section(params.Evaluation)


def test_the_command_line_watches_over_its_stages(fetched, monkeypatch, capsys):
    monkeypatch.setattr(clean, "run", lambda dataset: (paths.raw(dataset) / "more").touch())
    assert cli.main(["clean", "demo"]) == 1
    assert "data/raw/demo/more changed while clean@demo was running" in capsys.readouterr().err


@pytest.mark.parametrize(("stage", "edited"), [("strip", "notebooks/als.ipynb"), ("source", "requirements.lock")])
def test_the_stages_that_run_for_all_data_sets_are_watched_too(workspace, monkeypatch, capsys, stage, edited):
    bare = strip.stripped(nbformat.v4.new_notebook())
    for name in ("notebooks/als.ipynb", "data/notebooks/als.ipynb"):
        strip.write(workspace / name, bare)
    files.write_text(workspace / "requirements.lock", "numpy==2.4")
    monkeypatch.setattr(source_lists, "run", lambda: None)
    assert cli.main([stage]) == 0

    def edit(*_, **__):
        with (workspace / edited).open("a") as file:
            file.write("\n")
        return []

    monkeypatch.setattr(strip, "strip_all", edit)
    monkeypatch.setattr(source_lists, "run", edit)
    assert cli.main([stage]) == 1
    assert f"{edited} changed while {stage} was running" in capsys.readouterr().err


def test_what_python_leaves_beside_a_source_file_is_no_edit(workspace, monkeypatch):
    with watched_inputs.inputs("source"):
        cached = workspace / "src" / "foldin" / "__pycache__" / "clean.pyc"
        cached.parent.mkdir(parents=True)
        cached.write_text("compiled")
