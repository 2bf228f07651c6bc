"""Every ranking metric against two other libraries, trec_eval (by pytrec_eval) and scikit-learn, on random cases.

trec_eval has no AUC; its second library is scipy.

Where definitions differ, the test computes the other library's metric on what makes both the same, and says so.
"""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import mannwhitneyu
from sklearn.metrics import (
    average_precision_score,
    label_ranking_average_precision_score,
    ndcg_score,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
)

from foldin import metrics
from foldin.metrics import auc, rating, top_k

always = settings(derandomize=True, deadline=None, max_examples=40)
EXACT = 1e-9
N_ITEMS = 12


@st.composite
def cases(draw):
    """Draw distinct scores of one user, held-out items, and a length of list; nothing is tied."""
    order = draw(st.permutations(range(N_ITEMS)))
    held = draw(st.sets(st.integers(0, N_ITEMS - 1), min_size=1, max_size=N_ITEMS - 1))
    return np.array(order, np.float32)[None], sorted(held), draw(st.integers(1, N_ITEMS))


def relevance(held):
    """Return held-out items as one row."""
    return sparse.csr_array((np.ones(len(held), np.float32), ([0] * len(held), held)), shape=(1, N_ITEMS))


def ours(scores, held, k):
    """Return our metrics of the user."""
    items, _ = top_k.top_k(scores, k)
    return {name: values[0] for name, values in metrics.ranking_metrics(items, relevance(held)).items()}, items[0]


@always
@given(cases())
def test_trec_eval_has_the_same_metrics(case):
    scores, held, k = case
    found, items = ours(scores, held, k)
    names = {f"{name}.{k}" for name in ("P", "recall", "ndcg_cut", "map_cut", "success")}
    evaluator = pytrec_eval.RelevanceEvaluator({"u": {str(item): 1 for item in held}}, names | {"recip_rank"})
    theirs = evaluator.evaluate({"u": {str(item): float(score) for item, score in enumerate(scores[0])}})["u"]
    assert found["precision"] == pytest.approx(theirs[f"P_{k}"], abs=EXACT)
    assert found["recall"] == pytest.approx(theirs[f"recall_{k}"], abs=EXACT)
    # Liang et al. (2018) divide by min(k, R), trec_eval by R.
    assert found["recall_capped"] * min(k, len(held)) == pytest.approx(theirs[f"recall_{k}"] * len(held), abs=EXACT)
    assert found["ndcg"] == pytest.approx(theirs[f"ndcg_cut_{k}"], abs=EXACT)
    assert found["hit_rate"] == pytest.approx(theirs[f"success_{k}"], abs=EXACT)
    # trec_eval divides by R, we by min(k, R).
    assert found["map"] * min(k, len(held)) == pytest.approx(theirs[f"map_cut_{k}"] * len(held), abs=EXACT)
    # trec_eval's reciprocal rank knows no k: it is ours where the first hit is in the list.
    hit_in_list = bool(set(items) & set(held))
    assert found["mrr"] == pytest.approx(theirs["recip_rank"] if hit_in_list else 0, abs=EXACT)


@always
@given(cases())
def test_scikit_learn_has_the_same_metrics(case):
    scores, held, k = case
    found, items = ours(scores, held, k)
    truth = np.isin(np.arange(N_ITEMS), held)
    listed = np.isin(np.arange(N_ITEMS), items)
    assert found["precision"] == pytest.approx(precision_score(truth, listed), abs=EXACT)
    assert found["recall"] == pytest.approx(recall_score(truth, listed), abs=EXACT)
    assert found["ndcg"] == pytest.approx(ndcg_score(truth[None], scores, k=k), abs=EXACT)
    # scikit-learn has no hit rate: a hit is any recall.
    assert found["hit_rate"] == (recall_score(truth, listed) > 0)
    # scikit-learn's average precision knows no k: it is ours on the list alone, over the hits that are in it.
    hits = truth & listed
    in_list = average_precision_score(truth[items], scores[0][items]) * hits.sum() if hits.any() else 0.0
    assert found["map"] * min(k, len(held)) == pytest.approx(in_list, abs=EXACT)
    # With the first hit as the only relevant item, its ranking average precision is the reciprocal rank.
    first = hits & (scores[0] == np.max(scores[0][hits], initial=-1))
    rank = label_ranking_average_precision_score(first[None], scores) if hits.any() else 0.0
    assert found["mrr"] == pytest.approx(rank, abs=EXACT)


