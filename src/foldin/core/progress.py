"""Progress for the user: lines that reach the terminal but never an executed notebook's bytes.

The runner names a file in FOLDIN_PROGRESS and shows what is appended to it. In Jupyter, or anywhere else without that
variable, lines go to standard error.
"""

import os
import sys
import time
from pathlib import Path

VARIABLE = "FOLDIN_PROGRESS"
_last_said = 0.0


def say(text: str) -> None:
    """Show one line of progress now.

    Parameters
    ----------
    text : str
        The line, without a newline.
    """
    target = os.environ.get(VARIABLE)
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    else:
        print(text, file=sys.stderr, flush=True)


def tick(text: str, *, every: float = 2.0) -> None:
    """Show a line of progress unless one was shown in the last `every` seconds; cheap enough for inner loops."""
    global _last_said
    now = time.monotonic()
    if now - _last_said >= every:
        _last_said = now
        say(text)
