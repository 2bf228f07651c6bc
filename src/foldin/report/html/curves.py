"""What the page shows of training, calibration and tuning: the points of its curves."""

from typing import Any

import numpy as np
import pandas as pd

from foldin import models
from foldin.core import params, paths
from foldin.metrics.calibration import calibration as groups_by_prediction
from foldin.report import contents, predictive_std, results, tuning
from foldin.report.contents import Findings
from foldin.report.html.columns import rounded

CHOSEN_BY = ("validation_rmse", "validation_ndcg")
"""Metrics by which epochs are chosen, the first that a model has."""


def learning(findings: Findings) -> list[dict[str, Any]]:
    """Return the training curves of models that learn in epochs, in panels of one unit each.

    The training curves do not say which epoch was used, so the mark is the epoch with the best validation metric: the
    one that early stopping uses. Models without early stopping, or with `patience: 0`, have no mark.

    Returns
    -------
    list of dict
        `model`, `epochs`, `panels` (metric, such as "rmse" → part, "train" or "validation", → values by epoch, None
        where an epoch has none), `best` (an epoch, None for models without early stopping), `by` (what it is best
        by) and `patience` (None for models without that setting).
    """
    curves = contents.training_curves(findings)
    patiences = patience(findings)
    found = []
    for model, rows in curves.groupby("model", sort=False):
        # Not pivot_table, which would average an epoch listed twice without a word.
        wide = rows.pivot(index="epoch", columns="metric", values="value")  # noqa: PD010
        panels: dict[str, dict[str, list[Any]]] = {}
        for name in wide:
            part, _, metric = str(name).partition("_")
            panels.setdefault(metric, {})[part] = [rounded(value) for value in wide[name].to_numpy(np.float64)]
        by = next((name for name in CHOSEN_BY if name in wide), None)
        best = None
        if by is not None and patiences.get(str(model)):
            values = wide[by].to_numpy(np.float64)
            best = int(wide.index[int(np.nanargmin(values) if by.endswith("rmse") else np.nanargmax(values))])
        epochs = [int(epoch) for epoch in wide.index]
        curve = {"model": str(model), "epochs": epochs, "panels": panels, "best": best, "by": by}
        found.append(curve | {"patience": patiences.get(str(model))})
    return found


def patience(findings: Findings) -> dict[str, int]:
    """Return the setting `patience` of the models that have it: of params.yaml, or as tuned. 0 is no early stopping."""
    found: dict[str, int] = {}
    for family in params.families():
        kinds = models.family_models(family)
        if any("patience" in kind.Settings.model_fields for kind in kinds.values()):
            given = params.read_as_declared(family).get(family) or {}
            found |= {name: int(given[name]["patience"]) for name in kinds if "patience" in (given.get(name) or {})}
    for name, account in tuning.accounts(findings.dataset.name).items():
        if "patience" in account["chosen"]:
            found[name] = int(account["chosen"]["patience"])
    return found


def calibration(findings: Findings) -> dict[str, dict[str, Any]]:
    """Return actual minus predicted ratings in groups by predicted rating, and errors by predicted standard deviation.

    Returns
    -------
    dict of str to dict
        Rating model → `predicted`, `off` (mean actual minus mean predicted) and `pairs`, a value for each group; where
        the model has predictive standard deviations also `std` and `rmse`: see `metrics.calibration.std_calibration`.
    """
    if findings.best_rater is None:
        return {}
    ranked, found = results.best_first(findings.board, "rmse"), {}
    with_std = predictive_std.models(findings)
    for family, rows in ranked.groupby("family", sort=True):
        file = paths.predictions(findings.dataset.name, str(family)) / "ratings.parquet"
        table = pd.read_parquet(file, columns=["rating", *rows["model"]])
        for model in rows["model"]:
            groups = groups_by_prediction(table["rating"], table[model], findings.settings.calibration_bins)
            found[str(model)] = {
                "predicted": _list(groups["predicted"]),
                "off": _list(groups["actual"] - groups["predicted"]),
                "pairs": [int(count) for count in groups["pairs"]],
            }
            if model in with_std:
                stds = predictive_std.groups(findings, str(model))
                found[str(model)] |= {"std": _list(stds["std"]), "rmse": _list(stds["rmse"])}
    return found


def _list(values: "pd.Series[float]") -> list[Any]:
    return [rounded(value) for value in values.to_numpy(np.float64)]


def trials(findings: Findings) -> list[dict[str, Any]]:
    """Return the trials of every model whose settings were searched; none where tuning is off.

    Returns
    -------
    list of dict
        `model`, `label` (what the search went by), `direction`, `before` (the metric with the settings of params.yaml,
        None without one), `trial`, `value` (None for a trial without a result) and `best` (so far).
    """
    name = findings.dataset.name
    accounts = tuning.accounts(name)
    if not accounts:
        return []
    tuned = [family for family in params.families() if family in params.tuned_families()]
    tables = [pd.read_csv(paths.trials(name, family)) for family in tuned]
    rows, found = pd.concat(tables, ignore_index=True), []
    for model, account in accounts.items():
        own = rows[rows["model"] == model]
        found.append(
            {
                "model": model,
                "label": tuning.label(account),
                "direction": -1 if account["metric"] == "rmse" else 1,
                "before": rounded(account["value_of_params"]),
                "trial": [int(number) for number in own["trial"]],
                "value": _list(own["value"]),
                "best": _list(own["best"]),
            }
        )
    return found


def abouts() -> dict[str, str]:
    """Return each model's description of itself."""
    return {name: kind.about for family in params.families() for name, kind in models.family_models(family).items()}
