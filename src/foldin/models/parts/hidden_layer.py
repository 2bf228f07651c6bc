"""A rating network with one hidden layer over a user's and an item's embedding.

A hidden layer over concatenated embeddings is a sum, W [p; q] + b = U p + V q + b. It is written as that sum, because
then users × items need each side's half only once.
"""

from typing import Any

from foldin.core.bounds import Width
from foldin.core.interactions import FloatArray, IntArray
from foldin.models.parts import network_scores, network_training, networks
from foldin.models.parts.recommender import Arrays


class HiddenLayer(network_training.RatingNetwork):
    """One hidden layer over a user's and an item's embedding."""

    class Settings(network_training.RatingNetwork.Settings):
        """Settings of every such network."""

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


def item_half(learnt: Arrays) -> FloatArray:
    """Return what each item adds to the units of the first hidden layer, shape (hidden, n_items)."""
    halves: FloatArray = learnt["item_half.kernel"].T @ learnt["item_embedding.embeddings"].T
    return halves + learnt["item_half.bias"][:, None]
