"""Looks up what a person names: a data set, a user, an item by id or title. Nearest names answer a typo."""

import difflib
import heapq
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from foldin.core import params, paths
from foldin.core.bounds import LONGEST_LIST
from foldin.core.errors import FoldinError
from foldin.datasets import registry

COMPARED = 2_000
"""Names that are compared with a misspelt one letter by letter, at most."""
SHOWN = 3
"""Near names in a message."""
LISTED = 10
"""Ids of one title in a message, at most."""


def near(name: str, known: Sequence[str], n: int = SHOWN) -> list[str]:
    """Return the known names that contain one, the shortest first, or else those most like it, whatever the case.

    Parameters
    ----------
    name : str
        What was typed.
    known : sequence of str
        All there are.
    n : int, optional
        How many to return, at most.
    """
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    asked = name.casefold().strip()
    holding = [each for each in folded if asked in each] if len(asked) > 1 else []
    holding.sort(key=lambda each: (not each.startswith(asked), len(each)))
    close = holding or difflib.get_close_matches(asked, _with_most_pairs(asked, folded), n=n, cutoff=0.5)
    return [folded[each] for each in close[:n]]


def _with_most_pairs(asked: str, known: Iterable[str]) -> list[str]:
    """Return the names that share most pairs of letters with one: difflib takes half a minute for 250,000 names."""
    pairs = {asked[at : at + 2] for at in range(len(asked) - 1)} or {asked}
    return heapq.nlargest(COMPARED, known, key=lambda each: sum(pair in each for pair in pairs) / (len(each) + 1))


def did_you_mean(name: str, known: Sequence[str], kind: str) -> str:
    """Return the remedy for an unknown name: those it looks like, or what such names look like."""
    if close := near(name, known):
        return f"did you mean {' or '.join(map(repr, close))}?"
    more = ", …" if len(known) > SHOWN else ""
    return f"{kind} are: {', '.join(known[:SHOWN])}{more}"


def dataset(given: str | None) -> str:
    """Return the data set that is meant: the one given, or the only one of params.yaml.

    Raises
    ------
    FoldinError
        When there is no such data set, or params.yaml lists several and none is given.
    """
    listed = params.datasets()
    if given is None:
        if len(listed) > 1:
            remedy = f"name one of them: --dataset {listed[0]}"
            raise FoldinError(f"it lists several data sets: {', '.join(listed)}", where="params.yaml", remedy=remedy)
        return listed[0]
    if given not in listed and given not in registry.names():
        remedy = did_you_mean(given, sorted({*listed, *registry.names()}), "data sets")
        raise FoldinError(f"unknown data set '{given}'", remedy=f"{remedy} `foldin datasets` lists all")
    return given


def families_of_models() -> dict[str, str]:
    """Return all models of params.yaml: name → family."""
    values = params.read()
    return {str(model): family for family in params.known_families() for model in values.get(family) or {}}


def length(k: int) -> int:
    """Return the length of a list, checked.

    Raises
    ------
    FoldinError
        When it is out of bounds.
    """
    if not 1 <= k <= LONGEST_LIST:
        raise FoldinError(f"--k is {k}", remedy=f"a list has 1 to {LONGEST_LIST:,} items")
    return k


def user(users: pd.DataFrame, name: str, data: str) -> int:
    """Return the index of a user.

    Parameters
    ----------
    users : pandas.DataFrame
        The users of the training part, as `Interactions` has them.
    name : str
        The data set's own id.
    data : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When nobody in the training part has that id.
    """
    found = np.flatnonzero(users["user_id"] == name)
    if len(found):
        return int(found[0])
    if name in _cleaned(data, "users", "user_id")["user_id"].array:
        what = f"user '{name}' of '{data}' has no rating in the training part, so no model knows them"
        raise FoldinError(what, remedy="put their ratings into a CSV file, and fold them in: foldin rate")
    remedy = did_you_mean(name, users["user_id"].to_list(), "user ids")
    raise FoldinError(f"'{data}' has no user '{name}'", remedy=remedy)


def item(items: pd.DataFrame, name: str, data: str) -> int:
    """Return the index of an item, by its id, or by its title if that is no other item's.

    A title may be written in any case, if it is one item's then.

    Parameters
    ----------
    items : pandas.DataFrame
        The items of the training part, as `Interactions` has them.
    name : str
        An id or a title.
    data : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the training part has no such item, or several have that title.
    """
    places = matching(items, name)
    if len(places) == 1:
        return places[0]
    if places:
        ids = items["item_id"].iloc[places[:LISTED]].to_list()
        more = f" and {len(places) - LISTED:,} more" if len(places) > LISTED else ""
        what = f"{len(places)} items of '{data}' have the title '{name}'"
        raise FoldinError(what, remedy=f"give the id instead: {', '.join(ids)}{more}")
    if matching(_cleaned(data, "items", "item_id"), name):
        what = f"'{name}' of '{data}' has no rating in the training part, so no model knows it"
        raise FoldinError(what, remedy="name another item")
    known = [*items["item_id"], *titles(items).dropna()]
    raise FoldinError(f"'{data}' has no item '{name}'", remedy=did_you_mean(name, known, "item ids"))


def matching(items: pd.DataFrame, name: str) -> list[int]:
    """Return the indices of the items with this id; if there are none, with this title, then in any case."""
    asked = name.strip()
    if not asked:
        return []
    for same in _same(items, asked):
        if same.any():
            return [int(place) for place in np.flatnonzero(same)]
    return []


def _same(items: pd.DataFrame, asked: str) -> "Iterator[pd.Series[bool]]":
    # One after the other: most names are ids or titles as they are, and to fold all titles takes long.
    yield items["item_id"] == asked
    yield titles(items).fillna("") == asked
    yield titles(items).fillna("").str.casefold() == asked.casefold()


def titles(items: pd.DataFrame) -> "pd.Series[str]":
    """Return the title of each item; missing where the data set has none."""
    if "title" in items:
        return items["title"].astype("str")
    return pd.Series(pd.NA, index=items.index, dtype="str")


def _cleaned(data: str, table: str, key: str) -> pd.DataFrame:
    """Return all users or items of a data set, those without a training rating too; none where they are not here."""
    file = paths.clean(data) / f"{table}.parquet"
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame({key: pd.Series(dtype="str")})
