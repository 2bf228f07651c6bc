"""Turns an exception into the one-line message that users see: what happened, and what to do.

It imports only the standard library, so that a Python without the installed environment can report that.
"""

import errno
import sys

from foldin.core.errors import FoldinError
from foldin.core.text import one_line

EXPECTED = (FoldinError, OSError, ModuleNotFoundError, MemoryError)
"""Faults that the user can do something about; any other is a bug in foldin, whose traceback is needed."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where no more can be written: the disk, the user's share of it, or the file is full."""


def line(fault: BaseException) -> str:
    """Return the line to print of one of `EXPECTED`.

    Parameters
    ----------
    fault : BaseException
        The fault.
    """
    match fault:
        case FileNotFoundError():
            said = f"{fault.filename}: not there; make it with the stage before: dvc repro"
        case OSError() if fault.errno in FULL:
            place = f"{fault.filename}: " if fault.filename else ""
            said = f"{place}{fault.strerror}; free space there, then run again: nothing half-written was kept"
        case OSError():
            place = f"{fault.filename}: " if fault.filename else ""
            said = f"{place}{fault.strerror or fault}; free space or mend permissions, then run again"
        case ModuleNotFoundError():
            advice = "install the environment with `make install` and run `. .venv/bin/activate`, or use make"
            said = f"this Python ({sys.executable}) has no '{fault.name}'; {advice}"
        case MemoryError():
            advice = (
                "close programs, or make the problem smaller: section subset of params.yaml, or the number of factors"
            )
            said = f"memory ran out ({str(fault) or 'no more is free'}); {advice}"
        case _:
            said = str(fault)
    return f"foldin: {one_line(said)}"
