"""Standard errors and p-values against resampling, statsmodels, and what they must be on known cases."""

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from foldin.metrics import uncertainty


def test_a_user_mean_passes_over_users_without_the_metric():
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


@pytest.mark.parametrize("users", [2, 7, 300])
def test_statsmodels_clusters_the_error_of_a_pooled_mean_alike(users):
    rng = np.random.default_rng(users)
    of = np.repeat(np.arange(users), rng.integers(1, 30, size=users))
    values = rng.gamma(2.0, size=users)[of] + rng.normal(size=len(of))
    # A mean is the least-squares fit of a constant.
    fitted = OLS(values, np.ones(len(of))).fit(cov_type="cluster", cov_kwds={"groups": of})
    found = uncertainty.pooled_mean(np.bincount(of, values), np.bincount(of))
    assert found == pytest.approx((fitted.params[0], fitted.bse[0]), rel=1e-9)


def test_the_error_of_an_rmse_is_that_of_drawing_other_users():
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 30, size=400)
    sums = counts * rng.gamma(2.0, size=400)
    root, error = uncertainty.rmse_with_standard_error(sums, counts)
    draws = rng.integers(400, size=(4000, 400))
    resampled = np.sqrt(sums[draws].sum(axis=1) / counts[draws].sum(axis=1))
    assert root == pytest.approx(np.sqrt(sums.sum() / counts.sum()))
    assert error == pytest.approx(resampled.std(), rel=0.08)


def test_no_error_no_spread_no_division_by_zero():
    assert uncertainty.rmse_with_standard_error(np.zeros(3), np.ones(3)) == (0.0, 0.0)
    assert uncertainty.z_score(0.0, 0.0) == 0.0
    assert uncertainty.z_score(1e-3, 0.0) > 1e9
    assert uncertainty.z_score(-0.5, 0.25) == -2.0


def test_the_bootstrap_agrees_with_the_standard_error_and_is_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(7)
    counts = rng.integers(1, 30, size=300).astype(float)
    sums = np.column_stack([counts * rng.gamma(2.0, size=300), counts])
    draws = uncertainty.bootstrap_means(sums, counts, 3000, seed=1)
    assert draws.shape == (3000, 2)
    assert draws[:, 0].std() == pytest.approx(uncertainty.pooled_mean(sums[:, 0], counts)[1], rel=0.08)
    # The same users are drawn for both columns: one that is 1 for everyone is 1 in every draw.
    assert np.ptp(draws[:, 1]) == 0
    monkeypatch.setattr(uncertainty, "BLOCK_DRAWS", 300 * 7)
    np.testing.assert_allclose(uncertainty.bootstrap_means(sums, counts, 3000, seed=1), draws)
    assert not np.array_equal(uncertainty.bootstrap_means(sums, counts, 3000, seed=2), draws)


def test_intervals_of_95_percent_hold_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(200):
        values = rng.gamma(2.0, size=(150, 1))
        low, high = uncertainty.interval(uncertainty.bootstrap_means(values, np.ones(150), 400, seed=3), 0.95)
        held += low[0] <= 2.0 <= high[0]
    assert 178 <= held <= 199


def test_p_values_are_small_where_draws_lie_on_one_side_and_never_0():
    draws = np.column_stack([np.linspace(1, 2, 999), np.linspace(-1, 1, 999), np.zeros(999)])
    found = uncertainty.p_values(draws)
    assert found[0] == pytest.approx(2 / 1000)
    assert found[1:].tolist() == [1.0, 1.0]


def test_holm_s_correction_on_a_case_worked_by_hand():
    assert uncertainty.holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert uncertainty.holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]
    assert len(uncertainty.holm(np.array([]))) == 0


@pytest.mark.parametrize("n", [1, 2, 11, 40])
def test_statsmodels_corrects_by_holm_alike(n):
    # Rounded, so that some are equal.
    values = np.random.default_rng(n).random(n).round(1) / 5
    assert uncertainty.holm(values).tolist() == pytest.approx(multipletests(values, method="holm")[1].tolist())
