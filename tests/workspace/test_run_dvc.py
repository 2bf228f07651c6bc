"""DVC with a quicker way to write dvc.lock: the bytes are those of DVC."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHECKOUT
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from foldin.workspace import pipeline, run_dvc

PARAMS = "width: 3\nnested: {deep: [1, 2], word: 'on'}\nshared: &one {a: 0.10}\nagain: *one\n"
PIPELINE = """\
stages:
  first:
    cmd: python -c "open('one', 'w').write(open('params.yaml').read())"
    params: [width, nested.deep, nested.word, shared, again]
    outs: [one]
  second:
    matrix: {part: [b, a]}
    cmd: cp one two-${item.part}
    params: [nested]
    deps: [one]
    outs:
      - two-${item.part}
"""
LOCK = "schema: '2.0'\nstages:\n  first:\n    cmd: one\n  second@a:\n    cmd: two\n"


def repro(folder: Path, command: tuple[str, ...]) -> str:
    done = subprocess.run([*command, "repro"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "dvc.lock").read_text()


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory):
    """Return a folder with a small pipeline, and a copy."""
    first = tmp_path_factory.mktemp("quick") / "one"
    first.mkdir()
    (first / "params.yaml").write_text(PARAMS)
    (first / "dvc.yaml").write_text(PIPELINE)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=first, check=True)
    return first, shutil.copytree(first, first.parent / "other")


def test_dvc_lock_is_as_dvc_writes_it_at_first_after_a_change_and_with_a_comment(checkouts):
    quick, plain = checkouts
    dvc = (sys.executable, "-m", "dvc")
    locks = [repro(quick, run_dvc.COMMAND)]
    assert "deep:" in locks[0]
    assert locks[0] == repro(plain, dvc)
    for folder in checkouts:
        (folder / "params.yaml").write_text(PARAMS.replace("[1, 2]", "[1, 3]"))
    locks.append(repro(quick, run_dvc.COMMAND))
    assert locks[1] == repro(plain, dvc)
    for folder in checkouts:
        (folder / "params.yaml").write_text(PARAMS)
        (folder / "dvc.lock").write_text(locks[1].replace("  first:", "# mine\n  first:"))
    locks.append(repro(quick, run_dvc.COMMAND))
    assert locks[2] == repro(plain, dvc)
    assert "# mine" in locks[2]
    assert len(set(locks)) == 3


def test_every_entry_of_the_pipeline_is_replaced_as_dvc_replaces_it():
    lock = (CHECKOUT / "dvc.lock").read_text()
    assert lock == dumps_yaml(parse_yaml_for_update(lock, "dvc.lock"))
    names = list(pipeline.locked(CHECKOUT))
    assert "train@demo-als" in names
    for name, entry in parse_yaml_for_update(lock, "dvc.lock")["stages"].items():
        text = dumps_yaml({"stages": {name: entry}}).removeprefix("stages:\n")
        assert run_dvc.with_entry(lock, text) == lock
        assert run_dvc.with_entry(lock.replace(text, f"  {name}:\n    cmd: old\n"), text) == lock


def test_a_new_entry_comes_last_and_an_earlier_one_keeps_its_place():
    assert run_dvc.with_entry(LOCK, "  third:\n    cmd: new\n") == f"{LOCK}  third:\n    cmd: new\n"
    assert run_dvc.with_entry(LOCK, "  first:\n    cmd: new\n") == LOCK.replace("one", "new")


@pytest.mark.parametrize(
    "lock",
    [
        "",
        LOCK.replace("2.0", "3.0"),
        LOCK.replace("  second", "<<<<<<< HEAD\n  second"),
        LOCK.replace("  second", "  # a comment\n  second"),
        LOCK.replace("second@a", "first"),
        LOCK.replace("second@a", "'second@a'"),
        LOCK.replace("    cmd: two\n", "    cmd: tw"),
        f"{LOCK}datasets: []\n",
    ],
)
def test_a_lock_of_another_form_is_left_to_dvc(lock):
    assert run_dvc.with_entry(lock, "  first:\n    cmd: new\n") is None
