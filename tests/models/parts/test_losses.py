"""The loss of a batch, beside the correction of keras-rs."""

import numpy as np
import pytest

from foldin.models.parts import losses, networks

# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


def of_keras_rs(keras_rs, picked, logits, share):
    """Return the losses by its correction of the other items' logits, and Keras' cross-entropy over the batch.

    The same item elsewhere in the batch is masked here: version 0.4.0 of `RemoveAccidentalHits` leaves its logit as it
    is, for it adds the smallest positive number of single precision instead of the most negative one.
    """
    keras, size = networks.keras(), len(picked)
    own = np.eye(size, dtype=np.float32)
    chances = np.broadcast_to(share[picked], (size, size))
    # Its layer takes chances of at most 1; (B - 1) times as many others are a constant beside them.
    corrected = keras_rs.layers.SamplingProbabilityCorrection(epsilon=1e-12)(logits, chances) - np.log(size - 1)
    others = np.where(picked[:, None] == picked, -1e9, keras.ops.convert_to_numpy(corrected))
    among = np.where(own > 0, logits, others)
    return keras.ops.convert_to_numpy(keras.losses.categorical_crossentropy(own, among, from_logits=True))


@pytest.mark.parametrize(("size", "n_items"), [(2, 3), (64, 20), (64, 5000)], ids=["two", "repeats", "rare items"])
def test_a_softmax_in_a_batch_is_that_of_keras_rs(size, n_items):
    keras_rs = pytest.importorskip("keras_rs", reason="needs keras-rs, a test tool: make install-dev")
    rng = np.random.default_rng(size + n_items)
    share = rng.dirichlet(np.full(n_items, 0.3)).astype(np.float32) + np.float32(1e-7)
    picked = rng.choice(n_items, size, p=share / share.sum(dtype=np.float64)).astype(np.int32)
    logits = rng.normal(scale=2, size=(size, size)).astype(np.float32)
    ops = networks.keras().ops
    found = losses.in_batch_softmax(ops.convert_to_tensor(picked), ops.convert_to_tensor(logits), np.log(share))
    expected = of_keras_rs(keras_rs, picked, logits, share)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-5)
