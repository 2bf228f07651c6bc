"""The leaderboard: every model's test metrics in one table, and the tables and plots made from it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import guards
from foldin.metrics import definitions
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, BUCKETS, CATALOGUE, LISTS
from foldin.metrics.graded import GRADED, LIKED_ONLY
from foldin.metrics.metric import Metric, titled
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import LIKED, RATING
from foldin.report import plots, ties

ORACLE = "oracle"
REFERENCES = "baselines"
"""The family whose models are references."""
COMPARED = ("low", "high", "behind", "behind_low", "behind_high", "tied")
LIKED_COLUMNS = {metric.name: f"liked.{metric.name.removeprefix('liked_')}" for metric in LIKED}
RATING_METRICS = ("rmse", "rmse_se", "mae", *LIKED_COLUMNS.values())


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a file of metrics.

    Raises
    ------
    FoldinError
        When the file is not there.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        where = path.relative_to(paths.root())
        raise FoldinError("no such metrics yet", where=where, remedy="make them: dvc repro") from None
    return values


def read_board(dataset: str) -> pd.DataFrame:
    """Return the test metrics of every model of every family of params.yaml, with their intervals and ties.

    Parameters
    ----------
    dataset : str
        The data set, whose `evaluate` stages have run.

    Returns
    -------
    pandas.DataFrame
        One row a model; columns `model`, `family`, `kind` ("oracle", "baseline" or "model") and one for each
        metric, nested ones joined by a dot (`liked.precision`, `domains.books.rmse`); NaN where a model has none.
        Beside metrics with an interval stand the columns of `ties.with_best`: `rmse_low`, …, `ndcg_tied`.

    Raises
    ------
    FoldinError
        When a metric is missing, sampled metrics are mixed with full ones, or a model beats the oracle unexplained.
    """
    settings = params.section(params.Evaluation)
    sampled = "negatives" in read_metrics(paths.account(dataset, "split"))
    rows = []
    for family in params.families():
        for model, values in read_metrics(paths.predictions(dataset, family) / "metrics.json").items():
            kind = "baseline" if family == REFERENCES else "model"
            guards.check_sampling(guards.flat(values), sampled=sampled, where=f"{dataset}, {model}")
            rows.append({"model": model, "family": family, "kind": ORACLE if model == ORACLE else kind, **values})
    board: pd.DataFrame = pd.json_normalize(rows)
    guards.check_oracle(leaks(board), settings.explained, dataset)
    by_user = users(dataset)
    for name in definitions.INTERVALS:
        metric = name if name == "rmse" else f"{sampled_prefix(board)}{name}"
        if ties.column(metric) in by_user and by_user[ties.column(metric)].notna().any():
            compared = ties.with_best(
                by_user, metric, resamples=settings.resamples, confidence=settings.confidence, apart=[ORACLE]
            )
            board = board.join(compared[list(COMPARED)].add_prefix(f"{name}_"), on="model")
    # If no model predicts ratings, the columns exist but are empty.
    return board.reindex(columns=[*board, *(name for name in RATING_METRICS if name not in board)])


def left_out(dataset: str) -> dict[str, str]:
    """Return the models that were too large to train on a data set: model → why."""
    reasons: dict[str, str] = {}
    for family in params.families():
        file = paths.predictions(dataset, family) / "left_out.json"
        reasons |= read_metrics(file) if file.is_file() else {}
    return reasons


def users(dataset: str) -> pd.DataFrame:
    """Return the per-user metrics of all models, as `evaluate` left them: a row for each model and user."""
    found = [paths.predictions(dataset, family) / "users.parquet" for family in params.families()]
    tables = [pd.read_parquet(file).astype({"model": "str"}) for file in found if file.is_file()]
    return pd.concat(tables, ignore_index=True)


def has_ratings(board: pd.DataFrame) -> bool:
    """Return whether any model, the oracle aside, has rating metrics: none has on implicit feedback."""
    return bool(board.loc[board["kind"] != ORACLE, "rmse"].notna().any())


def best_first(board: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the models that have a metric, best first, ties by name."""
    lowest = definitions.lower_is_better(metric)
    return (
        board.dropna(subset=[metric])
        .sort_values([metric, "model"], ascending=[lowest, True], kind="stable")
        .reset_index(drop=True)
    )


