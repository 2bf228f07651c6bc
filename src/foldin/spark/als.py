"""ALS on Spark: MLlib fits the factors on a cluster, and a few epochs of the local solver finish them.

MLlib minimizes almost what foldin.models.als does. Of ratings it knows no biases, so it fits what damped biases leave.
Of filled cells, its penalty of a row always grows with the row's cells. The last `POLISH` epochs, run by the local
solver, bring biases and penalty to what params.yaml says.

Results agree with the local engine's closely, but not to the last digit: MLlib draws other initial factors, solves each
row by Cholesky instead of conjugate gradient, and adds in an order of its own.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, Interactions
from foldin.models import als
from foldin.models.parts.recommender import Recommender
from foldin.spark import session

BLOCKS = 8
"""Blocks of users, and of items. A constant: were it the number of cores, sums would be grouped by machine."""
KEPT = 4
"""Epochs after which factors are written to disk: a plan of too many epochs overflows the stack, and a lost worker's
factors are computed again from there."""
POLISH = 3
"""Epochs of the local solver after those of MLlib."""
START = 100.0
"""Ratings are multiplied by it for MLlib, and their penalty too, which leaves the problem as it is. MLlib's first
factors have length 1; so they are ten times shorter beside the last ones, like those of the local engine, and early
epochs fit little of the noise."""
LARGEST_ID = 2**31 - 1


class ExplicitALS(als.ExplicitALS):
    """`als-explicit`, its factors fitted by MLlib; see foldin.models.als."""

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        scaled = train.with_ratings(self._in_spreads(train.ratings))

        def fit(epochs: int) -> dict[str, float]:
            self._start(scaled, np.random.default_rng(self.seed))
            self._mean = float(scaled.ratings.data.mean(dtype=np.float64))
            self._user_bias[:] = self._bias.user / self._spread
            users, items, ratings = scaled.triples()
            left = (ratings - self._mean - self._user_bias[users] - self._item_bias[items]).astype(np.float32)
            residuals = scaled.with_ratings(_same_cells(scaled.ratings, np.float32(START) * left))
            users_found, items_found = factors(self, residuals, epochs, START * self.settings.regularization)
            self._user_factors[:], self._item_factors[:] = (
                side / np.float32(np.sqrt(START)) for side in (users_found, items_found)
            )
            noted: dict[str, float] = {}
            for _ in range(POLISH):
                noted = self._step(scaled, np.random.default_rng(self.seed))
            parts = {"train": train, "validation": validation}
            return noted | {f"{name}_rmse": self._rmse(part) for name, part in parts.items() if part is not None}

        _choose_epochs(self, fit, "validation_rmse", choosing=validation is not None)


class ImplicitALS(als.ImplicitALS):
    """`als-implicit`, its factors fitted by MLlib; see foldin.models.als.

    In the terms of Hu, Koren and Volinsky (2008) a filled cell has confidence 1 + 1/α and preference 1, once factors
    are √(1 + α) times ours, and the penalty is λ (1 + α)/α. MLlib multiplies a row's penalty by its filled cells n, so
    it gets that of a row and a column of average length.
    """

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        filled = train.with_ratings(_same_cells(train.ratings, np.ones(train.ratings.nnz, np.float32)))
        alpha = self.settings.unobserved_weight

        def fit(epochs: int) -> dict[str, float]:
            self._start(train, np.random.default_rng(self.seed))
            users, items = factors(self, filled, epochs, self._average_penalty(), confidence=1 / alpha)
            self._user_factors[:], self._item_factors[:] = users / np.sqrt(1 + alpha), items / np.sqrt(1 + alpha)
            noted: dict[str, float] = {}
            for _ in range(POLISH):
                noted = self._step()
            return noted | ({} if validation is None else {"validation_ndcg": self._ndcg(validation)})

        _choose_epochs(self, fit, "validation_ndcg", higher_is_better=True, choosing=validation is not None)

    def _average_penalty(self) -> float:
        """Return MLlib's penalty per filled cell: only the product of the two sides' penalties matters."""
        alpha, sides = self.settings.unobserved_weight, (self._by_user, self._by_item)
        ratios = [float(self._penalties(side).mean()) / (side.nnz / side.shape[0]) for side in sides]
        return float(np.sqrt(ratios[0] * ratios[1])) * (1 + alpha) / alpha


def factors(
    model: als.ExplicitALS | als.ImplicitALS,
    train: Interactions,
    epochs: int,
    penalty: float,
    *,
    confidence: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return the factors of users and items that MLlib fits; 0 of those without a rating.

    Parameters
    ----------
    model : ExplicitALS or ImplicitALS
        Says the number of factors, the seed and its name.
    train : Interactions
        What to fit.
    epochs : int
        Epochs; in each, both sides are solved once.
    penalty : float
        Of a row's squared factors, per rating of the row.
    confidence : float, optional
        Of implicit feedback: what a filled cell weighs beyond the 1 of an empty one.

    Returns
    -------
    users, items : ndarray of float32, shape (n, factors)
        The factors.

    Raises
    ------
    FoldinError
        When there are more users or items than MLlib can number, or Spark fails.
    """
    if max(train.ratings.shape) > LARGEST_ID:
        what = f"MLlib numbers users and items to {LARGEST_ID:,}, and the data have {max(train.ratings.shape):,}"
        raise FoldinError(what, where="params.yaml (engine)", remedy="draw a subset: subset.users")
    from pyspark.ml.recommendation import ALS

    users, items, ratings = train.triples()
    table = pa.table({"user": pa.array(users), "item": pa.array(items), "rating": pa.array(ratings)})
    with session.job(f"{model.name}: {epochs} epochs of MLlib") as spark:
        # Always with a seed: MLlib's own is the hash of a name, which changes from process to process.
        solver = ALS(
            userCol="user",
            itemCol="item",
            ratingCol="rating",
            rank=model.settings.factors,
            maxIter=epochs,
            regParam=penalty,
            seed=model.seed,
            checkpointInterval=KEPT,
            numUserBlocks=BLOCKS,
            numItemBlocks=BLOCKS,
            implicitPrefs=confidence is not None,
            alpha=1.0 if confidence is None else confidence,
        )
        # By user, so that blocks get the same rows however many cores read the table.
        fitted = solver.fit(spark.createDataFrame(table).repartition(BLOCKS, "user"))
        size = model.settings.factors
        return _array(fitted.userFactors, train.n_users, size), _array(fitted.itemFactors, train.n_items, size)


