"""One model judged on a test part with unknown users and items, figure by figure, against plain loops."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import planted

from foldin import ranking
from foldin.errors import FoldinError
from foldin.held_out import HeldOut
from foldin.interactions import IMPLICIT
from foldin.judgement import judge
from foldin.models.baselines import DampedBias, Popularity
from foldin.params import Evaluation

SETTINGS = Evaluation(k=5, liked_share=0.75, block_users=16, oracle_z=4.0)


@pytest.fixture(scope="module")
def held():
    """Return a test part in which two users and two items are unknown, one of them together."""
    training, _, test = planted(n_users=120, n_items=80)
    users, items, ratings = test.triples()
    pairs = pd.DataFrame({"user": users, "item": items, "rating": ratings})
    pairs["user_id"] = training.users["user_id"].to_numpy()[users]
    pairs["item_id"] = training.items["item_id"].to_numpy()[items]
    pairs["timestamp"] = np.arange(len(pairs))
    for column, row, name in [("user", 3, "a"), ("user", 9, "b"), ("item", 9, "x"), ("item", 100, "y")]:
        pairs.loc[row, [column, f"{column}_id"]] = [-1, name]
    return HeldOut(pairs.astype({"user": "int32", "item": "int32"}), training)


@pytest.fixture(scope="module")
def bias(held):
    return DampedBias(DampedBias.Settings(damping=5.0)).fit(held.training)


@pytest.fixture(scope="module")
def judged(bias, held):
    return judge(bias, held, SETTINGS, "bias")


def brute_force(model, test, members):
    """Return how many users have something held out among the members, and their NDCG, recall and coverage."""
    figures, on_a_list = [], set()
    for user, pairs in test.pairs[test.pairs["user"] >= 0].groupby("user"):
        relevant = set(pairs["item"]) & set(members)
        scores = model.score([user])[0]
        known = set(test.training.ratings[[user]].indices.tolist())
        order = sorted(set(members) - known, key=lambda item: (-scores[item], item))[:5]
        hits = [item in relevant for item in order]
        if relevant:
            ideal = sum(1 / math.log2(rank + 2) for rank in range(min(5, len(relevant))))
            gained = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
            figures.append((gained / ideal, sum(hits) / len(relevant)))
            on_a_list |= set(order)
    return len(figures), *np.mean(figures, axis=0), len(on_a_list) / len(members)


def test_every_pair_counts_in_the_rating_figures_cold_ones_too(bias, judged, held):
    errors = judged.predicted - held.pairs["rating"].to_numpy()
    assert len(errors) == judged.figures["pairs"] == len(held.pairs)
    assert judged.figures["cold_pairs"] == 3
    assert judged.figures["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert judged.figures["mae"] == pytest.approx(np.mean(np.abs(errors)))
    user, item = held.pairs.loc[3, ["user", "item"]]
    assert user == -1
    assert judged.predicted[3] == pytest.approx(np.clip(bias._bias.mean + bias.item_biases()[item], 0.5, 5))


def test_domains_are_judged_within_themselves(bias, judged, held):
    assert list(judged.figures["domains"]) == ["books", "movies"]
    for domain, figures in judged.figures["domains"].items():
        members = np.flatnonzero(held.training.items["domain"] == domain).tolist()
        n, ndcg, recall, coverage = brute_force(bias, held, members)
        assert figures["coverage_at_5"] == pytest.approx(coverage)
        assert figures["users_ranked"] == n
        assert figures["ndcg_at_5"] == pytest.approx(ndcg)
        assert figures["recall_at_5"] == pytest.approx(recall)
        of_domain = held.pairs["item"].isin(members)
        errors = (judged.predicted - held.pairs["rating"])[of_domain]
        assert figures["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))


def test_domain_figures_add_up_to_the_pairs_of_known_items(judged, held):
    domains = judged.figures["domains"].values()
    unknown = held.pairs["item"] == -1
    assert sum(figures["pairs"] for figures in domains) + unknown.sum() == judged.figures["pairs"]
    squares = (judged.predicted - held.pairs["rating"])[~unknown] ** 2
    assert sum(figures["pairs"] * figures["rmse"] ** 2 for figures in domains) == pytest.approx(squares.sum())


def test_ranking_figures_count_cold_items_as_missed(bias, judged, held):
    warm = HeldOut(held.pairs[held.pairs["item"] >= 0].reset_index(drop=True), held.training)
    n, ndcg, recall, coverage = brute_force(bias, warm, range(held.training.n_items))
    without = judge(bias, warm, SETTINGS, "bias").figures
    assert without["ndcg_at_5"] == pytest.approx(ndcg)
    assert without["recall_at_5"] == pytest.approx(recall)
    assert without["coverage_at_5"] == pytest.approx(coverage)
    assert judged.figures["users_ranked"] >= n
    assert judged.figures["recall_at_5"] < recall


def test_users_without_history_are_counted_and_have_no_ranking_figure(judged, held):
    assert judged.figures["users_without_history"] == 2
    assert judged.figures["users_ranked"] == held.pairs.loc[held.pairs["user"] >= 0, "user"].nunique()
    strangers = judged.users[judged.users["user_id"].isin(["a", "b"])]
    assert len(strangers) == 2
    assert strangers["ndcg"].isna().all()
    assert strangers["squared_error"].notna().all()


def test_the_figures_by_user_give_the_figures_of_the_model(judged):
    users = judged.users
    assert users["pairs"].sum() == judged.figures["pairs"]
    assert np.sqrt(users["squared_error"].sum() / users["pairs"].sum()) == pytest.approx(judged.figures["rmse"])
    assert users["ndcg"].mean() == pytest.approx(judged.figures["ndcg_at_5"])
    assert users["average_precision"].mean() == pytest.approx(judged.figures["map_at_5"])
    assert users["ndcg"].sem() == pytest.approx(judged.figures["ndcg_at_5_se"])


def test_lists_are_those_that_recommend_gives(bias, judged, held):
    items, scores = bias.recommend(held.ranked, 5)
    assert (judged.lists.items == items).all()
    assert (judged.lists.scores == scores).all()


def test_the_size_of_blocks_changes_nothing(bias, judged, held):
    at_once = judge(bias, held, SETTINGS.model_copy(update={"block_users": 1000}), "bias")
    assert at_once.figures == judged.figures


def test_a_held_out_rating_of_0_is_as_relevant_as_any(held):
    model = Popularity().fit(held.training)
    zeros = HeldOut(held.pairs.assign(rating=0.0), held.training)
    assert judge(model, zeros, SETTINGS, "popularity").figures == judge(model, held, SETTINGS, "popularity").figures


def test_a_model_without_ratings_has_ranking_figures_only(held):
    judged = judge(Popularity().fit(held.training), held, SETTINGS, "popularity")
    assert judged.predicted is None
    assert not {"rmse", "rmse_se", "mae", "liked"} & set(judged.figures)
    assert judged.users["squared_error"].isna().all()


def test_where_feedback_is_implicit_a_model_of_ratings_is_judged_by_its_lists_only(bias, judged, held):
    counted = HeldOut(held.pairs, replace(held.training, scale=IMPLICIT))
    found = judge(bias, counted, SETTINGS, "bias")
    assert found.predicted is None
    assert not {"rmse", "rmse_se", "mae", "liked"} & set(found.figures)
    assert all("rmse" not in figures for figures in found.figures["domains"].values())
    assert found.figures["ndcg_at_5"] == judged.figures["ndcg_at_5"]


def test_a_model_that_recommends_known_items_is_refused(held, monkeypatch):
    top_k = ranking.top_k
    monkeypatch.setattr(ranking, "top_k", lambda scores, k, exclude: top_k(scores, k))
    forgetful = Popularity().fit(held.training)
    with pytest.raises(FoldinError, match=r"recommends 'i\d+' to user 'u\d+', who has rated it in the training part"):
        judge(forgetful, held, SETTINGS, "forgetful")


def test_scores_that_are_nan_are_refused(held):
    class Diverged(Popularity):
        def _score(self, users):
            return np.where(users[:, None] == 30, np.nan, super()._score(users))

    user = held.training.users["user_id"].iloc[30]
    with pytest.raises(FoldinError, match=f"the scores of user '{user}' hold NaN; it diverged"):
        judge(Diverged().fit(held.training), held, SETTINGS, "diverged")


def test_predictions_that_are_nan_are_refused(held):
    class Diverged(DampedBias):
        def _predict(self, users, items):
            return np.full(len(users), np.nan, np.float32)

        def _score(self, users):
            return np.zeros((len(users), self.known.shape[1]), np.float32)

    model = Diverged(Diverged.Settings(damping=5.0)).fit(held.training)
    with pytest.raises(FoldinError, match="predicted ratings are no number, the first is nan; the model diverged"):
        judge(model, held, SETTINGS, "diverged")


def test_a_model_of_other_data_is_refused(held):
    other = Popularity().fit(planted(n_users=20, n_items=10)[0])
    with pytest.raises(FoldinError, match=r"fitted on \(20, 10\) users and items, the training part has \(120, 80\)"):
        judge(other, held, SETTINGS, "other")


def test_a_model_of_another_split_of_the_same_data_is_refused(held):
    other = Popularity().fit(held.training)
    other._known = other.known[::-1].copy()
    with pytest.raises(FoldinError, match=r"^fitted on other ratings than the training part's; train it again"):
        judge(other, held, SETTINGS, "other")
