"""S1's third mistake: a network that learns from labels that are all 1. docs/gallery.md introduces S1."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPRegressor

from foldin.core.interactions import IntArray, Interactions
from foldin.traps.rows_and_cells import classified
from foldin.traps.tables import CONTROL, CORRECTED, MISTAKE, Exhibit, need, table

Values = npt.NDArray[np.float64]
STEPS = 300
"""Of Adam, at least: enough for the loss to settle on few ratings as on many."""
BATCH = 1024
"""Pairs in a step."""
UNITS = 32
"""Of the hidden layer (S1: 128)."""
L2 = 0.01
"""Penalty of the weights, as in S1."""
LEARNING_RATE = 0.02
"""Of Adam."""


def all_ones(train: Interactions, test: Interactions, seed: int) -> Exhibit:
    """S1, network: train and judge on labels that are all 1, then ask the network about empty cells.

    The network adds a user's and an item's embedding and has one hidden layer: scikit-learn's multi-layer perceptron
    over one-hot users and items is the same function. Of the two parts only which cells are filled counts.
    """
    rng = np.random.default_rng(seed)
    known, held = _pairs(train), _pairs(test)
    # Zeros to judge on must be zeros, so they avoid both parts. Zeros to learn from may not know the test part.
    zeros_to_judge = _empty_cells(len(held), rng, train, test)
    zeros_to_learn = _empty_cells(len(known), rng, train)
    need(len(zeros_to_judge) and len(zeros_to_learn), "every pair is filled, or nearly so: there are no zeros to draw")
    asked = np.concatenate([held, zeros_to_judge])
    labels = np.repeat([1.0, 0.0], [len(held), len(zeros_to_judge)])
    shape = train.ratings.shape
    only_ones = _network(known, np.ones(len(known)), shape, seed)
    both = np.concatenate([known, zeros_to_learn])
    with_zeros = _network(both, np.repeat([1.0, 0.0], [len(known), len(zeros_to_learn)]), shape, seed)

    ones = np.ones(len(held))
    flattered, unmasked = classified(ones, only_ones(held)), _with_auc(labels, only_ones(asked))
    taught = _with_auc(labels, with_zeros(asked))
    found = table(
        (MISTAKE, "network of ones, asked about ones", flattered),
        (CONTROL, "predict 1, asked about ones", classified(ones, ones)),
        (MISTAKE, "the same network, asked about ones and zeros", unmasked),
        (CONTROL, "predict 1, asked about ones and zeros", classified(labels, np.ones(len(labels))) | {"AUC": 0.5}),
        (CORRECTED, "network of ones and zeros, asked about both", taught),
    )
    return Exhibit(
        found,
        f"On ones, the network has an F1 of {flattered['F1']:.2f}, and so has a constant. On as many zeros as ones, "
        f"its precision is {unmasked['precision']:.2f}, for it says yes to the zeros too, and its AUC is "
        f"{unmasked['AUC']:.2f} (chance: 0.50). With zeros to learn from, the AUC is {taught['AUC']:.2f}.",
    )


def _with_auc(labels: Values, predicted: Values) -> dict[str, float]:
    return classified(labels, predicted) | {"AUC": float(roc_auc_score(labels, predicted))}


def _pairs(part: Interactions) -> IntArray:
    return np.column_stack(part.triples()[:2]).astype(np.int32)


def _empty_cells(n: int, rng: np.random.Generator, *parts: Interactions) -> IntArray:
    """Return at most n distinct cells that none of the parts fills, shape (n, 2)."""
    n_users, n_items = parts[0].ratings.shape
    filled = np.concatenate([pairs[:, 0].astype(np.int64) * n_items + pairs[:, 1] for pairs in map(_pairs, parts)])
    drawn = rng.permutation(np.setdiff1d(rng.integers(n_users * n_items, size=3 * n), filled))[:n]
    return np.column_stack(np.divmod(drawn, n_items)).astype(np.int32)


def _network(pairs: IntArray, labels: Values, shape: tuple[int, int], seed: int) -> Callable[[IntArray], Values]:
    """Return the network fitted to labels of pairs, as a function of pairs."""

    def one_hot(asked: IntArray) -> sparse.csr_array:
        columns = (asked + np.array([0, shape[0]])).ravel()
        return sparse.csr_array(
            (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, 2)),
            shape=(len(asked), sum(shape)),
        )

    batch = min(BATCH, len(pairs))
    network = MLPRegressor(
        hidden_layer_sizes=(UNITS,), alpha=L2, batch_size=batch, learning_rate_init=LEARNING_RATE, random_state=seed
    )
    features = one_hot(pairs)
    # Steps, not passes: a pass over few pairs is few steps, and a network that has not yet learned shows no mistake.
    for _ in range(math.ceil(STEPS / math.ceil(len(pairs) / batch))):
        network.partial_fit(features, labels)
    return lambda asked: network.predict(one_hot(asked))
