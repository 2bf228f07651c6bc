"""The leaderboards: tables and plots of the models' test metrics, made from the board of foldin.report.results."""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from foldin.metrics import definitions
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, BUCKETS, CATALOGUE, LISTS
from foldin.metrics.graded import GRADED, LIKED_ONLY
from foldin.metrics.liked import LIKED
from foldin.metrics.metric import Metric, titled
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import RATING
from foldin.report import dots, plots
from foldin.report.results import (
    LIKED_COLUMNS,
    ORACLE,
    best_first,
    column_at_k,
    domains,
    has_ratings,
    sampled_prefix,
)

POPULARITY = "popularity"
SHORT = 4
"""Models and baselines in a short table."""
OF_SHORT = {"ndcg": "NDCG", "recall": "recall", "coverage": "coverage"}
"""The metrics of the short ranking table → title."""


def label(row: Any) -> str:
    """Return a model's name as tables show it: references carry a mark."""
    return f"{row.model} ({row.kind})" if row.kind != "model" else str(row.model)


def _start(ranked: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"model": [label(row) for row in ranked.itertuples()]})


def _families(ranked: pd.DataFrame) -> "pd.Series[str]":
    return ranked["family"].where(ranked["kind"] != ORACLE, "the truth")


def _shown(ranked: pd.DataFrame, column: str, form: str = "{:z.4f}") -> list[str]:
    if column not in ranked:
        return ["–"] * len(ranked)
    return ["–" if pd.isna(value) else form.format(value) for value in ranked[column]]


def _with_intervals(table: pd.DataFrame, ranked: pd.DataFrame, name: str, column: str) -> pd.DataFrame:
    """Add a metric's interval, its distance behind the best model, and its spread over seeds."""
    ends = zip(_shown(ranked, f"{name}_low"), _shown(ranked, f"{name}_high"), strict=True)
    table["interval"] = [f"{low} to {high}" for low, high in ends]
    behind = []
    for row in ranked.to_dict("records"):
        if pd.isna(row[f"{name}_behind"]):
            behind.append("")
        elif row[f"{name}_behind"] == 0 and row[f"{name}_behind_high"] == 0:
            behind.append("best")
        else:
            ends_of = f"{row[f'{name}_behind_low']:z.4f} to {row[f'{name}_behind_high']:z.4f}"
            behind.append(f"{row[f'{name}_behind']:.4f} ({ends_of})" + (" **tied**" if row[f"{name}_tied"] else ""))
    table["behind the best"] = behind
    if f"{column}_seed_sd" in ranked:
        table["± seed"] = _shown(ranked, f"{column}_seed_sd")
    return table


def rating_table(board: pd.DataFrame) -> pd.DataFrame:
    """Return the rating leaderboard, lowest RMSE first, with its interval and the other rating metrics."""
    ranked = best_first(board, "rmse")
    table = _start(ranked).assign(family=_families(ranked), RMSE=_shown(ranked, "rmse"))
    table = _with_intervals(table, ranked, "rmse", "rmse")
    others = titled(metric for metric in RATING if metric.name != "rmse")
    return table.assign(**{title: _shown(ranked, metric.name) for title, metric in others.items()})


def ranking_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the ranking leaderboard: metrics at k, highest NDCG first, with its interval."""
    ndcg = column_at_k(board, "ndcg", k)
    ranked = best_first(board, ndcg)
    table = _start(ranked).assign(family=_families(ranked), **{f"NDCG@{k}": _shown(ranked, ndcg)})
    table = _with_intervals(table, ranked, "ndcg", ndcg)
    table = table.assign(**_of_lists(ranked, (metric for metric in RANKING if metric.name != "ndcg"), board, k))
    of_scores = titled(SCORES).items()
    table = table.assign(
        **{title: _shown(ranked, f"{sampled_prefix(board)}{metric.name}") for title, metric in of_scores}
    )
    return table.assign(**_of_lists(ranked, GRADED, board, k))


def liked_only_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the ranking metrics of liked items only, in the order of the ranking leaderboard."""
    ranked = best_first(board, column_at_k(board, "ndcg", k))
    return _start(ranked).assign(**_of_lists(ranked, LIKED_ONLY, board, k)).rename(columns={"NDCG": f"NDCG@{k}"})


