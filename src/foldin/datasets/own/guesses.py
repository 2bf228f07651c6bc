"""Guesses what the columns of a list are: users, items, ratings or counts, events, times; and what else they may be."""

import re
from dataclasses import dataclass, field

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.own import times, words

MOST_STEPS = 200
"""Ratings have at most this many distinct values."""
NAMED = 0.2
"""Share of numbers that a column called a rating or a count must have, at least."""
OWN_ID = 0.95
"""Share of the rows in which the ids of a column differ, from which on they may be ids of rows."""
FEW = 30
"""Kinds of events, at most."""
PAIR = re.compile(r"^([^:;|/#~,]+)(::|[:;|/#~,]|__|--|_)([^:;|/#~,]+)$")
"""An id of a user and one of an item in one column."""


@dataclass
class Roles:
    """What the columns of a list are.

    Attributes
    ----------
    found : dict of str to str
        Role → column: `user` and `item`, or `pair`; and any of `rating`, `count`, `event`, `time`.
    reasons : dict of str to str
        Role → why.
    unused : dict of str to str
        Column → why it is not used.
    unsure : list of str
        What may be otherwise.
    pair : dict of str to str
        What to declare of a column with both ids.
    """

    found: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    pair: dict[str, str] = field(default_factory=dict)

    def add(self, role: str, name: str, why: str) -> None:
        """Give a column a role."""
        self.found[role], self.reasons[role] = name, f"{name}: {role}, {why}"


def roles_of(rows: pd.DataFrame, file: str, *, named: bool) -> Roles:
    """Return what the columns of a list are.

    Parameters
    ----------
    rows : pandas.DataFrame
        Some of its rows, as text.
    file : str
        What the file is called, for messages.
    named : bool
        Whether its columns have names; else they are called by number.

    Raises
    ------
    FoldinError
        When no two columns can be users and items.
    """
    names = [str(name) for name in rows]
    roles = Roles()
    said = words.all_by_name(names) if named else {}
    _by_name(roles, said, rows)
    if named:
        _sessions(roles, names, rows)
    left = [name for name in names if name not in roles.found.values()]
    if not {"user", "item"} <= set(roles.found):
        _pair(roles, left, rows, named=named)
        left = [name for name in left if name not in roles.found.values()]
    if "time" not in roles.found:
        timely = [name for name in left if times.is_time(rows[name])]
        # Large ids look like times; two columns must be left for users and items.
        ids = 0 if "pair" in roles.found else 2 - len({"user", "item"} & set(roles.found))
        if timely and len(left) > ids:
            # By places, users and items come first.
            roles.add("time", timely[-1] if not named else timely[0], "guessed from its values")
            left.remove(roles.found["time"])
            if len(timely) > 1:
                roles.unsure.append(f"{roles.found['time']} is taken as the time; {', '.join(timely)} look like times")
    if "event" not in roles.found:
        _event(roles, left, rows)
        left = [name for name in left if name not in roles.found.values()]
    needed = 0 if "pair" in roles.found else 2 - len({"user", "item"} & set(roles.found))
    if not {"rating", "count", "event"} & set(roles.found):
        _strength(roles, left, rows, needed, named=named)
        left = [name for name in left if name not in roles.found.values()]
    if needed:
        _users_and_items(roles, left, rows, file, names, named=named)
        left = [name for name in left if name not in roles.found.values()]
    for name in left:
        roles.unused.setdefault(name, _kind(rows[name]))
    order = [role for role in ("pair", "user", "item", "rating", "count", "event", "time") if role in roles.found]
    roles.found = {role: roles.found[role] for role in order}
    return roles


