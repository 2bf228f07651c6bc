"""Decompositions are those of a dense one, descent is the textbook's, and nothing is ever made dense."""

import numpy as np
import pytest
from synthetic import from_triples, planted

from foldin.core.errors import FoldinError
from foldin.models.svd import (
    CentredLanczosSVD,
    CentredRandomizedSVD,
    CentredSVD,
    GradientDescentMF,
    LanczosSVD,
    RandomizedSVD,
    SVDPlusPlus,
    UnregularizedMF,
)

TRAIN, VALIDATION, _ = planted(n_users=80, n_items=50)
EVERYONE = np.arange(80, dtype=np.int32)
DESCENT = {
    "factors": 8,
    "epochs": 60,
    "patience": 10,
    "damping": 5.0,
    "learning_rate": 0.02,
    "l2": 0.08,
    "initial_spread": 0.1,
}


def descent(cls=GradientDescentMF, **changes):
    return cls(cls.Settings(**DESCENT | changes), seed=2)


def best_of_rank(matrix, rank):
    left, singular, right = np.linalg.svd(matrix)
    return (left[:, :rank] * singular[:rank]) @ right[:rank], singular[:rank]


@pytest.mark.parametrize(("cls", "tolerance"), [(LanczosSVD, 1e-5), (RandomizedSVD, 0.03)])
def test_scores_are_the_best_approximation_of_the_zero_imputed_matrix(cls, tolerance):
    model = cls(cls.Settings(factors=6)).fit(TRAIN)
    dense = TRAIN.ratings.toarray().astype(np.float64)
    target, singular = best_of_rank(dense, 6)
    # The randomized method may miss a little of the best approximation: no more than its tolerance, as a share.
    ours, best = (np.linalg.norm(dense - scores) for scores in (model.score(EVERYONE), target))
    assert ours <= best * (1 + tolerance)
    np.testing.assert_allclose(model.spectrum(), singular, rtol=tolerance * 3)
    assert (np.diff(model.spectrum()) <= 0).all()


@pytest.mark.parametrize("cls", [CentredLanczosSVD, CentredRandomizedSVD])
def test_centred_scores_are_biases_plus_the_approximation_of_what_they_leave(cls):
    model = cls(cls.Settings(factors=6, damping=3.0)).fit(TRAIN)
    users, items, ratings = TRAIN.triples()
    biases = model._bias.predict(*(grid.ravel() for grid in np.indices((80, 50)))).reshape(80, 50)
    dense = np.zeros((80, 50))
    dense[users, items] = ratings - biases[users, items]
    target, _ = best_of_rank(dense, 6)
    ours, best = (np.linalg.norm(dense - taste) for taste in (model.score(EVERYONE) - biases, target))
    assert ours <= best * 1.03


def test_signs_do_not_hang_on_the_solver_s_whim():
    for model in (LanczosSVD(LanczosSVD.Settings(factors=4), seed=seed).fit(TRAIN) for seed in (0, 1)):
        right = model.directions()
        assert (right[np.arange(4), np.abs(right).argmax(axis=1)] > 0).all()


def test_a_matrix_too_small_for_the_factors_gets_fewer():
    tiny = from_triples([0, 0, 1, 2], [0, 1, 2, 0], [4, 2, 3, 5], (3, 4))
    for cls in (LanczosSVD, RandomizedSVD):
        assert len(cls(cls.Settings(factors=50)).fit(tiny).spectrum()) == 2


