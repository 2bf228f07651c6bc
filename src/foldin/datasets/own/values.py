"""Guesses what the values of ratings or counts mean: the scale, codes for missing ones, or counts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

STEPS = (1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01)
MOST_STEPS = 200
"""Ratings with more distinct values than this are counts, or have no steps."""
APART = 3.0
"""Times the distance of all others by which a value stands apart, and so may be a mistake."""
RARE = 0.001
"""Share of the ratings above which a value that stands apart is no mistake."""
CODES = (-1, -2, -8, -9, -98, -99, -998, -999, -9999, 99, 98, 97, 96, 88, 77, 55, 999, 998, 997, 9999, 9998)
SMALL_CODES = (7, 8, 9)
"""Numbers that are often written for a missing one; small ones may be ratings as well."""
MOST_CODES = 5
"""Codes for missing ratings, at most, that stand beside one another, such as 97, 98 and 99."""
LARGE_SHARE = 0.05
"""Share of the ratings from which on a code that stands apart is surely one."""
MANY_ZEROS = 0.3
"""Share of zeros from which on they are taken for interactions without a rating."""
WIDE = 50
"""Steps from which on a scale from 0 is long enough to have a 0."""
SHORT, LONG = 12, 20
"""Distinct values, and their range, up to which whole numbers in a column called a rating are not taken for counts."""
FEW_PARTS = 0.01
"""Share of counts that are no whole numbers, up to which their decimal mark is in question."""
Numbers = npt.NDArray[np.float64]


@dataclass
class Values:
    """What to declare of some values, what was seen, and what is unsure.

    Attributes
    ----------
    declared : dict
        Keys of a declaration: `scale`, `missing`, `zero_is_implicit`, `feedback`.
    notes : list of str
        What was seen, the first about all of them.
    unsure : list of str
        What may be otherwise, and what to declare then.
    """

    declared: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def examine(values: "pd.Series[float]", said: str, *, matrix: bool = False) -> Values:
    """Return what to declare of ratings or counts.

    Parameters
    ----------
    values : pandas.Series of float
        All of the file; NaN where missing. There is at least one other.
    said : str
        What the name of their column says: "rating", "count" or "" for nothing.
    matrix : bool
        Whether they are the cells of a matrix.
    """
    counts = values.value_counts(sort=False).sort_index()
    distinct = counts.index.to_numpy(np.float64)
    n = np.asarray(counts.to_numpy(), dtype=np.int64)
    found = Values()
    lowest, highest = distinct[0], distinct[-1]
    found.notes.append(f"{len(distinct):,} distinct values from {lowest:g} to {highest:g}")
    counted = said == "count" or _are_counts(distinct, n, said, found)
    if not counted:
        distinct, n = _without_codes(distinct, n, found)
    if counted:
        found.declared["feedback"] = "implicit"
        found.notes[0] += ", so counts, not ratings"
        if below := int(n[distinct <= 0].sum()):
            found.unsure.append(f"{below:,} counts are not above 0; their rows are dropped")
        most = int(n.argmax())
        beside = n[max(0, most - 1) : most + 2].sum() - n[most]
        if n[most] > LARGE_SHARE * n.sum() and distinct[most] in CODES and n[most] > 5 * beside:
            found.unsure.append(
                f"{distinct[most]:g}, in {n[most] / n.sum():.0%} of the rows, is often a code for missing; if it is "
                f"one, and these are ratings, declare missing: [{distinct[most]:g}] and a scale"
            )
        odd = distinct % 1 != 0
        if 0 < (parts := int(n[odd].sum())) <= FEW_PARTS * n.sum():
            found.unsure.append(
                f"{parts:,} counts are no whole numbers, such as {distinct[odd][0]:g}; if their mark separates "
                "thousands, declare it as thousands"
            )
        return found
    if len(distinct) > 1:
        distinct, n = _without_zeros(distinct, n, found, matrix=matrix)
    if len(distinct) == 1 and not matrix:
        found.declared = {key: value for key, value in found.declared.items() if key == "missing"}
        found.declared["feedback"] = "implicit"
        found.notes.append(f"all are {distinct[0]:g}, so they are interactions, not ratings")
        return found
    if set(distinct.tolist()) <= {0.0, 1.0}:
        found.unsure.append(
            "the values are 0 and 1 only: if 1 is an interaction and 0 none, declare feedback: implicit"
        )
    found.declared = {"scale": _scale(distinct, n, found), **found.declared}
    return found


def _scale(distinct: Numbers, n: npt.NDArray[np.int64], found: Values) -> list[float]:
    lowest, highest = float(distinct[0]), float(distinct[-1])
    step = step_of(distinct)
    found.notes[0] += f", in steps of {step:g}" if step else ", without regular steps"
    if step and int(n.sum()) >= 100 and (highest - lowest) / step <= 20:
        places = np.round((distinct - lowest) / step).astype(int)
        absent = [lowest + step * place for place in range(places[-1]) if place not in set(places.tolist())]
        if absent:
            found.notes.append("never used on this scale: " + ", ".join(f"{value:g}" for value in absent))
    return [int(number) if number % 1 == 0 else round(number, 6) for number in (lowest, highest, step)]


def step_of(distinct: Numbers) -> float:
    """Return the largest usual step on which all values lie, 0 where there is none."""
    return next((step for step in STEPS if _on_steps(distinct, step)), 0.0)


def _on_steps(distinct: Numbers, step: float) -> bool:
    places = (distinct - distinct[0]) / step
    return bool((np.abs(places - np.round(places)) < 1e-6).all())


def _without_codes(distinct: Numbers, n: npt.NDArray[np.int64], found: Values) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Return the values without those that stand apart from all others, and so are codes or mistakes."""
    total = int(n.sum())
    for group, rest in _together(distinct):
        coded = np.isin(distinct, group)
        sure = bool(set(group.tolist()) <= set(CODES)) and n[coded].sum() >= LARGE_SHARE * total
        for value, rows in zip(group, n[coded], strict=True):
            _declare_code(found, float(value), int(rows), rest, total, sure=sure)
        distinct, n = distinct[~coded], n[~coded]
    for _ in range(4):
        if len(distinct) < 3:
            break
        ends = []
        for end in (-1, 0):
            others = distinct[:-1] if end else distinct[1:]
            value, span = float(distinct[end]), float(others[-1] - others[0])
            gap = float(abs(value - others[-1 if end else 0]))
            ends.append((gap / span, value, gap, others, int(n[end])))
        code = next((verdict for one in sorted(ends, reverse=True) if (verdict := _verdict(*one[1:], total))), None)
        if code is None:
            break
        value, rows, kind, sure = code
        keep = distinct != value
        distinct, n = distinct[keep], n[keep]
        if kind == "mistake":
            found.notes.append(
                f"{value:g}, in {rows:,} rows, is far from all others, so taken as a mistake: these rows are dropped"
            )
            found.unsure.append(f"{value:g} is taken as a mistake; if it is a rating, extend scale to it")
            continue
        _declare_code(found, value, rows, distinct, total, sure=sure)
    return distinct, n


