"""What a person sees when a command fails: one line, an exit code, no traceback."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from conftest import CHECKOUT, edit_params
from jupyterlab_server import settings_utils
from ruamel.yaml import YAML

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


def test_a_python_without_the_environment_is_said_to_lack_it(workspace):
    # -S leaves out site-packages, as of a Python that foldin is not installed for.
    command = [sys.executable, "-S", str(CHECKOUT / "src" / "foldin"), "datasets"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no 'click'; install the environment with `make install`" in done.stderr
    assert done.stderr.count("\n") == 1


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
        assert line, "training ended before it learned"
    time.sleep(0.2)
    training.send_signal(signal.SIGINT)
    rest = training.communicate(timeout=60)[1]
    assert training.returncode == 130
    assert "stopped; nothing half-written was kept" in rest
    assert not (workspace / "reports" / "demo" / "notebooks" / "svd.ipynb").exists()
    assert not list((workspace / "data").rglob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evalute", "demo", "als"], "foldin: No such command 'evalute'. Did you mean 'evaluate'?; see foldin --help"),
        (["train", "demo"], "foldin: Missing argument 'FAMILY'; see foldin train --help"),
        (["doctor", "--chache"], "foldin: No such option '--chache'"),
        (["strip", "--check", "--in-place"], "foldin: these options exclude one another; see foldin strip --help"),
    ],
)
def test_a_wrong_call_is_one_line_with_the_help_to_read_and_exit_code_2(workspace, capsys, arguments, said):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_the_help_lists_every_command_once_by_section_within_120_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 120
    commands, stages = printed.split("Stages of the pipeline")
    for name in cli.foldin.commands:
        assert f"\n  {name} " in commands or f"\n  {name} " in stages
    in_pipeline = {*YAML(typ="safe").load(CHECKOUT / "dvc.yaml")["stages"]}
    assert {line.split()[0].replace("-", "_") for line in stages.splitlines()[1:] if line[:3].strip()} >= in_pipeline
    assert "..." not in printed.partition("Options:")[2]


@pytest.mark.parametrize("name", cli.foldin.commands)
def test_every_command_has_help_outside_a_checkout_too(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([name, "--help"]) == 0
    assert f"Usage: foldin {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "offered"),
    [("foldin ver", ["verify"]), ("foldin train de", ["demo"]), ("foldin train demo two", ["two_tower"])],
)
def test_a_shell_completes_commands_data_sets_and_families(workspace, monkeypatch, capsys, words, offered):
    monkeypatch.setenv(cli.COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert cli.main() == 0
    assert [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines()] == offered


def test_outside_a_checkout_a_shell_is_offered_no_data_sets(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cli.COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "foldin train ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli.main() == 0
    assert not capsys.readouterr().out.strip()


@pytest.mark.parametrize(("command", "slow"), [("--help", "numpy pydantic ruamel"), ("datasets", "numpy pandas")])
def test_what_is_asked_often_starts_without_slow_libraries(workspace, command, slow):
    code = (
        f"import sys; from foldin import cli; cli.main(['{command}']); print({{*'{slow}'.split()}} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_list_of_data_sets_has_your_own_last(workspace, capsys):
    mine = {"file": "own/a.csv", "user": "u", "item": "i", "rating": "r", "scale": [1, 5]}
    edit_params(workspace, lambda values: values.update(sources={"mine": mine}))
    assert cli.main(["datasets"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["mine", "Your", "own", "data,", "own/a.csv."]


def test_the_list_of_data_sets_describes_each(workspace, capsys):
    assert cli.main(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} >= {"demo", "ml-100k", "ml-latest-small"}
    assert all(len(line.split()) > 5 for line in lines)
    assert max(map(len, lines)) <= 120


def test_the_source_of_the_checkout_runs_whatever_is_installed(workspace):
    done = run("datasets", cwd=workspace)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_has_enough_is_no_fault(workspace):
    command = shlex.join([sys.executable, str(CHECKOUT / "src" / "foldin"), "datasets"])
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


def test_jupyterlab_starts_without_news_and_a_user_can_ask_for_them(workspace, monkeypatch):
    mine = workspace / "mine"
    monkeypatch.setattr(os, "execvp", lambda *_: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(mine))
    assert cli.main(["lab", "--", "--allow-root"]) == 0
    key = "@jupyterlab/apputils-extension:notification"

    def defaults():
        overrides, fault = settings_utils._get_overrides(str(workspace))
        assert not fault
        return overrides[key]

    assert defaults() == {"checkForUpdates": False, "fetchNews": "false"}
    (mine / "labconfig").mkdir(parents=True)
    (mine / "labconfig" / "default_setting_overrides.json").write_text(json.dumps({key: {"fetchNews": "true"}}))
    assert defaults()["fetchNews"] == "true"
