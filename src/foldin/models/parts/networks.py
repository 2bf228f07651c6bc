"""Building blocks of networks: Keras itself, imported late and made deterministic; embeddings; networks of pairs.

Keras 3 runs on TensorFlow (the default), JAX or PyTorch, whichever `KERAS_BACKEND` names. Importing it takes seconds,
so nothing here does before a network is built.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from pydantic import Field

from foldin.core import collector, determinism
from foldin.core.bounds import LearningRate, Penalty, Spread, Width
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray
from foldin.models.parts.factorization import EpochSettings
from foldin.models.parts.recommender import Arrays

UNUSED = ("sklearn", "matplotlib")
"""What Keras loads if it is there, for wrappers and pictures that nothing here uses: a fifth of the time it takes."""
Side = Callable[[Any], Any]
"""One side of a network: from indices to what it knows of those users or items."""


class NetworkSettings(EpochSettings):
    """Settings of every network trained by epochs."""

    learning_rate: LearningRate

    def batch(self, n_examples: int) -> int:
        """Return how many examples make a step."""
        raise NotImplementedError


class EmbeddingSettings(NetworkSettings):
    """Settings of every network of embeddings."""

    embedding: Width
    l2: Penalty
    initial_spread: Spread


class SteppedSettings(EmbeddingSettings):
    """Settings of a network whose epochs have so many steps, however many examples there are.

    Adam makes a step of any gradient, however small. In a step without one of their ratings, a user's embedding has the
    gradient of L2 alone, and shrinks by the learning rate; where few are in a step all fade to 0 before they have
    learned, and stay there, because no pair can gain by moving alone. (On ML-1M with 1024 ratings in a step the
    networks of `deep` ended at the biases, a validation RMSE of .907; with 64 steps in an epoch, at .861 to .863.)
    """

    steps_per_epoch: int = Field(ge=1, le=1_000_000)

    def batch(self, n_examples: int) -> int:
        """Return how many examples make a step: as many as fill an epoch's steps."""
        return -(-n_examples // self.steps_per_epoch)


class BatchedSettings(EmbeddingSettings):
    """Settings of a network whose steps have so many examples, however many there are; for networks without L2."""

    batch_size: int = Field(ge=1, le=1_000_000)

    def batch(self, n_examples: int) -> int:
        """Return how many examples make a step."""
        return self.batch_size


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Let no library be imported by these names, unless it is loaded already."""
    hidden = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _quiet() -> Iterator[None]:
    # TensorFlow's C++ side greets on file descriptor 2 with times and process ids, which no notebook may hold.
    # An error of the import is a Python exception and still reaches the reader.
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


@cache
def keras() -> Any:
    """Import Keras, with deterministic operations where the backend has a switch for them, and return it."""
    # Keras collects before each network, and would look at 360 000 objects of TensorFlow: 0.3 seconds each time.
    with _quiet(), _without(UNUSED), collector.never_of_these():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.experimental.enable_op_determinism()
            # Two threads group sums otherwise than one, and are no faster on batches this small.
            tensorflow.config.threading.set_intra_op_parallelism_threads(1)
            # Grappler would fuse a product, bias and tanh into one kernel of oneDNN, which the test of operations does
            # not see and which an emulated Haswell computes as NaN, or ends in.
            tensorflow.config.optimizer.set_experimental_options({"remapping": False})
            # It logs that many networks were compiled, as they are with several seeds, by their addresses in memory.
            tensorflow.get_logger().setLevel("ERROR")
            tensorflow.config.list_physical_devices()
    if os.environ.get(determinism.DEVICE) == "gpu" and not _sees_gpu(keras.backend.backend()):
        raise FoldinError(
            f"device is gpu, and {keras.backend.backend()} sees none",
            where="params.yaml",
            remedy="install its libraries (make install EXTRA=gpu) on a machine with an NVIDIA GPU, or say device: cpu",
        )
    return keras


def _sees_gpu(backend: str) -> bool:
    library = importlib.import_module(backend)
    match backend:
        case "tensorflow":
            return bool(library.config.list_physical_devices("GPU"))
        case "jax":
            return bool(library.default_backend() == "gpu")
        case _:
            return bool(library.cuda.is_available())


def start(seed: int) -> Any:
    """Forget earlier networks, seed everything that initial weights are drawn from, and return Keras.

    Parameters
    ----------
    seed : int
        The same seed gives the same initial weights and layer names, whatever was built before.
    """
    library = keras()
    library.utils.clear_session()
    library.utils.set_random_seed(seed)
    return library


def embedding(name: str, rows: int, size: int, settings: EmbeddingSettings) -> Any:
    """Return an embedding layer, shape (rows, size), under L2.

    Added to the loss is l2 × the mean squared length of the rows. That weighs the same beside the mean loss of the
    ratings however many users, items and ratings there are. Rows without a rating are in it, too: they fade to 0, and
    their user or item is treated as an average one.
    """
    library = keras()
    return library.layers.Embedding(
        rows,
        size,
        embeddings_initializer=library.initializers.RandomNormal(stddev=settings.initial_spread),
        # A penalty of 0 would still read the whole table in each step.
        embeddings_regularizer=library.regularizers.L2(settings.l2 / rows) if settings.l2 else None,
        name=name,
    )


class UserSide:
    """A user's side of a network, which can be had from embedding rows of its own as well as from indices.

    Parameters
    ----------
    embeddings : sequence of keras.layers.Embedding
        What there is of each user alone.
    of_rows : callable
        From a row of each, shape (..., size), to a tensor or a list of tensors, shape (..., size).
    """

    def __init__(self, embeddings: Sequence[Any], of_rows: Side) -> None:
        self.embeddings, self.of_rows = embeddings, of_rows

    def __call__(self, users: Any) -> Any:
        """Return the side of indices, shape (...)."""
        return self.of_rows([layer(users) for layer in self.embeddings])


class PairNetwork:
    """A network that gives each (user, item) pair a number: two sides that see one index each, and what joins them.

    It is for training. `foldin.models.parts.network_scores` predicts from the weights of a trained one.

    Parameters
    ----------
    user_side : UserSide
        From indices, shape (...), to a tensor or a list of tensors, shape (..., size).
    item_side : callable
        Likewise.
    join : callable
        From both sides' results, of shapes that broadcast, to numbers, shape (...).

    Attributes
    ----------
    model : keras.Model
        The whole network over pairs, inputs of shape (n,), for training.
    """

    def __init__(self, user_side: UserSide, item_side: Side, join: Callable[[Any, Any], Any]) -> None:
        layers = keras().layers
        user, item = (layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
        self.model = keras().Model([user, item], join(user_side(user), item_side(item)))
        self._user_side, self._item_side, self._join = user_side, item_side, join

    def user_rows(self) -> list[FloatArray]:
        """Return the users' embedding tables, shape (n_users, size) each."""
        return [layer.get_weights()[0] for layer in self._user_side.embeddings]

    def of_rows(self, users: IntArray, items: IntArray) -> Callable[[Sequence[Any]], Any]:
        """Return what gives the values of pairs to users of other embedding rows, as a tensor to differentiate.

        Parameters
        ----------
        users : ndarray of int, shape that broadcasts with that of `items`
            Places in the rows given later.
        items : ndarray of int
            Indices; their side is computed here, once.

        Returns
        -------
        callable
            From tensors of rows, shape (n, size) each, to the pairs' values.
        """
        ops = keras().ops
        # Fixed: PyTorch would follow it back to the items' weights, and can do so only once.
        item_side = keras().tree.map_structure(ops.stop_gradient, self._item_side(items))

        def values(rows: Sequence[Any]) -> Any:
            side = self._user_side.of_rows(rows)
            if isinstance(side, list):
                return self._join([ops.take(part, users, axis=0) for part in side], item_side)
            return self._join(ops.take(side, users, axis=0), item_side)

        return values


def with_biases(model: Any, user_biases: FloatArray, item_biases: FloatArray, spread: float) -> Any:
    """Return a network of pairs that adds `spread` times another one's values to biases.

    Parameters
    ----------
    model : keras.Model
        From indices of users and items, shape (n,) each, to values, shape (n,).
    user_biases, item_biases : ndarray of float32, shape (n_users,) and (n_items,)
        What is added for each user and each item.
    spread : float
        The unit of the values.
    """
    layers = keras().layers
    user, item = (layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
    values = layers.Rescaling(spread, name="spread")(model([user, item]))
    for name, index, biases in (("user_bias", user, user_biases), ("item_bias", item, item_biases)):
        table = layers.Embedding(len(biases), 1, name=name)
        values = values + table(index)[..., 0]
        table.set_weights([biases[:, None]])
    return keras().Model([user, item], values)


def outputs(tower: Any, count: int) -> FloatArray:
    """Return what a network of one index gives the indices 0 to count - 1, shape (count, size of its output)."""
    ops = keras().ops
    values: FloatArray = ops.convert_to_numpy(tower(ops.arange(count, dtype="int32")))
    return values


def weights(model: Any) -> Arrays:
    """Return copies of a network's weights under the names of their layers, such as `user_embedding.embeddings`."""
    names = (weight.path.replace("/", ".") for weight in model.weights)
    return {name: np.array(array) for name, array in zip(names, model.get_weights(), strict=True)}


def set_weights(model: Any, arrays: Arrays) -> None:
    """Give a network the weights that `weights` returned."""
    model.set_weights([arrays[weight.path.replace("/", ".")] for weight in model.weights])
