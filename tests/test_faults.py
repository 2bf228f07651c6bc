"""No metric of another run and none of damaged bytes, shown with DVC itself on a small demo."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest
from conftest import commit, edit_params, sh, small_repository

from foldin.workspace import pipeline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
METRICS = "reports/demo/metrics/als/als-implicit.json"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a repository with one family whose models DVC has trained and evaluated, all committed."""
    folder = tmp_path_factory.mktemp("small") / "foldin"
    small_repository(folder, families=["als"])
    sh("dvc", "repro", "evaluate", cwd=folder)
    commit(folder, "first")
    return folder


@contextmanager
def dvc_repro(folder, *targets, shell):
    """Run `dvc repro` beside the test, stages in a shell; give the process and an iterator of its lines."""
    environment = os.environ | {"PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])}
    with subprocess.Popen(
        ["dvc", "repro", *targets], cwd=folder, env=environment | {"SHELL": shell}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process, iter(process.stdout.readline, "")
        finally:
            process.kill()


def living(processes):
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


# Bash becomes the command that it runs, dash waits for it, and stands between DVC and the stage.
@pytest.mark.parametrize(("shell", "between"), [("bash", 0), ("dash", 1)])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a stopped process for us")
def test_a_stage_whose_dvc_was_killed_writes_nothing_over_the_next_run(small, how, shell, between):
    if not (found := shutil.which(shell)):
        pytest.skip(f"no {shell} here")
    edit_params(small, lambda values: values["als"]["als-implicit"].update(factors=3))
    with dvc_repro(small, "evaluate", shell=found) as (dvc, lines):
        assert any("learning from the train part" in line for line in lines), "DVC ended before the stage learned"
        left = psutil.Process(dvc.pid).children(recursive=True)
        assert len(left) == between + 2, "a stage and its kernel"
        for process in left:
            process.send_signal(signal.SIGSTOP)
        dvc.send_signal(how)
        dvc.wait()
    sh("git", "checkout", "--quiet", "params.yaml", cwd=small)
    with dvc_repro(small, "--force", "--single-item", "train@demo-als", shell=found) as (dvc, lines):
        # A stage behind a shell cannot see the end of DVC while it is stopped: the next run waits for it.
        assert not between or any("waiting for another run of it to end" in line for line in lines)
        for process in living(left):
            process.send_signal(signal.SIGCONT)
        rest = "".join(lines)
        assert dvc.wait() == 0, rest
    time.sleep(2)
    assert not living(left)
    sh("dvc", "repro", "evaluate", cwd=small)
    assert sh("git", "status", "--porcelain", cwd=small).stdout == ""
    assert not list((small / "data" / "partial").glob("*/*"))


def test_damaged_test_ratings_are_not_judged_and_the_remedy_works(small):
    lock, metrics = (small / "dvc.lock").read_bytes(), json.loads((small / METRICS).read_text())
    objects = small / ".dvc" / "cache" / "files" / "md5"
    folder = pipeline.locked(small)["user_item@demo"]["data/test/demo"]
    (entry,) = json.loads((objects / folder[:2] / folder[2:]).read_text())
    damaged = objects / entry["md5"][:2] / entry["md5"][2:]
    kept, content = damaged.stat(), bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    damaged.chmod(kept.st_mode)
    os.utime(damaged, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    (small / "data" / "test" / "demo" / "ratings.parquet").unlink()
    edit_params(small, lambda values: values["evaluation"].update(resamples=1000))
    done = sh("dvc", "repro", "evaluate", cwd=small, ok=False)
    assert done.returncode != 0
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("foldin: data/test/demo/ratings.parquet: "))
    remedy = said.split("make it again: ")[1]
    assert str(damaged.relative_to(small)) in remedy
    sh("git", "checkout", "--quiet", "params.yaml", cwd=small)
    sh("sh", "-c", remedy.replace("dvc repro", "dvc repro evaluate"), cwd=small)
    assert json.loads((small / METRICS).read_text()) == metrics
    assert (small / "dvc.lock").read_bytes() == lock
    assert sh("git", "status", "--porcelain", cwd=small).stdout == ""
