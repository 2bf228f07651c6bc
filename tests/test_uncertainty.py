"""Standard errors against resampling and against what they must be on known cases."""

import numpy as np
import pytest

from foldin import uncertainty


def test_a_user_mean_passes_over_users_without_the_figure():
    values = np.array([1.0, np.nan, 0.0, 0.5, np.nan])
    mean, error = uncertainty.user_mean(values)
    assert mean == 0.5
    assert error == pytest.approx(np.std([1, 0, 0.5], ddof=1) / np.sqrt(3))
    assert uncertainty.user_mean(np.array([np.nan])) is None
    assert uncertainty.user_mean(np.array([0.3])) == (0.3, 0.0)


def test_the_error_of_a_pooled_mean_is_that_of_drawing_other_users():
    rng = np.random.default_rng(5)
    counts = rng.integers(1, 30, size=400)
    # A user's habits move all their errors together, so treating pairs as independent would claim too much.
    sums = counts * rng.gamma(2.0, size=400)
    mean, error = uncertainty.pooled_mean(sums, counts)
    draws = rng.integers(400, size=(4000, 400))
    resampled = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    assert mean == sums.sum() / counts.sum()
    assert error == pytest.approx(resampled.std(), rel=0.08)


def test_the_error_of_an_rmse_is_that_of_drawing_other_users():
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 30, size=400)
    sums = counts * rng.gamma(2.0, size=400)
    root, error = uncertainty.rmse(sums, counts)
    draws = rng.integers(400, size=(4000, 400))
    resampled = np.sqrt(sums[draws].sum(axis=1) / counts[draws].sum(axis=1))
    assert root == pytest.approx(np.sqrt(sums.sum() / counts.sum()))
    assert error == pytest.approx(resampled.std(), rel=0.08)


def test_no_error_no_spread_no_division_by_zero():
    assert uncertainty.rmse(np.zeros(3), np.ones(3)) == (0.0, 0.0)
    assert uncertainty.z_score(0.0, 0.0) == 0.0
    assert uncertainty.z_score(1e-3, 0.0) > 1e9
    assert uncertainty.z_score(-0.5, 0.25) == -2.0
