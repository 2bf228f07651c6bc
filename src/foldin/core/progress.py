"""Progress for the user: it reaches the terminal or Jupyter, but never an executed notebook's bytes.

`say` is for what stays to be read, `step` for work that begins, `tick` for how far it is. In a terminal, steps and
ticks replace each other on the last line; in Jupyter, in one line below the cell, which is empty when the cell has
ended. Elsewhere each step is a line, and so is a tick now and then. Whoever runs a notebook, or several stages at a
time, names a file in FOLDIN_PROGRESS and shows what is appended to it.
"""

import atexit
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from foldin.core.text import one_line

VARIABLE = "FOLDIN_PROGRESS"
SAY, STEP, TICK = "say", "step", "tick"
OFTEN, SELDOM = 0.3, 5.0
"""Seconds between two ticks that replace each other, and between two that are lines."""
Show = Callable[[str, str], None]
"""Takes a kind (`SAY`, `STEP` or `TICK`) and a text."""

_within: ContextVar[str] = ContextVar("_within", default="")
_last_tick = 0.0


def say(text: str) -> None:
    """Show a line that stays, such as a result or a warning.

    Parameters
    ----------
    text : str
        The line, without a newline.
    """
    _send(SAY, text)


def step(text: str) -> None:
    """Show that some work begins, which takes a while."""
    _send(STEP, text)


def tick(text: str, *, every: float = OFTEN) -> None:
    """Show how far work is, unless that was shown in the last `every` seconds; cheap enough for inner loops."""
    global _last_tick
    now = time.monotonic()
    if now - _last_tick >= every:
        _last_tick = now
        _send(TICK, text)


@contextmanager
def within(place: str) -> Iterator[None]:
    """Name what all lines shown in the block belong to, such as "demo, model 1 of 2"."""
    token = _within.set(f"{_within.get()}{place}: ")
    try:
        yield
    finally:
        _within.reset(token)


def show(kind: str, text: str) -> None:
    """Show a line where this process's user sees it: in Jupyter, in place in a terminal, or as a line of its own."""
    if (shell := _jupyter()) is not None:
        _cell.show(kind, text, shell)
    elif in_terminal():
        terminal.show(kind, text)
    else:
        _lines(kind, text)


def in_terminal() -> bool:
    """Return whether standard error is a terminal that can go back on a line."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return False
    return os.get_terminal_size(sys.stderr.fileno()).columns > 0  # some have no size, and so no place for a line


def end() -> None:
    """Remove what is shown in place, before something else is printed."""
    terminal.end()


class Lines:
    """Shows each line below the last one, and ticks seldom."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, kind: str, text: str) -> None:
        """Show a line, or not."""
        now = time.monotonic()
        if kind != TICK or now - self._last >= SELDOM:
            self._last = now
            sys.stderr.write(f"{text}\n")  # in one piece: several threads may write
            sys.stderr.flush()


class Terminal:
    """Shows steps and ticks in place, at the end of a terminal: one line for each place that works."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}
        self._turn = threading.RLock()

    def show(self, kind: str, text: str, place: str = "") -> None:
        """Show a line; a step or tick in place of the last one of the same place."""
        from tqdm import tqdm  # type: ignore[import-untyped]

        with self._turn:
            if kind == SAY:
                tqdm.write(text, file=sys.stderr)
                return
            if place not in self._bars:
                tqdm.monitor_interval = 0  # no thread that looks after it
                self._bars[place] = tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True, file=sys.stderr)
            self._bars[place].set_description_str(text)

    def end(self, place: str | None = None) -> None:
        """Remove the line of a place; of all unless one is given."""
        with self._turn:
            for each in [place] if place is not None else list(self._bars):
                if (bar := self._bars.pop(each, None)) is not None:
                    bar.close()
                    if not self._bars:
                        sys.stderr.write("\r")  # what a line further down leaves undone


class _Cell:
    """Shows steps and ticks in place, below the cell of Jupyter that runs."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._watching = False

    def show(self, kind: str, text: str, shell: Any) -> None:
        from IPython.display import display

        if kind == SAY:
            print(text)
            return
        if not self._watching:
            shell.events.register("post_run_cell", self._clear)
            self._watching = True
        shown = {"text/plain": text}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)

    def _clear(self, *_: object) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.update({"text/plain": ""}, raw=True)


terminal, _cell, _lines = Terminal(), _Cell(), Lines()
atexit.register(end)


@contextmanager
def following(shown: Show, folder: Path | None = None) -> Iterator[Path]:
    """Give a file, to be named in FOLDIN_PROGRESS, and show what is appended to it until the block ends.

    Parameters
    ----------
    shown : callable
        Shows each line.
    folder : Path, optional
        Where the file is; the system's own unless given.
    """
    with tempfile.TemporaryDirectory(dir=folder) as own:
        file = Path(own) / "progress"
        file.touch()
        done = threading.Event()

        def follow() -> None:
            begun = ""
            with file.open(encoding="utf-8") as lines:
                while True:
                    last_look = done.is_set()
                    *whole, begun = (begun + lines.read()).split("\n")
                    for line in whole:
                        kind, _, text = line.partition(" ")
                        shown(kind, text)
                    if last_look:
                        return
                    done.wait(OFTEN)

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield file
        finally:
            done.set()
            follower.join()


def _send(kind: str, text: str) -> None:
    text = one_line(_within.get() + text)  # it may name what is in the data
    if target := os.environ.get(VARIABLE):
        # A full disk, or a follower that is gone, must not end the work that is followed.
        with suppress(OSError), Path(target).open("a", encoding="utf-8") as file:
            file.write(f"{kind} {text}\n")
    else:
        show(kind, text)


def _jupyter() -> Any:
    """Return IPython's shell where this process is a kernel of Jupyter; else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None
