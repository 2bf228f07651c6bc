"""How a trial is judged: a model learns with its settings, and the validation part or folds say how well.

The metric is RMSE for models that predict ratings, and NDCG@k for others. Where feedback is implicit nobody gave a
rating, so that NDCG@k judges all models, as it does on the report. A trial stops early (is pruned) when the best it has
reached is worse than the median of earlier trials after the same epoch.
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
from foldin.core.errors import FoldinError
from foldin.core.files import DECIMALS
from foldin.core.interactions import Interactions, TrainingData
from foldin.models.parts.item_weights import LacksMemoryError
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import DivergedError, Recommender
from foldin.models.parts.validation import validate
from foldin.tuning.trials import COMPLETE, DIVERGED, IMPOSSIBLE, PRUNED, Curve, Job, Outcome


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
    feedback : str
        "explicit" or "implicit", as of `foldin.core.interactions.Scale`.
    """

    dataset: str
    family: str
    model: str
    settings: dict[str, Any]
    seed: int
    k: int
    folds: int
    prune_after: int
    feedback: str

    @property
    def cls(self) -> type[Recommender]:
        """The model."""
        return models.family_models(self.family)[self.model]

    @property
    def lower_is_better(self) -> bool:
        """Whether trials are judged by an error, RMSE, and not by NDCG."""
        return self.cls.predicts_ratings and self.feedback != "implicit"

    @property
    def metric(self) -> str:
        """The metric that trials are judged by."""
        return "rmse" if self.lower_is_better else f"ndcg_at_{self.k}"


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
    except ValidationError as error:
        # Each value is possible, but not together with the others.
        return Outcome(IMPOSSIBLE, None, (), error.errors()[0]["msg"])
    # Where feedback is implicit, a rating model watches errors in strengths, which say nothing of its NDCG: no curve.
    watched = "validation_rmse" if task.lower_is_better else "validation_ndcg"
    curve: list[float] = []
    pruner = _Pruner(job, task.prune_after, lower_is_better=task.lower_is_better)

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
            values.append(quality(task, model, validation))
    except _PrunedError:
        return Outcome(PRUNED, None, tuple(curve))
    except DivergedError:
        return Outcome(DIVERGED, None, tuple(curve))
    except LacksMemoryError:
        # What else runs here must not decide what a search finds. Trials that are done are kept.
        raise
    except FoldinError as refused:
        # Larger than params.yaml allows, most often. Other settings may be possible, so the search goes on.
        return Outcome(IMPOSSIBLE, None, (), refused.what, refused.remedy or "")
    except MemoryError as error:
        return Outcome(IMPOSSIBLE, None, (), f"memory ran out: {error}" if str(error) else "memory ran out")
    return Outcome(COMPLETE, round(float(np.mean(values)), DECIMALS), tuple(curve))


def quality(task: Task, model: Recommender, validation: Interactions) -> float:
    """Return the metric of a search on ratings that a fitted model has not seen.

    Parameters
    ----------
    task : Task
        The search.
    model : Recommender
        The fitted model.
    validation : Interactions
        The ratings.
    """
    if task.lower_is_better and isinstance(model, RatingRecommender):  # ranking as well would take longer than the rest
        users, items, ratings = validation.triples()
        return metrics.rmse(ratings, model.predict(users, items, validation.days_of_ratings()))
    return validate(model, validation, task.k)[task.metric]


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
    """Optuna's median pruner, with the curves that were complete when the trial's batch began, and no others."""

    def __init__(self, job: Job, prune_after: int, *, lower_is_better: bool) -> None:
        self._trial: optuna.Trial | None = None
        if not prune_after or not job.earlier:
            return
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            direction="minimize" if lower_is_better else "maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=prune_after),
        )
        study.add_trials([_frozen(curve) for curve in job.earlier if curve])
        self._trial = study.ask()

    def is_bad(self, curve: list[float]) -> bool:
        """Say whether to stop after the last epoch of a curve."""
        if self._trial is None:
            return False
        self._trial.report(curve[-1], len(curve))
        return self._trial.should_prune()


def _frozen(curve: Curve) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(value=curve[-1], intermediate_values=dict(enumerate(curve, start=1)))
