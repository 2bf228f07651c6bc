"""Too little memory, a full disk and a folder that cannot be written are one line each, and leave nothing."""

import errno
import re
import resource
import subprocess
import sys

import pytest
from conftest import CHECKOUT, as_others

from foldin.core import faults, files
from foldin.preparation import fetch

MEGABYTE = 1 << 20


def run(*arguments, cwd, before=lambda: None, **options):
    command = [sys.executable, str(CHECKOUT / "src" / "foldin"), *arguments]
    # RLIMIT_FSIZE must end no process: Python ignores the signal, and so do the libraries that it loads.
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120, preexec_fn=before, **options
    )


def said(done):
    """Return the one line that a command says of its failure."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("demo: ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("foldin: ")
    return lines[0]


@pytest.mark.parametrize("megabytes", [250, 1000, 1600])
def test_a_limit_of_memory_below_what_libraries_need_is_refused_at_once(workspace, megabytes):
    limit = megabytes * MEGABYTE
    done = run("fetch", "demo", cwd=workspace, before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert said(done) == (
        f"foldin: memory is limited to {limit / 1e9:.1f} GB of addresses (ulimit -v); this command needs at least "
        "2.1 GB: ulimit -v unlimited"
    )
    assert not (workspace / "data").exists()


def test_training_needs_more_memory_than_other_commands(workspace):
    limit = 3000 * MEGABYTE
    before = lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))  # noqa: E731
    assert "this command needs at least 6.4 GB" in said(run("train", "demo", "als", cwd=workspace, before=before))
    assert run("fetch", "demo", cwd=workspace, before=before).returncode == 0


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError("Unable to allocate 7.63 MiB"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
    ],
)
def test_whatever_means_too_little_memory_is_said_so_with_the_limit(fault, monkeypatch):
    monkeypatch.setattr(faults.resource, "getrlimit", lambda _: (3_000_000_000, -1))
    assert faults.line(fault) == (
        f"foldin: memory ran out ({fault}, of 3.0 GB that `ulimit -v` allows); close programs, or make the problem "
        "smaller: section subset of params.yaml, or the number of factors"
    )


def test_another_error_of_an_import_is_none_of_memory():
    assert not faults.of_memory(ImportError("cannot import name 'x'"))
    assert not faults.of_memory(RuntimeError("dictionary changed size"))


@pytest.mark.parametrize(("stage", "bytes_"), [("fetch", 20_000), ("clean", 2_000)])
def test_a_full_disk_is_one_line_with_the_file_and_leaves_nothing(workspace, stage, bytes_):
    if stage == "clean":
        fetch.run("demo")
    limit = (bytes_, bytes_)
    done = run(stage, "demo", cwd=workspace, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    line = said(done)
    assert re.match(f"foldin: {workspace}/data/.*{'raw' if stage == 'fetch' else 'clean'}/", line)
    assert "File too large; free space there, then run again: nothing half-written was kept" in line
    assert not (workspace / "data" / ("raw" if stage == "fetch" else "clean")).exists()
    assert not any((workspace / "data" / "partial").iterdir())


def test_the_file_is_named_that_a_full_disk_has_no_room_for(tmp_path):
    target = tmp_path / "metrics.json"
    with pytest.raises(OSError, match="No space left") as caught, files.whole_file(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert faults.line(caught.value).startswith(f"foldin: {target}: No space left on device; free space there")
    with pytest.raises(OSError, match="refused") as caught, files.whole_file(target):
        raise OSError(errno.ECONNREFUSED, "refused")
    assert caught.value.filename is None


def test_a_folder_that_cannot_be_written_is_one_line(workspace):
    fetch.run("demo")
    (workspace / "data").chmod(0o555)
    done = run("clean", "demo", cwd=workspace, before=as_others)
    (workspace / "data").chmod(0o755)
    if done.returncode == 77:
        pytest.skip("root keeps its rights here")
    assert f"{workspace}/data/partial: Permission denied; free space or mend permissions, then run again" in said(done)
    assert not (workspace / "data" / "clean").exists()
