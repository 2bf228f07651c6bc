"""`foldin show [DATASET]`: the leaderboard in a terminal, from the files in git.

It reads the table that the stage `report` wrote, so it works in a fresh clone, and imports no model.
"""

import csv
import re
from collections.abc import Sequence

from tabulate import tabulate  # type: ignore[import-untyped]

from foldin.core import params, paths
from foldin.core.errors import FoldinError

KINDS = {"baseline": " (baseline)", "oracle": " (the truth)"}


def run(dataset: str | None = None) -> None:
    """Print the leaderboard of a data set, or of each one of params.yaml.

    Parameters
    ----------
    dataset : str, optional
        The data set; it need not be in params.yaml.

    Raises
    ------
    FoldinError
        When there is no report of it.
    """
    for place, name in enumerate([dataset] if dataset else params.datasets()):
        print(("\n" if place else "") + text(name))


def text(dataset: str) -> str:
    """Return the leaderboard of a data set, best NDCG first, in at most 120 columns.

    Raises
    ------
    FoldinError
        When there is no report of it.
    """
    rows = read(dataset)
    at = _list_length(dataset)
    heads = {"model": "model", "family": "family"}
    if any(row["rmse"] for row in rows):
        heads |= {"rmse": "RMSE", "rmse_interval": "interval", "mae": "MAE"}
    heads |= {"ndcg": f"NDCG{at}", "ndcg_interval": "interval", "recall": f"recall{at}", "coverage": f"coverage{at}"}
    table = [[_cell(row, name) for name in heads] for row in rows]
    best = [_winner(rows, name, title) for name, title in (("rmse", "RMSE"), ("ndcg", f"NDCG{at}"))]
    return "\n".join(
        [
            *(f"{dataset}: {sentence}" for sentence in best if sentence),
            "",
            tabulate(table, list(heads.values()), tablefmt="simple", disable_numparse=True),
            "",
            "* the best, or tied with it. Intervals are not corrected for multiple comparisons.",
            f"More: reports/{dataset}/README.md",
        ]
    )


def read(dataset: str) -> list[dict[str, str]]:
    """Return the rows of a data set's leaderboard.csv: one for each model.

    Raises
    ------
    FoldinError
        When there is no report of the data set.
    """
    table = paths.reports(dataset) / "leaderboard.csv"
    if not table.is_file():
        known = sorted(file.parent.name for file in (paths.root() / "reports").glob("*/leaderboard.csv"))
        remedy = f"make it: dvc repro report@{dataset}"
        if dataset not in params.datasets():
            remedy = f"there are reports of: {', '.join(known) or 'none'}"
        raise FoldinError("no leaderboard here", where=table.relative_to(paths.root()), remedy=remedy)
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _list_length(dataset: str) -> str:
    """Return "@10" where lists of 10 were judged: the headline metrics say so, the table of the report does not."""
    for file in sorted((paths.reports(dataset) / "metrics").glob("*/*.json")):
        found = re.search(r'"(?:sampled_)?ndcg_at_(\d+)"', file.read_text(encoding="utf-8"))
        if found:
            return f"@{found[1]}"
    return ""


def _winner(rows: Sequence[dict[str, str]], name: str, title: str) -> str:
    scored = [row for row in rows if row[name] and row["kind"] != "oracle"]
    if not scored:
        return ""
    best = (min if name == "rmse" else max)(scored, key=lambda row: float(row[name]))
    tied = sum(row.get(f"{name}_tied") == "True" for row in scored)
    lead = "a significant lead" if tied < 2 else f"tied with {tied - 1} more"
    return f"{best['model']} has the best {title} ({float(best[name]):.4f}, {lead})"


def _cell(row: dict[str, str], name: str) -> str:
    if name == "model":
        return row["model"] + KINDS.get(row["kind"], "")
    if name == "family":
        return row["family"] if row["kind"] != "oracle" else ""
    metric, _, interval = name.partition("_")
    if interval:
        low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
        return f"{float(low):.4f}–{float(high):.4f}" if low and high else ""
    mark = ("*" if row.get(f"{metric}_tied") == "True" else " ") if metric in ("rmse", "ndcg") else ""
    return f"{float(row[metric]):.4f}{mark}" if row.get(metric) else "–"
