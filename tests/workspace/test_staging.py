"""A stage runs alone and writes aside: what was stopped, refused or has failed leaves nothing that counts."""

import os
import re
import subprocess
import sys

import pytest

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.preparation import fetch
from foldin.workspace import staging, watched_inputs


@pytest.fixture
def fetched(workspace):
    fetch.run("demo")
    return workspace


def contents(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_outputs_come_into_place_only_when_the_stage_has_ended(fetched):
    account = paths.account("demo", "cleaning")
    with watched_inputs.inputs("clean", "demo"):
        files.write_json(account, {"rows": 1})
        assert not account.exists()
    assert account.is_file()
    assert list(paths.partial().iterdir()) == []


def test_outputs_of_inputs_that_changed_never_come_into_place(fetched):
    account = paths.account("demo", "cleaning")
    files.write_json(account, {"rows": 1})
    with (
        pytest.raises(FoldinError, match="changed while clean@demo was running"),
        watched_inputs.inputs("clean", "demo"),
    ):
        files.write_json(account, {"rows": 2})
        (paths.raw("demo") / "more").touch()
    assert '"rows": 1' in account.read_text()
    assert list(paths.partial().iterdir()) == []


def test_nothing_of_an_older_run_stands_beside_a_newer_one(fetched):
    old = (paths.clean("demo") / "old.parquet", paths.account("demo", "cleaning"))
    for file in old:
        files.write_text(file, "old")
    with watched_inputs.inputs("clean", "demo"), files.whole_folder(paths.clean("demo")) as folder:
        (folder / "new.parquet").touch()
    assert contents(paths.clean("demo")) == {"new.parquet"}
    assert not paths.account("demo", "cleaning").exists()


def test_what_a_notebook_of_ones_own_writes_besides_comes_into_place_too(fetched):
    mine = paths.reports("demo") / "mine" / "table.csv"
    with watched_inputs.inputs("clean", "demo"):
        files.write_text(mine, "a,b")
    assert mine.read_text() == "a,b\n"


def test_outputs_reach_another_disk_that_data_is_a_link_to(fetched, tmp_path_factory, monkeypatch):
    def other_disk(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", other_disk)
    with watched_inputs.inputs("clean", "demo"):
        for file in (paths.clean("demo") / "ratings.parquet", paths.account("demo", "cleaning")):
            files.write_text(file, "new")
    assert contents(paths.clean("demo")) == {"ratings.parquet"}
    assert paths.account("demo", "cleaning").is_file()


def test_a_second_run_of_a_stage_is_refused_in_one_line_that_names_the_first(workspace, monkeypatch, capsys):
    monkeypatch.setattr(staging, "PATIENCE", 0.2)
    expected = rf"^train@demo-als: already running in this checkout: process {os.getpid()}; wait until .* dvc repro$"
    with staging.only_run("train@demo-als") as run:
        with pytest.raises(FoldinError, match=expected), staging.only_run("train@demo-als"):
            raise AssertionError("it ran")
        assert run.is_dir()
        with staging.only_run("train@demo-svd"):
            assert run.is_dir(), "another stage removed what a living run writes into"
    said = capsys.readouterr().err
    assert said == f"train@demo-als: waiting for another run of it to end: process {os.getpid()}\n"


def test_a_second_run_waits_for_one_that_ends(workspace):
    holder = """
import sys, time
from foldin.workspace import staging
with staging.only_run("clean@demo"):
    print("here", flush=True)
    sys.stdin.read()
"""
    first = subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "here\n"
    assert staging._lock(paths.partial() / "clean@demo") is None
    first.stdin.close()
    with staging.only_run("clean@demo") as run:
        assert run.is_dir()
    assert first.wait() == 0
    first.stdout.close()


KILLED = """
import os
from foldin.workspace import staging
with staging.only_run("train@demo-als") as run, staging.outputs(run):
    (run / "outputs" / "model").touch()
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("stage", ["train@demo-als", "clean@demo"])
def test_what_a_killed_run_left_is_removed_by_the_next_run_of_any_stage(workspace, stage):
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    assert any(re.search("run-.*/outputs/model$", name) for name in contents(paths.partial()))
    with staging.only_run(stage):
        assert not any(name.endswith("model") for name in contents(paths.partial()))
    assert list(paths.partial().iterdir()) == []
