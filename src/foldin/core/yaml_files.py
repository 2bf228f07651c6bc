"""YAML files of a checkout, read so that an error is one line: the file, the place, what to do."""

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from foldin.core.errors import FoldinError

CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
"""What git writes before the first of two sides that it cannot merge."""


def load(content: str | bytes, name: str, *, where: str | None = None) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; {} of an empty file.

    Parameters
    ----------
    content : str or bytes
        What is in it.
    name : str
        What the file is called: the remedy depends on it.
    where : str, optional
        What a message calls it, such as `dvc.lock of HEAD~1`; its name unless given.

    Raises
    ------
    FoldinError
        When it is no YAML, or no mapping.
    """
    where = where or name
    try:
        values = YAML(typ="safe", pure=True).load(content)
    except (YAMLError, ValueError) as error:
        # ValueError: what looks like a date or a number, and is none that there is.
        text = content if isinstance(content, str) else content.decode("utf-8", errors="replace")
        if found := CONFLICT.search(text):
            what = f"holds both sides of a merge conflict, from line {text.count(chr(10), 0, found.start()) + 1} on"
            raise FoldinError(what, where=where, remedy=_resolving(name)) from None
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or next(iter(str(error).splitlines()), "")
        raise FoldinError(f"not valid YAML{line}: {problem}", where=where, remedy=_mending(name)) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise FoldinError("holds no keys", where=where, remedy=f"restore it: git checkout {name}")
    return values


def _resolving(name: str) -> str:
    if name == "dvc.lock":
        return "take one side, whichever, and let the pipeline mend it: git checkout --ours dvc.lock; dvc repro"
    return "keep one side of each, and delete the lines that begin with <<<<<<<, ======= and >>>>>>>"


def _mending(name: str) -> str:
    return "restore it: git checkout dvc.lock; dvc repro" if name == "dvc.lock" else "mend that line"
