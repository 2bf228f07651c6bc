"""Dots of models in plots: how references, ties and other models look, their key, and their names beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from foldin.report import plots

COLUMN_AT = 1.08
"""Where names beside a plot begin, as a share of the width of the axes."""


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
        The best model and its ties: drawn as diamonds.
    line_at : str, optional
        The model whose value is drawn as a dashed line through all rows: the ceiling.
    """
    for row, (name, value, (low, high)) in enumerate(zip(names, values, intervals, strict=True)):
        look = marker(reference=name in marked, tied=name in tied)
        axis.errorbar(value, row, xerr=[[max(value - low, 0)], [max(high - value, 0)]], capsize=3, **look)
        if name == line_at:
            axis.axvline(value, color=plots.QUIET, linestyle="--", linewidth=1.5, zorder=0)
    axis.set_yticks(range(len(names)), list(names))
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlabel(label)


def marker(*, reference: bool, tied: bool) -> dict[str, Any]:
    """Return how a model's dot looks: the best and its ties orange diamonds, references hollow circles."""
    colour = plots.BEST if tied else plots.QUIET if reference else plots.COLOURS[0]
    return {
        "marker": "D" if tied else "o",
        "linestyle": "none",
        "color": colour,
        "markersize": 7,
        "markerfacecolor": "white" if reference else colour,
    }


def key(figure: Figure, *, oracle: bool) -> None:
    """Say below a plot what its dots are.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A plot with dots of `marker`; with a constrained layout.
    oracle : bool
        Whether the oracle is among them.
    """
    looks = {
        "best, or tied with it": marker(reference=False, tied=True),
        "other models": marker(reference=False, tied=False),
        f"baselines{', oracle' if oracle else ''}": marker(reference=True, tied=False),
    }
    dots = [Line2D([], [], label=text, **look) for text, look in looks.items()]
    figure.legend(handles=dots, loc="outside lower center", ncols=3, fontsize=10, handletextpad=0.2, columnspacing=1.0)


def name_beside(axis: Axes, points: Sequence[tuple[float, float, str]], *, gap: float, size: float = 11) -> None:
    """Write the name of each point in a column right of the axes, joined to it by a line.

    No two names overlap, and no two lines cross: of all ways to give the places to the points, the one with the
    shortest lines in all is used.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Its limits are final.
    points : sequence of tuple
        x and y, in data, and the name.
    gap : float
        Distance of two names, as a share of the height of the axes.
    size : float, optional
        Of the letters, in points.
    """
    if not points:
        return
    # Here: loading it takes a third of a second, and of the notebooks only `report` draws this.
    from scipy.optimize import isotonic_regression, linear_sum_assignment

    to_axes = axis.transData + axis.transAxes.inverted()
    at = to_axes.transform([(x, y) for x, y, _ in points])
    steps = gap * np.arange(len(points))
    # The least squares of distances to the points, under the condition that the names are `gap` apart or more.
    near = isotonic_regression(np.sort(at[:, 1]) - steps).x
    places = np.clip(near, 0.0, max(1.0 - steps[-1], 0.0)) + steps
    lengths = np.hypot(COLUMN_AT - at[:, [0]], places - at[:, [1]])
    for point, place in zip(*linear_sum_assignment(lengths), strict=True):
        x, y, name = points[int(point)]
        axis.annotate(
            name,
            xy=(x, y),
            xytext=(COLUMN_AT, float(places[place])),
            textcoords="axes fraction",
            va="center",
            fontsize=size,
            arrowprops={
                "arrowstyle": "-", "color": "#999999", "lw": 0.8, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 4
            },
            annotation_clip=False,
            zorder=1,
        )  # fmt: skip
