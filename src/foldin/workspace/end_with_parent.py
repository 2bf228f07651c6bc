"""A stage ends when the DVC that started it does, and a notebook's kernel when its stage does.

If DVC is killed, its stage would go on running and block the next run. On Linux the kernel kills the stage when DVC
ends, even a stopped one. Elsewhere, or if a shell is in between, a thread polls the parent process. Correctness does
not depend on it: unfinished output is never published (foldin.workspace.staging).
"""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil

from foldin.core.errors import FoldinError

STARTED_BY_DVC = "DVC_STAGE"
"""Set by DVC for each stage that it starts. A stage started by hand may outlive its terminal (`nohup`)."""
EVERY = 0.5
"""Seconds between two looks at the parent."""
PATIENCE = 10.0
"""Seconds that a stage may take to end politely."""
SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)."""


def end_stage_with_it() -> None:
    """Let this stage end when the DVC that started it does; nothing where no DVC did.

    Raises
    ------
    FoldinError
        When that DVC has ended already.
    """
    if STARTED_BY_DVC not in os.environ:
        return
    parent = os.getppid()
    # DVC starts stages in its own session; the system's process that adopts orphans is in another.
    leads_its_own = os.getsid(0) == os.getpid()
    if os.getsid(parent) != os.getsid(0) and not leads_its_own:
        raise FoldinError("the DVC that started this stage has ended", remedy="start it again: dvc repro")
    shell = _shell(parent)
    # Looked at here, not in the thread: DVC may end before that starts, and the shell then has another parent.
    dvc = _parent_of(shell)
    watcher = threading.Thread(target=_watch, args=(parent, shell, dvc), name="parent", daemon=True)
    watcher.start()
    if shell is None:
        _end_with(parent)


def end_kernel_with_it() -> None:
    """Let this kernel end when the process that started it does: `runner` has each kernel call it first."""
    # Jupyter tells its kernels who started them, and they look every second unless they compute.
    _end_with(int(os.environ["JPY_PARENT_PID"]))


def end_worker_with(parent: int) -> None:
    """Let this process end when the one that started it does: workers of a search call it first.

    Parameters
    ----------
    parent : int
        The process that started it.
    """
    _end_with(parent)


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be watched
        os.kill(os.getpid(), signal.SIGKILL)


def _shell(parent: int) -> psutil.Process | None:
    """Return the parent where it is the shell that DVC runs commands with; most become the command that they run."""
    shell = psutil.Process(parent)
    command = shell.cmdline()
    expected = Path(os.environ.get("SHELL") or "/bin/sh").name
    return shell if command and Path(command[0]).name == expected and "-c" in command else None


def _watch(parent: int, shell: psutil.Process | None, dvc: int | None) -> None:
    while os.getppid() == parent and _parent_of(shell) == dvc:
        time.sleep(EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def _parent_of(shell: psutil.Process | None) -> int | None:
    try:
        return shell.ppid() if shell else None
    except psutil.NoSuchProcess:
        return -1
