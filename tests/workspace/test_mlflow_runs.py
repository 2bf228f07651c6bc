"""`foldin mlflow`: the results of a commit as MLflow itself reads them; once, without a word to anybody."""

import importlib.util
import json
import os
import socket
import subprocess
import sys

import pytest
from conftest import CHECKOUT, commit, sh

from foldin import cli
from foldin.core import paths
from foldin.workspace import mlflow_runs

with_extra = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="needs the extra mlflow: make install EXTRA=mlflow"
)
BOARD = """\
model,family,kind,rmse,ndcg,rmse_low,rmse_high,rmse_tied,ndcg_low,ndcg_high,ndcg_tied
oracle,baselines,oracle,0.5,0.9,0.4,0.6,False,0.8,1.0,False
ease,linear,model,,0.3,,,,0.25,0.35,True
bias,baselines,baseline,0.9,,0.85,0.95,True,,,
"""
LOCK = """\
schema: '2.0'
stages:
  user_item@demo:
    cmd: python src/foldin user-item demo
    params:
      params.yaml:
        evaluation.liked_share: 0.75
        seed: 42
        split:
          protocol: per_user_time
          test: 0.2
  train@demo-linear:
    cmd: python src/foldin train demo linear
    params:
      params.yaml:
        linear:
          ease:
            regularization: 600.0
            nested:
              deeper: 1
        seed: 42
  train@demo-baselines:
    cmd: python src/foldin train demo baselines
    params:
      params.yaml:
        baselines:
          bias:
            damping: 5.0
        seed: 42
"""


@pytest.fixture
def finished(workspace):
    """Return a repository whose results are committed."""
    folder = paths.reports("demo")
    (folder / "tables").mkdir(parents=True)
    (folder / "plots").mkdir()
    (folder / "leaderboard.csv").write_text(BOARD)
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "plots" / "leaderboard.png").write_bytes(b"png")
    (folder / "tables" / "linear.json").write_text(
        json.dumps({"ease": {"ndcg_at_10": 0.312345, "ndcg_at_10_se": 0.01, "coverage_at_10": 0.2, "recall_at_10": 1}})
    )
    (folder / "tables" / "baselines.json").write_text(json.dumps({"bias": {"rmse": 0.9, "mae": 0.7}}))
    (workspace / "dvc.lock").write_text(LOCK)
    (workspace / ".gitignore").write_text("mlruns/\n")
    sh("git", "init", "--quiet", cwd=workspace)
    commit(workspace, "results")
    return workspace


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def client(folder):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlruns' / mlflow_runs.DATABASE}")


def runs(folder):
    reader = client(folder)
    (experiment,) = [each for each in reader.search_experiments() if each.name != "Default"]
    assert experiment.name == "demo"
    return {one.data.tags["mlflow.runName"]: one for one in reader.search_runs([experiment.experiment_id])}


@with_extra
@pytest.mark.filterwarnings("default")
def test_mlflow_reads_settings_metrics_intervals_and_the_report(finished, no_network, capsys):
    assert cli.main(["mlflow"]) == 0
    head = sh("git", "rev-parse", "HEAD", cwd=finished).stdout.strip()
    assert capsys.readouterr().out == f"demo: 2 models of commit {head[:7]} written to mlruns.\n"
    found = runs(finished)
    whole = found.pop(f"demo at {head[:7]}")
    assert set(found) == {"ease", "bias"}, "a run for each model; the oracle is none"
    ease, bias = found["ease"], found["bias"]
    assert ease.data.params == {"regularization": "600.0", "nested.deeper": "1", "seed": "42"}
    assert ease.data.metrics == {
        "ndcg_at_10": 0.312345, "ndcg_at_10_low": 0.25, "ndcg_at_10_high": 0.35, "coverage_at_10": 0.2
    }  # fmt: skip
    assert bias.data.metrics == {"rmse": 0.9, "rmse_low": 0.85, "rmse_high": 0.95, "mae": 0.7}
    assert whole.data.params == {"seed": "42", "split.protocol": "per_user_time", "split.test": "0.2"}
    for one in (whole, ease, bias):
        assert one.data.tags["mlflow.source.git.commit"] == head
        assert one.info.status == "FINISHED"
    assert ease.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert (ease.data.tags["foldin.family"], bias.data.tags["foldin.kind"]) == ("linear", "baseline")
    assert {name for name in ease.data.tags if "best_or_tied" in name} == {"foldin.best_or_tied.ndcg"}
    kept = {each.path for each in client(finished).list_artifacts(whole.info.run_id)}
    assert kept == {"report.html", "leaderboard.csv", "plots"}
    folder = finished / "mlruns" / "artifacts" / "demo" / whole.info.run_id / "artifacts"
    assert (folder / "plots" / "leaderboard.png").read_bytes() == b"png"


