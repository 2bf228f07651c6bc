"""Alternating least squares: with one side fixed, each of the other side's factors is a small linear problem.

`als-explicit` fits known ratings; `als-implicit` fits which cells are filled, all cells weighted. Both need the same
work, `ridge_rows`: one ridge regression for each row, solved exactly by Cholesky decomposition. Every row is one
thread's own, so that the result does not depend on the number of threads.
"""

import numba
import numpy as np
from scipy import sparse

from foldin import metrics
from foldin.core.bounds import CellWeight, Exponent, ListLength, PositivePenalty
from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.models.parts.factorization import BiasedFactors, FactorSettings, train_by_epochs
from foldin.models.parts.recommender import Arrays, Recommender


class ExplicitALS(BiasedFactors):
    """`als-explicit`: ratings, with biases and weighted-λ regularization.

    A side's solve is joint in its bias and factors: the bias is the weight of a feature that is always 1, with penalty
    `damping`, so that it is a damped mean; the factors have penalty λ · (number of ratings).
    """

    class Settings(BiasedFactors.Settings):
        """Settings of `als-explicit`."""

        regularization: PositivePenalty

    settings: Settings
    about = (
        "Explicit-feedback ALS with biases and a penalty that grows with a row's number of ratings "
        "(Zhou et al. 2008, ALS-WR)."
    )

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        size = self.settings.factors
        self._by_user = train.ratings
        self._by_item = sparse.csr_array(train.ratings.T.tocsr())
        self._user_bias, self._item_bias = np.zeros(train.n_users), self._bias.item / self._spread
        self._user_factors = np.zeros((train.n_users, size))
        self._item_factors = rng.normal(scale=0.1 / np.sqrt(size), size=(train.n_items, size))

    def _step(self, train: Interactions, rng: np.random.Generator) -> None:
        self._solve(self._by_user, self._item_bias, self._item_factors, self._user_bias, self._user_factors)
        self._solve(self._by_item, self._user_bias, self._user_factors, self._item_bias, self._item_factors)

    def _penalties(self, n_ratings: int) -> tuple[float, float]:
        return self.settings.damping, self.settings.regularization * n_ratings

    def _solve(
        self, ratings: sparse.csr_array, bias: Values, factors: Values, into_bias: Values, into_factors: Values
    ) -> None:
        every_row = np.zeros((factors.shape[1] + 1, factors.shape[1] + 1))
        every_row[0, 0] = self.settings.damping
        solved = ridge_rows(
            ratings.indptr,
            ratings.indices,
            ratings.data - self._mean - bias[ratings.indices],
            np.column_stack([np.ones(len(factors)), factors]),
            every_row,
            self.settings.regularization * np.diff(ratings.indptr).astype(np.float64),
            1,
        )
        into_bias[:], into_factors[:] = solved[:, 0], solved[:, 1:]


