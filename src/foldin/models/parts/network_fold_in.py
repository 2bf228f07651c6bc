"""Placing new users into a trained network: their embedding rows are learned, all other weights stay fixed.

All users of a block are optimized together. Their objectives are added up and share no row, and Adam moves each weight
by its own gradients alone; so a user's result does not depend on the other users, except for rounding. There is no
randomness: everyone starts as the average of the training users. Keras differentiates, on any of its backends.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.interactions import FloatArray
from foldin.models.parts import networks

STEPS = 100
"""Steps of Adam. Four times as many move demo's NDCG@10 by at most 0.002 and its RMSE by at most 0.0005."""
STEP_SIZE = 0.1
"""The first step's length; it falls to 0 along a cosine."""
BLOCK_PAIRS = 1 << 18
"""User-item pairs trained on at once, at most; bounds memory."""
Objective = Callable[[Sequence[Any]], Any]
"""From tensors of users' rows, shape (n, size) each, to the sum of what these users want small."""


def is_observed(ratings: sparse.csr_array) -> npt.NDArray[np.bool_]:
    """Return which cells of a sparse matrix are stored, explicit zeros included, shape (n, n_items)."""
    observed = np.zeros(ratings.shape, dtype=bool)
    observed[np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr)), ratings.indices] = True
    return observed


def learn_rows(
    trained: Sequence[FloatArray],
    observed: sparse.csr_array,
    objective: Callable[[sparse.csr_array], Objective],
    penalty: float,
    *,
    pairs_per_user: int,
) -> list[FloatArray]:
    """Return the embedding rows that explain best what is observed of new users.

    Parameters
    ----------
    trained : sequence of ndarray of float32, shape (n_trained, size) each
        The embedding tables of the users trained on, whose mean rows are where new users start.
    observed : scipy.sparse.csr_array, shape (n, n_items)
        What is known of each new user.
    objective : callable
        From some rows of `observed` to what these users want small, beside the penalty.
    penalty : float
        Weight of the squared length of a user's rows.
    pairs_per_user : int
        Pairs of one user that the objective looks at, at most.

    Returns
    -------
    list of ndarray of float32, shape (n, size) each
        A row of each table for each new user.
    """
    starts = [table.mean(axis=0, dtype=np.float64).astype(np.float32) for table in trained]
    found = [np.empty((observed.shape[0], len(start)), dtype=np.float32) for start in starts]
    size = max(1, BLOCK_PAIRS // pairs_per_user)
    for begin in range(0, observed.shape[0], size):
        block = observed[begin : begin + size]
        tables = [np.tile(start, (block.shape[0], 1)) for start in starts]
        for into, rows in zip(found, _descended(tables, objective(block), penalty), strict=True):
            into[begin : begin + size] = rows
    return found


def _descended(tables: list[FloatArray], objective: Objective, penalty: float) -> list[FloatArray]:
    library = networks.keras()
    ops = library.ops

    class Rows(library.Model):  # type: ignore[misc, name-defined]
        """Nothing but the rows: a network that an objective reads is no part of it, and so is not trained."""

        def __init__(self) -> None:
            super().__init__()
            self.rows = [self.add_weight(shape=table.shape, initializer="zeros") for table in tables]

        def call(self, step: Any) -> Any:
            rows = [ops.convert_to_tensor(row) for row in self.rows]
            return objective(rows) + penalty * sum(ops.sum(row**2) for row in rows)

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            return y_pred

    model = Rows()
    model.set_weights(tables)
    falling = library.optimizers.schedules.CosineDecay(STEP_SIZE, STEPS)
    model.compile(optimizer=library.optimizers.Adam(falling))
    model.fit(np.zeros((STEPS, 1), dtype=np.float32), batch_size=1, shuffle=False, verbose=0)
    rows: list[FloatArray] = model.get_weights()
    return rows
