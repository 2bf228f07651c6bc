"""Each metric is entered once, beside its code; all else follows from the entry."""

import math

import pytest

from foldin.metrics import definitions


def test_each_name_is_entered_once():
    names = [metric.name for metric in definitions.ALL]
    assert sorted(names) == sorted(definitions.METRICS)


@pytest.mark.parametrize("metric", definitions.ALL, ids=lambda metric: metric.name)
def test_an_entry_is_whole(metric):
    assert metric.text
    assert metric.lowest < metric.highest
    assert definitions.of(metric.name) == metric
    assert not metric.title.startswith(" ")


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("rmse", True),
        ("domains.books.mae", True),
        ("gini_at_10", False),
        ("sampled_ndcg_at_10", False),
        ("liked.f1", False),
        ("pairs", False),
        ("popularity_lift_at_10", False),
        ("not a metric", False),
    ],
)
def test_the_direction_is_known_by_any_name(name, lower):
    assert definitions.lower_is_better(name) == lower


def test_how_sure_a_metric_is_has_no_direction():
    for name in ("rmse_se", "rmse_seed_sd"):
        found = definitions.of(name)
        assert (found.lowest, found.highest, found.higher_is_better) == (0, math.inf, None)


def test_metrics_of_liked_are_told_from_those_of_lists():
    assert definitions.base("liked.precision") == "liked_precision"
    assert definitions.base("liked.true_positives") == "true_positives"
    assert definitions.base("popularity.tail.sampled_recall_at_5") == "recall"


def test_rmse_and_ndcg_have_intervals_and_metrics_of_liked_items_names_of_their_own():
    assert definitions.INTERVALS == ("rmse", "ndcg")
    assert definitions.base("sampled_recall_liked_at_10_se") == "recall_liked"
    assert definitions.base("liked.recall") == "liked_recall"