def _together(distinct: Numbers) -> list[tuple[Numbers, Numbers]]:
    """Return groups of codes that stand beside one another and apart from all other values, and these."""
    for size in range(MOST_CODES, 1, -1):
        for group, rest in ((distinct[-size:], distinct[:-size]), (distinct[:size], distinct[size:])):
            usual = bool(np.isin(group, CODES).all())
            if len(rest) < 2 or (not usual and (len(rest) <= size or 0 in group)):
                continue
            gap = max(group[0] - rest[-1], rest[0] - group[-1])
            if gap > (2 if usual else APART) * (rest[-1] - rest[0]) and gap > 2 * (group[-1] - group[0]):
                return [(group, rest)]
    return []


def codes_of(distinct: Numbers) -> Numbers:
    """Return those of some values, sorted, that are usual codes for missing ratings and stand apart from all others."""
    usual = np.isin(distinct, CODES)
    rest = distinct[~usual]
    if not len(rest):
        return rest
    apart = (distinct > rest[-1] + (rest[-1] - rest[0]) / 2) | (distinct < min(rest[0], 0))
    found: Numbers = distinct[usual & apart]
    return found


def _declare_code(found: Values, value: float, rows: int, others: Numbers, total: int, *, sure: bool) -> None:
    found.declared.setdefault("missing", []).append(int(value) if value % 1 == 0 else value)
    found.notes.append(
        f"{value:g}, in {rows / total:.0%} of the rows, stands apart from {others[0]:g} to {others[-1]:g}, "
        "so taken as a code for a missing rating"
    )
    if not sure:
        found.unsure.append(f"{value:g} is taken as a code for missing; if it is a rating, leave it out of missing")


