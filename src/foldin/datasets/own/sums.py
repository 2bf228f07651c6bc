"""Ids whose values sum up those of all others, whatever they are called: found by arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldin.datasets.own import values as of_values

COVERED = 0.95
"""Share of the items that a row of totals must name, and of the users that a column of them must."""
MATCHED = 0.95
"""Share of its values that must be those that sum up the others."""
FEWEST = 3
"""Values that must sum up at least two others."""
LEAST_CHANCE = 0.05
"""By which chance a value sums up others, at least."""
SURE, POSSIBLE = 1e-4, 0.05
"""By which chance any id at all sums up all others, up to which it surely does, and up to which it may."""
ENDS = 3
"""Rows of totals at the start and at the end, at most, where several stand together."""
MOST_CELLS = 2_000_000
"""Values above which only such rows are looked at."""
SAMPLE = 5_000
"""Values from which the chance is taken."""
CODED = 0.01
"""Share of the cells from which on a usual code for missing ratings may be one."""
DIGITS = 6
"""Digits after the point, at most."""
LONG = 12
"""Ratings that a single total must sum up."""
WHAT = ("sum", "mean", "number")

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


class Sums(NamedTuple):
    """An id whose values sum up others: its code, what they are of the others, in how many rows, and how surely."""

    code: int
    what: str
    rows: int
    sure: bool


@dataclass
class Side:
    """Ratings seen from their users or from their items.

    Attributes
    ----------
    mine, other : ndarray of int, shape (n,)
        Codes of the ids that may be those of totals, and of what these sum up.
    ratings : ndarray of float64, shape (n,)
        The ratings.
    known : ndarray of bool, shape (n,)
        Those that are no code for a missing rating.
    """

    mine: npt.NDArray[np.integer]
    other: npt.NDArray[np.integer]
    ratings: Numbers
    known: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Add up all ratings of each other, and take some to compare with."""
        size = int(self.other.max()) + 1
        self.total = np.bincount(self.other[self.known], self.ratings[self.known], size)
        self.number = np.bincount(self.other[self.known], minlength=size)
        every = np.arange(0, len(self.mine), max(1, len(self.mine) // SAMPLE))
        self.sample = every[self.known[every]]

    def expected(self, rows: Places, apart: Places) -> tuple[Numbers, ...]:
        """Return sum, mean and number of the ratings that each of some rows may sum up: of none `apart`, nor itself."""
        total, number = self.total.copy(), self.number.copy()
        without = apart[self.known[apart]]
        np.subtract.at(total, self.other[without], self.ratings[without])
        np.subtract.at(number, self.other[without], 1)
        alone = self.known[rows] & ~np.isin(rows, apart)
        sums = total[self.other[rows]] - np.where(alone, self.ratings[rows], 0)
        numbers = number[self.other[rows]] - alone
        return sums, sums / np.maximum(numbers, 1), numbers.astype(np.float64)


def find(mine: npt.NDArray[np.integer], other: npt.NDArray[np.integer], values: Numbers) -> list[Sums]:
    """Return the ids whose values sum up those of all others.

    Parameters
    ----------
    mine, other : ndarray of int, shape (n,)
        Codes of users and items, or the other way round; none is missing.
    values : ndarray of float64, shape (n,)
        The ratings, none of them missing.
    """
    if len(mine) < LONG:
        return []
    counts = np.bincount(mine)
    named = int((np.bincount(other) > 0).sum())
    covering = np.flatnonzero((counts >= COVERED * named) & (counts <= named))
    if not len(covering) or named < FEWEST or (counts > 0).sum() < 2:
        return []
    first = np.zeros(len(counts), np.intp)
    first[mine[::-1]] = np.arange(len(mine))[::-1]
    covering = covering[np.argsort(first[covering])]
    ends = covering if len(covering) <= 2 * ENDS else np.r_[covering[:ENDS], covering[-ENDS:]]
    tries = len(covering)
    if counts[covering].sum() > MOST_CELLS:
        covering = ends
    for codes in _codes(values):
        side = Side(mine, other, values, ~np.isin(values, codes))
        if found := _alone(side, covering, tries) or _together(side, ends):
            return found
    return []


def _codes(values: Numbers) -> Iterator[list[float]]:
    """Yield sets of values that may be codes for missing ratings, the first of them empty."""
    yield []
    distinct, n = np.unique(values, return_counts=True)
    possible = np.isin(distinct, (0, *of_values.CODES)) & (n > CODED * len(values))
    yield from ([code] for code in distinct[possible].tolist())
    if len(together := distinct[possible & (distinct != 0)]) > 1:
        yield together.tolist()


def _alone(side: Side, covering: Places, tries: int) -> list[Sums]:
    """Return the id that sums up all others."""
    is_one = np.zeros(int(side.mine.max()) + 1, dtype=bool)
    is_one[covering] = True
    rows = np.flatnonzero(is_one[side.mine])
    mine = side.mine[rows]
    counts = np.maximum(np.bincount(mine, minlength=len(is_one)), 1)
    off = _half_digits(mine, side.ratings[rows], len(is_one))[mine]
    fitting: set[int] = set()
    for expected in side.expected(rows, rows[:0]):
        close = np.abs(side.ratings[rows] - expected) <= off + 1e-9 * np.abs(expected)
        fitting |= set(np.flatnonzero(np.bincount(mine, close, len(is_one)) >= MATCHED * counts).tolist())
    rows_of = {code: rows[mine == code] for code in fitting}
    found = [_judged(side, {code: rows_of[code]}, tries) for code in covering.tolist() if code in fitting]
    # Of two that are alike, neither sums up the other.
    return min((one for one in found if one), key=lambda one: not one[0].sure, default=[])


def _together(side: Side, ends: Places) -> list[Sums]:
    """Return ids that sum up all others side by side, such as a row of sums and one of means."""
    rows_of = {code: np.flatnonzero(side.mine == code) for code in ends.tolist()}
    groups = [{code: rows_of[code] for code in group} for size in (2, 3) for group in combinations(rows_of, size)]
    found = (_judged(side, group, len(groups)) for group in groups)
    return next((group for group in found if group), [])


def _judged(side: Side, group: dict[int, Places], tries: int) -> list[Sums]:
    """Return in what way each id of a group sums up all that are not of the group; nothing if one does not.

    Parameters
    ----------
    side : Side
        All ratings.
    group : dict of int to ndarray
        Code → its rows.
    tries : int
        How many groups are judged.
    """
    apart = np.concatenate([*group.values()])
    sample = side.sample[~np.isin(side.mine[side.sample], [*group])]
    if not len(sample):
        return []
    of_sample = side.expected(sample, apart)
    found: list[Sums] = []
    for code, rows in group.items():
        if len(np.unique(side.other[rows])) < len(rows):
            return []
        values, expected = side.ratings[rows], side.expected(rows, apart)
        off = _half_digits(np.zeros(len(rows), np.intp), values, 1)[0]
        telling = expected[2] >= 2
        verdict = None
        for what, mine, of_others in zip(WHAT, expected, of_sample, strict=True):
            close = np.abs(values - mine) <= off + 1e-9 * np.abs(mine)
            if close.mean() < MATCHED or telling.sum() < FEWEST or (mine == 0).all():
                continue
            # A number of ratings that is the same everywhere may be a rating.
            if what == "number" and np.ptp(mine) == 0 and values.min() <= side.ratings[sample].max():
                continue
            by_chance = np.abs(side.ratings[sample] - of_others) <= off + 1e-9 * np.abs(of_others)
            chance = tries * max(LEAST_CHANCE, float(by_chance.mean())) ** int((close & telling).sum())
            if chance < POSSIBLE and (verdict is None or chance < verdict[0]):
                verdict = chance, Sums(code, what, len(rows), chance < SURE)
        if verdict is None:
            return []
        found.append(verdict[1])
    return found


def _half_digits(groups: npt.NDArray[np.integer], values: Numbers, size: int) -> Numbers:
    """Return for each group of values half of the last digit that any of them is written with."""
    half = np.full(size, 0.5)
    for digit in range(DIGITS):
        scaled = values * 10.0**digit
        more = np.bincount(groups, np.abs(scaled - np.round(scaled)) > 1e-6, size) > 0
        half[more] = 0.5 * 10.0 ** -(digit + 1)
    return half


def of_all(
    users: npt.NDArray[np.integer], items: npt.NDArray[np.integer], values: Numbers, *, parts: int
) -> Sums | None:
    """Return whether the last row, and those like it of the other files, is what all ratings sum up to: its user.

    Parameters
    ----------
    users, items : ndarray of int, shape (n,)
        Codes; none is missing.
    values : ndarray of float64, shape (n,)
        The ratings.
    parts : int
        Of how many files they are.
    """
    if len(values) <= LONG:
        return None
    mine = users == users[-1]
    n = int(mine.sum())
    if n > parts or not (mine == (items == items[-1])).all() or len(values) - n < LONG:
        return None
    rest, total = values[~mine], float(values[mine].sum())
    if np.isclose(total, rest.sum(), rtol=1e-9, atol=0.005) and total > rest.max():
        return Sums(int(users[-1]), "sum", n, sure=True)
    digits = np.abs(total * 100 - np.round(rest.mean() * 100)) <= 1 and total % 1 and not (rest % 1).any()
    if n == 1 and digits:
        return Sums(int(users[-1]), "mean", n, sure=False)
    if n == 1 and total == len(rest) and total > rest.max():
        return Sums(int(users[-1]), "number", n, sure=False)
    return None


def of_each(users: npt.NDArray[np.integer], values: Numbers) -> tuple[int, int, int]:
    """Return how many users have a rating that is the sum of at least three others of theirs, of how many, and a row.

    Parameters
    ----------
    users : ndarray of int, shape (n,)
        Codes; none is missing. Some of many users are enough.
    values : ndarray of float64, shape (n,)
        Their ratings.
    """
    if not len(users):
        return 0, 0, 0
    total, number = np.bincount(users, values), np.bincount(users)
    many = number > FEWEST
    sums_up = np.isclose(2 * values, total[users], rtol=1e-9, atol=1e-6) & many[users] & (values > 0)
    return len(np.unique(users[sums_up])), int(many.sum()), int(sums_up.argmax())
