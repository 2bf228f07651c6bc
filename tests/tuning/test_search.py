"""The search finds a known optimum, and the same one however its trials are run."""

import itertools
import math

import pytest

from foldin.core.schema import Search
from foldin.tuning import search
from foldin.tuning.spaces import Choices, Range
from foldin.tuning.trials import COMPLETE, DIVERGED, PRUNED, Outcome, best

SPACE = {
    "rate": Range(0.0001, 1.0, log=True, whole=False),
    "width": Range(1, 64, log=True, whole=True),
    "kind": Choices(("a", "b", "c")),
}
OPTIMUM = {"rate": 0.01, "width": 8, "kind": "b"}


def distance(settings):
    """Return how far settings are from the optimum: decades of the rate, octaves of the width, 1 for the kind."""
    if not settings:
        return 9.0
    return abs(math.log10(settings["rate"] / 0.01)) + abs(math.log2(settings["width"] / 8)) + (settings["kind"] != "b")


def how(method="tpe", trials=60, parallel=2):
    return Search(method=method, trials=trials, parallel=parallel, folds=0, prune_after=0)


def judged(jobs):
    return [Outcome(COMPLETE, round(distance(job.settings), 6), ()) for job in jobs]


def searched(method="tpe", run_all=judged, seed=3, *, lower_is_better=True, space=SPACE, **asked):
    return search.search(space, how(method, **asked), seed, run_all, lower_is_better=lower_is_better)


def test_tpe_comes_near_a_known_optimum_and_nearer_than_random():
    ends = {}
    for method in ("tpe", "random"):
        found = [best(searched(method, seed=seed), lower_is_better=True) for seed in range(5)]
        ends[method] = sorted(trial.outcome.value for trial in found)[2]
    assert ends["tpe"] < 0.35
    assert ends["tpe"] < ends["random"]


def test_a_grid_tries_every_combination_once_whatever_the_number_of_trials():
    space = {"rank": Choices((10, 50, 100)), "l2": Choices((0.01, 0.1, 1.0)), "epochs": Choices((10, 20))}
    found = searched("grid", lambda jobs: [Outcome(COMPLETE, 1.0, ()) for _ in jobs], space=space, trials=5)
    tried = [tuple(trial.settings.values()) for trial in found[1:]]
    assert tried == list(itertools.product((10, 50, 100), (0.01, 0.1, 1.0), (10, 20)))
    assert search.count(space, how("grid", trials=5)) == 18


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_trials_are_numbered_from_that_of_params_yaml_and_exactly_so_many(method):
    found = searched(method, trials=7, parallel=3)
    assert [trial.number for trial in found] == list(range(8))
    assert found[0].settings == {}
    assert all(set(trial.settings) == set(SPACE) for trial in found[1:])


def test_the_sense_of_better_is_the_metrics():
    def near(jobs):
        return [Outcome(COMPLETE, -distance(job.settings), ()) for job in jobs]

    found = searched(run_all=near, lower_is_better=False)
    assert [trial.settings for trial in found] == [trial.settings for trial in searched()]
    assert best(found, lower_is_better=False).number == best(searched(), lower_is_better=True).number


def test_another_seed_searches_otherwise():
    assert searched(seed=3) == searched(seed=3)
    assert searched(seed=3) != searched(seed=4)


def test_batches_are_asked_for_whole_so_that_nothing_depends_on_which_trial_ends_first():
    sizes = []

    def backwards(jobs):
        sizes.append(len(jobs))
        ends = {job.number: judged([job])[0] for job in reversed(jobs)}
        return [ends[job.number] for job in jobs]

    assert searched(run_all=backwards, parallel=4, trials=10) == searched(parallel=4, trials=10)
    # The first batch has the values of params.yaml as well.
    assert sizes == [5, 4, 2]


def test_more_trials_begin_with_the_same():
    few, many = searched(trials=11, parallel=3), searched(trials=20, parallel=3)
    assert many[: len(few)] == few


def test_a_trial_is_held_against_the_complete_trials_of_earlier_batches_only():
    seen = {}

    def run_all(jobs):
        seen.update({job.number: job.earlier for job in jobs})
        states = {0: COMPLETE, 1: COMPLETE, 2: PRUNED, 3: DIVERGED}
        return [
            Outcome(state, 1.0 if state == COMPLETE else None, (float(job.number),))
            for job in jobs
            for state in [states.get(job.number, COMPLETE)]
        ]

    searched(run_all=run_all, trials=6)
    assert seen == {0: (), 1: (), 2: (), 3: ((1.0,),), 4: ((1.0,),), 5: ((1.0,), (4.0,)), 6: ((1.0,), (4.0,))}


def test_a_region_that_diverges_is_left():
    def run_all(jobs):
        return [
            Outcome(DIVERGED, None, ()) if job.settings and job.settings["rate"] > 0.05 else judged([job])[0]
            for job in jobs
        ]

    found = searched(run_all=run_all, trials=60)
    rates = [trial.settings["rate"] > 0.05 for trial in found[1:]]
    assert sum(rates[40:]) < sum(rates[:20])


def test_the_best_is_the_first_of_equal_ones_and_never_one_without_a_value():
    def run_all(jobs):
        return [Outcome(COMPLETE, 1.0, ()) if job.number > 1 else Outcome(PRUNED, None, (0.1,)) for job in jobs]

    assert best(searched(run_all=run_all, trials=5), lower_is_better=True).number == 2
    assert best([], lower_is_better=True) is None
