"""Costs are of the block that was measured, and stand where neither git nor DVC looks."""

import json
import time

import numpy as np
import pytest
from conftest import CHECKOUT, sh

from foldin.core import costs, paths


def test_seconds_are_those_of_the_block():
    with costs.measured() as cost:
        time.sleep(0.05)
    assert 0.05 <= cost.seconds < 1
    assert cost.named("training")["seconds_training"] == cost.seconds


def test_peak_memory_is_of_the_block_alone_not_of_the_costliest_one_before():
    with costs.measured() as large:
        np.ones(25_000_000).sum()  # 200 MB
    with costs.measured() as small:
        np.ones(1000).sum()
    if large.peak_megabytes is None:
        pytest.skip("this system cannot tell the peak of a part of a process")
    assert large.peak_megabytes - small.peak_megabytes > 150


def test_where_the_system_cannot_tell_there_is_no_peak(monkeypatch, tmp_path):
    monkeypatch.setattr(costs, "_CLEAR", tmp_path / "no folder" / "clear_refs")
    with costs.measured() as cost:
        pass
    assert cost.peak_megabytes is None
    assert list(cost.named("x")) == ["seconds_x"]


def test_the_file_is_known_to_neither_git_nor_dvc(workspace):
    costs.write("demo", "train", "als", {"als-explicit": {"seconds_training": 1.25}})
    file = paths.costs("demo", "train", "als")
    assert json.loads(file.read_text()) == {"als-explicit": {"seconds_training": 1.25}}
    name = file.relative_to(workspace).as_posix()
    assert sh("git", "check-ignore", name, cwd=CHECKOUT).stdout.strip() == name
    assert "costs" not in (CHECKOUT / "dvc.yaml").read_text()
