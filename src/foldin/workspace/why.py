"""`foldin why STAGE`: what has changed since a stage last ran, so that DVC runs it again.

dvc.lock says what a stage's command, dependencies and parameters were. DVC says which dependencies differ; this module
says why: which value of params.yaml, which source file, which notebook, and which earlier stage.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.workspace import pipeline, source_lists, strip
from foldin.workspace.revision import cached

SOURCE_LISTS = "data/source/"
STRIPPED = "data/notebooks/"
THEIR_OWN = ("source", "strip")
"""Stages that run at every edit; a stage behind them runs again only where the edit reaches it, which is said of it."""


def run(stage: str) -> None:
    """Print why a stage runs again, and why the stages before it do.

    Parameters
    ----------
    stage : str
        As DVC calls it: `train@demo-als`.

    Raises
    ------
    FoldinError
        When params.yaml and dvc.yaml make no such stage.
    """
    print("\n".join(text(stage)))


def text(stage: str) -> list[str]:
    """Return the lines that `run` prints.

    Raises
    ------
    FoldinError
        When params.yaml and dvc.yaml make no such stage.
    """
    known = pipeline.every(params.datasets(), params.families())
    if stage not in known:
        remedy = params.nearest(stage, list(known))
        raise FoldinError(f"no stage '{stage}' of these data sets and families", where="dvc.yaml", remedy=remedy)
    before = _before(stage, known)
    status, lock = _status(stage), pipeline.entries([*before, stage])
    # In the order of the pipeline, so that the first cause is read first.
    found = {name: list(_reasons(known[name], lock.get(name), status.get(name, []))) for name in [*before, stage]}
    lines = [f"{stage} runs again:"] if found[stage] else []
    lines += [f"  {reason}" for reason in found[stage]]
    causes = [name for name in before if found[name]]
    if causes:
        lines += ["" if lines else f"{stage} runs again if what these stages make of the change differs:"]
        lines += ["Stages before it run again, and may change what it reads:"] if found[stage] else []
        lines += [f"  {name}: {reason}" for name in causes for reason in found[name]]
    return lines or [f"{stage} does not run again: nothing it reads has changed since it ran."]


def _before(stage: str, known: Mapping[str, pipeline.Declared]) -> list[str]:
    """Return the stages whose outputs a stage reads, directly or not, in the order of dvc.yaml."""
    reached: set[str] = set()
    waiting = [stage]
    while waiting:
        inputs = known[waiting.pop()].inputs
        makers = {
            name
            for name, each in known.items()
            if any(_overlap(out, path) for out in each.outputs for path in inputs) and name not in THEIR_OWN
        }
        waiting += makers - reached
        reached |= makers
    return [name for name in known if name in reached and name != stage]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _reasons(stage: pipeline.Declared, entry: Mapping[str, Any] | None, status: list[Any]) -> Iterator[str]:
    """Yield why a stage runs again, by its entry of dvc.lock and what DVC says."""
    if entry is None:
        yield "it has not run yet: dvc.lock does not know it"
        return
    changes: dict[str, dict[str, Any]] = {"changed deps": {}, "changed outs": {}}
    for part in status:
        if isinstance(part, dict):
            for kind, paths_of in part.items():
                changes.setdefault(kind, {}).update(paths_of)
        elif part == "changed command":
            yield "its command in dvc.yaml has changed"
    yield from _parameters(stage, entry)
    was = {dep["path"]: dep.get("md5", "") for dep in entry.get("deps", [])}
    for path in stage.inputs:
        if path.startswith(SOURCE_LISTS):
            yield from _source_files(path, was.get(path, ""))
        elif path.startswith(STRIPPED):
            if not _stripped_as(path, was.get(path, "")):
                yield f"the notebook notebooks/{path.removeprefix(STRIPPED)} was edited"
        elif path in changes["changed deps"]:
            yield f"the dependency {path} {_said(changes['changed deps'][path])}"
    for path in sorted(was.keys() - set(stage.inputs)):
        yield f"it no longer depends on {path}"
    for path, what in sorted(changes["changed outs"].items()):
        yield f"its output {path} {_said(what)}"


def _said(what: Any) -> str:
    words = {"modified": "has changed", "new": "is new to dvc.lock", "deleted": "is not there"}
    return words.get(str(what), "has changed")


def _parameters(stage: pipeline.Declared, entry: Mapping[str, Any]) -> Iterator[str]:
    recorded = dict(entry.get("params", {}).get("params.yaml", {}))
    values = params.read()
    for key in dict.fromkeys([*stage.parameters, *recorded]):
        if key not in stage.parameters:
            yield f"it no longer reads the parameter {key}"
        elif key not in recorded:
            yield f"it reads the parameter {key}, which is new to dvc.lock"
        else:
            yield from _values(key, recorded[key], _at(values, key))


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _values(key: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from _values(f"{key}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield f"the parameter {key} is {_shown(new)}; it was {_shown(old)}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _source_files(path: str, recorded: str) -> Iterator[str]:
    """Yield the source files that differ from a list of the stage `source`, as it was when the stage ran."""
    if not paths.stripped_notebook("report").parent.is_dir():
        # What a notebook imports is read off its stripped form.
        yield "notebooks are not stripped yet, so its source files are not known (dvc repro source)"
        return
    now = source_lists.lines(source_lists.stages()[path.removeprefix(SOURCE_LISTS).removesuffix(".txt")])
    if _md5("\n".join(now).encode() + b"\n") == recorded:
        return
    file = paths.root() / path
    text = file.read_bytes() if file.is_file() else b""
    if _md5(text) != recorded:  # the stage `source` has run since
        text = cached(recorded) or b""
    if not text:
        yield f"a source file has changed; which one is not known: {path} of its last run is not in DVC's cache"
        return
    old, new = _by_file(text.decode().splitlines()), _by_file(now)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            what = "is read now" if name not in old else "is read no longer" if name not in new else "was edited"
            yield f"the source file {name} {what}"


def _by_file(lines: Sequence[str]) -> dict[str, str]:
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _stripped_as(path: str, recorded: str) -> bool:
    """Return whether a notebook, its outputs taken off, is as recorded."""
    file = paths.source_notebooks() / path.removeprefix(STRIPPED)
    if not file.is_file():
        return False
    with tempfile.TemporaryDirectory() as folder:
        strip.write(Path(folder) / "stripped.ipynb", strip.stripped(strip.read(file)))
        return files.md5(Path(folder) / "stripped.ipynb") == recorded


def _status(stage: str) -> dict[str, list[Any]]:
    """Return what DVC says of a stage and those before it: name → what has changed."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(paths.root())) as repository:
            found: dict[str, list[Any]] = repository.status(targets=[stage], with_deps=True)
    except DvcException as error:
        raise FoldinError(f"DVC cannot tell: {error}", remedy="look: dvc status") from None
    return found
