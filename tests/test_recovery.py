"""Every stage killed, stopped, out of disk, out of memory or fed damaged bytes: the next `dvc repro` mends it.

Each test disturbs one run of a small pipeline with DVC itself, and then runs `dvc repro`. That must give the bytes of
the undisturbed run, leave nothing running, and leave no part of the disturbed run. `make test-faults` runs them.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import as_others, commit, edit_params, sh, small_repository

from foldin.workspace import pipeline

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
STAGES = (
    "strip",
    "source",
    "fetch@demo",
    "clean@demo",
    "user_item@demo",
    "tuned@demo",
    "train@demo-als",
    "evaluate@demo-als",
    "report@demo",
    "explore@demo",
    "traps@demo",
)
WITH_A_KERNEL = [stage for stage in STAGES if stage.split("@")[0] in {"train", "report", "explore", "traps"}]
LARGE = ("fetch@demo", "clean@demo", "user_item@demo", "train@demo-als", "evaluate@demo-als", "report@demo")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends at once what a killed process started")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one family, whose whole pipeline has run, all committed."""
    folder = tmp_path_factory.mktemp("whole") / "foldin"
    small_repository(folder, families=["als"])
    sh("dvc", "repro", cwd=folder)
    commit(folder, "first")
    return folder


def living(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def none_living(folder: Path) -> bool:
    """Return whether everything that works in a folder ends within 20 s."""
    return any(not living(folder) or time.sleep(0.2) for _ in range(100))


def recovers(folder: Path) -> None:
    """Run the pipeline again; it must be as it was before it was disturbed."""
    assert none_living(folder), living(folder)
    sh("git", "checkout", "--quiet", "params.yaml", cwd=folder)
    sh("dvc", "repro", cwd=folder)
    assert sh("git", "status", "--porcelain", cwd=folder).stdout == ""
    assert "up to date" in sh("dvc", "status", cwd=folder).stdout
    # What a killed stage has left is removed by the next stage that runs, whichever it is.
    sh(*forced("tuned@demo"), cwd=folder)
    assert not list((folder / "data" / "partial").iterdir())


@contextlib.contextmanager
def running(
    folder: Path, *command: str, before: Callable[[], None] | None = None, **more: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test, in a session of its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "FOLDIN_"))}
    variables |= {"PATH": path, "SHELL": shutil.which("bash") or "/bin/sh", **more}
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=before,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def forced(stage: str) -> tuple[str, ...]:
    return ("dvc", "repro", "--force", "--single-item", stage)


STOPPER = """
import os, signal, sys

event_of_the_moment, place = os.environ["STOP_AT"].split(" ", 1)


def stop(event, arguments):
    if event == event_of_the_moment and place in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGSTOP)


sys.addaudithook(stop)
"""
"""A sitecustomize.py: every Python that it is on the path of stops itself at an audit event of a certain path."""
MOMENTS = {"writing": "os.rename", "publishing": "shutil.move"}
"""What a stage does → the event: it renames the first file that is whole, and moves the first output into place."""


@contextlib.contextmanager
def stopped(folder: Path, stage: str, moment: str) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Run a stage until its moment, at which it or its kernel stands still; give DVC and the stage's processes."""
    hook = folder.parent / "hook"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(STOPPER)
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    at = f"{MOMENTS[moment]} {folder}/data/partial/{stage}/run-"
    with running(folder, *forced(stage), PYTHONPATH=path, STOP_AT=at) as dvc:
        while dvc.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes = psutil.Process(dvc.pid).children(recursive=True)
                if any(process.status() == psutil.STATUS_STOPPED for process in processes):
                    break
            time.sleep(0.02)
        assert dvc.poll() is None, f"{stage} ended before its moment: {dvc.stdout.read()}"
        yield dvc, processes


@LINUX
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("how", "moment"),
    [("DVC", "writing"), ("stage", "writing"), ("Ctrl-C", "writing"), ("DVC", "publishing"), ("stage", "publishing")],
)
def test_a_stage_that_is_ended_while_it_writes(whole, stage, how, moment):
    with stopped(whole, stage, moment) as (dvc, processes):
        if how == "Ctrl-C":
            os.killpg(dvc.pid, signal.SIGINT)
        else:
            (dvc if how == "DVC" else processes[0]).kill()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
        said = "" if how == "DVC" else dvc.stdout.read()
        assert dvc.wait(60) != 0, said
        assert "Traceback" not in said, said
    recovers(whole)


@LINUX
@pytest.mark.parametrize("stage", WITH_A_KERNEL)
def test_a_notebook_whose_kernel_is_killed(whole, stage):
    with running(whole, *forced(stage)) as dvc:
        while dvc.poll() is None and len(found := psutil.Process(dvc.pid).children(recursive=True)) < 2:
            time.sleep(0.01)
        found[-1].kill()
        said = dvc.stdout.read()
        assert dvc.wait() != 0
    assert re.search(r"^foldin: .*the kernel died", said, re.MULTILINE), said
    assert "Traceback" not in said
    recovers(whole)


