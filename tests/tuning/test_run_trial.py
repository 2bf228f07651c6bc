"""A trial is judged on ratings it has not learned from, and stopped when it is bad."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import planted

from foldin import metrics, models
from foldin.core.bounds import Epochs
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT as COUNTS
from foldin.core.interactions import TrainingData
from foldin.core.schema import Search, Section
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import DivergedError
from foldin.models.parts.validation import validate
from foldin.tuning import run_trial, search
from foldin.tuning.run_trial import Task
from foldin.tuning.spaces import Range
from foldin.tuning.trials import COMPLETE, DIVERGED, IMPOSSIBLE, PRUNED, Job, best

DATA = TrainingData(*planted(120, 80)[:2])
ALS = {
    "factors": 4,
    "epochs": 6,
    "patience": 0,
    "damping": 5.0,
    "regularization": 0.1,
    "solver": "exact",
    "cg_steps": 3,
}


def task(model="als-explicit", family="als", settings=ALS, folds=0, prune_after=0, feedback="explicit"):
    return Task("demo", family, model, settings, seed=5, k=10, folds=folds, prune_after=prune_after, feedback=feedback)


class Constant(RatingRecommender):
    """Predicts one rating: best is the mean of what it is judged on."""

    class Settings(Section):
        level: float
        epochs: Epochs

    settings: Settings

    def _damping(self):
        return 0.0

    def _fit(self, train, validation):
        # It comes nearer to its level from epoch to epoch.
        for epoch in range(1, self.settings.epochs + 1):
            if self.settings.level == 4.5:
                raise DivergedError("diverged")
            if self.settings.level == 4.6:
                raise FoldinError("needs 21.0 GB", remedy="drop rare items")
            if self.settings.level == 4.7:
                raise MemoryError("Unable to allocate 21.0 GiB")
            users, items, ratings = validation.triples()
            self._now = 3.0 + (self.settings.level - 3.0) * epoch / self.settings.epochs
            noted = {"epoch": epoch, "validation_rmse": metrics.rmse(ratings, self._predict(users, items))}
            self.history.append(noted)
            if self.after_epoch:
                self.after_epoch(noted)

    def _predict(self, users, items):
        return np.full(len(users), self._now, dtype=np.float32)

    def _arrays(self):
        return {}

    def _restore(self, arrays):
        pass


@pytest.fixture
def constant(monkeypatch):
    monkeypatch.setattr(models, "family_models", lambda family: {"constant": Constant})
    return lambda **asked: task("constant", "toy", {"level": 1.0, "epochs": 4}, **asked)


@pytest.mark.parametrize("method", ["tpe", "random"])
@pytest.mark.parametrize("folds", [0, 3])
def test_the_known_optimum_of_a_toy_model_is_found(constant, method, folds):
    how = Search(method=method, trials=40, parallel=2, folds=folds, prune_after=0)
    found = search.search(
        {"level": Range(0.5, 4.4, log=False, whole=False)},
        how,
        1,
        lambda jobs: [run_trial.outcome_of(constant(folds=folds), job, DATA) for job in jobs],
        lower_is_better=True,
    )
    judged_on = DATA.training if folds else DATA.validation
    assert best(found, lower_is_better=True).settings["level"] == pytest.approx(judged_on.ratings.data.mean(), abs=0.1)


def test_a_rating_model_is_judged_by_rmse_and_another_by_ndcg():
    outcome = run_trial.outcome_of(task(), Job(1, {"factors": 6}), DATA)
    model = models.family_models("als")["als-explicit"]
    fitted = model(model.Settings(**ALS | {"factors": 6}), seed=5).fit(DATA.train, DATA.validation)
    assert outcome.state == COMPLETE
    assert outcome.value == round(validate(fitted, DATA.validation, 10)["rmse"], 6)
    assert outcome.curve == tuple(round(row["validation_rmse"], 6) for row in fitted.history)
    implicit = {"unobserved_weight": 0.2, "frequency_exponent": 1.0, "validation_k": 10}
    settings = {key: value for key, value in ALS.items() if key != "damping"} | implicit
    model = models.family_models("als")["als-implicit"]
    fitted = model(model.Settings(**settings), seed=5).fit(DATA.train, DATA.validation)
    outcome = run_trial.outcome_of(task("als-implicit", settings=settings), Job(1, {}), DATA)
    assert outcome.value == round(validate(fitted, DATA.validation, 10)["ndcg_at_10"], 6)


def test_where_feedback_is_implicit_every_model_is_judged_by_ndcg_and_more_is_better():
    parts = [replace(part, scale=COUNTS) for part in (DATA.train, DATA.validation)]
    implicit = task(feedback="implicit", prune_after=1)
    outcome = run_trial.outcome_of(implicit, Job(1, {}, GOOD), TrainingData(*parts))
    model = models.family_models("als")["als-explicit"]
    fitted = model(model.Settings(**ALS), seed=5).fit(*parts)
    assert outcome.value == round(validate(fitted, parts[1], 10)["ndcg_at_10"], 6)
    # Its epochs are watched by an error in strengths, which is another metric than that of the search.
    assert (outcome.state, outcome.curve) == (COMPLETE, ())
    assert (implicit.metric, implicit.lower_is_better) == ("ndcg_at_10", False)
    assert (task().metric, task().lower_is_better) == ("rmse", True)
    assert not task("als-implicit").lower_is_better


def test_every_rating_is_judged_in_one_fold_and_learnt_from_in_the_others():
    training = DATA.training
    held_out = np.zeros(training.ratings.shape)
    for train, validation in run_trial.parts(DATA, 4, seed=1):
        assert train.ratings.nnz + validation.ratings.nnz == training.ratings.nnz
        assert not (train.ratings.toarray() * validation.ratings.toarray()).any()
        assert validation.ratings.nnz == pytest.approx(training.ratings.nnz / 4, abs=1)
        held_out += validation.ratings.toarray()
    np.testing.assert_array_equal(held_out, training.ratings.toarray())
    (first, *_), (again, *_), (other, *_) = (list(run_trial.parts(DATA, 4, seed)) for seed in (1, 1, 2))
    assert (first[1].ratings != again[1].ratings).nnz == 0
    assert (first[1].ratings != other[1].ratings).nnz > 0


def test_folds_are_averaged():
    outcome = run_trial.outcome_of(task(folds=3), Job(1, {}), DATA)
    model = models.family_models("als")["als-explicit"]
    fitted = [(model(model.Settings(**ALS), seed=5).fit(*part), part[1]) for part in run_trial.parts(DATA, 3, 5)]
    errors = [run_trial.quality(task(), each, validation) for each, validation in fitted]
    assert len(set(errors)) == 3
    assert outcome.value == round(float(np.mean(errors)), 6)
    assert outcome.curve == tuple(round(row["validation_rmse"], 6) for row in fitted[0][0].history)


GOOD = tuple([(1.0, 0.9, 0.8, 0.7)] * 5)


def test_a_trial_worse_than_the_median_of_earlier_ones_stops_after_so_many_epochs(constant):
    bad = Job(9, {"level": 0.5}, GOOD)
    found = run_trial.outcome_of(constant(prune_after=2), bad, DATA)
    assert (found.state, found.value, len(found.curve)) == (PRUNED, None, 2)
    assert run_trial.outcome_of(constant(prune_after=3), bad, DATA).curve[:2] == found.curve
    assert run_trial.outcome_of(constant(prune_after=0), bad, DATA).state == COMPLETE
    assert run_trial.outcome_of(constant(prune_after=5), bad, DATA).state == COMPLETE


def test_a_good_trial_and_one_with_few_before_it_go_on(constant):
    bad = tuple([(3.0, 3.0, 3.0, 3.0)] * 5)
    assert run_trial.outcome_of(constant(prune_after=1), Job(9, {"level": 3.5}, bad), DATA).state == COMPLETE
    assert run_trial.outcome_of(constant(prune_after=1), Job(9, {"level": 0.5}, GOOD[:4]), DATA).state == COMPLETE


def test_with_folds_a_bad_trial_stops_in_the_first(constant):
    found = run_trial.outcome_of(constant(folds=3, prune_after=2), Job(9, {"level": 0.5}, GOOD), DATA)
    assert (found.state, len(found.curve)) == (PRUNED, 2)


def test_a_trial_that_diverges_is_an_outcome_not_an_error(constant):
    assert run_trial.outcome_of(constant(), Job(1, {"level": 4.5}), DATA).state == DIVERGED


@pytest.mark.parametrize(
    ("level", "reason"), [(4.6, "needs 21.0 GB"), (4.7, "memory ran out: Unable to allocate 21.0 GiB")]
)
def test_a_model_that_does_not_fit_into_memory_is_an_outcome_not_an_error(constant, level, reason):
    found = run_trial.outcome_of(constant(), Job(1, {"level": level}), DATA)
    assert (found.state, found.value, found.reason) == (IMPOSSIBLE, None, reason)
    assert found.remedy == ("drop rare items" if level == 4.6 else "")


def test_values_that_are_not_possible_together_are_an_outcome_not_an_error(constant):
    assert run_trial.outcome_of(constant(), Job(1, {"epochs": 0}), DATA).state == IMPOSSIBLE
