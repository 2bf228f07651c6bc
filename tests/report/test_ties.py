"""Which models differ significantly: on synthetic users for whom the answer is known."""

import numpy as np
import pandas as pd
import pytest

from foldin.core.errors import FoldinError
from foldin.report import ties

N = 400


@pytest.fixture
def users():
    """Return users of four models: two equal but for noise, one a little worse for everyone, and an oracle."""
    rng = np.random.default_rng(4)
    hard = rng.normal(0.5, 0.2, size=N)
    ndcg = {
        "best": hard,
        "equal": hard + rng.normal(0, 0.05, size=N) - 0.001,
        "worse": hard - 0.02 + rng.normal(0, 0.05, size=N),
        "oracle": hard + 0.3,
    }
    pairs = rng.integers(1, 20, size=N)
    tables = []
    for name, values in ndcg.items():
        table = pd.DataFrame({"model": name, "user_id": np.arange(N).astype(str), "pairs": pairs, "ndcg": values})
        tables.append(table.assign(squared_error=pairs * (1.5 - values)))
    return pd.concat(tables, ignore_index=True)


def compared(users, metric):
    return ties.compare_with_best(users, metric, resamples=1000, confidence=0.95, apart=["oracle"])


@pytest.mark.parametrize("metric", ["ndcg", "rmse"])
def test_ties_are_found_where_intervals_overlap_all_alike(users, metric):
    found = compared(users, metric)
    assert found["tied"].to_dict() == {"best": True, "equal": True, "worse": False, "oracle": False}
    # The intervals of metrics overlap even where the paired difference is significant.
    best, worse = found.loc["best"], found.loc["worse"]
    assert best["low"] < worse["high"]
    assert worse["low"] < best["high"]
    assert worse["behind_low"] > 0
    assert found.loc["equal", "behind_low"] < 0 < found.loc["equal", "behind_high"]
    assert found.loc["worse", "p"] < 0.05 < found.loc["equal", "p"]
    assert (found["low"] < found["high"]).all()


def test_the_oracle_has_an_interval_and_is_nobody_s_rival(users):
    oracle = compared(users, "ndcg").loc["oracle"]
    assert oracle["low"] < 0.8 < oracle["high"]
    assert oracle[["behind", "behind_low", "behind_high", "p"]].isna().all()


def test_the_same_users_give_the_same_answer_whatever_else_is_compared(users):
    alone = users[users["model"].isin(["best", "equal"])]
    pd.testing.assert_frame_equal(
        compared(alone, "ndcg").drop(columns="p"), compared(users, "ndcg").drop(columns="p").loc[["best", "equal"]]
    )


def test_models_without_the_metric_are_left_out(users):
    users.loc[users["model"] == "worse", "squared_error"] = np.nan
    assert "worse" not in compared(users, "rmse").index


def test_models_judged_on_different_users_are_refused(users):
    users.loc[5, "ndcg"] = np.nan
    with pytest.raises(FoldinError, match="'best' lacks ndcg for some users that other models have; the models were"):
        compared(users, "ndcg")


def test_more_comparisons_need_more_evidence(users):
    rng = np.random.default_rng(1)
    best = users[users["model"] == "best"]
    rivals = [best.assign(model=f"rival {n}", ndcg=best["ndcg"] - 0.012 + rng.normal(0, 0.1, N)) for n in range(20)]
    few = pd.concat([best, rivals[0]], ignore_index=True)
    many = pd.concat([best, *rivals], ignore_index=True)
    assert compared(many, "ndcg").loc["rival 0", "p"] > compared(few, "ndcg").loc["rival 0", "p"]


@pytest.mark.parametrize(("models", "confidence", "needed"), [(12, 0.95, 439), (12, 0.99, 2199), (2, 0.95, 39)])
def test_too_few_draws_to_tell_anything_apart_are_refused_not_called_ties(models, confidence, needed):
    far_apart = pd.concat(
        pd.DataFrame({"model": f"m{place:02}", "user_id": range(N), "pairs": 1, "ndcg": 0.9 - place / 20})
        for place in range(models)
    )
    found = ties.compare_with_best(far_apart, "ndcg", resamples=needed, confidence=confidence)
    assert found["tied"].sum() == 1
    with pytest.raises(
        FoldinError, match=rf"{needed - 1}: too few bootstrap samples .* raise it to {needed:,} or more"
    ):
        ties.compare_with_best(far_apart, "ndcg", resamples=needed - 1, confidence=confidence)
