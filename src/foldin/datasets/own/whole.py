"""What only a whole file shows: which dates fit, which events occur, how many pairs repeat, and what is odd."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.ids import categories
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import Faults, seconds
from foldin.datasets.own import tables
from foldin.datasets.own.schema import OwnData

FEW = 20
"""Rows below which nothing is odd."""
MOST_REPEATS = 0.2
MOST_OF_ONE = 0.5
"""Share of rows that repeat a pair, and that one user or item has, from which on a reading is in question."""


def fits(parts: list[Path], declared: dict[str, Any], date_format: str) -> bool:
    """Return whether all times of some files are written in one way."""
    data = params.parse(OwnData, declared | {"feedback": "implicit", "date_format": date_format}, tables.GUESSED)
    as_text = data.model_copy(update={"time": None, "date_format": ""})
    for path in parts:
        when = str(tables.called_here(data, path).time)
        rows = tables.read(as_text, path, {"when": when}, tables.GUESSED, lines.BadLines(1.0))
        faults = Faults(np.zeros(len(rows), dtype=bool))
        seconds(rows["when"], path, "date", faults, date_format)
        if faults.rows.any():
            return False
    return True


def events(parts: list[Path], declared: dict[str, Any], column: str) -> dict[str, int]:
    """Return the kinds of events of some files, the most frequent first → rows."""
    data = params.parse(OwnData, declared | {"feedback": "implicit"}, tables.GUESSED)
    counts: dict[str, int] = {}
    for path in parts:
        here = tables.called_here(data, path)
        rows = tables.read(here, path, {"event": str(here.event or column)}, tables.GUESSED, lines.BadLines(1.0))
        for kind, n in rows["event"].dropna().astype("str").str.strip().value_counts().items():
            counts[str(kind)] = counts.get(str(kind), 0) + int(n)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def bad_lines(bad: lines.BadLines, good: int) -> tuple[str, bool]:
    """Return what is to be known of lines that cannot be read, "" if nothing, and whether `clean` takes them."""
    if bad.first is None:
        return "", True
    share = bad.count / (good + bad.count)
    note = f"{bad.count:,} lines cannot be read, the first: {bad.first.what}"
    try:
        allowed = params.section(params.Clean).bad_lines
    except FoldinError:
        return f"{note}; they are dropped if clean.bad_lines is at least {share:.2g}", False
    if share <= allowed:
        return f"{note}; they are dropped and counted", True
    return f"{note}; mend them, or raise clean.bad_lines from {allowed:g} to {share:.2g} or more", False


def odd(table: pd.DataFrame, *, implicit: bool) -> tuple[int, list[str]]:
    """Return how many rows repeat a pair, and what puts the roles of users and items in question."""
    users, items = categories(table["user_id"]), categories(table["item_id"])
    known = (users.codes >= 0) & (items.codes >= 0)
    user, item = users.codes[known], items.codes[known]
    if not len(user):
        return 0, ["no row has a user and an item"]
    pairs = user.astype(np.int64) * len(items.categories)
    pairs += item
    # Where they stand is not asked, so they are sorted in place.
    pairs.sort()
    repeats = int((pairs[1:] == pairs[:-1]).sum())
    del pairs
    found = []
    for name, codes, of in (("user", user, users), ("item", item, items)):
        counts = np.bincount(codes, minlength=len(of.categories))
        if len(codes) >= FEW and counts.max() == 1:
            found.append(
                f"every row has a {name} of its own, so nothing can be learned of {name}s: is it the right column?"
            )
        elif len(codes) >= FEW and counts.max() > MOST_OF_ONE * len(codes):
            most = of.categories[int(counts.argmax())]
            found.append(
                f"the {name} '{most}' has {counts.max() / len(codes):.0%} of the rows: is it the right column?"
            )
    if not implicit and len(user) >= FEW and repeats > MOST_REPEATS * len(user):
        share = repeats / len(user)
        found.append(f"{share:.0%} of the rows repeat a pair, and all but one rating of each are dropped")
    return repeats, found


def distinct(table: pd.DataFrame) -> dict[str, int]:
    """Return how many users and how many items the rows have that name both."""
    codes = {kind: categories(table[f"{kind}_id"]).codes for kind in ("user", "item")}
    both = (codes["user"] >= 0) & (codes["item"] >= 0)
    rows = slice(None) if both.all() else both
    return {kind: int((np.bincount(of[rows]) > 0).sum()) if both.any() else 0 for kind, of in codes.items()}


def is_missing(value: object) -> bool:
    """Return whether a cell of a table is missing."""
    return bool(pd.isna(value))  # type: ignore[call-overload]


def moment(seconds_since: Any) -> str:
    """Return a time in words, its hour where there is one."""
    try:
        when = pd.Timestamp(int(seconds_since), unit="s")
    except (ValueError, OverflowError):
        return f"{seconds_since} s since 1970"
    return str(when.date()) if when == when.normalize() else str(when)
