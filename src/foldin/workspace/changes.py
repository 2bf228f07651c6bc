"""Models tried out with other settings than those of params.yaml: a look in a notebook, which nothing is kept of.

`Workbench.try_out("als-explicit", factors=64)` fits one beside the model that the pipeline keeps; `Workbench.compare`
shows both. A change is neither saved nor written into the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.interactions import TrainingData
from foldin.models.parts.recommender import Recommender
from foldin.models.parts.validation import validate

PLACE = "try_out"
"""What messages call the place of a change."""
ABSENT = "–"


@dataclass(frozen=True)
class Tried:
    """What was found of a fitted model.

    Attributes
    ----------
    metrics : dict of str to float
        Its validation metrics.
    history : pandas.DataFrame
        A row for each epoch: `epoch`, and the metrics watched.
    epochs : int or None
        The number of epochs chosen; None for models without epochs.
    """

    metrics: dict[str, float]
    history: pd.DataFrame
    epochs: int | None


def changed(model: Recommender, settings: Mapping[str, Any], data: TrainingData) -> Recommender:
    """Return an untrained model like another, apart from some settings.

    Parameters
    ----------
    model : Recommender
        The model, trained or not; it stays as it is.
    settings : mapping of str to Any
        Setting → value.
    data : TrainingData
        What it is to be fitted on.

    Raises
    ------
    FoldinError
        When there is no such setting, a value is out of bounds, or the model becomes too large for the data.
    """
    known = list(type(model).Settings.model_fields)
    for key in settings:
        if key not in known:
            remedy = params.nearest(key, known) if known else "it has no settings"
            raise FoldinError(f"{model.name} has no setting '{key}'", where=PLACE, remedy=remedy)
    try:
        checked = params.parse(type(model).Settings, model.settings.model_dump() | dict(settings), model.name)
    except FoldinError as error:
        raise FoldinError(error.what, where=PLACE, remedy=error.remedy) from None
    made = type(model)(checked, seed=model.seed)
    made.name = f"{model.name}, {label(settings)}"
    if reason := made.too_large(data.train.n_users, data.train.n_items):
        raise FoldinError(f"{made.name} is too large: {reason}", where=PLACE, remedy="change that setting too")
    return made


def look_at(model: Recommender, data: TrainingData) -> Tried:
    """Return what is found of a model that was fitted on the train part.

    Parameters
    ----------
    model : Recommender
        The model.
    data : TrainingData
        Its validation part is what the model is judged on.
    """
    k = params.list_length()
    metrics = validate(model, data.validation, k)
    # A model fitted in one step is a curve of one point, so that every family has a table of curves.
    watched = {"validation_rmse": metrics.get("rmse"), "validation_ndcg": metrics.get(f"ndcg_at_{k}")}
    point = {"epoch": 1} | {metric: value for metric, value in watched.items() if value is not None}
    return Tried(metrics, pd.DataFrame(model.history or [point]), model.epochs)


def label(settings: Mapping[str, Any]) -> str:
    """Return what a change is called: "factors=64"; of the parts of a stack, only their names."""
    return ", ".join(
        f"{key}={' + '.join(value) if isinstance(value, Mapping) else value}" for key, value in settings.items()
    )


def metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return metrics as text with four decimals, a row for each name, and a dash where there is no such metric."""
    table = pd.DataFrame.from_dict(dict(metrics), orient="index")
    return table.map(lambda value: ABSENT if pd.isna(value) else f"{value:.4f}")


def table(tried: Mapping[str, Tried]) -> pd.DataFrame:
    """Return validation metrics of a model and its changes, a row each, and the epochs chosen where there are any.

    Parameters
    ----------
    tried : mapping of str to Tried
        What each is called → what was found.
    """
    shown = metrics_table({name: each.metrics for name, each in tried.items()}).rename_axis("settings")
    if any(each.epochs is not None for each in tried.values()):
        shown["epochs chosen"] = [ABSENT if each.epochs is None else str(each.epochs) for each in tried.values()]
    return shown


def curves(tried: Mapping[str, Tried]) -> pd.DataFrame:
    """Return training curves: columns `model`, `epoch`, `metric`, `value`, one row for each value.

    Parameters
    ----------
    tried : mapping of str to Tried
        What each is called in the column `model` → what was found.
    """
    tables = [each.history.melt("epoch", var_name="metric").dropna().assign(model=name) for name, each in tried.items()]
    return pd.concat(tables, ignore_index=True)[["model", "epoch", "metric", "value"]].astype({"epoch": int})
