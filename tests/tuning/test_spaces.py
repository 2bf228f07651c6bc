"""What a search tries is held against the settings of the models before anything is tried."""

import re

import pytest
from conftest import CHECKOUT, edit_params
from ruamel.yaml import YAML

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.tuning import search, spaces
from foldin.tuning.spaces import Choices, Range
from foldin.workspace import check_params as settings


def give(workspace, space, model="als-explicit", **otherwise):
    wanted = {"als": {model: {"space": space, **otherwise}}}
    edit_params(workspace, lambda values: values["tune"].update(models=wanted))


def test_the_committed_spaces_are_possible(workspace):
    for family in params.read()["tune"]["models"]:
        assert spaces.plans(family)


def test_a_space_has_choices_and_ranges_of_the_settings_own_type(workspace):
    give(
        workspace,
        {
            "factors": {"low": 4, "high": 64, "log": True},
            "regularization": {"low": 1, "high": 10},
            "damping": [0, 5.0],
        },
    )
    assert spaces.plans("als")["als-explicit"].space == {
        "factors": Range(4, 64, log=True, whole=True),
        "regularization": Range(1.0, 10.0, log=False, whole=False),
        "damping": Choices((0.0, 5.0)),
    }


def test_a_model_searches_as_all_do_but_for_what_it_says(workspace):
    give(workspace, {"factors": [10, 50]}, method="grid", folds=5)
    found = spaces.plans("als")["als-explicit"].search
    given = params.read()["tune"]["search"]
    assert (found.method, found.folds, found.parallel) == ("grid", 5, given["parallel"])


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"factor": [1]}, "unknown setting 'tune.models.als.als-explicit.space.factor'; did you mean 'factors'?"),
        ({"factors": [0, 8]}, "tune.models.als.als-explicit.space.factors is 0; input should be greater than or"),
        ({"factors": [1.5]}, "tune.models.als.als-explicit.space.factors is 1.5; input should be a valid integer"),
        ({"regularization": {"low": 0.0, "high": 1.0}}, "space.regularization is 0.0; input should be greater than"),
        ({"regularization": {"low": 1.0, "high": 1.0}}, "from 1.0 to 1.0; low must be below high"),
        ({"regularization": {"low": 1.0, "hight": 2.0}}, "unknown key 'tune.models.als.als-explicit.space.regulariz"),
        ({"damping": {"low": 0, "high": 1, "log": True}}, "from 0.0; a logarithm needs low above 0"),
        ({"factors": []}, "space.factors is []; list at least one value"),
        ({"factors": [8, 8]}, "has a value twice: [8, 8]; list each once"),
        ({"factors": 8}, "space.factors is 8; list values"),
    ],
)
def test_an_impossible_space_is_named_with_its_remedy(workspace, space, said):
    give(workspace, space)
    with pytest.raises(FoldinError, match=re.escape(said)):
        spaces.plans("als")
    edit_params(workspace, lambda values: values["tune"].update(families=["als"]))
    with pytest.raises(FoldinError, match=re.escape(said)):
        settings.check()


def test_a_grid_has_no_ranges(workspace):
    give(workspace, {"regularization": {"low": 0.1, "high": 1.0}}, method="grid")
    with pytest.raises(FoldinError, match=r"space\.regularization is a range, and a grid has none; list its values"):
        spaces.plans("als")


def test_unknown_models_methods_and_families_are_named(workspace):
    give(workspace, {"factors": [8]}, model="als-explicite")
    with pytest.raises(FoldinError, match=r"unknown model 'tune\.models\.als\.als-explicite'.*'als-explicit'"):
        spaces.plans("als")
    give(workspace, {"factors": [8]}, method="bayes")
    with pytest.raises(FoldinError, match="method is 'bayes'; input should be 'grid', 'random' or 'tpe'"):
        spaces.plans("als")
    with pytest.raises(FoldinError, match=r"tune\.models has nothing of 'svd' to search.*mf-l2"):
        spaces.plans("svd")
    edit_params(workspace, lambda values: values["tune"].update(families=["asl"]))
    with pytest.raises(FoldinError, match=r"unknown model family 'asl' in tune\.families; did you mean 'als'"):
        params.tuned_families()


def test_one_fold_is_refused(workspace):
    give(workspace, {"factors": [8]}, folds=1)
    with pytest.raises(FoldinError, match="folds is 1; one fold leaves nothing to learn from"):
        spaces.plans("als")


@pytest.mark.parametrize(("drawn", "read"), [(0.123456, 0.123), (0.9999, 1.0), (0.0999999, 0.1), (0.10002, 0.1)])
def test_a_drawn_number_has_three_digits(drawn, read):
    assert Range(0.001, 1.0, log=True, whole=False).readable(drawn) == read


def test_rounding_never_leaves_the_range():
    assert Range(0.12345, 0.6789, log=False, whole=False).readable(0.12346) == 0.12345
    assert Range(0.12345, 0.6789, log=False, whole=False).readable(0.67889) == 0.6789


def test_the_grid_of_s1_in_the_documentation_is_possible_and_has_its_eighteen_combinations(workspace):
    page = (CHECKOUT / "docs" / "experiments.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(tune:.*?)```", page, flags=re.DOTALL)
    asked = YAML(typ="safe").load(block)["tune"]["models"]["als"]["als-explicit"]
    edit_params(workspace, lambda values: values["tune"]["models"]["als"].update({"als-explicit": asked}))
    plan = spaces.plans("als")["als-explicit"]
    assert search.count(plan.space, plan.search) == 18
    # Every combination is judged to its end, in all of its epochs.
    assert (plan.search.folds, plan.search.prune_after, plan.space["patience"]) == (5, 0, Choices((0,)))
