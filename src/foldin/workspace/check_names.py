"""Checks the names in a command before it runs: a mistyped data set or family is answered with the nearest there is."""

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry


def check_search(dataset: str, family: str, *, write: bool) -> None:
    """Refuse a search of what is not there; see `foldin.workspace.tune.run`.

    Parameters
    ----------
    dataset, family : str
        What the command names.
    write : bool
        Whether the search is to be written for `train`.

    Raises
    ------
    FoldinError
        When there is no such data set or family; when params.yaml leaves the data set out, so that no stage prepares
        it; or when the search is to be written, and params.yaml does not have it used.
    """
    if dataset not in registry.names():
        raise FoldinError(f"unknown data set '{dataset}'", remedy=_nearest(dataset, registry.names()))
    if family not in params.known_families():
        raise FoldinError(f"unknown model family '{family}'", remedy=_nearest(family, params.known_families()))
    if dataset not in params.datasets() and not paths.user_item(dataset).is_dir():
        remedy = f"add it there, then prepare it: dvc repro user_item@{dataset}"
        raise FoldinError(f"'{dataset}' is not among the data sets", where="params.yaml (datasets)", remedy=remedy)
    if write and family not in params.tuned_families():
        what = f"tune.families does not name '{family}', so that nothing would read what --write writes"
        raise FoldinError(what, where="params.yaml", remedy="add it there and run dvc repro, or leave out --write")


def _nearest(name: str, known: list[str]) -> str:
    return params.nearest(name, known).replace("valid keys are", "there are")