@with_extra
@pytest.mark.filterwarnings("default")
def test_a_commit_is_written_once_and_an_interrupted_export_again(finished, monkeypatch, capsys):
    assert cli.main(["mlflow"]) == 0
    first = {name: one.info.run_id for name, one in runs(finished).items()}
    capsys.readouterr()
    assert cli.main(["mlflow"]) == 0
    assert capsys.readouterr().out.endswith("are in mlruns already.\n")
    assert {name: one.info.run_id for name, one in runs(finished).items()} == first
    (paths.reports("demo") / "report.html").write_text("<p>another</p>")
    commit(finished, "another")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow_runs, "_metrics", stop)
        assert cli.main(["mlflow"]) == 130
    assert cli.main(["mlflow"]) == 0
    reader = client(finished)
    experiment = reader.get_experiment_by_name("demo").experiment_id
    every = reader.search_runs([experiment])
    assert len(every) == 6, "three of each commit"
    assert {one.info.status for one in every} == {"FINISHED"}


@with_extra
def test_telemetry_is_off(tmp_path):
    code = (
        "import os; from foldin.workspace import mlflow_runs; os.environ.update(mlflow_runs.SILENT); import mlflow;"
        "from mlflow.telemetry import get_telemetry_client; print(get_telemetry_client())"
    )
    # Another test may have left another PYTHONPATH.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.stdout.splitlines()[-1:] == ["None"], done.stderr


@pytest.fixture
def present(monkeypatch):
    """Let the checks before any call of MLflow run without it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


def error(capsys, *arguments):
    assert cli.main(["mlflow", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said.removeprefix("foldin: ").rstrip()


def test_without_the_extra_one_line_says_how_to_install_it(finished, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert error(capsys) == "this needs MLflow, which is an extra; install it: make install EXTRA=mlflow"


def test_results_that_are_not_committed_are_refused(finished, present, capsys):
    (paths.reports("demo") / "leaderboard.csv").write_text(BOARD + "\n")
    remedy = "commit it, so that runs name their commit"
    assert error(capsys) == f"not committed: reports/demo/leaderboard.csv; {remedy}"
    (paths.reports("demo") / "more.txt").touch()
    assert error(capsys) == f"not committed: reports/demo/leaderboard.csv and 1 more; {remedy}"
    assert not (finished / "mlruns").exists()


def test_what_is_missing_is_named(finished, present, capsys):
    assert error(capsys, "--dataset", "dmo").startswith("unknown data set 'dmo'; did you mean 'demo'?")
    assert error(capsys, "--dataset", "ml-100k").startswith("reports/ml-100k/leaderboard.csv: no leaderboard here")
    assert error(capsys, "--to", "params.yaml") == "params.yaml: is no folder; name a folder with --to"
    (finished / "dvc.lock").write_text(LOCK.partition("  train@demo-baselines")[0])
    commit(finished, "a lock without a stage")
    assert error(capsys).startswith("dvc.lock: does not know the stage train@demo-baselines; run it: dvc repro")


def test_outside_a_repository_the_commit_is_missing(workspace, present, capsys):
    assert "no commit here (fatal: not a git repository" in error(capsys)


def test_the_real_settings_of_the_checkout_are_found(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    board = mlflow_runs._board("demo")
    found = mlflow_runs._settings("demo", board)
    assert {row["model"] for row in board} == set(found) - {""}
    assert "als-explicit" in found
    assert float(found["als-explicit"]["regularization"]) > 0
    assert "split.protocol" in mlflow_runs._flat(found[""])
    for row in board:
        assert mlflow_runs._metrics("demo", row), row["model"]
