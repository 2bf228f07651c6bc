"""Processes that compute beside this one: trials of a search, and fits with other seeds.

They end when this process ends, and when it fails. Each imports what it needs anew, so that a result does not depend on
what ran in this process before.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from foldin.core import params, progress
from foldin.workspace import end_with_parent, processors

ALONE = "FOLDIN_ALONE"
"""Set for a stage beside which other stages run: it starts no processes of its own, which would be too many."""


def beside() -> int:
    """Return how many processes may compute beside this one; an emulated processor cannot start another."""
    if params.device() == "gpu" or {processors.VARIABLE, ALONE} & os.environ.keys():
        return 0
    return min(params.processes(), len(os.sched_getaffinity(0))) - 1


def start(processes: int) -> ProcessPoolExecutor:
    """Return a pool of processes that end with this one; they start when there is work, in the environment of then.

    Parameters
    ----------
    processes : int
        How many.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(os.getpid(),))


def stop(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool now, whatever they are doing."""
    for process in list((pool._processes or {}).values()):  # Python 3.14 has terminate_workers for it
        process.terminate()
    pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Deliver Ctrl-C at the end only: a process that is starting is neither left half-made nor reached by it."""
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    # What this thread starts inherits the mask; this process itself may still get the signal in another thread.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _begin(started_by: int) -> None:
    # The epochs of several fits at once, mixed, would tell a reader nothing.
    os.environ[progress.VARIABLE] = os.devnull
    # Ctrl-C reaches all processes of a terminal; the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent.end_worker_with(started_by)