def _verdict(value: float, gap: float, others: Numbers, rows: int, total: int) -> tuple[float, int, str, bool] | None:
    """Return what a value at an end of all others is: value, rows, "code" or "mistake", and whether surely."""
    span = float(others[-1] - others[0])
    step = step_of(others)
    # What is regular in other values must not be broken by a code.
    usual = max(step, float(np.diff(others).min())) if step else span / 2
    share = rows / total
    if value == 0:
        return None
    if value == -1 and others[0] >= 0 and len(others) >= 2 and others[0] <= 1 and step:
        return value, rows, "code", bool(others[0] >= 1 and share >= LARGE_SHARE and len(others) >= 3)
    if gap > APART * span and rows <= max(1, RARE * total) and len(others) >= 3:
        return value, rows, "mistake", False
    if gap <= 1.5 * usual:
        return None
    if value in CODES and (gap > 0.5 * span or value < 0 <= others[0]):
        return value, rows, "code", bool(gap > span / 2 and share >= LARGE_SHARE)
    far = 0.75 if value in SMALL_CODES and len(others) >= 4 else 2.0
    if gap > far * span and len(others) >= 3:
        return value, rows, "code", False
    return None


def _without_zeros(
    distinct: Numbers, n: npt.NDArray[np.int64], found: Values, *, matrix: bool
) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Return the values without a 0 that means no rating."""
    if distinct[0] != 0 or len(distinct) < 3 or distinct[1] < 0.5:
        return distinct, n
    share = n[0] / n.sum()
    if distinct[-1] >= WIDE and len(distinct) > 20 and n[0] <= 3 * n[1:4].max():
        return distinct, n
    if (matrix and share >= 0.1) or (not matrix and share > MANY_ZEROS):
        if matrix:
            found.declared.setdefault("missing", []).append(0)
            found.notes.append(f"{share:.0%} of the cells are 0, so taken as empty")
            found.unsure.append("0 is taken as no rating; if it is the lowest rating, leave it out of missing")
        else:
            found.declared["zero_is_implicit"] = True
            found.notes.append(f"{share:.0%} are 0, so taken as interactions without a rating")
            found.unsure.append("0 is taken as no rating; if it is the lowest rating, leave out zero_is_implicit")
        return distinct[1:], n[1:]
    found.unsure.append(
        f"0, in {share:.1%} of the rows, is taken as the lowest rating; if it means no rating, declare "
        f"{'missing: [0]' if matrix else 'zero_is_implicit: true'} and a scale from {distinct[1]:g}"
    )
    return distinct, n


def _are_counts(distinct: Numbers, n: npt.NDArray[np.int64], said: str, found: Values) -> bool:
    """Return whether values are counts, by their distribution; a name that says ratings is believed mostly."""
    lowest, highest = distinct[0], distinct[-1]
    whole = bool((distinct % 1 == 0).all())
    if lowest < 0 or len(distinct) == 1:
        return False
    many = len(distinct) > MOST_STEPS / 4
    if said == "rating":
        middle = distinct[np.searchsorted(np.cumsum(n), n.sum() / 2)]
        low = len(distinct) > SHORT and highest - lowest > LONG and middle < lowest + (highest - lowest) / 3
        if whole and (highest > 100 or low):
            other = "declare a scale" if many else "declare feedback: implicit"
            found.unsure.append(f"the column is called a rating, and counts may look like this; if it is none, {other}")
        return whole and many and highest > 100
    if whole and many and highest > 100:
        return True
    if not whole and highest > 100 and many:
        return True
    # Few high counts, many low ones: 1 is the most frequent, and the mean is far below the middle.
    decays = whole and lowest >= 1 and n[0] == n.max() and n[0] > n[1:].sum() / 2 and highest > 10
    return bool(decays)
