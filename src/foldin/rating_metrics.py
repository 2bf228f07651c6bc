"""Figures of predicted ratings beside RMSE and MAE: R², RMSE by user, and calibration."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics
from foldin.metrics import Values


def r_squared(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float | None:
    """Return the share of the ratings' variance that predictions explain; None where all ratings are the same.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    """
    squared = np.square(metrics.errors(actual, predicted)).sum()
    truth = np.asarray(actual, dtype=np.float64)
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - squared / spread) if spread > 0 else None


def user_rmse(squared_errors: Values, counts: npt.NDArray[np.integer]) -> float:
    """Return the mean of users' own RMSE: a user with one rating weighs like one with a thousand.

    Parameters
    ----------
    squared_errors : ndarray of float64, shape (n_users,)
        Each user's sum of squared errors.
    counts : ndarray of int, shape (n_users,)
        Number of each user's pairs, at least 1.
    """
    return float(np.sqrt(squared_errors / counts).mean())


def calibration(actual: npt.ArrayLike, predicted: npt.ArrayLike, bins: int) -> pd.DataFrame:
    """Return mean actual against mean predicted ratings, over groups of equally many pairs by predicted rating.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    bins : int
        Number of groups; fewer where there are fewer pairs or predictions are tied.

    Returns
    -------
    pandas.DataFrame
        `predicted`, `actual`, `pairs`: a row for each group, lowest predictions first. A calibrated model lies on
        the diagonal; a slope below 1 means its predictions are too far from the mean.
    """
    metrics.errors(actual, predicted)
    table = pd.DataFrame({"predicted": np.asarray(predicted, np.float64), "actual": np.asarray(actual, np.float64)})
    # Ties share a group: where a group ends must not depend on the order of rows.
    rank = table["predicted"].rank(method="average", pct=True)
    group = np.ceil(rank * bins).astype(int)
    means = table.groupby(group).agg(
        predicted=("predicted", "mean"), actual=("actual", "mean"), pairs=("actual", "size")
    )
    return means.reset_index(drop=True)
