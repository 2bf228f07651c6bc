"""Rewrites text whose columns are separated by blanks, one or more, so that a reader of separated columns reads it."""

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foldin.core import paths
from foldin.core.errors import FoldinError

NAME = "blanks"
"""What a declaration says instead of a separator."""
SEPARATOR = "\x1f"
"""What separates the columns of what is written: no text has it."""


def split(line: str) -> list[str]:
    """Return the columns of a line; a column in double quotes may hold blanks."""
    if '"' not in line:
        return line.split()
    return next(csv.reader([" ".join(line.split())], delimiter=" ", skipinitialspace=True), [])


@contextmanager
def separated(path: Path, encoding: str) -> Iterator[Path]:
    """Give a path at which the file lies with `SEPARATOR` between its columns; its lines keep their numbers.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str
        Of its text, and of what is written.

    Raises
    ------
    FoldinError
        When it is no text of this encoding.
    """
    with tempfile.TemporaryDirectory(dir=paths.scratch()) as folder:
        target = Path(folder) / path.name
        try:
            with (
                path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline=None) as source,
                target.open("w", encoding=encoding, newline="\n") as file,
            ):
                file.writelines(SEPARATOR.join(split(line)) + "\n" for line in source)
        except UnicodeError as error:
            raise FoldinError(f"this is no {encoding} text ({error})", remedy="mend encoding") from None
        yield target
