"""The family `autoencoder`: its loss beside one computed by hand, and what it learns where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from synthetic import planted, seen_checkerboard

from foldin.models import autoencoder
from foldin.models.parts import losses, networks

SMALL = {
    "hidden": 16, "latent": 4, "dropout": 0.3, "kl_weight": 0.2, "kl_epochs": 4, "learning_rate": 0.01,
    "batch_size": 32, "epochs": 6, "patience": 6, "validation_k": 10,
}  # fmt: skip
# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


def made(seed=3, **changes):
    return autoencoder.MultVAE(autoencoder.MultVAE.Settings(**SMALL | changes), seed=seed)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_the_divergence_from_a_standard_normal_is_that_of_many_draws():
    mean, log_variance = np.array([[0.5, -1.0]]), np.array([[-0.7, 0.3]])
    ops = networks.keras().ops
    found = ops.convert_to_numpy(losses.from_standard_normal(*map(ops.convert_to_tensor, (mean, log_variance))))
    noise = np.random.default_rng(0).standard_normal((400_000, 2))
    draws = mean + np.exp(log_variance / 2) * noise
    log_ratio = -(noise**2 + log_variance) / 2 + draws**2 / 2
    assert found[0] == pytest.approx(log_ratio.sum(axis=1).mean(), abs=0.01)


def test_the_loss_of_a_batch_is_that_computed_by_hand():
    train, _, _ = planted(60, 20)
    model = made(epochs=1).fit(train)
    weights = model._arrays()
    network = model._network(networks.start(0))
    networks.set_weights(network, weights)
    rng = np.random.default_rng(1)
    observed = autoencoder.dropped(autoencoder.unit_rows(train.ratings[:8]), 0.5, rng).toarray()
    rated = (train.ratings[:8].toarray() > 0).astype(np.float32)
    noise, kl_weight = rng.standard_normal((8, 4), dtype=np.float32), np.full((8, 1), 0.7, dtype=np.float32)
    found = networks.keras().ops.convert_to_numpy(network([observed, rated, noise, kl_weight]))

    def dense(values, name):
        return values @ weights[f"{name}.kernel"].astype(float) + weights[f"{name}.bias"]

    hidden = np.tanh(dense(observed, "encoder"))
    mean, log_variance = dense(hidden, "mean"), 10 * np.tanh(dense(hidden, "log_variance") / 10)
    drawn = mean + np.exp(log_variance) ** 0.5 * noise
    logits = dense(np.tanh(dense(drawn, "decoder")), "output")
    surprise = -(rated * log_softmax(logits)).sum(axis=1)
    divergence = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    np.testing.assert_allclose(found, surprise + 0.7 * divergence, rtol=1e-4)


def test_a_user_folded_in_is_scored_as_if_trained_on(tmp_path):
    train, validation, _ = planted(60, 40)
    model = made().fit(train, validation)
    everyone = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(model.fold_in(train.ratings), model.score(everyone), rtol=1e-6)
    other = train.ratings[:5].copy()
    other.data = 6 - other.data
    np.testing.assert_array_equal(model.fold_in(other), model.fold_in(train.ratings[:5]))
    model.save(tmp_path)
    np.testing.assert_array_equal(autoencoder.MultVAE.load(tmp_path).fold_in(other), model.fold_in(other))


def test_ranks_the_hidden_half_of_the_checkerboard_first():
    known, _ = seen_checkerboard()
    scores = made(epochs=60, batch_size=8).fit(known).score(np.arange(40))
    own = np.arange(40)[:, None] % 2 == np.arange(30) % 2
    assert (scores[own].reshape(40, -1).min(axis=1) > scores[~own].reshape(40, -1).max(axis=1)).all()


def test_the_divergence_keeps_users_near_the_standard_normal():
    train, _, _ = planted(120, 40)
    free, held = (made(epochs=30, kl_weight=weight).fit(train).user_vectors(train.ratings) for weight in (0.0, 5.0))
    assert np.square(held).mean() < 0.2 * np.square(free).mean()


def test_the_weight_of_the_divergence_rises_from_0_and_then_stays():
    model = made(kl_weight=0.4, kl_epochs=4)
    np.testing.assert_allclose([model._kl_weight(epoch) for epoch in range(1, 8)], [0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_keeps_the_weights_of_the_best_epoch():
    train, validation, _ = planted(120, 60)
    model = made(epochs=12, patience=12).fit(train, validation)
    ndcg = [row["validation_ndcg"] for row in model.history]
    assert set(model.history[0]) == {"epoch", "train_loss", "validation_ndcg"}
    assert model.epochs == 1 + int(np.argmax(ndcg))
    # What was learned up to there, by the same draws, is what is kept.
    again = made(epochs=model.epochs).fit(train)
    for name, array in model._arrays().items():
        np.testing.assert_array_equal(array, again._arrays()[name])


def test_learns_the_same_to_the_byte_whatever_was_learned_before():
    train, validation, _ = planted(60, 40)
    first = made(epochs=2).fit(train, validation)._arrays()
    made(epochs=1, hidden=8).fit(train)
    again, other = (made(seed, epochs=2).fit(train, validation)._arrays() for seed in (3, 4))
    for name in first:
        assert first[name].tobytes() == again[name].tobytes(), name
    assert not np.allclose(first["encoder.kernel"], other["encoder.kernel"])


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True)
def test_rows_have_length_1_and_lose_a_share_that_the_others_make_up_for(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    rated = rng.random((n_users, n_items)) < rng.random()
    users, items = np.nonzero(rated)
    ratings = sparse.csr_array((np.zeros(len(users), np.float32), (users, items)), shape=rated.shape)
    rows = autoencoder.unit_rows(ratings)
    np.testing.assert_array_equal(rows.toarray() > 0, rated, "a rating of 0 is a rating")
    np.testing.assert_allclose((rows.toarray() ** 2).sum(axis=1), rated.any(axis=1), rtol=1e-5)
    kept = autoencoder.dropped(rows, 0.5, rng).toarray()
    np.testing.assert_allclose(kept, np.where(kept > 0, 2 * rows.toarray(), 0), rtol=1e-6)


def test_the_share_dropped_is_the_one_asked_for():
    rows = autoencoder.unit_rows(sparse.csr_array(np.ones((50, 400), np.float32)))
    kept = autoencoder.dropped(rows, 0.3, np.random.default_rng(0)).toarray()
    assert np.mean(kept == 0) == pytest.approx(0.3, abs=0.02)
    assert kept.sum() == pytest.approx(rows.sum(), rel=0.02)
