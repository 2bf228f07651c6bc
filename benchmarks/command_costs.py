"""What a command costs: processor time, wall-clock time and peak memory of all its processes. For other benchmarks."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

GIB = 2**30
EVERY = 1.0
"""Seconds between two looks at the memory of a stage's processes; a look reads the system's files of all processes."""


@dataclass
class Record:
    """What one stage took.

    Attributes
    ----------
    stage : str
        Such as `clean` or `train als`.
    ratings : int
        Size of the data.
    processor, clock : float
        Seconds: user and system time of all its processes; wall-clock time, which other work on the machine lengthens.
    largest, together : float
        Peak memory in GiB: of its largest process, and of all at the same time, in which shared pages count repeatedly.
    load : float
        Mean number of processes that wanted a processor in the last minute, this one included.
    fault : str
        Why it did not end; empty if it did.
    models : dict
        Seconds by the clock and peak megabytes of each model, from data/costs.
    """

    stage: str
    ratings: int
    processor: float = 0.0
    clock: float = 0.0
    largest: float = 0.0
    together: float = 0.0
    load: float = 0.0
    fault: str = ""
    models: dict[str, dict[str, float]] = field(default_factory=dict)


class Watch(threading.Thread):
    """Watches the memory of a process and its descendants, and ends them at a limit of memory or time."""

    def __init__(self, process: psutil.Process, gigabytes: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self.process, self.gigabytes, self.seconds = process, gigabytes, seconds
        self.together, self.fault, self.over = 0.0, "", threading.Event()

    def run(self) -> None:
        """Look until the process has ended."""
        begin = time.monotonic()
        while not self.over.wait(EVERY):
            try:
                family = [self.process, *self.process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            memory = sum(_resident(each) for each in family) / GIB
            self.together = max(self.together, memory)
            if memory > self.gigabytes:
                self.fault = f"ended beyond {self.gigabytes:g} GiB"
            elif time.monotonic() - begin > self.seconds:
                self.fault = f"ended after {self.seconds / 60:g} minutes"
            if self.fault:
                for each in family:
                    _kill(each)
                return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def measure(command: Sequence[str], workspace: Path, gigabytes: float, minutes: float) -> Record:
    """Run a command and return what it took; its output goes to a file beside the records."""
    log = workspace / "log.txt"
    begin = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        # Not a session of its own: the share of the processor that this script was given is its children's too.
        child = subprocess.Popen([sys.executable, *command], cwd=workspace, stdout=out, stderr=out, process_group=0)
        watch = Watch(psutil.Process(child.pid), gigabytes, minutes * 60)
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    watch.over.set()
    watch.join()
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    fault = watch.fault or (f"exit code {child.returncode}" if child.returncode and not lines else "")
    return Record(
        stage="",
        ratings=0,
        processor=usage.ru_utime + usage.ru_stime,
        clock=time.monotonic() - begin,
        largest=usage.ru_maxrss * 1024 / GIB,
        together=watch.together,
        load=os.getloadavg()[0],
        fault=fault or (lines[-1] if child.returncode else ""),
    )
