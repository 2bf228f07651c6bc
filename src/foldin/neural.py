"""What the Keras families share: Keras itself, imported late and made deterministic; networks of pairs; epochs.

Keras 3 runs on TensorFlow (the default), JAX or PyTorch, whichever `KERAS_BACKEND` names. Importing it takes seconds,
so nothing here does before a network is built. Shuffling is numpy's, so that every backend sees the same batches.
"""

import importlib
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from pydantic import Field

from foldin import determinism, metrics
from foldin.errors import FoldinError
from foldin.factorization import train_by_epochs
from foldin.interactions import FloatArray, IntArray, Interactions
from foldin.params import Section
from foldin.recommender import Arrays, RatingRecommender, Recommender

BLOCK_PAIRS = 16_384
"""Pairs a network is asked for at once; bounds memory, changes no figure."""
STEPS_PER_EXECUTION = 8
"""Batches run between two returns to Python; saves time, changes no figure."""
Examples = tuple[list[np.ndarray], np.ndarray]
"""An epoch's inputs, arrays of shape (n,) each, and targets, shape (n,)."""
Side = Callable[[Any], Any]
"""One side of a network: from indices to what it knows of those users or items."""


class NetworkSettings(Section):
    """Settings of every network of embeddings trained by epochs."""

    embedding: int = Field(ge=1)
    l2: float = Field(ge=0)
    initial_spread: float = Field(gt=0)

    learning_rate: float = Field(gt=0)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=0)


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
    with _quiet():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.experimental.enable_op_determinism()
            tensorflow.config.list_physical_devices()
    if os.environ.get(determinism.DEVICE) == "gpu" and not _sees_gpu(keras.backend.backend()):
        raise FoldinError(
            f"device is gpu, and {keras.backend.backend()} sees none",
            where="params.yaml",
            remedy="install its libraries (make install EXTRA=gpu) on a machine with an NVIDIA GPU, or say device: cpu",
        )
    return keras


def _steps_at_once() -> int:
    # Keras can leave several steps to TensorFlow and JAX at once; its PyTorch side refuses.
    return 1 if keras().backend.backend() == "torch" else STEPS_PER_EXECUTION


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


def embedding(name: str, rows: int, size: int, settings: NetworkSettings) -> Any:
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
        embeddings_regularizer=library.regularizers.L2(settings.l2 / rows),
        name=name,
    )


