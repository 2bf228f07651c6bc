"""Every metric against its definition spelled out in loops, against scikit-learn, and on cases known by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import mean_absolute_error, ndcg_score, precision_recall_fscore_support, root_mean_squared_error
from synthetic import planted

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.metrics import top_k
from foldin.metrics.ranking import RANKING
from foldin.models.baselines import DampedBias, Popularity
from foldin.models.parts.validation import validate

always = settings(derandomize=True, deadline=None, max_examples=200)


def held_out(rows, n_items):
    """Return a matrix of held-out items, each stored with rating 0: what counts is being stored."""
    users = [user for user, items in enumerate(rows) for _ in items]
    items = [item for items in rows for item in items]
    return sparse.csr_array((np.zeros(len(items), np.float32), (users, items)), shape=(len(rows), n_items))


@st.composite
def cases(draw):
    """Draw lists with or without room at the end, held-out items, and numbers of cold ones."""
    n_items = draw(st.integers(1, 8))
    k = draw(st.integers(1, 6))
    lists, rows, cold = [], [], []
    for _ in range(draw(st.integers(1, 4))):
        chosen = draw(st.permutations(range(n_items)))[: draw(st.integers(0, k))][:k]
        lists.append(chosen + [-1] * (k - len(chosen)))
        rows.append(sorted(draw(st.sets(st.integers(0, n_items - 1)))))
        cold.append(draw(st.integers(0, 3)))
    return lists, rows, cold, n_items


def by_definition(recommended, relevant, cold):
    """Return one user's metrics, from the definitions at the head of foldin.metrics."""
    k, total = len(recommended), len(relevant) + cold
    hit_at = [rank for rank, item in enumerate(recommended, start=1) if item in relevant]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, total) + 1))
    precisions = [sum(other <= rank for other in hit_at) / rank for rank in hit_at]
    return {
        "precision": len(hit_at) / k,
        "recall": len(hit_at) / total,
        "recall_capped": len(hit_at) / min(k, total),
        "ndcg": sum(1 / math.log2(rank + 1) for rank in hit_at) / ideal,
        "map": sum(precisions) / min(k, total),
        "mrr": 1 / hit_at[0] if hit_at else 0.0,
        "hit_rate": float(bool(hit_at)),
    }


@always
@given(cases())
def test_ranking_metrics_follow_their_definitions(case):
    lists, rows, cold, n_items = case
    measured = metrics.ranking_metrics(np.array(lists, np.int32), held_out(rows, n_items), np.array(cold))
    assert set(measured) == {metric.name for metric in RANKING}
    for user, (recommended, relevant, extra) in enumerate(zip(lists, rows, cold, strict=True)):
        for name, values in measured.items():
            if len(relevant) + extra:
                assert values[user] == pytest.approx(by_definition(recommended, relevant, extra)[name]), name
                assert 0 <= values[user] <= 1
            else:
                assert np.isnan(values[user]), f"a user without a held-out item has no {name}"


@always
@given(cases())
def test_coverage_is_the_share_of_items_on_any_list(case):
    lists, _, _, n_items = case
    on_a_list = {item for each in lists for item in each} - {-1}
    assert metrics.coverage(np.array(lists, np.int32), n_items) == pytest.approx(len(on_a_list) / n_items)


def test_ndcg_agrees_with_scikit_learn_where_nothing_is_tied():
    rng = np.random.default_rng(1)
    scores = rng.permuted(np.tile(np.arange(30.0), (25, 1)), axis=1)
    relevant = rng.random((25, 30)) < 0.2
    relevant[:, 0] = True
    items, _ = top_k.top_k(scores, 7)
    ours = metrics.ndcg(items, sparse.csr_array(relevant.astype(np.float32)))
    assert ours.mean() == pytest.approx(ndcg_score(relevant, scores, k=7))


def test_perfect_and_worst_lists():
    relevant = held_out([[0, 1], [2, 3, 4, 5]], 8)
    perfect = metrics.ranking_metrics(np.array([[1, 0, 5], [4, 2, 3]], np.int32), relevant)
    for name in ("ndcg", "map", "mrr", "hit_rate"):
        assert perfect[name].tolist() == [1, 1], name
    assert perfect["precision"].tolist() == pytest.approx([2 / 3, 1])
    assert perfect["recall"].tolist() == pytest.approx([1, 3 / 4])
    worst = metrics.ranking_metrics(np.array([[5, 6, 7], [0, 1, -1]], np.int32), relevant)
    assert all((values == 0).all() for values in worst.values())


