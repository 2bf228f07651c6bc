"""The metrics of a judgement that come from whole lists and all pairs, each against the plainest loop for it."""

import math

import numpy as np
import pandas as pd
import pytest
from synthetic import planted
from test_judge import SETTINGS

from foldin.evaluation.judge import evaluate_model
from foldin.evaluation.test_part import HeldOut
from foldin.models.baselines import DampedBias

K = SETTINGS.k


def test_part(cold):
    """Return a test part, and with it users and items that training has not."""
    training, _, test = planted(n_users=90, n_items=60)
    users, items, ratings = test.triples()
    pairs = pd.DataFrame({"user": users, "item": items, "rating": ratings, "timestamp": 0})
    for column, table in (("user", training.users), ("item", training.items)):
        pairs[f"{column}_id"] = table[f"{column}_id"].to_numpy()[pairs[column]]
    if cold:
        pairs.loc[[4, 40], ["user", "user_id"]] = -1, "an unknown user"
        pairs.loc[[11, 60, 61], ["item", "item_id"]] = -1, "new"
    return HeldOut(pairs.astype({"user": "int32", "item": "int32"}), training)


test_part.__test__ = False


@pytest.fixture(scope="module", params=[False, True], ids=["all known", "some unknown"])
def case(request):
    """Return a test part, a model, and what it is judged to be."""
    held = test_part(request.param)
    model = DampedBias(DampedBias.Settings(damping=5.0)).fit(held.training)
    return held, model, evaluate_model(model, held, SETTINGS, "bias")


@pytest.fixture
def people(case):
    """Return of each ranked user: index, items rated in training, items held out, cold items held out, and list."""
    held, model, _ = case
    found = []
    for user, mine in held.pairs[held.pairs["user"] >= 0].groupby("user"):
        known = set(held.training.ratings[[user]].indices.tolist())
        scores = model.score([user])[0]
        order = sorted(set(range(held.training.n_items)) - known, key=lambda item: (-scores[item], item))
        relevant = set(mine.loc[mine["item"] >= 0, "item"])
        found.append((user, known, relevant, int((mine["item"] < 0).sum()), order[:K]))
    return found


@pytest.fixture
def popularity(case):
    """Return how many rated each item in training, by counting."""
    counts = [0] * case[0].training.n_items
    for item in case[0].training.triples()[1]:
        counts[item] += 1
    return counts


def test_auc_is_the_share_of_pairs_in_the_right_order(case, people):
    held, model, judged = case
    areas = []
    for user, known, relevant, n_cold, _ in people:
        scores = model.score([user])[0]
        others = set(range(held.training.n_items)) - known - relevant
        right = sum(
            (scores[mine] > scores[other]) + 0.5 * (scores[mine] == scores[other])
            for mine in relevant
            for other in others
        )
        areas.append(right / ((len(relevant) + n_cold) * len(others)))
    assert judged.metrics["auc"] == pytest.approx(np.mean(areas))
    assert abs(np.mean(areas) - 0.5) > 0.01, "else the other way round would be the same metric"
    assert judged.users["auc"].dropna().tolist() == pytest.approx(areas)


def test_graded_ndcg_has_gains_by_rating_and_cold_items_in_the_best_list(case, people):
    held, _, judged = case
    scale, values = held.training.scale, []
    for user, *_, listed in people:
        mine = held.pairs[held.pairs["user"] == user]
        gain = (mine["rating"].to_numpy(float) - scale.lowest) / (scale.highest - scale.lowest)
        of_item = dict(zip(mine["item"], gain, strict=True))
        gained = sum(of_item.get(item, 0) / math.log2(rank + 2) for rank, item in enumerate(listed))
        best = sum(each / math.log2(rank + 2) for rank, each in enumerate(sorted(gain, reverse=True)[:K]))
        values += [gained / best] if best else []
    assert judged.metrics[f"ndcg_graded_at_{K}"] == pytest.approx(np.mean(values))
    assert judged.metrics[f"ndcg_graded_at_{K}"] != pytest.approx(judged.metrics[f"ndcg_at_{K}"], rel=1e-3)


def test_metrics_of_liked_items_are_over_those_who_have_one(case, people):
    held, _, judged = case
    from_rating = held.training.scale.liked_from(SETTINGS.liked_share)
    assert from_rating == 4
    recalls, precisions = [], []
    for user, *_, listed in people:
        liked = held.pairs[(held.pairs["user"] == user) & (held.pairs["rating"] >= from_rating)]
        if len(liked):
            hits = len(set(liked["item"]) & set(listed))
            recalls.append(hits / len(liked))
            precisions.append(hits / K)
    assert 0 < len(recalls) < len(people), "one who likes nothing shows that they are left out"
    assert judged.metrics[f"recall_liked_at_{K}"] == pytest.approx(np.mean(recalls))
    assert judged.metrics[f"precision_liked_at_{K}"] == pytest.approx(np.mean(precisions))
    assert judged.users["recall_liked"].notna().sum() == len(recalls)


def test_novelty_is_the_self_information_of_listed_items(case, people, popularity):
    held, _, judged = case
    bits = [np.mean([-math.log2(popularity[item] / held.training.n_users) for item in listed]) for *_, listed in people]
    assert judged.metrics[f"novelty_at_{K}"] == pytest.approx(np.mean(bits))


def test_gini_is_over_all_items_of_the_catalogue(case, people):
    held, _, judged = case
    times = [0] * held.training.n_items
    for *_, listed in people:
        for item in listed:
            times[item] += 1
    # Half the mean absolute difference, relative to the mean: the textbook's words, not those of the definition.
    apart = np.mean([abs(a - b) for a in times for b in times])
    assert judged.metrics[f"gini_at_{K}"] == pytest.approx(apart / (2 * np.mean(times)))


def test_popularity_lift_is_against_what_the_same_users_rated_in_training(case, people, popularity):
    both = [(known, items) for _, known, _, _, items in people if known]
    assert len(both) < len(people), "who rated nothing in training has nothing to compare with"
    before, listed = (
        np.mean([np.mean([popularity[item] for item in mine[place]]) for mine in both]) for place in (0, 1)
    )
    assert case[2].metrics[f"popularity_lift_at_{K}"] == pytest.approx(listed / before - 1)


def test_r_squared_and_rmse_by_user(case):
    held, _, judged = case
    errors = held.pairs.assign(error=judged.predicted - held.pairs["rating"])
    ratings = held.pairs["rating"]
    left = (errors["error"] ** 2).sum() / ((ratings - ratings.mean()) ** 2).sum()
    assert judged.metrics["r2"] == pytest.approx(1 - left, abs=1e-6)
    by_user = [math.sqrt((mine["error"] ** 2).mean()) for _, mine in errors.groupby("user_id")]
    assert judged.metrics["user_rmse"] == pytest.approx(np.mean(by_user), abs=1e-6)
