"""Checks a stage's inputs against dvc.lock, which records the outputs of the stage that made them.

DVC trusts a cached object whose size, time and mode are unchanged, so damaged bytes could be evaluated and recorded. A
stage that DVC starts therefore rejects inputs whose hash differs. DVC records a stage's outputs before it starts the
next.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.workspace import cache, end_with_parent, pipeline

NO_PART = ("__pycache__", ".ipynb_checkpoints", ".*.part", ".DS_Store")
"""What .dvcignore leaves out of the folders that contain it."""


def members(path: Path) -> list[Path]:
    """Return the files that a file or folder holds as DVC sees it, sorted.

    Parameters
    ----------
    path : Path
        Absolute; what it holds need not be there.
    """
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    ignored = (any(fnmatch(part, pattern) for part in file.parts for pattern in NO_PART) for file in found)
    return [file for file, leave in zip(found, ignored, strict=True) if not leave and file.is_file()]


def digest(path: Path, md5: Callable[[Path], str] = files.md5) -> str:
    """Return the MD5 that DVC gives a file or folder; that of a folder is of the list of its files.

    Parameters
    ----------
    path : Path
        What to hash.
    md5 : callable, optional
        How to hash one file.
    """
    if not path.is_dir():
        return md5(path)
    listed = [{"md5": md5(file), "relpath": file.relative_to(path).as_posix()} for file in members(path)]
    text = json.dumps(sorted(listed, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def check(watched: pipeline.Declared, known: Mapping[str, str]) -> None:
    """Refuse to run a stage on what is not as dvc.lock records it.

    Nothing is checked of a stage run by hand, which DVC records nothing of, nor of inputs that no stage makes.

    Parameters
    ----------
    watched : pipeline.Declared
        The stage that is about to run.
    known : mapping of str to str
        Path below the checkout → MD5 of the inputs that are hashed already.

    Raises
    ------
    FoldinError
        When an input is not what the stage that makes it made: names the file, and what to remove.
    """
    if end_with_parent.STARTED_BY_DVC not in os.environ:
        return

    def md5(file: Path) -> str:
        return known.get(file.relative_to(paths.root()).as_posix()) or files.md5(file)

    datasets = [watched.dataset] if watched.dataset else []
    makers = {
        name: outputs
        for name, stage in pipeline.every(datasets, params.read()["families"]).items()
        if (outputs := [out for out in stage.outputs if any(_overlap(out, path) for path in watched.inputs)])
    }
    for name, entries in pipeline.recorded(makers).items():
        for output in makers[name]:
            path = paths.root() / output
            if path.exists() and output in entries and digest(path, md5) != entries[output]:
                _refuse(name, output, entries[output])


def _overlap(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _refuse(stage: str, output: str, recorded: str) -> None:
    """Say which file is not as recorded, unless the rest of a folder is and there are files which DVC ignores."""
    expected = cache.listing(recorded) if recorded.endswith(cache.FOLDER) else {"": recorded}
    if expected is None:
        damaged = [output]
        objects = [cache.object_path(recorded)]
    else:
        right = {f"{output}/{name}".rstrip("/"): md5 for name, md5 in expected.items()}
        damaged = [name for name, md5 in right.items() if not _is(paths.root() / name, md5)]
        if not damaged:
            return
        objects = [cache.object_path(right[name]) for name in damaged if not cache.is_intact(right[name])]
    raise FoldinError(
        f"not what {stage} made, by its hash in dvc.lock",
        where=damaged[0],
        remedy=cache.remedy([*damaged, *objects]),
    )


def _is(path: Path, md5: str) -> bool:
    return path.is_file() and files.md5(path) == md5
