"""DVC's cache, where each object's name is the MD5 of its bytes; `foldin doctor --cache` checks this.

DVC trusts write-protected objects, and all are, so it would check out bytes that the disk has damaged.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import end, tick
from foldin.workspace import pipeline

FOLDER = ".dir"
"""How the MD5 of a folder ends: its object is the list of its files."""


@cache
def folder() -> Path:
    """Return the folder of the objects.

    Raises
    ------
    FoldinError
        When DVC does not know it.
    """
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    asked = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise FoldinError("DVC does not say where its cache is", where=paths.root(), remedy="look: dvc cache dir")
    return Path(paths.root(), asked.stdout.strip()) / "files" / "md5"


def object_path(md5: str) -> Path:
    """Return where the cache keeps an object."""
    return folder() / md5[:2] / md5[2:]


def is_intact(md5: str) -> bool:
    """Return whether an object is as its name says; one that is not there is."""
    path = object_path(md5)
    return not path.is_file() or files.md5(path) == md5.removesuffix(FOLDER)


def listing(md5: str) -> dict[str, str] | None:
    """Return what a folder's object lists: path below the folder → MD5; None where it is not there, or not whole."""
    path = object_path(md5)
    if not path.is_file() or not is_intact(md5):
        return None
    return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_bytes())}


def remedy(places: Iterable[Path | str]) -> str:
    """Return what to do about damaged bytes: remove them, in the cache and in the workspace, and make them again.

    Parameters
    ----------
    places : iterable of Path or str
        Files and folders, below the checkout unless absolute.
    """
    root = paths.root()
    named = [Path(root, place) for place in places]
    shown = [str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in named]
    return f"remove what is damaged and make it again: rm -rf {shlex.join(shown)}; dvc repro"


def damaged() -> tuple[int, list[str]]:
    """Look at every object of the cache.

    Returns
    -------
    tuple of int and list of str
        How many objects there are, and the MD5s of those whose bytes have another.
    """
    objects = sorted(folder().glob("??/*"))
    total = sum(path.stat().st_size for path in objects)
    wrong, seen = [], 0
    for path in objects:
        md5 = path.parent.name + path.name
        if not is_intact(md5):
            wrong.append(md5)
        seen += path.stat().st_size
        tick(f"DVC's cache: {seen / 1e6:,.0f} of {total / 1e6:,.0f} MB looked at")
    end()
    return len(objects), wrong


def outputs_of(objects: Iterable[str]) -> list[str]:
    """Return the outputs that dvc.lock records with objects of the cache, files of folders by name.

    Parameters
    ----------
    objects : iterable of str
        Their MD5s.
    """
    hashes = set(objects)
    found = set()
    for outputs in pipeline.locked().values():
        for path, md5 in outputs.items():
            held = (listing(md5) or {}) if md5.endswith(FOLDER) else {}
            found |= {path} if md5 in hashes else {f"{path}/{name}" for name in held if held[name] in hashes}
    return sorted(found)
