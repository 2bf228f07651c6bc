"""Times scores of networks over a whole catalogue: from their weights, as models are evaluated, and through Keras.

    python benchmarks/network_scores.py          # ratios of pairs a second, by network; needs no data

Keras is asked as well as it can be: each side of the network once, then joined for blocks of users with every item.
"""

import time

from foldin.core import determinism

determinism.fix_environment(2)

import numpy as np  # noqa: E402
from scipy import sparse  # noqa: E402

from foldin import models  # noqa: E402
from foldin.core.interactions import FloatArray, IntArray  # noqa: E402
from foldin.models.parts import networks  # noqa: E402
from foldin.models.parts.network_training import KeptNetwork  # noqa: E402

USERS, ITEMS, BLOCK = 200, 20_000, 100
REPEATS = 3
KERAS_PAIRS = 65_536


def of_keras(network: networks.PairNetwork, users: IntArray) -> FloatArray:
    """Return what Keras gives users with every item, a block of pairs at a time."""
    ops = networks.keras().ops
    items = network._item_side(np.arange(ITEMS, dtype=np.int32)[None, :])
    size = max(1, KERAS_PAIRS // ITEMS)
    parts = []
    for begin in range(0, len(users), size):
        side = network._user_side(users[begin : begin + size, None])
        parts.append(ops.convert_to_numpy(network._join(side, items)))
    return np.concatenate(parts)


def of_weights(model: KeptNetwork, users: IntArray) -> FloatArray:
    """Return the same from the weights; biases of ratings are left out on both sides."""
    tables = [model._weights[f"{layer.name}.embeddings"][users] for layer in model._network._user_side.embeddings]
    return model._grid(tables if len(tables) > 1 else tables[0])


def seconds(ask, users: IntArray) -> float:
    """Return the shortest of a few times for all users, in blocks as an evaluation's."""
    ask(users[:BLOCK])
    found = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        for start in range(0, len(users), BLOCK):
            ask(users[start : start + BLOCK])
        found.append(time.perf_counter() - begin)
    return min(found)


def compare() -> None:
    """Print a line for each network of pairs, untrained: weights change no time."""
    users = np.arange(USERS, dtype=np.int32)
    print("| network | through Keras, million pairs a second | from weights | ratio |\n|---|---:|---:|---:|")
    for family in ("deep", "two_tower"):
        for name, model in models.family(family).items():
            if not isinstance(model, KeptNetwork):
                continue
            model._known = sparse.csr_array((USERS, ITEMS), dtype=np.float32)
            network = model._start()
            np.testing.assert_allclose(of_weights(model, users[:2]), of_keras(network, users[:2]), rtol=1e-4, atol=1e-5)
            rates = [
                USERS * ITEMS / 1e6 / seconds(ask, users)
                for ask in (lambda some: of_keras(network, some), lambda some: of_weights(model, some))  # noqa: B023
            ]
            print(f"| {name} | {rates[0]:.1f} | {rates[1]:.1f} | {rates[1] / rates[0]:.0f} |")


if __name__ == "__main__":
    compare()
