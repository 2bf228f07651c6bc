"""Sampling error of a metric: standard errors clustered by user, and the paired bootstrap.

Ratings of one user share that user's habits, so the user is the sampling unit: errors are clustered by user (Cameron
and Miller 2015, "A practitioner's guide to cluster-robust inference"). For metrics with one value per user, that is the
ordinary standard error of a mean.
"""

import numpy as np
import numpy.typing as npt

from foldin.core.interactions import Values

BLOCK_DRAWS = 4_000_000
"""Users sampled at once by the bootstrap; bounds memory to 100 MB, changes no metric."""
_LEAST = float(np.finfo(np.float64).eps)


def user_mean(values: Values) -> tuple[float, float] | None:
    """Return the mean of a per-user metric and its standard error s / √n, s the sample standard deviation.

    Parameters
    ----------
    values : ndarray of float64, shape (n_users,)
        NaN for a user without the metric, who is left out.

    Returns
    -------
    tuple of float, or None
        Mean and standard error; the error of a single user is 0. None when no user has the metric.
    """
    present = values[~np.isnan(values)]
    return pooled_mean(present, np.ones(len(present))) if len(present) else None


def standard_error_of_mean(values: Values) -> float:
    """Return the standard error of the mean of a per-user metric that at least one user has; see `user_mean`."""
    present = values[~np.isnan(values)]
    return pooled_mean(present, np.ones(len(present)))[1]


def pooled_mean(sums: Values, counts: Values | npt.NDArray[np.intp]) -> tuple[float, float]:
    """Return a mean over all pairs, and its standard error clustered by user.

    With S_u the sum over n_u pairs of user u, N = Σ n_u and G users, the mean is m = Σ S_u / N and its variance
    G / (G - 1) · Σ (S_u - n_u m)² / N² (the ratio estimator of Cochran 1977, chapter 6).

    Parameters
    ----------
    sums : ndarray of float64, shape (n_users,)
        Each user's sum over their pairs.
    counts : ndarray of float or int, shape (n_users,)
        Number of each user's pairs; at least one pair in all.

    Returns
    -------
    tuple of float
        Mean and standard error; the error of a single user is 0.
    """
    total = counts.sum()
    mean = sums.sum() / total
    users = len(sums)
    if users < 2:
        return float(mean), 0.0
    spread = np.square(sums - counts * mean).sum()
    return float(mean), float(np.sqrt(users / (users - 1) * spread) / total)


def rmse_with_standard_error(squared_errors: Values, counts: Values | npt.NDArray[np.intp]) -> tuple[float, float]:
    """Return the RMSE over all pairs and its standard error, that of the mean squared error divided by 2 · RMSE.

    Parameters
    ----------
    squared_errors : ndarray of float64, shape (n_users,)
        Each user's sum of squared errors.
    counts : ndarray of int, shape (n_users,)
        Number of each user's pairs.

    Returns
    -------
    tuple of float
        RMSE and standard error (the delta method), in the unit of the ratings.
    """
    mean, error = pooled_mean(squared_errors, counts)
    root = float(np.sqrt(mean))
    return root, error / (2 * root) if root else 0.0


def z_score(difference: float, error: float) -> float:
    """Return a difference divided by its standard error; finite, and 0 for no difference, if the error is 0."""
    return difference / max(error, _LEAST)


def bootstrap_means(sums: Values, counts: Values, resamples: int, seed: int) -> Values:
    """Return means over all pairs of bootstrap samples of the users, drawn with replacement.

    All columns share the same samples, so differences between columns are paired (Efron and Tibshirani 1993).

    Parameters
    ----------
    sums : ndarray of float64, shape (n_users, n_metrics)
        Each user's sum over their pairs.
    counts : ndarray of float64, shape (n_users,)
        Number of each user's pairs.
    resamples : int
        Number of bootstrap samples.
    seed : int
        Seed of the bootstrap samples.

    Returns
    -------
    ndarray of float64, shape (resamples, n_metrics)
        A row for each bootstrap sample.
    """
    rng = np.random.default_rng(seed)
    n_users = len(sums)
    columns = np.column_stack([sums, counts])
    size = max(1, BLOCK_DRAWS // n_users)
    blocks = []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        # How often each user is drawn, a row for each sample.
        drawn = rng.integers(n_users, size=(rows, n_users)) + np.arange(rows)[:, None] * n_users
        weights = np.bincount(drawn.ravel(), minlength=rows * n_users).reshape(rows, n_users)
        blocks.append(weights.astype(np.float64) @ columns)
    totals = np.concatenate(blocks)
    means: Values = totals[:, :-1] / totals[:, -1:]
    return means


def interval(draws: Values, confidence: float) -> tuple[Values, Values]:
    """Return the percentile interval of each column of bootstrap values: lower and upper ends."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def p_values(differences: Values) -> Values:
    """Return two-sided p-values of "no difference" from bootstrap values of differences, shape (n_metrics,).

    One more value is counted on either side, so that p is never 0 (Davison and Hinkley 1997, chapter 4).
    """
    n = len(differences)
    below, above = (differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0)
    values: Values = np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (n + 1))
    return values


def holm(values: Values) -> Values:
    """Return p-values corrected for the number of comparisons (Holm 1979): compare them with the level itself."""
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected
