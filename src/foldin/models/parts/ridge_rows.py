"""One ridge regression for each row of a sparse matrix: the work of alternating least squares.

Row r's cells say targets t and, by their columns, features f. Its weights w and, where asked for, its intercept b
minimize

    Σ (t - b - w · f)² + Σᵢ (shared[i] + penalties[r]) wᵢ² + intercept_penalty b².

Three things make it fast. Divided by the square roots of their penalties, features Y give the system I + YᵀY; where
there are fewer cells than features, I + YYᵀ gives the same answer from a smaller system. To leave an intercept out, a
share 1 - √(penalty / (n + penalty)) of their means is taken from targets and features, which does not change the
answer. And BLAS and LAPACK do the arithmetic, in single precision: a row whose system loses too many digits by that is
solved once more in double precision.

Each row is one thread's own, and its sums are in one order: the result depends neither on the number of threads nor on
the processor.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numba
import numpy as np
import scipy.linalg
from scipy import sparse

from foldin.core.interactions import FloatArray, Values
from foldin.models.parts import blas, ridge_kernels
from foldin.models.parts.recommender import DivergedError

LEAST_PIVOT_DOUBLE = 1e-12
CHUNKS_PER_THREAD = 8
"""Parts of the rows that a thread takes one after the other, so that none waits long for another."""


@dataclass(frozen=True)
class Solved:
    """Weights of all rows, with what they leave of the objective.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_rows, k)
        The weights; 0 for a row without cells.
    intercepts : ndarray of float32, shape (n_rows,)
        The intercepts; 0 where none are asked for, and for a row without cells.
    minima : ndarray of float64, shape (n_rows,)
        Each row's minimum: squared errors and penalties.
    """

    weights: FloatArray
    intercepts: FloatArray
    minima: Values

    @property
    def objective(self) -> float:
        """The sum of all rows' minima."""
        return float(self.minima.sum())


def solve(
    cells: sparse.csr_array,
    targets: FloatArray,
    features: FloatArray,
    penalties: FloatArray,
    *,
    shared: FloatArray | None = None,
    intercept_penalty: float | None = None,
    steps: int | None = None,
    start: FloatArray | None = None,
) -> Solved:
    """Solve every row.

    Parameters
    ----------
    cells : scipy.sparse.csr_array, shape (n_rows, n_columns)
        Which cells are filled; their values are not read.
    targets : ndarray of float32, shape (n_cells,)
        What each cell should be.
    features : ndarray of float32, shape (n_columns, k)
        What describes each column.
    penalties : ndarray of float32, shape (n_rows,)
        The penalty of each row's squared weights; positive for a row with cells.
    shared : ndarray of float32, shape (k,), optional
        What each weight's penalty is larger by, in every row; not negative, 0 unless given.
    intercept_penalty : float, optional
        Rows have an intercept with this penalty, at least 0; None: they have none.
    steps : int, optional
        Take so many steps of conjugate gradient from `start`; None: solve exactly, by Cholesky decomposition.
    start : ndarray of float32, shape (n_rows, k), optional
        Weights that steps are taken from; 0 unless given.

    Returns
    -------
    Solved
        Weights, intercepts and the objective.

    Raises
    ------
    FoldinError
        When a system is singular even in double precision.
    """
    n_rows, size = cells.shape[0], features.shape[1]
    shared = np.zeros(size, np.float32) if shared is None else shared
    weights, intercepts, minima = solutions = ridge_kernels.Solutions(
        np.zeros((n_rows, size), np.float32), np.zeros(n_rows, np.float32), np.zeros(n_rows)
    )
    lost = np.zeros(n_rows, np.bool_)
    # Long rows first, each to the next chunk in turn: every chunk then takes about the same time.
    by_length = np.argsort(-np.diff(cells.indptr), kind="stable").astype(np.int32)
    chunks = CHUNKS_PER_THREAD * numba.get_num_threads()
    systems = ridge_kernels.Systems(
        cells.indptr, cells.indices, targets, features, shared, penalties, _as_number(intercept_penalty)
    )
    with blas.one_thread():
        if steps is not None:
            weights[:] = 0 if start is None else start
            ridge_kernels.conjugate_gradient(by_length, chunks, systems, steps, solutions)
            return Solved(weights, intercepts, minima)
        ridge_kernels.exact(by_length, chunks, systems, solutions, lost)
        for row in np.flatnonzero(lost):
            part = slice(cells.indptr[row], cells.indptr[row + 1])
            weights[row], intercepts[row], minima[row] = _in_double_precision(
                targets[part].astype(np.float64),
                features[cells.indices[part]].astype(np.float64),
                shared.astype(np.float64) + penalties[row],
                intercept_penalty,
            )
    return Solved(weights, intercepts, minima)


