"""Each guard, tripped: a metric that cannot mean what it says stops the pipeline in one line that says what to do."""

import numpy as np
import pytest

from foldin.core.errors import FoldinError
from foldin.core.interactions import check_classes
from foldin.evaluation import guards
from foldin.metrics import definitions

METRICS = {"rmse": 0.9, "ndcg_at_10": 0.4, "ndcg_at_10_se": 0.01, "liked": {"f1": 0.5, "true_positives": 7}}


def complaint(call, *arguments, **named) -> str:
    with pytest.raises(FoldinError) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_sound_metrics_pass():
    guards.check_bounds(METRICS | {"domains": {"books": {"rmse": 0.8}}, "other_lengths": {"recall_at_5": 1.0}})


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("ndcg_at_10", 1.2, "0 to 1"),
        ("rmse", -0.1, "0 to inf"),
        ("auc", 1.01, "0 to 1"),
        ("popularity_lift_at_10", -1.5, "-1 to inf"),
        ("precision_at_10", -0.01, "0 to 1"),
    ],
)
def test_a_metric_outside_its_bounds_is_named(name, value, bounds):
    assert complaint(guards.check_bounds, METRICS | {name: value}).startswith(f"{name} is {value}, outside {bounds}")


def test_metrics_of_groups_are_checked_too():
    assert complaint(guards.check_bounds, {"domains": {"books": {"recall_at_5": 2.0}}}).startswith(
        "domains.books.recall_at_5 is 2.0"
    )
    assert complaint(guards.check_bounds, {"other_lengths": {"map_at_5": 2.0}}).startswith("map_at_5 is 2.0")


def test_a_group_s_metric_has_a_definition_of_its_own():
    metrics = METRICS | {"domains": {"books": {"rmse": 0.8}}, "popularity": {"tail": {"sampled_recall_at_5": 0.1}}}
    names = guards.names(metrics)
    assert names == {*guards.flattened(METRICS), "domains.rmse", "popularity.sampled_recall_at_5"}
    overall, of_domain = definitions.of("rmse"), definitions.of("domains.rmse")
    assert of_domain.text.startswith(overall.text)
    assert "Cold items have no domain" in of_domain.text
    assert (of_domain.lowest, of_domain.highest) == (overall.lowest, overall.highest)
    of_tail = definitions.of("popularity.sampled_recall_at_5").text
    assert "Within one popularity group" in of_tail
    assert "comparable only on the same sample" in of_tail


def test_nan_is_outside_every_bound():
    assert "rmse is nan" in complaint(guards.check_bounds, {"rmse": float("nan")})


def test_a_metric_without_definition_is_refused():
    assert "'accuracy' has no definition" in complaint(guards.check_bounds, {"accuracy": 0.65})


@pytest.mark.parametrize(
    ("ratings", "said"),
    [
        ([1.0, 1.0, 1.0], "all of 3 test ratings are at least 1"),
        ([5.0, 4.5], "all of 2 test ratings are at least 1"),
        ([0.5, 0.0], "none of 2 test ratings are at least 1"),
    ],
)
def test_ratings_of_one_class_are_refused(ratings, said):
    text = complaint(check_classes, np.array(ratings, np.float32), 1.0)
    assert said in text
    assert ("each of them 1" in text) == (len(set(ratings)) == 1)
    check_classes(np.array([0.5, 1.0], np.float32), 1.0)


def test_a_model_better_than_the_truth_is_refused_unless_explained():
    assert "ncf (LEAK" in complaint(guards.check_oracle, ["ncf"], {}, "demo")
    assert "svds" in complaint(guards.check_oracle, ["ncf", "svds"], {"ncf": "an audit", "svds": " "}, "demo")
    guards.check_oracle(["ncf"], {"ncf": "an audit"}, "demo")
    guards.check_oracle([], {}, "demo")


def test_sampled_metrics_are_never_shown_as_full_ones_nor_the_other_way_round():
    full, sampled = ["rmse", "ndcg_at_10"], ["rmse", "sampled_ndcg_at_10"]
    guards.check_sampling(full, sampled=False, where="x")
    guards.check_sampling(sampled, sampled=True, where="x")
    text = complaint(guards.check_sampling, full, sampled=True, where="x")
    assert "'ndcg_at_10' was computed on a sample of candidates and is named as if on the whole catalogue" in text
    assert "'sampled_ndcg_at_10' was computed on the whole" in complaint(
        guards.check_sampling, sampled, sampled=False, where="x"
    )


def test_auc_has_no_length_in_its_name_and_is_guarded_all_the_same():
    guards.check_sampling(["auc"], sampled=False, where="x")
    guards.check_sampling(["sampled_auc"], sampled=True, where="x")
    text = complaint(guards.check_sampling, ["auc"], sampled=True, where="x")
    assert "'auc' was computed on a sample of candidates and is named as if on the whole catalogue" in text
    text = complaint(guards.check_sampling, ["sampled_auc"], sampled=False, where="x")
    assert "'sampled_auc' was computed on the whole catalogue and is named as if on a sample" in text


def test_sampled_metrics_and_errors_are_defined_as_such():
    assert "comparable only on the same sample" in definitions.of("sampled_recall_at_20").text
    assert "standard error, clustered by user, of: mean" in definitions.of("ndcg_at_10_se").text
    assert definitions.of("ndcg_at_10_seed_sd").highest == np.inf
    assert definitions.base("sampled_ndcg_at_10_seed_sd") == "ndcg"
