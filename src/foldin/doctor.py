"""`foldin doctor`: looks at the machine and the environment; each line says ok, or what to do."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from foldin import determinism, params, paths

DISK = 6 * 1024**3
"""Bytes that an environment and a full run of the embedded data set need, twofold."""
MEMORY = 3 * 1024**3
"""Bytes the largest stage of the embedded data set needs, with room."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")


class Finding(NamedTuple):
    """One line: what was looked at, whether it is well, what was seen, and what to do."""

    topic: str
    well: bool
    seen: str
    remedy: str = ""


def run() -> bool:
    """Print a line for each thing that foldin needs of a machine; return whether nothing needs to be done."""
    findings = [finding for look in LOOKS for finding in look()]
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
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (paths.root() / "requirements.lock").read_text("utf-8"), re.M))
    installed: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        installed.setdefault(name, distribution.version)
    # A universal lock also names packages of other systems and Pythons, which are not installed here.
    other = [
        f"{name} {installed[name]}, not {right}"
        for name, right in pinned.items()
        if installed.get(name, right) != right
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


def _programs() -> Iterator[Finding]:
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    seen = (
        browser
        or "none on this machine: JupyterLab needs one on yours, and its tests skip (Debian: apt install chromium)"
    )
    yield Finding("browser", True, seen)
    java = shutil.which("java")
    yield Finding(
        "Java", True, java or "none: only the extra 'spark' needs it (Debian: apt install default-jre-headless)"
    )
    yield Finding("git", shutil.which("git") is not None, shutil.which("git") or "none", "install git")


def _space() -> Iterator[Finding]:
    free = shutil.disk_usage(paths.root()).free
    yield Finding("disk", free >= DISK, f"{free / 1024**3:.1f} GiB free", f"keep {DISK / 1024**3:.0f} GiB free")
    available = psutil.virtual_memory().available
    remedy = f"close programs: stages need up to {MEMORY / 1024**3:.0f} GiB"
    yield Finding("memory", available >= MEMORY, f"{available / 1024**3:.1f} GiB available", remedy)


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (_interpreter, _lock, _threads, _devices, _programs, _space)
