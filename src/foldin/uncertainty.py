"""How far a figure may be off by the luck of which users there are: standard errors by user, and paired differences.

Ratings of one user share that user's habits, so the user is the unit that was sampled: errors are clustered by user
(Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference"). For figures of which each user has one,
that is the ordinary standard error of a mean.
"""

import numpy as np
import numpy.typing as npt

from foldin.metrics import Values

_LEAST = float(np.finfo(np.float64).eps)


def user_mean(values: Values) -> tuple[float, float] | None:
    """Return the mean of a per-user figure and its standard error s / √n, s the sample standard deviation.

    Parameters
    ----------
    values : ndarray of float64, shape (n_users,)
        NaN for a user without the figure, who is passed over.

    Returns
    -------
    tuple of float, or None
        Mean and standard error; the error of a single user is 0. None when no user has the figure.
    """
    present = values[~np.isnan(values)]
    return pooled_mean(present, np.ones(len(present))) if len(present) else None


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


def rmse(squared_errors: Values, counts: Values | npt.NDArray[np.intp]) -> tuple[float, float]:
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
    """Return a difference in standard errors; finite, and 0 for no difference, where the error is 0."""
    return difference / max(error, _LEAST)
