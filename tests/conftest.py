"""Settings every test shares: the portable CPU lane, fixed before numpy is imported."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from foldin.core import determinism, params

determinism.fix_environment(threads=2)
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

pytest_plugins = ["small_models", "spark_checkouts"]

CHECKOUT = Path(__file__).resolve().parents[1]
FAMILIES = (
    "baselines",
    "svd",
    "als",
    "bayesian",
    "neighbours",
    "linear",
    "graph",
    "deep",
    "two_tower",
    "content",
    "autoencoder",
    "hybrid",
)
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def archives() -> Path:
    """Return the folder of real data sets, or skip: a person's clone has none."""
    folder = Path(os.environ.get("FOLDIN_ARCHIVES") or SHARED_DATA)
    if not folder.is_dir():
        pytest.skip(f"needs real data: FOLDIN_ARCHIVES must name a folder of data sets, not {folder}")
    return folder


def edit_params(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change params.yaml of a checkout, its comments kept."""
    yaml = YAML()
    values = yaml.load(folder / "params.yaml")
    edit(values)
    yaml.dump(values, folder / "params.yaml")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a miniature checkout, made the current folder: the project's params.yaml with a small demo."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    edit_params(tmp_path, lambda values: values["demo"].update(users=120, items=90, ratings=3000))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Read params.yaml once, for reading it takes longer than all else of an example; return what it holds."""
    values = params.read()
    monkeypatch.setattr(params, "read", lambda: values)
    return values


# Small enough to learn in seconds; every model and every notebook is the real one.
SMALL = {"users": 120, "items": 90, "ratings": 3000}


def sh(*command: str, cwd: Path, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "FOLDIN_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "test", "GIT_COMMITTER_NAME": "test"}
    environment |= {"GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_EMAIL": "test@localhost"}
    environment |= variables
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if ok:
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done


def as_others() -> None:
    """Take from root, who may write everywhere, the right to: PR_CAPBSET_DROP of CAP_DAC_OVERRIDE, before it execs."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(24, 1, 0, 0, 0):
        os._exit(77)


def commit(repository: Path, message: str) -> None:
    sh("git", "add", "--all", cwd=repository)
    sh("git", "commit", "--quiet", "--message", message, cwd=repository)


def reruns(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def small_repository(folder: Path, **settings: Any) -> None:
    """Make a git repository of the checkout's own files, with a small demo and these settings; run nothing."""
    for name in sh("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=CHECKOUT).stdout.splitlines():
        if (CHECKOUT / name).is_file() and not name.startswith("reports/") and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, folder / name)
    edit_params(folder, lambda values: (values["demo"].update(SMALL), values.update(settings)))
    sh("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)


def make_repository(folder: Path) -> Path:
    """Make a repository of the checkout's own files, run its pipeline on a small demo, and commit all of it."""
    small_repository(folder)
    done = sh("dvc", "repro", cwd=folder, **{params.READ_LOG: str(folder.parent / "parameters-read")})
    assert {f"train@demo-{family}" for family in FAMILIES} <= reruns(done.stdout)
    commit(folder, "first")
    return folder


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of the checkout's own files whose pipeline has run on a small demo, all committed."""
    return make_repository(tmp_path_factory.mktemp("repository") / "foldin")
