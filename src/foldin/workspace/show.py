"""`foldin show DATASET`: the leaderboard in a terminal, from the files in git; with --costs, what the models cost.

The leaderboard is the table that the stage `report` wrote, so it works in a fresh clone. Costs are those of the last
runs in this checkout, and differ each time, so no page of reports/ has them. Neither imports a model.
"""

import re

from tabulate import tabulate  # type: ignore[import-untyped]

from foldin.core import files, params, paths
from foldin.core.errors import FoldinError
from foldin.report import standings

KINDS = {"oracle": " (the truth)"}


def run(dataset: str | None = None, *, costs: bool = False) -> None:
    """Print the leaderboard of a data set, or of each one of params.yaml.

    Parameters
    ----------
    dataset : str, optional
        The data set; it need not be in params.yaml.
    costs : bool, optional
        Print what its models cost instead.

    Raises
    ------
    FoldinError
        When there is no report of it, or nothing is known of its costs.
    """
    for place, name in enumerate([dataset] if dataset else params.datasets()):
        print(("\n" if place else "") + (costs_text(name) if costs else text(name)))


def text(dataset: str) -> str:
    """Return the leaderboard of a data set, best NDCG first, in at most 120 columns.

    Raises
    ------
    FoldinError
        When there is no report of it.
    """
    rows = standings.rows(dataset)
    at = list_length(dataset)
    heads = {"model": "model", "family": "family"}
    if any(row["rmse"] for row in rows):
        heads |= {"rmse": "RMSE", "rmse_interval": "interval", "mae": "MAE"}
    heads |= {"ndcg": f"NDCG{at}", "ndcg_interval": "interval", "recall": f"recall{at}", "coverage": f"coverage{at}"}
    table = [[_cell(row, name) for name in heads] for row in rows]
    titles = {"rmse": "RMSE", "ndcg": f"NDCG{at}"}
    best = [(title, standings.winner(rows, name)) for name, title in titles.items()]
    return "\n".join(
        [
            *(f"{dataset}: {_said(found, title)}" for title, found in best if found),
            "",
            tabulate(table, list(heads.values()), tablefmt="simple", disable_numparse=True),
            "",
            "* the best, or tied with it. Intervals are not corrected for multiple comparisons.",
            f"More: reports/{dataset}/README.md",
        ]
    )


COSTS = {
    "model": "model",
    "family": "family",
    "seconds_trying_out": "try out (s)",
    "seconds_training": "train (s)",
    "peak_megabytes_training": "peak (MB)",
    "seconds_scoring": "score (s)",
    "megabytes_on_disk": "on disk (MB)",
}
"""The columns of `foldin show --costs`."""


def costs_text(dataset: str) -> str:
    """Return what each model of a data set cost, by family, in at most 120 columns.

    Raises
    ------
    FoldinError
        When neither `train` nor `evaluate` of the data set ran here.
    """
    rows: list[dict[str, str | float]] = []
    for family in params.families():
        found = [_costs(dataset, stage, family) for stage in ("train", "evaluate")]
        for name in sorted(set().union(*found)):
            row: dict[str, str | float] = {"model": name, "family": family}
            folder = paths.models(dataset, family) / name
            if folder.is_dir():
                row["megabytes_on_disk"] = (
                    sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
                )
            for costs in found:
                row.update(costs.get(name, {}))
            rows.append(row)
    if not rows:
        remedy = f"they are measured when a stage runs: dvc repro -f train@{dataset}-FAMILY"
        where = paths.costs(dataset, "train", "x").parents[1].relative_to(paths.root())
        raise FoldinError("no costs measured here yet", where=where, remedy=remedy)
    shown = [[_of_costs(row.get(column, "–")) for column in COSTS] for row in rows]
    align = ["left" if column in ("model", "family") else "right" for column in COSTS]
    return "\n".join(
        [
            f"{dataset}: what each model cost when its stages last ran in this checkout, on this machine",
            "",
            tabulate(shown, list(COSTS.values()), tablefmt="simple", disable_numparse=True, colalign=align),
            "",
            "try out: learn from the train part and choose epochs; the first model of a family also loads libraries.",
            "train: learn from train and validation part, with one seed. peak: peak memory of the process.",
            "score: predict the test part, and score all items for its users. on disk: the saved model, one seed.",
            "Fits with other seeds run at the same time on other cores (params.yaml: processes), and slow these down.",
        ]
    )


def _costs(dataset: str, stage: str, family: str) -> dict[str, dict[str, float]]:
    file = paths.costs(dataset, stage, family)
    if not file.is_file():
        return {}
    remedy = f"remove it, or measure again: dvc repro -f {stage}@{dataset}-{family}"
    found: dict[str, dict[str, float]] = files.read_json(file, remedy)
    return found


def _of_costs(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def list_length(dataset: str) -> str:
    """Return "@10" where lists have 10 items: the headline metrics say so, the table of the report does not."""
    for file in sorted((paths.reports(dataset) / "metrics").glob("*/*.json")):
        found = re.search(r'"(?:sampled_)?ndcg_at_(\d+)"', file.read_text(encoding="utf-8"))
        if found:
            return f"@{found[1]}"
    return ""


def _said(found: standings.Winner, title: str) -> str:
    lead = f"tied with {len(found.tied)} more" if found.tied else "a significant lead"
    return f"{found.model} has the best {title} ({found.value:.4f}, {lead})"


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
