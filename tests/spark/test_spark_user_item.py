"""Split on Spark: the same rows in each part."""

import numpy as np
import pytest
from conftest import edit_params

from foldin.core import paths
from foldin.preparation import clean, fetch, user_item
from foldin.spark import options
from foldin.spark import user_item as on_spark


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_a_draw_needs_none_of_those_before_it(seed):
    drawn = np.random.Generator(np.random.PCG64(seed)).random(5000)
    for rows in (np.arange(5000), np.array([4999]), np.array([70, 3000, 71]), np.arange(0)):
        assert np.array_equal(on_spark.draws(seed, rows), drawn[rows])


@pytest.mark.timeout(1200)
def test_each_protocol_writes_the_same_bytes(on_a_core, capfd):
    fetch.run("demo")
    clean.run("demo")
    for protocol in [*on_spark.PROTOCOLS, "k_fold"]:
        edit_params(on_a_core, lambda values, name=protocol: values["split"].update(protocol=name, seed=5))
        written = []
        for engine in (user_item, on_spark):
            engine.run("demo")
            folders = (paths.user_item("demo"), paths.test("demo"))
            files = [*(file for folder in folders for file in sorted(folder.iterdir())), paths.account("demo", "split")]
            written.append({str(file): file.read_bytes() for file in files})
        assert len(written[0]) == 8, protocol
        assert written[0] == written[1], protocol
    assert "demo: k_fold is computed by the local engine; on Spark there are: random_by_" in capfd.readouterr().err


@pytest.mark.timeout(1200)
def test_every_task_draws_for_its_share_of_the_rows(on_a_core, monkeypatch):
    fetch.run("demo")
    clean.run("demo")
    tasks = []
    drawn = on_spark._drawn

    def counted(rows, seed):
        found = drawn(rows, seed)
        tasks.append([len(part) for part in found.rdd.glom().collect()])
        return found

    monkeypatch.setattr(on_spark, "_drawn", counted)
    for protocol in ("random_by_rating", "random_by_user"):
        edit_params(on_a_core, lambda values, name=protocol: values["split"].update(protocol=name))
        on_spark.run("demo")
    for counts in tasks:
        assert len(counts) == options.SHUFFLES
        assert max(counts) < 1.5 * sum(counts) / len(counts)
