"""What a search found is said as it is: what was chosen, how the others ended, and what to do."""

import json

import pytest

from foldin.core.errors import FoldinError
from foldin.tuning import found, spaces
from foldin.tuning.found import Found
from foldin.tuning.run_trial import Task
from foldin.tuning.trials import COMPLETE, DIVERGED, IMPOSSIBLE, Outcome, Trial

REFUSED = Outcome(IMPOSSIBLE, None, (), "als-explicit needs 21.0 GB", "drop rare items")


def of(*outcomes):
    """Return a search of als-explicit with these outcomes, the first that of params.yaml."""
    task = Task("demo", "als", "als-explicit", {}, seed=5, k=10, folds=0, prune_after=0, feedback="explicit")
    tried = [Trial(number, {"factors": 2} if number else {}, outcome) for number, outcome in enumerate(outcomes)]
    return Found(spaces.plans("als")["als-explicit"], task, tried)


def test_the_values_of_params_yaml_stay_where_nothing_is_better(workspace):
    worse = of(Outcome(COMPLETE, 0.5, ()), Outcome(COMPLETE, 0.6, ()))
    settings = worse.plan.settings
    given = {"factors": settings.factors, "regularization": settings.regularization}
    assert worse.account()["chosen"] == worse.account()["params"] == given
    assert found.summary("als", [worse], tuned=False) == [
        "als-explicit: no trial is better than the settings of params.yaml, RMSE 0.5000 "
        "(1 trial judged by RMSE on the validation part)"
    ]


def test_where_no_trial_is_complete_how_they_ended_and_why_is_said(workspace):
    said = r"no trial of als-explicit .*1 diverged, 2 not possible.*needs 21\.0 GB; drop rare items"
    with pytest.raises(FoldinError, match=said):
        of(Outcome(DIVERGED, None, ()), REFUSED, REFUSED).chosen()


def test_settings_that_are_not_possible_are_counted(workspace):
    some = of(REFUSED, Outcome(COMPLETE, 0.5, ()), REFUSED)
    assert some.account()["state_of_params"] == IMPOSSIBLE
    assert some.account()["trials"] == {"complete": 1, "pruned": 0, "diverged": 0, "impossible": 1}
    assert "params.yaml: not possible: als-explicit needs 21.0 GB" in some.result()
    # Of memory that is free now, no file that DVC hashes says anything.
    assert "GB" not in json.dumps(some.account()) + found.table([some]).to_csv()


def test_a_model_that_no_settings_make_possible_keeps_those_of_params_yaml(workspace):
    none = of(REFUSED, REFUSED)
    assert (none.possible, none.chosen().number) == (False, 0)
    assert none.account()["chosen"] == none.account()["params"]
    assert "not possible" in str(none.fruitless())
    assert found.summary("als", [none], tuned=False) == [
        "als-explicit: no trial is possible, so the settings of params.yaml stay: als-explicit needs 21.0 GB"
    ]