def _array(table: Any, n: int, size: int) -> FloatArray:
    found = table.toArrow().combine_chunks()
    values = np.zeros((n, size), np.float32)
    rows = found.column("features").combine_chunks().flatten().to_numpy().reshape(-1, size)
    values[found.column("id").to_numpy()] = rows
    return values


def _same_cells(ratings: sparse.csr_array, values: FloatArray) -> sparse.csr_array:
    return sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)


def _choose_epochs(
    model: als.ExplicitALS | als.ImplicitALS,
    fit: Any,
    choose_by: str,
    *,
    higher_is_better: bool = False,
    choosing: bool,
) -> None:
    """Fit for the epochs chosen before; or for 1 of MLlib, 2, 4 and so on, while the validation part gains.

    MLlib cannot go on from factors, so each number of epochs is a fit of its own. `POLISH` epochs end each.
    """
    most = model.settings.epochs - POLISH
    if most < 1:
        what = f"{model.name}: epochs is {model.settings.epochs}, and the last {POLISH} are not MLlib's"
        remedy = f"set epochs to {POLISH + 1} or more, or engine: local"
        raise FoldinError(what, where="params.yaml (als)", remedy=remedy)
    if not choosing:
        epochs = most if model.epochs is None else model.epochs - POLISH
        model.history.append({"epoch": epochs + POLISH, **fit(epochs)})
        return
    best, best_value, weights = 0, -np.inf, None
    epochs = 1
    while True:
        noted = fit(epochs)
        model.history.append({"epoch": epochs + POLISH, **noted})
        if model.after_epoch is not None:
            model.after_epoch(model.history[-1])
        value = noted[choose_by] if higher_is_better else -noted[choose_by]
        if value > best_value:
            best, best_value = epochs, value
            weights = {name: array.copy() for name, array in model._arrays().items()}
        if best < epochs or epochs == most:
            break
        epochs = min(2 * epochs, most)
    assert weights is not None
    model._restore(weights)
    model.epochs = best + POLISH


MODELS: dict[str, type[Recommender]] = {"als-explicit": ExplicitALS, "als-implicit": ImplicitALS}
