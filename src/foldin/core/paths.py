"""All paths of a checkout. No other module builds paths."""

import os
from functools import lru_cache
from pathlib import Path

from foldin.core.errors import FoldinError

STAGING = "FOLDIN_STAGING"
"""Names the folder that the stage which is running writes its outputs into, for its notebook's kernel as well."""


@lru_cache(maxsize=8)
def _root_above(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    raise FoldinError(
        "no foldin workspace here (no folder above holds both dvc.yaml and params.yaml)",
        where=start,
        remedy="run this inside a checkout of foldin",
    )


def root() -> Path:
    """Return the checkout that the current folder is in: the nearest one above with dvc.yaml and params.yaml.

    Raises
    ------
    FoldinError
        When no folder above is such a checkout.
    """
    return _root_above(Path.cwd().resolve())


def staged(path: Path) -> Path:
    """Return where an output is written now: while a stage runs below a folder of its own, else where it belongs.

    Parameters
    ----------
    path : Path
        Where it belongs; foldin.workspace.staging moves it there.
    """
    folder = os.environ.get(STAGING)
    path = path.absolute()
    if not folder or path.is_relative_to(Path(folder).parent) or not path.is_relative_to(root()):
        return path
    return Path(folder) / path.relative_to(root())


def scratch() -> Path | None:
    """Return the folder for temporary files of the stage that is running; None, the system's own, where none is."""
    folder = os.environ.get(STAGING)
    return Path(folder).with_name("scratch") if folder else None


def partial() -> Path:
    """Return the folder of what stages have begun: outputs on the way, and notebooks as they stopped."""
    return root() / "data" / "partial"


def params_file() -> Path:
    """Return params.yaml."""
    return root() / "params.yaml"


def raw(dataset: str) -> Path:
    """Return the folder of a data set's raw files."""
    return root() / "data" / "raw" / dataset


def clean(dataset: str) -> Path:
    """Return the folder of a data set's canonical tables."""
    return root() / "data" / "clean" / dataset


def user_item(dataset: str) -> Path:
    """Return the folder of the training part: index tables and user-item matrices."""
    return root() / "data" / "user_item" / dataset


def test(dataset: str) -> Path:
    """Return the folder of the test part, which only `evaluate` reads."""
    return root() / "data" / "test" / dataset


def models(dataset: str, family: str) -> Path:
    """Return the folder of a family's saved models, one folder each."""
    return root() / "data" / "models" / dataset / family


def reseeded(dataset: str, family: str, model: str, seed: int) -> Path:
    """Return the folder of a saved model that was fitted with another seed; see `evaluation.seeds`."""
    return models(dataset, family) / f"{model}.seed-{seed}"


def left_out(dataset: str, family: str) -> Path:
    """Return the file that says which models of a family were skipped (too large), and why; absent if none was."""
    return models(dataset, family) / "left_out.json"


def predictions(dataset: str, family: str) -> Path:
    """Return the folder of a family's test predictions, recommendations and per-user metrics."""
    return root() / "data" / "predictions" / dataset / family


def costs(dataset: str, stage: str, family: str) -> Path:
    """Return the file of what a family's models cost in a stage, `train` or `evaluate`; git and DVC know none."""
    return root() / "data" / "costs" / dataset / stage / f"{family}.json"


def source_notebooks() -> Path:
    """Return the folder of the notebooks that users edit."""
    return root() / "notebooks"


def stripped_notebook(name: str) -> Path:
    """Return a notebook without outputs: the file the pipeline runs."""
    return root() / "data" / "notebooks" / f"{name}.ipynb"


def reports(dataset: str) -> Path:
    """Return the folder of a data set's report."""
    return root() / "reports" / dataset


def account(dataset: str, name: str) -> Path:
    """Return the account that a data stage gives: `cleaning` or `split`."""
    return reports(dataset) / "accounts" / f"{name}.json"


def trials(dataset: str, family: str) -> Path:
    """Return the table of a family's trials; what was chosen is the account `tuning/<family>` beside it."""
    return reports(dataset) / "accounts" / "tuning" / f"{family}.csv"


def tuned(dataset: str, family: str) -> Path:
    """Return the file of what `tune` chose for a family, which `train` reads: empty where tuning is off."""
    return root() / "data" / "tuned" / dataset / f"{family}.json"


def trial_log(dataset: str, family: str, model: str) -> Path:
    """Return the log of a search's trials, from which a stopped search goes on; DVC does not know it."""
    return partial() / "trials" / dataset / family / f"{model}.jsonl"


def metrics(dataset: str, family: str) -> Path:
    """Return the folder of a family's headline metrics, a file for each model: `dvc metrics show` prints them."""
    return reports(dataset) / "metrics" / family


def table(dataset: str, family: str) -> Path:
    """Return the table of all of a family's test metrics in git, by model, and by model and domain."""
    return reports(dataset) / "tables" / f"{family}.json"


def validation(dataset: str, family: str) -> Path:
    """Return the folder of a family's validation metrics, a file for each model."""
    return reports(dataset) / "validation" / family


def training(dataset: str, family: str) -> Path:
    """Return the table of a family's training curves."""
    return reports(dataset) / "training" / f"{family}.csv"


def executed_notebook(dataset: str, name: str) -> Path:
    """Return an executed notebook."""
    return reports(dataset) / "notebooks" / f"{name}.ipynb"
