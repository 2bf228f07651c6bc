"""What accuracy does not see, against loops over plain lists."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.metrics import beyond_accuracy, calibration, rating

always = settings(derandomize=True, deadline=None, max_examples=60)
N = 7
GENRES = ["a", "a|b", "b", "", "c|d", "a|c|d", ""]


@st.composite
def lists(draw):
    """Draw lists of up to four of seven items, -1 where they are shorter; at least one item in all."""
    found = [draw(st.permutations(range(N)))[: draw(st.integers(0, 4))] for _ in range(draw(st.integers(1, 4)))]
    found.append([draw(st.integers(0, N - 1))])
    return np.array([each + [-1] * (4 - len(each)) for each in found], np.int32)


def members(row):
    return [item for item in row.tolist() if item >= 0]


@always
@given(lists())
def test_gini_is_the_mean_difference_of_how_often_items_are_listed(listed):
    counts = [sum(item in members(row) for row in listed) for item in range(N)]
    differences = sum(abs(a - b) for a, b in itertools.product(counts, counts))
    assert beyond_accuracy.gini(listed, N) == pytest.approx(differences / (2 * N * sum(counts)))


def test_gini_of_an_even_and_of_the_most_uneven_catalogue():
    assert beyond_accuracy.gini(np.arange(N, dtype=np.int32)[:, None], N) == 0
    assert beyond_accuracy.gini(np.zeros((9, 1), np.int32), N) == pytest.approx(1 - 1 / N)


@always
@given(lists(), st.lists(st.integers(1, 9), min_size=N, max_size=N))
def test_novelty_is_the_mean_surprise_of_meeting_a_rater(listed, popularity):
    found = beyond_accuracy.novelty(listed, np.array(popularity), 10)
    for value, row in zip(found, listed, strict=True):
        surprise = [-math.log2(popularity[item] / 10) for item in members(row)]
        assert value == pytest.approx(np.mean(surprise)) if surprise else np.isnan(value)


@always
@given(lists())
def test_diversity_is_over_pairs_of_items_that_have_genres(listed):
    vectors = beyond_accuracy.genre_vectors(pd.Series(GENRES))
    found = beyond_accuracy.diversity(listed, vectors)
    for value, row in zip(found, listed, strict=True):
        distances = []
        for one, other in itertools.combinations([set(GENRES[item].split("|")) for item in members(row)], 2):
            if "" not in one | other:
                distances.append(1 - len(one & other) / math.sqrt(len(one) * len(other)))
        assert value == pytest.approx(np.mean(distances), abs=1e-12) if distances else np.isnan(value)


def test_a_catalogue_without_genres_has_no_diversity():
    vectors = beyond_accuracy.genre_vectors(pd.Series(["", "", ""]))
    assert np.isnan(beyond_accuracy.diversity(np.array([[0, 1, 2]], np.int32), vectors)).all()


def test_popularity_lift_compares_a_list_with_what_the_same_user_rated():
    popularity = np.array([8, 4, 2, 2])
    known = sparse.csr_array(np.array([[0, 0, 1, 1], [0, 1, 0, 0]], np.float32))
    # Lists of mean popularity 6 and 8; profiles of 2 and 4.
    lift = beyond_accuracy.popularity_lift(np.array([[0, 1], [0, -1]], np.int32), popularity, known)
    assert lift == pytest.approx(7 / 3 - 1)
    assert beyond_accuracy.popularity_lift(np.array([[-1], [-1]], np.int32), popularity, known) is None


def test_buckets_hold_about_a_third_of_the_ratings_each_the_popular_first():
    popularity = np.array([1, 1, 10, 1, 30, 20, 10, 17, 5, 5])
    groups = beyond_accuracy.buckets(popularity)
    assert groups[4] == 0
    assert groups[np.argsort(-popularity, kind="stable")].tolist() == sorted(groups)
    assert [popularity[groups == bucket].sum() for bucket in range(3)] == [50, 17, 33]


@always
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1.0, 2.5, 3.0, 3.5, 4.9])), min_size=1, max_size=40))
def test_calibration_groups_hold_every_pair_once_and_keep_ties_together(pairs):
    actual, predicted = (np.array(values, float) for values in zip(*pairs, strict=True))
    table = calibration.calibration(actual, predicted, 4)
    assert table["pairs"].sum() == len(pairs)
    assert (table["predicted"] * table["pairs"]).sum() == pytest.approx(predicted.sum())
    assert (table["actual"] * table["pairs"]).sum() == pytest.approx(actual.sum())
    assert table["predicted"].is_monotonic_increasing
    assert len(table) <= min(4, len(set(predicted)))


@always
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.2])), min_size=1, max_size=40))
def test_groups_by_standard_deviation_have_the_variances_and_squared_errors_of_their_pairs(pairs):
    actual, std = (np.array(values, float) for values in zip(*pairs, strict=True))
    table = calibration.std_calibration(actual, np.full(len(pairs), 3.0), std, 4)
    assert table["pairs"].sum() == len(pairs)
    assert (table["std"] ** 2 * table["pairs"]).sum() == pytest.approx((std**2).sum())
    assert (table["rmse"] ** 2 * table["pairs"]).sum() == pytest.approx(((actual - 3) ** 2).sum())
    assert table["std"].is_monotonic_increasing
    assert len(table) <= min(4, len(set(std)))


@pytest.mark.parametrize("std", [-0.5, np.nan, np.inf])
def test_what_is_no_standard_deviation_is_refused(std):
    with pytest.raises(FoldinError, match=f"a predictive standard deviation is {std}"):
        calibration.std_calibration([3.0, 4.0], [3.0, 3.0], [1.0, std], 2)


def test_rmse_by_user_weighs_users_alike_and_passes_over_who_has_no_pair():
    user = np.array([2] + 99 * [0])
    given = metrics.RatingErrors(np.ones(100), np.where(user == 2, 4.0, 0.0), user, 3, user == 0)
    assert rating.user_rmse(given) == 2.0
