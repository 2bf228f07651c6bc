"""Every model's test metrics in one table, a board, with intervals and ties; who is best on it."""

from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import guards
from foldin.metrics import definitions
from foldin.metrics.liked import LIKED
from foldin.report import ties

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
        When the file is not there, or is damaged.
    """
    try:
        values: dict[str, Any] = files.read_json(path, "make it again: dvc repro")
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
        Beside metrics with an interval stand the columns of `ties.compare_with_best`: `rmse_low`, …, `ndcg_tied`.

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
            guards.check_sampling(guards.flattened(values), sampled=sampled, where=f"{dataset}, {model}")
            rows.append({"model": model, "family": family, "kind": ORACLE if model == ORACLE else kind, **values})
    if not rows:
        raise FoldinError(
            f"no model was trained on '{dataset}'", where="params.yaml", remedy="add baselines to families"
        )
    board: pd.DataFrame = pd.json_normalize(rows)
    guards.check_oracle(leaks(board), settings.explained, dataset)
    by_user = users(dataset)
    for name in definitions.INTERVALS:
        metric = name if name == "rmse" else f"{sampled_prefix(board)}{name}"
        if ties.column(metric) in by_user and by_user[ties.column(metric)].notna().any():
            compared = ties.compare_with_best(
                by_user, metric, resamples=settings.resamples, confidence=settings.confidence, apart=[ORACLE]
            )
            board = board.join(compared[list(COMPARED)].add_prefix(f"{name}_"), on="model")
    # If no model predicts ratings, the columns exist but are empty.
    return board.reindex(columns=[*board, *(name for name in RATING_METRICS if name not in board)])


def left_out(dataset: str) -> dict[str, str]:
    """Return the models that were skipped (too large) on a data set: model → why."""
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


def domains(board: pd.DataFrame) -> list[str]:
    """Return the domains metrics are given for, sorted; none for a data set with one domain."""
    names = [str(column) for column in board]
    return sorted({name.split(".")[1] for name in names if name.startswith("domains.")})


def leaks(board: pd.DataFrame) -> list[str]:
    """Return the models that beat the oracle beyond sampling error, which indicates a leak or a bug."""
    if "oracle.leak" not in board:
        return []
    return list(board.loc[board["oracle.leak"].fillna(0).astype(bool), "model"])
