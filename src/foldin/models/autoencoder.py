"""Autoencoder: a network that compresses which items a user rated into a short vector, and reconstructs them from it.

`mult-vae` is the variational autoencoder with multinomial likelihood of Liang et al. (2018, "Variational autoencoders
for collaborative filtering"). A user is the row of the items they rated, scaled to length 1. There is no vector of each
user to learn, so a new user needs no training, only a pass through the network.
"""

from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import Epochs, ListLength, Penalty, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import losses, network_steps, network_training, networks
from foldin.models.parts.factorization import train_by_epochs
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender

LARGEST_LOG_VARIANCE = 10.0
"""Of a user's distribution, and minus the smallest, both of which it only nears; else an exponential could overflow."""


class MultVAE(Recommender):
    """`mult-vae`: one hidden layer to a user's mean and spread, a draw from these, one hidden layer to all items.

    The loss is, on average over users, the negative log-likelihood of their items, -Σ log softmax, plus `kl_weight`
    times the divergence of a user's distribution from the standard normal. That weight rises from 0 in the first
    epochs: with the full weight from the start, the network would learn to ignore its input. Everything random is drawn
    by numpy and passed in: which items are dropped, and the draws. So training is the same on every backend of Keras.
    """

    class Settings(networks.NetworkSettings):
        """Settings of `mult-vae`."""

        hidden: Width
        latent: Width
        dropout: float = Field(ge=0, le=0.99)  # what is left is multiplied up in single precision
        kl_weight: Penalty
        kl_epochs: Epochs
        batch_size: int = Field(ge=1, le=8192)  # rows over all items are held
        validation_k: ListLength

        def batch(self, n_examples: int) -> int:
            """Return how many users make a step."""
            return min(self.batch_size, n_examples)

    settings: Settings
    about = (
        "Variational autoencoder of the items a user rated, multinomial likelihood, KL annealing "
        "(Liang et al. 2018); ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        settings = self.settings
        library = networks.start(self.seed)
        model = self._network(library)
        self._weights = networks.weights(model)
        optimizer = library.optimizers.Adam(settings.learning_rate)
        train_on = network_steps.compiled(model, optimizer, lambda _, loss: loss)
        rng = np.random.default_rng(self.seed)
        observed = unit_rows(train.ratings)
        users = np.flatnonzero(np.diff(observed.indptr))
        size = settings.batch(len(users))
        watch = network_training.watch_ndcg(self, validation, settings.validation_k)
        losses_of_steps: list[float] = []

        def step(epoch: int) -> None:
            losses_of_steps.clear()
            # Every batch is full: the last is filled up from the front, so that the network sees one shape only.
            order = np.resize(rng.permutation(users), -(-len(users) // size) * size)
            kl_weight = np.full((size, 1), self._kl_weight(epoch), dtype=np.float32)
            for begin in range(0, len(order), size):
                rows = observed[order[begin : begin + size]]
                noise = rng.standard_normal((size, settings.latent), dtype=np.float32)
                rated = rows.toarray() > 0
                inputs = [dropped(rows, settings.dropout, rng).toarray(), rated.astype(np.float32), noise, kl_weight]
                losses_of_steps.append(train_on(inputs, kl_weight, size))
            for array, trained in zip(self._weights.values(), model.get_weights(), strict=True):
                array[...] = trained

        train_by_epochs(
            self,
            settings,
            step=step,
            watch=lambda: {"train_loss": float(np.mean(losses_of_steps)), **watch()},
            weights=list(self._weights.values()),
            choose_by="validation_ndcg",
            higher_is_better=True,
            choosing=validation is not None,
        )

    def _kl_weight(self, epoch: int) -> float:
        return self.settings.kl_weight * min(1.0, (epoch - 1) / self.settings.kl_epochs)

    def _network(self, library: Any) -> Any:
        """Return the network in Keras, from what `_fit` gives it to each user's loss, shape (n,)."""
        layers, ops = library.layers, library.ops
        n_items, latent = self.known.shape[1], self.settings.latent
        observed, rated = (layers.Input((n_items,), name=name) for name in ("observed", "rated"))
        noise, kl_weight = layers.Input((latent,), name="noise"), layers.Input((1,), name="kl_weight")
        encoded = layers.Dense(self.settings.hidden, activation="tanh", name="encoder")(observed)
        mean = layers.Dense(latent, name="mean")(encoded)
        log_variance = layers.Dense(latent, name="log_variance")(encoded)
        log_variance = LARGEST_LOG_VARIANCE * ops.tanh(log_variance / LARGEST_LOG_VARIANCE)
        drawn = mean + ops.exp(0.5 * log_variance) * noise
        decoded = layers.Dense(self.settings.hidden, activation="tanh", name="decoder")(drawn)
        logits = layers.Dense(n_items, name="output")(decoded)
        loss = losses.multinomial(rated, logits)
        divergence = losses.from_standard_normal(mean, log_variance)
        return library.Model([observed, rated, noise, kl_weight], loss + kl_weight[:, 0] * divergence)

    def _score(self, users: IntArray) -> FloatArray:
        return self._fold_in(self.known[users])

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Return the logits of all items at a user's mean; someone trained on is scored in the same way."""
        weights = self._weights
        decoded = np.tanh(self.user_vectors(ratings) @ weights["decoder.kernel"] + weights["decoder.bias"])
        scores: FloatArray = decoded @ weights["output.kernel"] + weights["output.bias"]
        return scores

    def user_vectors(self, ratings: sparse.csr_array) -> FloatArray:
        """Return the means that rows of ratings, shape (n, n_items), are squeezed into, shape (n, latent)."""
        weights = self._weights
        encoded = np.tanh(unit_rows(ratings) @ weights["encoder.kernel"] + weights["encoder.bias"])
        means: FloatArray = encoded @ weights["mean.kernel"] + weights["mean.bias"]
        return means

    def item_vectors(self) -> FloatArray:
        """Return the weights by which the last hidden layer speaks for each item, shape (n_items, hidden)."""
        return self._weights["output.kernel"].T

    def portable(self) -> Portable:
        """Return the network from rows of ones to scores; see `Portable`."""
        return Portable(network=self._scoring_network, reads="rows")

    def _scoring_network(self) -> Any:
        """Return what `_fold_in` computes as a network in Keras: no draws, no loss."""
        library = networks.keras()
        layers = library.layers
        rated = layers.Input((self.known.shape[1],), name="rated")
        values = layers.UnitNormalization(name="length_one")(rated)
        for name, activation in (("encoder", "tanh"), ("mean", None), ("decoder", "tanh"), ("output", None)):
            learned = [self._weights[f"{name}.{part}"] for part in ("kernel", "bias")]
            layer = layers.Dense(learned[0].shape[1], activation=activation, name=name)
            values = layer(values)
            layer.set_weights(learned)
        return library.Model(rated, values)

    def _arrays(self) -> Arrays:
        return self._weights

    def _restore(self, arrays: Arrays) -> None:
        self._weights = arrays


def unit_rows(ratings: sparse.csr_array) -> sparse.csr_array:
    """Return rows of length 1 whose stored cells are all alike, whatever the rating; a row without any stays so."""
    n_rated = np.diff(ratings.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(n_rated, 1)), n_rated).astype(np.float32)
    return sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)


def dropped(rows: sparse.csr_array, share: float, rng: np.random.Generator) -> sparse.csr_array:
    """Return rows with a share of their cells set to 0, drawn at random, and the others raised by 1 / (1 - share)."""
    kept = rng.random(rows.nnz, dtype=np.float32) >= share
    values = np.where(kept, rows.data / np.float32(1 - share), np.float32(0))
    return sparse.csr_array((values, rows.indices, rows.indptr), shape=rows.shape)


MODELS: dict[str, type[Recommender]] = {"mult-vae": MultVAE}
