"""The stage `train`: a family's notebook, run for a data set. Its models appear whole or not at all."""

from foldin import models
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
    models.family(family)
    run_notebook.run(family, dataset, command=f"train@{dataset}-{family}")
