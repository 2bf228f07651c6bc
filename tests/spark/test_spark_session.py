"""What keeps Spark from starting is said in one line, with the remedy; nothing here starts it."""

import os
import socket
import sys
from types import SimpleNamespace

import pytest
from conftest import edit_params
from spark_checkouts import on_spark

from foldin import cli
from foldin.core import engines, paths
from foldin.core.errors import FoldinError
from foldin.preparation import fetch
from foldin.spark import java, options, session
from foldin.workspace import check_params


@pytest.fixture
def asked_for(workspace, monkeypatch):
    on_spark(workspace)
    monkeypatch.setattr(session, "_sessions", {})
    monkeypatch.setattr(session, "_open", lambda sql, where: pytest.fail("must not get as far"))
    return workspace


def test_the_stage_says_that_pyspark_is_missing(asked_for, monkeypatch, capsys):
    fetch.run("demo")
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert cli.main(["clean", "demo"]) == 1
    said = "foldin: params.yaml: engine is spark, and pyspark is not installed; install it (make install EXTRA=spark)"
    assert said in capsys.readouterr().err
    assert not paths.clean("demo").exists()


@pytest.fixture
def with_pyspark(asked_for, monkeypatch):
    monkeypatch.setattr(session, "_pyspark", lambda: None)
    return asked_for


def test_no_java_is_said(with_pyspark, monkeypatch):
    monkeypatch.setattr(java, "program", lambda: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(FoldinError, match=r"there is no Java here; install Java 17 or 21 \(Debian: apt install"):
        session.start()


def test_another_java_is_said(with_pyspark, monkeypatch, tmp_path):
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(FoldinError, match=r"bin/java is Java 11; install Java 17 or 21 .* name it in JAVA_HOME"):
        session.start()


def test_a_cluster_that_does_not_answer_is_said(with_pyspark, monkeypatch):
    monkeypatch.setattr(java, "require", lambda: "java")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        on_spark(with_pyspark, f"spark://127.0.0.1:{port}")
        with pytest.raises(FoldinError, match=f"spark.master is spark://127.0.0.1:{port}, which does not answer"):
            session.start()


def test_more_memory_than_there_is_is_said(with_pyspark, monkeypatch):
    monkeypatch.setattr(java, "require", lambda: "java")
    on_spark(with_pyspark)
    monkeypatch.setattr(
        engines,
        "spark",
        lambda: engines.params.Spark(
            master="local[2]", cores=2, driver_gigabytes=9999, executor_gigabytes=1, options={}
        ),
    )
    with pytest.raises(FoldinError, match=r"spark.driver_gigabytes is 9999, and [\d.]+ GiB of memory is available"):
        session.start()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "als: memory ran out on Spark; raise spark.executor_gigabytes"),
        ("Job aborted\nCaused by: java.io.IOException: No space left\n\tat org", r"failed \(Caused by: java.io.IOExc"),
    ],
)
def test_what_goes_wrong_in_a_job_is_one_line(workspace, said, line):
    with pytest.raises(FoldinError, match=line) as caught:
        raise session._explained(RuntimeError(said), "als")
    assert "\n" not in str(caught.value)


def test_a_session_never_asks_for_another_number_of_partitions_than_its_own(workspace):
    few, many = (options.of(engines.spark().model_copy(update={"cores": cores})) for cores in (1, 64))
    assert few["spark.sql.shuffle.partitions"] == many["spark.sql.shuffle.partitions"]
    assert many["spark.cores.max"] == "64"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("spark.sql.shuffle.partitions", "to '7', which foldin sets to '[0-9]+'; remove it from spark.options$"),
        ("spark.cores.max", "to '7', which foldin sets to '2'; remove it from spark.options; set spark.cores instead$"),
        ("spark.executorEnv.OMP_NUM_THREADS", "to '7', which foldin sets to '1'; remove it from spark.options$"),
    ],
)
def test_a_setting_that_foldin_sets_is_refused_by_the_check_and_by_the_session(with_pyspark, name, line):
    edit_params(with_pyspark, lambda values: values["spark"].update(options={name: "7"}))
    for refuses in (check_params.check, session.start):
        with pytest.raises(FoldinError, match=f"params.yaml: spark.options sets {name} {line}"):
            refuses()


def test_other_settings_reach_spark(workspace):
    where = engines.spark().model_copy(update={"options": {"spark.eventLog.enabled": "true"}})
    assert options.of(where)["spark.eventLog.enabled"] == "true"


@pytest.mark.parametrize("ends", [True, False])
def test_a_stage_waits_for_the_cores_of_another_and_is_refused_only_without_one(workspace, monkeypatch, ends):
    """The other stage has all cores for an hour; then they are free, or there never were any for this one."""
    now, ticks = [0.0], []
    executors = SimpleNamespace(getExecutorInfos=lambda: ["driver"] + ["executor"] * (ends and now[0] > 3600))
    scala = SimpleNamespace(statusTracker=lambda: executors)
    started = SimpleNamespace(sparkContext=SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: scala)))
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(session.time, "sleep", lambda _: now.__setitem__(0, now[0] + 30))
    monkeypatch.setattr(session, "tick", ticks.append)
    monkeypatch.setattr(session.psutil, "pid_exists", lambda process: process == os.getpid() or now[0] <= 3600)
    for process in (os.getpid(), os.getpid() + 1):
        (paths.partial() / f"spark-checkpoints-{process}").mkdir(parents=True)
    if ends:
        session._require_executor(started, engines.spark())
    else:
        with pytest.raises(FoldinError, match=r"no worker of local\[2\] gave an executor of 1 GiB in 120 s"):
            session._require_executor(started, engines.spark())
        assert now[0] == pytest.approx(3600 + session.WAIT, abs=60)
    held = f"; process {os.getpid() + 1}, another stage, may have all cores"
    assert ticks[0] == f"waiting for an executor of local[2]{held}"
