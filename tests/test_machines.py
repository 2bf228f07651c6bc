"""What foldin computes has the same bytes on other processors, as `qemu-user` emulates them (make test-machines)."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

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


@pytest.fixture(scope="module")
def native() -> dict[str, dict[str, str]]:
    """Return the lines of every part, as this processor computes them."""
    return {part: lines(part, [sys.executable]) for part in trials.PARTS}


@pytest.fixture(scope="module")
def elsewhere() -> dict[tuple[str, str], dict[str, str]]:
    """Return the lines of every part as every other processor computes them, two at a time."""
    wanted = [(part, processor) for part in trials.PARTS for processor in PROCESSORS]
    with ThreadPoolExecutor(2) as workers:
        found = workers.map(lambda pair: lines(pair[0], processors.command(pair[1])), wanted)
        return dict(zip(wanted, found, strict=True))


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("part", trials.PARTS)
def test_another_processor_computes_the_same_bytes(part, processor, native, elsewhere):
    assert len(native[part]) > 5
    assert elsewhere[part, processor] == native[part]
