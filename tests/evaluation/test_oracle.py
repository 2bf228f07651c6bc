"""The oracle finds its truth by id, gives the best order there is, and tells a leak from luck."""

import numpy as np
import pandas as pd
import pytest
from synthetic import from_triples

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import matrix
from foldin.datasets.demo.truth import Truth
from foldin.evaluation import oracle
from foldin.evaluation.oracle import Oracle
from foldin.metrics import top_k
from foldin.metrics.oracle_gap import advantage

N_USERS, N_ITEMS = 400, 60


@pytest.fixture
def truth():
    """Return a truth over more users and items than were ever rated, in another order than the index tables'."""
    rng = np.random.default_rng(2)
    return Truth(
        user_ids=[f"u{u:04d}" for u in reversed(range(N_USERS + 3))],
        item_ids=[f"i{i:04d}" for i in rng.permutation(N_ITEMS + 2)],
        expected_rating=rng.uniform(1, 5, (N_USERS + 3, N_ITEMS + 2)),
        probability=rng.beta(0.5, 2.0, (N_USERS + 3, N_ITEMS + 2)),
    )


@pytest.fixture
def training():
    return from_triples([0, 1, 2], [0, 0, 1], [3, 4, 5], (N_USERS, N_ITEMS))


def test_scores_are_the_probabilities_of_the_indexed_ids(truth, training):
    scores = Oracle(truth, training).score(np.array([7, 0], np.int32))
    assert scores.shape == (2, N_ITEMS)
    for row, user in enumerate((7, 0)):
        for item in (0, 1, N_ITEMS - 1):
            cell = truth.user_ids.index(f"u{user:04d}"), truth.item_ids.index(f"i{item:04d}")
            assert scores[row, item] == np.float32(truth.probability[cell])


def test_ratings_are_predicted_by_id_for_cold_pairs_too(truth, training):
    cold_user, cold_item = f"u{N_USERS + 1:04d}", f"i{N_ITEMS + 1:04d}"
    pairs = pd.DataFrame({"user_id": ["u0003", cold_user], "item_id": [cold_item, "i0000"]})
    predicted = Oracle(truth, training).predict_ids(pairs["user_id"], pairs["item_id"])
    for value, (user, item) in zip(predicted, pairs.to_numpy(), strict=True):
        cell = truth.user_ids.index(user), truth.item_ids.index(item)
        assert value == np.float32(truth.expected_rating[cell])


def test_data_of_another_truth_are_refused(truth, training):
    pairs = pd.DataFrame({"user_id": ["u0003", "somebody"], "item_id": ["i0000", "i0000"]})
    with pytest.raises(FoldinError, match=r"the truth has no user 'somebody'; .* make them again"):
        Oracle(truth, training).predict_ids(pairs["user_id"], pairs["item_id"])


def test_only_demo_has_a_truth(training):
    assert oracle.of("ml-100k", training) is None


def test_probability_is_a_better_order_than_anything_near_it(truth, training):
    """Draw who rates what, hold a share out, and rank the rest: the module's head says why probability wins."""
    rng = np.random.default_rng(4)
    users = np.arange(N_USERS, dtype=np.int32)
    probability = Oracle(truth, training).score(users)
    rated = rng.random(probability.shape) < probability
    held = rated & (rng.random(rated.shape) < 0.3)
    ones = np.ones(held.size, np.float32)
    known, relevant = (
        matrix(*(index.astype(np.int32) for index in np.nonzero(part)), ones[: part.sum()], part.shape)
        for part in (rated & ~held, held)
    )

    def ndcg(scores):
        return np.nanmean(metrics.ndcg(top_k.top_k(scores, 10, exclude=known)[0], relevant))

    best = ndcg(probability)
    assert best > ndcg(probability + rng.normal(scale=0.2, size=probability.shape))
    assert best > ndcg(np.tile(probability.mean(axis=0), (N_USERS, 1)))
    assert best > ndcg(-np.abs(probability - 0.8))


def by_user(ndcg, squared_error, pairs=None):
    pairs = np.full(len(ndcg), 4) if pairs is None else pairs
    return pd.DataFrame({"pairs": pairs, "squared_error": squared_error, "ndcg": ndcg})


def test_the_advantage_is_the_paired_difference_in_its_standard_errors():
    rng = np.random.default_rng(8)
    pairs = rng.integers(1, 9, 200)
    best = by_user(rng.random(200), pairs * rng.gamma(2, size=200), pairs)
    model = by_user(best["ndcg"] - rng.random(200) / 9, best["squared_error"] + pairs * rng.random(200), pairs)
    model.loc[0, "ndcg"] = best.loc[0, "ndcg"] = np.nan
    found = advantage(model, best, limit=4.0)

    ndcg = (model["ndcg"] - best["ndcg"]).dropna()
    assert found["ndcg_advantage"] == pytest.approx(ndcg.mean())
    assert found["ndcg_z"] == pytest.approx(ndcg.mean() / (ndcg.std() / np.sqrt(199)))
    rmse = [np.sqrt(table["squared_error"].sum() / pairs.sum()) for table in (best, model)]
    assert found["rmse_advantage"] == pytest.approx(rmse[0] - rmse[1])
    # Drawing other users moves the difference of the mean squared errors by as much as its z says.
    gain = (best["squared_error"] - model["squared_error"]).to_numpy()
    draws = rng.integers(200, size=(4000, 200))
    spread = (gain[draws].sum(axis=1) / pairs[draws].sum(axis=1)).std()
    assert found["rmse_z"] == pytest.approx(gain.sum() / pairs.sum() / spread, rel=0.08)
    assert found["leak"] == 0


@pytest.mark.parametrize(("ndcg_shift", "error_shift", "leak"), [(0.1, 0, 1), (0, -1, 1), (0.001, 0.01, 0), (0, 0, 0)])
def test_only_what_is_better_beyond_chance_is_a_leak(ndcg_shift, error_shift, leak):
    rng = np.random.default_rng(9)
    best = by_user(rng.random(100), 4 * rng.gamma(2, size=100))
    luck = rng.normal(scale=0.05, size=100) * bool(ndcg_shift or error_shift)
    model = by_user(best["ndcg"] + luck + ndcg_shift, best["squared_error"] + luck + error_shift)
    assert advantage(model, best, limit=4.0)["leak"] == leak


def test_a_model_without_ratings_is_compared_by_ranking_alone():
    best = by_user(np.array([0.5, 0.7]), np.array([1.0, 2.0]))
    model = by_user(np.array([0.4, 0.1]), np.array([np.nan, np.nan]))
    assert set(advantage(model, best, limit=4.0)) == {"ndcg_advantage", "ndcg_z", "leak"}
