"""Metrics of predicted ratings: RMSE and MAE over all pairs, RMSE by user, and R².

Cornac and LensKit call the mean of the users' RMSE RMSE; here it is `user_rmse`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from foldin.core.errors import FoldinError
from foldin.core.interactions import Values
from foldin.metrics import uncertainty
from foldin.metrics.metric import Metric


def errors(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Values:
    """Return predicted - actual in double precision, shape (n,).

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.

    Raises
    ------
    FoldinError
        When there is no pair, or a prediction is not a finite number.
    """
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.ndim != 1:
        raise FoldinError(
            f"{truth.shape} actual against {guess.shape} predicted ratings",
            remedy="give one of each per pair",
        )
    if not len(truth):
        raise FoldinError("no pairs to compute an error on", remedy="raise split.test and split.validation")
    wrong = np.flatnonzero(~np.isfinite(guess))
    if len(wrong):
        raise FoldinError(
            f"{len(wrong)} of {len(guess)} predicted ratings are not finite, the first is {guess[wrong[0]]}",
            remedy="the model diverged; lower its learning rate",
        )
    return guess - truth


@dataclass(frozen=True)
class RatingErrors:
    """The errors of predicted ratings, computed once and passed to every metric of `RATING`.

    Attributes
    ----------
    actual : ndarray of float64, shape (n,)
        Actual ratings of at least one pair, in the data set's own unit.
    error : ndarray of float64, shape (n,)
        Predicted minus actual ratings, as `errors` gives them.
    user : ndarray of int, shape (n,)
        The user of each pair, from 0.
    n_users : int
        Number of users, including those without a pair.
    warm : ndarray of bool, shape (n,)
        Whether the user and the item of each pair occur in training.
    own_width : float or None
        If ratings are shares of the scale of one domain: the width of that scale in its own unit.
    """

    actual: Values
    error: Values
    user: npt.NDArray[np.intp]
    n_users: int
    warm: npt.NDArray[np.bool_]
    own_width: float | None = None

    def among(self, chosen: npt.NDArray[np.bool_], own_width: float | None = None) -> "RatingErrors":
        """Return the errors of the chosen pairs."""
        return RatingErrors(
            self.actual[chosen], self.error[chosen], self.user[chosen], self.n_users, self.warm[chosen], own_width
        )

    @cached_property
    def squared(self) -> Values:
        """The squared error of each pair, shape (n,)."""
        return np.square(self.error)

    @cached_property
    def squared_by_user(self) -> Values:
        """The sum of each user's squared errors, shape (n_users,); 0 for a user without a pair."""
        return self._sums(self.squared)

    @cached_property
    def absolute_by_user(self) -> Values:
        """The sum of each user's absolute errors, shape (n_users,); 0 for a user without a pair."""
        return self._sums(np.abs(self.error))

    def users_with_pairs(self) -> tuple[Values, npt.NDArray[np.intp]]:
        """Return the sum of squared errors and the number of pairs of each user that has a pair."""
        pairs = np.bincount(self.user, minlength=self.n_users)
        return self.squared_by_user[pairs > 0], pairs[pairs > 0]

    def _sums(self, values: Values) -> Values:
        return np.bincount(self.user, values, self.n_users).astype(np.float64)


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the root mean squared error over all pairs, in the unit of the ratings; see `errors`."""
    return root_mean(np.square(errors(actual, predicted)))


def mae(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the mean absolute error over all pairs, in the unit of the ratings; see `errors`."""
    return mean_size(errors(actual, predicted))


def root_mean(squared: Values) -> float:
    """Return the root of the mean of squared errors."""
    return float(np.sqrt(np.mean(squared)))


def mean_size(error: Values) -> float:
    """Return the mean of absolute errors."""
    return float(np.mean(np.abs(error)))


def rmse_error(given: RatingErrors) -> float:
    """Return the standard error of RMSE, clustered by user: that of the mean squared error, divided by 2 · RMSE."""
    return uncertainty.rmse_with_standard_error(*given.users_with_pairs())[1]


def rmse_where(given: RatingErrors, chosen: npt.NDArray[np.bool_]) -> float | None:
    """Return RMSE over the chosen pairs; None if there are none."""
    return root_mean(given.squared[chosen]) if chosen.any() else None


def r_squared(given: RatingErrors) -> float | None:
    """Return the share of the ratings' variance that predictions explain; None if all ratings are the same."""
    spread = np.square(given.actual - given.actual.mean()).sum()
    return float(1 - given.squared.sum() / spread) if spread > 0 else None


def user_rmse(given: RatingErrors) -> float:
    """Return the mean of the users' RMSE, over users with a pair."""
    squared, pairs = given.users_with_pairs()
    return float(np.sqrt(squared / pairs).mean())


def _of_errors(name: str, text: str, compute: Callable[[RatingErrors], float | None], **more: Any) -> Metric:
    return Metric(name, text, compute, highest=math.inf, higher_is_better=False, **more)


_IN_UNIT = "p: predicted, a: actual rating, in the unit of the ratings"
_OWN = "in the unit of the domain's own scale, where ratings are shares of that scale"
RATING = (
    _of_errors(
        "rmse",
        f"√(Σ (p − a)² / n) over all n test pairs at once, cold ones included; {_IN_UNIT}",
        lambda given: root_mean(given.squared),
        title="RMSE",
        of_groups=True,
        standard_error=rmse_error,
        interval=True,
    ),
    _of_errors(
        "rmse_warm",
        "RMSE over the test pairs whose user and item both occur in training",
        lambda given: rmse_where(given, given.warm),
    ),
    _of_errors(
        "rmse_cold",
        "RMSE over the test pairs whose user or item does not occur in training",
        lambda given: rmse_where(given, ~given.warm),
    ),
    _of_errors(
        "mae",
        f"Σ |p − a| / n over all test pairs; {_IN_UNIT}",
        lambda given: mean_size(given.error),
        title="MAE",
        of_groups=True,
    ),
    # Turning a share into a rating also adds the lowest rating, which cancels in a difference of two ratings.
    _of_errors(
        "rmse_own_unit",
        f"RMSE {_OWN}",
        lambda given: None if given.own_width is None else root_mean(given.squared) * given.own_width,
        of_groups=True,
    ),
    _of_errors(
        "mae_own_unit",
        f"MAE {_OWN}",
        lambda given: None if given.own_width is None else mean_size(given.error) * given.own_width,
        of_groups=True,
    ),
    Metric(
        "r2",
        "1 − Σ (p − a)² / Σ (mean a − a)² over all test pairs. 0: as good as predicting the mean test rating; below 0: "
        "worse",
        r_squared,
        lowest=-math.inf,
        title="R²",
    ),
    _of_errors(
        "user_rmse",
        "mean over users of each user's RMSE: unlike in `rmse`, a user with one rating weighs as much as one with many",
        user_rmse,
        title="mean RMSE by user",
    ),
)
"""Metrics of ratings (p: predicted, a: actual, n: pairs), each computed from `RatingErrors`: a float, or None."""
