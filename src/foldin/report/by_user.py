"""What the report shows of users: how NDCG is distributed over them, and RMSE by how much they rated.

Everything here is a count of users, or a mean over at least a quarter of them; no user stands in it.
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from foldin.core import paths
from foldin.core.interactions import Values
from foldin.report import dots, leaderboard, plots, results
from foldin.report.contents import Findings
from foldin.report.html import users as of_html

BINS = 20
"""Of the distribution of NDCG, from 0 to 1, besides the bar of exactly 0."""
QUARTERS = ("fewest", "few", "many", "most")
FAMILIES = 4
"""Families whose best rating model is drawn."""


def ndcg(findings: Findings, model: str) -> Values:
    """Return the NDCG of every ranked user of a model, shape (n_users,); empty where it ranks for none."""
    users, column = findings.users, f"{results.sampled_prefix(findings.board)}ndcg"
    if column not in users:
        return np.empty(0)
    values: Values = users.loc[users["model"] == model, column].dropna().to_numpy(np.float64)
    return values


def sentence(findings: Findings) -> str:
    """Return which share of the users the best ranking model has no hit for, beside the references."""
    share = _share_of_zeros(findings, findings.best_ranker)
    if share is None:
        return ""
    others = {name: _share_of_zeros(findings, name) for name in (leaderboard.POPULARITY, results.ORACLE)}
    beside = "; ".join(
        f"{name}: {other:.0%}" for name, other in others.items() if other is not None and name != findings.best_ranker
    )
    return (
        f"{share:.0%} of {findings.dataset.name}'s users get NDCG@{findings.k} 0 from the best ranking model, "
        f"{findings.best_ranker}: none of the first {findings.k} items is a hit{f' ({beside})' if beside else ''}."
    )


def _share_of_zeros(findings: Findings, model: str) -> float | None:
    values = ndcg(findings, model)
    return float(np.mean(values == 0)) if len(values) else None


def shares(values: Values) -> Values:
    """Return the share of users with NDCG exactly 0, and in each of `BINS` bins of equal width above, from 0 to 1."""
    above = np.histogram(values[values > 0], BINS, range=(0.0, 1.0))[0]
    return np.asarray([np.count_nonzero(values == 0), *above]) / max(len(values), 1)


def ndcg_plot(findings: Findings) -> Figure:
    """Draw the distribution of NDCG over users: the best ranking model as bars, references as lines."""
    figure, axis = plt.subplots(figsize=(plots.WIDTH, 3.9), constrained_layout=True)
    width = 1 / BINS
    left = np.arange(-1, BINS) * width
    names = dict.fromkeys([findings.best_ranker, leaderboard.POPULARITY, results.ORACLE])
    looks = (("#000000", "-"), (plots.BEST, "--"))
    for place, name in enumerate(names):
        values = ndcg(findings, name)
        if not len(values):
            continue
        heights = shares(values)
        if place == 0:
            axis.bar(left, heights, width * 0.9, align="edge", color=plots.COLOURS[4], label=name)
        else:
            colour, dashes = looks[place - 1]
            axis.stairs(heights, np.append(left, 1.0), color=colour, ls=dashes, lw=1.8, label=name)
    ticks = np.arange(0.0, 1.01, 0.2)
    axis.set_xticks([-width / 2, *ticks[1:]], ["exactly 0", *(f"{tick:.1f}" for tick in ticks[1:])])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.set_xlabel(f"a user's NDCG@{findings.k} on the test part, 0 to 1")
    axis.set_ylabel("share of users")
    axis.grid(axis="x", visible=False)
    handles, texts = axis.get_legend_handles_labels()
    order = [texts.index(name) for name in names if name in texts]
    axis.legend([handles[place] for place in order], [texts[place] for place in order], fontsize=11)
    plt.close(figure)
    return figure


def rmse_by_activity(findings: Findings) -> pd.DataFrame:
    """Return RMSE over all test pairs of each quarter of users by number of ratings.

    Returns
    -------
    pandas.DataFrame of float64
        A row for each quarter that has users, from the fewest ratings; a column for each model drawn: the best rating
        models of `FAMILIES` families, the best baseline and the oracle. The index says how many ratings users have.
    """
    names = _raters(findings)
    users = findings.users
    users = users[users["model"].isin(names) & users["squared_error"].notna() & (users["pairs"] > 0)]
    users = users.assign(user_id=users["user_id"].astype(str))
    ids = pd.read_parquet(paths.clean(findings.dataset.name) / "ratings.parquet", columns=["user_id"])["user_id"]
    counts = ids.astype(str).value_counts()
    quarter = of_html.activity(findings, users)
    users = users.assign(quarter=users["user_id"].map(quarter))
    present = [name for name in QUARTERS if (users["quarter"] == name).any()]
    found = pd.DataFrame(index=present)
    for name in names:
        sums = users[users["model"] == name].groupby("quarter")[["squared_error", "pairs"]].sum()
        found[name] = np.sqrt(sums["squared_error"] / sums["pairs"])
    ratings = counts.reindex(quarter.index, fill_value=0).groupby(quarter).agg(["min", "max"])
    ends = ratings.reindex(found.index).to_numpy()
    found.index = pd.Index([f"{name}\n({low:,}–{high:,})" for name, (low, high) in zip(found.index, ends, strict=True)])
    return found


def _raters(findings: Findings) -> list[str]:
    ranked = results.best_first(findings.board, "rmse")
    models = ranked[ranked["kind"] == "model"].drop_duplicates("family")["model"][:FAMILIES]
    baseline = ranked.loc[ranked["kind"] == "baseline", "model"][:1]
    return [*models, *baseline, *ranked.loc[ranked["kind"] == results.ORACLE, "model"]]


def rmse_plot(findings: Findings) -> Figure:
    """Draw RMSE by quarter of users: a line for each model of `rmse_by_activity`."""
    table = rmse_by_activity(findings)
    figure, axis = plt.subplots(figsize=(plots.WIDTH, 3.9), constrained_layout=True)
    places = np.arange(len(table))
    kinds = dict(zip(findings.board["model"], findings.board["kind"], strict=True))
    for place, name in enumerate(table):
        reference = kinds[str(name)] != "model"
        colour = plots.QUIET if reference else plots.COLOURS[place % len(plots.COLOURS)]
        look: dict[str, Any] = {
            "color": colour,
            "marker": plots.MARKERS[place % len(plots.MARKERS)],
            "ls": "--" if reference else "-",
        }
        axis.plot(places, table[name], markersize=6, lw=1.8, **look)
    axis.set_xticks(places, list(table.index), fontsize=10)
    axis.set_xlabel("users, by number of ratings in all parts")
    axis.set_ylabel(f"RMSE ({findings.dataset.unit})")
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    ends = [(float(places[-1]), float(table[name].iloc[-1]), str(name)) for name in table]
    dots.name_beside(axis, ends, gap=0.085)
    plt.close(figure)
    return figure
