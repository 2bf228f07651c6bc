"""What foldin computes has the same bytes on other processors, as `qemu-user` emulates them (make test-machines)."""

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache

import pytest
import report_world
import trials

from foldin.core import determinism
from foldin.workspace import processors

PROCESSORS = ("Haswell", "EPYC-Rome", "Skylake-Server")
pytestmark = [pytest.mark.machines, pytest.mark.timeout(3600)]


REPORT = """
from foldin.report import contents, page
from foldin.report.html import page as html_page
findings = contents.open_report("demo")
page.write(findings)
html_page.write(findings)
"""
"""What notebooks/report.ipynb writes."""


def lines(part: str, python: list[str]) -> dict[str, str]:
    """Return what a part of the trials prints under a Python: what was computed → its digest."""
    done = subprocess.run(
        [*python, str(trials.CHECKOUT / "tests" / "trials.py"), part],
        env=os.environ | determinism.variables(2),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(python)}\n{done.stdout}\n{done.stderr[-3000:]}"
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())


@cache
def native(part: str) -> dict[str, str]:
    """Return the lines of a part as this processor computes them."""
    return lines(part, [sys.executable])


# One part after the other: two at a time, `make test-machines` computes natively what both need.
@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("part", trials.PARTS)
def test_another_processor_computes_the_same_bytes(part, processor):
    here = native(part)
    assert here
    assert lines(part, processors.command(processor)) == here


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Return a small checkout whose models are evaluated, as this processor does it."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report_world.make(folder)
    return folder


def reports(python: list[str], evaluated, folder, *without: str) -> dict[str, str]:
    """Write the pages of a checkout under a Python, in a copy of it; return their digests and those of their plots.

    `without` are numpy's own instruction sets to leave out.
    """
    shutil.copytree(evaluated, folder)
    made = folder / "reports" / "demo"
    before = set(made.rglob("*"))
    variables = determinism.variables(2) | {"PYTHONPATH": str(trials.CHECKOUT / "src"), "MPLBACKEND": "agg"}
    variables["NPY_DISABLE_CPU_FEATURES"] = " ".join([variables["NPY_DISABLE_CPU_FEATURES"], *without])
    command = [*python, "-c", REPORT]
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(python)}\n{done.stdout}\n{done.stderr[-3000:]}"
    written = sorted(file for file in made.rglob("*") if file.is_file() and file not in before)
    return {str(file.relative_to(made)): hashlib.sha256(file.read_bytes()).hexdigest() for file in written}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_another_processor_writes_the_same_pages(processor, evaluated, tmp_path):
    here = reports([sys.executable], evaluated, tmp_path / "here")
    assert {"README.md", "report.html", "leaderboard.csv", "plots/leaderboard_ranking.png"} <= set(here)
    # QEMU 7.2 runs numpy's argsort for AVX2 wrongly: its result is no sorted order. pandas reshapes tables by it.
    assert reports(processors.command(processor), evaluated, tmp_path / "there", "X86_V3") == here
