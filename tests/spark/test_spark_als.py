"""ALS on Spark: close to the local engine, the same again with the same seed, and loaded without Spark."""

import numpy as np
import pytest
from synthetic import planted

from foldin import metrics, models
from foldin.models import als
from foldin.spark import als as on_spark

pytestmark = pytest.mark.timeout(1800)

NEAR = 0.01
"""Of 962 test ratings; docs/scale.md has the differences on larger data."""


@pytest.fixture(scope="module")
def parts():
    return planted(n_users=300, n_items=120)


def ndcg(model, test):
    users = np.flatnonzero(np.diff(test.ratings.indptr)).astype(np.int32)
    return metrics.ndcg(model.recommend(users, 10)[0], test.ratings[users]).mean()


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


def test_items_are_ranked_as_well(on_a_core, parts):
    settings = models.family("als")["als-implicit"]
    local, spark = (fitted(settings, parts, cls) for cls in (als.ImplicitALS, on_spark.ImplicitALS))
    assert abs(ndcg(local, parts[2]) - ndcg(spark, parts[2])) < NEAR
