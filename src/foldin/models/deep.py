"""Networks that take a user's and an item's embedding and learn how the two combine.

Four predict ratings, with a hidden layer over the two embeddings (`foldin.models.parts.hidden_layer`).
`mlp-dropout`, `mlp-centred` and `ncf` have the architectures of three student projects, and differ in their
regularization. Each learns the residuals after the damped biases, so that its layers are used for taste, and penalizes
embeddings, because there are nearly as many of these weights as ratings. The projects do neither. `mlp-momentum` shows
what that changes: it is the model of S2 as it was, and mostly relearns the biases. `ncf-ranking` ranks: it learns to
distinguish items that a user rated from items drawn at random.
"""

from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import Epochs, ListLength, Penalty, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import bias, losses, network_fold_in, network_scores, network_training, networks
from foldin.models.parts.hidden_layer import HiddenLayer
from foldin.models.parts.recommender import Recommender


class DropoutMLP(HiddenLayer):
    """`mlp-dropout`: L2 on the hidden layer, dropout behind it, early stopping on the validation part."""

    class Settings(HiddenLayer.Settings, networks.SteppedSettings):
        """Settings of `mlp-dropout`."""

        kernel_l2: Penalty
        dropout: float = Field(ge=0, le=0.99)  # what is left is multiplied up in single precision

    settings: Settings
    about = (
        "A hidden layer with L2 and dropout on two concatenated embeddings (architecture of student project S1; see "
        "docs/gallery.md)."
    )

    def _kernel(self) -> dict[str, Any]:
        return {"kernel_regularizer": networks.keras().regularizers.L2(self.settings.kernel_l2)}

    def _after_hidden(self, layers: Any) -> list[Any]:
        return [layers.ReLU(name="relu"), layers.Dropout(self.settings.dropout, seed=self.seed, name="dropout")]


class CentredMLP(HiddenLayer):
    """`mlp-centred`: small embeddings under a wide hidden layer, kept from overfitting by the embeddings' L2 alone."""

    class Settings(HiddenLayer.Settings, networks.SteppedSettings):
        """Settings of `mlp-centred`."""

    settings: Settings
    about = (
        "One wide hidden layer on two concatenated small embeddings, for rating residuals (architecture of student "
        "project S2; see docs/gallery.md)."
    )


class MomentumMLP(HiddenLayer):
    """`mlp-momentum`: the model of student project S2 as it was, on ratings minus their mean, by SGD with momentum.

    Without biases and L2, what keeps it from overfitting are its small embeddings and early stopping. The step size is
    S2's, in units of the ratings' spread, and so are momentum, batch and the number of hidden units. S2 had twenty
    million ratings; where there are few, an epoch has few steps, and `initial_spread` must be larger than Keras'
    default for the network to leave its start within some epochs.
    """

    class Settings(HiddenLayer.Settings, networks.BatchedSettings):
        """Settings of `mlp-momentum`."""

        momentum: float = Field(ge=0, le=0.999)

    settings: Settings
    about = (
        "One wide hidden layer on two concatenated small embeddings, for centred ratings, by SGD with momentum (the "
        "model of student project S2; see docs/gallery.md)."
    )

    def _base(self, biases: bias.Bias) -> bias.Bias:
        return biases.mean_alone()

    def _optimizer(self, optimizers: Any) -> Any:
        return optimizers.SGD(self.settings.learning_rate, momentum=self.settings.momentum)


class NCF(HiddenLayer):
    """`ncf`: a leaky hidden layer, and a learning rate that falls in steps."""

    class Settings(HiddenLayer.Settings, networks.SteppedSettings):
        """Settings of `ncf`."""

        leak: float = Field(ge=0, lt=1)
        decay_every: Epochs
        decay: float = Field(ge=0.001, le=1)

    settings: Settings
    about = (
        "Neural collaborative filtering of ratings, with a learning rate that falls in steps (architecture of student "
        "project S4; see docs/gallery.md)."
    )

    def _after_hidden(self, layers: Any) -> list[Any]:
        return [layers.LeakyReLU(negative_slope=self.settings.leak, name="leaky_relu")]

    def _slope(self) -> float:
        return self.settings.leak

    def _learning_rate(self, epoch: int) -> float:
        steps = (epoch - 1) // self.settings.decay_every
        return self.settings.learning_rate * self.settings.decay**steps


