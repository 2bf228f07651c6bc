"""The filters of `gf-cf` are the matrices of their paper, made dense by numpy."""

import numpy as np
import pytest
from scipy import sparse
from synthetic import of, planted

from foldin.models.graph import GraphFilter

TRAIN = planted(n_users=90, n_items=50)[0]
ONES = (TRAIN.ratings.toarray() > 0).astype(float)
EVERYONE = np.arange(90, dtype=np.int32)


def gf_cf(train, factors=5, ideal_weight=0.3):
    return GraphFilter(GraphFilter.Settings(factors=factors, ideal_weight=ideal_weight), seed=3).fit(train)


def normalized(ones):
    users, items = (np.maximum(ones.sum(axis=axis), 1) for axis in (1, 0))
    return ones / np.sqrt(users)[:, None] / np.sqrt(items), items


def test_the_linear_filter_worked_by_hand():
    """Users rate {0, 1} and {0}: R̃ is ((1/2, 1/√2), (1/√2, 0)), and R̃ᵀR̃ is ((3/4, 1/√8), (1/√8, 1/2))."""
    model = gf_cf(of([[1, 1], [1, 0]]), factors=1, ideal_weight=0.0)
    spread = np.array([[3 / 4, 1 / np.sqrt(8)], [1 / np.sqrt(8), 1 / 2]])
    np.testing.assert_allclose(model.score([0, 1]), [spread.sum(axis=0), spread[0]], rtol=1e-6)


@pytest.mark.parametrize(("factors", "weight"), [(1, 0.3), (5, 0.3), (20, 2.0)])
def test_scores_are_the_sum_of_both_filters(factors, weight):
    edges, items = normalized(ONES)
    smooth = np.linalg.svd(edges)[2][:factors]
    low_pass = np.diag(items**-0.5) @ smooth.T @ smooth @ np.diag(items**0.5)
    expected = ONES @ (edges.T @ edges + weight * low_pass)
    np.testing.assert_allclose(gf_cf(TRAIN, factors, weight).score(EVERYONE), expected, rtol=1e-4, atol=1e-5)


def test_what_is_smooth_comes_first_and_the_smoothest_of_a_connected_graph_is_popularity():
    model = gf_cf(TRAIN)
    frequencies = model.frequencies()
    assert frequencies[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(frequencies) >= 0).all()
    singular = np.linalg.svd(normalized(ONES)[0])[1]
    np.testing.assert_allclose(frequencies, 1 - singular[:5] ** 2, atol=1e-6)
    first = np.abs(model.directions()[0])
    np.testing.assert_allclose(first, np.sqrt(ONES.sum(axis=0) / ONES.sum()), atol=1e-6)


def test_what_the_ideal_filter_has_passed_it_passes_again():
    model = gf_cf(TRAIN)
    once = model.ideal(TRAIN.ratings)
    again = model.ideal(sparse.csr_array(np.ones((50, 50), np.float32)))
    items = ONES.sum(axis=0)
    low_pass = np.diag(items**-0.5) @ model.directions().T @ model.directions() @ np.diag(items**0.5)
    np.testing.assert_allclose(once @ low_pass, once, atol=1e-4)
    np.testing.assert_allclose(again, np.ones((50, 50)) @ low_pass, atol=1e-4)


def test_ratings_are_not_read_and_a_new_user_is_scored_as_a_training_user():
    ratings = TRAIN.ratings.copy()
    ratings.data = np.where(np.arange(ratings.nnz) % 3 == 0, 0, ratings.data).astype(np.float32)
    model = gf_cf(TRAIN)
    np.testing.assert_array_equal(gf_cf(TRAIN.with_ratings(ratings)).score(EVERYONE), model.score(EVERYONE))
    np.testing.assert_array_equal(model.fold_in(TRAIN.ratings), model.score(EVERYONE))
    nobody = sparse.csr_array((1, 50), dtype=np.float32)
    np.testing.assert_array_equal(model.fold_in(nobody), np.zeros((1, 50)))
