"""Accounts of cleaning: how many rows of a table were dropped, changed or kept, each under a named reason.

An account closes: the rows that came in are those that went out and those dropped, no more and no less.
"""

from dataclasses import dataclass, field
from typing import Any

from foldin.errors import FoldinError


@dataclass
class Account:
    """What happened to the rows of one table.

    Attributes
    ----------
    rows_in : int
        Rows of the raw table, lines that could not be read included.
    dropped : dict of str to int
        Reason → rows dropped for it; a row is dropped once, for the first reason that holds.
    changed : dict of str to int
        Reason → rows in which a value was corrected or made missing, which is no reason to drop them.
    kept : dict of str to int
        Reason → rows that look odd in a way that is no reason to change or drop them.
    added : int
        Rows that no raw row stands for.
    """

    rows_in: int
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    added: int = 0

    @property
    def rows_out(self) -> int:
        """Rows that must be left."""
        return self.rows_in - sum(self.dropped.values()) + self.added

    def close(self, table: str, rows: int) -> dict[str, Any]:
        """Return the account as figures for a file.

        Parameters
        ----------
        table : str
            Name of the table, for the message.
        rows : int
            Rows that are left in fact.

        Raises
        ------
        FoldinError
            When rows are unaccounted for.
        """
        if rows != self.rows_out or min([0, *self.dropped.values()]) < 0:
            raise FoldinError(
                f"the account of {table} does not close: {rows:,} rows are left where {self.rows_in:,} came in, "
                f"{sum(self.dropped.values()):,} were dropped and {self.added:,} added",
                where="src/foldin/clean.py",
                remedy="this is a fault of foldin, not of the data; report it",
            )
        figures: dict[str, Any] = {"rows_in": self.rows_in, "rows_out": rows, "dropped": self.dropped}
        return figures | {name: counts for name in ("changed", "kept") if (counts := getattr(self, name))}
