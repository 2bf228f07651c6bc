"""The plots of the gallery of traps."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from foldin import metrics
from foldin.core.interactions import FloatArray
from foldin.report import plots
from foldin.traps.training import S5_TEST, S5_TRAIN, l2_of


def sampled_plot(hits: pd.DataFrame) -> Figure:
    """Draw the two hit rates of `sampled_candidates` beside each other, a row for each model."""
    figure, axis = plt.subplots(figsize=(6.8, 3.4), constrained_layout=True)
    names = list(hits.index.get_level_values("what"))
    for place, column in enumerate(hits):
        axis.plot(hits[column], range(len(names)), plots.MARKERS[place], markersize=9, label=str(column))
    axis.hlines(range(len(names)), hits.min(axis=1), hits.max(axis=1), color=plots.QUIET, linewidth=1, zorder=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("share of users with a hit")
    axis.legend(fontsize=10, loc="upper right")
    plt.close(figure)
    return figure


def splits_plot(runs: Mapping[float, pd.DataFrame]) -> Figure:
    """Draw test against train loss of every split of the example, without and with L2, and the published pair."""
    figure, axis = plt.subplots(figsize=(6.4, 4.2), constrained_layout=True)
    for place, (l2, losses) in enumerate(runs.items()):
        name = f"{l2_of(l2)}, {len(losses)} splits"
        axis.scatter(losses["train"], losses["test"], s=16, alpha=0.6, marker=plots.MARKERS[place], label=name)
    axis.plot(S5_TRAIN, S5_TEST, "*", color=plots.COLOURS[6], markersize=16, label="published, one split")
    axis.set(xscale="log", yscale="log", xlabel="train loss (squared rating units)", ylabel="test loss")
    axis.set(xlim=(1e-7, 10), ylim=(1e-3, 1e3))
    axis.legend(loc="lower left", fontsize=10)
    plt.close(figure)
    return figure


def batch_plot(curves: pd.DataFrame, chosen: int) -> Figure:
    """Draw the RMSE of batch means against the size of the batch, and the size that the table has."""
    figure, axis = plt.subplots(figsize=(6.4, 4.0), constrained_layout=True)
    for place, name in enumerate(curves):
        axis.plot(curves.index, curves[name], marker=plots.MARKERS[place], label=str(name))
    axis.axvline(chosen, color=plots.QUIET, linestyle="--", linewidth=1.5, label="batch of the table")
    axis.set(xscale="log", yscale="log", xlabel=str(curves.index.name), ylabel="RMSE of the means (rating units)")
    axis.legend(fontsize=10)
    plt.close(figure)
    return figure


def epochs_plot(actual: FloatArray, by_epochs: FloatArray) -> Figure:
    """Draw the RMSE on two halves of the held-out ratings by epoch, the best epoch of each marked."""
    halves = {"half that chooses": slice(0, None, 2), "other half": slice(1, None, 2)}
    figure, axis = plt.subplots(figsize=(6.4, 3.8), constrained_layout=True)
    for place, (name, part) in enumerate(halves.items()):
        curve = [metrics.rmse(actual[part], predicted[part]) for predicted in by_epochs]
        best = int(np.argmin(curve))
        colour = plots.COLOURS[place]
        axis.plot(range(1, len(curve) + 1), curve, color=colour, label=name)
        axis.plot(
            best + 1, curve[best], plots.MARKERS[place], color=colour, markersize=10, label=f"its best: {best + 1}"
        )
    axis.set(xlabel="epoch (passes over the ratings)", ylabel="RMSE (rating units)")
    axis.legend(fontsize=10)
    plt.close(figure)
    return figure
