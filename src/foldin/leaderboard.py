"""The comparison itself: every model's test figures in one table, as tables and figures that people read."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from foldin import figures, params, paths
from foldin.errors import FoldinError

ORACLE = "oracle"
REFERENCES = "baselines"
"""The family whose models are references, not contenders."""
COUNTS = ("true_positives", "false_positives", "false_negatives", "true_negatives")
RATING_FIGURES = ("rmse", "rmse_se", "mae", "liked.f1", *(f"liked.{name}" for name in COUNTS))


def read_figures(path: Path) -> dict[str, Any]:
    """Read a file of figures.

    Raises
    ------
    FoldinError
        When the file is not there.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        where = path.relative_to(paths.root())
        raise FoldinError("no such figures yet", where=where, remedy="make them: dvc repro") from None
    return values


def load(dataset: str) -> pd.DataFrame:
    """Return the test figures of every model of every family of params.yaml.

    Parameters
    ----------
    dataset : str
        The data set, whose `evaluate` stages have run.

    Returns
    -------
    pandas.DataFrame
        One row a model; columns `model`, `family`, `kind` ("oracle", "baseline" or "model") and one for each
        figure, nested ones joined by a dot (`liked.precision`, `domains.books.rmse`); NaN where a model has none.
    """
    rows = []
    for family in params.families():
        for model, values in read_figures(paths.predictions(dataset, family) / "figures.json").items():
            kind = "baseline" if family == REFERENCES else "model"
            rows.append({"model": model, "family": family, "kind": ORACLE if model == ORACLE else kind, **values})
    board: pd.DataFrame = pd.json_normalize(rows)
    # Where nobody predicts ratings, the columns are there all the same, and empty.
    return board.reindex(columns=[*board, *(name for name in RATING_FIGURES if name not in board)])


def has_ratings(board: pd.DataFrame) -> bool:
    """Return whether any model has rating figures: none has on implicit feedback."""
    return bool(board["rmse"].notna().any())


def best_first(board: pd.DataFrame, figure: str, *, lowest: bool = False) -> pd.DataFrame:
    """Return the models that have a figure, best first, ties by name."""
    return (
        board.dropna(subset=[figure])
        .sort_values([figure, "model"], ascending=[lowest, True], kind="stable")
        .reset_index(drop=True)
    )


def label(row: Any) -> str:
    """Return a model's name as tables show it: references carry a mark."""
    return f"{row.model} ({row.kind})" if row.kind != "model" else str(row.model)


def rating_table(board: pd.DataFrame) -> pd.DataFrame:
    """Return the rating leaderboard: RMSE with its standard error, and MAE, in rating units, lowest RMSE first."""
    ranked = best_first(board, "rmse", lowest=True)
    return pd.DataFrame(
        {
            "model": [label(row) for row in ranked.itertuples()],
            "family": ranked["family"].where(ranked["kind"] != ORACLE, "the truth"),
            "RMSE": ranked["rmse"].map("{:.4f}".format),
            "± s.e.": ranked["rmse_se"].map("{:.4f}".format),
            "MAE": ranked["mae"].map("{:.4f}".format),
        }
    )


def ranking_table(board: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the ranking leaderboard: full-catalogue figures at k, highest NDCG first."""
    ranked = best_first(board, f"ndcg_at_{k}")
    table = pd.DataFrame(
        {
            "model": [label(row) for row in ranked.itertuples()],
            "family": ranked["family"].where(ranked["kind"] != ORACLE, "the truth"),
            f"NDCG@{k}": ranked[f"ndcg_at_{k}"].map("{:.4f}".format),
            "± s.e.": ranked[f"ndcg_at_{k}_se"].map("{:.4f}".format),
        }
    )
    for name, title in {
        "precision": "precision",
        "recall": "recall",
        "map": "MAP",
        "mrr": "MRR",
        "hit_rate": "hit rate",
        "coverage": "coverage",
    }.items():
        table[title] = ranked[f"{name}_at_{k}"].map("{:.4f}".format)
    return table


def liked_table(board: pd.DataFrame) -> pd.DataFrame:
    """Return how well "rated at least the threshold" is told: the confusion matrix and what follows from it.

    A figure without value (no rating predicted that high) is shown as a dash.
    """
    ranked = best_first(board, "liked.true_positives")
    ranked = best_first(ranked.assign(**{"liked.f1": ranked["liked.f1"].fillna(-1.0)}), "liked.f1")
    table = pd.DataFrame({"model": [label(row) for row in ranked.itertuples()]})
    for name in ("precision", "recall", "f1"):
        values = ranked[f"liked.{name}"] if f"liked.{name}" in ranked else pd.Series(index=ranked.index, dtype=float)
        table[name.replace("f1", "F1")] = ["–" if not value >= 0 else f"{value:.4f}" for value in values]
    for name in COUNTS:
        table[name.replace("_", " ")] = ranked[f"liked.{name}"].map("{:,.0f}".format)
    return table


def domains(board: pd.DataFrame) -> list[str]:
    """Return the domains figures are given for, sorted; none for a data set with one domain."""
    names = [str(column) for column in board]
    return sorted({name.split(".")[1] for name in names if name.startswith("domains.")})


def domain_table(board: pd.DataFrame, figure: str, *, lowest: bool = False) -> pd.DataFrame:
    """Return one figure by domain and overall, best overall first."""
    ranked = best_first(board, figure, lowest=lowest)
    table = pd.DataFrame({"model": [label(row) for row in ranked.itertuples()]})
    for domain in domains(board):
        values = ranked.reindex(columns=[f"domains.{domain}.{figure}"]).iloc[:, 0]
        table[domain] = ["–" if np.isnan(value) else f"{value:.4f}" for value in values]
    table["overall"] = ranked[figure].map("{:.4f}".format)
    return table


def leaks(board: pd.DataFrame) -> list[str]:
    """Return the models that beat the oracle by more than sampling error: proof of a leak, or of a bug."""
    if "oracle.leak" not in board:
        return []
    return list(board.loc[board["oracle.leak"].fillna(0).astype(bool), "model"])


def figure(board: pd.DataFrame, dataset: str, k: int, unit: str = "rating units") -> Figure:
    """Draw both leaderboards: dots with two standard errors, references hollow, the oracle as a dashed line.

    That of ratings is left out where no model has rating figures.
    """
    ratings = best_first(board, "rmse", lowest=True)
    rankings = best_first(board, f"ndcg_at_{k}")
    rows = max(len(ratings), len(rankings))
    panels = [(rankings, f"ndcg_at_{k}", f"NDCG@{k} on the test part, 0 to 1 (higher is better →)")]
    titles = ["Ranking the whole catalogue"]
    if len(ratings):
        panels.insert(0, (ratings, "rmse", f"RMSE on the test part, in {unit} (← lower is better)"))
        titles.insert(0, "Predicting ratings")
    size = (6.5 * len(panels), 1.6 + 0.34 * rows)
    drawn, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, constrained_layout=True)
    for axis, title, (ranked, name, text) in zip(axes.flat, titles, panels, strict=True):
        figures.ranked(
            axis,
            list(ranked["model"]),
            list(ranked[name]),
            list(ranked[f"{name}_se"].fillna(0.0)),
            label=text,
            marked=list(ranked.loc[ranked["kind"] != "model", "model"]),
            line_at=ORACLE,
        )
        axis.set_title(title)
    note = "hollow: baselines" + (" and the oracle (dashed: the ceiling)" if ORACLE in set(board["model"]) else "")
    drawn.suptitle(f"{dataset}: dots with ± 2 standard errors; {note}", fontsize=12)
    plt.close(drawn)
    return drawn
