"""SVD++ (Koren 2008): matrix factorization in which the items that a user has rated say something by being rated.

A rating is mean + user bias + item bias + (p + z) · q, where q are the item's factors, p those of the user, and z is
the sum of the implied factors y of all n items that the user has rated, divided by √n. All are learned by stochastic
gradient descent. A step of one rating changes y of all n items: taken literally, a user costs n² steps. But each of
these y shrinks by the same factor and moves the same way, so a user's steps are added up, and y is changed once, after
the user's last rating. That gives what the literal steps give, in time linear in the ratings.
"""

import numpy as np

from foldin.core.bounds import Penalty
from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.models.parts.factorization import BiasedFactors, DescentSettings, Factors, random_factors
from foldin.models.parts.recommender import Arrays


class SVDPlusPlus(BiasedFactors):
    """`svd-plus-plus`: biased matrix factorization with implied factors of rated items, by gradient descent.

    An epoch passes over the users in random order, and over the ratings of each in random order. A new user has
    the implied factors of the items they have rated; their own are the minimum of the loss, given these.
    """

    class Settings(DescentSettings):
        """Settings of `svd-plus-plus`."""

        implicit_l2: Penalty

    settings: Settings
    about = (
        "SVD++ (Koren 2008): mf-l2 with a second vector for each item, added to the factors of all users who have "
        "rated it; by stochastic gradient descent with L2."
    )

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        self._user_bias, self._item_bias = np.zeros(train.n_users), np.zeros(train.n_items)
        self._own, self._item_factors = random_factors(train, self.settings.factors, self.settings.initial_spread, rng)
        self._implied = np.zeros_like(self._item_factors)
        self._user_factors = self._own.copy()

    def _weights(self) -> tuple[Factors, ...]:
        return (*super()._weights(), self._own, self._implied)

    def _penalties(self, n_ratings: int) -> tuple[float, float]:
        return self.settings.l2 * n_ratings, self.settings.l2 * n_ratings

    def _implied_by(self, items: IntArray) -> Values:
        taste: Values = self._implied[items].sum(axis=0) / np.sqrt(max(len(items), 1))
        return taste

    def _step(self, train: Interactions, rng: np.random.Generator) -> None:
        users, items, ratings = train.triples()
        starts = train.ratings.indptr.astype(np.int32)
        descend(
            rng.permutation(train.n_users).astype(np.int32),
            starts,
            by_user(rng.permutation(len(ratings)).astype(np.int32), users, starts),
            items,
            ratings,
            self._mean,
            self._user_bias,
            self._item_bias,
            self._own,
            self._item_factors,
            self._implied,
            self.settings.learning_rate,
            self.settings.l2,
            self.settings.implicit_l2,
        )
        add_implied(starts, items, self._own, self._implied, self._user_factors)

    def _arrays(self) -> Arrays:
        return super()._arrays() | {"implied": self._implied}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self._implied = arrays["implied"]


@compiled()
def by_user(order: IntArray, users: IntArray, starts: IntArray) -> IntArray:
    """Return an order of ratings, sorted by user, shape (n_ratings,); within a user it stays as it was.

    Parameters
    ----------
    order : ndarray of int32, shape (n_ratings,)
        The numbers of all ratings, in any order.
    users : ndarray of int32, shape (n_ratings,)
        The user of each rating, ascending.
    starts : ndarray of int32, shape (n_users + 1,)
        Where each user's ratings start and end.
    """
    sorted_order, next_place = np.empty_like(order), starts.copy()
    for cell in order:
        user = users[cell]
        sorted_order[next_place[user]] = cell
        next_place[user] += 1
    return sorted_order


@compiled()
def descend(
    people: IntArray,
    starts: IntArray,
    order: IntArray,
    items: IntArray,
    ratings: FloatArray,
    mean: float,
    user_bias: Values,
    item_bias: Values,
    own: Values,
    item_factors: Values,
    implied: Values,
    learning_rate: float,
    l2: float,
    implicit_l2: float,
) -> None:
    """Take a step of gradient descent for each rating, user by user, in place.

    Parameters
    ----------
    people : ndarray of int32, shape (n_users,)
        The users in the order in which they come.
    starts : ndarray of int32, shape (n_users + 1,)
        Where each user's ratings start and end, in `order`, `items` and `ratings`.
    order : ndarray of int32, shape (n_ratings,)
        The ratings in the order in which they come, within each user.
    items, ratings : ndarray, shape (n_ratings,)
        Item (int32) and rating (float32) of each rating, by user.
    mean : float
        Mean rating.
    user_bias, item_bias : ndarray of float64, shape (n,)
        Biases.
    own, item_factors, implied : ndarray of float64, shape (n, factors)
        p of users, and q and y of items.
    learning_rate, l2, implicit_l2 : float
        Size of steps, and penalties: of y `implicit_l2`, of all else `l2`.
    """
    factors = own.shape[1]
    taste, moved = np.empty(factors), np.empty(factors)
    shrink = 1 - learning_rate * implicit_l2
    for user in people:
        start, end = starts[user], starts[user + 1]
        if start == end:
            continue
        share, left = 1 / np.sqrt(end - start), 1.0
        taste[:] = 0
        moved[:] = 0
        for place in range(start, end):
            for f in range(factors):
                taste[f] += share * implied[items[place], f]
        for place in range(start, end):
            cell = order[place]
            item = items[cell]
            predicted = mean + user_bias[user] + item_bias[item]
            for f in range(factors):
                predicted += (own[user, f] + taste[f]) * item_factors[item, f]
            error = ratings[cell] - predicted
            user_bias[user] += learning_rate * (error - l2 * user_bias[user])
            item_bias[item] += learning_rate * (error - l2 * item_bias[item])
            left *= shrink
            for f in range(factors):
                p, q, step = own[user, f], item_factors[item, f], learning_rate * error * item_factors[item, f]
                item_factors[item, f] += learning_rate * (error * (p + taste[f]) - l2 * q)
                own[user, f] += step - learning_rate * l2 * p
                # y of each of the user's items shrinks, and moves by a share of this: `taste` sums these shares up.
                taste[f] = shrink * taste[f] + step
                moved[f] = shrink * moved[f] + step
        for place in range(start, end):
            for f in range(factors):
                implied[items[place], f] = left * implied[items[place], f] + share * moved[f]


@compiled()
def add_implied(starts: IntArray, items: IntArray, own: Values, implied: Values, both: Values) -> None:
    """Set `both`, shape (n_users, factors), to p + z; other arrays as of `descend`."""
    for user in range(len(own)):
        start, end = starts[user], starts[user + 1]
        share = 1 / np.sqrt(max(end - start, 1))
        for f in range(own.shape[1]):
            both[user, f] = own[user, f]
        for place in range(start, end):
            for f in range(own.shape[1]):
                both[user, f] += share * implied[items[place], f]
