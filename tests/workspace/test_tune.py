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
from foldin.core import interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch, user_item
from foldin.tuning import spaces, tuned
from foldin.tuning.found import Found
from foldin.tuning.log import Log
from foldin.tuning.trials import COMPLETE, DIVERGED, IMPOSSIBLE, Job, Outcome, Trial
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
        [sys.executable, str(CHECKOUT / "src" / "foldin"), "tune", "demo", "als", *arguments],
        # A shell's background job ignores SIGINT, and so would all it starts: these tests may be in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **how,
    )


def test_one_process_and_two_a_second_run_and_one_that_was_killed_all_write_the_same(prepared):
    plan = spaces.plans("als")["als-explicit"]
    log = paths.trial_log("demo", "als", "als-explicit")
    searched = {}
    for processes in (1, 2):
        log.unlink(missing_ok=True)
        searched[processes] = tune.search_model("demo", "als", plan, processes).trials
    assert searched[1] == searched[2]
    assert {trial.outcome.state for trial in searched[1]} == {"complete", "pruned"}

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
    # The settings of params.yaml, which are in the log as well, are no trial.
    assert f": 12 trials by TPE, judged by RMSE on the validation part; {kept - 1} of them saved by" in progress
    assert progress.count(": trial ") + progress.count(": settings of params.yaml: ") == 13 - kept
    assert files_written() == first
    assert "als-explicit: " in said


@pytest.fixture
def quickly(prepared, monkeypatch):
    """Let trials be judged at once: the more factors and the less regularization, the better; trial 2 diverges."""

    def search_model(dataset, family, plan, processes=None):
        settings = [{}] + [{"factors": factors, "regularization": 0.1 * factors} for factors in (2, 3, 4)]
        values = [0.9, 0.8, None, 0.7]
        return Found(
            plan,
            tune.task_of(dataset, family, plan),
            [
                Trial(number, settings[number], Outcome(COMPLETE if value else DIVERGED, value, (1.0,)))
                for number, value in enumerate(values)
            ],
        )

    monkeypatch.setattr(tune, "search_model", search_model)


def test_the_best_values_are_printed_as_params_yaml_takes_them(quickly, prepared, capsys):
    assert cli.main(["tune", "demo", "als"]) == 0
    said = capsys.readouterr().out
    searched = "(3 trials judged by RMSE on the validation part)"
    assert said.splitlines()[0] == f"als-explicit: RMSE 0.7000 in trial 3; params.yaml: RMSE 0.9000 {searched}"
    assert "tune.families names als: `dvc repro` goes on from these trials, and trains with:" in said
    assert said.endswith("als:\n  als-explicit:\n    factors: 4\n    regularization: 0.4\n")
    assert not paths.trials("demo", "als").exists()


def test_what_to_do_next_depends_on_whether_the_family_is_tuned_already(quickly, prepared, capsys):
    edit_params(prepared, lambda values: values["tune"].update(families=["svd"]))
    assert cli.main(["tune", "demo", "als"]) == 0
    assert "- add als to tune.families in params.yaml" in capsys.readouterr().out
    assert cli.main(["tune", "demo", "als", "--write"]) == 1
    assert "tune.families does not name 'als'" in capsys.readouterr().err
    assert not paths.trials("demo", "als").exists()


def test_what_is_chosen_is_what_the_notebook_trains_with(quickly, prepared, capsys):
    before = models.family("als")["als-explicit"].settings
    assert cli.main(["tune", "demo", "als", "--write"]) == 0
    tuned.run("demo")
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "Written for `train` and the report: reports/demo/accounts/tuning/als.json, als.csv"
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


def test_counts_are_searched_by_ndcg(prepared):
    folder = paths.user_item("demo")
    (folder / "scale.json").unlink()
    interactions.write_scale(folder, interactions.IMPLICIT)
    found = tune.search_model("demo", "als", spaces.plans("als")["als-explicit"], processes=1)
    best = max(trial.outcome.value for trial in found.trials)
    assert (found.account()["metric"], found.account()["value"]) == ("ndcg_at_10", best)
    assert found.rows()[-1]["best"] == best


