"""`foldin average REV REV …`: figures averaged over commits of different folds, as k-fold results are given.

Each commit, or experiment, holds the figures of one fold; this page brings them together, from git alone.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from foldin.compare import Revision
from foldin.errors import FoldinError

SHOWN = ("rmse", "mae", "ndcg", "recall", "hit_rate")
"""The figures averaged, by name without list length."""


def run(names: Sequence[str]) -> None:
    """Print the mean and the spread over folds of every model's figures.

    Parameters
    ----------
    names : sequence of str
        Commits as git names them, or experiments as DVC names them; each of another fold.

    Raises
    ------
    FoldinError
        When there are fewer than two, one is not known, or two were judged on the same test part.
    """
    table = averages(dict(zip(names, map(Revision, names), strict=True)))
    print(table.to_markdown(index=False, disable_numparse=True))
    print(
        f"\nMean ± standard deviation over {len(names)} folds. Folds share most of what models learn from, so the "
        "deviation is smaller than that of independent data, and no interval (Bengio and Grandvalet 2004)."
    )


def averages(revisions: dict[str, Revision]) -> pd.DataFrame:
    """Return the figures of all models averaged over folds.

    Parameters
    ----------
    revisions : dict of str to Revision
        Two or more, each judged on another test part.

    Returns
    -------
    pandas.DataFrame
        Columns `data set`, `family`, `model` and one of text for each figure; models that not every revision has are
        left out, by data set in order of the names.

    Raises
    ------
    FoldinError
        When there are fewer than two, two were judged on the same test part, or they have no model in common.
    """
    if len(revisions) < 2:
        remedy = "give a commit or experiment for each fold: foldin average REV REV …"
        raise FoldinError(f"{len(revisions)} fold is no average", remedy=remedy)
    found = {name: revision.figures() for name, revision in revisions.items()}
    common = sorted(set.intersection(*(set(figures) for figures in found.values())))
    if not common:
        remedy = "run the same data sets and families for every fold"
        raise FoldinError(f"no model has figures in all of {', '.join(revisions)}", remedy=remedy)
    for dataset in dict.fromkeys(key[0] for key in common):
        _refuse_same_fold(revisions, dataset)
    rows = []
    for key in common:
        values = pd.DataFrame([figures[key] for figures in found.values()])
        shown = [name for name in values.columns if _base(name) in SHOWN]
        # A figure that one fold lacks is no average over folds.
        whole = [
            name for name in sorted(shown, key=lambda name: SHOWN.index(_base(name))) if values[name].notna().all()
        ]
        rows.append(
            dict(zip(("data set", "family", "model"), key, strict=True))
            | {name: f"{values[name].mean():.4f} ± {np.std(values[name], ddof=1):.4f}" for name in whole}
        )
    return pd.DataFrame(rows).fillna("–")


def _base(name: str) -> str:
    return name.removeprefix("sampled_").split("_at_")[0] if not name.endswith(("_se", "_sd")) else ""


def _refuse_same_fold(revisions: dict[str, Revision], dataset: str) -> None:
    folds = defaultdict(list)
    for name, revision in revisions.items():
        folds[revision.test(dataset)].append(name)
    for digest, names in folds.items():
        if digest and len(names) > 1:
            raise FoldinError(
                f"{names[0]} and {names[1]} were judged on the same test part of '{dataset}'",
                where="dvc.lock",
                remedy="give each fold once: split.fold must differ between them",
            )
