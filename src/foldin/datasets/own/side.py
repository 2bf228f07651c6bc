"""Proposes the tables of items and users beside a file of ratings: `foldin describe ratings.csv films.csv`."""

from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.datasets.formats.ids import ids
from foldin.datasets.own import guesses, parts, proposal, ratings, samples, shapes, tables, words
from foldin.datasets.own.schema import OwnItems, OwnUsers

CALLED: dict[str, dict[str, tuple[str, ...]]] = {
    "items": {
        "title": ("title", "name", "itemname", "movietitle", "booktitle", "productname", "artistname", "label"),
        "genres": ("genre", "genres", "category", "categories", "tags", "kind", "style"),
        "creator": (
            *("creator", "author", "bookauthor", "artist", "director", "developer", "brand", "authors", "studio"),
            *("writtenby", "autor", "auteur", "schrijver", "verfasser"),
        ),
        "year": ("year", "releaseyear", "publicationyear", "yearofpublication", "published", "released"),
    },
    "users": {
        "age": ("age", "years"),
        "gender": ("gender", "sex"),
        "country": ("country", "land", "nation", "location"),
        "occupation": ("occupation", "job", "profession"),
    },
}
"""Kind of table → key of its declaration → what columns of it are often called."""
GENRE_SEPARATORS = ("|", ";", "/", ",")
TWO = "two tables describe"
FEWEST = 0.5
"""Share of the rated ids that a table must describe, at least, to be surely one of them."""


def examine(paths: list[Path], member: str | None = None) -> proposal.Proposal:
    """Return what to declare of a file of ratings with tables of items and users beside it or in it, in any order.

    Parameters
    ----------
    paths : list of Path
        The files, or folders of them.
    member : str, optional
        Which file of a zip archive of several, where that is the only path.

    Raises
    ------
    FoldinError
        When none or several of them hold ratings, or one cannot be read.
    """
    paths = [file for path in paths for file in (parts.files_of(path) if path.is_dir() else [path])]
    if len(paths) == 1:
        found = proposal.examine(paths[0], member)
        _add_others(found, member)
        return found
    looks = {path: proposal.looked_at(path, None)[:2] for path in paths}
    if (renamed := parts.renamed({path: look for path, (look, _) in looks.items()})) is not None:
        found = parts.examine(sorted(paths), renamed)
        found.notes += [
            f"table '{table}': not used (it is read of no file where several are one)" for table in found.others
        ]
        return found
    main = _with_ratings({path: look for path, (look, _) in looks.items()})
    found = proposal.examine(main)
    for path in paths:
        if path != main:
            found.beside.append(path)
            _add(found, path, *looks[path], path.name)
    _add_others(found, None)
    return found


def _add_others(found: proposal.Proposal, member: str | None) -> None:
    """Add the other tables of the file to a proposal where they describe items or users; say why not of all others."""

    def says_nothing(table: str) -> bool:
        return not words.role_of_table(table)

    # Those whose names say what they describe come first.
    for table in sorted(found.others, key=says_nothing):
        kind = ""
        try:
            looks, declared, _ = proposal.looked_at(found.path, member, table)
            kind = shapes.side_table(looks.rows, named=looks.named)
            if looks.named and {"user", "item"} <= set(words.by_name([str(name) for name in looks.rows])):
                found.notes.append(f"table '{table}': not used (it describes neither items nor users alone)")
            else:
                _add(found, found.path, looks, declared, f"table '{table}'", of_file=table)
        except FoldinError as error:
            found.notes.append(f"table '{table}': not used ({error.what})")
            if error.what.startswith(TWO):
                found.unsure.append(f"table '{table}': {error.what}; the first is taken")
            elif kind:
                found.unsure.append(f"table '{table}' looks like one of {kind}, but {error.what}")


def _with_ratings(looks: dict[Path, samples.Looks]) -> Path:
    """Return the file that holds the ratings."""
    named = {
        path
        for path, look in looks.items()
        if look.sparse
        or {"user", "item"} <= set(words.by_name([str(name) for name in look.rows]) if look.named else {})
    }
    possible = named or {
        path
        for path, look in looks.items()
        if not shapes.side_table(look.rows, named=look.named)
        and (shapes.matrix(look.rows, named=look.named) or _repeats(look.rows))
    }
    if len(possible) != 1:
        which = ", ".join(path.name for path in looks if path in possible) or "none"
        raise FoldinError(
            f"one of the files must hold the ratings, and the others describe items and users; with ratings: {which}",
            remedy="describe each file of ratings by itself; parts of one table are declared by a pattern as files",
        )
    return possible.pop()


def _repeats(rows: pd.DataFrame) -> bool:
    """Return whether no column is an id that each row has once."""
    return not any(rows[name].notna().all() and rows[name].nunique() == len(rows) for name in rows)