def test_progress_knows_the_trials_of_an_earlier_run(prepared, capsys):
    task = tune.task_of("demo", "als", spaces.plans("als")["als-explicit"])
    log = Log(paths.trial_log("demo", "als", "als-explicit"), "a")
    log.add(Job(0, {}), Outcome(COMPLETE, 0.8, ()))
    log.add(Job(1, {"factors": 2}), Outcome(COMPLETE, 0.7, ()))
    log.add(Job(9, {"factors": 4}), Outcome(COMPLETE, 0.1, ()))
    shown = tune._Shown(task, 3, log)
    shown.begin("grid")
    worse, refused = Outcome(COMPLETE, 0.75, ()), Outcome(IMPOSSIBLE, None, (), "needs 21.0 GB")
    for job, outcome in [(Job(2, {"factors": 3}), worse), (Job(3, {"factors": 4}), refused)]:
        log.add(job, outcome)
        shown.say(job, outcome)
    assert capsys.readouterr().err.splitlines() == [
        # Trial 9 is of a longer search.
        "demo: als-explicit: 3 trials by grid search, judged by RMSE on the validation part; "
        "1 of them saved by an earlier run",
        "demo: als-explicit: trial 2 of 3: RMSE 0.7500 (best so far 0.7000, trial 1): factors 3",
        "demo: als-explicit: trial 3 of 3: not possible: needs 21.0 GB (best so far 0.7000, trial 1): factors 4",
    ]
    assert shown.saved() == "2 of 3 trials of als-explicit are"


def test_ctrl_c_says_what_is_saved_and_how_to_go_on_and_leaves_no_process(prepared):
    log = paths.trial_log("demo", "als", "als-explicit")
    edit_params(prepared, lambda values: values["tune"]["search"].update(trials=5000))
    for lines in (0, 3):  # while the processes start, and while they work
        running = command(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        deadline, workers = time.monotonic() + 120, []
        while time.monotonic() < deadline and not (workers and log.is_file() and log.read_text().count("\n") > lines):
            time.sleep(0.02)
            workers = psutil.Process(running.pid).children(recursive=True)
        # As a terminal does: to all processes of the group.
        os.killpg(running.pid, signal.SIGINT)
        said, progress = running.communicate(timeout=60)
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]
        assert (running.returncode, said) == (130, "")
        assert "Traceback" not in progress
        kept = sum('"number": 0' not in line for line in log.read_text().splitlines()[1:])
        assert progress.splitlines()[-1] == (
            f"foldin: stopped; {kept} of 5000 trials of als-explicit are saved, "
            "and this goes on from there: foldin tune demo als"
        )


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
    with (paths.user_item("demo") / "scale.json").open("a") as file:
        file.write("\n")
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


def test_a_model_that_is_too_large_keeps_its_settings_and_the_others_of_its_family_are_searched(
    prepared, monkeypatch, capsys
):
    refused = Outcome(IMPOSSIBLE, None, (), "als-implicit needs 21.0 GB")
    ends = {"als-explicit": Outcome(COMPLETE, 0.5, ()), "als-implicit": refused}
    space = {"space": {"factors": [2]}}
    edit_params(prepared, lambda values: values["tune"].update(models={"als": dict.fromkeys(ends, space)}))
    monkeypatch.setattr(
        tune,
        "search_model",
        lambda *names: Found(names[-1], tune.task_of(*names), [Trial(0, {}, ends[names[-1].name])]),
    )
    assert cli.main(["tune", "demo", "als", "--write"]) == 0
    said = "als-implicit: no trial is possible, so the settings of params.yaml stay: als-implicit needs 21.0 GB"
    assert said in capsys.readouterr().out
    account = json.loads(paths.account("demo", "tuning/als").read_text())["als-implicit"]
    assert account["value"] is None
    assert account["chosen"] == account["params"]
    # Where no model of a family is possible, the command fails.
    assert cli.main(["tune", "demo", "als", "--model", "als-implicit"]) == 1
    assert "no trial of als-implicit came to an end" in capsys.readouterr().err
