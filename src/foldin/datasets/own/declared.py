"""Data sets of the user's own, declared under `sources` in params.yaml: a file, or several declared data sets as one.

Files lie in the folder own/, which DVC watches; own/README.md says what a declaration may say.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, Scale
from foldin.datasets.composition import composed
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import Faults, undescribed, whole_numbers
from foldin.datasets.formats.ids import ids
from foldin.datasets.known.movielens import NO_PEOPLE
from foldin.datasets.own import ratings, tables
from foldin.datasets.own.schema import File, OwnComposition, OwnData, OwnItems, OwnUsers

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
    places = {place: _place(file, place) for place, file in declared.items() if file is not None}
    for place, file in declared.items():
        if file is not None:
            tables.check(file, place)
    several = data.items is not None and data.items.domain is not None
    return DataSet(
        name=name,
        about=data.about or f"Your own data, {data.name}.",
        scale=_scale(data),
        domains=() if several else (data.domain,),
        licence=data.licence or "Your own.",
        redistributable=False,
        files=dict.fromkeys(places.values()),
        read=partial(read, data, key),
        page=f"your own file {data.name}",
        zero_is_implicit=data.zero_is_implicit,
        isbn_items=data.isbn_items,
        people=data.people,
        events_per_pair=data.events_per_pair,
        keeps_repeats=data.repeats == "keep",
        own_files=_own_files({places[place]: file for place, file in declared.items() if file is not None}),
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


def _own_files(places: dict[str, File]) -> dict[str, Path]:
    """Return where the files of a declaration lie: of a pattern, all that are there; it itself where none is."""
    own = paths.root() / OWN
    found: dict[str, Path] = {}
    for place, file in places.items():
        matching = _matching(own, place) if file.files else []
        found |= {path.relative_to(own).as_posix(): path for path in matching} or {place: own / place}
    return found


def _place(file: File, key: str) -> str:
    """Return where a declared file, or the pattern of several, lies within own/."""
    parts = PurePosixPath(file.name).parts
    if len(parts) < 2 or parts[0] != OWN or ".." in parts:
        raise FoldinError(
            f"{key}.{'file' if file.file else 'files'} is '{file.name}', which is not in the folder {OWN}/",
            where="params.yaml",
            remedy=f"copy or link it there, and write {OWN}/{parts[-1] if parts else 'FILE'}",
        )
    return "/".join(parts[1:])


def _scale(data: OwnData) -> Scale:
    if data.feedback == "implicit":
        return IMPLICIT
    lowest, highest, step = [*data.scale, 0.0][:3]
    return Scale(float(lowest), float(highest), float(step))


def read(data: OwnData, key: str, folder: Path) -> RawTables:
    """Read the files of a declaration from a data set's raw folder.

    Parameters
    ----------
    data : OwnData
        The declaration; its files lie in the folder as they do in own/, or as it names them.
    key : str
        The key of the declaration, for messages.
    folder : Path
        The raw folder.

    Raises
    ------
    FoldinError
        When a file is not as declared.
    """
    bad = lines.BadLines(params.section(params.Clean).bad_lines)
    found = ratings.read(data, _found(data, folder), key, bad)
    changed = {"ratings": found.changed}
    items, users = _items(data, found.table, key, folder, changed), _users(data, key, folder, changed)
    # Where nothing was changed, nothing is said.
    changed = {table: {why: n for why, n in counts.items() if n} for table, counts in changed.items()}
    changed = {table: counts for table, counts in changed.items() if counts}
    dropped = {why: n for why, n in found.dropped.items() if n}
    return RawTables(found.table, items, users, bad_lines=bad.count, dropped=dropped, changed=changed)


def _found(file: File, folder: Path) -> list[tuple[str, Path]]:
    """Return the files of a declaration: as it would name each alone, and where it lies; sorted by name."""
    place = file.name.removeprefix(f"{OWN}/")
    if file.file:
        return [(file.file, folder / place)]
    own = file.name.removesuffix(place)
    return [(own + path.relative_to(folder).as_posix(), path) for path in _matching(folder, place)]


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _whole(values: pd.Series, path: Path, changed: dict[str, int], name: str) -> pd.Series:
    """Return ages or years, those that are none missing and counted: no reason to refuse all other rows."""
    faults = Faults(np.zeros(len(values), dtype=bool))
    found = whole_numbers(values, path, faults=faults)
    changed[f"unreadable_{name}"] = int(faults.rows.sum())
    return found


def _items(
    data: OwnData, rated: pd.DataFrame, key: str, folder: Path, changed: dict[str, dict[str, int]]
) -> pd.DataFrame:
    if data.items is None:
        return undescribed(rated["item_id"], data.domain)
    rows = _columns(data.items, _given(data.items, OwnItems), f"{key}.items", folder)
    with tables.name_file_in_errors(Path(data.items.name), f"{key}.items"):
        named = ratings.without_points(ids(rows["id"], Path(data.items.name)))
    items = pd.DataFrame({"item_id": named.ids})
    changed["items"] = {ratings.POINT: int(named.had_point.sum())}
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
        items["year"] = _whole(rows["year"], Path(data.items.name), changed["items"], "year")
    return items


def _genres(cell: Any, separator: str) -> str:
    return "|".join(genre.strip() for genre in cell.split(separator) if genre.strip()) if isinstance(cell, str) else ""


def _users(data: OwnData, key: str, folder: Path, changed: dict[str, dict[str, int]]) -> pd.DataFrame:
    if data.users is None:
        return NO_PEOPLE
    rows = _columns(data.users, _given(data.users, OwnUsers), f"{key}.users", folder)
    with tables.name_file_in_errors(Path(data.users.name), f"{key}.users"):
        named = ratings.without_points(ids(rows["id"], Path(data.users.name)))
    users = pd.DataFrame({"user_id": named.ids})
    changed["users"] = {ratings.POINT: int(named.had_point.sum())}
    for name in ("gender", "country", "occupation"):
        if name in rows:
            users[name] = rows[name].astype("str").where(rows[name].notna())
    if "age" in rows:
        users["age"] = _whole(rows["age"], Path(data.users.name), changed["users"], "age")
    return users


def _given(table: File, kind: type[File]) -> dict[str, Any]:
    """Return the columns a table declares: role → name of the column."""
    roles = [name for name in kind.model_fields if name not in File.model_fields and name != "genre_separator"]
    return {role: getattr(table, role) for role in roles}


def _columns(file: File, columns: dict[str, Any], key: str, folder: Path) -> pd.DataFrame:
    """Return the declared columns of a file, or of several, named by their roles."""
    parts = []
    for name, path in _found(file, folder):
        of_one = file.model_copy(update={"file": name, "files": ""})
        parts.append(tables.read(of_one, path, ratings.named(columns), key))
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
