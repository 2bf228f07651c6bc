"""What is seen of a file of the user's own: how it must be read, and rows of it as text."""

from dataclasses import dataclass, field

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import marks
from foldin.datasets.formats.fields import each
from foldin.datasets.own import words

ROWS = 10_000
"""Rows from which roles and units are guessed; what is said of the file is then read from all of it."""


@dataclass(frozen=True)
class Looks:
    """How a file is to be read, rows of it as text, and what was seen.

    Attributes
    ----------
    declared : dict
        Keys of a declaration that say how to read it.
    rows : pandas.DataFrame
        Some rows, columns named as in the file, or by number from 1; missing where a cell is empty.
    seen : str
        What it is, in words.
    named : bool
        Whether its columns have names.
    unsure : list of str
        What may be otherwise.
    empty : dict of str to list of str
        Column → words in it, such as NULL, that say that a cell is empty.
    sparse : bool
        Whether it is a sparse matrix, of which `rows` has none.
    marked : dict of str to Marks
        Column → the marks in its numbers, which are points in `rows`.
    others : tuple of str
        Other tables of the file.
    """

    declared: dict[str, object]
    rows: pd.DataFrame
    seen: str
    named: bool = True
    unsure: list[str] = field(default_factory=list)
    empty: dict[str, list[str]] = field(default_factory=dict)
    sparse: bool = False
    marked: dict[str, marks.Marks] = field(default_factory=dict)
    others: tuple[str, ...] = ()


def as_text(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table with all that is known as text.

    Raises
    ------
    FoldinError
        When it has no rows.
    """
    if rows.empty:
        raise FoldinError("the file holds no rows", where=name, remedy="give one that does")
    known = rows.notna().to_numpy()
    columns = {name: each(rows[name], _text_of) if rows[name].dtype == "object" else rows[name] for name in rows}
    return pd.DataFrame(columns).rename(columns=str).astype("str").where(known)


def _text_of(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def refuse_duplicates(names: list[str], file: str) -> None:
    """Refuse a file in which two columns have one name, where it may be the name of one that is needed."""
    if len(set(names)) == len(names):
        return
    for name in words.by_name(sorted(name for name in set(names) if names.count(name) > 1)).values():
        raise FoldinError(f"the file names '{name}' twice", where=file, remedy="rename one of the two")