@always
@given(
    st.lists(st.integers(0, 4), min_size=N_ITEMS, max_size=N_ITEMS),
    st.sets(st.integers(0, N_ITEMS - 1), min_size=1),
    st.sets(st.integers(0, N_ITEMS - 1)),
)
def test_auc_is_that_of_scikit_learn_and_of_scipy_s_mann_whitney_u_ties_included(levels, held, known):
    held = held - known
    others = set(range(N_ITEMS)) - known - held
    assume(held and others)
    scores = np.array(levels, np.float32)[None]
    found = auc.auc(scores, relevance(sorted(known)), relevance(sorted(held)))[0]
    candidates = sorted(held | others)
    theirs = roc_auc_score([item in held for item in candidates], scores[0][candidates])
    assert found == pytest.approx(theirs, abs=EXACT)
    # U counts the pairs in which a held-out item is ahead, by ranks of all scores; a tie counts a half there too.
    exact = scores[0].astype(np.float64)
    ahead = mannwhitneyu(exact[sorted(held)], exact[sorted(others)]).statistic
    assert found == pytest.approx(ahead / (len(held) * len(others)), abs=EXACT)
    # By counting pairs, the definition's words.
    pairs = [(scores[0][i] > scores[0][j]) + (scores[0][i] == scores[0][j]) / 2 for i in held for j in others]
    assert found == pytest.approx(np.mean(pairs), abs=EXACT)


def test_auc_counts_a_cold_item_as_missed_and_has_no_value_without_something_to_order():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]], np.float32)
    nothing = sparse.csr_array((3, 3), dtype=np.float32)
    held = sparse.csr_array(np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1]], np.float32))
    assert auc.auc(scores, nothing, held)[0] == 1
    assert np.isnan(auc.auc(scores, nothing, held)[1:]).all()
    assert auc.auc(scores, nothing, held, np.array([1, 0, 0]))[0] == 0.5


@always
@given(st.lists(st.tuples(st.integers(1, 10), st.floats(0.5, 5, width=32)), min_size=2, max_size=30))
def test_r_squared_is_that_of_scikit_learn(pairs):
    actual, predicted = zip(*pairs, strict=True)
    nobody = np.zeros(len(actual), np.intp)
    error = metrics.errors(actual, predicted)
    found = rating.r_squared(metrics.RatingErrors(np.array(actual, float), error, nobody, 1, nobody == 0))
    if len(set(actual)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(r2_score(actual, predicted), abs=EXACT)


@pytest.mark.parametrize(("n_items", "n_held", "k"), [(40, 6, 10), (40, 15, 10), (30, 1, 5)])
def test_a_random_order_has_exactly_the_expected_metrics(n_items, n_held, k):
    """Every position holds each item equally often, so expectations are sums over positions of held-out shares."""
    share = n_held / n_items
    discounts = 1 / np.log2(np.arange(2, k + 2))
    no_hit = math.comb(n_items - n_held, k) / math.comb(n_items, k)
    # P(item at i is held out) · (1 + expected hits before it) / i.
    places = np.arange(1, k + 1)
    before = (places - 1) * (n_held - 1) / (n_items - 1)
    first_at = [math.comb(n_items - place, n_held - 1) / math.comb(n_items, n_held) for place in places]
    expected = {
        "precision": share,
        "recall": k / n_items,
        "recall_capped": k * share / min(k, n_held),
        "ndcg": share * discounts.sum() / discounts[: min(k, n_held)].sum(),
        "map": (share * (1 + before) / places).sum() / min(k, n_held),
        "mrr": sum(chance / place for chance, place in zip(first_at, places, strict=True)),
        "hit_rate": 1 - no_hit,
    }
    n = 6000
    scores = np.random.default_rng(n_items + n_held).random((n, n_items), dtype=np.float32)
    held = sparse.csr_array(np.tile((np.arange(n_items) < n_held).astype(np.float32), (n, 1)))
    items, _ = top_k.top_k(scores, k)
    found = metrics.ranking_metrics(items, held)
    assert set(found) == set(expected)
    areas = auc.auc(scores, sparse.csr_array((n, n_items), dtype=np.float32), held)
    for name, value in (expected | {"auc": 0.5}).items():
        values = areas if name == "auc" else found[name]
        assert abs(values.mean() - value) < 4.5 * values.std() / math.sqrt(n), name
