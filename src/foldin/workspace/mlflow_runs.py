"""`foldin mlflow`: the results of this commit as runs of MLflow, in a folder, without a server.

An experiment is a data set. In it, a run of the commit holds the report and its plots, and below it each model has a
run with the settings it was trained with, its headline metrics and their intervals. MLflow 3 keeps runs in SQLite; its
older store of plain files is switched off.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foldin.core import extras, paths
from foldin.core.errors import FoldinError
from foldin.metrics import definitions
from foldin.report import standings
from foldin.workspace import pipeline
from foldin.workspace.revision import WORKSPACE, Revision

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
COMMIT, PARENT, NAME = "mlflow.source.git.commit", "mlflow.parentRunId", "mlflow.runName"
"""Tags of runs that MLflow itself knows."""
SHOWN = ("README.md", "report.html", "leaderboard.csv", "definitions.json", "plots")
"""What of reports/<data set> is kept with the run of the commit."""
SHARED = ("split", "subset", "clean", "seed")
"""Parameters of the run of the commit, as far as dvc.lock has them."""
SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
"""MLflow sends what is called and how long it took, unless one of the first two is set; it makes its database aloud."""


WRITTEN = "{dataset}: {n} models of commit {commit} written to {to}."


def run(to: Path, datasets: list[str]) -> None:
    """Write the results of this commit, those that are not there yet.

    Parameters
    ----------
    to : Path
        The folder of runs; made if it is not there.
    datasets : list of str
        The data sets, whose pipeline has run.

    Raises
    ------
    FoldinError
        When the extra is not installed, results are not committed, or dvc.lock does not know a stage.
    """
    extras.require("mlflow", "this needs MLflow", "mlflow")
    if to.exists() and not to.is_dir():
        raise FoldinError("is no folder", where=to, remedy="name a folder with --to")
    commit, seconds = _commit(datasets)
    boards = {dataset: _board(dataset) for dataset in datasets}
    settings = {dataset: _settings(dataset, board) for dataset, board in boards.items()}
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _write(to, commit, seconds, boards, settings)
    except (MlflowException, SQLAlchemyError) as error:
        said = str(error).splitlines()[0]
        raise FoldinError(
            f"MLflow cannot use this store ({said})", where=to / DATABASE, remedy="name a new folder with --to"
        ) from None


def _write(
    to: Path, commit: str, seconds: int, boards: dict[str, list[dict[str, str]]], settings: dict[str, dict[str, Any]]
) -> None:
    client = _client(to)
    for dataset, board in boards.items():
        experiment = _experiment(client, to, dataset)
        if _is_there(client, experiment, commit):
            print(f"{dataset}: the runs of commit {commit[:7]} are in {to} already.")
            continue
        whole = _start(client, experiment, commit, seconds, f"{dataset} at {commit[:7]}", {})
        _log(client, whole, _flat(settings[dataset][""]), {})
        for name in SHOWN:
            place = paths.reports(dataset) / name
            if place.is_dir():
                client.log_artifacts(whole, str(place), name)
            elif place.is_file():
                client.log_artifact(whole, str(place))
        for row in board:
            tags = {PARENT: whole, **{f"foldin.{key}": row[key] for key in ("family", "kind")}, **_ties(row)}
            one = _start(client, experiment, commit, seconds, row["model"], tags)
            _log(client, one, _flat(settings[dataset][row["model"]]), _metrics(dataset, row))
            client.set_terminated(one, end_time=seconds * 1000)
        # The last thing written: a run without it was interrupted.
        client.set_terminated(whole, end_time=seconds * 1000)
        print(WRITTEN.format(dataset=dataset, n=len(board), commit=commit[:7], to=to))


def _commit(datasets: list[str]) -> tuple[str, int]:
    """Return the commit that is checked out, and its time in seconds since 1970; refuse uncommitted results."""
    results = [f"reports/{dataset}" for dataset in datasets]
    changed = _git("status", "--porcelain", "--untracked-files=all", "--", "params.yaml", "dvc.lock", *results)
    if changed:
        first, *more = (line[3:] for line in changed.splitlines())
        others = f" and {len(more):,} more" if more else ""
        raise FoldinError(f"not committed: {first}{others}", remedy="commit it, so that runs name their commit")
    commit, seconds = _git("log", "-1", "--format=%H %ct").split()
    return commit, int(seconds)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=paths.root(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["git failed"]
        raise FoldinError(f"no commit here ({said[0]})", where=paths.root(), remedy="run this in a git repository")
    return done.stdout.rstrip("\n")


def _board(dataset: str) -> list[dict[str, str]]:
    """Return the models of a leaderboard; the oracle is none."""
    return [row for row in standings.rows(dataset, "make it: make repro") if row["kind"] != standings.ORACLE]


def _settings(dataset: str, board: list[dict[str, str]]) -> dict[str, Any]:
    """Return the parameters that training used, by model, as dvc.lock has them; those of the data set under ""."""
    from foldin import models

    families = {row["family"] for row in board}
    needed = {family: f"train@{dataset}-{family}" for family in sorted(families)}
    data = f"user_item@{dataset}"
    known = pipeline.entries([*needed.values(), f"clean@{dataset}", data])
    if missing := [name for name in [*needed.values(), data] if name not in known]:
        raise FoldinError(
            f"does not know the stage {missing[0]}", where="dvc.lock", remedy=f"run it: dvc repro {missing[0]}"
        )
    used = {name: (entry.get("params") or {}).get("params.yaml") or {} for name, entry in known.items()}
    shared: dict[str, Any] = {}
    for name in (f"clean@{dataset}", data):
        shared |= {key: value for key, value in used.get(name, {}).items() if key.split(".")[0] in SHARED}
    found: dict[str, Any] = {"": shared}
    for row in board:
        of_stage = used[needed[row["family"]]]
        tuned = models.chosen(dataset, row["family"]).get(row["model"], {})
        seed = {"seed": of_stage["seed"]} if "seed" in of_stage else {}
        found[row["model"]] = {**((of_stage.get(row["family"]) or {}).get(row["model"]) or {}), **tuned, **seed}
    return found


def _metrics(dataset: str, row: Mapping[str, str]) -> dict[str, float]:
    """Return a model's headline metrics, with `_low` and `_high` of those that have an interval."""
    table = Revision(WORKSPACE).read_json(paths.table(dataset, row["family"]).relative_to(paths.root()).as_posix())
    found = definitions.headline(table.get(row["model"], {}))
    for name in list(found):
        for end in ("low", "high"):
            if value := row.get(f"{definitions.base(name)}_{end}"):
                found[f"{name}_{end}"] = float(value)
    return found


