"""What the base classes do for every model; what all models promise is in models/test_contract.py."""

import numpy as np
import pytest
from synthetic import from_triples, planted

from foldin.core.errors import FoldinError
from foldin.models.baselines import DampedBias, Popularity
from foldin.models.parts import bias, recommender
from foldin.models.svd import GradientDescentMF

TRAIN = from_triples([0, 0, 1], [0, 1, 0], [4.0, 5.0, 1.0], (3, 4))


class Extreme(DampedBias):
    """Predicts far above the scale."""

    def _fit(self, train, validation):
        pass

    def _predict(self, users, items):
        return np.full(len(users), 99, dtype=np.float32)


@pytest.fixture
def extreme():
    return Extreme(Extreme.Settings(damping=2.0)).fit(TRAIN)


def test_predictions_are_clipped_to_the_scale(extreme):
    np.testing.assert_array_equal(extreme.predict([0, 1], [2, 3]), [5.0, 5.0])


def test_pairs_with_an_unknown_side_are_predicted_by_what_is_known(extreme):
    users, items = np.array([-1, 1, -1, 1]), np.array([1, -1, -1, 3])
    predicted = extreme.predict(users, items)
    np.testing.assert_array_equal(predicted[:3], bias.fit(TRAIN, 2.0).predict(users, items)[:3])
    assert predicted[3] == 5.0


def test_scores_are_predictions_of_all_items_unless_a_model_has_a_faster_way(extreme):
    np.testing.assert_array_equal(extreme.score([2, 0]), np.full((2, 4), 99))


def test_a_model_that_is_not_fitted_says_so():
    with pytest.raises(FoldinError, match="Popularity is not fitted; call fit first"):
        _ = Popularity().known


def test_a_folder_without_a_model_says_how_to_make_one(tmp_path):
    with pytest.raises(FoldinError, match="no saved model here; train it first"):
        Popularity.load(tmp_path)


def test_a_fitted_model_keeps_its_own_copy_of_what_is_known():
    train = from_triples([0, 1], [0, 1], [4.0, 5.0], (2, 3))
    model = Popularity().fit(train)
    train.ratings.indices[:] = 2
    assert model.recommend([0], 3)[0].tolist() == [[1, 2, -1]]


def test_a_refit_learns_from_everything_for_the_epochs_chosen():
    train, validation, _ = planted(n_users=60, n_items=40)
    settings = GradientDescentMF.Settings(
        factors=4, epochs=80, patience=3, damping=5.0, learning_rate=0.05, l2=0.02, initial_spread=0.1
    )
    tried_out = GradientDescentMF(settings, seed=1).fit(train, validation)
    assert tried_out.epochs < len(tried_out.history) < 80
    final = tried_out.refit(train)
    assert len(final.history) == tried_out.epochs
    # The weights kept are those of the best epoch, not of the last one tried.
    np.testing.assert_array_equal(final.item_factors(), tried_out.item_factors())


def test_lists_of_many_users_are_made_in_blocks_and_are_the_same(monkeypatch):
    train = planted(n_users=60, n_items=30)[0]
    model, users = Popularity(Popularity.Settings()).fit(train), np.arange(60)[::-1]
    whole = model.recommend(users, 5)
    asked = []
    monkeypatch.setattr(model, "score", lambda block: asked.append(len(block)) or Popularity.score(model, block))
    monkeypatch.setattr(recommender, "MOST_CELLS", 30 * 25)
    for found, expected in zip(model.recommend(users, 5), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert asked == [25, 25, 10]
    items, scores = model.recommend(np.array([], dtype=np.int32), 5)
    assert items.shape == scores.shape == (0, 5)