class ImplicitALS(Recommender):
    """`als-implicit`: which cells are filled, whatever the rating; a score near 1 says "this person would meet it".

    Minimizes, over the scores s and the factors f of all users and items, Σ over filled cells of (1 - s)² +
    α Σ over all cells of s² + λ Σ (n + α N)^ν |f|², where n is how many cells of the user or item are filled, of N.
    A filled cell so weighs 1 + α and any other α, the confidences of Hu, Koren and Volinsky (2008) up to a factor;
    the penalty is that of Rendle et al. (2021, "Revisiting the performance of iALS").
    """

    class Settings(FactorSettings):
        """Settings of `als-implicit`."""

        unobserved_weight: CellWeight
        regularization: PositivePenalty
        frequency_exponent: Exponent
        validation_k: ListLength

    settings: Settings
    about = (
        "Implicit-feedback ALS over all cells (Hu, Koren, Volinsky 2008) with frequency-scaled regularization "
        "(Rendle et al. 2021); ranks only."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        rng = np.random.default_rng(self.seed)
        by_user, by_item = train.ratings, sparse.csr_array(train.ratings.T.tocsr())
        size = self.settings.factors
        self._user_factors = np.zeros((train.n_users, size))
        self._item_factors = rng.normal(scale=0.1 / np.sqrt(size), size=(train.n_items, size))

        def step(epoch: int) -> None:
            self._user_factors[:] = self._solved(by_user, self._item_factors)
            self._item_factors[:] = self._solved(by_item, self._user_factors)

        def watch() -> dict[str, float]:
            return {} if validation is None else {"validation_ndcg": self._ndcg(validation)}

        train_by_epochs(
            self,
            self.settings,
            step=step,
            watch=watch,
            weights=(self._user_factors, self._item_factors),
            choose_by="validation_ndcg",
            higher_is_better=True,
            choosing=validation is not None,
        )

    def _solved(self, cells: sparse.csr_array, factors: Values) -> Values:
        alpha = self.settings.unobserved_weight
        counts = np.diff(cells.indptr)
        weight = (counts + alpha * cells.shape[1]) ** self.settings.frequency_exponent
        return ridge_rows(
            cells.indptr,
            cells.indices,
            np.ones(cells.nnz),
            factors,
            alpha * gram(factors),
            self.settings.regularization * weight,
            0,
        )

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        scores: FloatArray = (self._solved(ratings, self._item_factors) @ self._item_factors.T).astype(np.float32)
        return scores

    def _ndcg(self, validation: Interactions) -> float:
        users = np.flatnonzero(np.diff(validation.ratings.indptr)).astype(np.int32)
        measured = [
            metrics.ndcg(self.recommend(block, self.settings.validation_k)[0], validation.ratings[block])
            for block in metrics.blocks(users)
        ]
        return float(np.concatenate(measured).mean())

    def _score(self, users: IntArray) -> FloatArray:
        scores: FloatArray = (self._user_factors[users] @ self._item_factors.T).astype(np.float32)
        return scores

    def item_factors(self) -> Values:
        """Return the factors of all items, shape (n_items, factors)."""
        return self._item_factors

    def _arrays(self) -> Arrays:
        return {"user_factors": self._user_factors, "item_factors": self._item_factors}

    def _restore(self, arrays: Arrays) -> None:
        self._user_factors, self._item_factors = arrays["user_factors"], arrays["item_factors"]


@compiled()
def gram(features: Values) -> Values:
    """Return the sum over rows of features featuresᵀ, shape (k, k), added up in the order of the rows."""
    size = features.shape[1]
    total = np.zeros((size, size))
    for row in range(features.shape[0]):
        for i in range(size):
            for j in range(size):
                total[i, j] += features[row, i] * features[row, j]
    return total


@compiled(parallel=True)
def ridge_rows(
    starts: IntArray,
    columns: IntArray,
    targets: Values,
    features: Values,
    every_row: Values,
    penalties: Values,
    first_penalized: int,
) -> Values:
    """Solve one ridge regression for each row of a sparse matrix.

    Row r's weights w minimize Σ (target - w · features[column])² over its cells + wᵀ every_row w
    + penalties[r] |w[first_penalized:]|².

    Parameters
    ----------
    starts : ndarray of int32, shape (n_rows + 1,)
        Where each row's cells start and end.
    columns : ndarray of int32, shape (n_cells,)
        The column of each cell.
    targets : ndarray of float64, shape (n_cells,)
        What each cell should be.
    features : ndarray of float64, shape (n_columns, k)
        What describes each column.
    every_row : ndarray of float64, shape (k, k)
        A symmetric quadratic penalty all rows share.
    penalties : ndarray of float64, shape (n_rows,)
        The ridge penalty of each row.
    first_penalized : int
        Weights before this one have no ridge penalty.

    Returns
    -------
    ndarray of float64, shape (n_rows, k)
        The weights; 0 for a row without cells.
    """
    n_rows, size = len(starts) - 1, features.shape[1]
    weights = np.zeros((n_rows, size))
    for row in numba.prange(n_rows):
        if starts[row] == starts[row + 1]:
            continue
        left, right = every_row.copy(), np.zeros(size)
        for i in range(first_penalized, size):
            left[i, i] += penalties[row]
        for cell in range(starts[row], starts[row + 1]):
            feature = features[columns[cell]]
            for i in range(size):
                right[i] += targets[cell] * feature[i]
                for j in range(i, size):
                    left[i, j] += feature[i] * feature[j]
        _solve_positive(left, right)
        weights[row] = right
    return weights


@compiled()
def _solve_positive(left: Values, right: Values) -> None:
    # Cholesky decomposition of the upper triangle, then two substitutions; the answer replaces `right`.
    # Inner loops add a multiple of one row to another: such loops use vector instructions without reordering a sum.
    size = len(right)
    for p in range(size):
        root = np.sqrt(left[p, p])
        for j in range(p, size):
            left[p, j] /= root
        for i in range(p + 1, size):
            for j in range(i, size):
                left[i, j] -= left[p, i] * left[p, j]
    for p in range(size):
        right[p] /= left[p, p]
        for j in range(p + 1, size):
            right[j] -= right[p] * left[p, j]
    for p in range(size - 1, -1, -1):
        for j in range(p + 1, size):
            right[p] -= left[p, j] * right[j]
        right[p] /= left[p, p]


MODELS: dict[str, type[Recommender]] = {"als-explicit": ExplicitALS, "als-implicit": ImplicitALS}
