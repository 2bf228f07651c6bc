"""The stage `train`: a family's notebook, run for a data set. Its models appear whole or not at all."""

import pandas as pd

from foldin import models
from foldin.core import costs, files, interactions, paths
from foldin.core.progress import say
from foldin.workspace import run_notebook


def run(dataset: str, family: str) -> None:
    """Execute notebooks/<family>.ipynb for a data set; it saves models, curves and validation metrics.

    Parameters
    ----------
    dataset : str
        The data set, whose stage `user_item` has run.
    family : str
        The model family.

    Raises
    ------
    FoldinError
        When the family's parameters are wrong, or a cell fails.
    """
    every = models.family(family, models.chosen(dataset, family))
    left_out = models.left_out(every, interactions.load(dataset).train)
    if len(left_out) == len(every):
        _skip(dataset, family, left_out)
        return
    run_notebook.run(family, dataset, command=f"train@{dataset}-{family}")


def _skip(dataset: str, family: str, reasons: dict[str, str]) -> None:
    """Write what a family's notebook would, of no models, so that the comparison goes on without the family."""
    for name, reason in reasons.items():
        say(f"{dataset}: {name} is skipped (too large): {reason}")
    files.write_json(paths.left_out(dataset, family), reasons)
    files.write_csv(paths.training(dataset, family), pd.DataFrame(columns=["model", "epoch", "metric", "value"]))
    with files.whole_folder(paths.validation(dataset, family)):
        pass
    costs.write(dataset, "train", family, {})
    lines = [f"- `{name}`: {reason}" for name, reason in reasons.items()]
    title = f"# {family}: all models are skipped (too large) on {dataset}"
    run_notebook.write_note(family, dataset, "\n".join([title, "", *lines]))
