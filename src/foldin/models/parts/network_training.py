"""Network training: epochs of shuffled full batches, the best one kept; base classes of rating networks.

Shuffling is numpy's, so that every Keras backend sees the same batches.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from foldin import metrics
from foldin.core.bounds import Damping
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import bias, network_fold_in, network_scores, network_steps, networks
from foldin.models.parts.factorization import train_by_epochs
from foldin.models.parts.portable import Portable
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, Recommender
from foldin.models.parts.validation import validate

Examples = tuple[list[np.ndarray], np.ndarray]
"""An epoch's inputs, arrays of shape (n,) each, and targets, shape (n,)."""


def watch_rmse(
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

    def watch() -> dict[str, float]:
        return {
            name: metrics.rmse(actual, recommender.predict(users, items))
            for name, (users, items, actual) in parts.items()
        }

    return watch


def watch_ndcg(recommender: Recommender, validation: Interactions | None, k: int) -> Callable[[], dict[str, float]]:
    """Return what gives a model's NDCG@k on the validation part."""
    if validation is None:
        return dict
    return lambda: {"validation_ndcg": validate(recommender, validation, k)[f"ndcg_at_{k}"]}


def learn(
    recommender: Recommender,
    settings: networks.NetworkSettings,
    model: Any,
    weights: Arrays,
    *,
    loss: Any,
    examples: Callable[[np.random.Generator], Examples],
    watch: Callable[[], dict[str, float]],
    choose_by: str,
    higher_is_better: bool = False,
    choosing: bool,
    learning_rate: Callable[[int], float] | None = None,
    optimizer: Any = None,
) -> None:
    """Train a network epoch by epoch; fill `recommender.history`, and end with the weights of its best epoch.

    Parameters
    ----------
    recommender : Recommender
        Whose network it is.
    settings : NetworkSettings
        The recommender's own.
    model : keras.Model
        The network.
    weights : dict of str to ndarray
        Its weights, as `networks.weights` gives them. After each epoch, before `watch`, they are what was learned;
        at the end, those of the best epoch.
    loss : Any
        As `keras.Model.compile` takes it.
    examples : callable
        Gives the examples of an epoch in any order; they are shuffled here.
    watch : callable
        Returns the metrics watched, after each epoch, beside `train_loss`.
    choose_by, higher_is_better, choosing
        How the best epoch is chosen; see `train_by_epochs`.
    learning_rate : callable, optional
        From an epoch (from 1) to its learning rate; the settings' own throughout unless given.
    optimizer : keras.optimizers.Optimizer, optional
        What makes the steps; Adam unless given.
    """
    rng = np.random.default_rng(recommender.seed)
    optimizer = optimizer or networks.keras().optimizers.Adam(settings.learning_rate)
    train = network_steps.compiled(model, optimizer, loss)
    losses: list[float] = []

    def step(epoch: int) -> None:
        inputs, targets = examples(rng)
        size = min(settings.batch(len(targets)), len(targets))
        # Every batch is full: the last is filled up from the front, so that a network sees one shape only.
        order = np.resize(rng.permutation(len(targets)), -(-len(targets) // size) * size)
        if learning_rate is not None:
            optimizer.learning_rate = learning_rate(epoch)
        losses.append(train([values[order] for values in inputs], targets[order], size))
        for array, learned in zip(weights.values(), model.get_weights(), strict=True):
            array[...] = learned

    train_by_epochs(
        recommender,
        settings,
        step=step,
        watch=lambda: {"train_loss": losses[-1], **watch()},
        weights=list(weights.values()),
        choose_by=choose_by,
        higher_is_better=higher_is_better,
        choosing=choosing,
    )
    networks.set_weights(model, weights)


class KeptNetwork(Recommender):
    """A model whose network of pairs learns in Keras; what was learned are its weights, which are all that is kept."""

    _weights: Arrays
    _network: networks.PairNetwork | None = None

    @abstractmethod
    def _pair_network(self, layers: Any) -> networks.PairNetwork:
        """Return the untrained network, made of `keras.layers`."""

    def _start(self) -> networks.PairNetwork:
        """Return a new network, its weights taken down as this model's."""
        self._network = self._pair_network(networks.start(self.seed).layers)
        self._weights = networks.weights(self._network.model)
        return self._network

    def _for_new_users(self) -> networks.PairNetwork:
        """Return the learned network in Keras, which new users' rows are learned beside; built anew after loading."""
        if self._network is None:
            self._network = self._pair_network(networks.start(self.seed).layers)
            networks.set_weights(self._network.model, self._weights)
        return self._network

    def portable(self) -> Portable:
        """Return the network of pairs; see `Portable`."""
        return Portable(network=self._scoring_network)

    def _scoring_network(self) -> Any:
        """Return the learned network in Keras, which any process can load."""
        model = self._for_new_users().model
        for layer in model.layers:
            # How a layer began no longer matters, and a function of ours that drew its weights exists nowhere else.
            if hasattr(layer, "kernel_initializer"):
                layer.kernel_initializer = networks.keras().initializers.Zeros()
        return model

    def _arrays(self) -> Arrays:
        return self._weights

    def _restore(self, arrays: Arrays) -> None:
        self._weights, self._network = arrays, None


class RatingNetwork(KeptNetwork, RatingRecommender):
    """A rating as damped biases, or the mean alone, plus what a network of pairs makes of the rest."""

    class Settings(networks.EmbeddingSettings):
        """Settings of every rating network."""

        damping: Damping

    settings: Settings

    def _damping(self) -> float:
        return self.settings.damping

    @abstractmethod
    def _pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return what the network says of pairs, shape (n,)."""

    @abstractmethod
    def _grid(self, rows: FloatArray) -> FloatArray:
        """Return what it says of users of these embedding rows, shape (n, embedding), with every item."""

    def _learning_rate(self, epoch: int) -> float:
        return self.settings.learning_rate

    def _optimizer(self, optimizers: Any) -> Any:
        """Return what makes the steps, of `keras.optimizers`."""
        return optimizers.Adam(self.settings.learning_rate)

    def _base(self, biases: bias.Bias) -> bias.Bias:
        """Return what the network's values are added to, made of the damped biases: these by default."""
        return biases

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        users, items, ratings = train.triples()
        residual = ((ratings - self._base(self._bias).predict(users, items)) / self._spread).astype(np.float32)
        network = self._start()
        learn(
            self,
            self.settings,
            network.model,
            self._weights,
            loss="mean_squared_error",
            examples=lambda rng: ([users, items], residual),
            watch=watch_rmse(self, train, validation),
            choose_by="validation_rmse",
            choosing=validation is not None,
            learning_rate=self._learning_rate,
            optimizer=self._optimizer(networks.keras().optimizers),
        )

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        values = network_scores.of_pairs(self._pairs, users, items) * np.float32(self._spread)
        return self._base(self._bias).predict(users, items) + values

    def _score(self, users: IntArray) -> FloatArray:
        rows = self._weights["user_embedding.embeddings"][users]
        return self._base(self._bias).grid(users) + self._grid(rows) * np.float32(self._spread)

    def _scoring_network(self) -> Any:
        base = self._base(self._bias)
        return networks.with_biases(super()._scoring_network(), base.of_users(), base.item, self._spread)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Learn a user's embedding row beside fixed layers and items, on the residuals of its ratings.

        What training adds up for a user: squared errors, plus l2 · (ratings / users in training) · the row's squared
        length. (Training divides all of it by the number of ratings, which makes that the mean squared error and the
        penalty of `networks.embedding`.) Dropout, where there is some, is off, as it is when a network predicts.
        """
        base = self._base(self._bias.fold_in(ratings, self._damping()))
        biases = base.grid(np.arange(ratings.shape[0], dtype=np.int32))
        users = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
        residual = ratings.copy()
        residual.data = ratings.data - biases[users, ratings.indices]
        residual = self._in_spreads(residual)
        n_users, n_items = self.known.shape
        network = self._for_new_users()

        def objective(block: sparse.csr_array) -> network_fold_in.Objective:
            users = np.repeat(np.arange(block.shape[0], dtype=np.int32), np.diff(block.indptr))
            values = network.of_rows(users, block.indices)
            return lambda rows: networks.keras().ops.sum((block.data - values(rows)) ** 2)

        penalty = self.settings.l2 * self.known.nnz / n_users
        (rows,) = network_fold_in.learn_rows(network.user_rows(), residual, objective, penalty, pairs_per_user=n_items)
        return biases + self._grid(rows) * np.float32(self._spread)