def list_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return what accuracy does not see of the lists, in the order of the ranking leaderboard."""
    ranked = best_first(board, column_at_k(board, "ndcg", k))
    return _start(ranked).assign(**_of_lists(ranked, (*CATALOGUE, *LISTS), board, k))


def _of_lists(ranked: pd.DataFrame, metrics: Iterable[Metric], board: pd.DataFrame, k: int) -> dict[str, list[str]]:
    """Return the columns of metrics of lists, without those that no model has."""
    columns = {title: column_at_k(board, metric.name, k) for title, metric in titled(metrics).items()}
    return {title: _shown(ranked, column) for title, column in columns.items() if column in ranked}


def length_table(board: pd.DataFrame, k: int, ks: Sequence[int]) -> pd.DataFrame:
    """Return NDCG and recall at every length of list, in the order of the ranking leaderboard."""
    ranked = best_first(board, column_at_k(board, "ndcg", k))
    table = _start(ranked)
    for name, title in {"ndcg": "NDCG", "recall": "recall"}.items():
        for length in sorted({k, *ks}):
            nested = f"other_lengths.{column_at_k(board, name, length)}"
            table[f"{title}@{length}"] = _shown(
                ranked, nested if nested in ranked else column_at_k(board, name, length)
            )
    return table


def bucket_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return recall, share of the lists and RMSE by the popularity of items, in the order of the leaderboard.

    RMSE is left out if no model has rating metrics.
    """
    ranked = best_first(board, column_at_k(board, "ndcg", k))
    table = _start(ranked)
    titles = {column_at_k(board, "recall", k): f"recall@{k}"}
    titles |= {column_at_k(board, metric.name, k): title for title, metric in titled(BUCKETED).items()}
    for name, title in (titles | ({"rmse": "RMSE"} if has_ratings(board) else {})).items():
        for bucket in BUCKETS:
            table[f"{title}: {bucket}"] = _shown(ranked, f"popularity.{bucket}.{name}")
    return table


def liked_table(board: pd.DataFrame) -> pd.DataFrame:
    """Return how well predicted ratings classify liked and not liked: the confusion matrix and metrics from it.

    A metric without a value (no prediction reached the threshold) is shown as a dash.
    """
    classified = board.dropna(subset=["liked.true_positives"])
    # Models without F1 are last, not left out.
    order = best_first(classified.assign(**{"liked.f1": classified["liked.f1"].fillna(-1.0)}), "liked.f1")["model"]
    ranked = classified.set_index("model", drop=False).loc[order]
    table = _start(ranked)
    for title, metric in titled(LIKED).items():
        form = "{:.4f}" if metric.highest == 1 else "{:,.0f}"
        table[title] = _shown(ranked, LIKED_COLUMNS[metric.name], form)
    return table


def domain_table(board: pd.DataFrame, metric: str, *, own: str = "") -> pd.DataFrame:
    """Return one metric by domain and over all, best first; or, in that order, the metric `own` of domains only."""
    ranked = best_first(board, metric)
    table = _start(ranked)
    for domain in domains(board):
        table[domain] = _shown(ranked, f"domains.{domain}.{own or metric}")
    return table if own else table.assign(**{"all at once": _shown(ranked, metric)})


