"""Releases of a data set: the files of each, their SHA-256, and the counts they are known to have."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from foldin.core.files import sha256


@dataclass(frozen=True)
class Counts:
    """How many ratings, and how many users and items with ratings, a data set is known to have; None where unknown."""

    ratings: int | None
    users: int | None = None
    items: int | None = None


@dataclass(frozen=True)
class Release:
    """Files that together are a data set; the same data may come in several such sets.

    Attributes
    ----------
    files : dict of str to (str or None)
        File name, or a pattern such as `mv_*.txt`, → SHA-256 of its bytes, None where unknown.
    counts : Counts or None
        Known counts.
    """

    files: dict[str, str | None]
    counts: Counts | None = None

    def found_among(self, names: list[str]) -> list[str]:
        """Return those of the names that are files of this release, sorted; none unless it is complete."""
        found = {pattern: [name for name in names if fnmatch(name, pattern)] for pattern in self.files}
        return sorted({name for group in found.values() for name in group}) if all(found.values()) else []

    def differs_in(self, folder: Path) -> tuple[str, str, str] | None:
        """Return name, found and right SHA-256 of the first file in a folder that is not as known, or None."""
        for name, right in self.files.items():
            if right is not None and (found := sha256(folder / name)) != right:
                return name, found, right
        return None
