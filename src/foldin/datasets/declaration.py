"""Types for the declaration of a data set and for the tables that its reader returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.datasets.formats.plain import RatingsFile
from foldin.datasets.releases import Counts, Release


@dataclass(frozen=True)
class RawTables:
    """The tables of a data set as its files give them, nothing dropped, an absent value missing.

    Attributes
    ----------
    ratings : pandas.DataFrame
        `user_id`, `item_id` (str), `rating` (float), `timestamp` (Int64, seconds UTC), in file order. Of implicit
        feedback, `rating` is the count.
    items : pandas.DataFrame
        `item_id`, `title`, `domain`, `genres` (joined by "|"), then whatever is known (`creator`, `year`).
    users : pandas.DataFrame
        `user_id`, then whatever is known (`age`, `gender`, `country`, `occupation`); may have no rows.
    bad_lines : int
        Lines of the ratings' files that were not as declared and are not among the ratings.
    dropped : dict of str to int
        Reason → other rows of the ratings' files that the declaration leaves out.
    changed : dict of str to dict of str to int
        Table → reason → rows in which the reader corrected a value or made it missing.
    """

    ratings: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    bad_lines: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One data set within a data set that is composed of several.

    Attributes
    ----------
    dataset : DataSet
        What it is.
    domain : str
        The kind of its items; it keeps their ids apart from those of other parts.
    """

    dataset: "DataSet"
    domain: str


