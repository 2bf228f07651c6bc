"""Two towers: a user's side and an item's side of a network that interact only in a dot product.

So each side can be computed once and kept as a table of vectors, and finding items for a user is a search among
vectors. `two-tower-rating` learns ratings from ids, after biases; `two-tower-plain` is the model of student project S3,
which has none. `two-tower-retrieval` learns which item a user chooses among all:
its towers read ids and the attributes of users and items, so that unrated items get vectors too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import ListLength, MinCount, Width
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts import bias, features, losses, network_fold_in, network_training, networks
from foldin.models.parts.factorization import row_dots
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender


class DotProduct(network_training.RatingNetwork):
    """A rescaled dot product of a user's and an item's embedding."""

    def _pair_network(self, layers: Any) -> networks.PairNetwork:
        n_users, n_items = self.known.shape
        user_embedding = networks.embedding("user_embedding", n_users, self.settings.embedding, self.settings)
        item_embedding = networks.embedding("item_embedding", n_items, self.settings.embedding, self.settings)
        # From a random scale, half the seeds would begin with the product's sign turned.
        output = layers.Dense(1, kernel_initializer="ones", name="output")

        def join(user: Any, item: Any) -> Any:
            return output(networks.keras().ops.sum(user * item, axis=-1, keepdims=True))[..., 0]

        user_side = networks.UserSide([user_embedding], lambda rows: rows[0])
        return networks.PairNetwork(user_side, item_embedding, join)

    def _pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        products = row_dots(self._weights["user_embedding.embeddings"], users, self.item_vectors(), items)
        return self._rescaled(products)

    def _grid(self, rows: FloatArray) -> FloatArray:
        return self._rescaled(rows @ self.item_vectors().T)

    def _rescaled(self, products: FloatArray) -> FloatArray:
        rescaled: FloatArray = products * self._weights["output.kernel"][0, 0] + self._weights["output.bias"]
        return rescaled

    def item_vectors(self) -> FloatArray:
        """Return the items' side of the dot product, shape (n_items, embedding)."""
        return self._weights["item_embedding.embeddings"]

    def portable(self) -> Portable:
        """Return biases, and both sides of the dot product, rescaled; see `Portable`."""
        base, spread = self._base(self._bias), np.float32(self._spread)
        return Portable(
            user_biases=base.of_users() + spread * self._weights["output.bias"],
            item_biases=base.item,
            user_vectors=self._weights["user_embedding.embeddings"] * (spread * self._weights["output.kernel"][0, 0]),
            item_vectors=self.item_vectors(),
        )


class RatingTowers(DotProduct):
    """`two-tower-rating`: damped biases plus the dot product, which learns what they leave, under L2."""

    class Settings(DotProduct.Settings, networks.SteppedSettings):
        """Settings of `two-tower-rating`."""

    settings: Settings
    about = (
        "One linear unit on the dot product of a user and an item embedding, for rating residuals (architecture of "
        "student project S3; see docs/gallery.md)."
    )


class PlainTowers(DotProduct):
    """`two-tower-plain`: the model of student project S3 as it was: the dot product alone, without biases or L2.

    So the product learns who rates high and what is rated high, too. S3 starts from a rating of 0; here the linear unit
    starts from the mean, which it would find within its first steps.
    """

    class Settings(DotProduct.Settings, networks.BatchedSettings):
        """Settings of `two-tower-plain`."""

    settings: Settings
    about = (
        "One linear unit on the dot product of a user and an item embedding, for whole ratings (the model of student "
        "project S3; see docs/gallery.md)."
    )

    def _base(self, biases: bias.Bias) -> bias.Bias:
        return biases.mean_alone()


