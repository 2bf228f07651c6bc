"""Keeps dvc.lock true: a stage whose inputs change while it runs fails, and leaves no output.

DVC hashes what a stage depends on after the stage has run, so it would record an edit in between as the stage's input.
Therefore every stage's inputs, parameters and source files are hashed before it runs, and again after; only then are
its outputs moved into place (foldin.workspace.staging). Its inputs must also be those that dvc.lock records
(foldin.workspace.check_inputs). The stage may read only the parameters that it declares (`params.read_as_declared`),
and it ends when the DVC that started it does (foldin.workspace.end_with_parent).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.workspace import check_inputs, end_with_parent, pipeline, staging

SOURCE = Path(__file__).resolve().parents[3]
"""The checkout whose source is running; its paths are in the lists of the stage `source`."""


@contextmanager
def inputs(stage: str, dataset: str | None = None, family: str | None = None) -> Iterator[None]:
    """Watch over a stage while it runs: it runs alone, and its outputs are of the inputs that were there all along.

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
        Before the stage runs, when another process runs it, a source file is not as the stage `source` listed it, or an
        input is not as dvc.lock records it; or when an input, a source file or a parameter is another after the stage
        than before.
    """
    end_with_parent.end_stage_with_it()
    watched = pipeline.declared(stage, dataset, family)
    with staging.only_run(watched.name) as run:
        with _unchanged(watched), staging.outputs(run):
            yield
        staging.publish(run, watched.outputs)


@contextmanager
def _unchanged(watched: pipeline.Declared) -> Iterator[None]:
    before = _fingerprints(watched)
    for path, digest in _listed(watched).items():
        if before.get(path) != digest:
            raise FoldinError(
                "edited since the stage `source` looked at it", where=path, remedy="start again: dvc repro"
            )
    check_inputs.check(watched, before)
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
    """Return what everything watched is now: path → MD5, or SHA-256 of a source file; key of params.yaml → value."""
    values = params.read()
    marks = {f"{key} of params.yaml": _value(values, key) for key in watched.parameters}
    for name in watched.inputs:
        for file in check_inputs.members(paths.root() / name):
            marks[file.relative_to(paths.root()).as_posix()] = files.md5(file)
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
