"""What a new user does first: clone, `make repro`, read (`make test-install`; needs a package index, and minutes)."""

import os
import subprocess

import pytest
from conftest import CHECKOUT

pytestmark = [pytest.mark.install, pytest.mark.timeout(1800)]


def test_a_clean_clone_reproduces_what_is_committed(tmp_path):
    clone = tmp_path / "foldin"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
    # The first folder of PATH is this environment's; a new user has none.
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FOLDIN_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        ["make", "repro"], cwd=clone, env=environment | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "reports/demo/README.md" in done.stdout
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert changed.stdout == ""
    again = subprocess.run(
        ["make", "repro"], cwd=clone, env=environment | {"PATH": path}, capture_output=True, text=True
    )
    assert "up to date" in again.stderr