class RetrievalTowers(Recommender):
    """`two-tower-retrieval`: towers over ids and features, trained by softmax over the items of a batch.

    The other examples' items stand for the whole catalogue. They come as often as they are popular, which the loss
    corrects for; so a score estimates the logarithm of the chance that a user picks an item, up to a user's constant.
    The vectors keep their lengths, which carry popularity; brought to length 1 under a temperature they rank no better.
    """

    class Settings(networks.EmbeddingSettings):
        """Settings of `two-tower-retrieval`."""

        batch_size: int = Field(ge=2, le=8192)  # one has nothing to be compared with; all pairs of a batch are held
        hidden: Width
        vector: Width
        feature_min_count: MinCount
        validation_k: ListLength

        def batch(self, n_examples: int) -> int:
            """Return how many examples are compared with one another, however many there are."""
            return self.batch_size

    settings: Settings
    about = (
        "Towers over ids and features of users and items; in-batch softmax with a correction for popularity "
        "(Yi et al. 2019, Sampling-bias-corrected neural modeling); ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        users, items, _ = train.triples()
        self._build(train)
        share = np.bincount(items, minlength=train.n_items) / len(items)
        # An item without a rating is in no batch; its share is only kept from being 0.
        log_share = np.log(np.maximum(share, np.finfo(np.float32).tiny)).astype(np.float32)
        metrics = network_training.watch_ndcg(self, validation, self.settings.validation_k)

        def settled() -> dict[str, float]:
            self._settle()
            return metrics()

        network_training.learn(
            self,
            self.settings,
            self._model,
            networks.weights(self._model),
            loss=lambda picked, logits: losses.in_batch_softmax(picked, logits, log_share),
            examples=lambda rng: ([users, items], items),
            watch=settled,
            choose_by="validation_ndcg",
            higher_is_better=True,
            choosing=validation is not None,
        )
        self._settle()

    def _build(self, train: Interactions) -> None:
        library = networks.start(self.seed)
        self._user_tower = self._tower("user", features.of_users(train.users, self.settings.feature_min_count))
        self._item_tower = self._tower("item", features.of_items(train.items, self.settings.feature_min_count))
        user, item = (library.layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
        logits = library.ops.matmul(self._user_tower(user), library.ops.transpose(self._item_tower(item)))
        self._model = library.Model([user, item], logits)

    def _tower(self, side: str, about: pd.DataFrame) -> Any:
        library = networks.keras()
        layers, ops = library.layers, library.ops
        index = layers.Input((), dtype="int32", name=f"{side}_index")
        table = about.to_numpy(np.float32)
        known = networks.embedding(f"{side}_embedding", len(table), self.settings.embedding, self.settings)(index)
        if table.shape[1]:
            of_features = layers.Dense(self.settings.embedding, use_bias=False, name=f"{side}_features")
            known = known + of_features(ops.take(table, index, axis=0))
        hidden = layers.Dense(self.settings.hidden, activation="relu", name=f"{side}_hidden")(known)
        vector = layers.Dense(self.settings.vector, name=f"{side}_vector")(layers.Concatenate()([known, hidden]))
        return library.Model(index, vector, name=f"{side}_tower")

    def _settle(self) -> None:
        self._users, self._items = (
            networks.outputs(tower, count)
            for tower, count in zip((self._user_tower, self._item_tower), self.known.shape, strict=True)
        )

    def item_vectors(self) -> FloatArray:
        """Return what the item tower gives each item, shape (n_items, vector)."""
        return self._items

    def portable(self) -> Portable:
        """Return what the towers give users and items; see `Portable`."""
        return Portable(user_vectors=self._users, item_vectors=self._items)

    def _score(self, users: IntArray) -> FloatArray:
        scores: FloatArray = self._users[users] @ self._items.T
        return scores

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Learn what the user tower would give a user: the vector itself, since towers are not kept, nor features.

        Minimized are the n items' surprises, Σ (ln Σ exp(s) - s), which `losses.in_batch_softmax` estimates. Both
        sums are over items rated in training: no other item is in a batch, so what a vector of theirs says of people
        was never learned. The tower, its L2 and what features tell are stood for by how the vectors of users trained on
        spread: half the squared distance from their mean in units of their covariance is added, as if they were drawn
        from a normal distribution.
        """
        n_items = self.known.shape[1]
        trained = self._users[np.diff(self.known.indptr) > 0].astype(np.float64)
        mean, centred = trained.mean(axis=0), trained - trained.mean(axis=0)
        variances, directions = np.linalg.eigh(centred.T @ centred / len(trained))
        # A vector is mean + row · spread, with rows of mean 0 and covariance 1.
        spread = np.sqrt(np.maximum(variances, 0))[:, None] * directions.T
        by_row, by_mean = (part.astype(np.float32) for part in (spread @ self._items.T, self._items @ mean))
        learned = np.bincount(self.known.indices, minlength=n_items) > 0

        def objective(block: sparse.csr_array) -> network_fold_in.Objective:
            ops = networks.keras().ops
            met = network_fold_in.is_observed(block)[:, learned].astype(np.float32)

            def surprise(rows: Sequence[Any]) -> Any:
                logits = by_mean[learned] + ops.matmul(rows[0], by_row[:, learned])
                return -ops.sum(met * losses.log_chances(logits))

            return surprise

        start = np.zeros((1, len(mean)), dtype=np.float32)
        (rows,) = network_fold_in.learn_rows([start], ratings, objective, 0.5, pairs_per_user=n_items)
        scores: FloatArray = by_mean + rows @ by_row
        return scores

    def _arrays(self) -> Arrays:
        return {"user_vectors": self._users, "item_vectors": self._items}

    def _restore(self, arrays: Arrays) -> None:
        self._users, self._items = arrays["user_vectors"], arrays["item_vectors"]


MODELS: dict[str, type[Recommender]] = {
    "two-tower-rating": RatingTowers,
    "two-tower-plain": PlainTowers,
    "two-tower-retrieval": RetrievalTowers,
}