def rankers(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the models of plots and short tables of ranking, highest NDCG first.

    Left out are models that predict ratings and rank worse than the popularity baseline: most do, because the items
    with the highest predicted ratings are rarely those that a user rates next.
    """
    ndcg = column_at_k(board, "ndcg", k)
    ranked = best_first(board, ndcg)
    floor = ranked.loc[ranked["model"] == POPULARITY, ndcg]
    if floor.empty:
        return ranked
    rates = ranked["rmse"].notna() & (ranked["kind"] != ORACLE)
    return ranked[~rates | ranked[ndcg].ge(floor.iloc[0])].reset_index(drop=True)


def short_rating_table(board: pd.DataFrame) -> pd.DataFrame:
    """Return the first rows of the rating leaderboard; see `_short`."""
    return _short(best_first(board, "rmse"), "rmse", {"RMSE": "rmse", "MAE": "mae"})


def short_ranking_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the first rows of the ranking leaderboard; see `_short`."""
    shown = {f"{title}@{k}": column_at_k(board, name, k) for name, title in OF_SHORT.items()}
    return _short(rankers(board, k), "ndcg", shown)


def _short(ranked: pd.DataFrame, name: str, shown: dict[str, str]) -> pd.DataFrame:
    """Return the `SHORT` best models and baselines, the best baseline, and last the oracle: the ceiling.

    The first of the metrics shown has half the width of its interval, and the best model is bold.
    """
    contenders, oracle = ranked[ranked["kind"] != ORACLE], ranked[ranked["kind"] == ORACLE]
    baseline = contenders[contenders["kind"] == "baseline"].iloc[:1]
    rows = pd.concat([contenders.iloc[:SHORT], baseline, oracle]).drop_duplicates("model")
    title, column = next(iter(shown.items()))
    table = _start(rows)
    table.loc[table["model"] == f"{ORACLE} ({ORACLE})", "model"] = f"{ORACLE} (ceiling)"
    table[title] = [
        plus_minus(row[column], (row[f"{name}_high"] - row[f"{name}_low"]) / 2) for row in rows.to_dict("records")
    ]
    table["behind the best"] = [_behind(row, name) for row in rows.to_dict("records")]
    for place, (other, metric) in enumerate(shown.items()):
        if place:
            table[other] = _shown(rows, metric)
    if len(contenders):
        table.loc[0, ["model", title]] = [f"**{cell}**" for cell in table.loc[0, ["model", title]]]
    return table


def plus_minus(value: float, half_width: float) -> str:
    """Return a metric with half the width of its interval, in one word that no narrow table breaks."""
    return f"{value:.4f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{half_width:.4f}"


def _behind(row: dict[Any, Any], name: str) -> str:
    """Return how far a model is behind the best, and whether it is tied with it."""
    if pd.isna(row[f"{name}_behind"]):
        return "–"
    if row[f"{name}_behind"] == 0 and row[f"{name}_behind_high"] == 0:
        return "best"
    return f"{row[f'{name}_behind']:z.4f}" + (", **tied**" if row[f"{name}_tied"] else "")


def panels(board: pd.DataFrame, k: int, unit: str = "rating units") -> dict[str, Figure]:
    """Draw the leaderboards: dots with their intervals, the best and its ties in orange, references hollow.

    Each is a plot of its own, so that a page can put them beside or below each other.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        "leaderboard_ratings", unless no model has rating metrics, and "leaderboard_ranking".
    """
    drawn, ndcg = {}, column_at_k(board, "ndcg", k)
    if has_ratings(board):
        text = f"RMSE on the test part, in {unit}\n(← lower is better)"
        drawn["leaderboard_ratings"] = _panel("Predicting ratings", best_first(board, "rmse"), "rmse", "rmse", text)
    candidates = "sampled candidates" if ndcg.startswith(definitions.SAMPLED) else "the whole catalogue"
    text = f"NDCG@{k} on the test part, 0 to 1\n(higher is better →)"
    drawn["leaderboard_ranking"] = _panel(f"Ranking {candidates}", rankers(board, k), "ndcg", ndcg, text)
    return drawn


def _panel(title: str, ranked: pd.DataFrame, name: str, column: str, text: str) -> Figure:
    figure, axis = plt.subplots(figsize=(plots.WIDTH, 2.0 + 0.27 * len(ranked)), constrained_layout=True)
    dots.ranked(
        axis,
        list(ranked["model"]),
        list(ranked[column]),
        list(zip(ranked[f"{name}_low"], ranked[f"{name}_high"], strict=True)),
        label=text,
        marked=list(ranked.loc[ranked["kind"] != "model", "model"]),
        tied=list(ranked.loc[ranked[f"{name}_tied"].eq(True), "model"]),
        line_at=ORACLE,
    )
    axis.set_title(title)
    dots.key(figure, oracle=ORACLE in set(ranked["model"]))
    plt.close(figure)
    return figure