def _add(
    found: proposal.Proposal,
    path: Path,
    looks: samples.Looks,
    declared: dict[str, Any],
    called: str,
    of_file: str = "",
) -> None:
    """Add a table of items or users to a proposal; `of_file` is its name where its file has several."""
    assert found.read is not None
    names = [str(name) for name in looks.rows]
    said = words.by_name(names) if looks.named else {}
    # What says nothing of its ids may be told by the name of the table, or by what else it says of each.
    told = "" if {"user", "item"} & set(said) else words.role_of_table(of_file or path.name.split(".")[0])
    told = told or ("" if {"user", "item"} & set(said) else _told_by_attributes(names))
    rated = {kind: set(map(str, found.read.table[f"{kind}_id"].dropna().unique())) for kind in ("item", "user")}
    shares: dict[tuple[str, str], float] = {}
    for kind, of_ratings in rated.items():
        for name in names:
            # What is named after items is no id of users.
            if (set(said) & {"user", "item"} and said.get(kind) != name) or told not in ("", kind):
                continue
            mine = set(looks.rows[name].dropna())
            if looks.rows[name].nunique() == looks.rows[name].notna().sum():
                shares[kind, name] = len(mine & of_ratings) / max(1, min(len(mine), len(of_ratings)))
    if not shares or not max(shares.values()):
        raise FoldinError(
            "no column of this table holds ids of the users or items that are rated",
            where=path,
            remedy=f"describe {found.path} without it, and declare the table by hand; see own/README.md",
        )
    kind, column = max(shares, key=lambda one: shares[one])
    key, sure = f"{kind}s", bool(told) or kind in said
    if key in found.declared:
        # Numbers from 1 in a table that nobody gave by itself, such as one of settings, are like any ids.
        what = f"{TWO} {key}" if sure or not of_file else f"no name in it says that it describes {key}"
        raise FoldinError(what, where=path, remedy="give one of them")
    table = declared | {"id": column if looks.named else int(column)}
    share = _share(path, table, key, rated[kind])
    if of_file and not sure:
        if share < FEWEST:
            raise FoldinError(f"'{column}' has the ids of {share:.1%} of the rated {key}", where=path)
        found.unsure.append(f"{called} is taken to describe {key}, by its ids only; if it does not, leave it out")
    table |= _described(found, key, called, looks, column)
    found.declared[key] = table
    found.notes.append(f"{called}: {key}, {looks.seen}; describes {share:.1%} of the rated {key}")
    near = [one for one, value in shares.items() if one[0] != kind and value > 0.8 * shares[kind, column]]
    if near and not sure:
        found.unsure.append(f"{called} is taken to describe {key}; its ids are also like those of {near[0][0]}s")
    if share < FEWEST:
        found.unsure.append(f"{called} describes {share:.1%} of the rated {key} only: is {column} the right column?")


def _told_by_attributes(names: list[str]) -> str:
    """Return whose attributes some columns are, "" where they may be those of both."""
    said = {
        kind: [key for key, often in keys.items() if {words.plain(name) for name in names} & set(often) - {"name"}]
        for kind, keys in CALLED.items()
    }
    if bool(said["items"]) == bool(said["users"]):
        return ""
    return "item" if said["items"] else "user"


def _described(
    found: proposal.Proposal, kind: str, called: str, looks: samples.Looks, column: str
) -> dict[str, str | int]:
    """Return the keys of a declaration for the columns that describe items or users; note those not used."""
    keys: dict[str, str | int] = {}
    for name in map(str, looks.rows):
        if name == column:
            continue
        bare = words.plain(name) if looks.named else ""
        key = next((key for key, often in CALLED[kind].items() if bare in often and key not in keys), None)
        if key in ("age", "year") and not guesses.is_number(looks.rows[name]):
            key = None
        if key is None:
            found.notes.append(f"{called}: {name}: not used")
            continue
        keys[key] = name
        if key == "genres":
            cells = looks.rows[name].dropna()
            counts = {
                separator: int(cells.str.contains(separator, regex=False).sum()) for separator in GENRE_SEPARATORS
            }
            separator = max(counts, key=lambda one: counts[one])
            if counts[separator] and separator != "|":
                keys["genre_separator"] = separator
                if separator == ",":
                    found.unsure.append(
                        f"{called}: {name} is split at commas; if a genre may hold one, mend genre_separator"
                    )
    return keys


def _share(path: Path, declared: dict[str, Any], kind: str, rated: set[str]) -> float:
    """Return the share of the rated ids that a table describes, from all of it."""
    data = params.parse(OwnItems if kind == "items" else OwnUsers, declared, f"its {kind}")
    rows = tables.read(data, path, {"id": str(declared["id"])}, f"its {kind}")
    named = ratings.without_points(ids(rows["id"], path)).ids
    return len(set(map(str, named.dropna())) & rated) / max(1, len(rated))
