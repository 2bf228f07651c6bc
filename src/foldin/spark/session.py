"""The session with Spark: started once in a process, with settings that do not change results, and stopped at its end.

What can be wrong is checked before, or found out soon after: Spark itself would wait, or print a page of Java.
"""

import atexit
import os
import shutil
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from foldin.core import engines, params, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import end, step, tick
from foldin.spark import java, options

WAIT = 120.0
"""Seconds in which a cluster must give an executor: workers that have no room for one never say so."""
JVM_BESIDE = 1.1
"""Memory of a JVM, per gigabyte of its heap."""


_sessions: dict[str, Any] = {}
"""The session of this process by its master, where there is one."""


def start() -> Any:
    """Return the session of this process, a `pyspark.sql.SparkSession`; start it where there is none yet.

    Raises
    ------
    FoldinError
        When pyspark or Java is missing, `spark.options` names what foldin sets, memory is short, or the cluster cannot
        be reached or gives no executor.
    """
    # Tables go to and from Spark as Arrow's, so what it says of pandas does not matter here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas >= 3", FutureWarning)
    where = engines.spark()
    if where.master not in _sessions:
        stop()
        _sessions[where.master] = _start(where)
    return _sessions[where.master]


def _start(where: params.Spark) -> Any:
    options.of(where)
    sql = _pyspark()
    java.require()
    _require_memory(where)
    _require_master(where.master)
    step(f"starting Spark on {where.master}")
    session = _open(sql, where)
    if not where.master.startswith("local"):
        try:
            _require_executor(session, where)
        except BaseException:
            _stop(session)
            raise
    return session


def _pyspark() -> Any:
    try:
        from pyspark import sql
    except ModuleNotFoundError:
        remedy = "install it (make install EXTRA=spark), or write engine: local"
        raise FoldinError("engine is spark, and pyspark is not installed", where="params.yaml", remedy=remedy) from None
    return sql


def _require_memory(where: params.Spark) -> None:
    available = psutil.virtual_memory().available / 1024**3
    if where.driver_gigabytes * JVM_BESIDE > available:
        what = f"spark.driver_gigabytes is {where.driver_gigabytes:g}, and {available:.1f} GiB of memory is available"
        raise FoldinError(what, where="params.yaml", remedy="lower it, or close programs")


def _require_master(master: str) -> None:
    """Refuse a standalone cluster none of whose masters answers: Spark would try for minutes."""
    if not master.startswith("spark://"):
        return
    host, port = master.removeprefix("spark://").rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        what = f"spark.master is {master}, which does not answer ({error})"
        remedy = "start the cluster, mend the address, or write master: local[2]"
        raise FoldinError(what, where="params.yaml", remedy=remedy) from None


def log() -> Path:
    """Return the file of what Spark's JVM said in the last session of this checkout."""
    return paths.partial() / "spark.log"


def _open(sql: Any, where: params.Spark) -> Any:
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf(loadDefaults=False).setAll(list(options.of(where).items()))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    log().parent.mkdir(parents=True, exist_ok=True)
    with log().open("wb") as said:
        try:
            gateway = launch_gateway(conf, {"stderr": said, "stdout": said})
            context = SparkContext(gateway=gateway, conf=conf)
            context.setCheckpointDir(_checkpoints().resolve().as_uri())
            return sql.SparkSession(context)
        except (PySparkException, Py4JError, OSError) as error:
            raise FoldinError(
                f"Spark did not start on {where.master} ({_first_line(error)})",
                where="params.yaml (spark)",
                remedy=f"{log().relative_to(paths.root())} says why",
            ) from None


def _checkpoints() -> Path:
    """Return the folder of what long jobs keep on the way, which every worker sees; those of dead processes go."""
    for process, folder in _kept().items():
        if not psutil.pid_exists(process):
            shutil.rmtree(folder, ignore_errors=True)
    return paths.partial() / f"spark-checkpoints-{os.getpid()}"


