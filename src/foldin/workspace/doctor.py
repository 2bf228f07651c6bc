"""`foldin doctor`: checks the machine and the environment; each line says ok, or what to do."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from packaging.requirements import Requirement

from foldin.core import determinism, engines, params, paths
from foldin.spark import java
from foldin.workspace import cache, orphans

DISK = 6 * 1024**3
"""Bytes that an environment and a full run of the embedded data set need, twofold."""
MEMORY = 3 * 1024**3
"""Bytes the largest stage of the embedded data set needs, with room."""


class Finding(NamedTuple):
    """One line: what was looked at, whether it is well, what was seen, and what to do."""

    topic: str
    well: bool
    seen: str
    remedy: str = ""


def run(*, look_at_cache: bool = False) -> bool:
    """Print a line for each thing that foldin needs of a machine; return whether nothing needs to be done.

    Parameters
    ----------
    look_at_cache : bool, optional
        Whether to read all of DVC's cache as well, which takes a while.
    """
    looks = [*LOOKS, _cache] if look_at_cache else LOOKS
    findings = [finding for look in looks for finding in look()]
    for topic, well, seen, remedy in findings:
        print(f"{'ok  ' if well else 'DO  '}{topic:<13} {seen}{'' if well else f'; {remedy}'}")
    return all(finding.well for finding in findings)


def _interpreter() -> Iterator[Finding]:
    seen = f"Python {platform.python_version()}, {sys.executable}"
    well = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("interpreter", well, seen, "use Python 3.11, 3.12 or 3.13: make clean, then make PYTHON=... install")
    inside = Path(sys.prefix).resolve() == (paths.root() / ".venv").resolve()
    yield Finding("environment", inside, sys.prefix, "use the checkout's own: . .venv/bin/activate, or make")


def _lock() -> Iterator[Finding]:
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", (paths.root() / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    # A universal lock also names packages of other systems and Pythons, which are not installed here.
    pinned = [need for need in map(Requirement, lines) if need.marker is None or need.marker.evaluate()]
    installed: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        installed.setdefault(name, distribution.version)
    other = [
        f"{need.name} {installed.get(need.name, 'is missing')}, not {str(need.specifier)[2:]}"
        for need in pinned
        if not need.specifier.contains(installed.get(need.name, "0"), prereleases=True)
    ]
    seen = f"{len(pinned)} packages pinned" if not other else f"differ from requirements.lock: {', '.join(other[:3])}"
    yield Finding("lock", not other, seen, "install what is pinned: make clean install")


def _threads() -> Iterator[Finding]:
    threads, cores = (
        params.threads(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    )
    remedy = "results stay the same, but slower; or set threads in params.yaml, which changes last digits"
    yield Finding("threads", threads <= (cores or 1), f"{threads} of {cores} cores (params.yaml)", remedy)
    lane = determinism.variables(threads, params.device())
    wrong = [name for name, value in lane.items() if os.environ.get(name) != value]
    yield Finding("CPU lane", not wrong, ", ".join(wrong) or "pinned", "unset FOLDIN_LANE")
    if platform.machine().lower() in ("x86_64", "amd64"):
        flags = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").is_file() else "avx2"
        yield Finding(
            "AVX2",
            "avx2" in flags,
            "the instruction set results are made with",
            "this processor gives other last digits than those committed",
        )
    else:
        seen = f"{platform.machine()}: last digits may differ from those committed, made on x86-64"
        yield Finding("processor", True, seen)


def _devices() -> Iterator[Finding]:
    tool = shutil.which("nvidia-smi")
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, check=False).stdout if tool else ""
    names = re.findall(r"GPU \d+: (.*?) \(UUID", listed)
    seen = f"{params.device()} asked for; {', '.join(names) or 'no NVIDIA GPU'} here"
    yield Finding("device", bool(names) or params.device() == "cpu", seen, "say device: cpu in params.yaml")
    if params.device() == "gpu":
        extra = (paths.root() / ".venv" / ".installedgpu").is_file()
        libraries = "installed" if extra else "not installed"
        yield Finding("GPU libraries", extra, libraries, "install them: make install EXTRA=gpu")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    seen = f"{backend}{'' if backend == 'tensorflow' else ' (KERAS_BACKEND): other digits than those committed'}"
    there = importlib.util.find_spec(backend) is not None
    yield Finding("Keras backend", there, seen, f"install it (make install EXTRA={backend}), or unset KERAS_BACKEND")


def _engine() -> Iterator[Finding]:
    needed = engines.engine() == "spark"
    there = importlib.util.find_spec("pyspark") is not None
    try:
        version = importlib.metadata.version("pyspark") if there else "not installed"
    except importlib.metadata.PackageNotFoundError:  # found through SPARK_HOME or PYTHONPATH
        version = "of an unknown version"
    seen = f"pyspark {version}; {'on ' + engines.spark().master if needed else 'engine is local'}"
    yield Finding("Spark", there or not needed, seen, "install it (make install EXTRA=spark), or write engine: local")
    path = java.program()
    release = java.version(path) if path else None
    seen = f"{release or 'of an unknown version'}, {path}" if path else "none: only engine: spark needs it"
    yield Finding("Java", release in java.VERSIONS or not needed, seen, java.INSTALL)


def _programs() -> Iterator[Finding]:
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    install = "the tests in JupyterLab skip (Debian: apt install chromium chromium-driver)"
    seen = f"no {' and no '.join(missing)}: {install}" if missing else "chromium, with chromedriver for the tests"
    yield Finding("browser", True, seen)
    git = shutil.which("git")
    yield Finding("git", git is not None, git or "none", "install git")
    if git:
        known = not subprocess.run([git, "rev-parse", "--git-dir"], cwd=paths.root(), capture_output=True).returncode
        seen = "this checkout is one" if known else "none here, as after a ZIP download, and DVC needs one"
        remedy = "make one: git init; rm -f .venv/.installed; make install"
        yield Finding("repository", known, seen, remedy)
    if git and known:
        command = [git, "config", "--get-regexp", r"^filter\.(notebook|dvc-lock)\.clean$"]
        asked = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=False)
        filters = len(asked.stdout.splitlines()) == 2
        seen = "notebooks' outputs are no changes" if filters else "git shows the outputs of notebooks as changes"
        yield Finding("git filters", filters, seen, "set them: rm .venv/.installed; make install")


def _orphans() -> Iterator[Finding]:
    left = orphans.stages()
    seen = f"{len(left)} stages of no data set or family there is: {', '.join(left[:3])}" if left else "all known"
    remedy = "delete their blocks from dvc.lock, or declare the data set again under sources in params.yaml"
    yield Finding("dvc.lock", not left, seen, remedy)
    left = orphans.folders()
    seen = f"of no data set there is: {', '.join(left)}" if left else "all known"
    yield Finding("folders", not left, seen, f"remove them: rm -r {' '.join(left)}")


def _space() -> Iterator[Finding]:
    for topic, folder in (("disk", paths.root()), ("temporary", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        seen = f"{free / 1024**3:.1f} GiB free in {folder}"
        yield Finding(topic, free >= DISK, seen, f"keep {DISK / 1024**3:.0f} GiB free")
    available = psutil.virtual_memory().available
    remedy = f"close programs: stages need up to {MEMORY / 1024**3:.0f} GiB"
    yield Finding("memory", available >= MEMORY, f"{available / 1024**3:.1f} GiB available", remedy)


def _cache() -> Iterator[Finding]:
    n_objects, damaged = cache.damaged()
    if not damaged:
        yield Finding("cache", True, f"{n_objects} objects, each as its name says, in {cache.folder()}")
        return
    outputs = cache.outputs_of(damaged)
    seen = f"damaged: {len(damaged)} of {n_objects} objects in {cache.folder()}, of {', '.join(outputs) or 'old runs'}"
    yield Finding("cache", False, seen, cache.remedy([*map(cache.object_path, damaged), *outputs]))


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _interpreter,
    _lock,
    _threads,
    _devices,
    _engine,
    _programs,
    _orphans,
    _space,
)