def _by_name(roles: Roles, said: dict[str, list[str]], rows: pd.DataFrame) -> None:
    for role, names in said.items():
        if role == "event" and not _is_events(rows[names[0]]):
            continue
        if role == "event" and {"rating", "count"} & set(roles.found):
            roles.unsure.append(
                f"{names[0]} looks like a kind of event; all are counted alike, unless you name it as event"
            )
            continue
        if role == "count" and "rating" in roles.found:
            continue
        if role in ("rating", "count"):
            fitting = [name for name in names if is_number(rows[name], NAMED)]
            if not fitting:
                shown = ", ".join(names)
                roles.unsure.append(f"{shown}: called a {role} and mostly no number, so not used")
                continue
            names = fitting
        chosen = min(names, key=lambda name: words.plain(name).endswith(("name", "title")))
        roles.add(role, chosen, "guessed from its name")
        stems = {words.SUFFIX.sub("", words.plain(name)) for name in names}
        if len(names) > 1 and len(stems) > 1:
            rivals = ", ".join(name for name in names if name != chosen)
            roles.unsure.append(f"{chosen} is taken as the {role}; {rivals} may be it as well")


def _sessions(roles: Roles, names: list[str], rows: pd.DataFrame) -> None:
    """Take sessions for users where no column is called users; else say that they could be."""
    sessions = [name for name in names if words.is_session(name) and name not in roles.found.values()]
    if not sessions:
        return
    if "user" in roles.found:
        why = f"a session; to recommend for each session of a user, declare session: {sessions[0]}"
        roles.unused[sessions[0]] = why
    elif _varies(rows[sessions[0]]):
        roles.add("user", sessions[0], "sessions, guessed from the name; each is taken as a user is")
        rest = [name for name in names if name not in roles.found.values() and not words.is_attribute(name)]
        if rest := [name for name in rest if _varies(rows[name])]:
            roles.unsure.append(f"{sessions[0]} is taken as the user; if {' or '.join(rest)} is, declare it as user")


def is_number(values: "pd.Series[str]", share: float = 0.5) -> bool:
    """Return whether more than a share of what is known of a column are numbers."""
    known = values.dropna()
    return bool(len(known) and pd.to_numeric(known, errors="coerce").notna().mean() > share)


def _pair(roles: Roles, left: list[str], rows: pd.DataFrame, *, named: bool) -> None:
    """Find a column with the ids of both."""
    for name in left:
        known = rows[name].dropna().astype("str")
        if not len(known) or times.is_time(rows[name]) or is_number(known):
            continue
        parts = known.head(2000).str.extract(PAIR)
        order = words.of_pair(name) if named else ""
        if parts.isna().any().any() or len(set(parts[1])) > 1:
            continue
        first, second = parts[0].nunique(), parts[2].nunique()
        apart = known.head(2000).nunique()
        # Both halves come again, the whole hardly does.
        if order or (
            {"user", "item"}.isdisjoint(roles.found) and max(first, second) < 0.9 * apart and min(first, second) > 1
        ):
            roles.found.pop("user", None)
            roles.found.pop("item", None)
            roles.add("pair", name, "ids of a user and an item in one column")
            roles.pair = {"pair_separator": str(parts[1].iloc[0])}
            if order == "item-user":
                roles.pair["pair_order"] = order
            if not order:
                roles.unsure.append(
                    f"{name} is taken as user and item, in this order; otherwise declare pair_order: item-user"
                )
            return


def _is_events(values: "pd.Series[str]") -> bool:
    known = values.dropna()
    return bool(len(known) and known.nunique() <= FEW and not is_number(known))


def _event(roles: Roles, left: list[str], rows: pd.DataFrame) -> None:
    """Find a column of kinds of events by its values, whatever it is called."""
    for name in left:
        if _is_events(rows[name]):
            kinds = [words.plain(kind) for kind in rows[name].dropna().unique()]
            if len(kinds) > 1 and sum(kind in words.EVENTS for kind in kinds) >= 0.5 * len(kinds):
                if {"rating", "count"} & set(roles.found):
                    roles.unsure.append(
                        f"{name} looks like a kind of event; to count some only, select them with where"
                    )
                    return
                roles.add("event", name, "guessed from its values")
                return


