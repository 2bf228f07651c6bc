"""What a network says, computed from its weights, is what Keras says of it."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import planted

from foldin.models import deep, two_tower
from foldin.models.parts import network_scores

# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
# More items than a tile holds.
TRAIN = planted(n_users=40, n_items=2 * network_scores.TILE + 31)[0]
SMALL = {"embedding": 6, "l2": 0.05, "initial_spread": 0.3, "steps_per_epoch": 9, "epochs": 2, "patience": 2}
RATING = SMALL | {"damping": 5.0, "learning_rate": 0.02}
PLAIN = {name: value for name, value in RATING.items() if name != "steps_per_epoch"} | {"l2": 0.0, "batch_size": 64}
NETWORKS = {
    "mlp-dropout": (deep.DropoutMLP, RATING | {"hidden": 20, "kernel_l2": 0.0, "dropout": 0.5}),
    "mlp-centred": (deep.CentredMLP, RATING | {"hidden": 20}),
    "ncf": (deep.NCF, RATING | {"hidden": 20, "leak": 0.3, "decay_every": 3, "decay": 0.7}),
    "ncf-ranking": (
        deep.RankingNCF,
        SMALL | {"product_embedding": 5, "hidden": 8, "negatives": 2, "validation_k": 10, "learning_rate": 0.05},
    ),
    "two-tower-rating": (two_tower.RatingTowers, RATING),
    "mlp-momentum": (deep.MomentumMLP, PLAIN | {"hidden": 20, "momentum": 0.5}),
    "two-tower-plain": (two_tower.PlainTowers, PLAIN),
}


@cache
def fitted(name):
    cls, values = NETWORKS[name]
    return cls(cls.Settings(**values), seed=3).fit(TRAIN)


def every_pair():
    return tuple(grid.ravel().astype(np.int32) for grid in np.indices(TRAIN.ratings.shape))


def of_keras(model):
    """Return what the Keras network gives all pairs, and what a rating adds to it."""
    values = np.asarray(model._network.model.predict(list(every_pair()), batch_size=4096, verbose=0))
    if hasattr(model, "_bias"):
        values = values * np.float32(model._spread) + model._base(model._bias).predict(*every_pair())
    return values.reshape(TRAIN.ratings.shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_of_the_whole_catalogue_are_keras_own(name):
    model = fitted(name)
    expected = of_keras(model)
    assert expected.std() > 0.05
    np.testing.assert_allclose(model.score(np.arange(TRAIN.n_users)), expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "ncf-ranking"])
def test_predicted_pairs_are_keras_own_whatever_the_blocks(name, monkeypatch):
    model = fitted(name)
    expected = np.clip(of_keras(model).ravel(), *model._limits)
    for block in (7_001, 10**6):
        monkeypatch.setattr(network_scores, "BLOCK_PAIRS", block)
        np.testing.assert_allclose(model.predict(*every_pair()), expected, rtol=1e-5, atol=2e-6)


@given(
    st.integers(1, 4), st.integers(1, 700), st.integers(1, 9), st.sampled_from([0.0, 0.01, 0.3]), st.integers(0, 10**6)
)
@settings(deadline=None, derandomize=True)
def test_a_hidden_layer_is_the_sum_it_is_written_as(n_users, n_items, hidden, slope, seed):
    rng = np.random.default_rng(seed)
    user, item, output, bias = (
        rng.normal(size=shape).astype(np.float32) for shape in ((n_users, hidden), (hidden, n_items), (hidden, 1), (1,))
    )
    units = user[:, None, :] + item.T
    expected = np.where(units > 0, units, slope * units) @ output[:, 0] + bias
    found = network_scores.one_hidden_layer(user, item, output, bias, slope)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_predicts_and_ranks_without_keras(name, tmp_path):
    model = fitted(name)
    model.save(tmp_path)
    code = f"""
import sys
from pathlib import Path
import numpy as np
from foldin.models.{type(model).__module__.rsplit(".")[-1]} import {type(model).__name__} as Kind
model = Kind.load(Path({str(tmp_path)!r}))
users = np.arange(3)
items, _ = model.recommend(users, 5)
rated = model.predict(users, users) if model.predicts_ratings else []
loaded = [name for name in ("keras", "tensorflow") if name in sys.modules]
print(items.tolist(), [float(value) for value in rated], loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    users = np.arange(3)
    rated = model.predict(users, users) if model.predicts_ratings else []
    items = model.recommend(users, 5)[0].tolist()
    assert done.stdout.strip() == f"{items} {[float(value) for value in rated]} []"
