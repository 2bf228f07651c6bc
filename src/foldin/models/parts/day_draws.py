"""What the draws of a Gibbs chain say of days: the third block of a factorization machine, beside users and items.

Every period of days has a weight and factors of its own. They add to a prediction its bias, and the dot products of its
factors with those of the user and of the item (the "t" of timeSVD++ as a factorization machine; Rendle, Zhang and Koren
2019). So on any one day the machine is a matrix factorization again, with other biases and factors of the items: that
is what `DayDraws.on` returns, and all else is computed by `Draws`.

A day that no rating of the training part is from is as any other as far as the model knows: its weights are their prior
mean, and the prior's spread adds to the variance.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numba
import numpy as np
import numpy.typing as npt

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.models.parts.draws import ITEMS, USERS, Draws
from foldin.models.parts.gibbs import Sampler
from foldin.models.parts.recommender import Arrays
from foldin.models.parts.relations import Block, block

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
DAYS = 2  # the chain's block, after those of users and of items
START = "day_"
"""What the names of saved arrays begin with."""


@dataclass(frozen=True)
class DayDraws:
    """Draws of the block of days.

    Attributes
    ----------
    length : ndarray of int32, shape ()
        Days in a period.
    periods : ndarray of int32, shape (n_periods,)
        Those that training ratings are from, ascending: day // length, -1 for ratings without a time.
    bias : ndarray of float32, shape (n_periods + 1, n_draws)
        Weights; the last row is that of an unknown period: the prior mean.
    factors : ndarray of float32, shape (n_periods + 1, n_draws, factors)
        Factors, likewise.
    spread : ndarray of float64, shape (n_draws, factors + 1)
        Variances of the prior of a period's weight and factors.
    """

    length: IntArray
    periods: IntArray
    bias: FloatArray
    factors: FloatArray
    spread: Values

    @classmethod
    def empty(cls, days: IntArray, length: int, n_draws: int, factors: int) -> "DayDraws":
        """Return draws to be filled by `keep`, for the days of training ratings."""
        periods = np.unique(days // np.int32(length))
        return cls(
            np.array(length, dtype=np.int32),
            periods,
            np.zeros((len(periods) + 1, n_draws), dtype=np.float32),
            np.zeros((len(periods) + 1, n_draws, factors), dtype=np.float32),
            np.zeros((n_draws, factors + 1)),
        )

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "DayDraws | None":
        """Return the draws that `arrays` gave, None where a model has none."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: arrays[START + name] for name in names}) if START + names[0] in arrays else None

    def arrays(self) -> Arrays:
        """Return everything, by name."""
        return {START + field.name: getattr(self, field.name) for field in fields(self)}

    def rows(self, days: IntArray) -> IntArray:
        """Return the rows of days, shape (n,): the last for those of an unknown period."""
        asked = days // self.length
        places = np.minimum(np.searchsorted(self.periods, asked), len(self.periods) - 1)
        return np.where(self.periods[places] == asked, places, len(self.periods)).astype(np.int32)

    def block(self, days: IntArray) -> Block:
        """Return the chain's block for the days of training ratings; its last row has none, and so the prior mean."""
        return block(self.rows(days), len(self.bias))

    def keep(self, number: int, chain: Sampler) -> None:
        """Copy the present state of a chain into the draw of a number."""
        self.bias[:, number], self.factors[:, number] = chain.biases[DAYS], chain.sums[DAYS].T
        self.spread[number] = 1 / chain.ids[DAYS].precision

    def on(self, draws: Draws, row: int, items: IntArray | None = None) -> Draws:
        """Return the machine as it is on one day: as draws of a matrix factorization with its own items.

        Parameters
        ----------
        draws : Draws
            Of users and items.
        row : int
            The row of the day; -1 for an unknown one.
        items : ndarray of int32, shape (n,), optional
            The items to keep, -1 for an unknown one; the last row of what is returned is that of an unknown one too.
            By default all of the catalogue.
        """
        kept = slice(None) if items is None else np.append(items, -1)
        of_day, factors = self.factors[row], draws.item_factors[kept]
        bias = draws.item_bias[kept] + self.bias[row] + (factors * of_day).sum(axis=2, dtype=np.float32)
        # An item that deviates by (b, v) from the average deviates by (b + v · day, v) in its new bias and factors.
        turn = np.tile(np.eye(self.spread.shape[1]), (len(self.spread), 1, 1))
        turn[:, 0, 1:] = of_day
        spread = draws.spread.copy()
        spread[ITEMS] = turn @ spread[ITEMS] @ turn.transpose(0, 2, 1)
        implied = draws.implied if items is None else draws.implied[:0]
        return replace(draws, item_bias=bias, item_factors=factors + of_day, spread=spread, implied=implied)

    def moments(self, draws: Draws, users: IntArray, items: IntArray, rows: IntArray) -> tuple[Values, Values]:
        """Return the mean and the variance over draws of predictions for the days of `rows`; see `Draws.moments`."""
        found = np.zeros((2, len(users)))
        for pairs, of_day, places in self._by_day(draws, items, rows):
            found[:, pairs] = of_day.moments(users[pairs], places)
        return found[0], found[1]

    def variance(
        self, draws: Draws, users: IntArray, items: IntArray, rows: IntArray, new_users: Mask, new_items: Mask
    ) -> Values:
        """Return the variance of the ratings of pairs on the days of `rows`; see `Draws.variance`.

        For an unknown day, the variance of a prediction over all days is added.
        """
        variance = np.zeros(len(users))
        for pairs, of_day, places in self._by_day(draws, items, rows):
            variance[pairs] = of_day.variance(users[pairs], places, new_users[pairs], new_items[pairs])
        unknown = rows == len(self.periods)
        variance[unknown] += across_days(
            users[unknown], items[unknown], draws.user_factors, draws.item_factors, self.spread
        )
        for side, new in ((USERS, new_users), (ITEMS, new_items)):
            diagonals = np.diagonal(draws.spread[side], axis1=1, axis2=2)
            variance[unknown & new] += np.mean(np.sum(diagonals[:, 1:] * self.spread[:, 1:], axis=1))
        return variance

    def _by_day(self, draws: Draws, items: IntArray, rows: IntArray) -> Iterator[tuple[Rows, Draws, IntArray]]:
        """Yield for each day its pairs, the machine on that day with their items only, and the places of these."""
        order = np.argsort(rows, kind="stable")
        for pairs in np.split(order, 1 + np.flatnonzero(np.diff(rows[order]))):
            if len(pairs):
                kept, places = np.unique(items[pairs], return_inverse=True)
                yield pairs, self.on(draws, int(rows[pairs[0]]), kept), places.astype(np.int32)


@compiled(parallel=True)
def across_days(
    users: IntArray, items: IntArray, user_factors: FloatArray, item_factors: FloatArray, spread: Values
) -> Values:
    """Return the variance of the predictions of pairs over all days, average of the draws; -1 is the last row."""
    n_draws, factors = user_factors.shape[1:]
    found = np.zeros(len(users))
    for pair in numba.prange(len(users)):
        user, item = users[pair], items[pair]
        total = 0.0
        for draw in range(n_draws):
            total += spread[draw, 0]
            for factor in range(factors):
                slope = np.float64(user_factors[user, draw, factor]) + np.float64(item_factors[item, draw, factor])
                total += slope * slope * spread[draw, 1 + factor]
        found[pair] = total / n_draws
    return found
