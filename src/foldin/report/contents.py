"""What notebooks/report.ipynb shows besides the leaderboard: examples from the test part's predictions, and plots.

It reads the outputs of `evaluate` and trains nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from foldin.core import interactions, params, paths
from foldin.datasets import registry
from foldin.datasets.declaration import DataSet
from foldin.metrics import calibration
from foldin.report import plots, results

BARS = 40
"""Bars of the histogram of ratings on a scale without steps."""


@dataclass(frozen=True)
class Findings:
    """What a data set's report shows: its metrics, and how much of the rest to show.

    Attributes
    ----------
    dataset : DataSet
        The declaration of the data set.
    board : pandas.DataFrame
        Test metrics, a row for each model, as `results.read_board` gives them.
    k : int
        Length of the recommendation lists.
    ks : list of int
        Other lengths that metrics are given for.
    settings : params.Report
        How much to show.
    """

    dataset: DataSet
    board: pd.DataFrame
    k: int
    ks: list[int]
    settings: params.Report

    @cached_property
    def users(self) -> pd.DataFrame:
        """The metrics of each user, as `results.users` gives them, read once."""
        return results.users(self.dataset.name)

    @property
    def ndcg(self) -> str:
        """The column of the ranking leaderboard's metric; it says so where candidates were sampled."""
        return results.column_at_k(self.board, "ndcg", self.k)

    @property
    def best_ranker(self) -> str:
        """The model, not a reference, that ranks best."""
        return str(results.best(self._contenders(), self.ndcg))

    @property
    def best_rater(self) -> str | None:
        """The model that predicts ratings best; the best baseline where only baselines predict any; else None."""
        rater = results.best(self._contenders(), "rmse")
        return results.best(self.board[self.board["kind"] == "baseline"], "rmse") if rater is None else rater

    def _contenders(self) -> pd.DataFrame:
        # Where only baselines were trained, the best of them is the answer.
        models = self.board[self.board["kind"] == "model"]
        return models if len(models) else self.board[self.board["kind"] == "baseline"]


def open_report(dataset: str) -> Findings:
    """Return what the report of a data set shows; the first call of notebooks/report.ipynb."""
    evaluation = params.section(params.Evaluation)
    board = results.read_board(dataset)
    return Findings(registry.get(dataset), board, evaluation.k, evaluation.ks, params.section(params.Report))


def _predictions(findings: Findings, name: str) -> pd.DataFrame:
    files = [paths.predictions(findings.dataset.name, family) / f"{name}.parquet" for family in params.families()]
    return pd.concat([pd.read_parquet(file) for file in files if file.is_file()], ignore_index=True)


def _items(findings: Findings) -> pd.DataFrame:
    return pd.read_parquet(paths.clean(findings.dataset.name) / "items.parquet").set_index("item_id")


def recommendations(findings: Findings) -> dict[str, pd.DataFrame]:
    """Return the best ranker's lists for a few users, spread from the least to the most active one.

    Returns
    -------
    dict of str to pandas.DataFrame
        User id → rank, title, domain, genres, and whether the user did rate the item in the test part; empty where
        training knows no item that a user has not rated.
    """
    lists = _predictions(findings, "recommendations")
    lists = lists[(lists["model"] == findings.best_ranker) & (lists["rank"] <= findings.settings.recommendations)]
    held = held_out(findings)
    activity = held.groupby("user_id").size().sort_values(kind="stable")
    known = activity[activity.index.isin(set(lists["user_id"]))]
    if known.empty:
        return {}
    places = np.linspace(0, len(known) - 1, findings.settings.users + 2)[1:-1].round().astype(int)
    items = _items(findings)
    tables = {}
    for user in known.index[places]:
        rows = lists[lists["user_id"] == user].sort_values("rank")
        rated = set(held.loc[held["user_id"] == user, "item_id"])
        table = items.loc[rows["item_id"], ["title", "domain", "genres"]].reset_index(drop=True)
        table.insert(0, "rank", rows["rank"].to_numpy())
        table["rated in the test part"] = ["yes" if item in rated else "" for item in rows["item_id"]]
        tables[str(user)] = table
    return tables


def held_out(findings: Findings) -> pd.DataFrame:
    """Return the test ratings: `user_id`, `item_id`, `rating`, `timestamp`, and predictions of the first family."""
    folder = paths.predictions(findings.dataset.name, params.families()[0])
    return pd.read_parquet(folder / "ratings.parquet")