def best(board: pd.DataFrame, metric: str) -> str | None:
    """Return the best model or baseline, the first by name of equals; None if none has the metric.

    The oracle is excluded: it knows the true preferences, which no model can learn exactly from ratings.
    """
    contenders = board[board["kind"] != ORACLE]
    ranked = best_first(contenders, metric) if metric in board else contenders[:0]
    return str(ranked["model"].iloc[0]) if len(ranked) else None


def column_at_k(board: pd.DataFrame, name: str, k: int) -> str:
    """Return the column of a ranking metric at k; its name says so if candidates were sampled."""
    return f"{sampled_prefix(board)}{name}_at_{k}"


def sampled_prefix(board: pd.DataFrame) -> str:
    """Return what the names of the board's ranking metrics begin with: "sampled_" if candidates were sampled."""
    return definitions.SAMPLED if any(str(column).startswith(definitions.SAMPLED) for column in board) else ""


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
    judged = board.dropna(subset=["liked.true_positives"])
    # Models without F1 are last, not left out.
    order = best_first(judged.assign(**{"liked.f1": judged["liked.f1"].fillna(-1.0)}), "liked.f1")["model"]
    ranked = judged.set_index("model", drop=False).loc[order]
    table = _start(ranked)
    for title, metric in titled(LIKED).items():
        form = "{:.4f}" if metric.highest == 1 else "{:,.0f}"
        table[title] = _shown(ranked, LIKED_COLUMNS[metric.name], form)
    return table


def domains(board: pd.DataFrame) -> list[str]:
    """Return the domains metrics are given for, sorted; none for a data set with one domain."""
    names = [str(column) for column in board]
    return sorted({name.split(".")[1] for name in names if name.startswith("domains.")})


def domain_table(board: pd.DataFrame, metric: str, *, own: str = "") -> pd.DataFrame:
    """Return one metric by domain and over all, best first; or, in that order, the metric `own` of domains only."""
    ranked = best_first(board, metric)
    table = _start(ranked)
    for domain in domains(board):
        table[domain] = _shown(ranked, f"domains.{domain}.{own or metric}")
    return table if own else table.assign(**{"all at once": _shown(ranked, metric)})


def leaks(board: pd.DataFrame) -> list[str]:
    """Return the models that beat the oracle beyond sampling error, which indicates a leak or a bug."""
    if "oracle.leak" not in board:
        return []
    return list(board.loc[board["oracle.leak"].fillna(0).astype(bool), "model"])


def plot(board: pd.DataFrame, dataset: str, k: int, unit: str = "rating units") -> Figure:
    """Draw both leaderboards: dots with their intervals, the best and its ties in orange, references hollow.

    The rating leaderboard is left out if no model has rating metrics.
    """
    ndcg = column_at_k(board, "ndcg", k)
    candidates = "sampled candidates" if ndcg.startswith(definitions.SAMPLED) else "the whole catalogue"
    text = f"NDCG@{k} on the test part, 0 to 1 (higher is better →)"
    panels = [(f"Ranking {candidates}", best_first(board, ndcg), "ndcg", ndcg, text)]
    if has_ratings(board):
        text = f"RMSE on the test part, in {unit} (← lower is better)"
        panels.insert(0, ("Predicting ratings", best_first(board, "rmse"), "rmse", "rmse", text))
    size = (6.5 * len(panels), 1.6 + 0.34 * max(len(ranked) for _, ranked, *_ in panels))
    drawn, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, constrained_layout=True)
    for axis, (title, ranked, name, column, text) in zip(axes.flat, panels, strict=True):
        plots.ranked(
            axis,
            list(ranked["model"]),
            list(ranked[column]),
            list(zip(ranked[f"{name}_low"], ranked[f"{name}_high"], strict=True)),
            label=text,
            marked=list(ranked.loc[ranked["kind"] != "model", "model"]),
            tied=list(ranked.loc[ranked[f"{name}_tied"].astype(bool), "model"]),
            line_at=ORACLE,
        )
        axis.set_title(title)
    mark = "orange: the best and its ties"
    note = "hollow: baselines" + (" and the oracle (dashed: the ceiling)" if ORACLE in set(board["model"]) else "")
    confidence = params.section(params.Evaluation).confidence
    drawn.suptitle(f"{dataset}: dots with {confidence:.0%} intervals; {mark}; {note}", fontsize=12)
    plt.close(drawn)
    return drawn
