"""What the report shows of accuracy against coverage: a list that suits most users may show few of the items."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from foldin.report import dots, leaderboard, plots, results
from foldin.report.contents import Findings

HEIGHT = 0.27
"""Inches of a model's name."""
TICKS = tuple(factor * 10.0**power for power in range(-6, 1) for factor in (1, 3))


def plot(findings: Findings) -> Figure:
    """Draw NDCG against the share of the catalogue in all lists together, for the models of the ranking plot."""
    board, k = findings.board, findings.k
    coverage = results.column_at_k(board, "coverage", k)
    shown = leaderboard.rankers(board, k)
    shown = shown[shown[coverage] > 0]
    height = max(3.4, HEIGHT * len(shown))
    figure, axis = plt.subplots(figsize=(plots.WIDTH, height + 1.6), constrained_layout=True)
    for row in shown.to_dict("records"):
        look = dots.marker(reference=row["kind"] != "model", tied=bool(row["ndcg_tied"]))
        axis.plot(row[coverage], row[findings.ndcg], zorder=3, **look)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(TICKS))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axis.set_xlabel(f"coverage@{k}: % of the catalogue\nin all lists together")
    axis.set_ylabel(f"NDCG@{k} on the test part, 0 to 1")
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(0.0, axis.get_ylim()[1])
    points = [(float(row[coverage]), float(row[findings.ndcg]), str(row["model"])) for row in shown.to_dict("records")]
    dots.name_beside(axis, points, gap=HEIGHT / height)
    dots.key(figure, oracle=results.ORACLE in set(shown["model"]))
    plt.close(figure)
    return figure
