"""What models cost: seconds and memory, in files that no stage reads and DVC does not know.

They differ from run to run, so they would break "same input, same bytes" in anything that DVC hashes. They are those of
the last time a stage ran here: where DVC takes outputs from its cache instead, they stay as they were.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foldin.core import files, paths

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What the kernel takes in clear_refs for: reset the peak."""


@dataclass
class Cost:
    """What a piece of work took.

    Attributes
    ----------
    seconds : float
        Wall-clock time.
    peak_megabytes : float or None
        The peak memory of this process (resident, with interpreter, libraries and data) during the work; processes
        that it started are not in it. None where the system cannot reset the peak: `ru_maxrss` would be that of the
        costliest piece of work so far.
    """

    seconds: float = 0.0
    peak_megabytes: float | None = None

    def named(self, work: str) -> dict[str, float]:
        """Return what is known, by names that end in what was done: `seconds_training`."""
        found = {f"seconds_{work}": self.seconds}
        return found if self.peak_megabytes is None else found | {f"peak_megabytes_{work}": self.peak_megabytes}


@contextmanager
def measured() -> Iterator[Cost]:
    """Give a cost that is filled in when the block ends; blocks must not be nested."""
    cost = Cost()
    known, start = _forget_peak(), time.perf_counter()
    yield cost
    cost.seconds = time.perf_counter() - start
    cost.peak_megabytes = _peak() if known else None


def write(dataset: str, stage: str, family: str, costs: Mapping[str, Mapping[str, float]]) -> None:
    """Write the costs of a family's models, by model, as a stage found them."""
    files.write_json(paths.costs(dataset, stage, family), costs)


def _forget_peak() -> bool:
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> float | None:
    """Return the peak memory of this process since the last reset, in megabytes of 10^6 bytes."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 / 1e6 if found else None
