"""The leaderboard as the stage `report` wrote it, for commands that print it: no model and no pandas is loaded."""

import csv
import io
from dataclasses import dataclass

from foldin.core import params, paths
from foldin.core.errors import FoldinError

FILE = "leaderboard.csv"
COLUMNS = {"model", "kind", "rmse", "ndcg"}
"""What every leaderboard has, whatever the data."""
ORACLE = "oracle"
DOES = {"rmse": "predicts ratings best", "ndcg": "ranks best"}
"""What the best model by each headline metric does."""


@dataclass(frozen=True)
class Winner:
    """The best model or baseline of a data set by a metric.

    Attributes
    ----------
    model : str
        Its name.
    value, half_width : float
        The metric, and half the width of its interval; NaN where it has none.
    tied : list of str
        Models and baselines whose metric does not differ significantly.
    """

    model: str
    value: float
    half_width: float
    tied: list[str]


def datasets() -> list[str]:
    """Return the data sets that have a leaderboard, sorted."""
    return sorted(file.parent.name for file in (paths.root() / "reports").glob(f"*/{FILE}"))


def rows(dataset: str, remedy: str | None = None) -> list[dict[str, str]]:
    """Return the rows of a data set's leaderboard: one for each model, and one for the oracle where there is one.

    Parameters
    ----------
    dataset : str
        The data set; it need not be in params.yaml.
    remedy : str, optional
        What a message says to do where there is no leaderboard.

    Raises
    ------
    FoldinError
        When there is none, or it is not whole, such as one with both sides of a merge conflict.
    """
    table = paths.reports(dataset) / FILE
    if not table.is_file():
        if remedy is None and dataset in params.datasets():
            remedy = f"make it: dvc repro report@{dataset}"
        remedy = remedy or f"there are reports of: {', '.join(datasets()) or 'none'}"
        raise FoldinError("no leaderboard here", where=table.relative_to(paths.root()), remedy=remedy)
    try:
        # A file that was cut off ends within a line; a cell of a number that was cut would be another number.
        text = table.read_bytes().decode("utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        found = list(reader)
        whole = text.endswith("\n") and {*(reader.fieldnames or [])} >= COLUMNS
    except (UnicodeDecodeError, csv.Error):
        found, whole = [], False
    if not found or not whole or any(None in row or None in row.values() for row in found):
        place = table.relative_to(paths.root())
        again = f", or make it again: dvc repro report@{dataset}" if dataset in params.datasets() else ""
        what, remedy = "the leaderboard is not whole", f"restore it: git checkout {place}{again}"
        raise FoldinError(what, where=place, remedy=remedy)
    return found


def winner(board: list[dict[str, str]], metric: str) -> Winner | None:
    """Return the best model or baseline by a metric, the first by name of equals; None where none has the metric.

    Parameters
    ----------
    board : list of dict
        As `rows` returns it.
    metric : str
        "rmse" or "ndcg".
    """
    scored = [row for row in board if row[metric] and row["kind"] != ORACLE]
    if not scored:
        return None
    sign = 1 if metric == "rmse" else -1
    best = min(scored, key=lambda row: (sign * float(row[metric]), row["model"]))
    tied = [row["model"] for row in scored if row.get(f"{metric}_tied") == "True" and row is not best]
    low, high = (float(best.get(f"{metric}_{end}") or "nan") for end in ("low", "high"))
    return Winner(best["model"], float(best[metric]), (high - low) / 2, tied)