@pytest.mark.parametrize("stage", LARGE)
def test_a_disk_that_is_full_before_a_stage_has_written_its_largest_file(whole, stage):
    outputs = [whole / out for out in pipeline.every(["demo"], ["als"])[stage].outputs]
    files = [path for out in outputs for path in [out, *out.rglob("*")] if path.is_file()]
    limit = max(path.stat().st_size for path in files) // 2

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with running(whole, *forced(stage), before=no_room) as dvc:
        said = dvc.stdout.read()
        assert dvc.wait() != 0, said
    assert "Traceback" not in said
    assert re.search("File too large|disk is full|disk I/O error|transfer", said), said
    recovers(whole)


@pytest.mark.parametrize("stage", LARGE)
@pytest.mark.parametrize("gigabytes", [1.6, 3.0])
def test_a_stage_with_too_little_memory_ends_in_one_line_or_ends_well(whole, stage, gigabytes):
    limit = int(gigabytes * 1e9)
    with running(whole, *forced(stage), before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) as dvc:
        said = dvc.stdout.read()
        failed = dvc.wait(120) != 0
    assert "Traceback" not in said, said
    assert not failed or re.search("^foldin: .*memory", said, re.MULTILINE), said
    recovers(whole)


@pytest.mark.parametrize(
    ("damaged", "reader"),
    [
        ("data/raw/demo", "clean@demo"),
        ("data/clean/demo", "user_item@demo"),
        ("data/user_item/demo", "train@demo-als"),
        ("data/models/demo/als", "evaluate@demo-als"),
        ("data/test/demo", "evaluate@demo-als"),
        ("data/predictions/demo/als", "report@demo"),
        ("reports/demo/accounts/cleaning.json", "report@demo"),
        ("data/tuned/demo/als.json", "train@demo-als"),
    ],
)
def test_a_flipped_bit_in_what_a_stage_reads_is_refused_and_the_remedy_works(whole, damaged, reader):
    place = whole / damaged
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    kept, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    done = sh(*forced(reader), cwd=whole, ok=False)
    assert done.returncode != 0, done.stdout
    (said,) = (line for line in done.stderr.splitlines() if line.startswith(f"foldin: {file.relative_to(whole)}: "))
    assert "Traceback" not in done.stderr
    sh("sh", "-c", said.split("make it again: ")[1], cwd=whole)
    recovers(whole)


@pytest.mark.parametrize("folder", ["data", "reports/demo", ".dvc/cache/files/md5"])
def test_a_folder_that_cannot_be_written(whole, folder):
    edit_params(whole, lambda values: values["als"]["als-implicit"].update(factors=3))
    places = [path for path in [whole / folder, *(whole / folder).rglob("*")] if path.is_dir()]
    modes = {path: path.stat().st_mode for path in places}
    for path in places:
        path.chmod(0o555)
    try:
        with running(whole, "foldin", "repro", before=as_others) as foldin:
            said = foldin.stdout.read()
            code = foldin.wait()
    finally:
        for path in places:
            path.chmod(modes[path])
    if code == 77:
        pytest.skip("root keeps its rights here")
    assert code != 0, said
    assert "Traceback" not in said, said
    assert "ermission denied" in said, said
    recovers(whole)


@pytest.mark.parametrize(("program", "factors"), [("dvc", 4), ("foldin", 5)])
def test_two_runs_at_once(whole, program, factors):
    command = (program, "repro")
    edit_params(whole, lambda values: values["als"]["als-implicit"].update(factors=factors))
    with running(whole, *command) as first, running(whole, *command) as second:
        said = [process.stdout.read() for process in (first, second)]
        codes = [process.wait() for process in (first, second)]
    assert 0 in codes, said
    assert "Traceback" not in "".join(said)
    recovers(whole)


@LINUX
@pytest.mark.parametrize(("how", "factors"), [(signal.SIGKILL, 6), (signal.SIGTERM, 7), (signal.SIGINT, 8)])
def test_foldin_repro_that_is_ended_leaves_nothing_running(whole, how, factors):
    # Other settings in each test: DVC would take those of an earlier run from its run cache, and train nothing.
    edit_params(whole, lambda values: values["als"]["als-implicit"].update(factors=factors))
    with running(whole, "foldin", "repro") as foldin:
        run = whole / "data" / "partial" / "train@demo-als"
        while foldin.poll() is None and not list(run.glob("run-*")):
            time.sleep(0.01)
        assert foldin.poll() is None
        foldin.send_signal(how)
        assert foldin.wait(60) != 0
        assert none_living(whole), living(whole)
    recovers(whole)