def _strength(roles: Roles, left: list[str], rows: pd.DataFrame, needed: int, *, named: bool) -> None:
    """Find the column of ratings or counts among those whose names say nothing."""
    possible = [
        name
        for name in left
        if is_number(rows[name]) and _varies(rows[name]) and not (named and words.is_attribute(name))
    ]
    if not named:
        # By places: user, item, then the rating; unless its values say otherwise.
        rest = [name for name in left if name in possible]
        possible = rest if len(left) > needed else []
    if not possible or len(left) <= needed:
        return
    distinct = {name: rows[name].nunique() for name in possible}
    like_ratings = [name for name in possible if _is_rating(rows[name])]
    least = min(possible, key=lambda name: distinct[name])
    others = [distinct[name] for name in possible if name != least]
    clear = least in like_ratings and (not others or 3 * distinct[least] <= min(others))
    if named or clear:
        chosen = least if clear or not like_ratings else min(like_ratings, key=lambda name: distinct[name])
        if named and not clear and (beyond := possible[needed:]):
            chosen = beyond[0]
    else:
        place = left[needed] if len(left) > needed else left[-1]
        chosen = place if place in possible else least
    # What is different in each row is an id, unless nothing else is left.
    if distinct[chosen] == rows[chosen].notna().sum() > 20 and _is_whole(rows[chosen]) and named:
        roles.unsure.append(f"{chosen} has another number in each row, so not used; it may be the rating or count")
        return
    why = "because it has the fewest distinct numbers" if chosen == least else "by its place"
    roles.add("rating", chosen, why)
    rivals = [name for name in possible if name != chosen]
    what = f"{chosen} is taken as the rating or count, {why}"
    roles.unsure.append(
        what + (f"; it may be {' or '.join(rivals)} instead" if rivals else "; leave it out if it is none")
    )


def _is_rating(values: "pd.Series[str]") -> bool:
    found = pd.to_numeric(values.dropna(), errors="coerce")
    return bool(found.notna().all() and 1 < found.nunique() <= MOST_STEPS and found.abs().max() <= 100)


def _is_whole(values: "pd.Series[str]") -> bool:
    return bool((pd.to_numeric(values.dropna(), errors="coerce") % 1 == 0).all())


def _users_and_items(
    roles: Roles, left: list[str], rows: pd.DataFrame, file: str, names: list[str], *, named: bool
) -> None:
    """Give what is left the roles of users and items, in this order."""
    possible = [name for name in left if not (named and words.is_attribute(name)) and _varies(rows[name])]
    # Prices and shares are no ids.
    possible = [name for name in possible if not is_number(rows[name], 0.99) or _is_whole(rows[name])]
    absent = [role for role in ("user", "item") if role not in roles.found]
    if len(possible) < len(absent):
        possible += [name for name in left if name not in possible]
    if len(possible) < len(absent):
        raise FoldinError(
            f"no two columns can be users and items (columns: {', '.join(names)})",
            where=file,
            remedy="declare it by hand; see own/README.md",
        )
    alone = len(absent) == 1 and len(possible) == 1
    for role in absent:
        # An id comes again; one that is different in nearly each row is that of the row.
        again = [name for name in possible if rows[name].nunique() < OWN_ID * rows[name].notna().sum()]
        again = again or [name for name in possible if rows[name].nunique() < rows[name].notna().sum()]
        called = [name for name in again if named and words.is_id(name)]
        name = (called or again or possible)[0]
        possible.remove(name)
        roles.add(role, name, "the only column left" if alone else "as the first remaining column; check this")
    if not alone:
        what = ", ".join(f"{roles.found[role]} as the {role}" for role in absent)
        rest = f"; {', '.join(possible[:3])} may be it as well" if possible else ""
        swapped = "; they may be exchanged" if len(absent) == 2 else ""
        roles.unsure.append(f"{what}: by their places only{swapped}{rest}")


def _kind(values: "pd.Series[str]") -> str:
    """Return in some words what a column holds that is not used."""
    known = values.dropna()
    if not len(known):
        return "empty"
    kinds = known.nunique()
    sort = "numbers" if is_number(known) else "texts"
    if not _varies(values):
        return f"{str(known.iloc[0])[:20]!r} in each row"
    return f"{kinds:,} different {sort} in the rows looked at, such as {str(known.iloc[0])[:20]!r}"


def _varies(values: "pd.Series[str]") -> bool:
    known = values.dropna().to_numpy()
    return bool((known != known[:1]).any())
