"""S1's third mistake: a network trained on labels that are all 1. docs/gallery.md introduces S1."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPRegressor

from foldin.core.interactions import IntArray, Interactions
from foldin.traps.rows_and_cells import classified
from foldin.traps.tables import CONTROL, CORRECTED, MISTAKE, Exhibit, require, table

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
    """S1, network: train and evaluate on labels that are all 1, then evaluate the network on empty cells too.

    The network adds a user's and an item's embedding and has one hidden layer: scikit-learn's multi-layer perceptron
    over one-hot users and items is the same function. Only the filled cells of the two parts matter, not the ratings.
    """
    rng = np.random.default_rng(seed)
    known, held = _pairs(train), _pairs(test)
    # Negatives to evaluate on avoid both parts. Negatives to train on must not use the test part.
    test_negatives = _empty_cells(len(held), rng, train, test)
    train_negatives = _empty_cells(len(known), rng, train)
    require(len(test_negatives) and len(train_negatives), "all or nearly all pairs are rated: there are no negatives")
    asked = np.concatenate([held, test_negatives])
    labels = np.repeat([1.0, 0.0], [len(held), len(test_negatives)])
    shape = train.ratings.shape
    only_ones = _network(known, np.ones(len(known)), shape, seed)
    both = np.concatenate([known, train_negatives])
    with_negatives = _network(both, np.repeat([1.0, 0.0], [len(known), len(train_negatives)]), shape, seed)

    ones = np.ones(len(held))
    flattered, unmasked = classified(ones, only_ones(held)), _with_auc(labels, only_ones(asked))
    taught = _with_auc(labels, with_negatives(asked))
    found = table(
        (MISTAKE, "network trained on positives, evaluated on positives", flattered),
        (CONTROL, "predict 1, evaluated on positives", classified(ones, ones)),
        (MISTAKE, "the same network, evaluated on positives and negatives", unmasked),
        (CONTROL, "predict 1, evaluated on both", classified(labels, np.ones(len(labels))) | {"AUC": 0.5}),
        (CORRECTED, "network trained on positives and negatives, evaluated on both", taught),
    )
    return Exhibit(
        found,
        f"On positives alone, the network has an F1 of {flattered['F1']:.2f}, and so has a constant. With as many "
        f"negatives as positives, its precision is {unmasked['precision']:.2f}, because it predicts 1 for negatives "
        f"too, and its AUC is {unmasked['AUC']:.2f} (random: 0.50). A network trained on negatives too has an AUC of "
        f"{taught['AUC']:.2f}.",
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
    # Steps, not epochs: an epoch over few pairs is few steps, and an untrained network does not show the mistake.
    for _ in range(math.ceil(STEPS / math.ceil(len(pairs) / batch))):
        network.partial_fit(features, labels)
    return lambda asked: network.predict(one_hot(asked))
