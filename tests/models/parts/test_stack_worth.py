"""What a stack is said to be worth: on users for whom the answer is known."""

import numpy as np
import pytest

from foldin.models.parts import stack_worth
from foldin.models.parts.stack_worth import Judgements

RNG = np.random.default_rng(4)
COUNTS = np.full(300, 10.0)


def of_ratings(together, weights):
    alone = np.column_stack([RNG.gamma(10, 0.1, 300), RNG.gamma(10, 0.2, 300)])
    sizes = {"good": 1.0, "poor": 2.0}
    without = np.full((300, 2), np.nan)
    return Judgements("RMSE", weights, sizes, alone, together(alone), without, COUNTS)


def test_a_sum_that_is_better_for_every_user_is_more_than_chance():
    judged = of_ratings(lambda alone: 0.8 * alone[:, 0], {"good": 0.7, "poor": 0.3})
    best, gain, low, high = judged.gain()
    assert best == "good"
    assert 0 < low < gain < high
    assert gain == pytest.approx((1 - np.sqrt(0.8)) * judged.of(judged.alone)[0], abs=1e-9)
    said = judged.verdict()
    assert "lower than good alone" in said
    assert "more than chance; it costs 2 models instead of one, 3.0 MB instead of 1.0" in said


def test_a_sum_whose_gain_may_be_chance_is_not_worth_its_cost():
    judged = of_ratings(lambda alone: alone[:, 0] * RNG.normal(1, 0.2, 300), {"good": 0.7, "poor": 0.3})
    assert judged.gain().low < 0
    assert judged.verdict().endswith("the gain may be chance. Take good.")
    assert "Not worth its cost" in judged.verdict()


def test_a_sum_of_one_part_is_that_part():
    judged = of_ratings(lambda alone: alone[:, 0], {"good": 1.0, "poor": 0.0})
    assert judged.verdict() == "The stack is good alone: no other part has a weight. Take good."


def test_a_higher_ndcg_is_a_gain():
    alone = np.column_stack([np.full(50, 0.2), np.full(50, 0.3)])
    judged = Judgements(
        "NDCG@10", {"a": 0.5, "b": 0.5}, {"a": 1, "b": 1}, alone, np.full(50, 0.35), alone[:, ::-1], np.ones(50)
    )
    assert judged.gain().gain == pytest.approx(0.05)
    assert "0.0500 higher than b alone" in judged.verdict()
    table = judged.table()
    np.testing.assert_allclose(table["adds"], [0.05, 0.15])
    np.testing.assert_allclose(table["NDCG@10 alone"], [0.2, 0.3])


def test_weights_are_never_fitted_on_the_users_they_are_judged_by():
    asked = []

    def stacked(parts, others, users):
        asked.append((tuple(parts), set(others), set(users)))
        return np.zeros(len(users))

    names = {"a": 0.5, "b": 0.5}
    judged = stack_worth.judged("RMSE", names, names, np.ones((23, 2)), np.ones(23), stacked)
    assert not np.isnan(judged.together).any()
    for kept in ((0, 1), (0,), (1,)):
        of_these = [(others, users) for parts, others, users in asked if parts == kept]
        assert len(of_these) == stack_worth.FOLDS
        assert set.union(*(users for _, users in of_these)) == set(range(23))
        assert all(others == set(range(23)) - users for others, users in of_these)


def test_the_only_user_there_is_can_be_judged():
    judged = stack_worth.judged(
        "RMSE", {"a": 1.0}, {"a": 1.0}, np.ones((1, 1)), np.ones(1), lambda parts, others, users: np.ones(len(users))
    )
    assert judged.together.tolist() == [1.0]
    assert np.isnan(judged.without).all()
