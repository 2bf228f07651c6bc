"""Scores of neighbourhood models are the sums that their definitions say, over dense matrices by numpy."""

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic import of, planted

from foldin.models.neighbours import ItemKNN, RP3Beta, UserKNN

TRAIN = planted(n_users=90, n_items=50)[0]
ONES = (TRAIN.ratings.toarray() > 0).astype(float)
EVERYONE = np.arange(90, dtype=np.int32)


def item_knn(train, neighbours, similarity="cosine", shrinkage=0.0):
    return ItemKNN(ItemKNN.Settings(neighbours=neighbours, similarity=similarity, shrinkage=shrinkage)).fit(train)


def user_knn(train, neighbours, similarity="cosine", shrinkage=0.0):
    return UserKNN(UserKNN.Settings(neighbours=neighbours, similarity=similarity, shrinkage=shrinkage)).fit(train)


def rp3beta(train, neighbours=1000, alpha=1.0, beta=0.5, normalized=False):
    settings = RP3Beta.Settings(neighbours=neighbours, alpha=alpha, beta=beta, normalized=normalized)
    return RP3Beta(settings).fit(train)


def without_diagonal(matrix):
    return matrix - np.diag(np.diag(matrix))


def cosines(rows):
    lengths = np.linalg.norm(rows, axis=1)
    return without_diagonal(rows @ rows.T / np.outer(lengths, lengths))


def test_item_knn_worked_by_hand():
    """Users rate {0, 1}, {0, 1} and {0, 2}: cos(0, 1) = 2/√6, cos(0, 2) = 1/√3; of one neighbour, 1 is 0's."""
    train = of([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    near, far = 2 / np.sqrt(6), 1 / np.sqrt(3)
    np.testing.assert_allclose(item_knn(train, 2).score([0, 2]), [[near, near, far], [far, near, far]], rtol=1e-6)
    np.testing.assert_allclose(item_knn(train, 1).score([0, 2]), [[near, near, far], [0, near, far]], rtol=1e-6)


def test_user_knn_worked_by_hand():
    """Users rate {0, 1}, {0, 2} and {1}: cos = 1/2 and 1/√2 from the first, who gets 2 from the second alone."""
    train = of([[1, 1, 0], [1, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(user_knn(train, 2).score([0]), [[1 / 2, 1 / np.sqrt(2), 1 / 2]], rtol=1e-6)
    np.testing.assert_allclose(user_knn(train, 1).score([0]), [[0, 1 / np.sqrt(2), 0]], rtol=1e-6)


def test_rp3beta_worked_by_hand():
    """Users rate {0, 1} and {0}: from 1 to its user, and to 0 with chance ½; divided by √2 for 0's two users."""
    model = rp3beta(of([[1, 1], [1, 0]]))
    np.testing.assert_allclose(model.column(0), [0, 1 / 2 / np.sqrt(2)], rtol=1e-6)
    np.testing.assert_allclose(model.column(1), [1 / 2 * 1 / 2, 0], rtol=1e-6)


def test_with_all_neighbours_scores_are_products_with_all_cosines():
    np.testing.assert_allclose(item_knn(TRAIN, 1000).score(EVERYONE), ONES @ cosines(ONES.T), rtol=1e-5)
    np.testing.assert_allclose(user_knn(TRAIN, 1000).score(EVERYONE), cosines(ONES) @ ONES, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("beta", [0.0, 0.6])
@pytest.mark.parametrize("normalized", [False, True])
def test_rp3beta_is_three_steps_of_a_walk_over_popularity(alpha, beta, normalized):
    to_users = (ONES.T / ONES.sum(axis=0)[:, None]) ** alpha * ONES.T
    to_items = (ONES / ONES.sum(axis=1, keepdims=True)) ** alpha * ONES
    weights = without_diagonal(to_users @ to_items) / ONES.sum(axis=0) ** beta
    if normalized:
        weights /= weights.sum(axis=1, keepdims=True)
    model = rp3beta(TRAIN, alpha=alpha, beta=beta, normalized=normalized)
    found = np.column_stack([model.column(item) for item in range(50)])
    np.testing.assert_allclose(found, weights, rtol=1e-5)
    np.testing.assert_allclose(model.score(EVERYONE), ONES @ weights, rtol=1e-5)


def test_beta_holds_popular_items_back():
    popularity = ONES.sum(axis=0)
    shown = [popularity[rp3beta(TRAIN, beta=beta).recommend(EVERYONE, 5)[0]].mean() for beta in (0.0, 0.5, 1.0)]
    assert shown[0] > shown[1] > shown[2]


def test_each_keeps_its_nearest_only():
    items = item_knn(TRAIN, 3)
    assert [np.count_nonzero(items.column(item)) for item in range(50)] == [3] * 50
    for item in range(50):
        near = np.argsort(-np.float32(cosines(ONES.T)[item]), kind="stable")[:3]
        assert items.strongest(item, 3).tolist() == near.tolist()
    assert np.diff(user_knn(TRAIN, 4).neighbours().indptr).max() == 4
    walks = rp3beta(TRAIN, neighbours=6, normalized=True)
    sums = sum(walks.column(item) for item in range(50))
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    counts = np.bincount(np.concatenate([np.flatnonzero(walks.column(item)) for item in range(50)]))
    assert counts.max() == 6
    assert walks.n_weights() == counts.sum()


def test_items_and_users_without_ratings_are_no_one_s_neighbour():
    cells = np.zeros((5, 4))
    cells[:3, :2] = 1
    for model in (item_knn(of(cells), 3), user_knn(of(cells), 3), rp3beta(of(cells), normalized=True)):
        scores = model.score(np.arange(5, dtype=np.int32))
        assert (scores[:3, :2] > 0).all()
        assert np.count_nonzero(scores) == 6


@pytest.mark.parametrize("fit", [lambda t: item_knn(t, 9), lambda t: user_knn(t, 9), lambda t: rp3beta(t, 9)])
def test_ratings_are_not_read(fit):
    ratings = TRAIN.ratings.copy()
    ratings.data = np.where(np.arange(ratings.nnz) % 3 == 0, 0, ratings.data).astype(np.float32)
    np.testing.assert_array_equal(fit(TRAIN.with_ratings(ratings)).score(EVERYONE), fit(TRAIN).score(EVERYONE))


@pytest.mark.parametrize("fit", [lambda t: item_knn(t, 9), lambda t: rp3beta(t, 9)])
def test_a_new_user_is_scored_as_a_training_user_with_the_same_items(fit):
    np.testing.assert_array_equal(fit(TRAIN).fold_in(TRAIN.ratings), fit(TRAIN).score(EVERYONE))


@pytest.mark.parametrize("similarity", ["cosine", "correlation"])
def test_user_knn_compares_a_new_user_with_training_users_as_those_with_each_other(similarity):
    """Who is folded in was no neighbour of others, but else the same: their scores are those of a fit with them."""
    others = TRAIN.ratings[:89]
    model = user_knn(TRAIN.with_ratings(others), 9, similarity)
    together = user_knn(TRAIN, 9, similarity)
    np.testing.assert_array_equal(model.fold_in(TRAIN.ratings[[89]]), together.score([89]))


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ValidationError, match="'cosine' or 'correlation'"):
        ItemKNN.Settings(neighbours=3, similarity="jaccard", shrinkage=0.0)
