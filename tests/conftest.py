"""Settings every test shares: the portable CPU lane, fixed before numpy is imported."""

import os
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from foldin import determinism

determinism.pin(threads=2)
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def archives() -> Path:
    """Return the folder of real data sets, or skip: a person's clone has none."""
    folder = Path(os.environ.get("FOLDIN_ARCHIVES") or SHARED_DATA)
    if not folder.is_dir():
        pytest.skip(f"needs real data: FOLDIN_ARCHIVES must name a folder of data sets, not {folder}")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a miniature checkout, made the current folder: the project's params.yaml with a small demo."""
    yaml = YAML()
    values = yaml.load(CHECKOUT / "params.yaml")
    values["demo"].update(users=120, items=90, ratings=3000)
    yaml.dump(values, tmp_path / "params.yaml")
    shutil.copy(CHECKOUT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
