"""A file of ratings in delimited text, declared so that more than one engine can read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from foldin.datasets.formats import lines
from foldin.datasets.formats.parsers import Parser


@dataclass(frozen=True)
class RatingsFile:
    """Where the ratings of a data set are, and how they are written.

    Attributes
    ----------
    name : str
        The file's name in the folder of raw files.
    columns : mapping of str to Parser
        The columns in file order: `user_id`, `item_id`, `rating` and `timestamp`.
    delimiter : str
        What stands between two fields.
    header : bool
        Whether the first line names the columns.
    names : tuple of str
        Those names, where they are not the keys of `columns`.
    quoted : bool
        Whether a field may stand in double quotes.
    """

    name: str
    columns: Mapping[str, Parser]
    delimiter: str
    header: bool = False
    names: tuple[str, ...] = ()
    quoted: bool = False

    @property
    def head(self) -> list[str] | None:
        """What the first line must say; None where it is data."""
        return list(self.names or self.columns) if self.header else None

    def read(self, folder: Path) -> pd.DataFrame:
        """Return the ratings, as `foldin.datasets.formats.lines.read` does."""
        return lines.read(
            folder / self.name, self.columns, delimiter=self.delimiter, header=self.head, quoted=self.quoted
        )
