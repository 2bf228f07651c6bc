"""`foldin average REV REV …`: metrics averaged over commits of different folds, as k-fold results are reported.

Each commit, or experiment, has the metrics of one fold; this command combines them, from git alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from foldin.core import yaml_files
from foldin.core.errors import FoldinError
from foldin.workspace.revision import Revision

SHOWN = ("rmse", "mae", "ndcg", "recall", "hit_rate")
"""The metrics averaged, by name without list length."""


class SplitAccount(NamedTuple):
    """How a revision's test part was split off: its protocol; where that has folds, which, of how many, by which seed.

    What the revision does not say is None; official folds have no number of them, and no seed.
    """

    protocol: str | None = None
    fold: int | None = None
    folds: int | None = None
    seed: int | None = None


def run(names: Sequence[str]) -> None:
    """Print the mean and the spread over folds of every model's metrics.

    Parameters
    ----------
    names : sequence of str
        Commits as git names them, or experiments as DVC names them; each of another fold.

    Raises
    ------
    FoldinError
        When there are fewer than two, one is not known, two have the same test part, or they were split off
        by different protocols.
    """
    revisions = dict(zip(names, map(Revision, names), strict=True))
    table = averages(revisions)
    print(table.to_markdown(index=False, disable_numparse=True))
    print()
    for dataset in table["data set"].unique():
        print(f"{dataset}: {_which([split_account(revision, dataset) for revision in revisions.values()])}")
    print(
        f"\nMean ± standard deviation over {len(names)} test parts. Folds share most of what models learn from, so the "
        "deviation is smaller than that of independent data, and no interval (Bengio and Grandvalet 2004)."
    )


def averages(revisions: dict[str, Revision]) -> pd.DataFrame:
    """Return the metrics of all models averaged over folds.

    Parameters
    ----------
    revisions : dict of str to Revision
        Two or more, each with another test part.

    Returns
    -------
    pandas.DataFrame
        Columns `data set`, `family`, `model` and one of text for each metric; models that not every revision has are
        left out, by data set in order of the names.

    Raises
    ------
    FoldinError
        When there are fewer than two, two have the same test part, their protocols differ,
        or they have no model in common.
    """
    if len(revisions) < 2:
        remedy = "give a commit or experiment for each fold: foldin average REV REV …"
        raise FoldinError(f"{len(revisions)} fold is no average", remedy=remedy)
    found = {name: revision.metrics() for name, revision in revisions.items()}
    common = sorted(set.intersection(*(set(metrics) for metrics in found.values())))
    if not common:
        remedy = "run the same data sets and families for every fold"
        raise FoldinError(f"no model has metrics in all of {', '.join(revisions)}", remedy=remedy)
    for dataset in dict.fromkeys(key[0] for key in common):
        _refuse_same_fold(revisions, dataset)
        _refuse_mixed(revisions, dataset)
    rows = []
    for key in common:
        values = pd.DataFrame([metrics[key] for metrics in found.values()])
        shown = [name for name in values.columns if _base(name) in SHOWN]
        # A metric that one fold lacks is no average over folds.
        whole = [
            name for name in sorted(shown, key=lambda name: SHOWN.index(_base(name))) if values[name].notna().all()
        ]
        rows.append(
            dict(zip(("data set", "family", "model"), key, strict=True))
            | {name: f"{values[name].mean():.4f} ± {np.std(values[name], ddof=1):.4f}" for name in whole}
        )
    return pd.DataFrame(rows).fillna("–")


def split_account(revision: Revision, dataset: str) -> SplitAccount:
    """Return how a revision split off a data set's test part, by the account of its split and its params.yaml."""
    account = revision.read_json(f"reports/{dataset}/accounts/split.json")
    given = SplitAccount(account.get("protocol"), account.get("fold"))
    if given.protocol != "k_fold":
        return given
    read = yaml_files.load(revision.read("params.yaml") or b"", "params.yaml", where=revision.called("params.yaml"))
    asked = read.get("split") or {}
    return given._replace(folds=asked.get("folds"), seed=asked.get("seed"))


def _which(parts: Sequence[SplitAccount]) -> str:
    """Return which folds there are of how many, or that there are none."""
    numbers = sorted(part.fold for part in parts if part.fold is not None)
    protocol, folds = parts[0].protocol or "unknown", parts[0].folds
    if len(numbers) < len(parts):
        return f"{len(parts)} test parts, which are no folds of one another (protocol {protocol})"
    listed = ", ".join(map(str, numbers))
    if folds is None:
        return f"folds {listed} (protocol {protocol})"
    missing = "" if len(numbers) == folds else ": no model was tested on the other folds"
    return f"{len(numbers)} of {folds} folds, {listed} (protocol {protocol}){missing}"


def _base(name: str) -> str:
    return name.removeprefix("sampled_").split("_at_")[0] if not name.endswith(("_se", "_sd")) else ""


def _refuse_same_fold(revisions: dict[str, Revision], dataset: str) -> None:
    folds = defaultdict(list)
    for name, revision in revisions.items():
        folds[revision.test(dataset)].append(name)
    for digest, names in folds.items():
        if digest and len(names) > 1:
            raise FoldinError(
                f"{names[0]} and {names[1]} have the same test part of '{dataset}'",
                where="dvc.lock",
                remedy="give each fold once: split.fold must differ between them",
            )


def _refuse_mixed(revisions: dict[str, Revision], dataset: str) -> None:
    """Refuse test parts of different protocols or partitions, and a fold given twice, however it was cleaned."""
    (first, of_first), *others = ((name, split_account(revision, dataset)) for name, revision in revisions.items())
    seen = {of_first.fold: first}
    for name, part in others:
        for what in ("protocol", "folds", "seed"):
            mine, theirs = getattr(part, what), getattr(of_first, what)
            if mine != theirs:
                raise FoldinError(
                    f"split.{what} is {theirs} in {first} and {mine} in {name}",
                    where=f"reports/{dataset}/accounts/split.json" if what == "protocol" else "params.yaml",
                    remedy="average folds of one split; others overlap, or answer another question",
                )
        if part.fold is not None and part.fold in seen:
            raise FoldinError(
                f"{seen[part.fold]} and {name} both hold out fold {part.fold} of '{dataset}'",
                where=f"reports/{dataset}/accounts/split.json",
                remedy="give each fold once: split.fold must differ between them",
            )
        seen[part.fold] = name
