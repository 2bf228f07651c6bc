"""Files with stable bytes that appear whole or not at all.

A running stage writes to a temporary folder; its files move into place when it succeeds: see foldin.workspace.staging.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foldin.core import paths
from foldin.core.errors import FULL, FoldinError

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 6
"""Digits after the point of every metric written: enough to compare, few enough to survive a reordered sum."""


def require(dataset: str, stage: str, what: str, *needed: Path) -> None:
    """Refuse to go on where what an earlier stage of a data set writes is not there.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    stage : str
        The stage that writes it, such as "clean".
    what : str
        What it writes, for the message.
    *needed : Path
        The files or folders that must be there.

    Raises
    ------
    FoldinError
        When one is missing: names it, and the command that makes it.
    """
    for path in needed:
        if not path.exists():
            raise FoldinError(
                f"the data set '{dataset}' has no {what} yet",
                where=path.relative_to(paths.root()),
                remedy=f"make them first: dvc repro {stage}@{dataset}",
            )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a file in the error of a full disk, which names none: it comes from a write to a file that is open.

    Parameters
    ----------
    path : Path
        Where the file belongs.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; on success it becomes `path`, on any failure it vanishes.

    Parameters
    ----------
    path : Path
        The file to make; its folder is made too.

    Yields
    ------
    Path
        The unfinished file beside it.
    """
    belongs, path = path, paths.staged(path)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with naming(belongs):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield unfinished
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; on success it takes the place of `path`, on any failure it vanishes.

    Parameters
    ----------
    path : Path
        The folder to make.

    Yields
    ------
    Path
        The unfinished folder beside it.
    """
    belongs, path = path, paths.staged(path)
    unfinished = path.with_name(f".{path.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with naming(belongs):
            unfinished.mkdir(parents=True)
            yield unfinished
            shutil.rmtree(path, ignore_errors=True)
            unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with a final newline, whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text.rstrip("\n") + "\n", encoding="utf-8", newline="\n")


def _rounded(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner, place) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FoldinError(f"the metric {place} is {value}", remedy="leave a metric out where it has no value")
        return round(value, DECIMALS) + 0.0
    return value


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write metrics as JSON: keys sorted, floats rounded to 6 decimals, never NaN.

    Raises
    ------
    FoldinError
        When a metric is NaN or infinite.
    """
    rounded = _rounded(values, path.name)
    write_text(path, json.dumps(rounded, indent=2, sort_keys=True, ensure_ascii=False))


def read_json(path: Path, remedy: str) -> Any:
    """Return what a JSON file holds.

    Parameters
    ----------
    path : Path
        A file of the checkout that is there.
    remedy : str
        What a message says to do where it is damaged.

    Raises
    ------
    FoldinError
        When it is no JSON, such as one that was cut off, or one with both sides of a merge conflict.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise FoldinError("not valid JSON", where=path.relative_to(paths.root()), remedy=remedy) from None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV, without its index, floats to 6 decimals."""
    with whole_file(path) as unfinished:
        table.to_csv(unfinished, index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5(path: Path) -> str:
    """Return the MD5 of a file's bytes as 32 hexadecimal digits: what DVC knows contents by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
