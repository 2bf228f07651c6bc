"""Keeps dvc.lock true: a stage whose inputs change while it runs fails.

DVC hashes what a stage depends on after the stage has run. An edit in between would be recorded as what the results
were made of. So every stage's inputs, parameters and source files are hashed before it runs, and again after; and it
is told what parameters it declares, so that none other can be read (`params.read_as_declared`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foldin import files, params, paths, pipeline
from foldin.errors import FoldinError

SOURCE = Path(__file__).resolve().parents[2]
"""The checkout whose source is running; its paths are in the lists of the stage `source`."""

NO_PART = {"__pycache__", ".ipynb_checkpoints"}
"""Folders that .dvcignore leaves out of what contains them."""


@contextmanager
def inputs(stage: str, dataset: str | None = None, family: str | None = None) -> Iterator[None]:
    """Watch over what a stage depends on while it runs.

    Parameters
    ----------
    stage : str
        Its key in dvc.yaml.
    dataset : str, optional
        The data set it runs for, where it runs for one.
    family : str, optional
        The model family it runs for, where it runs for one.

    Raises
    ------
    FoldinError
        When a source file is not as the stage `source` listed it, before the stage runs; or when an input, a source
        file or a parameter is another after it than before.
    """
    watched = pipeline.declared(stage, dataset, family)
    before = _fingerprints(watched)
    for path, digest in _listed(watched).items():
        if before.get(path) != digest:
            raise FoldinError(
                "edited since the stage `source` looked at it", where=path, remedy="start again: dvc repro"
            )
    os.environ[params.STAGE] = " ".join([watched.name, *watched.parameters])
    try:
        yield
    finally:
        os.environ.pop(params.STAGE)
    after = _fingerprints(watched)
    for what in sorted(before.keys() | after.keys()):
        if before.get(what) != after.get(what):
            raise FoldinError(
                f"{what} changed while {watched.name} was running",
                where=watched.name,
                remedy="its results are of neither version; run it again: dvc repro",
            )


def _fingerprints(watched: pipeline.Declared) -> dict[str, Any]:
    """Return what everything watched is now: path → SHA-256, key of params.yaml → value."""
    values = params.read()
    marks = {f"{key} of params.yaml": _value(values, key) for key in watched.parameters}
    for name in watched.inputs:
        path = paths.root() / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not NO_PART & set(file.parts):
                marks[file.relative_to(paths.root()).as_posix()] = files.sha256(file)
    for name in _listed(watched):
        if (SOURCE / name).is_file():
            marks[name] = files.sha256(SOURCE / name)
    return marks


def _value(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _listed(watched: pipeline.Declared) -> dict[str, str]:
    """Return the source files of a stage and their digests, as the stage `source` listed them; {} where it has not."""
    lists = [paths.root() / name for name in watched.inputs if Path(name).parts[:2] == ("data", "source")]
    lines = [line for file in lists if file.is_file() for line in file.read_text(encoding="utf-8").splitlines()]
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
