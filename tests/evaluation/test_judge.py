"""One model judged on a test part with unknown users and items, metric by metric, against plain loops."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from synthetic import on_days, planted

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, Interactions, Scale
from foldin.core.params import Evaluation
from foldin.evaluation.judge import evaluate_model
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import beyond_accuracy, definitions
from foldin.metrics import top_k as ranking
from foldin.metrics.beyond_accuracy import BUCKETED, CATALOGUE
from foldin.metrics.definitions import COUNTS, OVER_USERS
from foldin.metrics.liked import LIKED
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import RATING
from foldin.models.baselines import DampedBias, Popularity
from foldin.models.bayesian import BayesianMF, FlippedFM

SETTINGS = Evaluation(
    k=5,
    ks=[1, 3],
    liked_share=0.75,
    block_megabytes=0.1,
    resamples=200,
    confidence=0.95,
    seeds={},
    oracle_z=4.0,
    explained={},
).model_copy(update={"block_megabytes": 0.02})  # below the least of params.yaml, so that few users fill several blocks


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
    return evaluate_model(bias, held, SETTINGS, "bias")


def brute_force(model, test, members):
    """Return how many users have something held out among the members, and their NDCG, recall and coverage."""
    measured, on_a_list = [], set()
    for user, pairs in test.pairs[test.pairs["user"] >= 0].groupby("user"):
        relevant = set(pairs["item"]) & set(members)
        scores = model.score([user])[0]
        known = set(test.training.ratings[[user]].indices.tolist())
        order = sorted(set(members) - known, key=lambda item: (-scores[item], item))[:5]
        hits = [item in relevant for item in order]
        if relevant:
            ideal = sum(1 / math.log2(rank + 2) for rank in range(min(5, len(relevant))))
            gained = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
            measured.append((gained / ideal, sum(hits) / len(relevant)))
            on_a_list |= set(order)
    return len(measured), *np.mean(measured, axis=0), len(on_a_list) / len(members)


def test_every_pair_counts_in_the_rating_metrics_cold_ones_too(bias, judged, held):
    errors = judged.predicted - held.pairs["rating"].to_numpy()
    assert len(errors) == judged.metrics["pairs"] == len(held.pairs)
    assert judged.metrics["cold_pairs"] == 3
    assert judged.metrics["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert judged.metrics["mae"] == pytest.approx(np.mean(np.abs(errors)))
    user, item = held.pairs.loc[3, ["user", "item"]]
    assert user == -1
    assert judged.predicted[3] == pytest.approx(np.clip(bias._bias.mean + bias.item_biases()[item], 0.5, 5))


def test_how_sure_a_model_is_of_each_pair_is_kept_where_it_says_so(judged, held):
    assert judged.stds is None
    settings = BayesianMF.Settings(factors=2, epochs=4, burn_in=0.2, draws=3, damping=5.0)
    model = BayesianMF(settings, seed=1).fit(held.training)
    stds = evaluate_model(model, held, SETTINGS, "bayesian").stds
    np.testing.assert_array_equal(stds, model.predict_std(*held.indices))
    assert len(stds) == len(held.pairs)
    folded_in = replace(held, fold_in=held.training)
    assert evaluate_model(model, folded_in, SETTINGS, "bayesian").stds is None


def test_test_ratings_are_predicted_for_the_days_they_were_given_on(held):
    users, items, _ = held.training.triples()
    training = on_days(held.training, users, items, 18_000 + (users + items) % 9)
    times = pd.Series(86_400 * (18_000 + np.arange(len(held.pairs)) % 12), dtype="Int64")
    dated = replace(held, training=training, pairs=held.pairs.assign(timestamp=times))
    settings = FlippedFM.Settings(
        factors=2, epochs=4, burn_in=0.2, draws=3, damping=5.0, feature_min_count=0, period_days=1
    )
    model = FlippedFM(settings, seed=1).fit(training)
    found, days = evaluate_model(model, dated, SETTINGS, "bayesian"), 18_000 + np.arange(len(times)) % 12
    np.testing.assert_array_equal(found.predicted, model.predict(*held.indices, days))
    np.testing.assert_array_equal(found.stds, model.predict_std(*held.indices, dated.days))
    assert not np.array_equal(found.predicted, model.predict(*held.indices))


def test_domains_are_judged_within_themselves(bias, judged, held):
    assert list(judged.metrics["domains"]) == ["books", "movies"]
    for domain, measured in judged.metrics["domains"].items():
        members = np.flatnonzero(held.training.items["domain"] == domain).tolist()
        n, ndcg, recall, coverage = brute_force(bias, held, members)
        assert measured["coverage_at_5"] == pytest.approx(coverage)
        assert measured["users_ranked"] == n
        assert measured["ndcg_at_5"] == pytest.approx(ndcg)
        assert measured["recall_at_5"] == pytest.approx(recall)
        of_domain = held.pairs["item"].isin(members)
        errors = (judged.predicted - held.pairs["rating"])[of_domain]
        assert measured["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))


def test_domain_metrics_add_up_to_the_pairs_of_known_items(judged, held):
    domains = judged.metrics["domains"].values()
    unknown = held.pairs["item"] == -1
    assert sum(measured["pairs"] for measured in domains) + unknown.sum() == judged.metrics["pairs"]
    squares = (judged.predicted - held.pairs["rating"])[~unknown] ** 2
    assert sum(measured["pairs"] * measured["rmse"] ** 2 for measured in domains) == pytest.approx(squares.sum())


def test_ranking_metrics_count_cold_items_as_missed(bias, judged, held):
    warm = HeldOut(held.pairs[held.pairs["item"] >= 0].reset_index(drop=True), held.training)
    n, ndcg, recall, coverage = brute_force(bias, warm, range(held.training.n_items))
    without = evaluate_model(bias, warm, SETTINGS, "bias").metrics
    assert without["ndcg_at_5"] == pytest.approx(ndcg)
    assert without["recall_at_5"] == pytest.approx(recall)
    assert without["coverage_at_5"] == pytest.approx(coverage)
    assert judged.metrics["users_ranked"] >= n
    assert judged.metrics["recall_at_5"] < recall


def test_users_without_history_are_counted_and_have_no_ranking_metric(judged, held):
    assert judged.metrics["users_without_history"] == 2
    # Of the two pairs with an unknown item, one is of an unknown user.
    assert judged.metrics["unreachable"] == 1
    assert judged.metrics["users_ranked"] == held.pairs.loc[held.pairs["user"] >= 0, "user"].nunique()
    without_history = judged.users[judged.users["user_id"].isin(["a", "b"])]
    assert len(without_history) == 2
    assert without_history["ndcg"].isna().all()
    assert without_history["squared_error"].notna().all()


def test_the_metrics_by_user_give_the_metrics_of_the_model(judged):
    users = judged.users
    assert users["pairs"].sum() == judged.metrics["pairs"]
    assert np.sqrt(users["squared_error"].sum() / users["pairs"].sum()) == pytest.approx(judged.metrics["rmse"])
    assert users["absolute_error"].sum() / users["pairs"].sum() == pytest.approx(judged.metrics["mae"])
    assert users["ndcg"].mean() == pytest.approx(judged.metrics["ndcg_at_5"])
    assert users["map"].mean() == pytest.approx(judged.metrics["map_at_5"])
    assert users["ndcg"].sem() == pytest.approx(judged.metrics["ndcg_at_5_se"])


def test_lists_are_those_that_recommend_gives(bias, judged, held):
    items, scores = bias.recommend(held.ranked, 5)
    assert (judged.lists.items == items).all()
    assert (judged.lists.scores == scores).all()


def test_the_size_of_blocks_changes_nothing(bias, judged, held):
    at_once = evaluate_model(bias, held, SETTINGS.model_copy(update={"block_megabytes": 10.0}), "bias")
    assert at_once.metrics == judged.metrics


def test_a_held_out_rating_of_0_is_a_hit_like_any_but_gains_nothing_and_is_not_liked(held):
    model = Popularity().fit(held.training)
    training = replace(held.training, scale=Scale(0, 5, 0.5))
    zeros, some = (HeldOut(held.pairs.assign(rating=rating), training) for rating in (0.0, held.pairs["rating"]))
    of_zeros, of_some = (evaluate_model(model, test, SETTINGS, "popularity").metrics for test in (zeros, some))
    by_rating = {name for name in of_some if "graded" in name or "liked" in name}
    assert {"ndcg_graded_at_5", "recall_liked_at_5"} <= by_rating
    assert set(of_some) - set(of_zeros) == by_rating, "who has no gain, or likes nothing, has no such metric"
    same = set(of_zeros) - {"other_lengths"}
    assert {name: of_zeros[name] for name in same} == {name: of_some[name] for name in same}


def test_a_model_without_ratings_has_ranking_metrics_only(held):
    judged = evaluate_model(Popularity().fit(held.training), held, SETTINGS, "popularity")
    assert judged.predicted is None
    assert not {"rmse", "rmse_se", "mae", "liked"} & set(judged.metrics)
    assert judged.users["squared_error"].isna().all()


def test_where_feedback_is_implicit_a_model_of_ratings_is_judged_by_its_lists_only(bias, judged, held):
    counted = HeldOut(held.pairs, replace(held.training, scale=IMPLICIT))
    found = evaluate_model(bias, counted, SETTINGS, "bias")
    assert found.predicted is None
    assert not {"rmse", "rmse_se", "mae", "liked"} & set(found.metrics)
    assert all("rmse" not in measured for measured in found.metrics["domains"].values())
    assert found.metrics["ndcg_at_5"] == judged.metrics["ndcg_at_5"]


def test_a_model_that_recommends_known_items_is_refused(held, monkeypatch):
    top_k = ranking.top_k
    monkeypatch.setattr(ranking, "top_k", lambda scores, k, exclude: top_k(scores, k))
    forgetful = Popularity().fit(held.training)
    with pytest.raises(FoldinError, match=r"recommends 'i\d+' to user 'u\d+', who has rated it in the training part"):
        evaluate_model(forgetful, held, SETTINGS, "forgetful")


class Familiar(Popularity):
    """Recommends what its user knows already, though its scores and what it was fitted on are sound."""

    def recommend(self, users, k):
        known = self.known[users].toarray() > 0
        return ranking.top_k(np.where(known, self.score(users), -np.inf), k)


class Contrary(Popularity):
    """Recommends unknown items, the least popular ones first."""

    def recommend(self, users, k):
        return ranking.top_k(-self.score(users), k, exclude=self.known[users])


class Short(Popularity):
    """Recommends fewer items than it was asked for."""

    def recommend(self, users, k):
        return super().recommend(users, k - 2)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Familiar, r"recommends 'i\d+' to user 'u\d+', who has rated it in the training part"),
        (Contrary, r"recommends to user 'u\d+' i\d+, .*, where its scores say i\d+, .*; let `recommend` follow"),
        (Short, r"recommends lists of shape \(20, 3\) to 20 users asked for 5 items; return k items"),
    ],
)
def test_a_model_whose_own_lists_are_not_those_of_its_scores_is_refused(held, sampled, kind, said):
    model = kind().fit(held.training)
    for test_part in (held, sampled):
        with pytest.raises(FoldinError, match=said):
            evaluate_model(model, test_part, SETTINGS, "odd")


def test_scores_that_are_nan_are_refused(held):
    class Diverged(Popularity):
        def _score(self, users):
            return np.where(users[:, None] == 30, np.nan, super()._score(users))

    user = held.training.users["user_id"].iloc[30]
    with pytest.raises(FoldinError, match=f"the scores of user '{user}' hold NaN; it diverged"):
        evaluate_model(Diverged().fit(held.training), held, SETTINGS, "diverged")


def test_predictions_that_are_nan_are_refused(held):
    class Diverged(DampedBias):
        def _predict(self, users, items):
            return np.full(len(users), np.nan, np.float32)

        def _score(self, users):
            return np.zeros((len(users), self.known.shape[1]), np.float32)

    model = Diverged(Diverged.Settings(damping=5.0)).fit(held.training)
    with pytest.raises(FoldinError, match="predicted ratings are not finite, the first is nan; the model diverged"):
        evaluate_model(model, held, SETTINGS, "diverged")


def test_a_model_of_other_data_is_refused(held):
    other = Popularity().fit(planted(n_users=20, n_items=10)[0])
    with pytest.raises(FoldinError, match=r"fitted on \(20, 10\) users and items, the training part has \(120, 80\)"):
        evaluate_model(other, held, SETTINGS, "other")


def test_a_model_of_another_split_of_the_same_data_is_refused(held):
    other = Popularity().fit(held.training)
    other._known = other.known[::-1].copy()
    with pytest.raises(FoldinError, match=r"^fitted on other ratings than the training part's; train it again"):
        evaluate_model(other, held, SETTINGS, "other")


def test_a_bucket_s_metrics_are_of_its_own_items(bias, judged, held):
    popularity = np.bincount(held.training.ratings.indices, minlength=held.training.n_items)
    groups = beyond_accuracy.buckets(popularity)
    lists = judged.lists.items
    for number, (name, measured) in enumerate(judged.metrics["popularity"].items()):
        mine = held.pairs["item"].isin(np.flatnonzero(groups == number))
        recalls = []
        for user, listed in zip(held.ranked, lists, strict=True):
            relevant = set(held.pairs.loc[mine & (held.pairs["user"] == user), "item"])
            if relevant:
                recalls.append(len(relevant & set(listed.tolist())) / len(relevant))
        assert measured["recall_at_5"] == pytest.approx(np.mean(recalls)), name
        assert measured["list_share_at_5"] == pytest.approx(np.mean(groups[lists[lists >= 0]] == number))
        errors = (judged.predicted - held.pairs["rating"])[mine]
        assert measured["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
        assert measured["pairs"] == mine.sum()


def test_other_lengths_are_the_metrics_of_shorter_and_longer_lists(bias, judged, held):
    for k in (1, 3):
        alone = evaluate_model(bias, held, SETTINGS.model_copy(update={"k": k}), "bias").metrics
        for name in ("precision", "recall", "ndcg", "map", "mrr", "hit_rate"):
            assert judged.metrics["other_lengths"][f"{name}_at_{k}"] == alone[f"{name}_at_{k}"]
    longer = evaluate_model(bias, held, SETTINGS.model_copy(update={"ks": [9]}), "bias")
    assert longer.metrics["ndcg_at_5"] == judged.metrics["ndcg_at_5"]
    assert longer.lists.items.shape == judged.lists.items.shape


def test_known_and_cold_pairs_are_reported_apart(judged, held):
    errors = judged.predicted - held.pairs["rating"].to_numpy()
    warm = (held.pairs["user"] >= 0) & (held.pairs["item"] >= 0)
    assert judged.metrics["warm_share"] == pytest.approx(1 - 3 / len(held.pairs))
    assert judged.metrics["rmse_warm"] == pytest.approx(np.sqrt(np.mean(errors[warm] ** 2)))
    assert judged.metrics["rmse_cold"] == pytest.approx(np.sqrt(np.mean(errors[~warm] ** 2)))


@pytest.fixture(scope="module")
def sampled(held):
    """Return the same test part with 20 negatives for each user."""
    rng = np.random.default_rng(2)
    taken = (held.training.ratings + held.relevant).toarray() != 0
    rows, columns = [], []
    for user in held.ranked:
        free = np.flatnonzero(~taken[user])
        chosen = rng.choice(free, min(20, len(free)), replace=False)
        rows += [user] * len(chosen)
        columns += chosen.tolist()
    ones = np.ones(len(rows), np.float32)
    negatives = sparse.csr_array((ones, (rows, columns)), shape=held.training.ratings.shape)
    return HeldOut(held.pairs, held.training, negatives=negatives)


def test_metrics_of_sampled_candidates_say_so_and_rank_these_alone(bias, judged, sampled):
    found = evaluate_model(bias, sampled, SETTINGS, "bias")
    assert not [name for name in found.metrics if "_at_" in name and not name.startswith("sampled_")]
    assert {"sampled_ndcg", "sampled_auc"} <= set(found.users.columns)
    for user, listed in zip(sampled.ranked, found.lists.items, strict=True):
        candidates = set(sampled.negatives[[user]].indices) | set(sampled.relevant[[user]].indices)
        scores = bias.score([user])[0]
        order = sorted(candidates, key=lambda item: (-scores[item], item))[:5]
        assert listed[listed >= 0].tolist() == order
    # Fewer candidates, better metrics: why one must never stand beside the other.
    assert found.metrics["sampled_ndcg_at_5"] > 1.5 * judged.metrics["ndcg_at_5"]
    assert found.metrics["rmse"] == judged.metrics["rmse"]


def test_held_out_users_are_judged_on_their_observed_ratings():
    train, _, test = planted(n_users=120, n_items=80)
    users, items, ratings = test.triples()
    held_out = users >= 90
    known = train.ratings[:90]
    training = Interactions(known, train.users[:90], train.items, train.scale)
    pairs = pd.DataFrame({"user": users - 90, "item": items, "rating": ratings, "timestamp": 0})[held_out]
    pairs["user_id"] = train.users["user_id"].to_numpy()[users[held_out]]
    pairs["item_id"] = train.items["item_id"].to_numpy()[items[held_out]]
    observed = Interactions(train.ratings[90:], train.users[90:].reset_index(drop=True), train.items, train.scale)
    pairs = pairs.reset_index(drop=True).astype({"user": "int32", "item": "int32"})
    test_part = HeldOut(pairs, training, observed)
    model = DampedBias(DampedBias.Settings(damping=5.0)).fit(training)
    found = evaluate_model(model, test_part, SETTINGS, "bias")
    scores = np.clip(model.fold_in(observed.ratings), 0.5, 5)
    np.testing.assert_array_equal(found.predicted, scores[test_part.indices])
    # Of an item that training has never seen, the user's observed ratings are all there is to go by.
    new = pairs.assign(item=pairs["item"].where(pairs.index != 4, np.int32(-1)))
    cold = evaluate_model(model, HeldOut(new, training, observed), SETTINGS, "bias").predicted
    user = pairs["user"].iloc[4]
    mine = observed.ratings[[user]]
    mean = training.ratings.data.mean()
    habit = (mine.data - mean - model.item_biases()[mine.indices]).sum() / (mine.nnz + 5.0)
    assert abs(habit) > 0.05
    assert cold[4] == pytest.approx(mean + habit, abs=1e-5)
    np.testing.assert_array_equal(np.delete(cold, 4), np.delete(found.predicted, 4))
    unknown_user = model.predict(np.full(len(pairs), -1), test_part.indices[1])
    assert found.metrics["rmse"] < metrics.rmse(test_part.ratings, unknown_user), "observed ratings must help"
    for row, listed in enumerate(found.lists.items):
        assert not set(listed.tolist()) & set(observed.ratings[[test_part.ranked[row]]].indices.tolist())


def test_infinite_scores_are_refused(held):
    class Diverged(Popularity):
        def _score(self, users):
            return np.where(users[:, None] == 30, np.inf, super()._score(users))

    with pytest.raises(FoldinError, match="hold infinity; it diverged"):
        evaluate_model(Diverged().fit(held.training), held, SETTINGS, "diverged")


def test_every_metric_that_is_entered_is_computed(bias, held):
    scales = {"books": Scale(1, 10, 1), "movies": Scale(0.5, 5, 0.5)}
    found = evaluate_model(bias, HeldOut(held.pairs, held.training, own_scales=scales), SETTINGS, "bias").metrics
    own = {metric.name for metric in RATING if metric.name.endswith("_own_unit")}
    overall = {metric.name for metric in (*RATING, *OVER_USERS, *CATALOGUE, *COUNTS)} - own
    assert overall <= {definitions.base(name) for name in found}
    assert {definitions.base(f"liked.{name}") for name in found["liked"]} == {metric.name for metric in LIKED}
    in_groups = {metric.name for metric in (*RATING, *RANKING, *CATALOGUE) if metric.of_groups}
    of_domain = {"pairs", "users_ranked"}
    assert {definitions.base(name) for name in found["domains"]["books"]} == in_groups | of_domain
    assert found["domains"]["books"]["rmse_own_unit"] == found["domains"]["books"]["rmse"] * 9
    of_bucket = {"pairs", "recall"} | {metric.name for metric in BUCKETED}
    errors = {metric.name for metric in RATING if metric.of_groups} - own
    assert {definitions.base(name) for name in found["popularity"]["tail"]} == errors | of_bucket
