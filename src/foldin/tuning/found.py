"""What a search found, for those who read it: account and table of the stage `tune`, and the lines of a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.tuning import trials
from foldin.tuning.run_trial import Task
from foldin.tuning.spaces import Plan
from foldin.tuning.trials import COMPLETE, IMPOSSIBLE, WORDS, Outcome, Trial


@dataclass(frozen=True)
class Found:
    """The trials of a search.

    Attributes
    ----------
    plan : Plan
        What was tried, and how.
    task : Task
        What all trials had in common.
    trials : list of Trial
        All of them; the first, number 0, has the settings of params.yaml.
    """

    plan: Plan
    task: Task
    trials: list[Trial]

    @property
    def possible(self) -> bool:
        """Whether the model could learn at all, with any settings."""
        return any(trial.outcome.state != IMPOSSIBLE for trial in self.trials)

    def chosen(self) -> Trial:
        """Return the best trial, that of params.yaml included; the latter, without a value, where none is possible.

        Raises
        ------
        FoldinError
            When trials were possible, and none is complete.
        """
        best = trials.best(self.trials, lower_is_better=self.task.lower_is_better)
        if best is None and self.possible:
            raise self.fruitless()
        return best or self.trials[0]

    def fruitless(self) -> FoldinError:
        """Return the error that no trial is complete."""
        how = ", ".join(f"{count} {WORDS[state]}" for state, count in _counts(self.trials).items() if count)
        refused = [trial.outcome for trial in self.trials if trial.outcome.reason]
        why = f": {refused[0].reason}" if refused else ""
        remedy = refused[0].remedy if refused and refused[0].remedy else "try other values"
        what = f"no trial of {self.plan.name} came to an end ({how}){why}"
        return FoldinError(what, where=f"params.yaml (tune.models.{self.task.family})", remedy=remedy)

    def account(self) -> dict[str, Any]:
        """Return the settings searched, as params.yaml has them and as chosen, and the metric of both."""
        best, given, first = self.chosen(), self.plan.settings.model_dump(), self.trials[0].outcome
        before = {name: given[name] for name in self.plan.space}
        return {
            "chosen": before | best.settings,
            "params": before,
            "metric": self.task.metric,
            "value": best.outcome.value,
            "value_of_params": first.value,
            "state_of_params": first.state,
            "trial": best.number,
            "method": self.plan.search.method,
            "folds": self.plan.search.folds,
            "trials": _counts(self.trials[1:]),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each trial; `best` is the best value so far, trial 0 the settings of params.yaml."""
        rows = []
        for place, trial in enumerate(self.trials):
            best = trials.best(self.trials[: place + 1], lower_is_better=self.task.lower_is_better)
            rows.append(
                {
                    "model": self.plan.name,
                    "trial": trial.number,
                    "metric": self.task.metric,
                    "value": trial.outcome.value,
                    "best": best.outcome.value if best else None,
                    "state": trial.outcome.state,
                    "epochs": len(trial.outcome.curve),
                    "settings": written(trial.settings) or "those of params.yaml",
                }
            )
        return rows

    def result(self) -> str:
        """Return the line that says which settings are best."""
        best, before = self.chosen(), self.trials[0].outcome
        count = len(self.trials) - 1
        searched = f"{count} trial{'s' * (count != 1)} judged by {judged_by(self.task)}"
        if not self.possible:
            return f"{self.plan.name}: no trial is possible, so the settings of params.yaml stay: {before.reason}"
        if not best.number:
            value = valued(self.task, before)
            return f"{self.plan.name}: no trial is better than the settings of params.yaml, {value} ({searched})"
        value = valued(self.task, best.outcome)
        return (
            f"{self.plan.name}: {value} in trial {best.number}; params.yaml: {valued(self.task, before)} ({searched})"
        )


def _counts(found: Sequence[Trial]) -> dict[str, int]:
    return {state: sum(trial.outcome.state == state for trial in found) for state in (COMPLETE, *WORDS)}


def table(searches: Sequence[Found]) -> pd.DataFrame:
    """Return all trials of a family, a row each."""
    return pd.DataFrame([row for found in searches for row in found.rows()])


def accounts(searches: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """Return the account of each search: model name → account."""
    return {found.plan.name: found.account() for found in searches}


def summary(family: str, searches: Sequence[Found], *, tuned: bool) -> list[str]:
    """Return what a person reads after a search: the best settings, and how the pipeline takes them over.

    Parameters
    ----------
    family : str
        The model family.
    searches : sequence of Found
        The search of each of its models.
    tuned : bool
        Whether `tune.families` names the family.
    """
    lines = [found.result() for found in searches]
    better = {found.plan.name: best.settings for found in searches if (best := found.chosen()).number}
    if not better:
        return lines
    block = [f"{family}:"]
    for model, settings in better.items():
        block += [f"  {model}:", *(f"    {key}: {value}" for key, value in settings.items())]
    if tuned:
        lines.append(f"tune.families names {family}: `dvc repro` goes on from these trials, and trains with:")
        return lines + block
    return [
        *lines,
        "To train with better settings, do one of these, then run `dvc repro`:",
        f"- add {family} to tune.families in params.yaml: each data set is searched, and trained with its best",
        "- for all data sets, write into params.yaml:",
        *block,
    ]


def judged_by(task: Task) -> str:
    """Return what a search goes by: `RMSE on the validation part`."""
    return f"{title(task)}, mean of {task.folds} folds" if task.folds else f"{title(task)} on the validation part"


def valued(task: Task, outcome: Outcome) -> str:
    """Return how a trial ended: `RMSE 0.7922`, or `stopped early`."""
    if outcome.value is None:
        return f"{WORDS[outcome.state]}: {outcome.reason}" if outcome.reason else WORDS[outcome.state]
    return f"{title(task)} {outcome.value:.4f}"


def title(task: Task) -> str:
    """Return the metric of a search as the report writes it: RMSE or NDCG@10."""
    return task.metric.upper().replace("_AT_", "@")


def written(settings: Mapping[str, Any]) -> str:
    """Return settings as one reads them: `factors 32, regularization 0.1`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())
