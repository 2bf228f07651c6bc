"""Data sets of the user's own, declared under `sources` in params.yaml: a file, or several declared data sets as one.

Files lie in the folder own/, which DVC watches; own/README.md says what a declaration may say.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from foldin import params, paths
from foldin.datasets import lines, tables
from foldin.datasets.composition import composed
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.fields import ids, numbers, seconds, undescribed, whole_numbers
from foldin.datasets.movielens import NO_PEOPLE
from foldin.datasets.own import File, OwnComposition, OwnData, OwnItems, OwnUsers
from foldin.errors import FoldinError
from foldin.interactions import IMPLICIT, Scale

OWN = "own"
"""The folder that holds the user's files."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
DOMAIN = re.compile(r"[a-z0-9_-]+")
"""What a part's domain may be called: it stands before a colon and the ids of the part's items."""


def names() -> list[str]:
    """Return the names of the data sets declared under `sources`."""
    return list(params.sources())


def get(name: str, known: Callable[[str], DataSet]) -> DataSet:
    """Return the declaration of a data set of the user's own.

    Parameters
    ----------
    name : str
        One of `names()`.
    known : callable
        Gives a declared data set by name, for compositions.

    Raises
    ------
    FoldinError
        When something in the declaration cannot be: names key, value, file and remedy.
    """
    key, values = f"sources.{name}", params.sources()[name]
    if not NAME.fullmatch(name):
        raise FoldinError(
            f"the name '{name}' under sources would make a bad folder",
            where="params.yaml",
            remedy="use small letters, digits, '-', '_' and '.'",
        )
    if isinstance(values, dict) and "parts" in values:
        own = params.parse(OwnComposition, values, key)
        _refuse_circle(name)
        for domain in own.parts:
            if not DOMAIN.fullmatch(domain):
                raise FoldinError(
                    f"{key}.parts names a domain '{domain}', which cannot stand before an item's id",
                    where="params.yaml",
                    remedy="use small letters, digits, '-' and '_'",
                )
        # In order of domains, for DVC does not see the order of keys.
        parts = dict(sorted(own.parts.items()))
        about = own.about or f"{', '.join(f'{domain} ({part})' for domain, part in parts.items())}, composed."
        return composed(name, about, {domain: known(part) for domain, part in parts.items()})
    data = params.parse(OwnData, values, key)
    if ":" in data.people:
        raise FoldinError(
            f"{key}.people is '{data.people}', which cannot stand before a user's id",
            where="params.yaml",
            remedy="leave the colon out",
        )
    declared = {key: data, f"{key}.items": data.items, f"{key}.users": data.users}
    places = {place: _place(file.file, place) for place, file in declared.items() if file is not None}
    for place, file in declared.items():
        if file is not None:
            tables.check(file, place)
    several = data.items is not None and data.items.domain is not None
    return DataSet(
        name=name,
        about=data.about or f"Your own data, {data.file}.",
        scale=_scale(data),
        domains=() if several else (data.domain,),
        licence=data.licence or "Your own.",
        redistributable=False,
        files=dict.fromkeys(places.values()),
        read=partial(_read, data, key),
        page=f"your own file {data.file}",
        zero_is_implicit=data.zero_is_implicit,
        isbn_items=data.isbn_items,
        people=data.people,
        own_files={relative: paths.root() / OWN / relative for relative in places.values()},
    )


def _refuse_circle(name: str) -> None:
    """Refuse a composition that is, by whatever way, a part of itself."""
    declared = params.sources()
    chains = [[name]]
    while chains:
        chain = chains.pop()
        values = declared.get(chain[-1])
        parts = values.get("parts") if isinstance(values, dict) else None
        for domain, part in parts.items() if isinstance(parts, dict) else ():
            if part in chain:
                way = " → ".join([*chain, part])
                raise FoldinError(
                    f"sources.{chain[-1]}.parts.{domain} is '{part}', "
                    f"{'which is itself' if part == chain[-1] else f'so a part of itself: {way}'}",
                    where="params.yaml",
                    remedy="name other data sets",
                )
            if isinstance(part, str):
                chains.append([*chain, part])