def predicted_ratings(findings: Findings) -> pd.DataFrame:
    """Return one user's test ratings beside the best model's predictions, under original ids, closest first.

    The user is one with the median number of test ratings. The table is empty where no model has rating metrics.
    """
    if not results.has_ratings(findings.board):
        return pd.DataFrame(columns=["user id", "item id", "title", "actual", "predicted", "difference"])
    family = findings.board.loc[findings.board["model"] == findings.best_rater, "family"].iloc[0]
    table = pd.read_parquet(paths.predictions(findings.dataset.name, family) / "ratings.parquet")
    counts = table.groupby("user_id").size().sort_values(kind="stable")
    user = counts.index[len(counts) // 2]
    # Chosen by item id before any difference is looked at, so that the rows are not the flattering ones.
    rows = table[table["user_id"] == user].sort_values("item_id").head(findings.settings.predictions)
    shown = pd.DataFrame(
        {
            "user id": rows["user_id"],
            "item id": rows["item_id"],
            "title": _items(findings)["title"].reindex(rows["item_id"]).to_numpy(),
            "actual": rows["rating"].astype(float),
            "predicted": rows[findings.best_rater].astype(float),
        }
    )
    shown["difference"] = (shown["predicted"] - shown["actual"]).abs()
    shown = shown.sort_values(["difference", "item id"], kind="stable")
    return shown.round({"predicted": 3, "difference": 3}).reset_index(drop=True)


def training_curves(findings: Findings) -> pd.DataFrame:
    """Return all families' training curves, without those of a single epoch; no row where nothing was trained."""
    found = [paths.training(findings.dataset.name, family) for family in params.families()]
    tables = [pd.read_csv(file) for file in found if file.is_file()]
    known = [table for table in tables if len(table)]
    if not known:
        return pd.DataFrame(columns=["model", "epoch", "metric", "value"])
    curves = pd.concat(known, ignore_index=True)
    return curves[curves.groupby("model")["epoch"].transform("max") > 1].reset_index(drop=True)


def data_plot(findings: Findings) -> Figure:
    """Draw what the data look like: the ratings given, and how unevenly they fall on items and users."""
    ratings = pd.read_parquet(paths.clean(findings.dataset.name) / "ratings.parquet")
    drawn, (above, below) = plt.subplots(2, 1, figsize=(plots.WIDTH, 6.4), constrained_layout=True)
    scale = interactions.read_scale(paths.clean(findings.dataset.name))
    if scale.step:
        counts = ratings["rating"].value_counts().sort_index()
        above.bar(counts.index.to_numpy(), counts.to_numpy() / 1000, width=scale.step * 0.8)
    else:
        heights, edges = np.histogram(ratings["rating"].to_numpy(np.float64), BARS)
        above.bar(edges[:-1], heights / 1000, width=np.diff(edges) * 0.9, align="edge")
    above.set_xlabel("rating" if scale.step else findings.dataset.unit)
    above.set_ylabel(f"{findings.dataset.noun} (thousands)")
    for place, (column, name) in enumerate({"item_id": "items", "user_id": "users"}.items()):
        sizes = np.sort(ratings.groupby(column).size().to_numpy())[::-1]
        below.plot(np.arange(1, len(sizes) + 1), sizes, label=name, color=plots.COLOURS[place], ls=("-", "--")[place])
    below.set_xscale("log")
    below.set_yscale("log")
    below.set_xlabel("rank by number of ratings")
    below.set_ylabel("ratings (count)")
    below.legend()
    plt.close(drawn)
    return drawn


def calibration_plot(findings: Findings) -> Figure:
    """Draw mean actual against mean predicted ratings: the best rating model of each family, and the worst of all."""
    ranked = results.best_first(findings.board[findings.board["kind"] != results.ORACLE], "rmse")
    best = ranked.drop_duplicates("family")["model"][: len(plots.COLOURS) - 1]
    names = list(dict.fromkeys([*best, ranked["model"].iloc[-1]]))
    families = ranked.set_index("model")["family"]
    drawn, axis = plt.subplots(figsize=(6, 5.4), constrained_layout=True)
    scale = findings.dataset.scale
    axis.plot([scale.lowest, scale.highest], [scale.lowest, scale.highest], color=plots.QUIET, ls="--", lw=1)
    for place, name in enumerate(names):
        file = paths.predictions(findings.dataset.name, families[name]) / "ratings.parquet"
        table = pd.read_parquet(file, columns=["rating", name])
        bins = calibration.calibration(table["rating"], table[name], findings.settings.calibration_bins)
        colour, marker = plots.COLOURS[place], plots.MARKERS[place]
        axis.plot(bins["predicted"], bins["actual"], color=colour, marker=marker, markersize=5, lw=1.2, label=name)
    axis.set_xlabel("mean predicted rating")
    axis.set_ylabel("mean actual rating")
    axis.set_title("Above the dashed line: people liked it better than predicted", fontsize=11)
    axis.legend()
    plt.close(drawn)
    return drawn
