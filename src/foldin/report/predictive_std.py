"""What the report says about predictive standard deviations: whether errors are as large as models predict.

Only models that average over draws have them (foldin.models.bayesian).
"""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from foldin.core import params, paths
from foldin.metrics import calibration
from foldin.report import plots, results
from foldin.report.contents import Findings
from foldin.report.markdown import listed


def models(findings: Findings) -> list[str]:
    """Return the models that predict a standard deviation for each test rating, lowest RMSE first."""
    with_stds = set().union(*(_stds(findings, family).columns for family in params.families()))
    if not with_stds:
        return []
    ranked = results.best_first(findings.board, "rmse")["model"]
    return [name for name in ranked if name in with_stds]


def _stds(findings: Findings, family: str) -> pd.DataFrame:
    file = paths.predictions(findings.dataset.name, family) / "stds.parquet"
    return pd.read_parquet(file).drop(columns=["user_id", "item_id"]) if file.is_file() else pd.DataFrame()


def groups(findings: Findings, model: str) -> pd.DataFrame:
    """Return RMSE beside predicted standard deviation in groups of test ratings; see `calibration.std_calibration`."""
    family = findings.board.set_index("model")["family"][model]
    file = paths.predictions(findings.dataset.name, family) / "ratings.parquet"
    rated = pd.read_parquet(file, columns=["rating", model])
    stds = _stds(findings, family)[model]
    return calibration.std_calibration(rated["rating"], rated[model], stds, findings.settings.calibration_bins)


def table(findings: Findings) -> pd.DataFrame:
    """Return the groups of the best such model, as the page shows them."""
    found = groups(findings, models(findings)[0])
    return pd.DataFrame(
        {
            "group": range(1, len(found) + 1),
            "test ratings": [f"{count:,}" for count in found["pairs"]],
            "predicted standard deviation": [f"{value:.4f}" for value in found["std"]],
            "RMSE": [f"{value:.4f}" for value in found["rmse"]],
            "RMSE ÷ predicted": [f"{value:.2f}" for value in found["rmse"] / found["std"]],
        }
    )


def sentences(findings: Findings) -> str:
    """Return what the page says above plot and table."""
    names = models(findings)
    return (
        f"{listed(names)} also {'predict' if len(names) > 1 else 'predicts'} a standard deviation for each rating. "
        f"Below, the test ratings are in {findings.settings.calibration_bins} groups, from the smallest to the largest "
        "predicted standard deviation. If a model is calibrated, the RMSE of a group equals it. The RMSE may be lower "
        f"near the ends of the scale, because predictions are clipped. The table is for {names[0]}:"
    )


def plot(findings: Findings) -> Figure:
    """Draw the RMSE of each group of test ratings against its predicted standard deviation, a line for each model."""
    drawn, axis = plt.subplots(figsize=(6, 4.8), constrained_layout=True)
    ends = []
    for place, name in enumerate(models(findings)):
        found = groups(findings, name)
        colour, marker = plots.COLOURS[place % len(plots.COLOURS)], plots.MARKERS[place % len(plots.MARKERS)]
        axis.plot(found["std"], found["rmse"], color=colour, marker=marker, markersize=6, lw=1.2, label=name)
        ends += [found["std"].min(), found["std"].max()]
    axis.plot([min(ends), max(ends)], [min(ends), max(ends)], color=plots.QUIET, ls="--", lw=1.5, zorder=0)
    axis.set_xlabel(f"predicted standard deviation ({findings.dataset.unit})")
    axis.set_ylabel(f"RMSE of the group ({findings.dataset.unit})")
    axis.set_title("Above the dashed line: errors are larger than predicted", fontsize=11)
    axis.legend()
    plt.close(drawn)
    return drawn
