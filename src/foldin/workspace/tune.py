"""Searches the settings of a family on training data, trials side by side in processes of one thread each.

`foldin tune demo als` shows what a search finds; the stage `tune` writes it, for `train` and the report. Either goes on
from the trials that the other left. What is found does not depend on the number of processes.
"""

import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import pandas as pd

from foldin.core import determinism, files, params, paths, progress
from foldin.core.errors import FoldinError
from foldin.core.progress import say
from foldin.tuning import run_trial, search, spaces, trials
from foldin.tuning.log import Log
from foldin.tuning.spaces import Plan
from foldin.tuning.trials import Job, Outcome, Trial
from foldin.workspace import end_with_parent, source_lists


def run(dataset: str, family: str, model: str | None = None, *, write: bool = False) -> None:
    """Search the settings of a family's models, and print the best.

    Parameters
    ----------
    dataset : str
        The data set, whose stage `user_item` has run.
    family : str
        The model family, of whose models those are searched that `tune.models` names.
    model : str, optional
        Only this model.
    write : bool, optional
        Whether to write the account and the table of trials, as the stage does.

    Raises
    ------
    FoldinError
        When there is nothing to search, or no trial comes to an end.
    """
    wanted = spaces.plans(family)
    if model is not None:
        if model not in wanted:
            what = f"tune.models.{family} has nothing of '{model}' to search"
            raise FoldinError(what, where="params.yaml", remedy=params.nearest(model, list(wanted)))
        wanted = {model: wanted[model]}
    found = {name: search_model(dataset, family, plan) for name, plan in wanted.items()}
    if write:
        files.write_csv(paths.trials(dataset, family), table(wanted, found))
        chosen = {name: account(plan, found[name]) for name, plan in wanted.items()}
        text = json.dumps(chosen, indent=2, sort_keys=True)
        files.write_text(paths.account(dataset, f"tuning/{family}"), text)
    for name, plan in wanted.items():
        print("\n".join(summary(family, plan, found[name])))


def search_model(dataset: str, family: str, plan: Plan, processes: int | None = None) -> list[Trial]:
    """Search the settings of one model.

    Parameters
    ----------
    dataset, family : str
        The data set, and the model's family.
    plan : Plan
        What to try, and how.
    processes : int, optional
        Processes to run trials in; as many as there are cores and trials in a batch unless given.

    Returns
    -------
    list of Trial
        All trials, that of params.yaml first.
    """
    how, task = plan.search, task_of(dataset, family, plan)
    log = Log(paths.trial_log(dataset, family, plan.name), _fingerprint(task, plan))
    total = search.count(plan.space, how)
    say(f"{dataset}: {plan.name}: {total} trials, {how.method}" + (f"; {len(log)} are kept" if len(log) else ""))
    shown = _Shown(f"{dataset}: {plan.name}", total, lower_is_better=plan.cls.predicts_ratings)
    if processes is None:
        processes = 1 if params.device() == "gpu" else min(how.parallel, len(os.sched_getaffinity(0)))
    with _workers(processes) as pool:

        def run_all(jobs: Sequence[Job]) -> list[Outcome]:
            running = {pool.submit(run_trial.run, task, job): job for job in jobs if log.get(job) is None}
            for future in as_completed(running):
                log.add(running[future], future.result())
                shown.say(running[future], future.result())
            return [outcome for job in jobs if (outcome := log.get(job)) is not None]

        return search.search(plan.space, how, task.seed, run_all, lower_is_better=plan.cls.predicts_ratings)


