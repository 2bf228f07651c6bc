"""A rating network with one hidden layer over a user's and an item's embedding, concatenated.

In training the layer is one product of matrices, which is faster than one for each side. It is also a sum,
W [p; q] + b = U p + V q + b, and scores are computed from that: users × items need each side's half only once.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from foldin.core.bounds import Width
from foldin.core.interactions import FloatArray, IntArray
from foldin.models.parts import network_scores, network_training, networks


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
        hidden = layers.Dense(self.settings.hidden, kernel_initializer=_halves(), name="hidden", **self._kernel())
        after = self._after_hidden(layers)
        output = layers.Dense(1, name="output", **self._kernel())
        ops = networks.keras().ops

        def join(user: Any, item: Any) -> Any:
            if user.shape != item.shape:
                # Users with all items: to concatenate them, each pair must be written out.
                shape = np.broadcast_shapes(user.shape, item.shape)
                user, item = ops.broadcast_to(user, shape), ops.broadcast_to(item, shape)
            units = hidden(ops.concatenate([user, item], axis=-1))
            for layer in after:
                units = layer(units)
            return output(units)[..., 0]

        return networks.PairNetwork(networks.UserSide([user_embedding], lambda rows: rows[0]), item_embedding, join)

    def _kernel(self) -> dict[str, Any]:
        return {}

    def _after_hidden(self, layers: Any) -> list[Any]:
        return [layers.ReLU(name="relu")]

    def _slope(self) -> float:
        """Return what hidden units are multiplied by where they are below 0, as `_after_hidden` does."""
        return 0.0

    def _pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        learned, size = self._weights, self.settings.embedding
        kernel = learned["hidden.kernel"]
        hidden = learned["user_embedding.embeddings"][users] @ kernel[:size]
        hidden += learned["item_embedding.embeddings"][items] @ kernel[size:]
        hidden += learned["hidden.bias"]
        values: FloatArray = network_scores.leaky(hidden, self._slope()) @ learned["output.kernel"]
        return values[:, 0] + learned["output.bias"]

    def _grid(self, rows: FloatArray) -> FloatArray:
        learned, size = self._weights, self.settings.embedding
        items = learned["hidden.kernel"][size:].T @ learned["item_embedding.embeddings"].T
        return network_scores.one_hidden_layer(
            rows @ learned["hidden.kernel"][:size],
            items + learned["hidden.bias"][:, None],
            learned["output.kernel"],
            learned["output.bias"],
            self._slope(),
        )


def _halves() -> Callable[..., Any]:
    """Return what draws a kernel as two, one for each side, by Glorot and Bengio (2010).

    Drawn as one, it would be smaller, because its inputs are twice as many, and early stopping would come sooner.
    """
    library = networks.keras()
    halves = [library.initializers.GlorotUniform() for _ in range(2)]

    def drawn(shape: tuple[int, int], dtype: Any = None) -> Any:
        return library.ops.concatenate([half((shape[0] // 2, shape[1]), dtype) for half in halves], axis=0)

    return drawn
