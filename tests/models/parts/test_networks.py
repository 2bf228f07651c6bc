"""Keras made deterministic, embeddings, and networks of pairs."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML
from synthetic import planted

from foldin import metrics
from foldin.models.deep import NCF
from foldin.models.parts import network_steps, network_training, networks

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")


@pytest.fixture
def settings():
    return networks.SteppedSettings(
        embedding=4, l2=0.0, initial_spread=0.3, learning_rate=0.05, steps_per_epoch=3, epochs=6, patience=2
    )


def product_network(settings, rows=5):
    """A small network of pairs: a dot product of embeddings."""
    ops = networks.start(seed=1).ops
    user, item = (
        networks.embedding(f"{side}_embedding", rows, settings.embedding, settings) for side in ("user", "item")
    )
    user_side = networks.UserSide([user], lambda rows: rows[0])
    return networks.PairNetwork(user_side, item, lambda u, i: ops.sum(u * i, axis=-1))


class Learner:
    """What `learn` needs to know of a recommender."""

    def __init__(self, settings, seed=0):
        self.settings, self.seed, self.history, self.epochs = settings, seed, [], None
        self.name, self.after_epoch = "learner", None


def some_examples(n=10):
    users, items = (np.arange(n, dtype=np.int32) * step % 5 for step in (1, 3))
    return [users, items], np.linspace(-1, 1, n, dtype=np.float32)


def test_checking_parameters_starts_no_keras():
    code = (
        "import sys; from foldin.models import family; family('deep'); family('two_tower'); "
        "print([name for name in ('keras', 'tensorflow', 'jax', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_starting_keras_leaves_nothing_on_stderr():
    # Whatever TensorFlow says there, with its times and process ids, would land in executed notebooks.
    code = "from foldin.models.parts import networks; networks.start(0).ops.zeros(3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_same_seed_starts_the_same_network_whatever_was_built_before(settings):
    first = networks.weights(product_network(settings).model)
    product_network(settings)
    networks.keras().layers.Dense(3)(np.ones((1, 2)))
    again = networks.weights(product_network(settings).model)
    assert list(first) == list(again) == ["user_embedding.embeddings", "item_embedding.embeddings"]
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()


def test_l2_adds_the_mean_squared_length_of_the_rows(settings):
    networks.start(seed=0)
    for rows in (5, 500):
        layer = networks.embedding("layer", rows, 4, settings.model_copy(update={"l2": 0.5}))
        layer.build()
        table = layer.get_weights()[0]
        assert float(layer.losses[0]) == pytest.approx(0.5 * (table**2).sum(axis=1).mean(), rel=1e-5)


def test_rows_without_a_rating_fade_to_zero_under_l2(settings):
    settings = settings.model_copy(update={"l2": 0.3, "epochs": 30})
    network = product_network(settings, rows=8)
    learn(network, settings)
    table = networks.weights(network.model)["user_embedding.embeddings"]
    lengths = np.linalg.norm(table, axis=1)
    assert lengths[5:].max() < 0.05 < lengths[:5].max()


def test_weights_go_from_one_network_into_another(settings):
    trained, other = product_network(settings), product_network(settings)
    learn(trained, settings)
    weights = networks.weights(trained.model)
    assert not np.allclose(
        networks.weights(other.model)["user_embedding.embeddings"], weights["user_embedding.embeddings"]
    )
    networks.set_weights(other.model, weights)
    for name, array in networks.weights(other.model).items():
        np.testing.assert_array_equal(array, weights[name])


def learn(network, settings, learner=None, weights=None, **options):
    learner = learner or Learner(settings)
    given = {"watch": dict, "choose_by": "validation_rmse", "choosing": False} | options
    weights = networks.weights(network.model) if weights is None else weights
    examples = lambda rng: some_examples()  # noqa: E731
    loss = "mean_squared_error"
    network_training.learn(learner, settings, network.model, weights, loss=loss, examples=examples, **given)
    return learner


def epochs_seen(monkeypatch):
    """Return a list that fills with targets and batch size of each epoch that is trained from now on."""
    seen, compiled = [], network_steps.compiled

    def spied(*given):
        epoch = compiled(*given)

        def spy(inputs, targets, size):
            seen.append((targets, size))
            return epoch(inputs, targets, size)

        return spy

    monkeypatch.setattr(network_steps, "compiled", spied)
    return seen


def test_an_epoch_sees_every_example_in_full_batches_in_an_order_of_its_own(settings, monkeypatch):
    network, seen = product_network(settings), epochs_seen(monkeypatch)
    learner = learn(network, settings)
    assert len(seen) == settings.epochs == len(learner.history)
    for targets, _ in seen:
        assert len(targets) == 12
        np.testing.assert_array_equal(np.unique(targets), some_examples()[1])
    assert seen[0][0].tolist() != seen[1][0].tolist()


@pytest.mark.parametrize(("steps", "size"), [(1, 10), (3, 4), (10, 1), (64, 1)])
def test_a_step_has_as_many_examples_as_fill_an_epochs_steps(settings, monkeypatch, steps, size):
    network, seen = product_network(settings), epochs_seen(monkeypatch)
    learn(network, settings.model_copy(update={"steps_per_epoch": steps, "epochs": 2}))
    assert [used for _, used in seen] == [size, size]


@pytest.mark.parametrize("n_users", [300, 1500])
def test_networks_learn_on_more_data_of_the_same_kind_too(n_users):
    """With as many ratings in a step whatever there are, users with few in each faded before they had learned."""
    train, validation, _ = planted(n_users=n_users, n_items=200)
    values = PARAMS["deep"]["ncf"] | {"epochs": 12, "patience": 12}
    model = NCF(NCF.Settings(**values), seed=1).fit(train, validation)
    users, items, ratings = validation.triples()
    of_biases = metrics.rmse(ratings, model._bias.predict(users, items))
    assert metrics.rmse(ratings, model.predict(users, items)) < 0.8 * of_biases


def test_ends_with_the_weights_of_the_best_epoch(settings):
    network = product_network(settings)
    weights = networks.weights(network.model)
    watched, after = iter([0.9, 0.5, 0.7, 0.6, 0.1, 0.1]), []

    def measured():
        after.append(networks.weights(network.model))
        for name, array in weights.items():
            np.testing.assert_array_equal(array, after[-1][name])
        return {"validation_rmse": next(watched)}

    learner = learn(network, settings, weights=weights, watch=measured, choosing=True)
    assert learner.epochs == 2
    assert [row["validation_rmse"] for row in learner.history] == [0.9, 0.5, 0.7, 0.6]
    for name, array in networks.weights(network.model).items():
        np.testing.assert_array_equal(array, after[1][name])
        np.testing.assert_array_equal(weights[name], after[1][name])
        assert not np.array_equal(array, after[3][name])


def test_each_epoch_has_its_learning_rate(settings):
    network, used = product_network(settings), []

    def measured():
        used.append(float(network.model.optimizer.learning_rate))
        return {}

    learn(network, settings, watch=measured, learning_rate=lambda epoch: 0.1 / epoch)
    np.testing.assert_allclose(used, [0.1 / epoch for epoch in range(1, 7)], rtol=1e-6)


def test_watches_the_error_of_clipped_predictions_on_both_parts():
    train, validation, _ = planted()
    model = NCF(
        NCF.Settings(
            embedding=4, l2=0.1, initial_spread=0.05, learning_rate=0.01, steps_per_epoch=12, epochs=2, patience=2,
            damping=5.0, hidden=8, leak=0.01, decay_every=3, decay=0.7,
        )
    ).fit(train, validation)  # fmt: skip
    users, items, ratings = validation.triples()
    predicted = model.predict(users, items)
    assert model.history[model.epochs - 1]["validation_rmse"] == pytest.approx(metrics.rmse(ratings, predicted))
    assert set(model.history[0]) == {"epoch", "train_loss", "train_rmse", "validation_rmse"}
    assert predicted.max() <= 5.0
