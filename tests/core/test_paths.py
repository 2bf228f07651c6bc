"""Where users really are: a clone with another system's line ends, a ZIP download without git."""

import subprocess

from conftest import CHECKOUT, commit, sh


def copy(folder):
    """Put the checkout's own files into a folder, as a ZIP download does."""
    listed = sh("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=CHECKOUT).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    return folder


def test_a_clone_with_another_systems_line_ends_has_the_same_bytes(tmp_path):
    mine = copy(tmp_path / "mine")
    sh("git", "init", "--quiet", cwd=mine)
    commit(mine, "all")
    command = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", str(mine), str(tmp_path / "theirs")]
    subprocess.run(command, check=True, capture_output=True)
    names = sh("git", "ls-files", "-z", cwd=mine).stdout.split("\0")
    other = [n for n in filter(None, names) if (mine / n).read_bytes() != (tmp_path / "theirs" / n).read_bytes()]
    assert other == []


def test_a_download_without_git_is_told_so_before_anything_is_installed(tmp_path):
    folder = copy(tmp_path / "zip")
    for target in ("install", "repro"):
        done = sh("make", target, cwd=folder, ok=False, GIT_CEILING_DIRECTORIES=str(tmp_path))
        assert done.returncode != 0
        assert done.stderr.splitlines()[0].endswith("make it one (git init), or clone the project instead (git clone)")
        assert not (folder / ".uv").exists()
    assert sh("make", "help", cwd=folder, GIT_CEILING_DIRECTORIES=str(tmp_path)).stdout
