"""`foldin verify`: which stages it runs again, and with which inputs."""

import shutil
import time
from pathlib import Path

import psutil
import pytest
from conftest import commit, edit_params, sh
from matplotlib.figure import Figure
from ruamel.yaml import YAML

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.report import plots
from foldin.workspace import pipeline, verify


@pytest.fixture
def two_of_a_name(workspace):
    """Return a workspace of two data sets, the name of one beginning the other's, and what its dvc.lock knows."""
    edit_params(
        workspace, lambda values: values.update(datasets=["douban", "douban-book"], families=["baselines", "als"])
    )
    made = pipeline.every(params.datasets(), params.families())
    left = pipeline.every(["demo"], ["svd"])
    stages = {name: {"outs": [{"path": f"data/{name}", "md5": "0"}]} for name in {**left, **made}}
    YAML().dump({"stages": stages}, workspace / "dvc.lock")
    return pipeline.locked()


def test_the_stages_are_those_that_dvc_makes_of_dvc_yaml(two_of_a_name):
    from dvc.repo import Repo

    (paths.root() / "dvc.lock").unlink()
    with Repo.init(no_scm=True) as repository:
        assert set(pipeline.every(params.datasets(), params.families())) == {
            stage.addressing for stage in repository.index.stages
        }


def test_a_data_sets_stages_are_not_those_of_one_whose_name_begins_alike(two_of_a_name):
    chosen = verify.stages_to_verify("douban", None, two_of_a_name)
    assert "train@douban-als" in chosen
    assert "strip" in chosen
    assert not [name for name in chosen if "douban-book" in name]
    assert "train@douban-book-als" in verify.stages_to_verify("douban-book", None, two_of_a_name)


def test_a_stages_inputs_are_its_own_data_sets_and_familys(two_of_a_name, tmp_path):
    inputs = verify.stages_to_verify(None, "train@douban-book-als", two_of_a_name)["train@douban-book-als"].inputs
    assert inputs == (
        "data/source/train-als.txt",
        "data/notebooks/als.ipynb",
        "data/user_item/douban-book",
        "data/tuned/douban-book/als.json",
    )
    for name in (*inputs[:2], inputs[3]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / inputs[2]).mkdir(parents=True)
    verify._copy_inputs(tmp_path, tmp_path / "copy", inputs)
    assert all((tmp_path / "copy" / name).exists() for name in inputs)


def test_stages_that_only_the_lock_still_knows_are_not_asked_of_dvc(two_of_a_name):
    assert "train@demo-svd" in two_of_a_name
    assert not [name for name in verify.stages_to_verify(None, None, two_of_a_name) if "demo" in name or "svd" in name]


def test_a_stage_that_has_not_run_cannot_be_verified(two_of_a_name):
    del two_of_a_name["train@douban-als"]
    with pytest.raises(FoldinError, match=r"^dvc\.lock: knows no outputs of train@douban-als; .* dvc repro$"):
        verify.stages_to_verify("douban", None, two_of_a_name)
    with pytest.raises(
        FoldinError, match=r"^dvc\.yaml: no stage 'train@douban-asl'; the stages are: .*train@douban-als"
    ):
        verify.stages_to_verify(None, "train@douban-asl", two_of_a_name)


def test_a_variable_that_is_none_of_the_lanes_is_refused(two_of_a_name):
    with pytest.raises(FoldinError, match=r"^--with OPENBLAS_CORTYPE=Nehalem: .*; did you mean 'OPENBLAS_CORETYPE'\?$"):
        verify.run(lane=["OPENBLAS_CORTYPE=Nehalem"])
    with pytest.raises(FoldinError, match=r"^--with threads; say NAME=VALUE"):
        verify.run(lane=["threads"])


def test_the_copy_has_edits_and_ones_own_files_and_nothing_a_stage_wrote(tmp_path):
    root, copy = tmp_path / "root", tmp_path / "copy"
    for name in ("src/a.py", "own/README.md", "reports/demo/README.md", "dvc.lock", ".gitignore"):
        files.write_text(root / name, "/own/*\n!/own/README.md\n/data/" if name == ".gitignore" else "committed")
    sh("git", "init", "--quiet", cwd=root)
    commit(root, "first")
    files.write_text(root / "src" / "a.py", "edited")
    for name in ("src/new.py", "own/ratings.csv", "data/raw/demo/ratings.csv"):
        files.write_text(root / name, "not committed")
    verify.copy_checkout(root, copy)
    assert (copy / "src" / "a.py").read_text() == "edited\n"
    there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    mine = {".gitignore", ".dvc/config.local", "own/README.md", "own/ratings.csv", "src/a.py", "src/new.py"}
    assert there == mine


def stages_that_do(tmp_path, code):
    """Make a DVC project of one stage, the copy that verify would run."""
    files.write_text(tmp_path / "stage.py", code)
    files.write_text(tmp_path / "dvc.yaml", "stages: {one: {cmd: python stage.py}}")
    files.write_text(tmp_path / ".dvc" / "config", "[core]\nno_scm = true\nanalytics = false")
    return tmp_path


def test_whoever_stops_it_stops_the_stage_in_the_copy(tmp_path, monkeypatch):
    project = stages_that_do(
        tmp_path, "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    )

    def interrupted(running):
        while not (project / "pid").is_file() or not (project / "pid").read_text():
            time.sleep(0.05)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(verify.subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verify.reproduce(project, project, ["one"], alone=False, variables={})
    deadline = time.monotonic() + 30  # The system takes a moment to end it, a loaded one a long one.
    while psutil.pid_exists(int((project / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int((project / "pid").read_text()))


def test_the_copy_of_a_failed_run_is_kept_for_a_look(two_of_a_name, monkeypatch, capfd):
    def copied(root, copy):
        copy.mkdir(parents=True)
        stages_that_do(copy, "raise SystemExit(3)")

    monkeypatch.setattr(verify, "copy_checkout", copied)
    monkeypatch.setattr(verify, "stages_to_verify", lambda *_, **__: {"one": None})
    with pytest.raises(FoldinError, match=r"the run in the copy failed; mend what it says above$") as caught:
        verify.run()
    folder = Path(str(caught.value).split(": ")[0])
    assert (folder / "stage.py").is_file()
    assert f"the copy is kept: {folder.parent}" in capfd.readouterr().err
    shutil.rmtree(folder.parent)


def judged(tmp_path, rmse, drawn):
    """Judge a stage of a table and a picture that differ from those of the checkout as asked."""
    for name, value, height in (("ours", 0.8, 1.0), ("theirs", rmse, drawn)):
        files.write_json(tmp_path / name / "metrics" / "als.json", {"rmse": value})
        drawing = Figure()
        drawing.subplots().bar([0, 1], [height, 2.0])
        (tmp_path / name / "plots").mkdir(parents=True)
        plots.save(drawing, tmp_path / name / "plots" / "als.png")
    found = [
        verify.judge("train@demo-als", name, False, tmp_path / "ours" / name, tmp_path / "theirs" / name, 0.001)
        for name in ("metrics", "plots")
    ]
    return [verdict.result for verdict in verify.with_pictures(found)]


def test_a_picture_is_within_tolerance_where_its_stages_numbers_are(tmp_path):
    assert judged(tmp_path, 0.8004, 1.1) == [verify.WITHIN, verify.WITHIN]


def test_a_picture_of_a_stage_whose_numbers_moved_differs(tmp_path):
    assert judged(tmp_path, 0.84, 1.1) == [verify.DIFFERS, verify.DIFFERS]
