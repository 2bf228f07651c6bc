"""Networks that take a user's and an item's embedding and learn how the two combine.

Three predict ratings: `mlp-dropout`, `mlp-centred` and `ncf` have a hidden layer over the two embeddings, and differ in
their regularization and their optimizer settings. Each learns the residuals after the damped biases, so that its layers
are used for taste; the original projects learn the whole rating, and mostly relearn those biases. All penalize
embeddings, which the original projects do not: there are nearly as many of these weights as ratings. `ncf-ranking`
ranks: it learns to distinguish items that a user rated from items drawn at random.

A hidden layer over concatenated embeddings is a sum, W [p; q] + b = U p + V q + b. It is written as that sum, because
then users × items need each side's half only once.
"""

from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import Epochs, ListLength, Penalty, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import losses, network_fold_in, network_scores, network_training, networks
from foldin.models.parts.recommender import Arrays, Recommender


class HiddenLayer(network_training.RatingNetwork):
    """Damped biases plus one hidden layer over a user's and an item's embedding."""

    class Settings(network_training.RatingNetwork.Settings):
        """Settings of every rating network of this family."""

        hidden: Width

    settings: Settings

    def _pair_network(self, layers: Any) -> networks.PairNetwork:
        n_users, n_items = self.known.shape
        user_embedding = networks.embedding("user_embedding", n_users, self.settings.embedding, self.settings)
        item_embedding = networks.embedding("item_embedding", n_items, self.settings.embedding, self.settings)
        user_half = layers.Dense(self.settings.hidden, use_bias=False, name="user_half", **self._kernel())
        item_half = layers.Dense(self.settings.hidden, name="item_half", **self._kernel())
        after = self._after_hidden(layers)
        output = layers.Dense(1, name="output", **self._kernel())

        def join(user: Any, item: Any) -> Any:
            hidden = user + item
            for layer in after:
                hidden = layer(hidden)
            return output(hidden)[..., 0]

        return networks.PairNetwork(
            networks.UserSide([user_embedding], lambda rows: user_half(rows[0])),
            lambda items: item_half(item_embedding(items)),
            join,
        )

    def _kernel(self) -> dict[str, Any]:
        return {}

    def _after_hidden(self, layers: Any) -> list[Any]:
        return [layers.ReLU(name="relu")]

    def _slope(self) -> float:
        """Return what hidden units are multiplied by where they are below 0, as `_after_hidden` does."""
        return 0.0

    def _pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        learnt = self._weights
        of_users = learnt["user_embedding.embeddings"][users] @ learnt["user_half.kernel"]
        of_items = learnt["item_embedding.embeddings"][items] @ learnt["item_half.kernel"] + learnt["item_half.bias"]
        hidden = network_scores.leaky(of_users + of_items, self._slope())
        values: FloatArray = (hidden @ learnt["output.kernel"])[:, 0] + learnt["output.bias"]
        return values

    def _grid(self, rows: FloatArray) -> FloatArray:
        learnt = self._weights
        return network_scores.one_hidden_layer(
            rows @ learnt["user_half.kernel"],
            item_half(learnt),
            learnt["output.kernel"],
            learnt["output.bias"],
            self._slope(),
        )


class DropoutMLP(HiddenLayer):
    """`mlp-dropout`: L2 on the hidden layer, dropout behind it, early stopping on the validation part."""

    class Settings(HiddenLayer.Settings):
        """Settings of `mlp-dropout`."""

        kernel_l2: Penalty
        dropout: float = Field(ge=0, le=0.99)  # what is left is multiplied up in single precision

    settings: Settings
    about = (
        "Two embeddings, concatenated, a hidden layer with L2, dropout (architecture of student project S1; see "
        "docs/gallery.md)."
    )

    def _kernel(self) -> dict[str, Any]:
        return {"kernel_regularizer": networks.keras().regularizers.L2(self.settings.kernel_l2)}

    def _after_hidden(self, layers: Any) -> list[Any]:
        return [layers.ReLU(name="relu"), layers.Dropout(self.settings.dropout, seed=self.seed, name="dropout")]


class CentredMLP(HiddenLayer):
    """`mlp-centred`: small embeddings under a wide hidden layer, kept from over-fitting by the embeddings' L2 alone.

    The source descends by momentum, over twenty million ratings; on thousands that leaves the small initial values
    too slowly, so Adam does it here.
    """

    about = (
        "Small embeddings, concatenated, one wide hidden layer on centred ratings (architecture of student project S2; "
        "see docs/gallery.md)."
    )


class NCF(HiddenLayer):
    """`ncf`: a leaky hidden layer, and a learning rate that falls in steps."""

    class Settings(HiddenLayer.Settings):
        """Settings of `ncf`."""

        leak: float = Field(ge=0, lt=1)
        decay_every: Epochs
        decay: float = Field(ge=0.001, le=1)

    settings: Settings
    about = (
        "Neural collaborative filtering on ratings, learning rate falling in steps (architecture of student project "
        "S4; see docs/gallery.md)."
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
        learnt = self._weights
        products, embeddings = rows
        products = products * learnt["product_output.kernel"][:, 0]
        values: FloatArray = products @ learnt["item_product_embedding.embeddings"].T + learnt["output.bias"]
        network_scores.two_hidden_layers(
            embeddings @ learnt["user_half.kernel"],
            item_half(learnt),
            (learnt["second.kernel"], learnt["second.bias"]),
            learnt["output.kernel"],
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


def item_half(learnt: Arrays) -> FloatArray:
    """Return what each item adds to the units of the first hidden layer, shape (hidden, n_items)."""
    halves: FloatArray = learnt["item_half.kernel"].T @ learnt["item_embedding.embeddings"].T
    return halves + learnt["item_half.bias"][:, None]


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
    "ncf": NCF,
    "ncf-ranking": RankingNCF,
}
