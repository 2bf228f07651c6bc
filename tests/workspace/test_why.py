"""`foldin why`: the parameter, source file, notebook or stage that makes a stage run again."""

import hashlib
import json

import pytest
from conftest import CHECKOUT, edit_params, sh
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import files, params, paths
from foldin.workspace import pipeline, source_lists, strip, why


@pytest.fixture
def ran(workspace, monkeypatch):
    """Return a checkout whose dvc.lock says that everything is as it is, and DVC finds no data that changed."""
    edit_params(workspace, lambda values: values.update(families=["als"]))
    (workspace / "notebooks").mkdir()
    for name in ("als", "report"):
        strip.write(workspace / "notebooks" / f"{name}.ipynb", strip.read(CHECKOUT / "notebooks" / f"{name}.ipynb"))
    strip.strip_all()
    source_lists.run()
    values = params.read()
    stages = {}
    for name, stage in pipeline.every(["demo"], ["als"]).items():
        deps = [
            {"path": path, "md5": files.md5(workspace / path)} for path in stage.inputs if (workspace / path).is_file()
        ]
        deps += [{"path": path, "md5": "-"} for path in stage.inputs if not (workspace / path).is_file()]
        given = {key: why._at(values, key) for key in stage.parameters}
        stages[name] = {"deps": deps, "params": {"params.yaml": given}, "outs": []}
    # Through JSON, for YAML would write what two stages share as an alias, and DVC does not.
    YAML().dump(json.loads(json.dumps({"stages": stages})), workspace / "dvc.lock")
    monkeypatch.setattr(why, "_status", lambda stage: {})
    monkeypatch.setattr(why, "cached", lambda digest: None)
    return workspace


def explained(stage, capsys):
    assert cli.main(["why", stage]) == 0
    return capsys.readouterr().out


def test_what_is_as_it_was_does_not_run_again(ran, capsys):
    assert explained("report@demo", capsys) == (
        "report@demo does not run again: nothing it reads has changed since it ran.\n"
    )


def test_a_parameter_is_named_with_both_values(ran, capsys):
    text = (ran / "params.yaml").read_text()
    (ran / "params.yaml").write_text(text.replace("    factors: 32\n", "    factors: 16\n", 1))
    assert explained("train@demo-als", capsys) == (
        "train@demo-als runs again:\n  the parameter als.als-explicit.factors is 16; it was 32\n"
    )
    assert explained("evaluate@demo-als", capsys) == (
        "evaluate@demo-als runs again if what these stages make of the change differs:\n"
        "  train@demo-als: the parameter als.als-explicit.factors is 16; it was 32\n"
    )
    assert "does not run again" in explained("clean@demo", capsys)


def edited(monkeypatch, name):
    """Let a source file be another than it is."""
    sha256 = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: "0" * 64 if path.as_posix().endswith(name) else sha256(path))


def test_a_source_file_is_named_for_the_stages_that_reach_it(ran, monkeypatch, capsys):
    edited(monkeypatch, "/models/als.py")
    assert "  the source file src/foldin/models/als.py was edited\n" in explained("train@demo-als", capsys)
    assert "does not run again" in explained("user_item@demo", capsys)
    # Once the stage `source` has run, its older list is in DVC's cache, or it is not known which file it was.
    old = (ran / "data" / "source" / "train-als.txt").read_bytes()
    source_lists.run()
    assert "which one is not known" in explained("train@demo-als", capsys)
    digest = hashlib.md5(old, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(why, "cached", {digest: old}.get)
    assert "  the source file src/foldin/models/als.py was edited\n" in explained("train@demo-als", capsys)


def test_an_edited_notebook_is_named_and_outputs_are_no_edit(ran, capsys):
    file = paths.source_notebooks() / "als.ipynb"
    notebook = strip.read(file)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.execution_count = 7
    strip.write(file, notebook)
    assert "does not run again" in explained("train@demo-als", capsys)
    code.source += "\n# looked at"
    strip.write(file, notebook)
    assert "  the notebook notebooks/als.ipynb was edited\n" in explained("train@demo-als", capsys)


def test_what_dvc_says_of_data_is_said_in_words(ran, monkeypatch, capsys):
    status = {
        "train@demo-als": [
            {"changed deps": {"data/user_item/demo": "modified"}},
            {"changed outs": {"data/models/demo/als": "deleted"}},
            "changed command",
        ]
    }
    monkeypatch.setattr(why, "_status", lambda stage: status)
    assert explained("train@demo-als", capsys).splitlines() == [
        "train@demo-als runs again:",
        "  its command in dvc.yaml has changed",
        "  the dependency data/user_item/demo has changed",
        "  its output data/models/demo/als is not there",
    ]


def test_a_stage_that_never_ran_and_one_that_there_is_not(ran, capsys):
    (ran / "dvc.lock").unlink()
    assert "it has not run yet" in explained("fetch@demo", capsys)
    assert cli.main(["why", "train@demo-alss"]) == 1
    assert "no stage 'train@demo-alss' of these data sets" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of a library that DVC uses
def test_dvc_itself_is_asked(workspace):
    sh("git", "init", "--quiet", cwd=workspace)
    sh("dvc", "init", "--quiet", cwd=workspace)
    found = why._status("clean@demo")
    assert {"fetch@demo", "clean@demo"} <= set(found)