def test_a_cold_item_counts_as_relevant_and_cannot_be_hit():
    lists = np.array([[3, 4]], np.int32)
    warm = metrics.ranking_metrics(lists, held_out([[3]], 5))
    cold = metrics.ranking_metrics(lists, held_out([[3]], 5), np.array([1]))
    assert (warm["recall"][0], cold["recall"][0]) == (1.0, 0.5)
    assert (warm["ndcg"][0], cold["ndcg"][0]) == (1.0, pytest.approx(1 / (1 + 1 / math.log2(3))))
    only_cold = metrics.ranking_metrics(lists, held_out([[]], 5), np.array([2]))
    assert all(values[0] == 0 for values in only_cold.values())


def test_the_order_in_which_held_out_items_are_stored_changes_nothing():
    lists = np.array([[3, 1], [0, 4]], np.int32)
    rows, starts = np.array([4, 3, 0, 4, 0, 2]), np.array([0, 3, 6])
    unsorted = sparse.csr_array((np.ones(6, np.float32), rows, starts), shape=(2, 5))
    assert not unsorted.has_sorted_indices
    assert metrics.hits(lists, unsorted).tolist() == [[True, False], [True, True]]


def test_tied_scores_are_ranked_by_item_before_they_are_judged():
    items, _ = top_k.top_k(np.zeros((1, 6), np.float32), 2)
    assert metrics.ndcg(items, held_out([[0, 1]], 6)).tolist() == [1.0]
    assert metrics.ndcg(items, held_out([[4, 5]], 6)).tolist() == [0.0]


def test_a_random_order_has_the_metrics_that_combinatorics_gives():
    n, n_items, k, n_relevant = 4000, 50, 10, 6
    rng = np.random.default_rng(3)
    items, _ = top_k.top_k(rng.random((n, n_items)), k)
    measured = metrics.ranking_metrics(items, held_out([range(n_relevant)] * n, n_items))
    no_hit = math.comb(n_items - n_relevant, k) / math.comb(n_items, k)
    expected = {"precision": n_relevant / n_items, "recall": k / n_items, "hit_rate": 1 - no_hit}
    for name, value in expected.items():
        assert abs(measured[name].mean() - value) < 4 * measured[name].std() / math.sqrt(n), name


def test_precision_is_not_the_pooled_one_that_implicit_reports():
    lists, rows = np.array([[0, 1, 2, 3]] * 2, np.int32), [[0], [0, 1, 2, 3]]
    ours = metrics.ranking_metrics(lists, held_out(rows, 6))["precision"].mean()
    pooled = sum(len(set(row) & {0, 1, 2, 3}) for row in rows) / sum(min(4, len(row)) for row in rows)
    assert (ours, pooled) == (0.625, 1.0)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[0, 2, 0]], "list 0 has an item twice; list it once"),
        ([[0, 5, 1]], "a list has the item 5 of a catalogue of 5"),
        ([[0, 1, 2], [0, 1, 2]], r"lists of shape \(2, 3\) against held-out items of 1 users"),
    ],
)
def test_lists_that_cannot_be_judged_are_refused(lists, message):
    with pytest.raises(FoldinError, match=message):
        metrics.ranking_metrics(np.array(lists, np.int32), held_out([[1]], 5))


ratings = st.lists(st.tuples(st.integers(1, 10), st.floats(0, 5.5, width=32)), min_size=1, max_size=30)


@always
@given(ratings)
def test_rating_errors_follow_their_definitions(pairs):
    actual, predicted = np.array([a / 2 for a, _ in pairs]), np.array([p for _, p in pairs])
    squares = [(p - a) ** 2 for a, p in zip(actual.tolist(), predicted.tolist(), strict=True)]
    assert metrics.rmse(actual, predicted) == pytest.approx(math.sqrt(sum(squares) / len(squares)))
    assert metrics.rmse(actual, predicted) == pytest.approx(root_mean_squared_error(actual, predicted))
    assert metrics.mae(actual, predicted) == pytest.approx(mean_absolute_error(actual, predicted))
    assert metrics.mae(actual, predicted) <= metrics.rmse(actual, predicted) + 1e-12


