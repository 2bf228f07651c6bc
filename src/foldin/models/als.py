"""Alternating least squares: with one side fixed, each of the other side's factors is a small linear problem.

`als-explicit` fits known ratings; `als-implicit` fits which cells are filled, all cells weighted. Both need the same
work, `foldin.models.parts.ridge_rows`: one ridge regression for each row. It is solved exactly, or comes nearer to its
solution by some steps of conjugate gradient in each epoch (Takács, Pilászy, Tikk 2011).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import sparse

from foldin import metrics
from foldin.core.bounds import CellWeight, Exponent, ListLength, PositivePenalty, Steps
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.models.parts import ridge_rows
from foldin.models.parts.factorization import BiasedFactors, FactorSettings, train_by_epochs
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender

Solver = Literal["exact", "conjugate_gradient"]


class ExplicitALS(BiasedFactors):
    """`als-explicit`: ratings, with biases and weighted-λ regularization.

    A side's solve is joint in its bias and factors: the bias is the weight of a feature that is always 1, with penalty
    `damping`, so that it is a damped mean; the factors have penalty λ · (number of ratings).
    """

    class Settings(BiasedFactors.Settings):
        """Settings of `als-explicit`."""

        regularization: PositivePenalty
        solver: Solver
        cg_steps: Steps

    settings: Settings
    about = (
        "Explicit-feedback ALS with biases and a penalty that grows with a row's number of ratings "
        "(Zhou et al. 2008, ALS-WR)."
    )

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        size = self.settings.factors
        self._by_user = train.ratings
        self._by_item = sparse.csr_array(train.ratings.T.tocsr())
        self._user_bias = np.zeros(train.n_users, np.float32)
        self._item_bias = (self._bias.item / self._spread).astype(np.float32)
        self._user_factors = np.zeros((train.n_users, size), np.float32)
        self._item_factors = _drawn(rng, train.n_items, size)

    def _step(self, train: Interactions, rng: np.random.Generator) -> dict[str, float]:
        users = self._solved(self._by_user, self._item_bias, self._item_factors, self._user_factors)
        self._user_bias[:], self._user_factors[:] = users.intercepts, users.weights
        items = self._solved(self._by_item, self._user_bias, self._user_factors, self._item_factors)
        self._item_bias[:], self._item_factors[:] = items.intercepts, items.weights
        # The minima of items hold all but what users' weights cost.
        cost = self.settings.damping * _squares(users.intercepts).sum()
        cost += self.settings.regularization * np.diff(self._by_user.indptr) @ _squares(users.weights).sum(axis=1)
        return {"train_objective": float(items.objective + cost) / train.ratings.nnz}

    def _solved(
        self, ratings: sparse.csr_array, bias: FloatArray, factors: FloatArray, before: FloatArray | None = None
    ) -> ridge_rows.Solved:
        return ridge_rows.solve(
            ratings,
            (ratings.data - self._mean - bias[ratings.indices]).astype(np.float32),
            factors,
            (self.settings.regularization * np.diff(ratings.indptr)).astype(np.float32),
            intercept_penalty=self.settings.damping,
            start=before,
            steps=_steps(self.settings, before),
        )

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        users = self._solved(self._in_spreads(ratings), self._item_bias, self._item_factors)
        tastes = users.weights @ self._item_factors.T
        scores: FloatArray = self._spread * (self._mean + users.intercepts[:, None] + self._item_bias + tastes)
        return scores.astype(np.float32)


class ImplicitALS(Recommender):
    """`als-implicit`: which cells are filled, whatever the rating; near 1, the user is likely to rate the item.

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
        solver: Solver
        cg_steps: Steps
        validation_k: ListLength

    settings: Settings
    about = (
        "Implicit-feedback ALS over all cells (Hu, Koren, Volinsky 2008) with frequency-scaled regularization "
        "(Rendle et al. 2021); ranks only."
    )
    _solver: Callable[..., ridge_rows.Solved] = staticmethod(ridge_rows.solve)
    """What solves rows; the engine Spark sets its own while it fits."""

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        rng = np.random.default_rng(self.seed)
        self._start(train, rng)

        def watch() -> dict[str, float]:
            return {} if validation is None else {"validation_ndcg": self._ndcg(validation)}

        train_by_epochs(
            self,
            self.settings,
            step=lambda epoch: self._step(),
            watch=watch,
            weights=(self._user_factors, self._item_factors),
            choose_by="validation_ndcg",
            higher_is_better=True,
            choosing=validation is not None,
        )

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        self._by_user = train.ratings
        self._by_item = sparse.csr_array(train.ratings.T.tocsr())
        self._user_factors = np.zeros((train.n_users, self.settings.factors), np.float32)
        self._item_factors = _drawn(rng, train.n_items, self.settings.factors)

    def _step(self) -> dict[str, float]:
        self._user_factors[:] = self._solved(self._by_user, self._item_factors, self._user_factors).weights
        items = self._solved(self._by_item, self._user_factors, self._item_factors)
        self._item_factors[:] = items.weights
        cost = self._penalties(self._by_user) @ _squares(self._user_factors).sum(axis=1)
        return {"train_objective": float(items.objective + cost) / self._by_user.nnz}

    def _penalties(self, cells: sparse.csr_array) -> Values:
        counts = np.diff(cells.indptr) + self.settings.unobserved_weight * cells.shape[1]
        penalties: Values = self.settings.regularization * counts**self.settings.frequency_exponent
        return penalties

    def _solved(
        self, cells: sparse.csr_array, factors: FloatArray, before: FloatArray | None = None
    ) -> ridge_rows.Solved:
        return ridge_rows.solve_filled(
            cells,
            factors,
            self._penalties(cells).astype(np.float32),
            self.settings.unobserved_weight,
            start=before,
            steps=_steps(self.settings, before),
            solver=self._solver,
        )

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        scores: FloatArray = self._solved(ratings, self._item_factors).weights @ self._item_factors.T
        return scores

    def _ndcg(self, validation: Interactions) -> float:
        users = np.flatnonzero(np.diff(validation.ratings.indptr)).astype(np.int32)
        measured = [
            metrics.ndcg(self.recommend(block, self.settings.validation_k)[0], validation.ratings[block])
            for block in metrics.blocks(users)
        ]
        return float(np.concatenate(measured).mean())

    def _score(self, users: IntArray) -> FloatArray:
        scores: FloatArray = self._user_factors[users] @ self._item_factors.T
        return scores

    def item_factors(self) -> FloatArray:
        """Return the factors of all items, shape (n_items, factors)."""
        return self._item_factors

    def portable(self) -> Portable:
        """Return the factors; see `Portable`."""
        return Portable(user_vectors=self._user_factors, item_vectors=self._item_factors)

    def _arrays(self) -> Arrays:
        return {"user_factors": self._user_factors, "item_factors": self._item_factors}

    def _restore(self, arrays: Arrays) -> None:
        self._user_factors, self._item_factors = arrays["user_factors"], arrays["item_factors"]


def _steps(settings: ExplicitALS.Settings | ImplicitALS.Settings, before: FloatArray | None) -> int | None:
    """Return how many steps a row takes from where it was; None where it is solved exactly, as new users always are."""
    return settings.cg_steps if settings.solver == "conjugate_gradient" and before is not None else None


def _drawn(rng: np.random.Generator, n: int, size: int) -> FloatArray:
    """Return the factors that learning starts from, shape (n, size); the expected length of each is 0.1."""
    return rng.normal(scale=0.1 / np.sqrt(size), size=(n, size)).astype(np.float32)


def _squares(weights: FloatArray) -> Values:
    return weights.astype(np.float64) ** 2


MODELS: dict[str, type[Recommender]] = {"als-explicit": ExplicitALS, "als-implicit": ImplicitALS}
