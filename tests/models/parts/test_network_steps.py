"""An epoch in one compiled loop trains as Keras' own `fit` does, whatever the batch size."""

import numpy as np
import pytest

from foldin.models.parts import network_steps, networks

# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
USERS, ITEMS = (np.arange(24, dtype=np.int32) * step % 6 for step in (1, 5))
TARGETS = np.linspace(-1, 1, 24, dtype=np.float32)


def network():
    """A dot product of two embeddings, one under L2 and one with dropout."""
    keras = networks.start(seed=4)
    layers = keras.layers
    user, item = (layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
    of_user = layers.Embedding(6, 3, embeddings_regularizer=keras.regularizers.L2(0.1))(user)
    of_item = layers.Dropout(0.3, seed=1)(layers.Embedding(6, 3)(item))
    return keras.Model([user, item], keras.ops.sum(of_user * of_item, axis=-1))


def trained(make, epochs=3, size=8):
    model = network()
    epoch = make(model)
    found = [epoch([USERS, ITEMS], TARGETS, size) for _ in range(epochs)]
    return found, model.get_weights()


def by_loop(model):
    return network_steps.compiled(model, networks.keras().optimizers.Adam(0.05), "mean_squared_error")


def by_fit(model):
    model.compile(optimizer=networks.keras().optimizers.Adam(0.05), loss="mean_squared_error")
    return network_steps._by_fit(model)


def test_trains_as_fit_does():
    (losses, weights), (expected_losses, expected) = trained(by_loop), trained(by_fit)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for found, array in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, array, atol=1e-6)


def test_is_compiled_once_for_all_batch_sizes():
    calls = []

    def loss(actual, predicted):
        calls.append(1)
        return networks.keras().ops.square(actual - predicted)

    model = network()
    epoch = network_steps.compiled(model, networks.keras().optimizers.SGD(0.05), loss)
    for size in (8, 12, 24, 2):
        epoch([USERS, ITEMS], TARGETS, size)
    assert len(calls) == 1


@pytest.mark.parametrize(("size", "steps"), [(24, 1), (8, 3), (2, 12)])
def test_an_epoch_is_a_step_for_each_batch(size, steps):
    model = network()
    by_loop(model)([USERS, ITEMS], TARGETS, size)
    assert int(model.optimizer.iterations) == steps
