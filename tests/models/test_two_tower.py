"""The family `two_tower`: what its towers learn on data whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import from_triples, planted

from foldin.models import two_tower
from foldin.models.parts import losses, networks

SMALL = {"embedding": 8, "initial_spread": 0.05, "learning_rate": 0.01, "epochs": 10, "patience": 10}
RATING = SMALL | {"damping": 5.0, "l2": 0.1, "steps_per_epoch": 24}
RETRIEVAL = SMALL | {
    "hidden": 16, "vector": 8, "l2": 0.1, "batch_size": 256, "feature_min_count": 2, "validation_k": 10,
}  # fmt: skip


def retrieval(**changes):
    return two_tower.RetrievalTowers(two_tower.RetrievalTowers.Settings(**RETRIEVAL | changes), seed=3)


def loss(picked, logits, log_share):
    ops = networks.keras().ops
    found = losses.in_batch_softmax(ops.convert_to_tensor(picked), ops.convert_to_tensor(logits), log_share)
    return ops.convert_to_numpy(found)


def test_the_loss_is_a_softmax_over_the_batch_with_each_item_weighed_by_its_rarity():
    rng = np.random.default_rng(0)
    picked = np.array([2, 0, 2, 1], dtype=np.int32)
    logits = rng.normal(size=(4, 4)).astype(np.float32)
    share = np.array([0.2, 0.3, 0.5])
    expected = []
    for row, own in enumerate(picked):
        denominator = np.exp(logits[row, row])
        for column, other in enumerate(picked):
            if other != own:
                denominator += np.exp(logits[row, column]) / (3 * share[other])
        expected.append(np.log(denominator) - logits[row, row])
    np.testing.assert_allclose(loss(picked, logits, np.log(share).astype(np.float32)), expected, rtol=1e-5)


def test_the_softmax_of_batches_estimates_that_of_the_catalogue():
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.ones(20))
    scores = rng.normal(size=20)
    denominators = []
    for _ in range(300):
        picked = rng.choice(20, size=64, p=share).astype(np.int32)
        logits = np.tile(scores[picked], (64, 1)).astype(np.float32)
        found = loss(picked, logits, np.log(share).astype(np.float32))
        denominators.append(np.exp(found + scores[picked]).mean())
    assert np.mean(denominators) == pytest.approx(np.exp(scores).sum(), rel=0.03)


def popularity_world():
    """Everyone picks from the same long tail: there is popularity, and no taste. Items have names, people nothing."""
    rng = np.random.default_rng(2)
    shape = 600, 30
    users, items = np.nonzero(rng.random(shape) < 0.4 * np.exp(-0.1 * np.arange(30)))
    train = from_triples(users, items, np.full(len(users), 4.0), shape)
    names = train.items[["item_id"]].assign(creator=train.items["item_id"])
    train = replace(train, users=train.users[["user_id"]], items=names)
    return train, np.log(np.bincount(items, minlength=30) / len(items))


def slope_on_log_share():
    # So much L2 that ids say nothing: items are told apart by their creator feature, people not at all.
    train, log_share = popularity_world()
    model = retrieval(l2=100.0, feature_min_count=1, batch_size=64, epochs=15).fit(train)
    return np.polyfit(log_share, model.score(np.arange(600)).mean(axis=0), 1)[0]


def test_the_correction_makes_scores_follow_popularity_and_without_it_they_are_flat(monkeypatch):
    # The optimum is log p(item | user) with the correction, and log p(item | user) - log share without.
    assert slope_on_log_share() == pytest.approx(1, abs=0.1)
    corrected = losses.in_batch_softmax
    monkeypatch.setattr(losses, "in_batch_softmax", lambda picked, logits, share: corrected(picked, logits, 0 * share))
    assert slope_on_log_share() == pytest.approx(0, abs=0.1)


def cold_items():
    """Even users rate comedies (even items), odd users crime (odd items); the last two items nobody has rated."""
    n_users, n_items = 60, 42
    users, items = (grid.ravel() for grid in np.indices((n_users, n_items)))
    chosen = (users % 2 == items % 2) & (items < 40) & (np.random.default_rng(4).random(len(users)) < 0.5)
    return from_triples(users[chosen], items[chosen], np.full(chosen.sum(), 4.0), (n_users, n_items))


def test_an_item_nobody_rated_is_placed_by_what_is_known_of_it():
    train = cold_items()
    scores = retrieval(l2=0.3, epochs=30).fit(train).score(np.arange(60))
    comedy, crime = scores[:, 40], scores[:, 41]
    even = np.arange(60) % 2 == 0
    assert (comedy > crime)[even].all()
    assert (comedy < crime)[~even].all()


def test_without_features_ids_do():
    train, validation, _ = planted()
    train, validation = (
        replace(part, users=part.users[["user_id"]], items=part.items[["item_id", "title"]])
        for part in (train, validation)
    )
    model = retrieval(epochs=2).fit(train, validation)
    assert model.item_vectors().shape == (train.n_items, 8)


def test_scores_are_dot_products_of_the_saved_vectors(tmp_path):
    model = retrieval(epochs=2).fit(planted()[0])
    model.save(tmp_path)
    with np.load(tmp_path / "arrays.npz") as arrays:
        expected = arrays["user_vectors"] @ arrays["item_vectors"].T
    np.testing.assert_allclose(two_tower.RetrievalTowers.load(tmp_path).score(np.arange(300)), expected, atol=1e-5)


def test_keeps_the_vectors_of_the_best_epoch():
    train, validation, _ = planted()
    model = retrieval(epochs=6, patience=6).fit(train, validation)
    metrics = [row["validation_ndcg"] for row in model.history]
    assert model.epochs == 1 + int(np.argmax(metrics))
    np.testing.assert_array_equal(model.item_vectors(), networks.outputs(model._item_tower, train.n_items))


def test_learns_the_same_to_the_byte_whatever_was_learnt_before():
    train, validation, _ = planted()
    first = retrieval(epochs=2).fit(train, validation)._arrays()
    two_tower.RatingTowers(two_tower.RatingTowers.Settings(**RATING | {"epochs": 1}), seed=3).fit(train)
    again = retrieval(epochs=2).fit(train, validation)._arrays()
    for name in first:
        assert first[name].tobytes() == again[name].tobytes(), name


def test_a_rating_is_biases_and_a_rescaled_dot_product():
    model = two_tower.RatingTowers(two_tower.RatingTowers.Settings(**RATING), seed=3).fit(planted()[0])
    arrays = model._arrays()
    product = arrays["user_embedding.embeddings"][4] @ arrays["item_embedding.embeddings"][9]
    rescaled = product * arrays["output.kernel"] + arrays["output.bias"]
    expected = model._bias.predict(np.array([4]), np.array([9])) + model._spread * rescaled
    assert model.score(np.array([4]))[0, 9] == pytest.approx(expected.item(), abs=1e-5)


def test_the_model_of_s3_knows_a_mean_and_no_biases():
    values = {name: value for name, value in RATING.items() if name != "steps_per_epoch"} | {
        "batch_size": 64,
        "l2": 0.0,
    }
    train = planted()[0]
    model = two_tower.PlainTowers(two_tower.PlainTowers.Settings(**values), seed=3).fit(train)
    arrays = model._arrays()
    product = arrays["user_embedding.embeddings"][4] @ arrays["item_embedding.embeddings"][9]
    rescaled = product * arrays["output.kernel"] + arrays["output.bias"]
    expected = train.ratings.data.mean() + model._spread * rescaled
    assert model.score(np.array([4]))[0, 9] == pytest.approx(expected.item(), abs=1e-4)
