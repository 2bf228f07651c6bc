"""What the report shows of training: a panel for each model that learns in epochs, with its best epoch marked."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from foldin.report import plots
from foldin.report.contents import Findings
from foldin.report.html import curves
from foldin.report.markdown import listed

COLUMNS = 2
LOOKS: dict[str, dict[str, Any]] = {
    "train": {"color": plots.COLOURS[0], "linestyle": "-"},
    "validation": {"color": plots.COLOURS[1], "linestyle": "--"},
}
MARK: dict[str, Any] = {"color": plots.BEST, "marker": "D", "markersize": 7, "linestyle": "none"}


def learned(findings: Findings) -> list[dict[str, Any]]:
    """Return the models with a validation metric for each epoch; see `curves.learning`."""
    return [curve for curve in curves.learning(findings) if curve["by"] is not None]


def sentences(findings: Findings) -> str:
    """Return what the mark of a panel means, and which models have `patience: 0`."""
    endless = [f"`{curve['model']}`" for curve in learned(findings) if curve["patience"] == 0]
    said = "Early stopping uses the epoch with the best validation value, the diamond. "
    if endless:
        said += f"{listed(endless)} {'have' if len(endless) > 1 else 'has'} `patience: 0`, which is no early stopping. "
    return f"{said}Models without early stopping have no diamond, and use the last epoch."


def plot(findings: Findings) -> Figure | None:
    """Draw, by epoch, RMSE on train and validation part, or validation NDCG where it chooses the epoch.

    Each panel has its own axes. The mark is the best validation value of a model that stops early; the title of a
    model with `patience: 0` says that it does not.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no model learns in epochs.
    """
    shown = learned(findings)
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    size = (plots.WIDTH, 1.7 * rows + 1.2)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, constrained_layout=True)
    for axis, curve in zip(axes.flat, shown, strict=False):
        _draw(axis, curve, findings.k)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    handles = [Line2D([], [], label=name, **look) for name, look in LOOKS.items()]
    handles.append(Line2D([], [], label="best validation value", **MARK))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=10, columnspacing=1.2)
    ndcg = f"; NDCG@{findings.k}: 0 to 1" if any(curve["by"].endswith("ndcg") for curve in shown) else ""
    figure.suptitle(f"RMSE in {findings.dataset.unit}{ndcg}", fontsize=11)
    plt.close(figure)
    return figure


def _draw(axis: Axes, curve: dict[str, Any], k: int) -> None:
    metric = curve["by"].removeprefix("validation_")
    parts = curve["panels"][metric]
    for name, look in LOOKS.items():
        if name in parts:
            known = [
                (epoch, value) for epoch, value in zip(curve["epochs"], parts[name], strict=True) if value is not None
            ]
            axis.plot(*zip(*known, strict=True), lw=1.8, **look)
    if curve["best"] is not None:
        axis.plot(curve["best"], parts["validation"][curve["epochs"].index(curve["best"])], **MARK)
    axis.margins(y=0.12)  # room for the mark
    axis.set_title(curve["model"] + (": no early stopping" if curve["patience"] == 0 else ""), fontsize=11)
    axis.set_xlabel("epoch", fontsize=10)
    axis.set_ylabel(metric.upper() + (f"@{k}" if metric == "ndcg" else ""), fontsize=10)
    axis.tick_params(labelsize=10)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4))
