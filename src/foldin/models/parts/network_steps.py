"""Steps of training: the loop over an epoch's batches.

Keras' `fit` starts anew with each epoch: a data pipeline, callbacks, a return to Python every few steps. On small data
this takes longer than the steps themselves, and compiling takes longer still, because a loop inside `fit` is compiled
again for each batch size. On TensorFlow, the loop is therefore compiled here as one function of the epoch's examples,
for any batch size. Other backends use `fit`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from foldin.models.parts import networks

Epoch = Callable[[Sequence[np.ndarray], np.ndarray, int], float]
"""From inputs and targets, shape (steps × size, ...) each, and the batch size to the mean loss of the steps."""


def compiled(model: Any, optimizer: Any, loss: Any) -> Epoch:
    """Return what trains a network for an epoch: one step for each batch, in the order of the examples.

    Parameters
    ----------
    model : keras.Model
        The network; its weights change with each epoch.
    optimizer : keras.optimizers.Optimizer
        Keeps its state from one epoch to the next.
    loss : callable or str
        As `keras.Model.compile` takes it; losses of layers, such as L2, are added.

    Returns
    -------
    callable
        An epoch. All its batches are full: the number of examples must be a multiple of the batch size.
    """
    model.compile(optimizer=optimizer, loss=loss)
    return _one_loop(model) if networks.keras().backend.backend() == "tensorflow" else _by_fit(model)


def _by_fit(model: Any) -> Epoch:
    def epoch(inputs: Sequence[np.ndarray], targets: np.ndarray, size: int) -> float:
        noted = model.fit(list(inputs), targets, batch_size=size, shuffle=False, verbose=0)
        return float(noted.history["loss"][0])

    return epoch


def _one_loop(model: Any) -> Epoch:
    import tensorflow as tf

    weights = model.trainable_weights
    # Compiling would otherwise create the optimizer's variables, and be done a second time because of that.
    model.optimizer.build(weights)

    def step(inputs: list[Any], targets: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=inputs, y=targets, y_pred=model(inputs, training=True))
        model.optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator, unused-ignore]
    def loop(inputs: list[Any], targets: Any, size: Any) -> Any:
        def one(first: Any, total: Any) -> tuple[Any, Any]:
            batch = slice(first, first + size)
            return first + size, total + step([values[batch] for values in inputs], targets[batch])

        # One step after the other: their sum, too, has a fixed order.
        n_examples = tf.shape(targets)[0]
        start = (tf.constant(0), tf.constant(0.0))
        _, total = tf.while_loop(lambda first, _: first < n_examples, one, start, parallel_iterations=1)
        return total / tf.cast(n_examples // size, tf.float32)

    def epoch(inputs: Sequence[np.ndarray], targets: np.ndarray, size: int) -> float:
        tensors = [tf.convert_to_tensor(values) for values in inputs]
        return float(loop(tensors, tf.convert_to_tensor(targets), tf.constant(size)))

    return epoch