class PairNetwork:
    """A network that gives each (user, item) pair a number: two sides that see one index each, and what joins them.

    Trained on pairs, asked for pairs or for blocks of users with every item; a block needs each side once only.

    Parameters
    ----------
    user_side, item_side : callable
        From indices, shape (...), to a tensor or a list of tensors, shape (..., size).
    join : callable
        From both sides' results, of shapes that broadcast, to numbers, shape (...).

    Attributes
    ----------
    model : keras.Model
        The whole network over pairs, inputs of shape (n,), for training.
    """

    def __init__(self, user_side: Side, item_side: Side, join: Callable[[Any, Any], Any]) -> None:
        layers = keras().layers
        user, item = (layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
        self.model = keras().Model([user, item], join(user_side(user), item_side(item)))
        self._user_side, self._item_side, self._join = user_side, item_side, join

    def pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return the values of pairs, shape (n,), of users and items, shape (n,) each."""
        ops = keras().ops
        values = np.empty(len(users), dtype=np.float32)
        for begin in range(0, len(users), BLOCK_PAIRS):
            block = slice(begin, begin + BLOCK_PAIRS)
            sides = self._user_side(users[block]), self._item_side(items[block])
            values[block] = ops.convert_to_numpy(self._join(*sides))
        return values

    def grid(self, users: IntArray, n_items: int) -> FloatArray:
        """Return the values of users, shape (n,), with every item, shape (n, n_items)."""
        ops = keras().ops
        values = np.empty((len(users), n_items), dtype=np.float32)
        items = self._item_side(np.arange(n_items, dtype=np.int32)[None, :])
        size = max(1, BLOCK_PAIRS // n_items)
        for begin in range(0, len(users), size):
            block = slice(begin, begin + size)
            values[block] = ops.convert_to_numpy(self._join(self._user_side(users[block, None]), items))
        return values


def outputs(tower: Any, count: int) -> FloatArray:
    """Return what a network of one index gives the indices 0 to count - 1, shape (count, size of its output)."""
    ops = keras().ops
    values: FloatArray = ops.convert_to_numpy(tower(ops.arange(count, dtype="int32")))
    return values


def weights(model: Any) -> Arrays:
    """Return a network's weights as arrays under the names of their layers, such as `user_embedding.embeddings`."""
    names = (weight.path.replace("/", ".") for weight in model.weights)
    return dict(zip(names, model.get_weights(), strict=True))


def set_weights(model: Any, arrays: Arrays) -> None:
    """Give a network the weights that `weights` returned."""
    model.set_weights([arrays[weight.path.replace("/", ".")] for weight in model.weights])


def rmse_figures(
    recommender: RatingRecommender, train: Interactions, validation: Interactions | None
) -> Callable[[], dict[str, float]]:
    """Return what gives a model's RMSE on the validation part and on as many ratings of the train part.

    Both are of clipped predictions by the network as it is used later, so that the gap between them is over-fitting,
    not dropout or penalties.
    """
    if validation is None:
        return dict
    users, items, ratings = train.triples()
    size = min(len(ratings), validation.ratings.nnz)
    sample = np.random.default_rng(recommender.seed).choice(len(ratings), size, replace=False)
    parts = {
        "train_rmse": (users[sample], items[sample], ratings[sample]),
        "validation_rmse": validation.triples(),
    }

    def figures() -> dict[str, float]:
        return {
            name: metrics.rmse(actual, recommender.predict(users, items))
            for name, (users, items, actual) in parts.items()
        }

    return figures


def ndcg_figures(recommender: Recommender, validation: Interactions | None, k: int) -> Callable[[], dict[str, float]]:
    """Return what gives a model's NDCG@k on the validation part."""
    if validation is None:
        return dict
    return lambda: {"validation_ndcg": metrics.validate(recommender, validation, k)[f"ndcg_at_{k}"]}


def learn(
    recommender: Recommender,
    model: Any,
    *,
    loss: Any,
    examples: Callable[[np.random.Generator], Examples],
    figures: Callable[[], dict[str, float]],
    choose_by: str,
    higher_is_better: bool = False,
    choosing: bool,
    learning_rate: Callable[[int], float] | None = None,
) -> None:
    """Train a network epoch by epoch; fill `recommender.history` and keep the weights of its best epoch.

    Parameters
    ----------
    recommender : Recommender
        Whose network it is; its settings are `NetworkSettings`.
    model : keras.Model
        The network.
    loss : Any
        As `keras.Model.compile` takes it.
    examples : callable
        Gives the examples of an epoch in any order; they are shuffled here.
    figures : callable
        Returns the figures watched, after each epoch, beside `train_loss`.
    choose_by, higher_is_better, choosing
        How the best epoch is chosen; see `train_by_epochs`.
    learning_rate : callable, optional
        From an epoch (from 1) to its learning rate; the settings' own throughout unless given.
    """
    settings = recommender.settings
    rng = np.random.default_rng(recommender.seed)
    size = settings.batch_size
    model.compile(
        optimizer=keras().optimizers.Adam(settings.learning_rate), loss=loss, steps_per_execution=_steps_at_once()
    )
    kept = [np.array(weight) for weight in model.get_weights()]
    losses: list[float] = []

    def step(epoch: int) -> None:
        inputs, targets = examples(rng)
        n_batches = -(-len(targets) // size)
        # Every batch is full: the last is filled up from the front, so that a network sees one shape only.
        order = np.resize(rng.permutation(len(targets)), n_batches * min(size, len(targets)))
        if learning_rate is not None:
            model.optimizer.learning_rate = learning_rate(epoch)
        noted = model.fit(
            [values[order] for values in inputs],
            targets[order],
            batch_size=size,
            shuffle=False,
            verbose=0,
        )
        losses.append(float(noted.history["loss"][0]))
        for array, learnt in zip(kept, model.get_weights(), strict=True):
            array[...] = learnt

    train_by_epochs(
        recommender,
        step=step,
        figures=lambda: {"train_loss": losses[-1], **figures()},
        weights=kept,
        choose_by=choose_by,
        higher_is_better=higher_is_better,
        choosing=choosing,
    )
    model.set_weights(kept)


class RatingNetwork(RatingRecommender):
    """A rating as damped biases plus what a network of pairs makes of the rest."""

    class Settings(NetworkSettings):
        """Settings of every rating network."""

        damping: float = Field(ge=0)

    @abstractmethod
    def _pair_network(self, layers: Any) -> PairNetwork:
        """Return the untrained network, made of `keras.layers`."""

    def _learning_rate(self, epoch: int) -> float:
        return float(self.settings.learning_rate)

    def _build(self) -> None:
        self._network = self._pair_network(start(self.seed).layers)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        users, items, ratings = train.triples()
        residual = ratings - self._bias.predict(users, items)
        self._build()
        learn(
            self,
            self._network.model,
            loss="mean_squared_error",
            examples=lambda rng: ([users, items], residual),
            figures=rmse_figures(self, train, validation),
            choose_by="validation_rmse",
            choosing=validation is not None,
            learning_rate=self._learning_rate,
        )

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        return self._bias.predict(users, items) + self._network.pairs(users, items)

    def _score(self, users: IntArray) -> FloatArray:
        items = np.arange(self.known.shape[1], dtype=np.int32)
        return self._bias.predict(users[:, None], items) + self._network.grid(users, len(items))

    def _arrays(self) -> Arrays:
        return weights(self._network.model)

    def _restore(self, arrays: Arrays) -> None:
        self._build()
        set_weights(self._network.model, arrays)