def test_rmse_is_over_all_pairs_and_not_the_mean_over_users():
    # One user with an error of 4, another with three errors of 0: per-user RMSE would be 2.
    assert metrics.rmse([1, 3, 3, 3], [5, 3, 3, 3]) == 2.0
    assert metrics.rmse([1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3], [5] + [3] * 15) == 1.0


def test_float32_ratings_are_summed_in_double_precision():
    actual, predicted = np.zeros(10**6, np.float32), np.full(10**6, 0.1, np.float32)
    assert metrics.rmse(actual, predicted) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize(
    ("actual", "predicted", "message"),
    [
        ([], [], "no pairs to compute an error on"),
        ([1.0, 2.0, 3.0], [1.0, math.nan, math.inf], "2 of 3 predicted ratings are not finite, the first is nan"),
        ([1.0, 2.0], [1.0], "give one of each per pair"),
    ],
)
def test_ratings_that_cannot_be_judged_are_refused(actual, predicted, message):
    for metric in (metrics.rmse, metrics.mae, lambda a, p: metrics.confusion(a, p, 2.0)):
        with pytest.raises(FoldinError, match=message):
            metric(actual, predicted)


@always
@given(ratings)
def test_the_confusion_matrix_is_labelled_rightly(pairs):
    actual, predicted = [a / 2 for a, _ in pairs], [p for _, p in pairs]
    measured = metrics.confusion(actual, predicted, 3.5)
    liked = [(a >= 3.5, p >= 3.5) for a, p in zip(actual, predicted, strict=True)]
    assert measured["true_positives"] == liked.count((True, True))
    assert measured["false_positives"] == liked.count((False, True))
    assert measured["false_negatives"] == liked.count((True, False))
    assert measured["true_negatives"] == liked.count((False, False))
    truth, guess = zip(*liked, strict=True)
    if any(truth) and any(guess):
        expected = precision_recall_fscore_support(truth, guess, average="binary")[:3]
        assert [measured[name] for name in ("precision", "recall", "f1")] == pytest.approx(expected)


def test_a_metric_without_a_value_is_left_out():
    assert set(metrics.confusion([5.0, 1.0], [1.0, 1.0], 3.0)) & {"precision", "recall", "f1"} == {"recall", "f1"}
    assert set(metrics.confusion([1.0, 1.0], [5.0, 1.0], 3.0)) & {"precision", "recall", "f1"} == {"precision", "f1"}
    assert not set(metrics.confusion([1.0], [1.0], 3.0)) & {"precision", "recall", "f1"}


@pytest.mark.parametrize("block_users", [1, 7, 1000])
def test_validate_ranks_every_item_without_a_train_rating(block_users):
    train, validation, _ = planted(n_users=60, n_items=40)
    model = Popularity().fit(train)
    popularity = np.bincount(train.ratings.indices, minlength=train.n_items)
    measured = []
    for user in range(train.n_users):
        known, relevant = (set(part.ratings[[user]].indices.tolist()) for part in (train, validation))
        order = sorted(set(range(train.n_items)) - known, key=lambda item: (-popularity[item], item))
        if relevant:
            measured.append(by_definition(order[:5], relevant, 0))
    found = validate(model, validation, k=5, block_users=block_users)
    assert set(found) == {"ndcg_at_5", "recall_at_5"}
    assert 0 < len(measured) < train.n_users, "some users must have no validation rating"
    for name in ("ndcg", "recall"):
        assert found[f"{name}_at_5"] == pytest.approx(np.mean([each[name] for each in measured]))


def test_validate_gives_rating_models_their_rmse():
    train, validation, _ = planted(n_users=60, n_items=40)
    model = DampedBias(DampedBias.Settings(damping=5.0)).fit(train)
    users, items, actual = validation.triples()
    expected = metrics.rmse(actual, model.predict(users, items))
    assert validate(model, validation, k=5)["rmse"] == expected


def test_validate_refuses_an_empty_validation_part():
    train, validation, _ = planted(n_users=60, n_items=40)
    empty = validation.with_ratings(sparse.csr_array(validation.ratings.shape, dtype=np.float32))
    with pytest.raises(FoldinError, match=r"the validation part is empty; raise split\.validation"):
        validate(Popularity().fit(train), empty, k=5)
