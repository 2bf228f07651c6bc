"""Matrix factorization, seven variants: a user-item matrix approximated by a product of two low-rank matrices.

`svds` and `truncated-svd` decompose the matrix with missing cells set to 0. That answers "which cells are filled?", so
they rank items and predict no ratings. Their `-centred` variants decompose the residuals of the ratings after the
biases; there 0 means "as the biases predict", and the sum is a rating. `mf-l2` fits only the rated cells, by gradient
descent; `mf-no-l2` is the same without regularization, and shows the effect of regularization. `svd-plus-plus` also
learns from which cells are rated (foldin.models.parts.svd_plus_plus). No matrix is ever made dense.
"""

from abc import abstractmethod
from dataclasses import replace

import numpy as np
from scipy import sparse

from foldin.core.bounds import Damping, Width
from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.core.params import Section
from foldin.models.parts.decompositions import Decomposition, by_lanczos, by_random_projection
from foldin.models.parts.factorization import BiasedFactors, DescentSettings, random_factors, row_dots
from foldin.models.parts.portable import Portable
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, Recommender
from foldin.models.parts.svd_plus_plus import SVDPlusPlus


class ZeroImputedSVD(Recommender):
    """Scores of a truncated singular value decomposition of a matrix whose missing cells are 0."""

    class Settings(Section):
        """Settings of `svds` and `truncated-svd`; a small matrix may have fewer factors than asked for."""

        factors: Width

    settings: Settings

    @staticmethod
    @abstractmethod
    def _decompose(matrix: sparse.csr_array, factors: int, seed: int) -> Decomposition:
        """Return the first singular values and right singular vectors."""

    def _cells(self, train: Interactions) -> Values:
        """Return what stands in the known cells, shape (n_ratings,)."""
        return train.ratings.data.astype(np.float64)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        matrix = train.ratings.astype(np.float64)
        matrix.data = self._cells(train)
        # Both methods need fewer factors than the matrix has rows or columns; one of either has one factor.
        factors = max(1, min(self.settings.factors, min(matrix.shape) - 1))
        self._singular, right = self._decompose(matrix, factors, self.seed)
        # A singular vector's sign is arbitrary; its largest entry is made positive.
        peaks = right[np.arange(factors), np.abs(right).argmax(axis=1)]
        self._right: Values = right * np.sign(peaks)[:, None]
        self._left = matrix @ self._right.T

    def spectrum(self) -> Values:
        """Return the singular values, largest first, shape (factors,)."""
        return self._singular

    def directions(self) -> Values:
        """Return the right singular vectors, an item's place along each direction, shape (factors, n_items)."""
        return self._right

    def portable(self) -> Portable:
        """Return the rows of users, projected, and the right singular vectors; see `Portable`."""
        return Portable(user_vectors=self._left, item_vectors=self._right.T)

    def _score(self, users: IntArray) -> FloatArray:
        scores: FloatArray = (self._left[users] @ self._right).astype(np.float32)
        return scores

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return self._project(ratings.astype(np.float64))

    def _project(self, cells: sparse.csr_array) -> FloatArray:
        scores: FloatArray = ((cells @ self._right.T) @ self._right).astype(np.float32)
        return scores

    def _arrays(self) -> Arrays:
        return {"singular": self._singular, "left": self._left, "right": self._right}

    def _restore(self, arrays: Arrays) -> None:
        self._singular, self._left, self._right = arrays["singular"], arrays["left"], arrays["right"]


class CentredSVD(ZeroImputedSVD, RatingRecommender):
    """Ratings as biases plus a truncated SVD of what they leave; there a missing cell's 0 means "as the biases say"."""

    class Settings(ZeroImputedSVD.Settings):
        """Settings of `svds-centred` and `truncated-svd-centred`."""

        damping: Damping

    settings: Settings

    def _damping(self) -> float:
        return self.settings.damping

    def _cells(self, train: Interactions) -> Values:
        users, items, ratings = train.triples()
        return (ratings - self._bias.predict(users, items)).astype(np.float64)

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        return self._bias.predict(users, items) + row_dots(self._left, users, self._right.T, items)

    def _score(self, users: IntArray) -> FloatArray:
        return self._bias.grid(users) + super()._score(users)

    def portable(self) -> Portable:
        """Return the biases, and vectors that give what they leave; see `Portable`."""
        user_biases, item_biases = self._bias.of_users(), self._bias.item
        return replace(super().portable(), user_biases=user_biases, item_biases=item_biases)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        biases = self._bias.fold_in(ratings, self._damping()).grid(np.arange(ratings.shape[0], dtype=np.int32))
        residual = ratings.astype(np.float64)
        rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
        residual.data -= biases[rows, ratings.indices]
        return biases + self._project(residual)