def _place(file: str, key: str) -> str:
    """Return where a declared file lies within own/."""
    parts = PurePosixPath(file).parts
    if len(parts) < 2 or parts[0] != OWN or ".." in parts:
        raise FoldinError(
            f"{key}.file is '{file}', which is not in the folder {OWN}/",
            where="params.yaml",
            remedy=f"copy or link it there, and write {OWN}/{parts[-1] if parts else 'FILE'}",
        )
    return "/".join(parts[1:])


def _scale(data: OwnData) -> Scale:
    if data.feedback == "implicit":
        return IMPLICIT
    lowest, highest, step = [*data.scale, 0.0][:3]
    return Scale(float(lowest), float(highest), float(step))


def _read(data: OwnData, key: str, folder: Path) -> RawTables:
    """Read the files of a declaration from a data set's raw folder."""
    bad = lines.BadLines(params.section(params.Clean).bad_lines)
    roles = {"user": data.user, "item": data.item, "rating": data.rating, "time": data.time}
    rows = _columns(data, roles, key, folder, bad)
    path = Path(data.file)
    with tables.blame(path, key):
        ratings = pd.DataFrame({"user_id": ids(rows["user"], path), "item_id": ids(rows["item"], path)})
        # An event without a count is one interaction.
        ratings["rating"] = numbers(rows["rating"], path) if "rating" in rows else 1.0
        times = rows["time"] if "time" in rows else pd.Series(None, index=rows.index, dtype="str")
        ratings["timestamp"] = seconds(times, path, data.time_unit or "")
    items, users = _items(data, ratings, key, folder), _users(data, key, folder)
    return RawTables(ratings, items, users, bad_lines=bad.count)


def _items(data: OwnData, ratings: pd.DataFrame, key: str, folder: Path) -> pd.DataFrame:
    if data.items is None:
        return undescribed(ratings["item_id"], data.domain)
    rows = _columns(data.items, _given(data.items, OwnItems), f"{key}.items", folder)
    with tables.blame(Path(data.items.file), f"{key}.items"):
        items = pd.DataFrame({"item_id": ids(rows["id"], Path(data.items.file))})
    for name in ("title", "creator", "domain"):
        if name in rows or name == "title":
            items[name] = rows[name].astype("str") if name in rows else None
    if "domain" not in rows:
        items["domain"] = data.domain
    if "genres" in rows:
        items["genres"] = [_genres(cell, data.items.genre_separator) for cell in rows["genres"]]
    else:
        items["genres"] = ""
    if "year" in rows:
        with tables.blame(Path(data.items.file), f"{key}.items"):
            items["year"] = whole_numbers(rows["year"], Path(data.items.file))
    return items


def _genres(cell: Any, separator: str) -> str:
    return "|".join(genre.strip() for genre in cell.split(separator) if genre.strip()) if isinstance(cell, str) else ""


def _users(data: OwnData, key: str, folder: Path) -> pd.DataFrame:
    if data.users is None:
        return NO_PEOPLE
    rows = _columns(data.users, _given(data.users, OwnUsers), f"{key}.users", folder)
    with tables.blame(Path(data.users.file), f"{key}.users"):
        users = pd.DataFrame({"user_id": ids(rows["id"], Path(data.users.file))})
    for name in ("gender", "country", "occupation"):
        if name in rows:
            users[name] = rows[name].astype("str").where(rows[name].notna())
    if "age" in rows:
        with tables.blame(Path(data.users.file), f"{key}.users"):
            users["age"] = whole_numbers(rows["age"], Path(data.users.file))
    return users


def _given(table: File, kind: type[File]) -> dict[str, Any]:
    """Return the columns a table declares: role → name of the column."""
    roles = [name for name in kind.model_fields if name not in File.model_fields and name != "genre_separator"]
    return {role: getattr(table, role) for role in roles}


def _columns(
    file: File, wanted: dict[str, Any], key: str, folder: Path, bad: lines.BadLines | None = None
) -> pd.DataFrame:
    """Return the declared columns of a file, named by their roles."""
    path = folder / _place(file.file, key)
    columns = {role: str(name) for role, name in wanted.items() if name is not None}
    return tables.read(file, path, columns, key, bad)