def solve_filled(
    cells: sparse.csr_array,
    features: FloatArray,
    penalties: FloatArray,
    everywhere: float,
    *,
    steps: int | None = None,
    start: FloatArray | None = None,
    solver: Callable[..., Solved] = solve,
) -> Solved:
    """Solve rows that ask which cells are filled: 1 there, and 0 in every cell, which all rows share.

    Row r's weights w minimize Σ over filled cells of (1 - w · f)² + everywhere Σ over all columns of (w · f)²
    + penalties[r] |w|². In the axes of all columns' features the second sum is a penalty for each weight by itself, and
    the rest is `solve`.

    Parameters
    ----------
    cells, features, penalties, steps, start
        As of `solve`.
    everywhere : float
        The weight of every cell, filled or not.
    solver : callable, optional
        What solves the rows instead of `solve`, with its parameters.

    Returns
    -------
    Solved
        Weights and the objective; intercepts are 0.
    """
    with blas.one_thread():
        precise = features.astype(np.float64)
        lengths, axes = np.linalg.eigh(precise.T @ precise)
        turned = (precise @ axes).astype(np.float32)
        start = None if start is None else (start.astype(np.float64) @ axes).astype(np.float32)
    shared = (everywhere * np.maximum(lengths, 0)).astype(np.float32)
    targets = np.ones(cells.nnz, np.float32)
    solved = solver(cells, targets, turned, penalties, shared=shared, steps=steps, start=start)
    with blas.one_thread():
        weights = (solved.weights.astype(np.float64) @ axes.T).astype(np.float32)
    return replace(solved, weights=weights)


def _as_number(intercept_penalty: float | None) -> float:
    return ridge_kernels.NO_INTERCEPT if intercept_penalty is None else intercept_penalty


def _in_double_precision(
    targets: Values, features: Values, penalties: Values, intercept_penalty: float | None
) -> tuple[Values, float, float]:
    """Return weights, intercept and minimum of one row, shapes (k,), () and ()."""
    n = len(targets)
    share = ridge_kernels.share_of_mean(n, _as_number(intercept_penalty))
    mean, target_mean = share * features.mean(axis=0), share * targets.mean()
    scale = 1 / np.sqrt(penalties)
    scaled, centred = (features - mean) * scale, targets - target_mean
    few = n < len(scale)
    left = scaled @ scaled.T if few else scaled.T @ scaled
    left[np.diag_indices_from(left)] += 1
    try:
        factor = scipy.linalg.cho_factor(left)
    except (np.linalg.LinAlgError, ValueError):
        factor = (np.zeros_like(left), False)
    if not (np.diag(factor[0]) ** 2 >= LEAST_PIVOT_DOUBLE * np.diag(left)).all():
        raise DivergedError(
            f"a row with {n:,} ratings has weights that double precision cannot resolve",
            where="params.yaml",
            remedy="raise its regularization",
        )
    right = centred if few else scaled.T @ centred
    solution = scipy.linalg.cho_solve(factor, right)
    minimum = float(centred @ centred) * (not few) + float(right @ solution) * (1 if few else -1)
    weights = scale * (scaled.T @ solution if few else solution)
    intercept = 0.0
    if intercept_penalty is not None:
        intercept = (target_mean - mean @ weights) * n / (share * (n + intercept_penalty))
    return weights, float(intercept), minimum
