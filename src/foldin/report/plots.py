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
BEST = COLOURS[5]
WIDTH = 5.2
"""Inches of a plot that stays readable on a phone: twice the pixels of a screen of 390."""

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
    """Draw training curves: a panel for each quantity, a colour for each model; train solid, validation dashed.

    Parameters
    ----------
    history : pandas.DataFrame
        Columns `model`, `epoch`, `metric`, `value`, as `Workbench.history` gives them. `train_rmse` and
        `validation_rmse` share a panel, and so does any such pair.
    """
    watched = [name for name in METRIC_LABELS if name in set(history["metric"])]
    watched += sorted(set(history["metric"]) - set(watched))
    panels: dict[str, list[str]] = {}
    for metric in watched:
        panels.setdefault(metric.removeprefix("train_").removeprefix("validation_"), []).append(metric)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5.6 * len(panels), 3.8), squeeze=False, constrained_layout=True
    )
    names = list(dict.fromkeys(history["model"]))
    for axis, pair in zip(axes[0], panels.values(), strict=True):
        both = len(pair) > 1
        for metric in pair:
            _curves(axis, history[history["metric"] == metric], names, dashed=both and metric.startswith("validation_"))
        axis.set_xlabel("epoch (passes over the ratings)")
        axis.set_ylabel(_panel_label(pair))
        axis.xaxis.get_major_locator().set_params(integer=True)
        handles = {str(line.get_label()): line for line in reversed(axis.get_lines())}
        shown = [handles[name] for name in names if name in handles]
        parts = [axis.plot([], [], color=QUIET, ls=style)[0] for style in ("-", "--")] if both else []
        labels = [str(line.get_label()) for line in shown] + (["train", "validation"] if both else [])
        # Above the curves, which leave no corner free.
        axis.legend([*shown, *parts], labels, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small")
    return _finished(figure)


def _curves(axis: Axes, curves: pd.DataFrame, names: Sequence[str], *, dashed: bool) -> None:
    """Draw one metric's curves; a model keeps its colour and marker in all panels."""
    for place, name in enumerate(names):
        curve = curves[curves["model"] == name]
        if len(curve):
            axis.plot(
                curve["epoch"],
                curve["value"],
                color=COLOURS[place % len(COLOURS)],
                ls="--" if dashed else "-",
                marker=MARKERS[place % len(MARKERS)],
                markersize=5,
                label=name,
            )


def _panel_label(metrics: Sequence[str]) -> str:
    """Return what a panel's values are: without the part's name, where train and validation share the panel."""
    text = METRIC_LABELS.get(metrics[0], metrics[0].replace("_", " "))
    return text.removeprefix("train ").removeprefix("validation ") if len(metrics) > 1 else text


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
