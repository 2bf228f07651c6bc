"""Every row is the least-squares answer numpy finds, in either system, and what loses digits is solved again."""

import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.models.parts import ridge_kernels, ridge_rows


def drawn(seed, n_rows=5, n_columns=9, size=4, share=0.5, empty=2):
    rng = np.random.default_rng(seed)
    filled = rng.random((n_rows, n_columns)) < share
    filled[empty] = False
    cells = sparse.csr_array(filled.astype(np.float32))
    features = rng.normal(size=(n_columns, size)).astype(np.float32) + np.float32(0.5)
    penalties = (rng.random(n_rows) + 0.1).astype(np.float32)
    return cells, rng.normal(size=cells.nnz).astype(np.float32) + np.float32(1), features, penalties


def by_numpy(cells, targets, features, penalties, shared=0.0, intercept_penalty=None):
    """Return weights, the intercept last, and the sum of minima, of the normal equations of each row."""
    size = features.shape[1]
    weights, objective = np.zeros((cells.shape[0], size + 1)), 0.0
    for row, (first, last) in enumerate(zip(cells.indptr[:-1], cells.indptr[1:], strict=True)):
        if first == last:
            continue
        x = np.column_stack([features[cells.indices[first:last]].astype(float), np.ones(last - first)])
        penalty = np.diag(np.r_[np.full(size, penalties[row]) + shared, intercept_penalty or 0])
        if intercept_penalty is None:
            x[:, size], penalty[size, size] = 0, 1
        expected = targets[first:last].astype(float)
        weights[row] = np.linalg.solve(x.T @ x + penalty, x.T @ expected)
        objective += np.sum((expected - x @ weights[row]) ** 2) + weights[row] @ penalty @ weights[row]
    return weights, objective


def assert_same(solved, expected, tolerance=1e-4):
    weights, objective = expected
    np.testing.assert_allclose(solved.weights, weights[:, :-1], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(solved.intercepts, weights[:, -1], rtol=tolerance, atol=tolerance)
    assert solved.objective == pytest.approx(objective, rel=tolerance)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from([None, 0.0, 0.3, 5.0, 1e6]))
def test_each_row_is_solved_as_numpy_would(seed, size, intercept_penalty):
    problem = drawn(seed, size=size)
    shared = np.random.default_rng(seed).random(size).astype(np.float32)
    solved = ridge_rows.solve(*problem, shared=shared, intercept_penalty=intercept_penalty)
    assert_same(solved, by_numpy(*problem, shared, intercept_penalty))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_cells_that_are_not_filled_count_too(seed, size):
    cells, _, features, penalties = drawn(seed, size=size)
    solved = ridge_rows.solve_filled(cells, features, penalties, 0.3)
    everywhere = 0.3 * features.T.astype(float) @ features
    for row in range(cells.shape[0]):
        x = features[cells.indices[cells.indptr[row] : cells.indptr[row + 1]]].astype(float)
        expected = np.linalg.solve(x.T @ x + everywhere + penalties[row] * np.eye(size), x.sum(axis=0))
        np.testing.assert_allclose(solved.weights[row], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("intercept_penalty", [None, 2.0])
def test_rows_longer_than_a_block_and_systems_of_many_features(intercept_penalty):
    for size in (3, 70, 700):
        problem = drawn(1, n_rows=3, n_columns=2 * ridge_kernels.BLOCK + 60, size=size, share=0.97)
        expected = by_numpy(*problem, intercept_penalty=intercept_penalty)
        assert_same(ridge_rows.solve(*problem, intercept_penalty=intercept_penalty), expected, 2e-3)


@pytest.mark.parametrize("intercept_penalty", [None, 2.0])
@pytest.mark.parametrize("n_columns", [20, ridge_kernels.KEPT + 900])
def test_as_many_steps_as_features_of_conjugate_gradient_reach_the_solution(intercept_penalty, n_columns):
    problem = drawn(2, n_columns=n_columns, size=6, share=0.9)
    start = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    solved = ridge_rows.solve(*problem, intercept_penalty=intercept_penalty, steps=8, start=start)
    assert_same(solved, by_numpy(*problem, intercept_penalty=intercept_penalty), 1e-3)


def test_each_step_of_conjugate_gradient_lowers_the_objective():
    problem = drawn(7, n_columns=40, size=12)
    found = [ridge_rows.solve(*problem, intercept_penalty=1.0, steps=steps).objective for steps in (1, 2, 3, 5)]
    assert (np.diff([*found, ridge_rows.solve(*problem, intercept_penalty=1.0).objective]) < 0).all()


@pytest.mark.parametrize("damping", [0.0, 1.0])
@pytest.mark.parametrize("size", [3, 30])
def test_a_row_that_single_precision_cannot_tell_is_solved_in_double(size, damping, monkeypatch):
    cells, targets, features, _ = drawn(3, n_columns=12, size=size)
    # Two features nearly alike, and two columns: only the penalty tells them apart.
    features[:, 1] = features[:, 0] * np.float32(1 + 1e-5)
    features[1] = features[0] * np.float32(1 + 1e-5)
    penalties = np.full(cells.shape[0], 1e-6, np.float32)
    expected = by_numpy(cells, targets, features, penalties, intercept_penalty=damping)
    assert_same(ridge_rows.solve(cells, targets, features, penalties, intercept_penalty=damping), expected, 1e-3)
    monkeypatch.setattr(ridge_rows, "_in_double_precision", lambda *_: (np.nan, 0.0, 0.0))
    assert np.isnan(ridge_rows.solve(cells, targets, features, penalties, intercept_penalty=damping).weights).any()


def test_a_row_that_no_precision_can_tell_is_an_error():
    cells, targets, features, penalties = drawn(4)
    features[:] = 1e18
    with pytest.raises(FoldinError, match=r"^params\.yaml: a row with \d ratings .*; raise its regularization$"):
        ridge_rows.solve(cells, targets, features, penalties)


def test_the_number_of_threads_changes_no_bit():
    problem, before, found = drawn(5, n_rows=90, n_columns=60, size=20), numba.get_num_threads(), []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append(ridge_rows.solve(*problem, intercept_penalty=1.0))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*(solved.weights for solved in found))
    assert found[0].objective == found[1].objective


def test_what_numba_keeps_serves_another_process():
    """Addresses of BLAS differ between processes; kept code must look for them anew."""
    ridge_rows.solve(*drawn(6))
    code = (
        "import numpy as np; from scipy import sparse; from foldin.models.parts import ridge_rows as rows\n"
        "solved = rows.solve(sparse.csr_array(np.ones((1, 2), np.float32)), np.float32([3, 4]),"
        " np.float32([[1], [0]]), np.float32([1]))\n"
        "print(solved.weights[0, 0], sum(rows.ridge_kernels.exact.stats.cache_hits.values()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert float(answer[0]) == pytest.approx(1.5)
    assert answer[1] == "1", "compiled anew"