class RankingNCF(network_training.KeptNetwork):
    """`ncf-ranking`: NeuMF, a product of embeddings beside a small network over two more, on met and unmet items."""

    class Settings(networks.SteppedSettings):
        """Settings of `ncf-ranking`."""

        product_embedding: Width
        hidden: int = Field(ge=2, le=10_000)  # the second layer has half
        negatives: int = Field(ge=1, le=100)  # an epoch's examples are so many times the ratings
        validation_k: ListLength

    settings: Settings
    about = (
        "NeuMF on implicit feedback: binary cross-entropy against freshly drawn negatives "
        "(He et al. 2017, Neural Collaborative Filtering); ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        users, items, _ = train.triples()
        n_unknown = train.n_items - np.diff(train.ratings.indptr)
        drawn_for = np.tile(users[n_unknown[users] > 0], self.settings.negatives)
        labels = np.repeat(np.array([1, 0], dtype=np.float32), [len(users), len(drawn_for)])

        def examples(rng: np.random.Generator) -> network_training.Examples:
            negatives = draw_negatives(train.ratings, drawn_for, rng)
            return [np.concatenate([users, drawn_for]), np.concatenate([items, negatives])], labels

        network_training.learn(
            self,
            self.settings,
            self._start().model,
            self._weights,
            loss=losses.binary_cross_entropy,
            examples=examples,
            watch=network_training.watch_ndcg(self, validation, self.settings.validation_k),
            choose_by="validation_ndcg",
            higher_is_better=True,
            choosing=validation is not None,
        )

    def _pair_network(self, layers: Any) -> networks.PairNetwork:
        n_users, n_items = self.known.shape
        settings = self.settings
        user_product = networks.embedding("user_product_embedding", n_users, settings.product_embedding, settings)
        item_product = networks.embedding("item_product_embedding", n_items, settings.product_embedding, settings)
        user_embedding = networks.embedding("user_embedding", n_users, settings.embedding, settings)
        item_embedding = networks.embedding("item_embedding", n_items, settings.embedding, settings)
        user_half = layers.Dense(settings.hidden, use_bias=False, name="user_half")
        item_half = layers.Dense(settings.hidden, name="item_half")
        relu = layers.ReLU(name="relu")
        second = layers.Dense(settings.hidden // 2, activation="relu", name="second")
        product_output = layers.Dense(1, use_bias=False, name="product_output")
        output = layers.Dense(1, name="output")

        def join(user: Any, item: Any) -> Any:
            product = product_output(user[0] * item[0])
            return (product + output(second(relu(user[1] + item[1]))))[..., 0]

        return networks.PairNetwork(
            networks.UserSide([user_product, user_embedding], lambda rows: [rows[0], user_half(rows[1])]),
            lambda items: [item_product(items), item_half(item_embedding(items))],
            join,
        )

    def _score(self, users: IntArray) -> FloatArray:
        tables = (self._weights[f"{name}.embeddings"] for name in ("user_product_embedding", "user_embedding"))
        return self._grid([table[users] for table in tables])

    def _grid(self, rows: list[FloatArray]) -> FloatArray:
        """Return the scores of users of these rows of the two embeddings, shape (n, size) each, with every item."""
        learned = self._weights
        products, embeddings = rows
        products = products * learned["product_output.kernel"][:, 0]
        values: FloatArray = products @ learned["item_product_embedding.embeddings"].T + learned["output.bias"]
        network_scores.two_hidden_layers(
            embeddings @ learned["user_half.kernel"],
            learned["item_half.kernel"].T @ learned["item_embedding.embeddings"].T + learned["item_half.bias"][:, None],
            (learned["second.kernel"], learned["second.bias"]),
            learned["output.kernel"],
            values,
        )
        return values

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Learn a user's two rows beside fixed layers and items.

        What training adds up for a user, its draws of unmet items taken at their expectation: over the n items met
        Σ ln(1 + exp(-s)), plus negatives · n / (number of unmet items) times Σ ln(1 + exp(s)) over the unmet ones,
        plus l2 · (examples / users in training) · the rows' squared length. (Training divides all of it by the
        number of examples.)
        """
        n_items = self.known.shape[1]
        negatives = self.settings.negatives
        met_by_known = np.diff(self.known.indptr)
        n_examples = self.known.nnz + negatives * met_by_known[met_by_known < n_items].sum()
        grid = np.arange(n_items, dtype=np.int32)[None, :]
        network = self._for_new_users()

        def objective(block: sparse.csr_array) -> network_fold_in.Objective:
            ops = networks.keras().ops
            met = network_fold_in.is_observed(block)
            n_met = met.sum(axis=1, keepdims=True)
            weight = np.where(met, 1, negatives * n_met / np.maximum(n_items - n_met, 1)).astype(np.float32)
            sign = np.where(met, -1, 1).astype(np.float32)
            values = network.of_rows(np.arange(len(met), dtype=np.int32)[:, None], grid)
            return lambda rows: ops.sum(weight * ops.softplus(sign * values(rows)))

        penalty = self.settings.l2 * n_examples / self.known.shape[0]
        rows = network_fold_in.learn_rows(network.user_rows(), ratings, objective, penalty, pairs_per_user=n_items)
        return self._grid(rows)


def draw_negatives(known: sparse.csr_array, users: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw for each user an item without a training rating, all such items being equally likely.

    Nothing is known here of validation or test items, so they are drawn like any other.

    Parameters
    ----------
    known : scipy.sparse.csr_array, shape (n_users, n_items)
        The training ratings, sorted by item within a user.
    users : ndarray of int32, shape (n,)
        Whom to draw for, repeats included; each must have an unknown item.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of int32, shape (n,)
        One item for each entry of `users`.
    """
    n_known = np.diff(known.indptr)
    n_items = known.shape[1]
    rank = rng.integers(0, n_items - n_known[users])
    # The r-th unknown item is r + the number of known items before it. The j-th known item k_j has k_j - j unknown
    # ones before it, so that number is how many of these are at most r; one search answers it for all users.
    rows = np.repeat(np.arange(len(n_known), dtype=np.int64), n_known)
    unknown_before = known.indices - (np.arange(known.nnz) - known.indptr[rows])
    before = np.searchsorted(rows * n_items + unknown_before, users.astype(np.int64) * n_items + rank, side="right")
    return (rank + before - known.indptr[users]).astype(np.int32)


MODELS: dict[str, type[Recommender]] = {
    "mlp-dropout": DropoutMLP,
    "mlp-centred": CentredMLP,
    "mlp-momentum": MomentumMLP,
    "ncf": NCF,
    "ncf-ranking": RankingNCF,
}
