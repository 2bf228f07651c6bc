"""Says where two files of the same name differ, and by how much: which metric, which cell, which column."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Difference(NamedTuple):
    """One difference: where in the file, what it is, and how large beside the first value (None: not a number)."""

    where: str
    what: str
    relative: float | None


def between(first: Path, second: Path) -> list[Difference]:
    """Return how two files differ, the largest difference first.

    Parameters
    ----------
    first, second : Path
        Files of the same kind, told by the suffix of the first.

    Returns
    -------
    list of Difference
        Empty when the bytes are the same. Files whose contents agree, though their bytes do not, have one difference
        of size 0.
    """
    missing = [name for name, path in (("first", first), ("second", second)) if not path.is_file()]
    if missing:
        return [Difference("the file", f"missing in the {' and the '.join(missing)}", None)]
    if first.read_bytes() == second.read_bytes():
        return []
    found = list(_READERS.get(first.suffix, _text)(first, second))
    if not found:
        return [Difference("the file", "other bytes, the same content", 0.0)]
    return sorted(found, key=lambda difference: np.inf if difference.relative is None else difference.relative)[::-1]


def _numbers(where: str, first: Any, second: Any) -> Difference | None:
    """Compare two arrays or numbers."""
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        return Difference(where, f"shape {first.shape} and {second.shape}", None)
    if not (np.issubdtype(first.dtype, np.number) and np.issubdtype(second.dtype, np.number)):
        other = first.astype(str) != second.astype(str)
        if not other.any():
            return None
        place = tuple(int(index[0]) for index in np.nonzero(np.atleast_1d(other)))
        values = (np.atleast_1d(array)[place] for array in (first, second))
        return Difference(where, " and ".join(str(value)[:60] for value in values), None)
    first, second = first.astype(np.float64), second.astype(np.float64)
    if np.array_equal(first, second, equal_nan=True):
        return None
    if (np.isnan(first) != np.isnan(second)).any():
        return Difference(where, "a number beside none", None)
    gap = np.nan_to_num(np.abs(first - second))
    # Beside the largest value: next to a value of 0, any difference would be without bounds.
    relative = float(gap.max() / np.nanmax(np.abs([first, second])))
    place = np.unravel_index(gap.argmax(), gap.shape)
    return Difference(where, f"{first[place]:.9g} and {second[place]:.9g}, {relative:.1e} of the largest", relative)


def _tables(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    for key in sorted(first.keys() | second.keys()):
        if key not in first or key not in second:
            yield Difference(key, f"only in the {'first' if key in first else 'second'}", None)
        elif (found := _numbers(key, first[key], second[key])) is not None:
            yield found


def _flat(values: Any, place: str = "") -> dict[str, Any]:
    if isinstance(values, dict):
        return {k: v for key, inner in values.items() for k, v in _flat(inner, f"{place}.{key}".lstrip(".")).items()}
    return {place: values}


def _json(first: Path, second: Path) -> Iterator[Difference]:
    yield from _tables(*(_flat(json.loads(path.read_text("utf-8"))) for path in (first, second)))


def _frames(read: Callable[[Path], pd.DataFrame]) -> Callable[[Path, Path], Iterator[Difference]]:
    def compare(first: Path, second: Path) -> Iterator[Difference]:
        yield from _tables(
            *({str(name): column.to_numpy() for name, column in read(p).items()} for p in (first, second))
        )

    return compare


def _arrays(first: Path, second: Path) -> Iterator[Difference]:
    with np.load(first) as one, np.load(second) as other:
        yield from _tables(dict(one), dict(other))


def _image(first: Path, second: Path) -> Iterator[Difference]:
    from matplotlib.image import imread

    found = _numbers("the picture", imread(first), imread(second))
    if found:
        yield found


def _notebook(first: Path, second: Path) -> Iterator[Difference]:
    cells = [json.loads(path.read_text("utf-8"))["cells"] for path in (first, second)]
    if len(cells[0]) != len(cells[1]):
        yield Difference("the notebook", f"{len(cells[0])} and {len(cells[1])} cells", None)
        return
    for place, pair in enumerate(zip(*cells, strict=True), start=1):
        lines = [_lines(cell) for cell in pair]
        for one, other in zip(*lines, strict=False):
            if one != other:
                yield Difference(f"cell {place}", f"{one.strip()[:60]!r} and {other.strip()[:60]!r}", None)
                break
        else:
            if lines[0] != lines[1]:
                yield Difference(f"cell {place}", f"{len(lines[0])} and {len(lines[1])} lines", None)


def _lines(cell: dict[str, Any]) -> list[str]:
    return json.dumps(cell, indent=1, sort_keys=True).splitlines()


def _text(first: Path, second: Path) -> Iterator[Difference]:
    contents = [path.read_bytes().splitlines() for path in (first, second)]
    for number, (one, other) in enumerate(zip(*contents, strict=False), start=1):
        if one != other:
            shown = (line[:60].decode("utf-8", "replace") for line in (one, other))
            yield Difference(f"line {number}", " and ".join(map(repr, shown)), None)
            return
    yield Difference("the file", f"{len(contents[0])} and {len(contents[1])} lines", None)


_READERS: dict[str, Callable[[Path, Path], Iterator[Difference]]] = {
    ".json": _json,
    ".csv": _frames(pd.read_csv),
    ".parquet": _frames(pd.read_parquet),
    ".npz": _arrays,
    ".png": _image,
    ".ipynb": _notebook,
}
