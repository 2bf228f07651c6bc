"""The plots of the gallery of traps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from foldin.report import plots
from foldin.traps.tables import CONTROL
from foldin.traps.training import BATCH, EXAMPLE_L2, S5_L2, S5_TEST, S5_TRAIN, Draws, l2_of


def sampled_plot(hits: pd.DataFrame) -> Figure:
    """Draw the two hit rates of `sampled_candidates` side by side, a row for each model."""
    figure, axis = plt.subplots(figsize=(6.8, 3.4), constrained_layout=True)
    names = list(hits.index.get_level_values("what"))
    for place, column in enumerate(hits):
        axis.plot(
            hits[column], range(len(names)), plots.MARKERS[place], markersize=9, label=str(column).partition(" (")[0]
        )
    axis.hlines(range(len(names)), hits.min(axis=1), hits.max(axis=1), color=plots.QUIET, linewidth=1, zorder=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("share of users with a hit")
    axis.legend(fontsize=10, loc="upper right")
    plt.close(figure)
    return figure


def splits_plot(weak: pd.DataFrame, strong: pd.DataFrame) -> Figure:
    """Draw test against train loss of every split of S5's example, with weak and with strong L2."""
    figure, axis = plt.subplots(figsize=(6.4, 4.2), constrained_layout=True)
    for place, (l2, losses) in enumerate({S5_L2: weak, EXAMPLE_L2: strong}.items()):
        name = f"{l2_of(l2)}, {len(losses)} splits"
        axis.scatter(losses["train"], losses["test"], s=16, alpha=0.6, marker=plots.MARKERS[place], label=name)
    axis.plot(S5_TRAIN, S5_TEST, "*", color=plots.COLOURS[6], markersize=16, label="as published, one split")
    axis.set(xscale="log", yscale="log", xlabel="train loss (squared rating units)", ylabel="test loss")
    axis.set(xlim=(1e-7, 10), ylim=(1e-3, 1e3))
    axis.legend(loc="lower left", fontsize=10)
    plt.close(figure)
    return figure


def batch_plot(curves: pd.DataFrame) -> Figure:
    """Draw the RMSE of batch means against the batch size, and mark the size used in the table."""
    figure, axis = plt.subplots(figsize=(6.4, 4.0), constrained_layout=True)
    for place, name in enumerate(curves):
        axis.plot(curves.index, curves[name], marker=plots.MARKERS[place], label=str(name))
    axis.axvline(BATCH, color=plots.QUIET, linestyle="--", linewidth=1.5, label="batch of the table")
    axis.set(xscale="log", yscale="log", xlabel=str(curves.index.name), ylabel="RMSE of the means (rating units)")
    axis.legend(fontsize=10)
    plt.close(figure)
    return figure


def optimism_plot(draws: Draws) -> Figure:
    """Draw the distribution of the optimism of a choice on the test part over random test parts, and its mean."""
    figure, axes = plt.subplots(
        len(draws), 1, figsize=(6.8, 1.75 * len(draws) + 0.6), sharex=True, constrained_layout=True
    )
    largest = max(float(parts["optimism"].quantile(0.99)) for parts in draws.values())
    bins = np.linspace(0, largest or 1, 41)
    for place, (axis, ((reading, what), parts)) in enumerate(zip(axes, draws.items(), strict=True)):
        optimism = parts["optimism"]
        share = np.full(len(optimism), 100 / len(optimism))
        axis.hist(optimism.clip(upper=bins[-1]), bins, weights=share, color=plots.COLOURS[place])
        mean = float(optimism.mean())
        axis.axvline(mean, color=plots.COLOURS[6], linestyle="--", label=f"mean {mean:.4f}")
        axis.set_title(f"control: {what}" if reading == CONTROL else what, fontsize=12, loc="left")
        axis.legend(fontsize=12, loc="upper right")
    axes[len(axes) // 2].set_ylabel("% of test parts")
    axes[-1].set_xlabel("optimism: by how much RMSE looks too good (rating units; last bar: or more)")
    plt.close(figure)
    return figure
