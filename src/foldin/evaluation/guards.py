"""Guards that stop the pipeline if a metric cannot be valid. Each error says what to look for.

Other checks: test pairs in training and seen ids, in foldin.evaluation.test_part; NaN scores and known items in lists,
in foldin.evaluation.judge.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from foldin.core.errors import FoldinError
from foldin.metrics import definitions

TOLERANCE = 1e-9
"""How far a metric may lie outside its bounds by rounding."""


def flattened(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return a model's metrics without groups, under the names of foldin.metrics.definitions: `liked.f1` as `liked_f1`.

    Parameters
    ----------
    metrics : mapping
        As `judge.evaluate_model` gives them, or those of one of its groups.
    """
    found = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    for name, value in metrics.get("liked", {}).items():
        found[name if name.startswith(("true_", "false_")) else f"liked_{name}"] = value
    return found | dict(metrics.get("oracle", {})) | dict(metrics.get("other_lengths", {}))


def groups(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return a model's metrics by group: all of them under "", then those of each domain and popularity bucket."""
    found: dict[str, Mapping[str, Any]] = {"": metrics}
    for kind in ("domains", "popularity"):
        found |= {f"{kind}.{name}": inner for name, inner in metrics.get(kind, {}).items()}
    return found


def names(metrics: Mapping[str, Any]) -> set[str]:
    """Return the names of all metrics, as foldin.metrics.definitions has them: those of groups as `domains.rmse`."""
    found = set()
    for group, inner in groups(metrics).items():
        kind = group.split(".")[0]
        found |= {f"{kind}.{name}".removeprefix(".") for name in flattened(inner)}
    return found


def check_bounds(metrics: Mapping[str, Any]) -> None:
    """Refuse metrics outside the bounds of their definition, or without a definition.

    Parameters
    ----------
    metrics : mapping
        As `judge.evaluate_model` gives them.

    Raises
    ------
    FoldinError
        On the first such metric: names it, its value and its bounds.
    """
    for group, inner in groups(metrics).items():
        for name, value in flattened(inner).items():
            known = definitions.of(name)
            if not known.lowest - TOLERANCE <= value <= known.highest + TOLERANCE:
                place = f"{group}.{name}".removeprefix(".")
                raise FoldinError(
                    f"{place} is {value}, outside {known.lowest:g} to {known.highest:g}",
                    remedy="whatever computes it is wrong, or scores are not what they claim: look there first",
                )


def check_oracle(leaks: Iterable[str], explained: Mapping[str, str], dataset: str) -> None:
    """Refuse models that beat the oracle beyond sampling error, unless params.yaml explains it.

    Parameters
    ----------
    leaks : iterable of str
        Models that beat the oracle.
    explained : mapping of str to str
        `evaluation.explained` of params.yaml: model → reason.
    dataset : str
        The data set.

    Raises
    ------
    FoldinError
        When there is such a model without an explanation.
    """
    unexplained = [name for name in leaks if not explained.get(name, "").strip()]
    if unexplained:
        raise FoldinError(
            f"better than the oracle beyond sampling error: {', '.join(unexplained)} (LEAK: the test part was seen)",
            where=dataset,
            remedy="find where it got in; if you know why it is right, say so in evaluation.explained of params.yaml",
        )


def check_sampling(names: Iterable[str], *, sampled: bool, where: str) -> None:
    """Refuse ranking metrics that do not say whether their candidates are a sample.

    Parameters
    ----------
    names : iterable of str
        Names of metrics.
    sampled : bool
        Whether the split gives negatives to rank among.
    where : str
        Whose metrics they are, for the message.

    Raises
    ------
    FoldinError
        When a metric of sampled candidates bears the name of a full one, or the other way round.
    """
    for name in names:
        # AUC has no length of list, and depends on the candidates all the same.
        ranks = "_at_" in name or definitions.base(name) == "auc"
        if ranks and name.startswith(definitions.SAMPLED) != sampled:
            kinds = ("a sample of candidates", "the whole catalogue")
            was, called = kinds if sampled else kinds[::-1]
            raise FoldinError(
                f"'{name}' was computed on {was} and is named as if on {called}",
                where=where,
                remedy="make the metrics again: dvc repro; never set one beside the other",
            )
