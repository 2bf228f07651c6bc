"""Settings every test shares: the portable CPU lane, fixed before numpy is imported."""

import os
from pathlib import Path

import pytest

from foldin import determinism

determinism.pin(threads=2)
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def archives() -> Path:
    """Return the folder of real data sets, or skip: a person's clone has none."""
    folder = Path(os.environ.get("FOLDIN_ARCHIVES", SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(f"needs real data: set FOLDIN_ARCHIVES to a folder with one folder per data set, not {folder}")
    return folder
