"""`foldin outcome`, which ends `make repro`: where the report is, who wins, and whether all is as in the commit.

It reads the table that the stage `report` wrote and asks git, which has the metrics of the commit.
"""

import csv
import subprocess
from pathlib import Path

from foldin.core import params, paths
from foldin.core.errors import FoldinError

MOST_NAMED = 5
"""Files that are named before the rest are counted."""


def run() -> None:
    """Print a line for each data set of params.yaml, and one about the commit.

    Raises
    ------
    FoldinError
        When a data set has no report yet.
    """
    for dataset in params.datasets():
        print(f"Read the comparison: {(paths.reports(dataset) / 'README.md').relative_to(paths.root())}")
        print(f"  {winners(paths.reports(dataset) / 'leaderboard.csv')}")
    print(against_commit())


def winners(table: Path) -> str:
    """Return who predicts ratings best and who ranks best, of the models and baselines of a leaderboard.

    Parameters
    ----------
    table : Path
        leaderboard.csv, as the stage `report` writes it.

    Raises
    ------
    FoldinError
        When there is none.
    """
    if not table.is_file():
        where = table.relative_to(paths.root())
        raise FoldinError("no leaderboard here", where=where, remedy="make it first: make repro")
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] != "oracle"]
    found = []
    for column, best, does, name in (
        ("rmse", min, "predicts ratings best", "RMSE"),
        ("ndcg", max, "ranks best", "NDCG"),
    ):
        scored = [row for row in rows if row.get(column)]
        if scored:
            winner = best(scored, key=lambda row: float(row[column]))
            found.append(f"{winner['model']} {does} ({name} {float(winner[column]):.4f})")
    return "; ".join(found)


def against_commit() -> str:
    """Return whether the reports and dvc.lock are those of the commit that is checked out, or which files differ."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--", "reports", "dvc.lock"]
    asked = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return "No commit to compare with: this folder is no git repository."
    changed = [line[3:] for line in asked.stdout.splitlines()]
    if not changed:
        return "All metrics, plots and hashes are those of this commit."
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    return f"Not as in this commit: {', '.join(changed[:MOST_NAMED])}{more}. Look: dvc metrics diff; git diff --stat"
