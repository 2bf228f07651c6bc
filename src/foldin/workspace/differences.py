"""Says where two files of the same name differ, and by how much: which metric, which cell, which column.

Text and printed output are compared by their numbers if the rest is identical. A printed number stands for every number
that rounds to it, so a difference within rounding is ignored. Different pixels do not show how far the underlying
numbers differ (a line that moves slightly changes pixels from white to black): such a difference is marked as a plot,
for the caller to decide by the numbers that it was drawn from.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

# Not the digits of a name such as fold-2 or ml-100k.
NUMBER = re.compile(r"(?<![\w.,-])[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w,]*\w)")
# The width of a column follows the numbers in it.
PADDING = re.compile(r"\s+|-{2,}")


class Difference(NamedTuple):
    """One difference: where in the file, what it is, and how large beside the larger value (None: not a number).

    `picture` marks two pictures of one size, which have no such number.
    """

    where: str
    what: str
    relative: float | None
    picture: bool = False


def between(first: Path, second: Path) -> list[Difference]:
    """Return how two files differ, the largest difference first.

    Parameters
    ----------
    first, second : Path
        Files of the same kind, by the suffix of the first.

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
    return sorted(found, key=_size, reverse=True)


def _size(difference: Difference) -> float:
    if difference.picture:
        return -1.0
    return np.inf if difference.relative is None else difference.relative


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
    yield from _pictures("the picture", first.read_bytes(), second.read_bytes())


def _pictures(where: str, first: bytes, second: bytes) -> Iterator[Difference]:
    from matplotlib.image import imread

    pixels = [imread(io.BytesIO(content)) for content in (first, second)]
    if pixels[0].shape != pixels[1].shape:
        yield Difference(where, f"shape {pixels[0].shape} and {pixels[1].shape}", None)
    elif not np.array_equal(pixels[0], pixels[1]):
        share = float((pixels[0] != pixels[1]).any(axis=-1).mean())
        yield Difference(where, f"{share:.2%} of a picture's pixels", None, picture=True)


def _notebook(first: Path, second: Path) -> Iterator[Difference]:
    cells = [json.loads(path.read_text("utf-8"))["cells"] for path in (first, second)]
    if len(cells[0]) != len(cells[1]):
        yield Difference("the notebook", f"{len(cells[0])} and {len(cells[1])} cells", None)
        return
    for place, pair in enumerate(zip(*cells, strict=True), start=1):
        yield from _parts(f"cell {place}", *(dict(_parts_of(cell)) for cell in pair))


def _parts_of(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a cell is and shows by name; what an output shows has a colon in it, and may differ in numbers."""
    frame = {key: value for key, value in cell.items() if key not in ("outputs", "source")}
    yield "frame", json.dumps(frame, sort_keys=True)
    yield f"{cell['cell_type']} source", "".join(cell["source"])
    for place, output in enumerate(cell.get("outputs", [])):
        shown = output.get("data", {}) | ({"text": output["text"]} if "text" in output else {})
        rest = {key: value for key, value in output.items() if key not in ("data", "text")}
        yield f"output {place + 1}", json.dumps(rest, sort_keys=True)
        for kind, content in sorted(shown.items()):
            # nbformat writes text as a string or as a list of its lines.
            whole = isinstance(content, (str, list))
            yield f"output {place + 1}: {kind}", "".join(content) if whole else json.dumps(content, indent=1)


def _parts(where: str, first: dict[str, str], second: dict[str, str]) -> Iterator[Difference]:
    if first.keys() != second.keys():
        yield Difference(where, f"only one has {min(first.keys() ^ second.keys())}", None)
        return
    for name, one in first.items():
        other = second[name]
        if one == other:
            continue
        if name.endswith("image/png"):
            yield from _pictures(where, *(base64.b64decode(text) for text in (one, other)))
        elif ": " in name or name == "markdown source":
            yield from (difference._replace(where=where) for difference in _texts(one, other))
        else:
            yield Difference(where, _shown(one, other), None)


def _text(first: Path, second: Path) -> Iterator[Difference]:
    contents = [path.read_bytes() for path in (first, second)]
    try:
        texts = [content.decode("utf-8") for content in contents]
    except UnicodeDecodeError:
        yield Difference("the file", f"other bytes: {len(contents[0])} and {len(contents[1])} of them", None)
        return
    yield from _texts(*texts)


def _texts(first: str, second: str) -> Iterator[Difference]:
    """Compare two texts line by line, numbers by how far they are apart."""
    lines = [text.splitlines() for text in (first, second)]
    if len(lines[0]) != len(lines[1]):
        yield Difference("the file", f"{len(lines[0])} and {len(lines[1])} lines", None)
    for number, (one, other) in enumerate(zip(*lines, strict=False), start=1):
        if one != other:
            apart = _apart(one, other)
            size = "" if apart is None else f", {apart:.1e} apart"
            yield Difference(f"line {number}", f"{_shown(one, other)}{size}", apart)


def _apart(first: str, second: str) -> float | None:
    """Return the largest relative difference of the numbers in two lines; None where they differ in more."""
    plain = [PADDING.sub(lambda found: found[0][:1], NUMBER.sub("0", line)).strip() for line in (first, second)]
    if plain[0] != plain[1]:
        return None
    return max(map(_gap, NUMBER.findall(first), NUMBER.findall(second)), default=0.0)


def _gap(first: str, second: str) -> float:
    """Return how far apart two printed numbers are beyond what rounding explains, beside the larger."""
    one, other = (Decimal(text.replace(",", "").replace("−", "-")) for text in (first, second))
    digits = [int(number.as_tuple().exponent) for number in (one, other)]
    # Half a unit of the last digit on each side. Without a decimal place it is a count, which nobody rounded.
    rounding = sum(Decimal(5).scaleb(digit - 1) for digit in digits if digit < 0)
    largest = max(abs(one), abs(other))
    return float(max(abs(one - other) - rounding, Decimal(0)) / largest) if largest else 0.0


def _shown(first: str, second: str) -> str:
    """Show the first place where two texts differ."""
    start = next((i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, start - 30)
    return " and ".join(repr(text[start : start + 60].strip()) for text in (first, second))


_READERS: dict[str, Callable[[Path, Path], Iterator[Difference]]] = {
    ".json": _json,
    ".csv": _frames(pd.read_csv),
    ".parquet": _frames(pd.read_parquet),
    ".npz": _arrays,
    ".png": _image,
    ".ipynb": _notebook,
}
