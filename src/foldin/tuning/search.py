"""The search: asks Optuna for settings, evaluates them, and reports the outcomes, in batches of a fixed size.

A batch is asked for before any of it is evaluated, and reported in order after all of it is. So what is tried depends
on the seed and the size of the batch, not on how many processes run trials or which ends first. The same search started
again asks for the same settings: a stopped one goes on where outcomes are kept (foldin.tuning.log).
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from foldin.core.schema import Search
from foldin.tuning.spaces import Choices, Range, Space
from foldin.tuning.trials import COMPLETE, Job, Outcome, Trial

RunAll = Callable[[Sequence[Job]], Sequence[Outcome]]
"""Judges jobs, in any order and side by side, and returns their outcomes in the order of the jobs."""


def count(space: Space, how: Search) -> int:
    """Return how many trials a search has."""
    return len(_grid(space)) if how.method == "grid" else how.trials


def search(space: Space, how: Search, seed: int, run_all: RunAll, *, lower_is_better: bool) -> list[Trial]:
    """Search settings; the first trial, with number 0, is that of params.yaml.

    Parameters
    ----------
    space : mapping of str to Choices or Range
        What to try, by setting.
    how : Search
        The method, the number of trials and the size of a batch.
    seed : int
        Seed of the sampler.
    run_all : callable
        Judges a batch.
    lower_is_better : bool
        Whether a trial is better when its value is lower.

    Returns
    -------
    list of Trial
        All of them, in order.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="minimize" if lower_is_better else "maximize",
        sampler=optuna.samplers.RandomSampler(seed)
        if how.method == "random"
        else optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True),
    )
    if how.method == "grid":
        for settings in _grid(space):
            study.enqueue_trial(settings)
    distributions = {name: _distribution(dimension) for name, dimension in space.items()}
    found: list[Trial] = []
    first = [Job(0, {})]
    total = count(space, how)
    while (done := len(found) - 1 + len(first)) < total:
        asked = [study.ask(distributions) for _ in range(min(how.parallel, total - done))]
        earlier = tuple(trial.outcome.curve for trial in found if trial.number and trial.outcome.state == COMPLETE)
        jobs = [Job(trial.number + 1, _settings(space, trial.params), earlier) for trial in asked]
        outcomes = run_all([*first, *jobs])
        found += [
            Trial(job.number, job.settings, outcome) for job, outcome in zip([*first, *jobs], outcomes, strict=True)
        ]
        for trial, outcome in zip(asked, outcomes[len(first) :], strict=True):
            _tell(study, trial, outcome)
        first = []
    return found


def _tell(study: optuna.Study, trial: optuna.Trial, outcome: Outcome) -> None:
    for epoch, value in enumerate(outcome.curve, start=1):
        trial.report(value, epoch)
    if outcome.state == COMPLETE:
        study.tell(trial, outcome.value)
    else:  # one that diverged is a bad one, not one that never was
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)


def _settings(space: Space, drawn: dict[str, Any]) -> dict[str, Any]:
    return {
        name: dimension.readable(drawn[name]) if isinstance(dimension, Range) else drawn[name]
        for name, dimension in space.items()
    }


def _grid(space: Space) -> list[dict[str, Any]]:
    listed = [dimension.values for dimension in space.values() if isinstance(dimension, Choices)]
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*listed)]


def _distribution(dimension: Choices | Range) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
