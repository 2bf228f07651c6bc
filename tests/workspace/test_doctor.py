"""What is not as foldin needs it is said, with what to do."""

import shutil

import pytest
from conftest import CHECKOUT, edit_params, sh

from foldin import cli
from foldin.workspace import doctor


@pytest.fixture
def checkout(workspace):
    shutil.copy(CHECKOUT / "requirements.lock", workspace)
    (workspace / ".venv").symlink_to(CHECKOUT / ".venv")
    return workspace


def line(shown, topic):
    (found,) = (text for text in shown.splitlines() if text[4:].startswith(f"{topic} "))
    return found


def test_every_line_says_ok_or_what_to_do(checkout, capsys):
    doctor.run()
    for text in capsys.readouterr().out.splitlines():
        assert text.startswith("ok  ") or (text.startswith("DO  ") and "; " in text)


def test_a_package_that_is_not_the_pinned_one_is_named(checkout, capsys):
    lock = checkout / "requirements.lock"
    lock.write_text(lock.read_text().replace("\nnumpy==", "\nnumpy==9."))
    assert not doctor.run()
    said = line(capsys.readouterr().out, "lock")
    assert said.startswith("DO  lock          differ from requirements.lock: numpy ")
    assert said.endswith("; install what is pinned: make clean install")


def test_a_pinned_package_that_is_missing_is_named_unless_it_is_for_other_systems(checkout, capsys):
    lock = checkout / "requirements.lock"
    lock.write_text(lock.read_text() + "\nfor-others==1.0 ; sys_platform == 'none'\n    --hash=sha256:0\n")
    doctor.run()
    assert line(capsys.readouterr().out, "lock").startswith("ok  ")
    lock.write_text(lock.read_text() + "\nno-such-package==1.0 \\\n    --hash=sha256:0\n")
    assert not doctor.run()
    assert "requirements.lock: no-such-package is missing, not 1.0;" in line(capsys.readouterr().out, "lock")


def test_filters_that_git_was_not_told_of_are_said(checkout, capsys):
    sh("git", "init", "--quiet", cwd=checkout)
    doctor.run()
    assert line(capsys.readouterr().out, "git filters").startswith("DO  ")
    for name in ("notebook", "dvc-lock"):
        sh("git", "config", f"filter.{name}.clean", "cat", cwd=checkout)
    doctor.run()
    assert line(capsys.readouterr().out, "git filters").startswith("ok  ")


def test_a_missing_driver_of_the_browser_is_said(checkout, capsys, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "chromedriver" else which(name) or name)
    next(doctor._programs())
    seen = next(doctor._programs()).seen
    assert "no chromedriver: the tests in JupyterLab skip" in seen


def test_a_device_that_is_not_there_is_named(checkout, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    edit_params(checkout, lambda values: values.update(device="gpu"))
    assert not doctor.run()
    expected = "DO  device        gpu asked for; no NVIDIA GPU here; say device: cpu in params.yaml"
    assert line(capsys.readouterr().out, "device") == expected


@pytest.mark.parametrize(("topic", "need"), [("disk", "DISK"), ("memory", "MEMORY")])
def test_too_little_space_is_said(checkout, capsys, monkeypatch, topic, need):
    monkeypatch.setattr(doctor, need, 2**60)
    assert not doctor.run()
    assert line(capsys.readouterr().out, topic).startswith("DO  ")


def test_more_threads_than_cores_are_said(checkout, capsys):
    edit_params(checkout, lambda values: values.update(threads=64))
    doctor.run()
    assert line(capsys.readouterr().out, "threads").startswith("DO  threads       64 of ")


def test_the_exit_code_says_whether_something_needs_doing(checkout, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS", (lambda: iter([doctor.Finding("disk", False, "full", "make room")]),))
    with pytest.raises(SystemExit, match="1"):
        cli.main(["doctor"])
    assert capsys.readouterr().out == "DO  disk          full; make room\n"


def test_a_checkout_without_git_is_said_with_the_command_that_mends_it(checkout, capsys, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(checkout.parent))
    assert not doctor.run()
    shown = capsys.readouterr().out
    assert line(shown, "repository").startswith("DO  repository    none here, as after a ZIP download")
    assert "git init" in line(shown, "repository")
    assert "git filters" not in shown
    sh("git", "init", "--quiet", cwd=checkout)
    doctor.run()
    assert line(capsys.readouterr().out, "repository").startswith("ok  ")


def test_what_is_left_of_a_data_set_that_is_no_more_is_listed_and_known_ones_are_not(checkout, capsys):
    mine = {"file": "own/a.csv", "user": "u", "item": "i", "feedback": "implicit"}
    edit_params(checkout, lambda values: values.update(sources={"mine": mine}))
    names = ("strip", "fetch@mine", "train@mine-als", "train@ml-100k-als", "train@ml-100k-slope_one")
    (checkout / "dvc.lock").write_text("stages:\n" + "".join(f"  {name}: {{cmd: a}}\n" for name in names))
    for name in ("data/raw/mine", "data/models/mine", "reports/mine", "reports/ml-100k", "data/notebooks"):
        (checkout / name).mkdir(parents=True)
    doctor.run()
    shown = capsys.readouterr().out
    expected = "1 stages of no data set or family there is: train@ml-100k-slope_one; delete their blocks from dvc.lock"
    assert expected in line(shown, "dvc.lock")
    assert line(shown, "folders").startswith("ok  ")
    edit_params(checkout, lambda values: values.update(sources={}))
    assert not doctor.run()
    shown = capsys.readouterr().out
    assert "3 stages of no data set or family there is: fetch@mine, train@mine-als, " in line(shown, "dvc.lock")
    assert line(shown, "folders").endswith("; remove them: rm -r data/models/mine data/raw/mine reports/mine")
