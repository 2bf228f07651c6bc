"""Data sets of the user's own, declared under `sources` in params.yaml: a file, or several declared data sets as one.

Files lie in the folder own/, which DVC watches; own/README.md says what a declaration may say.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.ids import categories
from foldin.core.interactions import IMPLICIT, Scale
from foldin.datasets.composition import composed
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import Faults, ids, numbers, seconds, undescribed, whole_numbers
from foldin.datasets.known.movielens import NO_PEOPLE
from foldin.datasets.own import tables
from foldin.datasets.own.schema import File, OwnComposition, OwnData, OwnItems, OwnUsers

POINT = "id_written_with_a_point"
"""Why an id was changed: 7.0 is 7."""
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
    ratings, pointed = read_ratings(data, folder / _place(data.file, key), key, bad)
    changed = {"ratings": {POINT: pointed}}
    items, users = _items(data, ratings, key, folder, changed), _users(data, key, folder, changed)
    # Where nothing was changed, nothing is said.
    changed = {table: {why: n for why, n in counts.items() if n} for table, counts in changed.items()}
    changed = {table: counts for table, counts in changed.items() if counts}
    return RawTables(ratings, items, users, bad_lines=bad.count, changed=changed)


def read_ratings(data: OwnData, file: Path, key: str, bad: lines.BadLines) -> tuple[pd.DataFrame, int]:
    """Read the ratings of a declaration.

    Parameters
    ----------
    data : OwnData
        The declaration.
    file : Path
        Where its file lies.
    key : str
        The key of the declaration, for messages.
    bad : BadLines
        Where lines that cannot be read are counted.

    Returns
    -------
    ratings : pandas.DataFrame
        As in `RawTables`.
    pointed : int
        Rows in which an id was written as 7.0.
    """
    roles = {"user": data.user, "item": data.item, "rating": data.rating, "time": data.time}
    rows = tables.read(data, file, _named(roles), key, bad)
    path = Path(data.file)
    with tables.name_file_in_errors(path, key):
        user, item = (_without_points(ids(rows[role], path)) for role in ("user", "item"))
        ratings = pd.DataFrame({"user_id": user.ids, "item_id": item.ids})
        faults = Faults(np.zeros(len(rows), dtype=bool))
        # An event without a count is one interaction.
        ratings["rating"] = numbers(rows["rating"], path, faults) if "rating" in rows else 1.0
        times = rows["time"] if "time" in rows else pd.Series(None, index=rows.index, dtype="str")
        ratings["timestamp"] = seconds(times, path, data.time_unit or "", faults)
        if faults.first is not None:
            bad.add(int(faults.rows.sum()), int((~faults.rows).sum()), faults.first)
    pointed = int((user.had_point | item.had_point)[~faults.rows].sum())
    return ratings[~faults.rows].reset_index(drop=True), pointed


class _Ids(NamedTuple):
    """Ids of one's own, and which of them were written as 7.0."""

    ids: pd.Series
    had_point: npt.NDArray[np.bool_]


def _without_points(found: pd.Series) -> _Ids:
    """Return ids in which 7.0 is 7, as it is where ids are numbers: pandas writes so what stands in a column with gaps.

    Parameters
    ----------
    found : pandas.Series
        Ids as text, or as categories of text.
    """
    coded = categories(found)
    had_point = np.asarray(coded.categories.str.fullmatch(r"-?[0-9]+\.0+"), dtype=bool)
    if not had_point.any():
        return _Ids(found, np.zeros(len(found), dtype=bool))
    written = coded.categories.str.replace(r"^(-?[0-9]+)\.0+$", r"\1", regex=True)
    places, names = pd.factorize(written)
    codes = np.append(places, -1)[coded.codes]
    ids = pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))
    whole = pd.Series(ids, index=found.index, name=found.name)
    return _Ids(whole.astype(found.dtype) if found.dtype == "str" else whole, np.append(had_point, False)[coded.codes])


def _whole(values: pd.Series, path: Path, changed: dict[str, int], name: str) -> pd.Series:
    """Return ages or years, those that are none missing and counted: no reason to refuse all other rows."""
    faults = Faults(np.zeros(len(values), dtype=bool))
    found = whole_numbers(values, path, faults=faults)
    changed[f"unreadable_{name}"] = int(faults.rows.sum())
    return found


def _items(
    data: OwnData, ratings: pd.DataFrame, key: str, folder: Path, changed: dict[str, dict[str, int]]
) -> pd.DataFrame:
    if data.items is None:
        return undescribed(ratings["item_id"], data.domain)
    rows = _columns(data.items, _given(data.items, OwnItems), f"{key}.items", folder)
    with tables.name_file_in_errors(Path(data.items.file), f"{key}.items"):
        named = _without_points(ids(rows["id"], Path(data.items.file)))
    items = pd.DataFrame({"item_id": named.ids})
    changed["items"] = {POINT: int(named.had_point.sum())}
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
        items["year"] = _whole(rows["year"], Path(data.items.file), changed["items"], "year")
    return items


def _genres(cell: Any, separator: str) -> str:
    return "|".join(genre.strip() for genre in cell.split(separator) if genre.strip()) if isinstance(cell, str) else ""


def _users(data: OwnData, key: str, folder: Path, changed: dict[str, dict[str, int]]) -> pd.DataFrame:
    if data.users is None:
        return NO_PEOPLE
    rows = _columns(data.users, _given(data.users, OwnUsers), f"{key}.users", folder)
    with tables.name_file_in_errors(Path(data.users.file), f"{key}.users"):
        named = _without_points(ids(rows["id"], Path(data.users.file)))
    users = pd.DataFrame({"user_id": named.ids})
    changed["users"] = {POINT: int(named.had_point.sum())}
    for name in ("gender", "country", "occupation"):
        if name in rows:
            users[name] = rows[name].astype("str").where(rows[name].notna())
    if "age" in rows:
        users["age"] = _whole(rows["age"], Path(data.users.file), changed["users"], "age")
    return users


def _given(table: File, kind: type[File]) -> dict[str, Any]:
    """Return the columns a table declares: role → name of the column."""
    roles = [name for name in kind.model_fields if name not in File.model_fields and name != "genre_separator"]
    return {role: getattr(table, role) for role in roles}


def _columns(file: File, columns: dict[str, Any], key: str, folder: Path) -> pd.DataFrame:
    """Return the declared columns of a file, named by their roles."""
    return tables.read(file, folder / _place(file.file, key), _named(columns), key)


def _named(columns: dict[str, Any]) -> dict[str, str]:
    return {role: str(name) for role, name in columns.items() if name is not None}
