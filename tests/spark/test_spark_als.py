"""ALS on Spark: implicit to the byte, explicit close to the local engine; the same again, and loaded without Spark."""

import numpy as np
import pytest
from scipy import sparse
from synthetic import planted

from foldin import metrics, models
from foldin.models import als
from foldin.models.parts import ridge_rows
from foldin.models.parts.factorization import DivergedError
from foldin.spark import als as on_spark
from foldin.spark import row_blocks, session

pytestmark = pytest.mark.timeout(1800)

NEAR = 0.01
"""Of 962 test ratings; docs/scale.md has the differences on larger data."""


@pytest.fixture(scope="module")
def parts():
    return planted(n_users=300, n_items=120)


def fitted(model, parts, cls):
    train, validation, _ = parts
    made = cls(model.settings.model_copy(update={"epochs": 10, "factors": 8}), seed=model.seed)
    made.name = model.name
    return made.fit(train, validation)


def test_ratings_are_predicted_as_well(on_a_core, parts, tmp_path):
    settings = models.family("als")["als-explicit"]
    local, spark = (fitted(settings, parts, cls) for cls in (als.ExplicitALS, on_spark.ExplicitALS))
    users, items, ratings = parts[2].triples()
    errors = [metrics.rmse(ratings, model.predict(users, items)) for model in (local, spark)]
    assert abs(errors[0] - errors[1]) < NEAR
    tried = [int(row["epoch"]) for row in spark.history]
    assert tried == [4, 5, 7, 10][: len(tried)]
    assert spark.epochs in tried[-2:]
    again = fitted(settings, parts, on_spark.ExplicitALS)
    assert np.array_equal(again.predict(users, items), spark.predict(users, items))
    spark.save(tmp_path)
    loaded = als.ExplicitALS.load(tmp_path)
    assert np.array_equal(loaded.predict(users, items), spark.predict(users, items))


@pytest.mark.parametrize("changes", [{}, {"frequency_exponent": 1.0, "solver": "exact"}], ids=["usual", "exact"])
def test_implicit_factors_are_the_local_engines_to_the_byte(on_a_core, parts, changes):
    train, validation, _ = parts
    usual = models.family("als")["als-implicit"]
    settings = usual.settings.model_copy(update={"epochs": 3, "factors": 8, **changes})
    local, spark = (cls(settings, seed=5).fit(train, validation) for cls in (als.ImplicitALS, on_spark.ImplicitALS))
    assert spark.history == local.history
    for name, array in local._arrays().items():
        assert array.tobytes() == spark._arrays()[name].tobytes(), name
    users = sparse.csr_array(train.ratings[:3])
    assert np.array_equal(spark.fold_in(users), local.fold_in(users))


def test_rows_that_cannot_be_solved_are_said_as_by_the_local_engine(on_a_core):
    cells = sparse.csr_array(np.ones((4, 3), np.float32))
    given = cells, cells.data, np.full((3, 2), 1e18, np.float32), np.ones(4, np.float32)
    with pytest.raises(DivergedError) as local:
        ridge_rows.solve(*given)
    with pytest.raises(DivergedError) as spark, session.job("rows") as started:
        on_spark.Solver(started)(*given)
    assert str(spark.value) == str(local.value)


def test_targets_may_change(on_a_core, parts):
    cells = parts[0].ratings
    features = np.random.default_rng(1).normal(size=(cells.shape[1], 4)).astype(np.float32)
    penalties = np.ones(cells.shape[0], np.float32)
    with session.job("rows") as started:
        solver = on_spark.Solver(started)
        for targets in (cells.data, cells.data, -cells.data):
            found = solver(cells, targets, features, penalties, intercept_penalty=2.0)
            local = ridge_rows.solve(cells, targets, features, penalties, intercept_penalty=2.0)
            assert np.array_equal(found.weights, local.weights)
            assert np.array_equal(found.intercepts, local.intercepts)
            assert found.objective == local.objective
        assert len(solver._kept) == 1


@pytest.mark.parametrize(("counts", "most"), [([3, 0, 5, 1], 2), ([0, 0, 0], 7), ([100, 1, 1, 1, 1], 3), ([4], 6)])
def test_blocks_hold_each_row_once(counts, most):
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    bounds = row_blocks.cuts(starts, most)
    assert bounds[0] == 0
    assert bounds[-1] == len(counts)
    assert (np.diff(bounds) > 0).all()
    assert len(bounds) - 1 <= most
