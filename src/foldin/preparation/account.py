"""Accounts of cleaning: how many rows of a table were dropped, changed or kept, each under a named reason.

Rows in must equal rows out plus rows dropped.
"""

from dataclasses import dataclass, field
from typing import Any

from foldin.core.errors import FoldinError

PARTS = "parts"
"""Key of the accounts of what a data set is composed of, by domain."""
ADDED = "added_without_description"
"""Key of the rows that no raw row stands for: ids that are rated and not described."""


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
    repeats : dict of str to int
        What was made of the rows of pairs that occur more than once; empty where none does.
    """

    rows_in: int
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    added: int = 0
    repeats: dict[str, int] = field(default_factory=dict)

    def close(self, table: str, rows: int) -> dict[str, Any]:
        """Return the account as it is written into a file.

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
        closed: dict[str, Any] = {"rows_in": self.rows_in, "rows_out": rows, "dropped": self.dropped}
        closed |= {name: counts for name in ("changed", "kept", "repeats") if (counts := getattr(self, name))}
        check(table, closed | {ADDED: self.added}, rows)
        return closed


def summed(accounts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several accounts added up, key by key."""
    total: dict[str, Any] = {}
    for account in accounts:
        for key, value in account.items():
            total[key] = summed([total.get(key, {}), value]) if isinstance(value, dict) else total.get(key, 0) + value
    return total


def check(table: str, account: dict[str, Any], rows: int, where: str = "src/foldin/preparation/clean.py") -> None:
    """Refuse an account that does not close.

    Parameters
    ----------
    table : str
        Name of the table, for the message.
    account : dict
        `rows_in`, `rows_out`, `dropped` by reason and, where rows were added, `added_without_description`.
    rows : int
        Rows that the table has in fact.
    where : str, optional
        The module that counted, for the message.

    Raises
    ------
    FoldinError
        When rows are unaccounted for.
    """
    dropped, added = account["dropped"], account.get(ADDED, 0)
    rows_out = account["rows_in"] - sum(dropped.values()) + added
    if not rows == account["rows_out"] == rows_out or min([0, *dropped.values()]) < 0:
        raise FoldinError(
            f"the account of {table} does not close: {rows:,} rows are left where {account['rows_in']:,} came in, "
            f"{sum(dropped.values()):,} were dropped and {added:,} added",
            where=where,
            remedy="this is a fault of foldin, not of the data; report it",
        )
