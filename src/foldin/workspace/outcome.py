"""`foldin outcome`, which ends `make repro`: the report, the best models, and whether results match the commit.

It reads the table that the stage `report` wrote and asks git, which has the metrics of the commit.
"""

import subprocess

from foldin.core import params, paths
from foldin.metrics import definitions
from foldin.report import standings

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
        print(f"  {winners(dataset)}")
    print(against_commit())


def winners(dataset: str) -> str:
    """Return who predicts ratings best and who ranks best, of the models and baselines of a data set's leaderboard.

    Raises
    ------
    FoldinError
        When there is none.
    """
    board = standings.rows(dataset, "make it first: make repro")
    best = {metric: standings.winner(board, metric) for metric in standings.DOES}
    return "; ".join(
        f"{found.model} {standings.DOES[metric]} ({definitions.METRICS[metric].title} {found.value:.4f})"
        for metric, found in best.items()
        if found
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
