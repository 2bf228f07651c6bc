"""`foldin experiments`: experiments side by side, first the parameters that differ, then RMSE and NDCG.

`dvc exp show` has a column for each parameter, metric and dependency, under names as long as their paths. This command
shows what differs, under short names, in the width of a terminal, and with no pager.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from tabulate import tabulate  # type: ignore[import-untyped]

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.metrics import definitions
from foldin.workspace.revision import WORKSPACE

SHOWN = ("rmse", "ndcg")
WIDTH = 120
"""Columns where the output is no terminal."""
Column = tuple[str, dict[str, str]]
"""What a row is called; experiment → what it has there."""


def run() -> None:
    """Print the parameters, and the RMSE and NDCG of models, that differ between experiments.

    Raises
    ------
    FoldinError
        When DVC cannot show experiments.
    """
    print(text(_shown_by_dvc(), shutil.get_terminal_size((WIDTH, 24)).columns))


def text(commits: Sequence[Mapping[str, Any]], width: int) -> str:
    """Return the table of experiments, no wider than a terminal.

    Parameters
    ----------
    commits : sequence of mapping
        As `dvc exp show --json` gives them.
    width : int
        Columns of the terminal.
    """
    runs = dict(_runs(commits))
    parameters = _differing({name: _flat(each.get("params", {})) for name, each in runs.items()}, str)
    files = {name: _of_models(each.get("metrics", {})) for name, each in runs.items()}
    several = len({dataset for each in files.values() for dataset, _ in each}) > 1
    metrics = _differing({name: _headlines(each, several) for name, each in files.items()}, "{:.4f}".format)
    if not parameters and not metrics:
        return f"Nothing differs between {', '.join(runs)}. Make an experiment: dvc exp run -S KEY=VALUE"
    upright = tabulate(
        [[name, *(values[name] for _, values in [*parameters, *metrics])] for name in runs],
        ["experiment", *(_on_lines(title) for title, _ in [*parameters, *metrics])],
        tablefmt="simple",
        disable_numparse=True,
    )
    if _width(upright) <= width:
        return str(upright)
    return "\n\n".join(_blocks(list(runs), [parameters, metrics], width))


def _blocks(names: list[str], parts: list[list[Column]], width: int) -> Iterable[str]:
    """Yield tables with a column for each experiment, as many beside each other as fit."""
    start = 0
    while start < len(names):
        for end in range(len(names), start, -1):
            table = _across(names[start:end], parts)
            if _width(table) <= width or end == start + 1:
                yield table
                start = end
                break


def _across(names: list[str], parts: list[list[Column]]) -> str:
    rows: list[list[str]] = []
    for columns in parts:
        rows += [[""] * (1 + len(names))] if rows and columns else []
        rows += [[title, *(values[name] for name in names)] for title, values in columns]
    return str(tabulate(rows, ["", *names], tablefmt="simple", disable_numparse=True))


def _width(table: str) -> int:
    return max(map(len, table.splitlines()))


def _on_lines(title: str) -> str:
    """Return a title on several lines: `als.als-explicit.factors` would be wider than any value below it."""
    return title.replace(".", ".\n").replace(" ", "\n")


def _runs(commits: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield the workspace, commits and experiments by name, with their parameters and metrics."""
    for commit in commits:
        yield _name(commit), commit.get("data") or {}
        for experiment in commit.get("experiments") or []:
            for each in experiment.get("revs", []):
                yield _name(each), each.get("data") or {}


def _name(revision: Mapping[str, Any]) -> str:
    rev = str(revision["rev"])
    return revision.get("name") or (rev if rev == WORKSPACE else rev[:7])


def _flat(files: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of files by their names, with points between levels."""
    found: dict[str, Any] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{name}.{key}" if name else str(key), inner)
        else:
            found[name] = value

    for content in files.values():
        add("", content.get("data", {}))
    return found


def _of_models(files: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the metrics of models by data set and model; older commits have files of domains and accounts as well."""
    found = {}
    for file, content in files.items():
        match PurePosixPath(file).parts:
            case ("reports", dataset, "metrics", _, name) if name.count(".") == 1:
                found[dataset, PurePosixPath(name).stem] = content.get("data", {})
    return found


def _headlines(models: Mapping[tuple[str, str], Mapping[str, Any]], several: bool) -> dict[str, Any]:
    """Return RMSE and NDCG by model, and data set where there are several."""
    return {
        f"{dataset} {model} {definitions.base(name)}" if several else f"{model} {definitions.base(name)}": value
        for (dataset, model), values in models.items()
        for name, value in values.items()
        if definitions.is_headline(name) and definitions.base(name) in SHOWN
    }


def _differing(values: Mapping[str, Mapping[str, Any]], form: Callable[[Any], str]) -> list[Column]:
    """Return what is not the same in all experiments, as text, in the order of its first appearance."""
    names = dict.fromkeys(name for each in values.values() for name in each)
    columns = [
        (name, {run: form(each[name]) if each.get(name) is not None else "–" for run, each in values.items()})
        for name in names
    ]
    return [(name, column) for name, column in columns if any(a != b for a, b in pairwise(column.values()))]


def _shown_by_dvc() -> list[Mapping[str, Any]]:
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    done = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise FoldinError(
            f"DVC cannot show experiments: {done.stderr.strip().splitlines()[-1:]}", remedy="look: dvc exp show"
        )
    found: list[Mapping[str, Any]] = json.loads(done.stdout)
    return found
