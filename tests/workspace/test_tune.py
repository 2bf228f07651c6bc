"""`foldin tune` and its stages: the same bytes however trials are run, and values that train reads."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import CHECKOUT, edit_params

from foldin import cli, models
from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch, user_item
from foldin.tuning import spaces, tuned
from foldin.tuning.trials import COMPLETE, DIVERGED, Outcome, Trial
from foldin.workspace import pipeline, tune
from foldin.workspace.workbench import open_family

SPACE = {"factors": [2, 4], "regularization": {"low": 0.05, "high": 1.0, "log": True}}


def ask(values):
    values["als"]["als-explicit"].update(epochs=6, patience=0)
    values["tune"]["search"].update(trials=12, parallel=2, folds=0, prune_after=2)
    values["tune"]["models"] = {"als": {"als-explicit": {"space": SPACE}}}
    values["tune"]["families"] = ["als"]


@pytest.fixture
def prepared(workspace):
    """Return a checkout with a small demo to learn from, and a small search of als-explicit."""
    edit_params(workspace, ask)
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    return workspace


def files_written():
    return [file.read_bytes() for file in (paths.trials("demo", "als"), paths.account("demo", "tuning/als"))]


def command(*arguments, **how):
    return subprocess.Popen(
        [sys.executable, str(CHECKOUT / "src" / "foldin"), "tune", "demo", "als", *arguments], **how
    )


def test_one_process_and_two_a_second_run_and_one_that_was_killed_all_write_the_same(prepared):
    plan = spaces.plans("als")["als-explicit"]
    log = paths.trial_log("demo", "als", "als-explicit")
    found = {}
    for processes in (1, 2):
        log.unlink(missing_ok=True)
        found[processes] = tune.search_model("demo", "als", plan, processes)
    assert found[1] == found[2]
    assert {trial.outcome.state for trial in found[1]} == {"complete", "pruned"}

    tune.run("demo", "als", write=True)
    first = files_written()

    log.unlink()
    running = command("--write", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.is_file() and log.read_text().count("\n") >= 4):
        time.sleep(0.02)
    workers = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]
    kept = log.read_text().count("\n") - 1
    assert 3 <= kept < 13
    for file in (paths.trials("demo", "als"), paths.account("demo", "tuning/als")):
        file.unlink()
    running = command("--write", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, progress = running.communicate()
    assert running.returncode == 0, progress
    assert f"; {kept} are kept" in progress
    assert progress.count(": trial ") + progress.count(": params.yaml: ") == 13 - kept
    assert files_written() == first
    assert "als-explicit: " in said


@pytest.fixture
def quickly(prepared, monkeypatch):
    """Let trials be judged at once: the more factors and the less regularization, the better; trial 2 diverges."""

    def search_model(dataset, family, plan, processes=None):
        settings = [{}] + [{"factors": factors, "regularization": 0.1 * factors} for factors in (2, 3, 4)]
        values = [0.9, 0.8, None, 0.7]
        return [
            Trial(number, settings[number], Outcome(COMPLETE if value else DIVERGED, value, (1.0,)))
            for number, value in enumerate(values)
        ]

    monkeypatch.setattr(tune, "search_model", search_model)


def test_the_best_values_are_printed_as_params_yaml_takes_them(quickly, prepared, capsys):
    assert cli.main(["tune", "demo", "als"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "als-explicit: RMSE 0.7000 in trial 3; params.yaml: RMSE 0.9000"
    assert said.endswith("als:\n  als-explicit:\n    factors: 4\n    regularization: 0.4\n")
    assert not paths.trials("demo", "als").exists()


def test_what_is_chosen_is_what_the_notebook_trains_with(quickly, prepared):
    before = models.family("als")["als-explicit"].settings
    assert cli.main(["tune", "demo", "als", "--write"]) == 0
    tuned.run("demo")
    bench = open_family("als", "demo")
    assert bench.models["als-explicit"].settings.model_dump() == before.model_dump() | {
        "factors": 4,
        "regularization": 0.4,
    }
    assert bench.models["als-implicit"].settings == models.family("als")["als-implicit"].settings
    assert bench.settings().loc["factors", "als-explicit"] == "4"
    assert json.loads(paths.tuned("demo", "svd").read_text()) == {}
    rows = paths.trials("demo", "als").read_text().splitlines()
    assert rows[1] == "als-explicit,0,rmse,0.900000,0.900000,complete,1,those of params.yaml"
    assert rows[3] == 'als-explicit,2,rmse,,0.800000,diverged,1,"factors 3, regularization 0.30000000000000004"'


def test_params_yaml_holds_again_when_a_family_is_no_longer_tuned(quickly, prepared):
    assert cli.main(["tune", "demo", "als", "--write"]) == 0
    edit_params(prepared, lambda values: values["tune"].update(families=[]))
    tuned.run("demo")
    assert json.loads(paths.tuned("demo", "als").read_text()) == {}
    assert open_family("als", "demo").models["als-explicit"].settings == models.family("als")["als-explicit"].settings


def test_a_tuned_family_without_a_search_is_not_trained_as_if_it_had_one(prepared):
    with pytest.raises(FoldinError, match=r"no settings chosen for als yet; make them first: dvc repro tune@demo"):
        tuned.run("demo")


def test_the_values_of_params_yaml_stay_where_nothing_is_better(prepared):
    plan = spaces.plans("als")["als-explicit"]
    found = [Trial(0, {}, Outcome(COMPLETE, 0.5, ())), Trial(1, {"factors": 2}, Outcome(COMPLETE, 0.6, ()))]
    given = {"factors": plan.settings.factors, "regularization": plan.settings.regularization}
    assert tune.account(plan, found)["chosen"] == tune.account(plan, found)["params"] == given
    assert tune.summary("als", plan, found) == ["als-explicit: no trial is better than params.yaml (RMSE 0.5000)"]
    with pytest.raises(FoldinError, match="no trial of als-explicit came to an end"):
        tune.chosen(plan, [Trial(0, {}, Outcome(DIVERGED, None, ()))])


def test_a_model_that_is_not_searched_is_named(prepared, capsys):
    assert cli.main(["tune", "demo", "als", "--model", "als-implicit"]) == 1
    assert "tune.models.als has nothing of 'als-implicit' to search; did you mean 'als-explicit'" in (
        capsys.readouterr().err
    )
    assert cli.main(["tune", "demo", "als", "--model", "als-explicit", "--write"]) == 2


def test_outcomes_are_kept_for_the_same_search_only(prepared):
    def fingerprint():
        plan = spaces.plans("als")["als-explicit"]
        settings = {key: value for key, value in plan.settings.model_dump().items() if key not in plan.space}
        return tune._fingerprint(tune.task_of("demo", "als", plan), plan), settings

    before, _ = fingerprint()
    assert fingerprint()[0] == before
    changes = [
        lambda values: values.update(seed=7),
        lambda values: values["evaluation"].update(k=7),
        lambda values: values["als"]["als-explicit"].update(damping=1.0),
        lambda values: values["tune"]["search"].update(parallel=3),
        lambda values: values["tune"]["models"]["als"]["als-explicit"]["space"].update(factors=[2, 8]),
    ]
    seen = {before}
    for change in changes:
        edit_params(prepared, change)
        seen.add(fingerprint()[0])
    assert len(seen) == 1 + len(changes)
    edit_params(prepared, lambda values: values["tune"]["search"].update(trials=30))
    assert fingerprint()[0] in seen, "more trials go on from those there are"
    (paths.user_item("demo") / "scale.json").write_text("{}")
    assert fingerprint()[0] not in seen


def test_the_stage_tune_is_made_for_the_families_named_and_reads_no_test_part(workspace):
    def names():
        return [name for name in pipeline.every(["demo"], params.families()) if name.startswith("tune")]

    assert names() == ["tuned@demo"]
    edit_params(workspace, lambda values: values["tune"].update(families=["als"]))
    assert names() == ["tune@demo-als", "tuned@demo"]
    for name in names():
        inputs = pipeline.every(["demo"], params.families())[name].inputs
        assert not any(path.startswith("data/test") for path in inputs)


def test_trials_run_on_the_cpu_lane_with_one_thread(prepared):
    with tune._workers(1) as pool:
        assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
        assert pool.submit(os.getenv, "OPENBLAS_CORETYPE").result() == os.environ["OPENBLAS_CORETYPE"]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"


def test_a_process_that_dies_is_said(prepared):
    with (
        pytest.raises(FoldinError, match="the process of a trial died; most often memory ran out"),
        tune._workers(1) as pool,
    ):
        pool.submit(os._exit, 1).result()
