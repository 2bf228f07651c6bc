"""A standalone Spark cluster on loopback: a master and workers as processes of their own, ended by their ids."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
READY = 240.0
"""Seconds in which a daemon must be there."""


class Cluster:
    """A master and workers of a core each; a context manager.

    Parameters
    ----------
    folder : Path
        For logs and what executors write.
    workers : int
        How many.
    memory : str
        Of each worker's executors.
    """

    def __init__(self, folder: Path, workers: int = 2, memory: str = "1g") -> None:
        self.folder, self.memory = folder, memory
        self.address = f"spark://127.0.0.1:{_free_port()}"
        self.running: dict[str, subprocess.Popen] = {}
        self._names = [f"worker-{number}" for number in range(workers)]

    def __enter__(self) -> "Cluster":
        try:
            host, port = self.address.removeprefix("spark://").split(":")
            self._start("master", MASTER, "--host", host, "--port", port, "--webui-port", "0")
            self._until("master", "I have been elected leader")
            for name in self._names:
                self.start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self.running)):
            self.kill(name, signal.SIGTERM)

    def start(self, name: str) -> None:
        """Start a worker, and wait until the master knows it."""
        work = self.folder / f"{name}-files"
        self._start(
            name, WORKER, "--cores", "1", "--memory", self.memory, "--host", "127.0.0.1", "--webui-port", "0",
            "--work-dir", str(work), self.address,
        )  # fmt: skip
        self._until(name, "Successfully registered with master")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a daemon and its executors, which are in its process group, by a signal."""
        process = self.running.pop(name)
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, kind: str, *arguments: str) -> None:
        import pyspark

        program = Path(pyspark.__file__).parent / "bin" / "spark-class"
        more = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m", "PYSPARK_PYTHON": sys.executable}
        more["SPARK_DAEMON_JAVA_OPTS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [str(program), kind, *arguments],
                env=os.environ | more, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=_end_with_parent,
            )  # fmt: skip

    def _until(self, name: str, said: str) -> None:
        begun, log = time.monotonic(), self.folder / f"{name}.log"
        while said not in log.read_text(errors="replace"):
            if self.running[name].poll() is not None or time.monotonic() - begun > READY:
                raise RuntimeError(f"{name} is not there: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)


def _end_with_parent() -> None:
    """Let the system end a daemon when the tests end, however that happens (PR_SET_PDEATHSIG of Linux)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
