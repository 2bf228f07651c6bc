"""The weights of a stack, on predictions and scores whose right weights are known."""

import numpy as np
import pytest
from scipy import sparse

from foldin import metrics
from foldin.metrics.top_k import top_k
from foldin.models.parts import stacking

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(3.5, 1.0, 4000)
ERRORS = RNG.normal(size=(4000, 3)) * [0.5, 1.0, 1.0]


def test_least_squares_weighs_parts_by_their_precision():
    # Of independent errors the best weights are proportional to 1 / variance, shrunk by what the truth varies.
    weights = stacking.least_squares(TRUTH[:, None] + ERRORS, TRUTH, 0.0)
    precision = np.array([4.0, 1.0, 1.0])
    np.testing.assert_allclose(weights.of_parts, precision / (precision.sum() + 1), atol=0.02)
    assert weights.intercept == pytest.approx(3.5 * (1 - weights.of_parts.sum()), abs=0.05)


def test_a_part_of_no_use_has_no_weight():
    against = np.column_stack([TRUTH + ERRORS[:, 0], -TRUTH + ERRORS[:, 1]])
    assert stacking.least_squares(against, TRUTH, 0.0).of_parts[1] == 0


@pytest.mark.parametrize("shrinkage", [0.0, 50.0])
def test_weights_do_not_depend_on_the_unit_of_the_ratings(shrinkage):
    predictions = TRUTH[:, None] + ERRORS
    here = stacking.least_squares(predictions, TRUTH, shrinkage)
    there = stacking.least_squares(40 * predictions - 100, 40 * TRUTH - 100, shrinkage)
    np.testing.assert_allclose(there.of_parts, here.of_parts, atol=1e-9)
    expected = 40 * stacking.blended(predictions, here) - 100
    np.testing.assert_allclose(stacking.blended(40 * predictions - 100, there), expected, atol=1e-6)


def test_few_ratings_leave_the_weights_near_a_plain_mean():
    weights = stacking.least_squares(TRUTH[:5, None] + ERRORS[:5], TRUTH[:5], 1e6).of_parts
    np.testing.assert_allclose(weights, 1 / 3, atol=1e-3)


def test_ratings_that_are_all_alike_give_finite_weights():
    weights = stacking.least_squares(np.full((4, 2), 3.0), np.full(4, 3.0), 20.0)
    np.testing.assert_allclose(stacking.blended(np.full((2, 2), 3.0), weights), 3.0)


def known_of(rated):
    return sparse.csr_array(np.asarray(rated, dtype=np.float32))


def test_standardized_scores_are_comparable_over_the_items_not_rated():
    scores = np.array([[1, 2, 3, 900], [10, 20, 30, 9000]], dtype=np.float32)
    units = stacking.standardized(scores, known_of([[0, 0, 0, 1], [0, 0, 0, 1]]))
    np.testing.assert_allclose(units[0], units[1], rtol=1e-5)
    assert units[0, :3].mean() == pytest.approx(0, abs=1e-9)
    assert units[0, :3].std() == pytest.approx(1)


def test_standardized_scores_of_items_that_are_all_alike_are_0():
    scores = np.array([[0.1, 0.1, 0.1], [7, 8, 9]], dtype=np.float32)
    # The second user has rated all but one item.
    assert not stacking.standardized(scores, known_of([[0, 0, 0], [1, 1, 0]])).any()


@pytest.fixture
def world():
    """Return scores by three parts, what is known, and what is held out, of 40 users and 60 items, some scores tied."""
    rng = np.random.default_rng(1)
    scores = [rng.integers(0, 12, (40, 60)).astype(np.float32) for _ in range(3)]
    rated, held = rng.random((40, 60)) < 0.2, rng.random((40, 60)) < 0.1
    rated[0], held[:, 5] = True, True
    rated[0, :4] = False
    held |= np.arange(60) == 5
    return scores, known_of(rated), known_of(held & ~rated | (np.arange(60) == 5))


def test_ndcg_of_candidates_is_that_of_lists_from_the_whole_catalogue(world):
    scores, known, held_out = world
    found = stacking.joined(
        [
            stacking.candidates([part[rows] for part in scores], known[rows], held_out[rows], 60)
            for rows in (slice(0, 15), slice(15, 40))
        ]
    )
    weights = np.array([0.5, 0.2, 0.3])
    total = sum(w * stacking.standardized(part, known) for w, part in zip(weights, scores, strict=True))
    lists, _ = top_k(total.astype(np.float32), 10, exclude=known)
    np.testing.assert_allclose(found.ndcg(weights, 10), metrics.ndcg(lists, held_out), atol=1e-6)


def test_few_candidates_hold_the_best_items_of_every_part(world):
    scores, known, held_out = world
    found = stacking.candidates(scores, known, held_out, 3)
    for part in scores:
        for row, best in enumerate(top_k(part, 3, exclude=known)[0]):
            assert set(best[best >= 0]) <= set(found.items[row])
    assert found.items.shape[1] <= 9


def test_greedy_selection_adds_parts_that_complete_each_other():
    # Half of the users are known to the first part only, half to the second; the third knows nothing, but loudly.
    rng = np.random.default_rng(2)
    held = np.zeros((200, 30), dtype=bool)
    held[np.arange(200), rng.integers(0, 30, 200)] = True
    noise = rng.normal(size=(3, 200, 30))
    half = np.arange(200)[:, None] < 100
    parts = [noise[0] + 4 * (held & half), noise[1] + 4 * (held & ~half), 9 * noise[2]]
    found = stacking.candidates([part.astype(np.float32) for part in parts], known_of(0 * held), known_of(held), 30)
    weights = stacking.greedy(found, 5, 10)
    assert weights.sum() == pytest.approx(1)
    assert min(weights[:2]) > 0.3
    assert weights[2] < 0.2
    alone = max(found.ndcg(one, 5).mean() for one in np.eye(3))
    assert found.ndcg(weights, 5).mean() > alone + 0.1


def test_greedy_selection_of_parts_that_are_alike_takes_the_first(world):
    scores, known, held_out = world
    found = stacking.candidates([scores[0], scores[0]], known, held_out, 20)
    np.testing.assert_array_equal(stacking.greedy(found, 10, 5), [1, 0])
