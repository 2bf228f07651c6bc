"""Damped user and item biases: the simplest rating predictor, and every other one's fallback.

A rating is estimated as mean + user bias + item bias, where a bias is a sum of residuals divided by (count + damping),
so that few ratings move it little (Koren 2010, "Factor in the neighbors", section 2.1; the sequential form of Funk
2006). Unknown users and items (index -1) have bias 0.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from foldin.core.interactions import FloatArray, IntArray, Interactions


@dataclass(frozen=True)
class Bias:
    """A fitted bias predictor.

    Attributes
    ----------
    mean : float
        Mean rating of the training part.
    user : ndarray of float32, shape (n_users,)
        User biases, in the unit of the ratings.
    item : ndarray of float32, shape (n_items,)
        Item biases, likewise.
    """

    mean: float
    user: FloatArray
    item: FloatArray

    def predict(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return the estimated ratings of pairs, unclipped; -1 stands for an unknown user or item.

        Parameters
        ----------
        users, items : ndarray of int, shape (n,)
            Indices.

        Returns
        -------
        ndarray of float32, shape (n,)
            Ratings in the data set's own unit.
        """
        user = np.where(users >= 0, self.user[users], 0)
        item = np.where(items >= 0, self.item[items], 0)
        return (np.float32(self.mean) + user + item).astype(np.float32)

    def fold_in(self, ratings: sparse.csr_array, damping: float) -> "Bias":
        """Return the same mean and items with the users of a matrix, shape (n, n_items), instead of those fitted."""
        rows = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
        residual = ratings.data.astype(np.float64) - self.mean - self.item[ratings.indices]
        user = damped_means(rows, residual, ratings.shape[0], damping)
        return replace(self, user=user.astype(np.float32))

    def mean_alone(self) -> "Bias":
        """Return the same mean without biases."""
        return replace(self, user=np.zeros_like(self.user), item=np.zeros_like(self.item))

    def of_users(self) -> FloatArray:
        """Return the mean with the bias of each user, float32 of shape (n_users,)."""
        return np.float32(self.mean) + self.user

    def grid(self, users: IntArray) -> FloatArray:
        """Return the estimated ratings of users and all items, float32 of shape (n, n_items), unclipped."""
        return np.float32(self.mean) + self.user[users, None] + self.item


def fit(train: Interactions, damping: float) -> Bias:
    """Fit the global mean, then item biases, then user biases on what is left.

    Parameters
    ----------
    train : Interactions
        The training part.
    damping : float
        Pseudo-ratings at the mean added to each user and item; at least 0.

    Returns
    -------
    Bias
        The fitted predictor.
    """
    users, items, ratings = train.triples()
    residual = ratings.astype(np.float64)
    mean = residual.mean()
    residual -= mean
    item = damped_means(items, residual, train.n_items, damping)
    residual -= item[items]
    user = damped_means(users, residual, train.n_users, damping)
    return Bias(float(mean), user.astype(np.float32), item.astype(np.float32))


def damped_means(
    groups: IntArray, values: npt.NDArray[np.float64], n_groups: int, damping: float
) -> npt.NDArray[np.float64]:
    """Return the mean of each group's values, shape (n_groups,), with so many zeros added to it.

    Parameters
    ----------
    groups : ndarray of int32, shape (n,)
        The group of each value.
    values : ndarray of float64, shape (n,)
        What to average; a group's values are added in this order.
    n_groups : int
        Number of groups.
    damping : float
        Zeros added; at least 0.
    """
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups)
    means: npt.NDArray[np.float64] = sums / np.maximum(counts + damping, 1e-12)
    return means