def _ties(row: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that say of which metrics a model is the best, or tied with the best."""
    names = [name.removesuffix("_tied") for name, value in row.items() if name.endswith("_tied") and value == "True"]
    return {f"foldin.best_or_tied.{name}": "true" for name in names}


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Return nested parameters under names joined by dots, as text."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = str(value)
    return found


def _client(to: Path) -> Any:
    # Before the import, which reads them.
    os.environ.update(SILENT)
    to.mkdir(parents=True, exist_ok=True)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{(to / DATABASE).absolute()}")


def _experiment(client: Any, to: Path, dataset: str) -> str:
    found = client.get_experiment_by_name(dataset)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(dataset, artifact_location=(to.absolute() / ARTIFACTS / dataset).as_uri()))


def _is_there(client: Any, experiment: str, commit: str) -> bool:
    """Return whether the runs of a commit are all there; those of an interrupted export are deleted."""
    runs = list(_runs(client, experiment, commit))
    if any(one.info.status == "FINISHED" and PARENT not in one.data.tags for one in runs):
        return True
    for one in runs:
        client.delete_run(one.info.run_id)
    return False


def _runs(client: Any, experiment: str, commit: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{COMMIT}` = '{commit}'", page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _start(client: Any, experiment: str, commit: str, seconds: int, name: str, tags: Mapping[str, str]) -> str:
    # The time of the commit: when the export ran says nothing of the results.
    every = {COMMIT: commit, NAME: name, "mlflow.source.name": "foldin", **tags}
    return str(client.create_run(experiment, start_time=seconds * 1000, tags=every, run_name=name).info.run_id)


def _log(client: Any, identity: str, parameters: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    client.log_batch(
        identity,
        metrics=[Metric(name, value, 0, 0) for name, value in sorted(metrics.items())],
        params=[Param(name, value) for name, value in sorted(parameters.items())],
    )
