"""What the declaration of a data set says, and what its reader gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from foldin.errors import FoldinError
from foldin.files import sha256
from foldin.interactions import Scale


@dataclass(frozen=True)
class RawTables:
    """The tables of a data set as its files give them, nothing dropped, an absent value missing.

    Attributes
    ----------
    ratings : pandas.DataFrame
        `user_id`, `item_id` (str), `rating` (float), `timestamp` (Int64, seconds UTC), in file order.
    items : pandas.DataFrame
        `item_id`, `title`, `domain`, `genres` (joined by "|"), then whatever is known (`creator`, `year`).
    users : pandas.DataFrame
        `user_id`, then whatever is known (`age`, `gender`, `country`, `occupation`); may have no rows.
    bad_lines : int
        Lines of the ratings' files that were not as declared and are not among the ratings.
    """

    ratings: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    bad_lines: int = 0


@dataclass(frozen=True)
class Counts:
    """How many ratings, and how many users and items with ratings, a data set is known to have."""

    ratings: int
    users: int
    items: int


@dataclass(frozen=True)
class DataSet:
    """All that foldin knows of a data set, in one place.

    Attributes
    ----------
    name : str
        What people type; also its folder under data/raw and in a local archive.
    about : str
        One sentence for people who choose a data set.
    scale : Scale
        The rating scale.
    domains : tuple of str
        The kinds of items it holds.
    licence : str
        One line: under what terms it may be used.
    redistributable : bool
        Whether its rows may be shown in files that others can read.
    files : dict of str to (str or None)
        File name → SHA-256 of its bytes, None where unknown (generated files).
    read : callable
        Reads the folder of these files into RawTables.
    address : str or None
        The public zip archive of these files; None for a generated data set.
    generate : callable or None
        Writes these files into an empty folder; None for a data set that is fetched.
    counts : Counts or None
        Known counts, checked after reading; None where they depend on parameters.
    zero_is_implicit : bool
        Whether a rating of 0 means "met, but not rated"; such rows are dropped.
    isbn_items : bool
        Whether item ids are ISBNs, which people spell in many ways.
    feedback : str
        "explicit": ratings. "implicit": counts of interactions, such as plays.
    fold : callable or None
        Reads the test pairs of an official fold, by its number, from the folder of raw files; see splits.py.
    negatives : callable or None
        Reads held-out pairs and the negatives they are ranked among, from the folder of raw files and the raw ratings.
    beside : str
        How published figures on this data compare with ours, for the report.
    """

    name: str
    about: str
    scale: Scale
    domains: tuple[str, ...]
    licence: str
    redistributable: bool
    files: dict[str, str | None] = field(hash=False)
    read: Callable[[Path], RawTables]
    address: str | None = None
    generate: Callable[[Path], None] | None = None
    counts: Counts | None = None
    zero_is_implicit: bool = False
    isbn_items: bool = False
    feedback: Literal["explicit", "implicit"] = "explicit"
    fold: Callable[[Path, int], pd.DataFrame] | None = None
    negatives: Callable[[Path, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]] | None = None
    beside: str = ""

    def check_files(self, folder: Path, source: str) -> None:
        """Compare files with their known SHA-256.

        Parameters
        ----------
        folder : Path
            Where they lie.
        source : str
            Where they came from, for the message.

        Raises
        ------
        FoldinError
            On the first file that is not as known: names it, its digest and the right one.
        """
        for name, right in self.files.items():
            if right is not None and (found := sha256(folder / name)) != right:
                raise FoldinError(
                    f"the SHA-256 of {name} is {found}, not {right}",
                    where=source,
                    remedy="the file is damaged or of another release; put the original in its place",
                )

    def check_counts(self, ratings: pd.DataFrame) -> None:
        """Compare ratings with the known counts.

        Parameters
        ----------
        ratings : pandas.DataFrame
            The raw ratings; `user_id` and `item_id` are counted.

        Raises
        ------
        FoldinError
            When a count is not as known: names it, what was found and what is right.
        """
        if self.counts is None:
            return
        found = Counts(len(ratings), ratings["user_id"].nunique(), ratings["item_id"].nunique())
        for what, right in vars(self.counts).items():
            count = getattr(found, what)
            if count != right:
                raise FoldinError(
                    f"{count:,} {what} found where {right:,} are known to be",
                    where=f"data/raw/{self.name}",
                    remedy=f"the files are not whole; fetch them again: dvc repro -f fetch@{self.name}",
                )
