"""Reads a table or a query of a SQLite database, and writes nothing: not to it, not beside it, nor anywhere else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats.fields import exact


def read(path: Path, query: str) -> pd.DataFrame:
    """Return the rows of a query.

    Parameters
    ----------
    path : Path
        The database.
    query : str
        A SELECT statement.

    Raises
    ------
    FoldinError
        When there is no such file, it is no database, or the query fails.
    """
    place = "/".join(path.parts[-4:])
    if not path.is_file():
        raise FoldinError("the file is missing", where=place, remedy="put the database there")
    with closing(_opened(path)) as database:
        try:
            answer = database.execute(query)
            names = [str(column[0]) for column in answer.description or []]
            # pandas' own reader makes floats of whole numbers with a gap.
            columns = list(zip(*answer.fetchall(), strict=True)) or [() for _ in names]
        except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            known = ", ".join(tables(path))
            raise FoldinError(
                f"the query '{query}' fails ({reason})",
                where=place,
                remedy=f"mend it; the tables are: {known}" if known else "give a database with tables",
            ) from None
    return pd.concat([exact(values) for values in columns], axis=1, keys=names) if names else pd.DataFrame()


def tables(path: Path) -> list[str]:
    """Return the names of a database's tables and views, sorted; none where it cannot be read."""
    with closing(_opened(path)) as database:
        try:
            rows = database.execute("select name from sqlite_master where type in ('table', 'view') order by name")
            return [name for (name,) in rows if not name.startswith("sqlite_")]
        except sqlite3.Error:
            return []


def _opened(path: Path) -> sqlite3.Connection:
    log = path.resolve().with_name(f"{path.resolve().name}-wal")
    # Of a database with a write-ahead log, `mode=ro` alone would make one beside it.
    alone = "" if log.is_file() and log.stat().st_size else "&immutable=1"
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{alone}", uri=True)
    database.execute("pragma trusted_schema = off")
    database.set_authorizer(_only_reads)
    return database


def _only_reads(action: int, name: str | None, *_: str | None) -> int:
    """Refuse what a read-only connection still may do: attach a file, as VACUUM INTO does, or change a setting."""
    # Full-text indexes ask for data_version when they are read.
    changes = action == sqlite3.SQLITE_PRAGMA and name != "data_version"
    return sqlite3.SQLITE_DENY if changes or action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
