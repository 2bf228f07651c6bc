"""What is kept of a Gibbs chain: some of its draws, and what they say together of users and items.

With one block of users and one of items, each draw of a factorization machine is a matrix factorization: constant +
user bias + item bias + user factors · item factors, whatever features the blocks have. The average prediction over
draws is no single factorization of that size, so the draws themselves are kept, in single precision: 4 · draws ·
(factors + 1) bytes for each user and each item, and as much again for each feature that new users may have.
"""

from dataclasses import dataclass, fields

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.models.parts.gibbs import Sampler
from foldin.models.parts.recommender import Arrays

USERS, ITEMS = 0, 1  # the chain's blocks


@dataclass(frozen=True)
class Draws:
    """Draws of a chain with a block of users, then one of items.

    Attributes
    ----------
    constant, noise : ndarray of float64, shape (n_draws,)
        The constant, and the precision of the noise.
    prior : ndarray of float64, shape (2, n_draws, factors + 1)
        Of users: means, then precisions, of the prior of the weight and factors of an id.
    spread : ndarray of float64, shape (2, n_draws, factors + 1, factors + 1)
        How much users, then items, differ: covariance of their biases and factors, in this order.
    user_bias, item_bias : ndarray of float32, shape (n + 1, n_draws)
        Biases; the last row is that of an unknown user or item: the mean of those with a rating.
    user_factors, item_factors : ndarray of float32, shape (n + 1, n_draws, factors)
        Factors, likewise.
    implied : ndarray of float32, shape (n_items, n_draws, factors + 1)
        Weights and factors of the features "has rated this item" of users; of no items where users have none.
    """

    constant: Values
    noise: Values
    prior: Values
    spread: Values
    user_bias: FloatArray
    item_bias: FloatArray
    user_factors: FloatArray
    item_factors: FloatArray
    implied: FloatArray

    @classmethod
    def empty(cls, n_draws: int, n_users: int, n_items: int, factors: int, *, implied: bool) -> "Draws":
        """Return draws to be filled by `keep`."""
        return cls(
            np.zeros(n_draws),
            np.zeros(n_draws),
            np.zeros((2, n_draws, factors + 1)),
            np.zeros((2, n_draws, factors + 1, factors + 1)),
            np.zeros((n_users + 1, n_draws), dtype=np.float32),
            np.zeros((n_items + 1, n_draws), dtype=np.float32),
            np.zeros((n_users + 1, n_draws, factors), dtype=np.float32),
            np.zeros((n_items + 1, n_draws, factors), dtype=np.float32),
            np.zeros((n_items if implied else 0, n_draws, factors + 1), dtype=np.float32),
        )

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "Draws":
        """Return the draws that `arrays` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> Arrays:
        """Return everything, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def keep(self, number: int, chain: Sampler) -> None:
        """Copy the present state of a chain into the draw of a number."""
        self.constant[number], self.noise[number] = chain.constant, chain.noise
        self.prior[:, number] = chain.ids[USERS].mean, chain.ids[USERS].precision
        sides = ((self.user_bias, self.user_factors), (self.item_bias, self.item_factors))
        for side, (bias, factors) in zip((USERS, ITEMS), sides, strict=True):
            bias[:-1, number], factors[:-1, number] = chain.biases[side], chain.sums[side].T
            rated = chain.rated[side]
            average, self.spread[side, number] = _population(
                np.vstack([chain.biases[side][rated], chain.sums[side][:, rated]]), chain.ids[side].precision
            )
            bias[-1, number], factors[-1, number] = average[0], average[1:]
        if len(self.implied):
            self.implied[:, number] = chain.others[USERS][0].values.T

    def flat_item_factors(self) -> FloatArray:
        """Return the factors of all items in all draws, side by side, shape (n_items, draws · factors)."""
        return self.item_factors[:-1].reshape(len(self.item_factors) - 1, -1)

    def moments(self, users: IntArray, items: IntArray) -> tuple[Values, Values]:
        """Return the mean and the variance over draws of the predictions of pairs, shape (n,) each.

        An index of -1 stands for an unknown user or item.
        """
        users, items = self._rows(users, items)
        mean, variance = pair_moments(
            users, items, self.user_bias, self.item_bias, self.user_factors, self.item_factors, self.constant
        )
        return mean, variance

    def _rows(self, users: IntArray, items: IntArray) -> tuple[IntArray, IntArray]:
        return (
            np.where(users < 0, len(self.user_bias) - 1, users),
            np.where(items < 0, len(self.item_bias) - 1, items),
        )

    def variance(
        self, users: IntArray, items: IntArray, new_users: npt.NDArray[np.bool_], new_items: npt.NDArray[np.bool_]
    ) -> Values:
        """Return the variance of the ratings of pairs: between draws, of new users and items, and of the noise.

        A user without a rating is like any other as far as the model knows. So the variance of a prediction over all
        users, given the item, is added; likewise of items.

        Parameters
        ----------
        users, items : ndarray of int, shape (n,)
            Indices; -1 stands for an unknown user or item.
        new_users, new_items : ndarray of bool, shape (n,)
            Where the user, or the item, has no training rating, with an index or without.

        Returns
        -------
        ndarray of float64, shape (n,)
            Variances, in the chain's own unit.
        """
        variance = self.moments(users, items)[1] + np.mean(1 / self.noise)
        users, items = self._rows(users, items)
        variance[new_users] += self._across(USERS, self.item_factors, items[new_users])
        variance[new_items] += self._across(ITEMS, self.user_factors, users[new_items])
        both = np.mean(np.sum(self.spread[USERS, :, 1:, 1:] * self.spread[ITEMS, :, 1:, 1:], axis=(1, 2)))
        variance[new_users & new_items] += both
        return variance

    def _across(self, side: int, factors: FloatArray, rows: IntArray) -> Values:
        # The variance of a prediction over all users (or items) given a row of the other side, average of the draws.
        different, place = np.unique(rows, return_inverse=True)
        found = np.zeros(len(different))
        for number, row in enumerate(different):
            slopes = np.column_stack([np.ones(len(self.noise)), factors[row]])
            found[number] = np.mean(np.sum(slopes * (self.spread[side] @ slopes[:, :, None])[:, :, 0], axis=1))
        return found[place]

    def grid(self, users: IntArray) -> FloatArray:
        """Return the mean predictions of users with all items, float32 of shape (n, n_items)."""
        return self._grid(self.user_bias[users], self.user_factors[users])

    def _grid(self, bias: FloatArray, factors: FloatArray) -> FloatArray:
        flat: FloatArray = factors.reshape(len(factors), -1) / np.float32(len(self.constant))
        scores: FloatArray = flat @ self.flat_item_factors().T
        scores += bias.mean(axis=1, dtype=np.float64)[:, None].astype(np.float32)
        scores += (self.item_bias[:-1].mean(axis=1, dtype=np.float64) + self.constant.mean()).astype(np.float32)
        return scores

    def fold_in(self, observed: sparse.csr_array) -> FloatArray:
        """Return the mean predictions of new users with all items: in every draw, the mean of their own posterior.

        Parameters
        ----------
        observed : scipy.sparse.csr_array, shape (n, n_items)
            The ratings of each user, in the chain's own unit.

        Returns
        -------
        ndarray of float32, shape (n, n_items)
            Mean predictions.
        """
        n_draws, factors = self.item_factors.shape[1:]
        bias = np.zeros((observed.shape[0], n_draws), dtype=np.float32)
        taste = np.zeros((observed.shape[0], n_draws, factors), dtype=np.float32)
        for user in range(observed.shape[0]):
            cells = slice(observed.indptr[user], observed.indptr[user + 1])
            bias[user], taste[user] = self._posterior_mean(observed.indices[cells], observed.data[cells])
        return self._grid(bias, taste)

    def _posterior_mean(self, items: IntArray, targets: Values) -> tuple[Values, Values]:
        # In a user's own weight and factors, a prediction is linear: fixed + w + v · (c + factors of the item), where c
        # sums the factors of what is known of the user. So their posterior is that of a ridge regression.
        own = self.item_factors[items].astype(np.float64).transpose(1, 0, 2)
        weights = self.implied[items if len(self.implied) else []].astype(np.float64) / np.sqrt(max(len(items), 1))
        known = weights.sum(axis=0)
        taste = known[:, 1:]
        fixed = known[:, 0] + (taste**2 - (weights[:, :, 1:] ** 2).sum(axis=0)).sum(axis=1) / 2
        left = targets - self.item_bias[items].T - (self.constant + fixed)[:, None]
        left -= (own @ taste[:, :, None])[:, :, 0]
        features = np.concatenate([np.ones((*left.shape, 1)), own + taste[:, None]], axis=2)
        mean, precision = self.prior
        matrix = self.noise[:, None, None] * (features.transpose(0, 2, 1) @ features)
        matrix += precision[:, :, None] * np.eye(matrix.shape[1])
        right = precision * mean + self.noise[:, None] * (features.transpose(0, 2, 1) @ left[:, :, None])[:, :, 0]
        solved = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
        return solved[:, 0] + fixed + (solved[:, 1:] * taste).sum(axis=1), solved[:, 1:] + taste


