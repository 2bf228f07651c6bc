"""How a trial is judged: a model learns with its settings, and the validation part or folds say how well.

The metric is RMSE for models that predict ratings, and NDCG@k for others. A trial stops early (is pruned) when the best
it has reached is worse than the median of earlier trials after the same epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import optuna
from pydantic import ValidationError

from foldin import metrics, models
from foldin.core import interactions
from foldin.core.files import DECIMALS
from foldin.core.interactions import Interactions, TrainingData
from foldin.models.parts.factorization import DivergedError
from foldin.models.parts.recommender import RatingRecommender, Recommender
from foldin.models.parts.validation import validate
from foldin.tuning.trials import COMPLETE, DIVERGED, PRUNED, Curve, Job, Outcome


@dataclass(frozen=True)
class Task:
    """What all trials of a search have in common.

    Attributes
    ----------
    dataset, family, model : str
        What learns, and from which data.
    settings : dict
        The settings of params.yaml.
    seed : int
        Seed of the model, and of the folds.
    k : int
        Length of the lists judged.
    folds : int
        Folds of the training data; 0 for the validation part.
    prune_after : int
        Epochs before a trial may be pruned; 0 if none is.
    """

    dataset: str
    family: str
    model: str
    settings: dict[str, Any]
    seed: int
    k: int
    folds: int
    prune_after: int

    @property
    def cls(self) -> type[Recommender]:
        """The model."""
        return models.family_models(self.family)[self.model]


class _PrunedError(Exception):
    """Ends the training of a trial."""


def run(task: Task, job: Job) -> Outcome:
    """Judge a trial on a data set whose stage `user_item` has run.

    Parameters
    ----------
    task : Task
        The search.
    job : Job
        The trial.
    """
    return outcome_of(task, job, _data(task.dataset))


@lru_cache(maxsize=1)
def _data(dataset: str) -> TrainingData:
    return interactions.load(dataset)


def outcome_of(task: Task, job: Job, data: TrainingData) -> Outcome:
    """Judge a trial on data at hand; see `run`."""
    cls = task.cls
    try:
        settings = cls.Settings.model_validate(task.settings | job.settings)
    except ValidationError:
        # Each value is possible, but not together with the others.
        return Outcome(DIVERGED, None, ())
    lower, watched = cls.predicts_ratings, "validation_rmse" if cls.predicts_ratings else "validation_ndcg"
    curve: list[float] = []
    pruner = _Pruner(job, task.prune_after, lower_is_better=lower)

    def after_epoch(noted: dict[str, float]) -> None:
        if watched in noted:
            curve.append(round(noted[watched], DECIMALS))
            if pruner.is_bad(curve):
                raise _PrunedError

    values: list[float] = []
    try:
        for train, validation in parts(data, task.folds, task.seed):
            model = cls(settings, seed=task.seed)
            model.name = task.model
            # Each fold would be another curve; a trial that is bad in the first has cost little by then.
            model.after_epoch = None if values else after_epoch
            model.fit(train, validation)
            values.append(quality(model, validation, task.k))
    except _PrunedError:
        return Outcome(PRUNED, None, tuple(curve))
    except DivergedError:
        return Outcome(DIVERGED, None, tuple(curve))
    return Outcome(COMPLETE, round(float(np.mean(values)), DECIMALS), tuple(curve))


def quality(model: Recommender, validation: Interactions, k: int) -> float:
    """Return a fitted model's metric on ratings it has not seen: RMSE, or NDCG@k for models that only rank."""
    if isinstance(model, RatingRecommender):
        users, items, ratings = validation.triples()
        return metrics.rmse(ratings, model.predict(users, items))
    return validate(model, validation, k)[f"ndcg_at_{k}"]


def parts(data: TrainingData, folds: int, seed: int) -> Iterator[tuple[Interactions, Interactions]]:
    """Return what to learn from and what to validate on: train and validation part, or each fold's of both together.

    Parameters
    ----------
    data : TrainingData
        Train and validation part.
    folds : int
        Number of folds; 0 for the parts as they are.
    seed : int
        Seed of which rating is in which fold.

    Yields
    ------
    train, validation : Interactions
        Every rating is in the validation part of one fold.
    """
    if not folds:
        yield data.train, data.validation
        return
    training = data.training
    users, items, ratings = training.triples()
    fold = np.random.default_rng(seed).permutation(len(ratings)) % folds
    for held_out in range(folds):
        sides = [
            training.with_ratings(interactions.matrix(users[rows], items[rows], ratings[rows], training.ratings.shape))
            for rows in (fold != held_out, fold == held_out)
        ]
        yield sides[0], sides[1]


class _Pruner:
    """Optuna's median pruner, told the curves that were complete when the trial's batch began, and no others."""

    def __init__(self, job: Job, prune_after: int, *, lower_is_better: bool) -> None:
        self._trial: optuna.Trial | None = None
        if not prune_after or not job.earlier:
            return
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            direction="minimize" if lower_is_better else "maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=prune_after),
        )
        study.add_trials([_told(curve) for curve in job.earlier if curve])
        self._trial = study.ask()

    def is_bad(self, curve: list[float]) -> bool:
        """Say whether to stop after the last epoch of a curve."""
        if self._trial is None:
            return False
        self._trial.report(curve[-1], len(curve))
        return self._trial.should_prune()


def _told(curve: Curve) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(value=curve[-1], intermediate_values=dict(enumerate(curve, start=1)))
