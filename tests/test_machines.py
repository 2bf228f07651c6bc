"""What foldin computes has the same bytes on other processors, as `qemu-user` emulates them (make test-machines)."""

import os
import subprocess
import sys
from functools import cache

import pytest
import trials

from foldin.core import determinism
from foldin.workspace import processors

PROCESSORS = ("Haswell", "EPYC-Rome", "Skylake-Server")
pytestmark = [pytest.mark.machines, pytest.mark.timeout(3600)]


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