class LanczosSVD(ZeroImputedSVD):
    """`svds`: zero-imputed, by Lanczos iterations."""

    about = "PureSVD: a truncated SVD, missing cells set to 0, by scipy's svds (Cremonesi et al. 2010); ranks only."
    _decompose = staticmethod(by_lanczos)


class RandomizedSVD(ZeroImputedSVD):
    """`truncated-svd`: zero-imputed, by random projection."""

    about = "The decomposition of `svds`, by scikit-learn's randomized TruncatedSVD (Halko et al. 2011); ranks only."
    _decompose = staticmethod(by_random_projection)


class CentredLanczosSVD(CentredSVD):
    """`svds-centred`: of bias-centred residuals, by Lanczos iterations."""

    about = "Damped biases plus scipy's svds of the residuals, with missing cells set to 0 (as in Sarwar et al. 2000)."
    _decompose = staticmethod(by_lanczos)


class CentredRandomizedSVD(CentredSVD):
    """`truncated-svd-centred`: of bias-centred residuals, by random projection."""

    about = "Damped biases plus scikit-learn's randomized TruncatedSVD of the residuals, with missing cells set to 0."
    _decompose = staticmethod(by_random_projection)


class GradientDescentMF(BiasedFactors):
    """`mf-l2`: biased matrix factorization by stochastic gradient descent on the known cells."""

    class Settings(DescentSettings):
        """Settings of `mf-l2` and `mf-no-l2`."""

    settings: Settings
    about = (
        "Biased matrix factorization by stochastic gradient descent with L2 (Funk 2006; Koren, Bell, Volinsky 2009)."
    )

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        self._user_bias, self._item_bias = np.zeros(train.n_users), np.zeros(train.n_items)
        self._user_factors, self._item_factors = random_factors(
            train, self.settings.factors, self.settings.initial_spread, rng
        )

    def _penalties(self, n_ratings: int) -> tuple[float, float]:
        # Each rating's error carries the penalty once, so a user's grows with their number of ratings.
        return self.settings.l2 * n_ratings, self.settings.l2 * n_ratings

    def _step(self, train: Interactions, rng: np.random.Generator) -> None:
        users, items, ratings = train.triples()
        _descend(
            rng.permutation(len(ratings)).astype(np.int32),
            users,
            items,
            ratings,
            self._mean,
            self._user_bias,
            self._item_bias,
            self._user_factors,
            self._item_factors,
            self.settings.learning_rate,
            self.settings.l2,
        )


class UnregularizedMF(GradientDescentMF):
    """`mf-no-l2`: the same with L2 = 0 and no early stopping."""

    about = (
        "The same model as `mf-l2`, without L2 and without early stopping: it overfits, which shows what "
        "regularization prevents."
    )


@compiled()
def _descend(
    order: IntArray,
    users: IntArray,
    items: IntArray,
    ratings: FloatArray,
    mean: float,
    user_bias: Values,
    item_bias: Values,
    user_factors: Values,
    item_factors: Values,
    learning_rate: float,
    l2: float,
) -> None:
    factors = user_factors.shape[1]
    for n in order:
        user, item = users[n], items[n]
        predicted = mean + user_bias[user] + item_bias[item]
        for f in range(factors):
            predicted += user_factors[user, f] * item_factors[item, f]
        error = ratings[n] - predicted
        user_bias[user] += learning_rate * (error - l2 * user_bias[user])
        item_bias[item] += learning_rate * (error - l2 * item_bias[item])
        for f in range(factors):
            p, q = user_factors[user, f], item_factors[item, f]
            user_factors[user, f] += learning_rate * (error * q - l2 * p)
            item_factors[item, f] += learning_rate * (error * p - l2 * q)


MODELS: dict[str, type[Recommender]] = {
    "svds": LanczosSVD,
    "truncated-svd": RandomizedSVD,
    "svds-centred": CentredLanczosSVD,
    "truncated-svd-centred": CentredRandomizedSVD,
    "mf-l2": GradientDescentMF,
    "mf-no-l2": UnregularizedMF,
    "svd-plus-plus": SVDPlusPlus,
}