@pytest.mark.parametrize(
    "model",
    [
        LanczosSVD(LanczosSVD.Settings(factors=2)),
        RandomizedSVD(RandomizedSVD.Settings(factors=2)),
        CentredLanczosSVD(CentredLanczosSVD.Settings(factors=2, damping=5.0)),
        descent(factors=2, epochs=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_matrix_that_would_not_fit_in_memory_is_no_hindrance(model):
    # Dense, these 2,000 ratings would take 160 GB as float64.
    rng = np.random.default_rng(0)
    cells = rng.choice(200_000 * 100_000, size=2000, replace=False)
    users, items = np.divmod(cells, 100_000)
    huge = from_triples(users, items, rng.integers(1, 11, 2000) / 2, (200_000, 100_000))
    assert np.isfinite(model.fit(huge).score(np.array([0, 7]))).all()


def test_an_epoch_of_descent_is_the_textbook_s():
    tiny = from_triples([0, 0, 1, 1, 2], [0, 1, 1, 2, 0], [4.0, 2.0, 3.0, 5.0, 1.0], (4, 4))
    model = descent(factors=2, epochs=1).fit(tiny)
    rng = np.random.default_rng(2)
    p, q = (rng.normal(scale=0.1, size=(4, 2)) for _ in "pq")
    # Nobody has rated item 3, user 3 has rated nothing.
    p[3] = q[3] = 0
    b, c = np.zeros(4), np.zeros(4)
    users, items, ratings = tiny.triples()
    spread = np.sqrt(2)  # of 4, 2, 3, 5 and 1
    for n in rng.permutation(5):
        u, i = users[n], items[n]
        error = (ratings[n] - 3) / spread - (b[u] + c[i] + p[u] @ q[i])
        b[u] += 0.02 * (error - 0.08 * b[u])
        c[i] += 0.02 * (error - 0.08 * c[i])
        p[u], q[i] = p[u] + 0.02 * (error * q[i] - 0.08 * p[u]), q[i] + 0.02 * (error * p[u] - 0.08 * q[i])
    everyone, everything = (grid.ravel() for grid in np.indices((4, 4)))
    right = 3 + spread * (b[everyone] + c[everything] + np.sum(p[everyone] * q[everything], axis=1))
    np.testing.assert_allclose(model.predict(everyone, everything), right, rtol=1e-6)


def plus_plus(**changes):
    return descent(SVDPlusPlus, **{"implicit_l2": 0.01} | changes)


def test_an_epoch_of_svd_plus_plus_is_koren_s_user_by_user():
    """A step for each rating changes the implied factors of all items of the user, as Koren (2008) writes it."""
    tiny = from_triples([0, 0, 0, 1, 1, 2], [0, 1, 3, 1, 2, 0], [4.0, 2.0, 1.0, 3.0, 5.0, 1.0], (4, 5))
    model = plus_plus(factors=2, epochs=2, learning_rate=0.05, implicit_l2=0.3).fit(tiny)
    rng = np.random.default_rng(2)
    p, q = (rng.normal(scale=0.1, size=(n, 2)) for n in (4, 5))
    # Nobody has rated item 4, user 3 has rated nothing.
    p[3] = q[4] = 0
    b, c, y = np.zeros(4), np.zeros(5), np.zeros((5, 2))
    users, items, ratings = tiny.triples()
    mean, spread = ratings.mean(), ratings.std()
    rated = [items[users == user] for user in range(4)]

    def implied(user):
        return y[rated[user]].sum(axis=0) / np.sqrt(max(len(rated[user]), 1))

    for _ in range(2):
        people, order = rng.permutation(4), rng.permutation(6)
        for u in people:
            for n in order[users[order] == u]:
                i, root = items[n], np.sqrt(len(rated[u]))
                taste = p[u] + implied(u)
                error = (ratings[n] - mean) / spread - (b[u] + c[i] + taste @ q[i])
                b[u] += 0.05 * (error - 0.08 * b[u])
                c[i] += 0.05 * (error - 0.08 * c[i])
                y[rated[u]] += 0.05 * (error * q[i] / root - 0.3 * y[rated[u]])
                p[u], q[i] = p[u] + 0.05 * (error * q[i] - 0.08 * p[u]), q[i] + 0.05 * (error * taste - 0.08 * q[i])
    tastes = np.array([p[user] + implied(user) for user in range(4)])
    right = mean + spread * (b[:, None] + c + tastes @ q.T)
    np.testing.assert_allclose(model.score(np.arange(4)), right, rtol=1e-5)


def test_a_user_folded_in_has_what_their_items_imply_and_the_least_loss_beside_it():
    model = plus_plus(initial_spread=0.3).fit(TRAIN)
    assert np.abs(model._implied).max() > 0.05
    items = np.array([3, 8, 20])
    observed = from_triples([0, 0, 0], items, [5.0, 1.0, 4.0], (1, 50)).ratings
    q, taste = model.item_factors(), model._implied[items].sum(axis=0) / np.sqrt(3)
    left = (np.array([5.0, 1.0, 4.0]) / model._spread - model._mean - model._item_bias[items]) - q[items] @ taste
    features = np.column_stack([np.ones(50), q])
    own = np.linalg.solve(features[items].T @ features[items] + 3 * 0.08 * np.eye(9), features[items].T @ left)
    right = model._spread * (model._mean + model._item_bias + q @ taste + features @ own)
    np.testing.assert_allclose(model.fold_in(observed)[0], right, rtol=1e-4)


def test_which_items_somebody_rated_helps_where_exposure_follows_taste():
    with_it, without = (
        model.fit(TRAIN, VALIDATION).history[model.epochs - 1]["validation_rmse"]
        for model in (plus_plus(epochs=150), descent(epochs=150))
    )
    assert with_it < without


def test_the_unknown_stay_at_zero():
    tiny = from_triples([0, 1], [0, 1], [4.0, 2.0], (3, 3))
    model = descent().fit(tiny)
    assert not model.item_factors()[2].any()
    assert model.predict(np.array([2]), np.array([2]))[0] == 3


def test_without_l2_it_fits_the_train_part_better_and_the_validation_part_worse():
    model = descent().fit(TRAIN, VALIDATION)
    with_l2 = model.history[model.epochs - 1]
    without = descent(UnregularizedMF, l2=0.0, patience=0).fit(TRAIN, VALIDATION).history[-1]
    assert without["train_rmse"] < 0.6 * with_l2["train_rmse"]
    assert without["validation_rmse"] > 1.05 * with_l2["validation_rmse"]


def test_a_learning_rate_that_diverges_is_named():
    with pytest.raises(FoldinError, match="GradientDescentMF diverged in epoch 1; lower its learning rate"):
        descent(learning_rate=10.0).fit(TRAIN)


@pytest.mark.parametrize("kind", [LanczosSVD, RandomizedSVD, CentredLanczosSVD, CentredRandomizedSVD])
@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (1, 1), (4, 5)])
def test_a_single_row_or_column_or_ratings_all_alike_can_be_decomposed(kind, shape):
    users, items = (grid.ravel() for grid in np.indices(shape))
    settings = {"factors": 10, "damping": 5.0} if issubclass(kind, CentredSVD) else {"factors": 10}
    model = kind(kind.Settings(**settings), seed=1).fit(from_triples(users, items, np.full(len(users), 4.0), shape))
    assert len(model.spectrum()) == max(1, min(shape) - 1) == len(model.directions())
    # All ratings are 4: those are the scores of known cells, as the biases say or as the one direction there is.
    np.testing.assert_allclose(model.score(np.arange(shape[0])), 4.0, rtol=1e-5)
