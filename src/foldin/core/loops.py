"""How far a loop is, and how long it still takes, for `foldin.core.progress` to show."""

import time
from collections.abc import Mapping, Sequence

from foldin.core.progress import tick


class _TimeLeft:
    """How long work still takes, by the time that its share so far has taken."""

    def __init__(self) -> None:
        # The first share is not counted where another follows: it may compile, and load what the others find loaded.
        self._start, self._before, self._shares = time.monotonic(), 0.0, 0

    def after(self, share: float) -> float | None:
        """Return the seconds left once this share of the work, from 0 to 1, is done; None while nothing tells."""
        now = time.monotonic()
        self._shares += share > 0
        if self._shares == 1:
            self._start, self._before = now, share
        if self._shares < 2 or share <= self._before:
            return None
        return (now - self._start) / (share - self._before) * (1 - share)


class Blocks:
    """How far work on rows is that is done block by block, and how long it still takes.

    Parameters
    ----------
    text : str
        What is done, and what a row is called: "als-implicit: ranking for user".
    total : int
        Number of rows.
    """

    def __init__(self, text: str, total: int) -> None:
        self._text, self._total, self._left = text, total, _TimeLeft()

    def begin(self, first: int, share: float | None = None) -> None:
        """Show that the block from row `first` (from 0) begins, and the time left.

        Parameters
        ----------
        first : int
            The first row of the block.
        share : float, optional
            The share of all work that is done before it, where rows do not cost the same; `first` / total otherwise.
        """
        seconds = self._left.after(first / self._total if share is None else share)
        left = "" if seconds is None else f", {duration(seconds)} left"
        tick(f"{self._text} {first + 1:,} of {self._total:,}{left}")


class Loop:
    """How far a loop is, and how long it still takes.

    Parameters
    ----------
    text : str
        What it does, and what one round is called: "mf-l2: epoch".
    total : int
        Number of rounds.
    at_most : bool, optional
        Whether it may end before.
    """

    def __init__(self, text: str, total: int, *, at_most: bool = False) -> None:
        self._text, self._total = text, total
        self._at_most = "at most " if at_most else ""
        self._left = _TimeLeft()

    def begin(self, number: int, history: Sequence[Mapping[str, float]] = (), metric: str = "") -> None:
        """Show that a round begins, what the last one came to, and the time left.

        Parameters
        ----------
        number : int
            The round; the first is 1.
        history : sequence of mapping of str to float, optional
            The metrics noted after each round before it.
        metric : str, optional
            The one that is shown, where it was noted.
        """
        note = left = ""
        if history and metric in history[-1]:
            named = metric.replace("_", " ").replace("rmse", "RMSE").replace("ndcg", "NDCG")
            note = f", {named} {history[-1][metric]:.4f}"
        if (seconds := self._left.after((number - 1) / self._total)) is not None:
            left = f", {self._at_most}{duration(seconds)} left"
        of = f"{number:,} of {self._at_most}{self._total:,}"
        tick(f"{self._text} {of}{note}{left}")


def duration(seconds: float) -> str:
    """Return a time as people say it: "8 s", "2 min 5 s" or "1 h 3 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
