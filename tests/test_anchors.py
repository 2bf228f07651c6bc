"""Our figures beside those of others, mostly on folds u1 … u5 of ML-100K (`make anchors`; needs real data).

The figures of others were measured on the same folds with other software, at its defaults. What is ours is learnt from
a fold's base file (a tenth of it set aside to choose the number of epochs, then all of it) and judged on its test file.
"""

import numpy as np
import pandas as pd
import pytest
from synthetic import from_triples

from foldin import metrics, models
from foldin.interactions import Scale
from foldin.models.als import ImplicitALS
from foldin.models.baselines import DampedBias
from foldin.models.svd import GradientDescentMF

pytestmark = pytest.mark.anchors
FOLDS = (1, 2, 3, 4, 5)
SHAPE = (943, 1682)


def interactions(table):
    users, items, ratings = (table[column].to_numpy() for column in range(3))
    return from_triples(users - 1, items - 1, ratings, SHAPE, Scale(1.0, 5.0, 1.0))


@pytest.fixture(scope="module")
def folds(archives):
    """Return the base part without a tenth, that tenth, the base part and the test part of each fold."""
    parts = []
    for fold in FOLDS:
        base, test = (
            pd.read_csv(archives / "ml-100k" / f"u{fold}.{kind}", sep="\t", header=None) for kind in ("base", "test")
        )
        held = np.random.default_rng(fold).random(len(base)) < 0.1
        parts.append([interactions(table) for table in (base[~held], base[held], base, test)])
    return parts


def rmses(folds, make, *, choosing):
    found = []
    for train, validation, base, test in folds:
        model = make().fit(train, validation).refit(base) if choosing else make().fit(base)
        users, items, ratings = test.triples()
        found.append(metrics.rmse(ratings, model.predict(users, items)))
    return np.array(found)


def ours(family, name):
    def make():
        return models.family(family)[name]

    return make


def test_the_bias_baseline(folds):
    """Surprise's baseline: 0.9460 on average, 0.9610 on u1. Measured here: 0.9438 and 0.9573.

    Ours is a little better with less damping: 5 imaginary ratings for users and items, where Surprise has 15 for users
    and 10 for items. With 10 for both we come to 0.9464 and 0.9614, within 0.0005 of it: the rest is that Surprise
    solves for both sides in turn, several times, and we do once.
    """
    found = rmses(folds, ours("baselines", "bias"), choosing=False)
    assert found.mean() == pytest.approx(0.9438, abs=0.0005)
    more_damped = rmses(folds, lambda: DampedBias(DampedBias.Settings(damping=10.0)), choosing=False)
    assert more_damped.mean() == pytest.approx(0.9460, abs=0.001)
    assert more_damped[0] == pytest.approx(0.9610, abs=0.001)


def test_descent_with_the_settings_of_surprise_gives_its_figure(folds):
    """Surprise's SVD, 100 factors, 20 epochs: 0.9380 on average, 0.9513 on u1. Measured here: 0.9375 and 0.9524."""
    settings = GradientDescentMF.Settings(
        factors=100, epochs=20, patience=0, damping=5.0, learning_rate=0.005, l2=0.02, initial_spread=0.1
    )
    found = rmses(folds, lambda: GradientDescentMF(settings, seed=42), choosing=False)
    assert found.mean() == pytest.approx(0.9380, abs=0.002)
    assert found[0] == pytest.approx(0.9513, abs=0.003)


def test_our_settings_of_descent_and_als_do_better(folds):
    """Measured here: mf-l2 0.9085 (u1 0.9183), als-explicit 0.9151 (u1 0.9277); myFM's Bayesian one has 0.8984."""
    descent = rmses(folds, ours("svd", "mf-l2"), choosing=True)
    assert descent.mean() == pytest.approx(0.9085, abs=0.003)
    assert descent.mean() > 0.8984, "better than a Bayesian factorization machine: look for a leak"
    squares = rmses(folds, ours("als", "als-explicit"), choosing=True)
    assert squares.mean() == pytest.approx(0.9151, abs=0.003)


def test_implicit_als_on_the_protocol_of_neural_collaborative_filtering(archives):
    """Rendle et al.'s iALS code at d = 64: HR@10 0.7228, NDCG@10 0.4426. Measured here: 0.7197 and 0.4436.

    On ML-1M each user's one held-out item is ranked among 99 others; popularity has 0.4538 and 0.2536. The settings
    are theirs.
    """
    rows = pd.read_csv(archives / "ml-1m" / "ratings.triples.dat", sep=":", usecols=[0, 2, 4], header=None).to_numpy()
    users, items = rows[:, 0] - 1, pd.factorize(rows[:, 1])[0]
    folder = archives / "ncf-ml-1m"
    held = np.loadtxt(folder / "ml-1m.test.rating", dtype=int)[:, :2]
    others = np.loadtxt(folder / "ml-1m.test.negative", dtype=int, delimiter="\t", usecols=range(1, 100))
    shape = (6040, items.max() + 1)
    known = ~np.isin(users * shape[1] + items, held[:, 0] * shape[1] + held[:, 1])
    assert (~known).sum() == len(held) == 6040
    settings = ImplicitALS.Settings(
        factors=64,
        epochs=12,
        patience=0,
        unobserved_weight=0.3,
        regularization=0.007,
        frequency_exponent=1.0,
        validation_k=10,
    )
    model = ImplicitALS(settings, seed=1).fit(from_triples(users[known], items[known], rows[known, 2], shape))
    candidates = np.column_stack([held[:, 1], others])
    scores = np.take_along_axis(model.score(held[:, 0]), candidates, axis=1)
    rank = (scores[:, 1:] > scores[:, :1]).sum(axis=1) + 1
    assert np.mean(rank <= 10) == pytest.approx(0.7228, abs=0.008)
    assert np.mean((rank <= 10) / np.log2(rank + 1)) == pytest.approx(0.4426, abs=0.005)
