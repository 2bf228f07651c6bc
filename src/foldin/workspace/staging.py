"""Where a stage writes while it runs: its own temporary folder; whole outputs move into place at the end.

So no output mixes two runs, comes from a stopped run, or uses inputs that changed. A stage runs once at a time in a
checkout: a second run of it waits briefly, in case the first is ending, and is then refused. Files left by dead runs
are removed by the next stage that runs.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.core.progress import say

PATIENCE = 10.0
"""Seconds that another run of the same stage may take to end."""


@contextmanager
def only_run(stage: str) -> Iterator[Path]:
    """Be the only run of a stage in this checkout; give an empty folder of its own, and remove it at the end.

    Parameters
    ----------
    stage : str
        Its name as DVC has it, such as `train@demo-als`.

    Raises
    ------
    FoldinError
        When another process runs the stage and goes on to.
    """
    folder = paths.partial() / stage
    lock = _wait_for(folder, stage)
    try:
        _sweep(folder)
        run = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
        lock.write(str(os.getpid()))
        lock.flush()
        yield run
    finally:
        # The lock's file goes while it is held: who waits for it then looks for another.
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


@contextmanager
def outputs(run: Path) -> Iterator[None]:
    """Let foldin.core.files write below a folder instead of into the checkout, and temporary files beside it.

    Parameters
    ----------
    run : Path
        The folder that `only_run` gave.
    """
    (run / "outputs").mkdir()
    (run / "scratch").mkdir()
    os.environ[paths.STAGING] = str(run / "outputs")
    try:
        yield
    finally:
        os.environ.pop(paths.STAGING)


def publish(run: Path, declared: Iterable[str]) -> None:
    """Move what was written into place, after all that an older run left there is gone.

    Parameters
    ----------
    run : Path
        The folder that `only_run` gave.
    declared : iterable of str
        The stage's outputs, files and folders, as dvc.yaml names them.
    """
    staged, names = run / "outputs", list(declared)
    # All at first: one part of this run beside another of an older one would mix test ratings into training.
    for name in names:
        _remove(paths.root() / name)
    for name in names:
        if (staged / name).exists():
            _move(staged / name, paths.root() / name)
    # What a notebook of one's own writes beside its outputs.
    for file in sorted(path for path in staged.rglob("*") if path.is_file()):
        target = paths.root() / file.relative_to(staged)
        _remove(target)
        _move(file, target)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)  # also to another disk, where data/ or reports/ is a link to one


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _wait_for(folder: Path, stage: str) -> IO[str]:
    deadline = time.monotonic() + PATIENCE
    said = False
    while (lock := _lock(folder)) is None:
        holder = _holder(folder)
        if time.monotonic() > deadline:
            raise FoldinError(
                f"already running in this checkout: {holder}",
                where=stage,
                remedy="wait until it has ended, or end it; then run again: dvc repro",
            )
        if not said:
            say(f"{stage}: waiting for another run of it to end: {holder}")
            said = True
        time.sleep(0.1)
    return lock


def _lock(folder: Path) -> IO[str] | None:
    """Lock a stage's folder for this process; None where another has it. The system unlocks what a dead one had."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = (folder / "lock").open("a+", encoding="utf-8")
    except FileNotFoundError:  # another run has just ended
        return None
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The one who had it may have removed the file in between.
        if os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat()):
            lock.truncate(0)
            return lock
    lock.close()
    return None


def _holder(folder: Path) -> str:
    with suppress(FileNotFoundError):
        number = (folder / "lock").read_text(encoding="utf-8")
        return f"process {number}" if number else "a process that is just starting"
    return "a process that is just ending"


def _sweep(own: Path) -> None:
    """Remove what dead runs left, of the stage whose lock is held and of any other; that of living ones stays."""
    for left in own.glob("run-*"):
        shutil.rmtree(left, ignore_errors=True)
    for file in paths.partial().glob("*/lock"):
        lock = _lock(file.parent)
        if lock is not None:
            shutil.rmtree(file.parent, ignore_errors=True)
            lock.close()
