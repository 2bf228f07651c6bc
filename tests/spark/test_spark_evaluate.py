"""Evaluated on Spark: every file is the local engine's, to the byte."""

import shutil

import pytest
from conftest import CHECKOUT, edit_params
from spark_checkouts import on_spark

from foldin import models
from foldin.core import files, interactions, params, paths
from foldin.evaluation import evaluate, judge
from foldin.models import als, baselines
from foldin.preparation import clean, fetch, user_item
from foldin.spark import evaluate as ranking_on_spark

pytestmark = pytest.mark.timeout(1800)
KINDS = {"bias": baselines.DampedBias, "als-implicit": als.ImplicitALS}


@pytest.mark.parametrize("protocol", ["random_by_rating", "strong_generalization"])
def test_every_file_is_the_local_engines(on_a_core, monkeypatch, protocol):
    def edit(values):
        values["split"]["protocol"] = protocol
        values["evaluation"] |= {"block_megabytes": 0.1, "seeds": {"baselines": 2}}

    edit_params(on_a_core, edit)
    monkeypatch.setattr(judge, "BYTES_PER_CELL", 200)  # blocks of few users
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    monkeypatch.setattr(evaluate, "family_models", lambda _: KINDS)
    training = interactions.load("demo").training
    for family, name in (("baselines", "bias"), ("als", "als-implicit")):
        model = models.family(family)[name]
        model.epochs = 2
        for seed, folder in (
            (model.seed, paths.models("demo", "baselines") / name),
            (model.seed + 1, paths.reseeded("demo", "baselines", name, model.seed + 1)),
        ):
            with files.whole_folder(folder) as whole:
                model.refit(training, seed).save(whole)
    blocks = []
    rank = ranking_on_spark.ranker

    def counted(*given):
        on_spark_ranker = rank(*given)
        return lambda users: blocks.append(found := on_spark_ranker(users)) or found

    monkeypatch.setattr(ranking_on_spark, "ranker", counted)
    outputs = (paths.predictions("demo", "baselines"), paths.metrics("demo", "baselines"))
    written = []
    for engine in (evaluate, ranking_on_spark):
        engine.run("demo", "baselines")
        tables = [paths.table("demo", "baselines"), *(file for folder in outputs for file in sorted(folder.iterdir()))]
        written.append({str(file): file.read_bytes() for file in tables})
        for folder in outputs:
            shutil.rmtree(folder)
    assert len(written[0]) > 7
    assert written[0] == written[1]
    assert len(blocks) == 4
    assert min(map(len, blocks)) > 3


def test_networks_are_left_to_the_local_engine(workspace, monkeypatch, capfd):
    on_spark(workspace)
    ran = []
    monkeypatch.setattr(evaluate, "run", lambda *given: ran.append(given))
    ranking_on_spark.run("demo", "deep")
    ranking_on_spark.run("demo", "svd")
    assert ran == [("demo", "deep"), ("demo", "svd", ranking_on_spark.ranker)]
    assert "demo: deep is evaluated by the local engine, because its models are networks" in capfd.readouterr().err


def test_the_families_of_networks_are_those_that_use_them():
    folder = CHECKOUT / "src" / "foldin" / "models"
    using = [name for name in params.known_families() if "networks." in (folder / f"{name}.py").read_text("utf-8")]
    assert using == sorted(ranking_on_spark.NETWORKS)
