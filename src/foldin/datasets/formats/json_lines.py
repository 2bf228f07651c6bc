"""Reads JSON lines: reads selected keys of the object on each line."""

import json
from pathlib import Path

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import exact


def read(
    path: Path, names: list[str] | None, bad: lines.BadLines | None, most: int | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read some keys of every object.

    Parameters
    ----------
    path : Path
        The file; blank lines are skipped.
    names : list of str, or None
        The keys; None for all there are.
    bad : BadLines, optional
        Where lines that hold no object are counted; without it the first is an error.
    most : int, optional
        Lines to read; without it all.

    Returns
    -------
    rows : pandas.DataFrame
        A column for each key, missing where an object has none; the index holds the numbers of the lines.
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
            except FoldinError as fault:
                if bad is None:
                    raise
                faults.append(fault)
                continue
            seen.update(values)
            for name in values if names is None else ():
                columns.setdefault(name, [None] * len(numbers))
            for name, column in columns.items():
                column.append(values.get(name))
            numbers.append(number)
            if len(numbers) == most:
                break
    if bad is not None and faults:
        bad.add(len(faults), len(numbers), faults[0])
    rows = pd.DataFrame({name: exact(column) for name, column in columns.items()})
    return rows.set_axis(pd.Index(numbers, name="line")), sorted(seen)


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
