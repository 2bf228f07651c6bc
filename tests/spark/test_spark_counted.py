"""Models of counts and sums on Spark: everything they save is the local engine's, to the byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import planted

from foldin import models
from foldin.core import engines
from foldin.spark import baselines, neighbours

pytestmark = pytest.mark.timeout(1200)
FAMILIES = {"baselines": baselines, "neighbours": neighbours}


@pytest.fixture(scope="module")
def train():
    return planted(n_users=150, n_items=60)[0]


def saved(model, train, folder):
    folder.mkdir()
    model.fit(train).save(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("name", ["global-mean", "bias", "popularity", "item-knn", "user-knn"])
def test_files_are_the_local_engines(on_a_core, train, tmp_path, monkeypatch, name):
    monkeypatch.setattr(baselines, "PART", 500)
    family = "neighbours" if "knn" in name else "baselines"
    local = models.family(family)[name]
    cls = FAMILIES[family].MODELS[name]
    assert cls is not type(local)
    spark = cls(local.settings, seed=local.seed)
    spark.name = name
    assert saved(spark, train, tmp_path / "spark") == saved(local, train, tmp_path / "local")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_model_of_the_family_is_there(family):
    assert list(FAMILIES[family].MODELS) == list(models.family_models(family))
    assert engines.FAMILIES[family] == FAMILIES[family].__name__.removeprefix("foldin.")


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40_000), part=st.integers(1, 5_000), seed=st.integers(0, 10))
def test_parts_are_added_as_numpy_adds(n, part, seed):
    values = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "PART", part)
        sums = [baselines._sum(values[start:end]) for start, end in baselines._parts(0, n)]
        assert baselines._added(0, n, iter(sums)) == values.astype(np.float64).sum()
