"""A network that learnt from labels that are all 1: the metrics of the project S1, made again on ratings at hand.

The project is named as on the page of anchors (reports/anchors.md).
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPRegressor

from foldin.core.interactions import IntArray, Interactions
from foldin.core.params import Traps
from foldin.traps.published import classified
from foldin.traps.tables import AS_PUBLISHED, KNOWING_NOTHING, MENDED, need, table

Values = npt.NDArray[np.float64]


def all_ones(train: Interactions, test: Interactions, sizes: Traps, seed: int) -> pd.DataFrame:
    """S1, network: learn and judge labels that are all 1, then ask it about pairs nobody filled.

    The network is a user's and an item's embedding, added, and a hidden layer: scikit-learn's multi-layer perceptron
    over one-hot users and items, which is the same function.

    Parameters
    ----------
    train, test : Interactions
        Parts of the ratings of the same users; only which cells are filled counts.
    sizes : params.Traps
        What the keys `network_…` say of the network.
    seed : int
        Seed of the network and of the pairs nobody filled.
    """
    rng = np.random.default_rng(seed)
    known, held = _pairs(train), _pairs(test)
    # Zeros to judge by must be zeros, so they avoid both parts; zeros to learn from may not know of the test part.
    zeros_to_judge = _unfilled(len(held), rng, train, test)
    zeros_to_learn = _unfilled(len(known), rng, train)
    need(len(zeros_to_judge) and len(zeros_to_learn), "every pair is filled, or nearly so: there are no zeros to draw")
    asked = np.concatenate([held, zeros_to_judge])
    labels = np.repeat([1.0, 0.0], [len(held), len(zeros_to_judge)])
    shape = train.ratings.shape
    only_ones = _network(known, np.ones(len(known)), shape, sizes, seed)
    both = np.concatenate([known, zeros_to_learn])
    with_zeros = _network(both, np.repeat([1.0, 0.0], [len(known), len(zeros_to_learn)]), shape, sizes, seed)
    ones = np.ones(len(held))
    constant = classified(labels, np.ones(len(labels))) | {"AUC": 0.5}
    return table(
        (AS_PUBLISHED, "network of ones, asked about ones", classified(ones, only_ones(held))),
        (KNOWING_NOTHING, "predict 1, asked about ones", classified(ones, ones)),
        ("the same network", "asked about ones and zeros", _with_auc(labels, only_ones(asked))),
        (KNOWING_NOTHING, "predict 1, asked about ones and zeros", constant),
        (MENDED, "network of ones and zeros, asked about both", _with_auc(labels, with_zeros(asked))),
    )


def _with_auc(labels: Values, predicted: Values) -> dict[str, float]:
    return classified(labels, predicted) | {"AUC": float(roc_auc_score(labels, predicted))}


def _pairs(part: Interactions) -> IntArray:
    return np.column_stack(part.triples()[:2]).astype(np.int32)


def _unfilled(n: int, rng: np.random.Generator, *parts: Interactions) -> IntArray:
    """Return at most n distinct cells that none of the parts fills, shape (n, 2)."""
    n_users, n_items = parts[0].ratings.shape
    filled = np.concatenate([pairs[:, 0].astype(np.int64) * n_items + pairs[:, 1] for pairs in map(_pairs, parts)])
    drawn = rng.permutation(np.setdiff1d(rng.integers(n_users * n_items, size=3 * n), filled))[:n]
    return np.column_stack(np.divmod(drawn, n_items)).astype(np.int32)


def _network(
    pairs: IntArray, labels: Values, shape: tuple[int, int], sizes: Traps, seed: int
) -> Callable[[IntArray], Values]:
    """Return the network fitted to labels of pairs, as a function of pairs."""

    def one_hot(asked: IntArray) -> sparse.csr_array:
        columns = (asked + np.array([0, shape[0]])).ravel()
        return sparse.csr_array(
            (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, 2)),
            shape=(len(asked), sum(shape)),
        )

    batch = min(sizes.network_batch, len(pairs))
    network = MLPRegressor(
        hidden_layer_sizes=(sizes.network_units,),
        alpha=sizes.network_l2,
        batch_size=batch,
        learning_rate_init=sizes.network_learning_rate,
        random_state=seed,
    )
    features = one_hot(pairs)
    # Steps, not passes: a pass over few pairs is few steps, and a network that has not yet learnt shows no mistake.
    for _ in range(math.ceil(sizes.network_steps / math.ceil(len(pairs) / batch))):
        network.partial_fit(features, labels)
    return lambda asked: network.predict(one_hot(asked))
