"""Baselines do the plain thing their names say."""

import numpy as np
from synthetic import from_triples, planted

from foldin.models.baselines import DampedBias, GlobalMean, Popularity, Random

# Item 1 has three ratings, items 0 and 2 two each, one of them a 0; item 3 has none.
TRAIN = from_triples([0, 0, 1, 1, 2, 2, 3], [0, 1, 1, 2, 0, 1, 2], [4, 2, 3, 0, 5, 1, 4], (5, 4))


def test_the_mean_is_predicted_for_everyone_even_the_unknown():
    model = GlobalMean().fit(TRAIN)
    predicted = model.predict(np.array([0, 4, -1, 2]), np.array([1, 3, 0, -1]))
    np.testing.assert_array_equal(predicted, np.full(4, np.float32(19 / 7)))


def test_popularity_counts_ratings_a_zero_included_and_breaks_ties_by_item():
    model = Popularity().fit(TRAIN)
    np.testing.assert_array_equal(model.counts(), [2, 3, 2, 0])
    np.testing.assert_array_equal(model.recommend(np.array([4, 0]), 4)[0], [[1, 0, 2, 3], [2, 3, -1, -1]])


def test_biases_rank_the_same_for_everyone():
    train, _, _ = planted(n_users=50, n_items=30)
    model = DampedBias(DampedBias.Settings(damping=5.0)).fit(train)
    orders = np.argsort(-model.score(np.arange(50)), axis=1)
    assert (orders == np.argsort(-model.item_biases())).mean() > 0.99


def test_random_scores_belong_to_a_pair_whatever_the_block_and_change_with_the_seed():
    model = Random(seed=3).fit(TRAIN)
    together = model.score(np.array([0, 1, 2, 4]))
    np.testing.assert_array_equal(model.score(np.array([4, 1])), together[[3, 1]])
    assert len(np.unique(together)) == together.size
    assert (Random(seed=4).fit(TRAIN).score(np.array([0])) != together[0]).all()
    assert model.score(np.array([], dtype=np.int32)).shape == (0, 4)


def test_random_lists_favour_nobody():
    train = from_triples([0], [0], [3.0], (2000, 10))
    firsts = Random(seed=0).fit(train).recommend(np.arange(1, 2000), 1)[0]
    assert np.bincount(firsts.ravel(), minlength=10).min() > 150
