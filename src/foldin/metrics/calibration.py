"""Calibration: mean actual against predicted ratings, and RMSE against predicted standard deviations."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import IntArray
from foldin.metrics.rating import errors


def calibration(actual: npt.ArrayLike, predicted: npt.ArrayLike, bins: int) -> pd.DataFrame:
    """Return mean actual against mean predicted ratings, over groups of equally many pairs by predicted rating.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    bins : int
        Number of groups; fewer if there are fewer pairs or predictions are tied.

    Returns
    -------
    pandas.DataFrame
        `predicted`, `actual`, `pairs`: a row for each group, lowest predictions first. A calibrated model lies on
        the diagonal; a slope below 1 means that predictions are too far from the mean.
    """
    errors(actual, predicted)
    table = pd.DataFrame({"predicted": np.asarray(predicted, np.float64), "actual": np.asarray(actual, np.float64)})
    means = table.groupby(_groups(table["predicted"], bins)).agg(
        predicted=("predicted", "mean"), actual=("actual", "mean"), pairs=("actual", "size")
    )
    return means.reset_index(drop=True)


def std_calibration(actual: npt.ArrayLike, predicted: npt.ArrayLike, std: npt.ArrayLike, bins: int) -> pd.DataFrame:
    """Return RMSE against predicted standard deviation, over groups of equally many pairs by the latter.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    std : array_like of float, shape (n,)
        The predictive standard deviation of each rating, in the same unit.
    bins : int
        Number of groups; fewer if there are fewer pairs or standard deviations are tied.

    Returns
    -------
    pandas.DataFrame
        `std`, `rmse`, `pairs`: a row for each group, smallest standard deviations first. `std` is the root of their
        mean square, which a model's RMSE should equal.

    Raises
    ------
    FoldinError
        When a standard deviation is negative or not a finite number.
    """
    stds = np.asarray(std, np.float64)
    wrong = ~(np.isfinite(stds) & (stds >= 0))
    if wrong.any():
        raise FoldinError(
            f"a predictive standard deviation is {stds[wrong][0]}", remedy="it diverged; train the model again"
        )
    table = pd.DataFrame({"variance": stds**2, "square": errors(actual, predicted) ** 2})
    means = table.groupby(_groups(table["variance"], bins)).agg(
        std=("variance", "mean"), rmse=("square", "mean"), pairs=("square", "size")
    )
    means[["std", "rmse"]] = np.sqrt(means[["std", "rmse"]])
    return means.reset_index(drop=True)


def _groups(values: pd.Series, bins: int) -> IntArray:
    # Ties share a group: the end of a group must not depend on the order of rows.
    groups: IntArray = np.ceil(values.rank(method="average", pct=True).to_numpy() * bins).astype(np.int32)
    return groups