def task_of(dataset: str, family: str, plan: Plan) -> run_trial.Task:
    """Return what all trials of a search have in common."""
    return run_trial.Task(
        dataset,
        family,
        plan.name,
        plan.settings.model_dump(),
        params.seed(),
        params.list_length(),
        plan.search.folds,
        plan.search.prune_after,
    )


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes of one thread each on the CPU lane; they end when this one does, and when it fails."""
    lane = determinism.variables(1, params.device())
    before = {name: os.environ.get(name) for name in lane}
    # A process reads its environment when it starts, which the pool does when there is work.
    os.environ.update(lane)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_start, initargs=(os.getpid(),))
    try:
        yield pool
    except BrokenProcessPool:
        remedy = "most often memory ran out: close programs, or lower tune.search.parallel; then run it again"
        raise FoldinError("the process of a trial died", remedy=remedy) from None
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _start(started_by: int) -> None:
    # Epochs of trials side by side, mixed, tell nobody anything.
    os.environ[progress.VARIABLE] = os.devnull
    # Ctrl-C reaches all processes of a terminal; the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent.end_worker_with(started_by)


def _fingerprint(task: run_trial.Task, plan: Plan) -> str:
    """Return a digest of what outcomes depend on, so that none is taken from a log that is of something else."""
    data = paths.user_item(task.dataset)
    files.require(task.dataset, "user_item", "user-item matrices", data / "scale.json")
    stages = source_lists.stages()
    about = {
        "task": vars(task),
        "space": {name: repr(dimension) for name, dimension in plan.space.items()},
        "search": plan.search.model_dump(exclude={"trials"}),
        "device": params.device(),
        "data": {file.name: files.md5(file) for file in sorted(data.iterdir())},
        "source": source_lists.lines(stages[f"tune-{task.family}"]),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


class _Shown:
    """Says how each trial ended, and which is the best so far."""

    def __init__(self, place: str, total: int, *, lower_is_better: bool) -> None:
        self._place, self._total, self._lower = place, total, lower_is_better
        self._found: list[Trial] = []

    def say(self, job: Job, outcome: Outcome) -> None:
        self._found.append(Trial(job.number, job.settings, outcome))
        best = trials.best(self._found, lower_is_better=self._lower)
        value = outcome.state if outcome.value is None else f"{outcome.value:.4f}"
        named = f"trial {job.number} of {self._total}" if job.number else "params.yaml"
        so_far = f" (best {best.outcome.value:.4f})" if best else ""
        say(f"{self._place}: {named}: {value}{so_far}{': ' if job.settings else ''}{written(job.settings)}")


def written(settings: Mapping[str, Any]) -> str:
    """Return settings as one reads them: `factors 32, regularization 0.1`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def chosen(plan: Plan, found: list[Trial]) -> Trial:
    """Return the best trial of a search, that of params.yaml included.

    Raises
    ------
    FoldinError
        When no trial is complete.
    """
    best = trials.best(found, lower_is_better=plan.cls.predicts_ratings)
    if best is None:
        remedy = "try other values: every trial diverged"
        raise FoldinError(f"no trial of {plan.name} came to an end", where="params.yaml (tune.models)", remedy=remedy)
    return best


def metric(plan: Plan) -> str:
    """Return the name of the metric that a search of a model goes by."""
    return "rmse" if plan.cls.predicts_ratings else f"ndcg_at_{params.list_length()}"


def account(plan: Plan, found: list[Trial]) -> dict[str, Any]:
    """Return what is written of a search: values searched, as params.yaml has them and as chosen, and their metric."""
    best, given = chosen(plan, found), plan.settings.model_dump()
    before = {name: given[name] for name in plan.space}
    return {
        "chosen": before | best.settings,
        "params": before,
        "metric": metric(plan),
        "value": best.outcome.value,
        "value_of_params": found[0].outcome.value,
        "trial": best.number,
        "method": plan.search.method,
        "folds": plan.search.folds,
        "trials": {
            state: sum(trial.outcome.state == state for trial in found[1:])
            for state in (trials.COMPLETE, trials.PRUNED, trials.DIVERGED)
        },
    }


def table(wanted: Mapping[str, Plan], found: Mapping[str, list[Trial]]) -> pd.DataFrame:
    """Return all trials of a family, a row each; `best` is the best value so far, trial 0 the values of params.yaml."""
    rows = []
    for name, plan in wanted.items():
        for place, trial in enumerate(found[name]):
            best = trials.best(found[name][: place + 1], lower_is_better=plan.cls.predicts_ratings)
            rows.append(
                {
                    "model": name,
                    "trial": trial.number,
                    "metric": metric(plan),
                    "value": trial.outcome.value,
                    "best": best.outcome.value if best else None,
                    "state": trial.outcome.state,
                    "epochs": len(trial.outcome.curve),
                    "settings": written(trial.settings) or "those of params.yaml",
                }
            )
    return pd.DataFrame(rows)


def summary(family: str, plan: Plan, found: list[Trial]) -> list[str]:
    """Return what a person reads of a search: the best values, and where to write them."""
    best, before = chosen(plan, found), found[0].outcome.value
    name = metric(plan).replace("_at_", "@").upper()
    old = "which diverges" if before is None else f"{name} {before:.4f}"
    if not best.number:
        return [f"{plan.name}: no trial is better than params.yaml ({old})"]
    lines = [
        f"{plan.name}: {name} {best.outcome.value:.4f} in trial {best.number}; params.yaml: {old}",
        f"To keep these values, write into params.yaml; or add {family} to tune.families, to search on each data set:",
        f"{family}:",
        f"  {plan.name}:",
    ]
    return lines + [f"    {key}: {value}" for key, value in best.settings.items()]
