"""A proposal of what to declare of a file, printed as YAML with what was seen as comments."""

import json
import re
import shlex
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.text import one_line
from foldin.datasets.formats import packed
from foldin.datasets.own import ratings, whole
from foldin.datasets.own.declared import OWN

PREVIEW = 3
"""Rows to show as they would be read."""
PASTE = "Check the guesses, {how}, and add its name to `datasets`."
FIRST, NEXT = "replace `sources: {}` in params.yaml with this", "add the entry below `sources:` in params.yaml"
"""How to paste a declaration where `sources` has none yet, and where it has others, which must stay."""


@dataclass
class Proposal:
    """What to declare of a file, and what was seen of it.

    Attributes
    ----------
    path : Path
        The file.
    declared : dict
        The declaration.
    notes : list of str
        What was seen.
    unsure : list of str
        What may be otherwise, and what to do then.
    read : OwnRatings or None
        The ratings that `clean` would read.
    parts : list of Path
        All files, where several are read as one.
    beside : list of Path
        Files of items and users.
    others : tuple of str
        Other tables of the file.
    """

    path: Path
    declared: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    read: ratings.OwnRatings | None = None
    parts: list[Path] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name for the data set."""
        stem = packed.inner_name(self.path.name).split(".")[0]
        if len(self.parts) > 1:
            stem = common_start([path.name for path in self.parts]).rstrip("-_. ") or self.path.parent.name
        name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "my-data"
        return name if name.startswith("my-") else f"my-{name}"


def written(found: Proposal, name: str | None = None, *, to_paste: bool = True) -> str:
    """Return a proposal as YAML, with what was seen as comments, and how to paste it unless it is written itself."""
    # A line break in a name of a column, or in an id, would end the comment.
    text = [f"# {one_line(note)}" for note in found.notes]
    text += map(one_line, preview(found))
    text += [f"# UNSURE, check this: {one_line(what)}" for what in found.unsure]
    text += [f"# First copy it to where DVC tracks it: {one_line(copying(path))}" for path in elsewhere(found)]
    if to_paste:
        text.append(f"# {PASTE.format(how=NEXT if _has_sources() else FIRST)}")
    text += ["sources:", block(found.declared, name or found.name)]
    return "\n".join(text)


def common_start(names: list[str]) -> str:
    """Return with what all of some names begin."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same)


def elsewhere(found: Proposal) -> list[Path]:
    """Return the files of a proposal that are not in own/; a link there is in it."""
    own = (_root() / OWN).resolve()
    paths = [*(found.parts or [found.path]), *found.beside]
    return [path for path in paths if not path.parent.resolve().is_relative_to(own)]


def folder_of(path: Path) -> str:
    """Return the folder to declare of a file: that within own/ in which it lies, or own/ itself, for a copy there."""
    own, folder = (_root() / OWN).resolve(), path.parent.resolve()
    return (PurePosixPath(OWN) / folder.relative_to(own)).as_posix() if folder.is_relative_to(own) else OWN


def copying(path: Path) -> str:
    """Return the command that copies a file into own/."""
    return f"cp {shlex.quote(str(path))} {OWN}/"


def block(declared: dict[str, Any], name: str) -> str:
    """Return a declaration as YAML below `sources`."""
    text = [f"  {name}:"]
    for key, value in declared.items():
        if key in ("items", "users"):
            text += [f"    {key}:", *(f"      {inner}: {scalar(of)}" for inner, of in value.items())]
        else:
            text.append(f"    {key}: {scalar(value)}")
    return "\n".join(text)


def _root() -> Path:
    """Return the checkout, or the current folder where it is none: a file can be described anywhere."""
    try:
        return paths.root()
    except FoldinError:
        return Path.cwd()


def _has_sources() -> bool:
    """Return whether params.yaml declares any data set; not where there is no params.yaml that can be read."""
    try:
        return bool(params.sources())
    except FoldinError:
        return False


def preview(found: Proposal) -> list[str]:
    """Return the first rows as they would be read, as comments."""
    if found.read is None:
        return []
    codes = found.declared.get("missing", [])
    what = "count" if found.declared.get("feedback") == "implicit" else "rating"
    shown = []
    for row in found.read.table.head(PREVIEW).itertuples(index=False):
        day = "" if whole.is_missing(row.timestamp) else f", {whole.moment(row.timestamp)}"
        rating = "missing" if whole.is_missing(row.rating) or row.rating in codes else f"{row.rating:g}"
        shown.append(f"#   user {row.user_id}, item {row.item_id}, {what} {rating}{day}")
    return ["# The first rows as they would be read:", *shown]


def scalar(value: object) -> str:
    """Return a value of a declaration as YAML."""
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z][\w./-]*", value)
        and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    ):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {scalar(of)}" for key, of in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(scalar, value)) + "]"
    # JSON's way to write text and numbers is YAML's too.
    return json.dumps(value, ensure_ascii=False)
