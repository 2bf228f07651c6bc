"""Puts a proposal into params.yaml, every comment and line of it kept: `foldin describe own/ratings.csv --write`."""

import json
import re

from foldin.core import files, paths, yaml_files
from foldin.core.errors import FoldinError
from foldin.datasets.own import printed
from foldin.datasets.own.declared import NAME, OWN

BY_HAND = "paste it by hand"


def write(found: printed.Proposal, name: str | None = None) -> str:
    """Write a declaration under `sources`, and its name under `datasets` if nothing about it is unsure.

    Parameters
    ----------
    found : Proposal
        What to write.
    name : str, optional
        The name of the data set; from that of the file without it.

    Returns
    -------
    str
        What was done and what is left to do, in one line.

    Raises
    ------
    FoldinError
        When the file is not in own/, the name is taken, or params.yaml is written in a way that cannot be edited.
    """
    name = name or found.name
    if not NAME.fullmatch(name):
        raise FoldinError(f"'{name}' would make a bad folder", remedy="use small letters, digits, '-', '_' and '.'")
    for path in printed.elsewhere(found):
        raise FoldinError(
            f"it is not in the folder {OWN}/, which DVC tracks",
            where=path,
            remedy=f"copy it first: {printed.copying(path)}",
        )
    file = paths.params_file()
    text = file.read_text(encoding="utf-8")
    before = yaml_files.load(text, file.name)
    sources, listed = before.get("sources"), before.get("datasets")
    if not isinstance(sources, dict) or not isinstance(listed, list):
        raise FoldinError("sources or datasets is not as it must be", where=file.name, remedy="restore it")
    if name in sources and sources[name] != found.declared:
        what = f"sources already has another '{name}'"
        raise FoldinError(what, where=file.name, remedy="remove it there, or give this one a name with --name")
    after = dict(before)
    if name not in sources:
        text = _with_source(text, name, found)
        after["sources"] = {**sources, name: found.declared}
    sure = not found.unsure
    if sure and name not in listed:
        text = _with_dataset(text, name)
        after["datasets"] = [*listed, name]
    if yaml_files.load(text, file.name) != after:
        raise FoldinError(
            "sources or datasets is written in a way that is not edited here", where=file.name, remedy=BY_HAND
        )
    files.write_text(file, text)
    if sure:
        return f"params.yaml: {name} is in sources and datasets; next: dvc repro"
    points = f"{len(found.unsure)} point{'s' if len(found.unsure) > 1 else ''}"
    return (
        f"params.yaml: {name} is in sources; check the {points} marked UNSURE, add {name} to datasets, then: dvc repro"
    )


def _with_source(text: str, name: str, found: printed.Proposal) -> str:
    block = printed.block(found.declared, name)
    empty = re.compile(r"^sources:[ \t]*\{\s*\}[ \t]*(#.*)?$", re.MULTILINE)
    if empty.search(text):
        return empty.sub(lambda _: "sources:\n" + block, text, count=1)
    opened = re.search(r"^sources:[ \t]*(#.*)?\n", text, re.MULTILINE)
    if opened is None:
        raise FoldinError("sources is not written as a block of lines", where="params.yaml", remedy=BY_HAND)
    # The block ends with its last line that is indented.
    end = opened.end()
    for line in re.finditer(r"[^\n]*\n?", text[opened.end() :]):
        if line.group().strip() and not line.group().startswith((" ", "\t")):
            break
        if line.group().strip() and not line.group().lstrip().startswith("#"):
            end = opened.end() + line.end()
        if not line.group():
            break
    lead = "" if text[:end].endswith("\n") else "\n"
    return text[:end] + lead + block + "\n" + text[end:]


def _with_dataset(text: str, name: str) -> str:
    flow = re.search(r"^datasets:[ \t]*\[([^\]\n]*)\]", text, re.MULTILINE)
    if flow:
        inside = flow.group(1).strip()
        return text[: flow.start(1)] + (f"{inside}, {name}" if inside else name) + text[flow.end(1) :]
    listed = re.search(r"^datasets:[ \t]*(#.*)?\n((?:[ \t]*- .*\n)+)", text, re.MULTILINE)
    if listed is None:
        raise FoldinError("datasets is not written as a list", where="params.yaml", remedy=BY_HAND)
    indent = re.match(r"[ \t]*", listed.group(2)).group()  # type: ignore[union-attr]
    return text[: listed.end()] + f"{indent}- {json.dumps(name)}\n" + text[listed.end() :]
