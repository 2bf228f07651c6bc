"""Graded NDCG and metrics of liked items: by scikit-learn and trec_eval, in any unit, and on lists known by hand."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import ndcg_score

from foldin import metrics
from foldin.core.interactions import Scale
from foldin.metrics import RankedHits, graded, top_k
from foldin.metrics.graded import LIKED_ONLY, RankedGains
from foldin.metrics.ranking import RANKING

always = settings(derandomize=True, deadline=None, max_examples=60)
EXACT = 1e-9
N_ITEMS = 10
STARS = Scale(1, 5, 1)


@st.composite
def cases(draw):
    """Draw untied scores of one user, held-out ratings of 1 to 5 stars by item, and a length of list."""
    order = draw(st.permutations(range(N_ITEMS)))
    held = draw(st.dictionaries(st.integers(0, N_ITEMS - 1), st.integers(1, 5), min_size=1))
    return np.array(order, np.float32)[None], held, draw(st.integers(1, N_ITEMS))


def stored(held, ratings):
    """Return held-out ratings as one row."""
    return sparse.csr_array((np.array(ratings, np.float32), ([0] * len(held), list(held))), shape=(1, N_ITEMS))


def graded_ndcg(items, held, scale, ratings, cold=()):
    """Return our graded NDCG of one user's list, `cold` ratings being of items outside the catalogue."""
    everything = graded.gains([*ratings, *cold], scale)
    best = graded.best_gains(np.zeros(len(everything), int), everything, 1, items.shape[1])
    listed = graded.held_ratings(items, stored(held, ratings))
    return graded.metrics_of_gains(RankedGains(graded.gains(listed, scale), best))["ndcg_graded"][0]


@always
@given(cases())
def test_graded_ndcg_is_that_of_scikit_learn_and_of_trec_eval(case):
    scores, held, k = case
    assume(max(held.values()) > 1)
    found = graded_ndcg(top_k.top_k(scores, k)[0], held, STARS, list(held.values()))
    truth = np.zeros((1, N_ITEMS))
    truth[0, list(held)] = np.array(list(held.values())) - 1
    assert found == pytest.approx(ndcg_score(truth, scores, k=k), abs=EXACT)
    levels = {str(item): rating - 1 for item, rating in held.items()}
    run = {str(item): float(score) for item, score in enumerate(scores[0])}
    theirs = pytrec_eval.RelevanceEvaluator({"u": levels}, {f"ndcg_cut.{k}"}).evaluate({"u": run})["u"]
    assert found == pytest.approx(theirs[f"ndcg_cut_{k}"], abs=EXACT)


@always
@given(cases(), st.sampled_from([(2.0, 0.0), (5.0, -15.0), (0.25, -0.25), (1.0, -1.0)]))
def test_it_is_the_same_in_any_unit_of_the_ratings(case, change):
    """The last two store the lowest rating as 0, which is a rating like any other."""
    scores, held, k = case
    slope, shift = change
    other = Scale(slope * 1 + shift, slope * 5 + shift, slope)
    items, ratings = top_k.top_k(scores, k)[0], np.array(list(held.values()))
    found = graded_ndcg(items, held, STARS, ratings)
    assert graded_ndcg(items, held, other, slope * ratings + shift) == pytest.approx(found, abs=1e-6, nan_ok=True)
    assert np.isnan(found) == (max(held.values()) == 1)


@always
@given(cases())
def test_where_all_are_rated_alike_it_is_the_binary_one(case):
    scores, held, k = case
    items = top_k.top_k(scores, k)[0]
    binary = metrics.ndcg(items, stored(held, [4] * len(held)))[0]
    assert graded_ndcg(items, held, STARS, [4] * len(held)) == pytest.approx(binary, abs=EXACT)


def test_the_order_of_hits_counts_and_a_cold_item_is_missed():
    held, ratings = [2, 5, 7], [1, 3, 5]
    best, worst = np.array([[7, 5, 2]]), np.array([[2, 5, 7]])
    assert graded_ndcg(best, held, STARS, ratings) == 1
    ideal = 1 + 0.5 / math.log2(3)
    assert graded_ndcg(worst, held, STARS, ratings) == pytest.approx((0.5 / math.log2(3) + 1 / 2) / ideal)
    with_cold = 1 + 1 / math.log2(3) + 0.5 / 2
    assert graded_ndcg(best, held, STARS, ratings, cold=[5]) == pytest.approx(ideal / with_cold)
    assert graded_ndcg(np.array([[0, 1, -1]]), held, STARS, ratings) == 0


def test_held_ratings_are_found_whatever_the_order_of_the_stored_cells():
    relevant = stored([7, 2, 5], [5, 0, 3])
    shuffled = sparse.csr_array((np.array([5, 0, 3], np.float32), np.array([7, 2, 5]), np.array([0, 3])), (1, N_ITEMS))
    assert not shuffled.has_sorted_indices
    for matrix in (relevant, shuffled):
        np.testing.assert_array_equal(
            graded.held_ratings(np.array([[2, 3, 7, -1]], np.int32), matrix), [[0, np.nan, 5, np.nan]]
        )


@always
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), max_size=20), st.integers(1, 6))
def test_the_best_gains_are_those_of_sorting_each_owner_s(pairs, k):
    owners, gained = (np.array([pair[place] for pair in pairs]) for place in (0, 1))
    found = graded.best_gains(owners.astype(int), gained.astype(float), 4, k)
    for owner in range(4):
        mine = sorted((gain for whose, gain in pairs if whose == owner), reverse=True)[:k]
        assert found[owner].tolist() == mine + [0.0] * (k - len(mine))


def test_metrics_of_liked_items_are_the_binary_ones_of_these_items_alone():
    items = np.array([[3, 1, 4, 0], [0, 1, 2, 3], [5, 6, 7, 8]], np.int32)
    liked = sparse.csr_array((np.ones(3, np.float32), ([0, 0, 1], [1, 9, 3])), shape=(3, N_ITEMS))
    hits = RankedHits(metrics.hits(items, liked), np.diff(liked.indptr))
    found, plain = graded.metrics_of_liked(hits), metrics.ranking_metrics(items, liked)
    assert list(found) == [f"{metric.name}_liked" for metric in RANKING] == [metric.name for metric in LIKED_ONLY]
    for name, values in plain.items():
        np.testing.assert_array_equal(found[f"{name}_liked"], values)
    assert found["recall_liked"][:2].tolist() == [0.5, 1.0]
    assert all(np.isnan(values[2]) for values in found.values()), "nobody without a liked item has a metric"
