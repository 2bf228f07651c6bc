"""What dvc.yaml and dvc.lock say: the inputs, parameters and outputs of a stage, and what its outputs were."""

import fcntl
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from foldin.core import params, paths, yaml_files
from foldin.core.errors import FoldinError

PATIENCE = 60.0
"""Seconds that another DVC may take to write dvc.lock."""


@dataclass(frozen=True)
class Declared:
    """A stage as dvc.yaml declares it, for one data set and family.

    Attributes
    ----------
    name : str
        As DVC calls it: `train@demo-als`.
    inputs : tuple of str
        Paths below the checkout, of files and folders.
    parameters : tuple of str
        Keys of params.yaml, with points between levels.
    outputs : tuple of str
        Paths below the checkout, of files and folders; metrics and plots are outputs too.
    dataset : str or None
        The data set it runs for; None for a stage that runs for all.
    """

    name: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    dataset: str | None = None


def declared(stage: str, dataset: str | None = None, family: str | None = None) -> Declared:
    """Return what dvc.yaml declares of a stage.

    Parameters
    ----------
    stage : str
        Its key in dvc.yaml, such as `user_item`.
    dataset : str, optional
        The data set it runs for, where it runs for one.
    family : str, optional
        The model family it runs for, where it runs for one.

    Raises
    ------
    FoldinError
        When dvc.yaml has no such stage.
    """
    known = _stages("dvc.yaml")
    if stage not in known:
        raise FoldinError(f"no stage '{stage}'", where="dvc.yaml", remedy=f"the stages are: {', '.join(known)}")
    return _filled(stage, known[stage], dataset, family)


def every(datasets: Sequence[str], families: Sequence[str], tuned: Sequence[str] | None = None) -> dict[str, Declared]:
    """Return what dvc.yaml declares of all its stages: name as DVC calls it → the stage, in the order of dvc.yaml.

    Parameters
    ----------
    datasets, families : sequence of str
        What params.yaml names; DVC makes a stage of each, or of each pair of them.
    tuned : sequence of str, optional
        The families that the stage `tune` is made for: those that params.yaml names unless given.
    """
    if tuned is None:
        tuned = params.read()["tune"]["families"]
    stages = [
        _filled(key, content, dataset, family)
        for key, content in _stages("dvc.yaml").items()
        for dataset in (datasets if "dataset" in content.get("matrix", {}) else [None])
        for family in _families(content.get("matrix", {}), families, tuned)
    ]
    return {stage.name: stage for stage in stages}


def _families(
    matrix: Mapping[str, str], families: Sequence[str], tuned: Sequence[str]
) -> Sequence[str] | Sequence[None]:
    if "family" not in matrix:
        return [None]
    return tuned if matrix["family"] == "${tune.families}" else families


def _filled(key: str, content: Mapping[str, Any], dataset: str | None, family: str | None) -> Declared:
    def filled(entries: Iterable[str | Mapping[str, Any]]) -> tuple[str, ...]:
        # An entry with options is a mapping of one key.
        texts = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
        for name, value in {"${item.dataset}": dataset, "${item.family}": family}.items():
            texts = [text.replace(name, value or "") for text in texts]
        return tuple(texts)

    items = "-".join(item for item in (dataset, family) if item)
    inputs, parameters = (filled(content.get(part, [])) for part in ("deps", "params"))
    outputs = filled(entry for part in ("outs", "metrics", "plots") for entry in content.get(part, []))
    return Declared(f"{key}@{items}" if items else key, inputs, parameters, outputs, dataset)


