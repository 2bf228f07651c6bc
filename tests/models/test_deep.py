"""The family `deep`: what its networks learn on data whose answer is known."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import from_triples, planted

from foldin.models import deep, family_models
from foldin.models.parts import networks
from foldin.models.parts.validation import validate

SMALL = {"embedding": 8, "l2": 0.1, "initial_spread": 0.05, "epochs": 12, "patience": 12}
RATING = SMALL | {"steps_per_epoch": 24, "damping": 5.0, "hidden": 32, "learning_rate": 0.02}
NCF = RATING | {"leak": 0.01, "decay_every": 3, "decay": 0.7}
MOMENTUM = SMALL | {"l2": 0.0, "batch_size": 64, "damping": 5.0, "hidden": 32, "learning_rate": 0.08, "momentum": 0.9}
DROPOUT = RATING | {"kernel_l2": 0.0, "dropout": 0.5}
RANKING = SMALL | {
    "steps_per_epoch": 71, "product_embedding": 8, "hidden": 8, "negatives": 2, "validation_k": 10,
    "learning_rate": 0.01,
}  # fmt: skip


def made(name, values, seed=3):
    cls = family_models("deep")[name]
    return cls(cls.Settings(**values), seed=seed)


@cache
def tried_out(name, **changes):
    base = {
        "mlp-dropout": DROPOUT, "mlp-centred": RATING, "mlp-momentum": MOMENTUM, "ncf": NCF, "ncf-ranking": RANKING,
    }[name]  # fmt: skip
    return made(name, base | changes).fit(*planted()[:2])


def known_matrix(rated):
    users, items = np.nonzero(rated)
    return from_triples(users, items, np.ones(len(users)), rated.shape).ratings


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True)
def test_negatives_are_never_known(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    rated = rng.random((n_users, n_items)) < rng.random()
    rated[np.arange(n_users), rng.integers(0, n_items, n_users)] = False
    users = rng.integers(0, n_users, 200).astype(np.int32)
    drawn = deep.draw_negatives(known_matrix(rated), users, rng)
    assert drawn.dtype == np.int32
    assert drawn.min() >= 0
    assert drawn.max() < n_items
    assert not rated[users, drawn].any()


def test_every_unknown_item_is_drawn_equally_often():
    rated = np.array([[1, 0, 0, 1, 0, 0], [0, 1, 1, 1, 1, 0]], dtype=bool)
    users = np.repeat(np.array([0, 1], dtype=np.int32), 20_000)
    drawn = deep.draw_negatives(known_matrix(rated), users, np.random.default_rng(0))
    for user in (0, 1):
        shares = np.bincount(drawn[users == user], minlength=6) / 20_000
        np.testing.assert_allclose(shares, ~rated[user] / (~rated[user]).sum(), atol=0.02)


def test_held_out_items_are_drawn_like_any_other(monkeypatch):
    # To leave them out would tell the model what is in the validation or test part.
    train, validation, test = planted()
    drawn, draw = [], deep.draw_negatives

    def spy(known, users, rng):
        items = draw(known, users, rng)
        drawn.append(np.ravel_multi_index((users, items), known.shape))
        return items

    monkeypatch.setattr(deep, "draw_negatives", spy)
    made("ncf-ranking", RANKING | {"epochs": 3}).fit(train, validation)
    assert len({draws.tobytes() for draws in drawn}) == 3, "each epoch has negatives of its own"
    shape = train.ratings.shape
    seen = np.bincount(np.concatenate(drawn), minlength=shape[0] * shape[1])
    cells = {part: np.ravel_multi_index(data.triples()[:2], shape) for part, data in
             (("train", train), ("validation", validation), ("test", test))}  # fmt: skip
    assert seen[cells["train"]].sum() == 0
    unrated = np.ones(len(seen), dtype=bool)
    unrated[np.concatenate(list(cells.values()))] = False
    for held_out in ("validation", "test"):
        # If anything more often than unrated cells: whoever rated much has many cells held out, and many negatives.
        assert seen[cells[held_out]].mean() > 0.8 * seen[unrated].mean()


def test_a_user_who_knows_everything_gives_no_negatives_and_no_failure():
    rated = np.random.default_rng(0).random((12, 9)) < 0.5
    rated[0] = True
    users, items = np.nonzero(rated)
    train = from_triples(users, items, np.full(len(users), 4.0), rated.shape)
    model = made("ncf-ranking", RANKING | {"epochs": 2}).fit(train)
    np.testing.assert_array_equal(model.recommend(np.array([0]), 3)[0], [[-1, -1, -1]])


def test_l2_narrows_the_gap_between_train_and_validation():
    free, held = tried_out("mlp-centred", l2=0.0), tried_out("mlp-centred", l2=0.15)
    gaps = [model.history[-1]["validation_rmse"] - model.history[-1]["train_rmse"] for model in (free, held)]
    assert gaps[1] < 0.7 * gaps[0]
    best = [min(row["validation_rmse"] for row in model.history) for model in (free, held)]
    assert best[1] < best[0]


def test_l2_of_the_layers_shrinks_them():
    sizes = []
    for kernel_l2 in (0.0, 0.001):
        arrays = tried_out("mlp-dropout", epochs=4, kernel_l2=kernel_l2)._arrays()
        sizes.append(np.linalg.norm(arrays["hidden.kernel"]))
    assert sizes[1] < 0.8 * sizes[0]


def test_dropout_is_for_learning_only():
    users, items, _ = planted()[1].triples()
    model = tried_out("mlp-dropout", epochs=4)
    np.testing.assert_array_equal(model.predict(users, items), model.predict(users, items))
    without = tried_out("mlp-dropout", epochs=4, dropout=0.0)
    assert without.history[-1]["train_loss"] < model.history[-1]["train_loss"]


def test_the_learning_rate_falls_in_steps():
    model = made("ncf", NCF | {"epochs": 7}).fit(planted()[0])
    assert float(model._network.model.optimizer.learning_rate) == pytest.approx(0.02 * 0.7**2)
    rates = [model._learning_rate(epoch) for epoch in range(1, 8)]
    np.testing.assert_allclose(rates, [0.02] * 3 + [0.014] * 3 + [0.0098])


def test_a_leaky_unit_passes_what_a_plain_one_stops():
    model = made("ncf", NCF | {"leak": 0.3, "epochs": 1}).fit(planted()[0])
    arrays = model._arrays()
    rows = arrays["user_embedding.embeddings"][7], arrays["item_embedding.embeddings"][5]
    hidden = np.concatenate(rows) @ arrays["hidden.kernel"] + arrays["hidden.bias"]
    assert (hidden < 0).any()
    left_over = np.where(hidden > 0, hidden, 0.3 * hidden) @ arrays["output.kernel"] + arrays["output.bias"]
    biases = model._bias.mean + model._bias.user[7] + model._bias.item[5]
    assert model.score(np.array([7]))[0, 5] == pytest.approx((biases + model._spread * left_over).item(), abs=1e-5)


@pytest.mark.parametrize("name", ["mlp-centred", "mlp-momentum"])
def test_a_hidden_layer_of_two_halves_is_one_over_the_concatenation(name):
    model = tried_out(name)
    arrays = model._arrays()
    rows = arrays["user_embedding.embeddings"][1], arrays["item_embedding.embeddings"][2]
    hidden = np.maximum(np.concatenate(rows) @ arrays["hidden.kernel"] + arrays["hidden.bias"], 0)
    expected = (hidden @ arrays["output.kernel"] + arrays["output.bias"]).item()
    assert model._pairs(np.array([1], np.int32), np.array([2], np.int32))[0] == pytest.approx(expected, abs=1e-5)
    assert model._grid(rows[0][None])[0, 2] == pytest.approx(expected, abs=1e-5)


def test_the_model_of_s2_knows_a_mean_and_no_biases():
    train, _, _ = planted()
    model = tried_out("mlp-momentum")
    left_over = model._pairs(np.array([1], np.int32), np.array([2], np.int32))[0]
    expected = train.ratings.data.mean() + model._spread * left_over
    assert model.score(np.array([1]))[0, 2] == pytest.approx(expected, abs=1e-4)


def test_the_model_of_s2_descends_with_momentum():
    optimizer = made("mlp-momentum", MOMENTUM | {"momentum": 0.7})._optimizer(networks.keras().optimizers)
    assert isinstance(optimizer, networks.keras().optimizers.SGD)
    assert (optimizer.momentum, float(optimizer.learning_rate)) == (0.7, pytest.approx(0.08))


def test_learns_the_same_to_the_byte_whatever_was_learnt_before():
    train, validation, _ = planted()
    first = made("ncf-ranking", RANKING | {"epochs": 2}).fit(train, validation)._arrays()
    made("mlp-dropout", DROPOUT | {"epochs": 1}).fit(train)
    again = made("ncf-ranking", RANKING | {"epochs": 2}).fit(train, validation)._arrays()
    other = made("ncf-ranking", RANKING | {"epochs": 2}, seed=4).fit(train, validation)._arrays()
    assert list(first) == list(again)
    for name in first:
        assert first[name].tobytes() == again[name].tobytes(), name
    assert not np.allclose(first["user_embedding.embeddings"], other["user_embedding.embeddings"])


def test_watches_the_metric_that_its_question_is_about():
    model = tried_out("ncf-ranking")
    assert set(model.history[0]) == {"epoch", "train_loss", "validation_ndcg"}
    metrics = validate(model, planted()[1], 10)
    assert model.history[model.epochs - 1]["validation_ndcg"] == pytest.approx(metrics["ndcg_at_10"])
    assert model.epochs == 1 + int(np.argmax([row["validation_ndcg"] for row in model.history]))
