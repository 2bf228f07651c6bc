"""Guesses, with reasons, what the columns of a table are (users, items, ratings or counts, times), and the scale."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats.fields import UNITS, Faults, seconds

WORDS = {
    "user": (
        "user",
        "useri",
        "customer",
        "client",
        "buyer",
        "member",
        "reader",
        "reviewer",
        "account",
        "person",
        "listener",
        "usersha1",
    ),
    "item": (
        "item",
        "movie",
        "film",
        "book",
        "isbn",
        "product",
        "article",
        "sku",
        "asin",
        "artist",
        "artmbid",
        "track",
        "song",
        "game",
        "business",
    ),
    "rating": ("rating", "ratings", "stars", "star", "score", "rate", "overall", "grade", "reviewscore", "bookrating"),
    "count": ("plays", "count", "weight", "listens", "views", "clicks", "quantity", "purchases", "hours", "playcount"),
    "time": ("timestamp", "time", "date", "tstamp", "datetime", "ratedat", "createdat", "unixreviewtime", "reviewtime"),
}
"""What columns of each role are often called, in small letters without anything between them."""
STEPS = (1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01)
MOST_STEPS = 200
"""Ratings with more distinct values than this are counts, or have no steps."""
FIRST_TIME, LAST_TIME = 300_000_000, 4_100_000_000
"""Numbers between these can be seconds since 1970: times from mid 1979 to 2099."""
FIRST_DAY, LAST_DAY = 19_000_101, 20_991_231
"""Numbers between these can be days, written year, month, day."""
MOST_ODD = 0.05
"""Share of the times that may be none, such as a 0 where a time is unknown."""
WIDE = 5
"""Columns of ratings from which on a table is a matrix, a column for each item."""
APART = 3.0
"""Times the distance of all others by which a value stands apart, and so may be a mistake."""
RARE = 0.001
"""Share of the ratings above which a value that stands apart is none."""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def by_name(names: list[str]) -> dict[str, str]:
    """Return the columns whose names say their role: role → name, the first of each."""
    found: dict[str, str] = {}
    for role, words in WORDS.items():
        for name in names:
            plain = _plain(name)
            stem = re.sub(r"(ids?|no|nr|number|key|name)$", "", plain)
            if name not in found.values() and (plain in words or stem in words):
                found.setdefault(role, name)
    return found


def refuse_matrix(rows: pd.DataFrame, path: Path, *, named: bool) -> None:
    """Refuse a table with a row for each user and a column for each item: its cells are the ratings.

    Raises
    ------
    FoldinError
        When nearly all columns are numbers like ratings, and none has a name that says a role of its own.
    """
    known = set(by_name([str(name) for name in rows])) if named else set()
    alike = [name for name in rows if rows[name].isna().all() or _is_rating(rows[name])]
    if known <= {"user"} and len(alike) >= max(WIDE, rows.shape[1] - 2):
        raise FoldinError(
            f"this looks like a matrix of users and items: {len(alike)} of {rows.shape[1]} columns hold ratings",
            where=path,
            remedy="write a row for each rating, with columns user, item and rating (pandas: melt, then dropna)",
        )


def roles_of(rows: pd.DataFrame, path: Path, *, named: bool) -> tuple[dict[str, str | int], dict[str, str]]:
    """Return role → column (a number where columns have no names), and role → why."""
    names = [str(name) for name in rows]
    found = by_name(names) if named else {}
    reasons = {role: f"{name}: {role}, guessed from its name" for role, name in found.items()}
    left = [name for name in names if name not in found.values()]
    if "time" not in found and (name := next((name for name in left if _is_time(rows[name])), None)):
        found["time"], reasons["time"] = name, f"{name}: time, guessed from its values"
        left.remove(name)
    if not {"rating", "count"} & set(found):
        few = {name: rows[name].nunique() for name in reversed(left) if _is_rating(rows[name])}
        # Two columns must be left for users and items.
        if few and len(left) > 2 - len({"user", "item"} & set(found)):
            name = min(few, key=lambda name: few[name])
            found["rating"], reasons["rating"] = name, f"{name}: rating, because it has the fewest distinct numbers"
            left.remove(name)
    for role in ("user", "item"):
        if role not in found and left:
            found[role] = left.pop(0)
            reasons[role] = f"{found[role]}: {role}, as the first remaining column; check this"
    if not {"user", "item"} <= set(found):
        raise FoldinError(
            f"no two columns can be users and items (columns: {', '.join(names)})",
            where=path,
            remedy="declare it by hand; see own/README.md",
        )
    order = [role for role in ("user", "item", "rating", "count", "time") if role in found]
    roles: dict[str, str | int] = {role: found[role] if named else int(found[role]) for role in order}
    return roles, {role: reasons[role] for role in order}


def _numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")


def _is_time(values: pd.Series) -> bool:
    known = values.dropna()
    found = _numbers(known)
    if len(known) and found.notna().all():
        return bool((found % 1 == 0).all()) and bool(_unit(found))
    dates = known.head(1000).str.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?")
    return bool(len(dates) and dates.all())


def _is_rating(values: pd.Series) -> bool:
    found = _numbers(values.dropna())
    # A value that is the same in every row tells nothing about preferences.
    return bool(len(found) and found.notna().all() and 1 < found.nunique() <= MOST_STEPS and found.abs().max() <= 100)


def scale_of(values: pd.Series, *, counted: bool) -> tuple[dict[str, object], str]:
    """Return what to declare of ratings or counts, and the evidence."""
    found = _numbers(values).dropna()
    distinct = np.sort(found.unique())
    if not len(distinct):
        raise FoldinError(
            f"the column '{values.name}' holds no numbers", remedy="declare it by hand; see own/README.md"
        )
    lowest, highest = float(distinct[0]), float(distinct[-1])
    note = f"{len(distinct):,} distinct values from {lowest:g} to {highest:g}"
    whole = bool((distinct % 1 == 0).all())
    if counted or (lowest >= 0 and whole and len(distinct) > MOST_STEPS / 4 and highest > 100):
        return {"feedback": "implicit"}, f"{note}, so counts, not ratings"
    declared: dict[str, object] = {}
    zeros = float((found == 0).mean())
    if lowest == 0 and zeros > 0.3 and len(distinct) > 2 and distinct[1] >= 1:
        declared["zero_is_implicit"] = True
        note += f"; {zeros:.0%} are 0, so taken as interactions without a rating; check this"
        distinct = distinct[1:]
        lowest = float(distinct[0])
    if lowest == highest:
        return {"feedback": "implicit"}, f"all are {highest:g}, so they are interactions, not ratings"
    if (apart := _apart(found, distinct)) is not None:
        note += f"; {apart:g}, in {int((found == apart).sum()):,} rows, is far from all others, so taken as a mistake: "
        note += "these rows are dropped; check this"
        distinct = distinct[distinct != apart]
        lowest, highest = float(distinct[0]), float(distinct[-1])
    step = next((step for step in STEPS if _on_steps(distinct, step)), 0.0)
    note += f", in steps of {step:g}" if step else ", without regular steps"
    scale = [int(number) if number % 1 == 0 else round(number, 6) for number in (lowest, highest, step)]
    return {"scale": scale, **declared}, note


def _apart(found: pd.Series, distinct: np.ndarray) -> float | None:
    """Return the highest or lowest value if few have it and it is far from all others, else None."""
    if len(distinct) < 4:
        return None
    for value, others in ((distinct[-1], distinct[:-1]), (distinct[0], distinct[1:])):
        far = np.abs(others - value).min() > APART * (others[-1] - others[0])
        if far and (found == value).sum() <= max(1, RARE * len(found)):
            return float(value)
    return None


def _on_steps(distinct: np.ndarray, step: float) -> bool:
    places = (distinct - distinct[0]) / step
    return bool((np.abs(places - np.round(places)) < 1e-6).all())


def time_of(values: pd.Series) -> tuple[str, str]:
    """Return the unit of a column of times, "" where `clean` could not read them, and the evidence."""
    known = values.dropna()
    found = _numbers(known)
    unit = _unit(found) if len(known) and found.notna().all() else "date"
    faults = Faults(np.zeros(len(known), dtype=bool))
    times = seconds(known, Path(), unit, faults) if unit else pd.Series(dtype="Int64")
    # A few may be beyond any calendar.
    times = times[times.between(-LAST_TIME, LAST_TIME)]
    if not len(times) or faults.rows.mean() > MOST_ODD:
        shown = repr(str(known.iloc[0])) if len(known) else "none at all"
        return "", f"no readable time ({shown}), so left out; write dates as 2020-03-18, or see own/README.md"
    first, last = (pd.Timestamp(int(times.quantile(share)), unit="s").date() for share in (0, 1))
    kind = "dates" if unit == "date" else f"times in {unit} since 1970"
    return unit, f"{kind}, {first} to {last}"


def _unit(found: pd.Series) -> str:
    """Return the unit in which nearly all of some numbers are times, "" where there is none."""
    days = found[found.between(FIRST_DAY, LAST_DAY) & (found % 1 == 0)]
    if len(days) >= (1 - MOST_ODD) * len(found):
        text = days.astype("int64").astype("str")
        if pd.to_datetime(text, format="%Y%m%d", errors="coerce").notna().mean() >= 1 - MOST_ODD:
            return "date"
    for unit, scale in UNITS.items():
        if found.between(FIRST_TIME * scale, LAST_TIME * scale).mean() >= 1 - MOST_ODD:
            return unit
    return ""