def _population(rows: Values, precision: Values) -> tuple[Values, Values]:
    """Return mean and covariance of rows, shape (k, n), with the spread of a prior as that of one imaginary row."""
    average = rows.mean(axis=1)
    apart = rows - average[:, None]
    return average, (apart @ apart.T + np.diag(1 / precision)) / rows.shape[1]


@compiled(parallel=True)
def pair_moments(
    users: IntArray,
    items: IntArray,
    user_bias: FloatArray,
    item_bias: FloatArray,
    user_factors: FloatArray,
    item_factors: FloatArray,
    constant: Values,
) -> tuple[Values, Values]:
    """Return the mean and the variance over draws of the predictions of pairs; arrays as of `Draws`."""
    n_draws, factors = user_factors.shape[1:]
    means, variances = np.zeros(len(users)), np.zeros(len(users))
    for pair in numba.prange(len(users)):
        user, item = users[pair], items[pair]
        mean, squares = 0.0, 0.0
        for draw in range(n_draws):
            predicted = constant[draw] + user_bias[user, draw] + item_bias[item, draw]
            for factor in range(factors):
                predicted += np.float64(user_factors[user, draw, factor]) * np.float64(item_factors[item, draw, factor])
            # Welford's running mean, which loses no digits to large means.
            step = predicted - mean
            mean += step / (draw + 1)
            squares += step * (predicted - mean)
        means[pair], variances[pair] = mean, squares / n_draws
    return means, variances
