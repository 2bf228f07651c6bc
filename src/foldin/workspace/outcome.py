"""`foldin outcome`, which ends `make repro`: the report, the best models, and whether results match the commit.

It reads the table that the stage `report` wrote and asks git, which has the metrics of the commit.
"""

import subprocess
from pathlib import Path

import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.metrics import definitions
from foldin.report import verdict

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
    board = pd.read_csv(table)
    values = board.set_index("model")
    best = verdict.winners(board, {name: name for name in verdict.DOES})
    return "; ".join(
        f"{model} {verdict.DOES[name]} ({definitions.METRICS[name].title} {float(values[name].loc[model]):.4f})"
        for name, model in best.items()
    )


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
