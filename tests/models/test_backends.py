"""The Keras families learn on every backend of Keras that is installed, not on TensorFlow alone."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LEARN = """
from synthetic import checkerboard
from foldin import metrics, models

known, hidden = checkerboard()
users, items, actual = hidden.triples()
for name, model in (models.family("deep") | models.family("two_tower") | models.family("autoencoder")).items():
    small = model.settings.model_copy(update={"epochs": 2})
    fitted = type(model)(small, seed=1).fit(known, hidden)
    print(name, len(fitted.history), fitted.score(users[:3]).shape, fitted.fold_in(known.ratings[:2]).shape)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_network_learns_and_folds_in_on_other_backends(workspace, backend):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"needs {backend}, which is an extra: make install EXTRA=jax, or a PyTorch of your own")
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-c", LEARN], cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == 9
    assert all(line.endswith(" 2 (3, 30) (2, 30)") for line in lines)
