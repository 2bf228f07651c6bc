"""Counts lines of a file that are not as declared, and refuses a file with too many of them."""

from dataclasses import dataclass

from foldin.core.errors import FoldinError


@dataclass
class BadLines:
    """Lines that are not as declared, dropped and counted up to a share of the file.

    Attributes
    ----------
    share : float
        The share of a file's lines that may be bad; more is an error that names the first.
    count : int
        Lines dropped so far, of all files read with this object.
    first : FoldinError or None
        What is wrong with the first of them.
    """

    share: float
    count: int = 0
    first: FoldinError | None = None

    def add(self, dropped: int, good: int, first: FoldinError) -> None:
        """Count lines dropped, or refuse them where they are more than the share allows.

        Parameters
        ----------
        dropped : int
            Lines that are not as declared.
        good : int
            Lines that are.
        first : FoldinError
            What is wrong with the first.

        Raises
        ------
        FoldinError
            When these and those counted before are too many.
        """
        bad = self.count + dropped
        if bad > self.share * (good + bad):
            raise FoldinError(
                f"{bad:,} of {good + bad:,} lines are not as declared; the first: {first.what}",
                where=first.where,
                remedy=f"mend the declaration or the file, or raise clean.bad_lines ({self.share:g})",
            )
        self.count, self.first = bad, self.first or first