def locked(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """Return the outputs that dvc.lock knows: stage name → path → MD5 as DVC writes it.

    Parameters
    ----------
    folder : Path, optional
        The checkout; the one that the current folder is in unless given.

    Raises
    ------
    FoldinError
        When there is no dvc.lock, or it is none that DVC wrote.
    """
    file = (folder or paths.root()) / "dvc.lock"
    if not file.is_file():
        raise FoldinError("not there", where="dvc.lock", remedy="run the pipeline first: dvc repro")
    return outputs(file.read_bytes(), "dvc.lock")


def outputs(lock: bytes, where: str) -> dict[str, dict[str, str]]:
    """Return what `locked` does, of the bytes of a dvc.lock.

    Parameters
    ----------
    lock : bytes
        Its content; may be empty.
    where : str
        What a message calls it, such as `dvc.lock of HEAD~1`.

    Raises
    ------
    FoldinError
        When it is no YAML, or not as DVC writes it.
    """
    stages = yaml_files.load(lock, "dvc.lock", where=where).get("stages", {})
    try:
        return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in stages.items()}
    except (AttributeError, KeyError, TypeError):
        remedy = "restore it: git checkout dvc.lock; dvc repro"
        raise FoldinError("its stages are not as DVC writes them", where=where, remedy=remedy) from None


def recorded(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the outputs that dvc.lock knows of some stages: stage name → path → MD5 as DVC writes it.

    Parameters
    ----------
    names : iterable of str
        Stages as DVC calls them; those that dvc.lock does not know are left out.
    """
    # Old versions of DVC had another kind of MD5.
    return {
        name: {out["path"]: out["md5"] for out in stage.get("outs", []) if out.get("hash") == "md5"}
        for name, stage in entries(names).items()
    }


def entries(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what dvc.lock says of some stages, in a moment: reading all of a long dvc.lock takes seconds.

    Parameters
    ----------
    names : iterable of str
        Stages as DVC calls them; those that dvc.lock does not know are left out.

    Returns
    -------
    dict of str to dict
        Stage name → `cmd`, `deps`, `params` and `outs`, as DVC writes them.
    """
    file = paths.root() / "dvc.lock"
    with no_dvc_writing():
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = {}
    for name in names:
        entry = re.search(rf"^  (['\"]?){re.escape(name)}\1:\n(?:    .*\n|\n)*", text, re.MULTILINE)
        if entry:
            (found[name],) = YAML(typ="safe", pure=True).load(entry[0]).values()
    return found


@contextmanager
def no_dvc_writing(patience: float = PATIENCE) -> Iterator[None]:
    """Wait until no DVC writes dvc.lock, and keep any from it: it does so in place, under its repository's lock.

    Parameters
    ----------
    patience : float, optional
        Seconds to wait at most.
    """
    lock = paths.root() / ".dvc" / "tmp" / "lock"
    if not lock.is_file():
        yield
        return
    with lock.open(encoding="utf-8") as file:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            time.sleep(0.05)
        yield


_HASH = r"(?:      (?:md5|size|nfiles): .*\n)+"
_STRIP = re.compile(
    rf"(?P<before>^  strip:\n(?:    .*\n)*?    - path: notebooks\n      hash: md5\n)(?P<saved>{_HASH})"
    rf"(?P<between>(?:    .*\n)*?    - path: data/notebooks\n      hash: md5\n)(?P<stripped>{_HASH})",
    re.MULTILINE,
)


def as_stripped(lock: str) -> str:
    """Return the text of a dvc.lock as it would be had no notebook been saved with outputs: what git is to see of it.

    DVC writes the hash of notebooks/ as it is; committed, its notebooks are those of data/notebooks/, whose hash is in
    the lock as well. Where the folders hold different numbers of files, or the text is no such lock, it stays as it is.

    Parameters
    ----------
    lock : str
        The text of dvc.lock.
    """

    def mended(found: re.Match[str]) -> str:
        counts = [re.search(r"nfiles: (\d+)", found[part]) for part in ("saved", "stripped")]
        if not all(counts) or counts[0][1] != counts[1][1]:  # type: ignore[index]
            return found[0]
        return found["before"] + found["stripped"] + found["between"] + found["stripped"]

    return _STRIP.sub(mended, lock, count=1)


def _stages(name: str) -> Any:
    """Return the stages that dvc.yaml declares."""
    file = paths.root() / name
    if not file.is_file():
        raise FoldinError("not there", where=name, remedy=f"restore it: git checkout {name}")
    stages = yaml_files.load(file.read_bytes(), name).get("stages")
    if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
        raise FoldinError("declares no stages", where=name, remedy=f"restore it: git checkout {name}")
    return stages