def _kept() -> dict[int, Path]:
    """Return the checkpoint folders of this checkout by their processes."""
    return {int(each.name.rpartition("-")[2]): each for each in paths.partial().glob("spark-checkpoints-*")}


def _require_executor(session: Any, where: params.Spark) -> None:
    """Wait for the first executor; refuse a cluster that gives none, on which every job would wait for ever.

    While another stage of this checkout has a session it may have all cores, which are free when it ends.
    """
    tracker, begun = session.sparkContext._jsc.sc().statusTracker(), time.monotonic()
    while len(tracker.getExecutorInfos()) < 2:  # the driver is one of them
        others = [process for process in _kept() if process != os.getpid() and psutil.pid_exists(process)]
        if others:
            begun = time.monotonic()
        if time.monotonic() - begun > WAIT:
            raise FoldinError(
                f"no worker of {where.master} gave an executor of {where.executor_gigabytes:g} GiB in {WAIT:.0f} s",
                where="params.yaml",
                remedy="start workers with that much free memory, or lower spark.executor_gigabytes",
            )
        held = f"; process {others[0]}, another stage, may have all cores" if others else ""
        tick(f"waiting for an executor of {where.master}{held}")
        time.sleep(0.2)


def _stop(session: Any) -> None:
    """Stop a session and its JVM; another would not start one of its own as long as this one's is known."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    with suppress(Py4JError, OSError):  # the JVM may be gone already
        session.stop()
    shutil.rmtree(_checkpoints(), ignore_errors=True)
    gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
    if gateway is not None:
        with suppress(Py4JError, OSError):
            gateway.shutdown()
        gateway.proc.stdin.close()  # which the JVM ends with
        gateway.proc.wait(timeout=30)


def stop() -> None:
    """Stop the session of this process, where there is one."""
    if _sessions:
        _stop(_sessions.popitem()[1])


@contextmanager
def job(text: str) -> Iterator[Any]:
    """Give the session for some work on it, show how far it is, and say in one line what goes wrong.

    Parameters
    ----------
    text : str
        What the work is, for the user.

    Yields
    ------
    pyspark.sql.SparkSession
        The session.

    Raises
    ------
    FoldinError
        When Spark fails: names the cause and its log.
    """
    session = start()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    step(text)
    done = threading.Event()
    follower = threading.Thread(target=_follow, args=(session.sparkContext, text, done), daemon=True)
    follower.start()
    try:
        yield session
    except (PySparkException, Py4JError, ConnectionError, EOFError) as error:
        raise _explained(error, text) from None
    finally:
        done.set()
        follower.join()
        end()


def _follow(context: Any, text: str, done: threading.Event) -> None:
    """Show how many tasks of the active stage are through."""
    while not done.wait(0.5):
        try:
            tracker = context.statusTracker()
            infos = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage))]
        except Exception:  # monitoring must not end the work; a dead JVM is said by the work itself
            return
        if infos:
            last = infos[-1]
            tick(f"{text}: {last.name.split(' ')[0]}, task {last.numCompletedTasks:,} of {last.numTasks:,}")


def _explained(error: BaseException, text: str) -> FoldinError:
    said = f"{error}"
    where = "params.yaml (spark)"
    place = log().relative_to(paths.root())
    if "OutOfMemoryError" in said or "exit code 137" in said.lower() or "exit code 52" in said.lower():
        remedy = "raise spark.executor_gigabytes (of local[N]: spark.driver_gigabytes), or use more workers"
        return FoldinError(f"{text}: memory ran out on Spark", where=where, remedy=remedy)
    if isinstance(error, ConnectionError | EOFError) or "Py4JNetworkError" in type(error).__name__:
        return FoldinError(f"{text}: Spark's driver ended", where=where, remedy=f"{place} says why; then run it again")
    return FoldinError(f"{text}: Spark failed ({_first_line(error)})", where=where, remedy=f"{place} says more")


def _first_line(error: BaseException) -> str:
    """Return what an error says, without Java's stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "Exception: " in line or line.startswith("Caused by")]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0][:300]


atexit.register(stop)
