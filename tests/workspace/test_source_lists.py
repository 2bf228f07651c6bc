"""An edit reruns the stages it can reach, and no others."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHECKOUT, FAMILIES, edit_params

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.workspace import pipeline, source_lists, strip

NETWORKS = ("deep", "two_tower", "autoencoder")
"""Families that no hybrid is made of; it is made of all others."""


@pytest.fixture
def with_notebooks(workspace):
    (workspace / "notebooks").symlink_to(CHECKOUT / "notebooks")
    strip.strip_all()
    return workspace


def reached(stage):
    return {
        path.relative_to(source_lists.SOURCE).as_posix() for path in source_lists.closure(source_lists.stages()[stage])
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_stages_reach_its_own_module_and_no_other_familys(with_notebooks, family):
    for stage in ("tune", "train", "evaluate"):
        models = {path for path in reached(f"{stage}-{family}") if path.startswith("foldin/models/")}
        own = {family} | ({name for name in FAMILIES if name not in NETWORKS} if family == "hybrid" else set())
        assert {path for path in models if "/parts/" not in path} == {
            "foldin/models/__init__.py",
            *(f"foldin/models/{name}.py" for name in own),
        }


def test_training_cannot_reach_the_evaluation(with_notebooks):
    for stage in source_lists.stages():
        if not stage.startswith("evaluate"):
            assert "foldin/evaluation/evaluate.py" not in reached(stage)


def test_the_data_stages_reach_no_model(with_notebooks):
    for stage in ("fetch", "clean", "user_item"):
        assert not any("models" in path for path in reached(stage))


def test_what_a_notebook_imports_counts(with_notebooks):
    assert "foldin/report/plots.py" in reached("train-als")
    assert "foldin/report/leaderboard.py" in reached("report")


def test_an_edit_of_a_family_changes_the_lists_of_that_family_only(with_notebooks, monkeypatch):
    shutil.copytree(source_lists.SOURCE, with_notebooks / "src", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_lists, "SOURCE", with_notebooks / "src")

    def lists():
        source_lists.run()
        return {path.stem: path.read_text() for path in (with_notebooks / "data" / "source").iterdir()}

    before = lists()
    with (with_notebooks / "src" / "foldin" / "models" / "als.py").open("a") as file:
        file.write("# an edit\n")
    after = lists()
    changed = {stage for stage in before if before[stage] != after[stage]}
    # The report describes every model in its own words, and the traps are set for this family too.
    of_families = {f"{stage}-{family}" for stage in ("tune", "train", "evaluate") for family in ("als", "hybrid")}
    assert changed == of_families | {"report", "traps"}


def test_another_version_of_a_library_is_another_source_of_every_stage(with_notebooks, monkeypatch):
    monkeypatch.setattr(source_lists, "SOURCE", with_notebooks / "src")
    lock = with_notebooks / "requirements.lock"
    lists = []
    for version in ("1.0", "2.0"):
        lock.write_text(f"numpy=={version}")
        source_lists.run()
        lists.append({path.stem: path.read_text() for path in (with_notebooks / "data" / "source").iterdir()})
    assert all(lists[0][stage] != lists[1][stage] for stage in source_lists.stages())


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_gpus_libraries_are_a_source_of_what_networks_compute_on_it(with_notebooks, monkeypatch, device):
    shutil.copytree(source_lists.SOURCE, with_notebooks / "src", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_lists, "SOURCE", with_notebooks / "src")
    edit_params(with_notebooks, lambda values: values.update(device=device))
    files.write_text(with_notebooks / "requirements.lock", "numpy")
    files.write_text(with_notebooks / "requirements" / "gpu.lock", "tensorflow with CUDA")
    source_lists.run()
    lists = {path.stem: path.read_text() for path in (with_notebooks / "data" / "source").iterdir()}
    listed = {stage for stage, text in lists.items() if "requirements/gpu.lock" in text}
    networks = {
        f"{stage}-{family}"
        for stage in ("tune", "train", "evaluate")
        for family in ("deep", "two_tower", "autoencoder")
    }
    # The report describes networks.
    assert listed == (networks | {"report"} if device == "gpu" else set())


def test_the_stage_that_lists_the_locks_depends_on_them_and_on_the_device(workspace):
    source = pipeline.declared("source")
    assert {"requirements.lock", "requirements/gpu.lock"} <= set(source.inputs)
    assert source.parameters == ("device", "engine")


def test_a_notebook_that_is_not_python_is_named_with_its_cell(workspace):
    cell = {
        "cell_type": "code",
        "id": "broken",
        "metadata": {},
        "source": "for",
        "outputs": [],
        "execution_count": None,
    }
    (workspace / "data" / "notebooks").mkdir(parents=True)
    bad = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    paths.stripped_notebook("als").write_text(json.dumps(bad))
    with pytest.raises(FoldinError, match=r"notebooks/als\.ipynb: cell 1 is not valid Python"):
        source_lists.notebook_imports("als")


STAGES = ["fetch", "clean", "user_item", "tuned", "explore", "traps", "report"]
STAGES += [f"{stage}-{family}" for family in FAMILIES for stage in ("tune", "train", "evaluate")]

# Other libraries are loaded once, then each stage's modules in a process of their own.
REALLY_LOADED = """
import importlib, json, os, sys
import matplotlib.pyplot, nbformat, numba, numpy, pandas, pydantic, scipy.sparse
assert not any(name.split(".")[0] == "foldin" for name in sys.modules)
for stage, names in json.loads(sys.argv[1]).items():
    child = os.fork()
    if not child:
        for name in names:
            importlib.import_module(name)
        files = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "foldin"]
        print(json.dumps([stage, files]), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, stage
"""


def module_of(name):
    """Return the module that a dotted name is in, or is."""
    file = source_lists._files_of(name)[-1].relative_to(source_lists.SOURCE).with_suffix("")
    return ".".join(part for part in file.parts if part != "__init__")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Return the files that a running interpreter loads for each stage."""
    folder = tmp_path_factory.mktemp("loaded")
    for name in ("params.yaml", "dvc.yaml", "notebooks"):
        (folder / name).symlink_to(CHECKOUT / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        strip.strip_all()
        modules = {stage: [module_of(name) for name in names] for stage, names in source_lists.stages().items()}
    command = [sys.executable, "-W", "ignore", "-c", REALLY_LOADED, json.dumps(modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        stage: {Path(file).relative_to(source_lists.SOURCE).as_posix() for file in files_there}
        for stage, files_there in map(json.loads, done.stdout.splitlines())
    }


def test_every_stage_is_tried(loaded):
    assert set(loaded) == set(STAGES) == set(source_lists.stages())


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_really_imports_is_in_its_list(with_notebooks, loaded, stage):
    """The lists are read off the text; this asks a running interpreter."""
    without_effect = {f"foldin/{name}" for name in source_lists.MONITORS}
    printed = {"foldin/core/text.py"}
    for name in loaded[stage] - reached(stage) - without_effect - printed:
        assert name.endswith("__init__.py")
        assert not ast.parse((source_lists.SOURCE / name).read_text(encoding="utf-8")).body[1:], name
    assert {"foldin/core/determinism.py", "foldin/core/params.py"} < loaded[stage] & reached(stage)
    assert not without_effect & reached(stage)


def test_what_only_a_monitor_imports_reruns_nothing(with_notebooks):
    assert "foldin/core/text.py" in reached("report")
    assert "foldin/core/text.py" not in reached("evaluate-als")


ROOMS = (
    "core",
    "datasets",
    "preparation",
    "metrics",
    "models",
    "tuning",
    "evaluation",
    "report",
    "recommend",
    "spark",
    "traps",
    "workspace",
)


def test_a_room_imports_from_those_above_it_and_never_from_those_below():
    for file in sorted((source_lists.SOURCE / "foldin").glob("*/**/*.py")):
        room = ROOMS.index(file.relative_to(source_lists.SOURCE / "foldin").parts[0])
        for name in source_lists._imports(file):
            below = [other for other in ROOMS[room + 1 :] if f"{name}.".startswith(f"foldin.{other}.")]
            assert not below, f"{file} imports {name}"


def test_only_the_notebook_of_the_gallery_imports_it(with_notebooks):
    for stage in source_lists.stages():
        assert stage == "traps" or not any(path.startswith("foldin/traps/") for path in reached(stage)), stage


def test_what_judges_reaches_no_reader_of_data_sets(with_notebooks):
    for family in FAMILIES:
        reaches = reached(f"evaluate-{family}")
        rooms = {path.split("/")[2] for path in reaches if path.startswith("foldin/datasets/") and path.count("/") > 2}
        assert rooms == {"demo"}, "the truth of demo, and nothing that reads"
        assert len(reaches) <= (69 if family == "hybrid" else 52)
