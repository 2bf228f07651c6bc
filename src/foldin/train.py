"""The stage `train`: a family's notebook, run for a data set. Its models appear whole or not at all."""

import shutil

from foldin import models, paths, runner


def run(dataset: str, family: str) -> None:
    """Execute notebooks/<family>.ipynb for a data set; it saves models, curves and validation figures.

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
    # What an interrupted or older run left must not be taken for this run's.
    shutil.rmtree(paths.models(dataset, family), ignore_errors=True)
    runner.run(family, dataset, command=f"train@{dataset}-{family}")
