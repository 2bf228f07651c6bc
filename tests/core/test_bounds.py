"""Every number of params.yaml has a least and a largest value, and at both the models do what they say."""

import copy
import math
from functools import cache, reduce
from operator import getitem

import numpy as np
import pandas as pd
import pytest
from conftest import CHECKOUT, edit_params
from ruamel.yaml import YAML
from synthetic import planted

from foldin import cli, models
from foldin.core import bounds as kinds
from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.demo import truth
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.preparation import splits

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")
HUGE = 10**400
"""An integer that no float is near, and that YAML reads."""
# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


def numbers(schema, definitions, place=""):
    """Yield the place and the schema of every number in a JSON schema."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].split("/")[-1]]
    if schema.get("type") in ("integer", "number"):
        yield place, schema
    for name, inner in schema.get("properties", {}).items():
        yield from numbers(inner, definitions, f"{place}.{name}".lstrip("."))
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from numbers(schema[key], definitions, f"{place}[]")
    for inner in schema.get("anyOf", ()):
        yield from numbers(inner, definitions, place)


def numbers_of(model):
    schema = model.model_json_schema()
    return dict(numbers(schema, schema.get("$defs", {})))


def bounds(schema):
    """Return the least and the largest number that a schema allows, or None where it has no such bound."""
    kind = int if schema["type"] == "integer" else float
    least, largest = schema.get("minimum"), schema.get("maximum")
    if least is None and "exclusiveMinimum" in schema:
        least = math.nextafter(schema["exclusiveMinimum"], math.inf)
    if largest is None and "exclusiveMaximum" in schema:
        largest = math.nextafter(schema["exclusiveMaximum"], -math.inf)
    return [None if end is None else kind(end) for end in (least, largest)]


def every_model():
    yield from params.SECTIONS.items()
    for family in params.known_families():
        for name, cls in models.family_models(family).items():
            yield f"{family}.{name}", cls.Settings


def test_every_number_of_every_section_and_model_has_both_bounds():
    unbounded = [
        f"{place}.{name}"
        for place, model in every_model()
        for name, schema in numbers_of(model).items()
        if None in bounds(schema)
    ]
    assert unbounded == []


def filled_in(name, values):
    """Return a place in values, with the first key of each mapping for `[]`: `models[][].trials`, `models.als.…`."""
    keys = []
    for part in name.split("."):
        keys.append(part.rstrip("[]"))
        for _ in range(part.count("[]")):
            keys.append(next(iter(reduce(getitem, keys, values))))
    return ".".join(keys)


def said_of(model, values, name, value):
    """Return what is said of values in which one is another; nothing where they are accepted."""
    try:
        *above, last = name.split(".")
        changed = copy.deepcopy(values)
        reduce(getitem, above, changed)[last] = value
        params.parse(model, changed, "place")
    except FoldinError as error:
        return str(error)
    return ""


def test_what_is_no_number_within_the_bounds_is_refused_by_name():
    for place, model in every_model():
        values = PARAMS
        for key in place.split("."):
            values = values[key]
        for pattern, schema in numbers_of(model).items():
            if pattern.endswith("[]"):
                continue
            name = filled_in(pattern, values)
            least, largest = bounds(schema)
            beyond = (least - 1, largest + 1, math.nan, math.inf, -math.inf, 1e308, HUGE, -HUGE, True, "1", None)
            for value in beyond:
                # A model may leave out what the section `tune.search` says.
                if value is None and "[]" in pattern:
                    continue
                said = said_of(model, values, name, value)
                assert said.startswith(f"params.yaml: place.{name} is {value!r}; "), f"{place}.{name}"
                assert "\n" not in said
            for value in (least, largest):
                # What one key may be can depend on another.
                said = said_of(model, values, name, value)
                assert not said or "it must " in said, f"{place}.{name}"


@cache
def parts():
    return planted(60, 40)


def cases(families, ends=("least", "largest")):
    for family in families:
        for model, cls in models.family_models(family).items():
            for name in numbers_of(cls.Settings):
                for end in ends:
                    yield pytest.param(family, model, name, end, id=f"{model}-{name}-{end}")


def at_the_bound(family, model, name, end):
    """Return a model whose one setting is at its bound, fitted, or what is said of it."""
    cls = models.family_models(family)[model]
    values = dict(PARAMS[family][model])
    if "epochs" in values:
        values["epochs"] = 2
    value = bounds(numbers_of(cls.Settings)[name])[end == "largest"]
    # So many unknowns are solved for, and nothing else is other than with as many as there are users.
    values[name] = min(value, 100) if name == "factors" and "epochs" in values else value
    values |= {"patience": 1} if name == "epochs" and "patience" in values else {}
    fitted = cls(params.parse(cls.Settings, values, model), seed=kinds.LARGEST_SEED)
    return fitted.fit(*parts()[:2]).refit(parts()[0], kinds.LARGEST_SEED + kinds.MOST_SEEDS)


def scores_or_one_line(family, model, name, end):
    try:
        fitted = at_the_bound(family, model, name, end)
    except FoldinError as error:
        # Steps this large leave any scale, which is said with what to lower.
        return str(error)
    scores = fitted.score(np.arange(60))
    assert np.isfinite(scores).all()
    assert np.isfinite(fitted.fold_in(parts()[0].ratings[:5])).all()
    if isinstance(fitted, RatingRecommender):
        ratings = fitted.predict(*parts()[2].triples()[:2])
        assert ratings.min() >= 0.5
        assert ratings.max() <= 5.0
    return ""


@pytest.mark.parametrize(
    ("family", "model", "name", "end"),
    list(cases(("baselines", "svd", "als", "bayesian", "linear", "neighbours", "graph", "content"))),
)
def test_at_its_bounds_a_setting_gives_scores_or_says_what_to_lower(family, model, name, end):
    said = scores_or_one_line(family, model, name, end)
    allowed = {(each, "largest") for each in ("learning_rate", "initial_spread", "l2", "implicit_l2")}
    if name == "period_days" and end == "largest":
        assert "no rating has a time; set period_days: 0" in said
        return
    assert not said or ((name, end) in allowed and ("lower its learning rate" in said or "must be below" in said))


@pytest.mark.bounds
@pytest.mark.parametrize(("family", "model", "name", "end"), list(cases(("deep", "two_tower", "autoencoder"))))
def test_at_its_bounds_a_setting_of_a_network_gives_scores(family, model, name, end):
    assert scores_or_one_line(family, model, name, end) == ""


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("seed", 2**32 - 1, "seed is 4294967295; it must be a whole number from 0 to 2,147,483,647"),
        ("seed", 2**40, "seed is 1099511627776; it must be"),
        ("seed", -1, "seed is -1; it must be"),
        ("threads", 10**6, "threads is 1000000; it must be a whole number from 1 to 64"),
        ("threads", True, "threads is True; it must be"),
    ],
)
def test_numbers_outside_sections_have_the_bounds_of_libraries(workspace, capsys, key, value, said):
    edit_params(workspace, lambda values: values.update({key: value}))
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().err.startswith(f"foldin: params.yaml: {said}")


def test_the_largest_seed_and_most_threads_pass_the_check(workspace):
    edit_params(workspace, lambda values: values.update(seed=2**31 - 1, threads=64))
    params.read()


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("clean", {"youngest": 90, "oldest": 80}, "clean.oldest is 80; it must not be below youngest"),
        ("clean", {"earliest_year": 2031}, "clean.latest_year is 2030; it must not be below earliest_year"),
        ("split", {"protocol": "k_fold", "fold": 6}, "split.fold is 6 of 5; choose from 1 to split.folds"),
        ("demo", {"users": 600_000}, "demo.items is 90; times demo.users it must not exceed 50,000,000 pairs"),
        ("evaluation", {"k": 10**12}, "evaluation.k is 1000000000000; input should be less than or equal to 1000"),
        ("evaluation", {"seeds": {"als": 10**6}}, "evaluation.seeds.als is 1000000; input should be"),
        (
            "evaluation",
            {"resamples": 200, "confidence": 0.99},
            "evaluation.resamples is 200: too few bootstrap samples to compare",
        ),
    ],
)
def test_numbers_that_do_not_go_together_are_refused_before_training(workspace, capsys, section, change, said):
    edit_params(workspace, lambda values: values[section].update(change))
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().err.startswith(f"foldin: params.yaml: {said}")


def test_more_folds_than_ratings_are_said_as_such():
    ratings = pd.DataFrame({"user_id": list("abcde"), "item_id": "1"})
    settings = params.parse(
        params.Split, PARAMS["split"] | {"protocol": "k_fold", "folds": 9, "fold": 9, "validation": 0.4}, "split"
    )
    with pytest.raises(FoldinError, match=r"fold 9 of 5 ratings would be empty: split.folds is 9; lower split.folds"):
        splits.split_ratings(ratings, settings, (None, None))


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ([0, 1e308], "input should be less than or equal to 1000000000"),
        ([1, 5, 5e-324], "write a step of 0"),
        ([9e8, 9e8 + 1], "rescale the ratings"),
        ([0, math.inf], "finite number"),
    ],
)
def test_a_scale_that_single_precision_cannot_hold_is_refused(workspace, scale, said):
    mine = {"file": "own/a.csv", "user": "u", "item": "i", "rating": "r", "scale": scale}
    edit_params(workspace, lambda values: values.update(sources={"mine": mine}))
    with pytest.raises(FoldinError, match=said):
        registry.get("mine")


def test_a_user_cannot_be_asked_for_more_ratings_than_there_are_items(workspace):
    edit_params(workspace, lambda values: values["demo"].update(fewest_ratings=60))
    with pytest.raises(FoldinError, match=r"nobody rates more than 54 of 90 items; lower it, or raise demo.items"):
        truth.of(params.section(params.Demo))


def test_memory_that_runs_out_is_said_in_one_line(workspace, monkeypatch, capsys):
    monkeypatch.setattr(params, "threads", lambda: np.empty(2**55))
    assert cli.main(["strip"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("foldin: memory ran out (Unable to allocate ")
    assert said.count("\n") == 1
