"""What a person sees when a command fails: one line, an exit code, no traceback."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import CHECKOUT

from foldin import cli
from foldin.core import params


def run(*arguments, cwd):
    command = [sys.executable, str(CHECKOUT / "src" / "foldin"), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_fault_is_one_line_and_exit_code_1(workspace):
    done = run("clean", "demo", cwd=workspace)
    assert done.returncode == 1
    assert done.stderr.startswith("foldin: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["fetch", "clean", "user-item"])
def test_an_unknown_data_set_is_named_with_the_nearest(workspace, command):
    done = run(command, "ml-100", cwd=workspace)
    assert done.returncode == 1
    assert "'ml-100'" in done.stderr
    assert "ml-100k" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_before_its_turn_says_what_to_run_first(workspace):
    for command in (["train", "demo", "als"], ["evaluate", "demo", "als"], ["report", "demo"]):
        done = run(*command, cwd=workspace)
        assert done.returncode == 1, command
        assert "dvc repro" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_full_disk_is_said_plainly(workspace, monkeypatch, capsys):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device", "data/raw/demo")

    monkeypatch.setattr(params, "threads", full)
    assert cli.main(["strip"]) == 1
    assert "data/raw/demo: No space left on device; free space" in capsys.readouterr().err


def test_an_environment_without_a_library_is_said_to_lack_it(workspace, monkeypatch, capsys):
    def absent():
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    monkeypatch.setattr(params, "threads", absent)
    assert cli.main(["strip"]) == 1
    assert "has no 'numpy'; install the environment with `make install`" in capsys.readouterr().err


def test_ctrl_c_while_a_model_learns_keeps_nothing_half_written(workspace):
    (workspace / "notebooks").symlink_to(CHECKOUT / "notebooks")
    for stage in (["fetch", "demo"], ["clean", "demo"], ["user-item", "demo"], ["strip"]):
        assert run(*stage, cwd=workspace).returncode == 0
    command = [sys.executable, str(CHECKOUT / "src" / "foldin"), "train", "demo", "svd"]
    # A shell's background job ignores SIGINT, and so would all it starts: these tests may be in one.
    training = subprocess.Popen(
        command,
        cwd=workspace,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while "learning from the train part" not in (line := training.stderr.readline()):
        assert line, "training ended before it learnt"
    time.sleep(0.2)
    training.send_signal(signal.SIGINT)
    rest = training.communicate(timeout=60)[1]
    assert training.returncode == 130
    assert "stopped; nothing half-written was kept" in rest
    assert not (workspace / "reports" / "demo" / "notebooks" / "svd.ipynb").exists()
    assert not list((workspace / "data").rglob("*.part"))


def test_the_list_of_data_sets_describes_each(workspace, capsys):
    assert cli.main(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} >= {"demo", "ml-100k", "ml-latest-small"}
    assert all(len(line.split()) > 5 for line in lines)


def test_the_source_of_the_checkout_runs_whatever_is_installed(workspace):
    done = run("datasets", cwd=workspace)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_has_enough_is_no_fault(workspace):
    command = f"{sys.executable} {CHECKOUT / 'src' / 'foldin'} datasets"
    # Unbuffered, so that the second line is written after its reader has gone.
    done = subprocess.run(
        ["sh", "-c", f"({command}; echo $? >&2) | head -n 0"], cwd=workspace, capture_output=True, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.stderr.split() == ["141"]


def test_jupyterlab_as_root_is_said_before_it_refuses(workspace, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execvp", lambda _, command: started.append(command))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cli.main(["lab"]) == 1
    assert (
        "foldin: JupyterLab does not run as root by itself; if you mean it: .venv/bin/foldin lab -- --allow-root"
        in (capsys.readouterr().err)
    )
    assert cli.main(["lab", "--", "--allow-root"]) == 0
    assert "--allow-root" in started[0]
