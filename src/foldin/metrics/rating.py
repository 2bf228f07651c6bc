"""Metrics of predicted ratings: RMSE and MAE over all pairs, RMSE by user, R², calibration, and liked or not.

Cornac and LensKit report the mean of users' own RMSE under the name of RMSE; here it is `user_rmse`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import Values


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the root mean squared error over all pairs: √(Σ (predicted - actual)² / n).

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    FoldinError
        When there is no pair, or a prediction is not a finite number.
    """
    return float(np.sqrt(np.mean(np.square(errors(actual, predicted)))))


def mae(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the mean absolute error over all pairs: Σ |predicted - actual| / n; see `rmse`."""
    return float(np.mean(np.abs(errors(actual, predicted))))


def errors(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Values:
    """Return predicted - actual in double precision, shape (n,); see `rmse`."""
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.ndim != 1:
        raise FoldinError(
            f"{truth.shape} actual against {guess.shape} predicted ratings",
            remedy="give one of each per pair",
        )
    if not len(truth):
        raise FoldinError("no pair to measure an error on", remedy="raise split.test and split.validation")
    wrong = np.flatnonzero(~np.isfinite(guess))
    if len(wrong):
        raise FoldinError(
            f"{len(wrong)} of {len(guess)} predicted ratings are no number, the first is {guess[wrong[0]]}",
            remedy="the model diverged; lower its learning rate",
        )
    return guess - truth


def confusion(actual: npt.ArrayLike, predicted: npt.ArrayLike, threshold: float) -> dict[str, float]:
    """Judge predicted ratings as a classification into liked (at least `threshold`) and not liked.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    threshold : float
        The lowest rating that means "liked", in the same unit.

    Returns
    -------
    dict of str to float
        Counts `true_positives` (TP: liked and predicted so), `false_positives` (FP: predicted only),
        `false_negatives` (FN: liked only), `true_negatives`; and `precision` = TP / (TP + FP), `recall` =
        TP / (TP + FN), `f1` = 2 TP / (2 TP + FP + FN). A metric with denominator 0 (nothing was liked, or nothing
        predicted so) has no value and is left out.
    """
    errors(actual, predicted)
    liked, chosen = np.asarray(actual) >= threshold, np.asarray(predicted) >= threshold
    true_positives = int(np.sum(liked & chosen))
    false_positives = int(np.sum(~liked & chosen))
    false_negatives = int(np.sum(liked & ~chosen))
    metrics: dict[str, float] = {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": int(np.sum(~liked & ~chosen)),
    }
    if true_positives + false_positives:
        metrics["precision"] = true_positives / (true_positives + false_positives)
    if true_positives + false_negatives:
        metrics["recall"] = true_positives / (true_positives + false_negatives)
    if true_positives + false_positives + false_negatives:
        metrics["f1"] = 2 * true_positives / (2 * true_positives + false_positives + false_negatives)
    return metrics


def r_squared(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float | None:
    """Return the share of the ratings' variance that predictions explain; None where all ratings are the same.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    """
    squared = np.square(errors(actual, predicted)).sum()
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
    errors(actual, predicted)
    table = pd.DataFrame({"predicted": np.asarray(predicted, np.float64), "actual": np.asarray(actual, np.float64)})
    # Ties share a group: where a group ends must not depend on the order of rows.
    rank = table["predicted"].rank(method="average", pct=True)
    group = np.ceil(rank * bins).astype(int)
    means = table.groupby(group).agg(
        predicted=("predicted", "mean"), actual=("actual", "mean"), pairs=("actual", "size")
    )
    return means.reset_index(drop=True)
