"""What dvc.yaml and dvc.lock say: the inputs and parameters of a stage, and what its outputs were."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from foldin import paths
from foldin.errors import FoldinError


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
    """

    name: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]


def declared(stage: str, dataset: str, family: str | None = None) -> Declared:
    """Return what dvc.yaml declares of a stage.

    Parameters
    ----------
    stage : str
        Its key in dvc.yaml, such as `user_item`.
    dataset : str
        The data set it runs for.
    family : str, optional
        The model family it runs for.

    Raises
    ------
    FoldinError
        When dvc.yaml has no such stage.
    """
    known = _yaml("dvc.yaml")["stages"]
    if stage not in known:
        raise FoldinError(f"no stage '{stage}'", where="dvc.yaml", remedy=f"the stages are: {', '.join(known)}")

    def filled(texts: list[str]) -> tuple[str, ...]:
        values = {"${item.dataset}": dataset, "${item.family}": family or ""}
        for name, value in values.items():
            texts = [text.replace(name, value) for text in texts]
        return tuple(texts)

    name = "-".join(["${item.dataset}", *(["${item.family}"] if family else [])])
    inputs, parameters = (filled(known[stage].get(key, [])) for key in ("deps", "params"))
    return Declared(f"{stage}@{filled([name])[0]}", inputs, parameters)


def locked(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """Return the outputs that dvc.lock knows: stage name → path → MD5 as DVC writes it.

    Parameters
    ----------
    folder : Path, optional
        The checkout; the one that the current folder is in unless given.

    Raises
    ------
    FoldinError
        When there is no dvc.lock.
    """
    stages = _yaml("dvc.lock", folder)["stages"]
    return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in stages.items()}


def _yaml(name: str, folder: Path | None = None) -> Any:
    file = (folder or paths.root()) / name
    if not file.is_file():
        raise FoldinError("not there", where=name, remedy="run the pipeline first: dvc repro")
    return YAML(typ="safe", pure=True).load(file)
