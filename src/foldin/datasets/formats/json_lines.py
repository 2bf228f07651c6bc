"""Reads JSON lines: reads selected keys of the object on each line; a key of an object within it is `author.id`."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import exact

DEEPEST = 8
"""Objects within objects whose keys are told apart, at most."""


def read(
    path: Path, names: list[str] | None, bad: lines.BadLines | None, most: int | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read some keys of every object.

    Parameters
    ----------
    path : Path
        The file; blank lines are skipped.
    names : list of str, or None
        The keys; None for all there are. `author.id` is the key `author.id`, else the key `id` of the object `author`.
    bad : BadLines, optional
        Where lines that hold no object are counted; without it the first is an error.
    most : int, optional
        Lines to read; without it all.

    Returns
    -------
    rows : pandas.DataFrame
        A column for each key, missing where an object has none; the index holds the numbers of the lines. Of all keys,
        those whose values are objects are replaced by the keys of these.
    seen : list of str
        The keys there are, sorted.

    Raises
    ------
    FoldinError
        On the first line that holds no object, or names a key twice; or when too many do.
    """
    columns: dict[str, list[object]] = {name: [] for name in names or ()}
    numbers: list[int] = []
    seen: set[str] = set()
    faults: list[FoldinError] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = _object(line, number)
                if names is not None:
                    found = {name: _within(values, name, number) for name in columns}
            except FoldinError as fault:
                if bad is None:
                    raise
                faults.append(fault)
                continue
            if names is None or not numbers:
                flat = _flat(values)
                seen.update(flat)
            if names is None:
                found = {name: (True, value) for name, value in flat.items()}
                for name in flat:
                    columns.setdefault(name, [None] * len(numbers))
            seen.update(name for name, (there, _) in found.items() if there)
            for name, column in columns.items():
                column.append(found[name][1] if name in found else None)
            numbers.append(number)
            if len(numbers) == most:
                break
    if bad is not None and faults:
        bad.add(len(faults), len(numbers), faults[0])
    rows = pd.DataFrame({name: exact(column) for name, column in columns.items()})
    return rows.set_axis(pd.Index(numbers, name="line")), sorted(seen)


def _flat(values: dict[str, object], levels: int = DEEPEST) -> dict[str, object]:
    """Return an object in which each key of an object within it, such as `id` of `author`, is `author.id`."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if not isinstance(value, dict) or not value or not levels:
            found[name] = value
            continue
        for inner, of in _flat({key: of for key, of in value.items() if key is not _once}, levels - 1).items():
            if f"{name}.{inner}" not in values:
                found.setdefault(f"{name}.{inner}", of)
    return found


def _within(values: dict[Any, object], name: str, number: int) -> tuple[bool, object]:
    """Return whether an object has a key, or an object within it has, and its value."""
    if name in values:
        if values.get(_once) == name:
            raise FoldinError(f"line {number} names '{name}' twice")
        return True, values[name]
    for place in (place for place, letter in enumerate(name) if letter == "."):
        inner = values.get(name[:place])
        if isinstance(inner, dict) and (found := _within(inner, name[place + 1 :], number))[0]:
            return found
    return False, None


def _object(line: bytes, number: int) -> dict[str, object]:
    """Return a line of JSON lines as a dict."""
    try:
        values = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise FoldinError(f"line {number} is no JSON object")
    if _once in values:
        raise FoldinError(f"line {number} names '{values[_once]}' twice")
    return values


def _once(pairs: list[tuple[str, object]]) -> dict[object, object]:
    """Return an object of JSON as a dict, which under the key of this function names what it has twice, if anything."""
    found: dict[object, object] = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found[_once] = next(name for name in names if names.count(name) > 1)
    return found
