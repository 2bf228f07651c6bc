"""The house style of plots: labelled, readable at half size, colour-blind safe, and stable to the byte."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foldin.core import files

# Okabe and Ito (2008), ordered so that neighbours differ in lightness as well: readable without colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
QUIET = "#666666"

METRIC_LABELS = {
    "train_rmse": "train RMSE (rating units)",
    "validation_rmse": "validation RMSE (rating units)",
    "train_loss": "train loss",
    "train_objective": "objective for each train rating",
    "validation_ndcg": "validation NDCG@k (0 to 1)",
}


def style() -> None:
    """Set the house style for every plot that follows; the first call of every notebook that draws."""
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#dddddd",
            "font.size": 12,
            "axes.titlesize": 13,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "savefig.dpi": 150,
            "svg.hashsalt": "foldin",
            "text.parse_math": False,  # a name with two dollar signs is no formula
            "legend.frameon": False,
            "lines.linewidth": 2.0,
        }
    )


def save(figure: Figure, path: Path) -> None:
    """Write a plot as PNG or SVG with bytes that depend on nothing but what it shows, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The plot.
    path : Path
        Where to; the ending chooses the format.
    """
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with files.whole_file(path) as unfinished:
        figure.savefig(unfinished, format=path.suffix[1:], metadata=metadata, bbox_inches="tight")
    plt.close(figure)


def _finished(figure: Figure) -> Figure:
    # Jupyter shows every open plot after a cell, and the cell's value once more: close it, show it once.
    plt.close(figure)
    return figure


def learning_curves(history: pd.DataFrame) -> Figure:
    """Draw training curves: a panel for each metric watched, a line for each model.

    Parameters
    ----------
    history : pandas.DataFrame
        Columns `model`, `epoch`, `metric`, `value`, as `Workbench.history` gives them.
    """
    watched = [name for name in METRIC_LABELS if name in set(history["metric"])]
    watched += sorted(set(history["metric"]) - set(watched))
    figure, axes = plt.subplots(
        1, len(watched), figsize=(5.2 * len(watched), 3.8), squeeze=False, constrained_layout=True
    )
    names = list(dict.fromkeys(history["model"]))
    for axis, quantity in zip(axes[0], watched, strict=True):
        for place, name in enumerate(names):
            curve = history[(history["metric"] == quantity) & (history["model"] == name)]
            if len(curve):
                axis.plot(
                    curve["epoch"],
                    curve["value"],
                    color=COLOURS[place % len(COLOURS)],
                    marker=MARKERS[place % len(MARKERS)],
                    markersize=5,
                    label=name,
                )
        axis.set_xlabel("epoch (passes over the ratings)")
        axis.set_ylabel(METRIC_LABELS.get(quantity, quantity.replace("_", " ")))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return _finished(figure)


def quarters(counts: npt.ArrayLike) -> "pd.Series[str]":
    """Return in which quarter each count lies, equal ones by their order, as bars are labelled.

    Parameters
    ----------
    counts : array_like of int, shape (n,)
        Numbers of ratings, at least one; fewer than four leave quarters empty.

    Returns
    -------
    pandas.Series of category
        "fewest", "few", "many" or "most".
    """
    labels = ["fewest", "few", "many", "most"]
    ranks = pd.Series(counts).rank(method="first")
    if len(ranks) == 1:
        return pd.Series(pd.Categorical(labels[:1], labels, ordered=True))
    return pd.qcut(ranks, 4, labels=labels)


def bars(values: pd.Series, label: str) -> Figure:
    """Draw horizontal bars, the first on top.

    Parameters
    ----------
    values : pandas.Series of float
        Bar lengths; the index names them.
    label : str
        What the length is, with its unit.
    """
    height = 1.0 + 0.36 * len(values)
    figure, axis = plt.subplots(figsize=(7, height), constrained_layout=True)
    axis.barh(np.arange(len(values)), values.to_numpy(), color=COLOURS[0])
    axis.set_yticks(np.arange(len(values)), [str(name) for name in values.index])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(label)
    return _finished(figure)


def lines(curves: pd.DataFrame, label: str) -> Figure:
    """Draw a line for each column over the table's index, whose name labels the x axis.

    Parameters
    ----------
    curves : pandas.DataFrame of float
        A line for each column; NaN where it has no value.
    label : str
        What the values are, with their unit.
    """
    figure, axis = plt.subplots(figsize=(6.4, 3.8), constrained_layout=True)
    for place, name in enumerate(curves):
        values = curves[name].dropna()
        axis.plot(values.index, values, color=COLOURS[place % len(COLOURS)], label=str(name))
    axis.set_xlabel(str(curves.index.name))
    axis.set_ylabel(label)
    axis.legend()
    return _finished(figure)


def ranked(
    axis: Axes,
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    *,
    label: str,
    marked: Sequence[str] = (),
    tied: Sequence[str] = (),
    line_at: str | None = None,
) -> None:
    """Draw metrics of models as dots with their intervals, the first on top.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where to draw.
    names : sequence of str
        Models, best first.
    values : sequence of float
        Their metrics.
    intervals : sequence of tuple of float
        The lower and the upper end of each one's interval.
    label : str
        What the metric is, with its unit and which way is better.
    marked : sequence of str
        Models drawn hollow and grey: references, not contenders.
    tied : sequence of str
        The best model and its ties.
    line_at : str, optional
        The model whose value is drawn as a dashed line through all rows: the ceiling.
    """
    for row, (name, value, (low, high)) in enumerate(zip(names, values, intervals, strict=True)):
        reference = name in marked
        colour = COLOURS[5] if name in tied else QUIET if reference else COLOURS[0]
        axis.errorbar(
            value,
            row,
            xerr=[[max(value - low, 0)], [max(high - value, 0)]],
            fmt="o",
            markersize=7,
            capsize=3,
            color=colour,
            markerfacecolor="white" if reference else colour,
        )
        if name == line_at:
            axis.axvline(value, color=QUIET, linestyle="--", linewidth=1.5, zorder=0)
    axis.set_yticks(range(len(names)), list(names))
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlabel(label)
