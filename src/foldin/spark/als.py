"""ALS on Spark.

`als-implicit` is the local engine's, to the byte: executors solve blocks of rows by its own solver. The driver keeps
the factors of both sides, sends those of one to the executors, and receives the other's; so all that a lost worker
costs is its tasks. MLlib would not do: its penalty of a row is λ n, of n filled cells, whatever `frequency_exponent`
says.

`als-explicit` is fitted by MLlib, and `POLISH` epochs of the local solver finish it. MLlib knows no biases, so it fits
what damped biases leave of the ratings. Results agree closely, but not to the last digit: MLlib draws other initial
factors, solves each row by Cholesky instead of conjugate gradient, and adds in an order of its own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, Interactions
from foldin.models import als
from foldin.models.parts import ridge_rows
from foldin.models.parts.recommender import Recommender
from foldin.spark import session
from foldin.spark.row_blocks import Block, RowBlocks

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

        _choose_epochs(self, fit, choosing=validation is not None)


class ImplicitALS(als.ImplicitALS):
    """`als-implicit`, its rows solved by executors; see foldin.models.als."""

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        with session.job(f"{self.name}: rows solved on Spark") as spark:
            solver = self._solver = Solver(spark)
            try:
                super()._fit(train, validation)
            finally:
                solver.drop()
                del self._solver  # new users are few: the local solver folds them in


class Solver:
    """Solves rows on executors as `foldin.models.parts.ridge_rows.solve` does, with its parameters.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.
    """

    def __init__(self, spark: Any) -> None:
        self._spark = spark
        self._kept: dict[int, tuple[sparse.csr_array, FloatArray, RowBlocks]] = {}

    def __call__(
        self,
        cells: sparse.csr_array,
        targets: FloatArray,
        features: FloatArray,
        penalties: FloatArray,
        *,
        shared: FloatArray | None = None,
        intercept_penalty: float | None = None,
        steps: int | None = None,
        start: FloatArray | None = None,
    ) -> ridge_rows.Solved:
        """Solve every row; executors keep the cells of each matrix until it comes with other targets."""
        given = _Given(features, penalties, shared, intercept_penalty, steps, start)
        parts = self._blocks(cells, targets).map(_solved, given)
        return ridge_rows.Solved(
            np.concatenate([part.weights for part in parts]),
            np.concatenate([part.intercepts for part in parts]),
            np.concatenate([part.minima for part in parts]),
        )

    def _blocks(self, cells: sparse.csr_array, targets: FloatArray) -> RowBlocks:
        # The matrix is kept as well, so that no other gets its id.
        before = self._kept.get(id(cells))
        if before is not None and np.array_equal(before[1], targets):
            return before[2]
        if before is not None:
            before[2].drop()
        blocks = RowBlocks(self._spark, _same_cells(cells, targets))
        self._kept[id(cells)] = cells, targets, blocks
        return blocks

    def drop(self) -> None:
        """Free the executors' memory."""
        for *_, blocks in self._kept.values():
            blocks.drop()
        self._kept.clear()


class _Given(NamedTuple):
    """What is not in the blocks; penalties and start of all rows."""

    features: FloatArray
    penalties: FloatArray
    shared: FloatArray | None
    intercept_penalty: float | None
    steps: int | None
    start: FloatArray | None


def _solved(block: Block, given: _Given) -> ridge_rows.Solved:
    return ridge_rows.solve(
        block.cells,
        block.cells.data,
        given.features,
        given.penalties[block.rows],
        shared=given.shared,
        intercept_penalty=given.intercept_penalty,
        steps=given.steps,
        start=None if given.start is None else given.start[block.rows],
    )


def factors(model: als.ExplicitALS, train: Interactions, epochs: int, penalty: float) -> tuple[FloatArray, FloatArray]:
    """Return the factors of users and items that MLlib fits; 0 of those without a rating.

    Parameters
    ----------
    model : ExplicitALS
        Says the number of factors, the seed and its name.
    train : Interactions
        What to fit.
    epochs : int
        Epochs; in each, both sides are solved once.
    penalty : float
        Of a row's squared factors, per rating of the row.

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


def _choose_epochs(model: als.ExplicitALS, fit: Callable[[int], dict[str, float]], *, choosing: bool) -> None:
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
    best, best_value, weights = 0, np.inf, None
    epochs = 1
    while True:
        noted = fit(epochs)
        model.history.append({"epoch": epochs + POLISH, **noted})
        if model.after_epoch is not None:
            model.after_epoch(model.history[-1])
        if noted["validation_rmse"] < best_value:
            best, best_value = epochs, noted["validation_rmse"]
            weights = {name: array.copy() for name, array in model._arrays().items()}
        if best < epochs or epochs == most:
            break
        epochs = min(2 * epochs, most)
    assert weights is not None
    model._restore(weights)
    model.epochs = best + POLISH


MODELS: dict[str, type[Recommender]] = {"als-explicit": ExplicitALS, "als-implicit": ImplicitALS}