@dataclass(frozen=True)
class DataSet:
    """All that foldin knows of a data set, in one place.

    Attributes
    ----------
    name : str
        What users type; also its folder under data/raw and in a local archive.
    about : str
        One sentence that helps to choose a data set.
    scale : Scale
        The rating scale.
    domains : tuple of str
        The kinds of items it holds.
    licence : str
        One line: under what terms it may be used.
    redistributable : bool
        Whether its rows may be shown in files that others can read.
    files : dict of str to (str or None)
        File name, or a pattern such as `mv_*.txt`, → SHA-256 of its bytes, None where unknown.
    read : callable
        Reads the folder of these files into RawTables.
    address : str, dict of str to str, or None
        The public zip archive of these files, or file → its own address; None where there is none to download.
    page : str
        Where to find the data, if no program can download it.
    generate : callable or None
        Writes these files into an empty folder; None for a data set that is fetched.
    counts : Counts or None
        Known counts, checked after reading; None where they depend on parameters.
    optional : tuple of str
        Files, or patterns, that are read where they are present.
    other_releases : tuple of Release
        Other sets of files that the reader takes as well, the most specific first.
    archive : str
        Its folder in a local archive, where that is not its name.
    parts : tuple of Part
        The data sets it is composed of; empty for most.
    people : str
        The population of its user ids: data sets of the same population are joined by user when they are composed; ""
        where no other data set shares it.
    own_files : dict of str to Path
        File name → where a file of the user's own lies; empty for the data sets foldin brings.
    zero_is_implicit : bool
        Whether a rating of 0 means "used, but not rated"; such rows are dropped.
    isbn_items : bool
        Whether item ids are ISBNs, which users spell in many ways.
    events_per_pair : str
        Of implicit feedback: "sum" adds up the counts of a pair, "highest" keeps the highest.
    keeps_repeats : bool
        Whether the stage `clean` also writes all interactions, those of the same pair too.
    fold : callable or None
        Reads the test pairs of an official fold, by its number, from the folder of raw files; see
        foldin.preparation.protocols.
    negatives : callable or None
        Reads held-out pairs and the negatives they are ranked among, from the folder of raw files and the raw ratings.
    ratings_file : RatingsFile or None
        The ratings, where they are one file of delimited text, which other engines can read as well as `read` does.
    describe : callable or None
        Reads the tables of items and users alone, as `read` does; there where `ratings_file` is.
    beside : str
        How published metrics on this data compare with ours, for the report.
    """

    name: str
    about: str
    scale: Scale
    domains: tuple[str, ...]
    licence: str
    redistributable: bool
    files: dict[str, str | None] = field(hash=False)
    read: Callable[[Path], RawTables]
    address: str | dict[str, str] | None = field(default=None, hash=False)
    page: str = ""
    generate: Callable[[Path], None] | None = None
    counts: Counts | None = None
    optional: tuple[str, ...] = ()
    other_releases: tuple[Release, ...] = field(default=(), hash=False)
    archive: str = ""
    parts: tuple[Part, ...] = ()
    people: str = ""
    own_files: dict[str, Path] = field(default_factory=dict, hash=False)
    zero_is_implicit: bool = False
    isbn_items: bool = False
    events_per_pair: str = "sum"
    keeps_repeats: bool = False
    fold: Callable[[Path, int], pd.DataFrame] | None = None
    negatives: Callable[[Path, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]] | None = None
    ratings_file: RatingsFile | None = None
    describe: Callable[[Path], tuple[pd.DataFrame, pd.DataFrame]] | None = None
    beside: str = ""

    @property
    def releases(self) -> tuple[Release, ...]:
        """All sets of files the data may come in, the usual one last: others are more specific."""
        return (*self.other_releases, Release(self.files, self.counts))

    @property
    def feedback(self) -> str:
        """What its rows say: "explicit" ratings, or "implicit" counts of interactions, such as plays."""
        return self.scale.feedback

    @property
    def normalized(self) -> bool:
        """Whether ratings are shares of the scale of their part, because the parts' scales differ."""
        return len({part.dataset.scale for part in self.parts}) > 1

    @property
    def unit(self) -> str:
        """The unit of the ratings, in words."""
        if self.feedback == "implicit":
            return "log(1 + count)"
        return "shares of each domain's rating scale" if self.normalized else "rating units"

    @property
    def noun(self) -> str:
        """What its rows are called, in words."""
        return "counts" if self.feedback == "implicit" else "ratings"

    @property
    def source(self) -> str:
        """Where the data come from, in words."""
        if self.parts:
            return "; ".join(f"{part.domain}: {part.dataset.source}" for part in self.parts)
        return (self.address if isinstance(self.address, str) else self.page) or "generated from a seed"

    def choose_files(self, names: list[str]) -> list[str]:
        """Return those of the names that the reader wants: a complete release and what is optional; none without one.

        Parameters
        ----------
        names : list of str
            The files there are, folders joined by "/".
        """
        for release in reversed(self.releases):
            if chosen := release.found_among(names):
                extra = {name for name in names for pattern in self.optional if fnmatch(name, pattern)}
                return sorted({*chosen, *extra})
        return []

    def release_in(self, folder: Path, source: str = "") -> Release:
        """Return the release that lies in a folder.

        Parameters
        ----------
        folder : Path
            Where its files lie.
        source : str
            Where they came from, for the message.

        Raises
        ------
        FoldinError
            When none is complete, or a file is not as known: names it, its digest and the right one.
        """
        place = source or f"data/raw/{self.name}"
        names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
        complete = [release for release in self.releases if not release.files or release.found_among(names)]
        if not complete:
            needed = " or ".join(", ".join(release.files) for release in reversed(self.releases))
            raise FoldinError(
                f"files of the data set '{self.name}' are missing: it needs {needed}",
                where=place,
                remedy=f"fetch them again: dvc repro -f fetch@{self.name}",
            )
        faults = [release.differs_in(folder) for release in complete]
        for release, fault in zip(complete, faults, strict=True):
            if fault is None:
                return release
        name, found, right = next(fault for fault in reversed(faults) if fault)
        raise FoldinError(
            f"the SHA-256 of {name} is {found}, not {right}",
            where=place,
            remedy="the file is damaged or of another release; put the original in its place",
        )

    def check_files(self, folder: Path, source: str) -> None:
        """Compare files with their known SHA-256; see `release_in` for parameters and errors."""
        self.release_in(folder, source)

    def check_counts(self, ratings: pd.DataFrame, folder: Path | None = None) -> None:
        """Compare ratings with the known counts.

        Parameters
        ----------
        ratings : pandas.DataFrame
            The raw ratings; `user_id` and `item_id` are counted.
        folder : Path, optional
            Where the files lie; says which release they are, where there are several.

        Raises
        ------
        FoldinError
            When a count is not as known: names it, what was found and what is right.
        """
        if self.known_counts(folder) is not None:
            counts = Counts(len(ratings), ratings["user_id"].nunique(), ratings["item_id"].nunique())
            self.compare_counts(counts, folder)

    def known_counts(self, folder: Path | None = None) -> Counts | None:
        """Return the known counts of the release in a folder; None where they are not known."""
        return self.release_in(folder).counts if folder is not None and self.other_releases else self.counts

    def compare_counts(self, found: Counts, folder: Path | None = None) -> None:
        """Compare counts with the known ones; see `check_counts`."""
        counts = self.known_counts(folder) or Counts(None)
        for what, right in vars(counts).items():
            count = getattr(found, what)
            if right is not None and count != right:
                raise FoldinError(
                    f"{count:,} {what} found where {right:,} are known to be",
                    where=f"data/raw/{self.name}",
                    remedy=f"the files are not whole; fetch them again: dvc repro -f fetch@{self.name}",
                )
