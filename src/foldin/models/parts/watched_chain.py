"""The validation RMSE of a Gibbs chain while it runs."""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from foldin import metrics
from foldin.core.days import UNKNOWN_DAY
from foldin.core.interactions import FloatArray, Interactions, Values
from foldin.models.parts.day_draws import DayDraws
from foldin.models.parts.draws import USERS
from foldin.models.parts.gibbs import Sampler


class Watch:
    """The validation RMSE of a chain: of the average of the draws kept so far, or of the draw at hand before the first.

    Parameters
    ----------
    validation : Interactions
        The validation part.
    days : DayDraws or None
        Whose rows its days have in the chain; None where dates are no features.
    to_ratings : callable
        Returns what is in the chain's unit as ratings in their own, within the scale.
    """

    def __init__(
        self, validation: Interactions, days: DayDraws | None, to_ratings: Callable[[Values], FloatArray]
    ) -> None:
        self._to_ratings = to_ratings
        users, items, self._ratings = validation.triples()
        self._rows = [users, items]
        if days is not None:
            when = validation.days_of_ratings()
            self._rows.append(days.rows(np.full(len(users), UNKNOWN_DAY) if when is None else when))
        self._total, self._n_kept = np.zeros(len(users)), 0

    def rmse(self, chain: Sampler, *, keeping: bool) -> float:
        """Return the RMSE after a sweep, in the unit of the ratings."""
        if keeping or not self._n_kept:
            drawn = np.full(len(self._ratings), chain.constant)
            for biases, row in zip(chain.biases, self._rows, strict=True):
                drawn += biases[row]
            for factor in range(len(chain.sums[USERS])):
                sums = [own[factor, row] for own, row in zip(chain.sums, self._rows, strict=True)]
                for one, other in combinations(sums, 2):
                    drawn += one * other
            self._total = self._total + drawn if self._n_kept else drawn
            self._n_kept += keeping
        return metrics.rmse(self._ratings, self._to_ratings(self._total / max(self._n_kept, 1)))
