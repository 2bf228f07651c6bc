"""What new users' rows are the minimum of, where it is known otherwise."""

import numpy as np
import pytest
from scipy import optimize, special
from synthetic import planted

from foldin.models import deep, two_tower
from foldin.models.parts import bias, network_fold_in, networks

SMALL = {"embedding": 4, "initial_spread": 0.05, "learning_rate": 0.02, "epochs": 5, "patience": 5}
# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
TRAIN, _, OBSERVED = planted(n_users=80, n_items=50)


def fitted(cls, **values):
    return cls(cls.Settings(**SMALL | values), seed=3).fit(TRAIN)


def test_under_a_dot_product_a_new_user_is_the_ridge_regression_that_training_adds_up():
    model = fitted(two_tower.RatingTowers, damping=5.0, l2=0.3, steps_per_epoch=2)
    tables = networks.weights(model._network.model)
    spread = TRAIN.ratings.data.std(dtype=np.float64)
    scale, shift = tables["output.kernel"][0, 0], tables["output.bias"][0]
    features = scale * tables["item_embedding.embeddings"].astype(np.float64)
    everyone = np.arange(5, dtype=np.int32)
    biases = bias.fit(TRAIN, 5.0).fold_in(OBSERVED.ratings[:5], 5.0).grid(everyone)
    penalty = 0.3 * TRAIN.ratings.nnz / TRAIN.n_users * np.eye(4)
    scores = model.fold_in(OBSERVED.ratings[:5])
    for user in everyone:
        row = OBSERVED.ratings[[user]]
        seen = features[row.indices]
        targets = (row.data - biases[user, row.indices]) / spread - shift
        solved = np.linalg.solve(seen.T @ seen + penalty, seen.T @ targets)
        np.testing.assert_allclose(scores[user], biases[user] + spread * (shift + features @ solved), atol=2e-3)


def test_among_items_rated_in_training_a_new_user_is_the_likeliest_under_a_normal_spread(monkeypatch):
    monkeypatch.setattr(network_fold_in, "STEPS", 400)
    model = fitted(
        two_tower.RetrievalTowers, batch_size=256, hidden=8, vector=4, l2=0.1, feature_min_count=2, validation_k=10
    )
    vectors, items = (model._arrays()[name].astype(np.float64) for name in ("user_vectors", "item_vectors"))
    vectors = vectors[np.diff(TRAIN.ratings.indptr) > 0]
    mean, inverse = vectors.mean(axis=0), np.linalg.inv(np.cov(vectors.T, bias=True))
    rated = OBSERVED.ratings[[0]].indices
    trained = np.bincount(TRAIN.ratings.indices, minlength=TRAIN.n_items) > 0
    assert not trained.all()
    assert trained[rated].all()

    def surprise(vector):
        logits, away = items @ vector, vector - mean
        return len(rated) * special.logsumexp(logits[trained]) - logits[rated].sum() + 0.5 * away @ inverse @ away

    best = optimize.minimize(surprise, mean).x
    np.testing.assert_allclose(model.fold_in(OBSERVED.ratings[:1])[0], items @ best, atol=1e-4)


def test_unmet_items_weigh_as_much_as_training_draws_them(monkeypatch):
    values = {"product_embedding": 4, "hidden": 8, "negatives": 3, "validation_k": 10, "l2": 0.1, "steps_per_epoch": 6}
    model = fitted(deep.RankingNCF, **values)
    asked = {}

    def noting(trained, observed, objective, penalty, **_):
        rows = [table[:1] for table in trained]
        asked.update(
            penalty=penalty, loss=float(objective(observed)([networks.keras().ops.array(row) for row in rows]))
        )
        return rows

    monkeypatch.setattr(network_fold_in, "learn_rows", noting)
    model.fold_in(TRAIN.ratings[:1])
    assert asked["penalty"] == pytest.approx(0.1 * 4 * TRAIN.ratings.nnz / TRAIN.n_users)
    rated, scores = TRAIN.ratings[[0]].indices, model.score(np.array([0]))[0].astype(np.float64)
    drawn_for = np.zeros(3 * len(rated) * 2000, dtype=np.int32)
    drawn = deep.draw_negatives(TRAIN.ratings, drawn_for, np.random.default_rng(0))
    expected = np.logaddexp(0, -scores[rated]).sum() + np.logaddexp(0, scores[drawn]).sum() / 2000
    assert asked["loss"] == pytest.approx(expected, rel=5e-3)


def test_many_users_are_folded_in_in_blocks_and_end_where_they_would_together(monkeypatch):
    model = fitted(two_tower.RatingTowers, damping=5.0, l2=0.3, steps_per_epoch=2)
    together = model.fold_in(OBSERVED.ratings[:5])
    monkeypatch.setattr(network_fold_in, "BLOCK_PAIRS", 2 * OBSERVED.n_items)
    np.testing.assert_allclose(model.fold_in(OBSERVED.ratings[:5]), together, rtol=1e-4, atol=1e-4)
