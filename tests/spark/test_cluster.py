"""A real cluster of two workers; one is killed by signal 9 while a job runs, and the result is the same.

make cluster-test EXTRA=spark
"""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import edit_params
from spark_checkouts import on_spark
from standalone import Cluster

from foldin import models
from foldin.core import interactions, paths
from foldin.core.files import whole_folder
from foldin.evaluation import evaluate
from foldin.models import als
from foldin.preparation import clean, fetch, user_item

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
LARGE = {"users": 2000, "items": 1000, "ratings": 150_000}
FIT = """
from foldin.core import determinism
determinism.fix_environment(2)
import sys
from pathlib import Path
from foldin import models
from foldin.core import interactions
from foldin.spark import als
name, folder = sys.argv[1], Path(sys.argv[2])
settings = models.family("als")[name].settings.model_copy(update={"epochs": 15, "factors": 8})
model = als.MODELS[name](settings, seed=3)
model.epochs = 15
folder.mkdir()
model.fit(interactions.load("demo").training).save(folder)
"""


@pytest.fixture(scope="module")
def cluster(installed, tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def large(workspace, cluster):
    """Return a checkout with the raw files of a larger demo, whose engine is the cluster."""
    edit_params(workspace, lambda values: values["demo"].update(LARGE))
    fetch.run("demo")
    on_spark(workspace, cluster.address)
    for name in ("worker-0", "worker-1"):
        if name not in cluster.running:
            cluster.start(name)
    return workspace


def run(cluster, *command, kill_at=None):
    """Run Python; kill a worker once the command has said something. Return what it said."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    said, killed = "", False
    with subprocess.Popen(
        [sys.executable, *command], env=environment, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        for line in process.stderr:
            said += line
            if kill_at is not None and not killed and kill_at in line:
                time.sleep(0.3)
                assert process.poll() is None
                cluster.kill("worker-0")
                killed = True
    assert process.returncode == 0, said
    assert killed == (kill_at is not None), said
    return said


def files(*folders):
    return {str(file): file.read_bytes() for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()}


def nothing_half_written(workspace):
    return not list(workspace.rglob("*.part"))


def test_data_stages_end_as_by_the_local_engine_though_a_worker_dies_while_cleaning(large, cluster):
    outputs = (paths.clean("demo"), paths.user_item("demo"), paths.test("demo"), paths.account("demo", "split").parent)
    for stage in (clean, user_item):
        stage.run("demo")
    local = files(*outputs)
    for folder in outputs:
        shutil.rmtree(folder)
    run(cluster, "-m", "foldin", "clean", "demo", kill_at="cleaning on Spark")
    run(cluster, "-m", "foldin", "user-item", "demo")
    assert files(*outputs) == local
    assert nothing_half_written(large)
    assert list(cluster.running) == ["master", "worker-1"]


def test_explicit_als_gives_the_same_model_though_a_worker_dies(large, cluster):
    for stage in (clean, user_item):
        stage.run("demo")
    run(cluster, "-c", FIT, "als-explicit", "undisturbed")
    run(cluster, "-c", FIT, "als-explicit", "killed", kill_at="epochs of MLlib")
    users, items, _ = interactions.load("demo").training.triples()
    first, second = (als.ExplicitALS.load(large / name).predict(users, items) for name in ("undisturbed", "killed"))
    assert np.abs(first - second).max() < 1e-4
    assert nothing_half_written(large)


def test_implicit_als_gives_the_local_model_though_a_worker_dies(large, cluster):
    for stage in (clean, user_item):
        stage.run("demo")
    run(cluster, "-c", FIT, "als-implicit", "killed", kill_at="rows solved on Spark")
    settings = models.family("als")["als-implicit"].settings.model_copy(update={"epochs": 15, "factors": 8})
    model = als.ImplicitALS(settings, seed=3)
    model.epochs = 15
    (large / "local").mkdir()
    model.fit(interactions.load("demo").training).save(large / "local")
    killed, local = (
        {file.name: file.read_bytes() for file in (large / each).iterdir()} for each in ("killed", "local")
    )
    assert killed == local


def test_evaluation_ends_as_by_the_local_engine_though_a_worker_dies(large, cluster):
    edit_params(large, lambda values: values["evaluation"].update(block_megabytes=0.5))
    for stage in (clean, user_item):
        stage.run("demo")
    training = interactions.load("demo").training
    for name, model in models.family("baselines").items():
        with whole_folder(paths.models("demo", "baselines") / name) as folder:
            model.fit(training).save(folder)
    outputs = paths.predictions("demo", "baselines"), paths.metrics("demo", "baselines")
    evaluate.run("demo", "baselines")
    local = files(*outputs)
    for folder in outputs:
        shutil.rmtree(folder)
    run(cluster, "-m", "foldin", "evaluate", "demo", "baselines", kill_at="ranking on Spark")
    assert files(*outputs) == local
    assert nothing_half_written(large)


def test_a_cluster_without_enough_memory_is_said(large, cluster, monkeypatch):
    edit_params(large, lambda values: values["spark"].update(executor_gigabytes=500))
    wait = "from foldin import cli; from foldin.spark import session; session.WAIT = 5.0; raise SystemExit(cli.main())"
    done = subprocess.run(
        [sys.executable, "-c", wait, "clean", "demo"], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 1
    assert "gave an executor of 500 GiB in 5 s; start workers with that much free memory, or lower" in done.stderr
    assert not paths.clean("demo").exists()
