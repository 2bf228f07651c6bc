"""Searches the settings of a family on training data, trials side by side in processes of one thread each.

`foldin tune demo als` shows what a search finds; the stage `tune` writes it, for `train` and the report. Either goes on
from the trials that the other left. What is found does not depend on the number of processes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from foldin.core import determinism, files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import say
from foldin.tuning import found, run_trial, search, spaces, trials
from foldin.tuning.found import Found
from foldin.tuning.log import Log
from foldin.tuning.spaces import Plan
from foldin.tuning.trials import Job, Outcome
from foldin.workspace import end_with_parent, source_lists, workers


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
    KeyboardInterrupt
        After Ctrl-C: says how many trials are saved, and which command goes on.
    """
    plans = spaces.plans(family)
    if model is not None:
        if model not in plans:
            what = f"tune.models.{family} has nothing of '{model}' to search"
            raise FoldinError(what, where="params.yaml", remedy=params.nearest(model, list(plans)))
        plans = {model: plans[model]}
    searches = []
    for plan in plans.values():
        try:
            searches.append(search_model(dataset, family, plan))
        except KeyboardInterrupt as stopped:
            if not str(stopped):  # before the first trial
                raise
            again = f"foldin tune {dataset} {family}{f' --model {model}' if model else ''}{' --write' * write}"
            again = "dvc repro" if end_with_parent.STARTED_BY_DVC in os.environ else again
            raise KeyboardInterrupt(f"stopped; {stopped} saved, and this goes on from there: {again}") from None
    if not any(searched.possible for searched in searches):
        raise searches[0].fruitless()
    if write:
        table, account = paths.trials(dataset, family), paths.account(dataset, f"tuning/{family}")
        files.write_csv(table, found.table(searches))
        # Settings are kept to the last digit: rounding is for metrics.
        files.write_text(account, json.dumps(found.accounts(searches), indent=2, sort_keys=True))
        lines = [searched.result() for searched in searches]
        lines.append(f"Written for `train` and the report: {account.relative_to(paths.root())}, {table.name}")
    else:
        lines = found.summary(family, searches, tuned=family in params.tuned_families())
    print("\n".join(lines))


def search_model(dataset: str, family: str, plan: Plan, processes: int | None = None) -> Found:
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
    Found
        All trials, that of params.yaml first.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C: says how many trials are saved.
    """
    how, task = plan.search, task_of(dataset, family, plan)
    log = Log(paths.trial_log(dataset, family, plan.name), _fingerprint(task, plan))
    shown = _Shown(task, search.count(plan.space, how), log)
    if processes is None:
        processes = 1 if params.device() == "gpu" else min(how.parallel, len(os.sched_getaffinity(0)))
    shown.begin(how.method)

    def run_all(jobs: Sequence[Job]) -> list[Outcome]:
        with workers.interrupts_held_back():
            running = {pool.submit(run_trial.run, task, job): job for job in jobs if log.get(job) is None}
        for future in as_completed(running):
            log.add(running[future], future.result())
            shown.say(running[future], future.result())
        return [outcome for job in jobs if (outcome := log.get(job)) is not None]

    try:
        with _workers(processes) as pool:
            tried = search.search(plan.space, how, task.seed, run_all, lower_is_better=task.lower_is_better)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(shown.saved()) from None
    return Found(plan, task, tried)


def task_of(dataset: str, family: str, plan: Plan) -> run_trial.Task:
    """Return what all trials of a search have in common."""
    folder = paths.user_item(dataset)
    files.require(dataset, "user_item", "user-item matrices", folder / "scale.json")
    return run_trial.Task(
        dataset,
        family,
        plan.name,
        plan.settings.model_dump(),
        params.seed(),
        params.list_length(),
        plan.search.folds,
        plan.search.prune_after,
        interactions.read_scale(folder).feedback,
    )


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes of one thread each on the CPU lane; they end when this one does, and when it fails."""
    lane = determinism.variables(1, params.device())
    before = {name: os.environ.get(name) for name in lane}
    # A process reads its environment when it starts, which the pool does when there is work.
    os.environ.update(lane)
    pool = workers.start(processes)
    try:
        yield pool
    except BrokenProcessPool:
        remedy = "most often memory ran out: close programs, or lower tune.search.parallel; then run it again"
        raise FoldinError("the process of a trial died", remedy=remedy) from None
    except BaseException:
        workers.stop(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _fingerprint(task: run_trial.Task, plan: Plan) -> str:
    """Return a digest of what outcomes depend on, so that none is taken from a log that is of something else."""
    data = paths.user_item(task.dataset)
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
    """Says how each trial ended, and which is the best so far, those of an earlier run included."""

    def __init__(self, task: run_trial.Task, total: int, log: Log) -> None:
        self._task, self._total, self._log = task, total, log
        self._place = f"{task.dataset}: {task.model}"

    def begin(self, method: str) -> None:
        """Say what is searched, and how much of it is done already."""
        done = self._done()
        how = f"{trials.METHODS[method]}, judged by {found.judged_by(self._task)}"
        kept = f"; {done} of them saved by an earlier run" if done else ""
        say(f"{self._place}: {self._total} trials by {how}{kept}")

    def say(self, job: Job, outcome: Outcome) -> None:
        """Say how a trial ended."""
        known = self._log.trials(self._total)
        best = trials.best(known, lower_is_better=self._task.lower_is_better)
        named = f"trial {job.number} of {self._total}" if job.number else "settings of params.yaml"
        line = f"{self._place}: {named}: {found.valued(self._task, outcome)}"
        if best and best.number != job.number and best.outcome.value is not None:
            where = f"trial {best.number}" if best.number else "params.yaml"
            line += f" (best so far {best.outcome.value:.4f}, {where})"
        elif best:
            line += " (best so far)"
        say(line + (f": {found.written(job.settings)}" if job.settings else ""))

    def saved(self) -> str:
        """Return how many trials are saved."""
        return f"{self._done()} of {self._total} trials of {self._task.model} are"

    def _done(self) -> int:
        # Number 0, the settings of params.yaml, is no trial of the search.
        known = self._log.trials(self._total)
        return sum(trial.number > 0 and trial.outcome.state != trials.IMPOSSIBLE for trial in known)
