"""Turns an exception into the one-line message that users see: what happened, and what to do.

It imports only the standard library, so that a Python without the installed environment can report that.
"""

import resource
import sys

from foldin.core.errors import FULL, FoldinError
from foldin.core.text import one_line

EXPECTED = (FoldinError, OSError, ModuleNotFoundError, MemoryError)
"""Faults that the user can do something about; any other is a bug in foldin, whose traceback is needed."""
OUT_OF_MEMORY = ("failed to map segment", "annot allocate memory", "can't start new thread")
"""What the loader, the system and Python say where memory, or a limit of it, does not suffice."""
LEAST_MEMORY = 2 << 30
"""Bytes of address space without which a command may not even load its libraries. Some of them then hang, or abort."""
LEAST_FOR_MODELS = 6 << 30
"""The same for a command that trains models: OpenBLAS asks for its buffers again and again until it gets them."""


def of_memory(fault: BaseException) -> bool:
    """Return whether a fault means that memory ran out, whatever its type says."""
    return isinstance(fault, MemoryError) or (
        isinstance(fault, ImportError | OSError | RuntimeError) and any(sign in str(fault) for sign in OUT_OF_MEMORY)
    )


def memory_limit() -> int | None:
    """Return the bytes of address space that this process may have (`ulimit -v`); None where there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def refuse_little_memory(least: int = LEAST_MEMORY) -> None:
    """Refuse to start below a limit at which libraries fail in ways of their own.

    Parameters
    ----------
    least : int, optional
        Bytes of address space that the command needs.

    Raises
    ------
    FoldinError
        When the limit is lower.
    """
    limit = memory_limit()
    if limit is not None and limit < least:
        what = f"memory is limited to {limit / 1e9:.1f} GB of addresses (ulimit -v)"
        raise FoldinError(what, remedy=f"this command needs at least {least / 1e9:.1f} GB: ulimit -v unlimited")


def line(fault: BaseException) -> str:
    """Return the line to print of one of `EXPECTED`.

    Parameters
    ----------
    fault : BaseException
        The fault.
    """
    if of_memory(fault):
        limit = memory_limit()
        limited = "" if limit is None else f", of {limit / 1e9:.1f} GB that `ulimit -v` allows"
        advice = "close programs, or make the problem smaller: section subset of params.yaml, or the number of factors"
        said = f"memory ran out ({str(fault) or 'no more is free'}{limited}); {advice}"
        return f"foldin: {one_line(said)}"
    match fault:
        case FileNotFoundError():
            # pyarrow names no file apart from its sentence.
            place = fault.filename or fault
            said = f"{place}: not there; make it with the stage before: dvc repro"
        case OSError() if fault.errno in FULL:
            place = f"{fault.filename}: " if fault.filename else ""
            said = f"{place}{fault.strerror}; free space there, then run again: nothing half-written was kept"
        case OSError():
            place = f"{fault.filename}: " if fault.filename else ""
            said = f"{place}{fault.strerror or fault}; free space or mend permissions, then run again"
        case ModuleNotFoundError():
            advice = "install the environment with `make install` and run `. .venv/bin/activate`, or use make"
            said = f"this Python ({sys.executable}) has no '{fault.name}'; {advice}"
        case _:
            said = str(fault)
    return f"foldin: {one_line(said)}"
