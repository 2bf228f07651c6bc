"""On a day, a machine with a block of days is a matrix factorization: the same predictions, the same variances."""

import numpy as np
import pytest

from foldin.core.days import NO_DAY, UNKNOWN_DAY
from foldin.models.parts.day_draws import DayDraws
from foldin.models.parts.draws import Draws

N_DRAWS, FACTORS = 3, 2


@pytest.fixture
def both():
    """Return draws of 4 users, 5 items, and the days 3, 8, 9 and that of ratings without a time."""
    rng = np.random.default_rng(0)
    draws = Draws.empty(N_DRAWS, 4, 5, FACTORS, implied=False)
    days = DayDraws.empty(np.array([9, 3, 3, 8, NO_DAY], np.int32), 1, N_DRAWS, FACTORS)
    biases_and_factors = (
        *(draws.user_bias, draws.item_bias, draws.user_factors, draws.item_factors),
        *(days.bias, days.factors, draws.constant),
    )
    for array in biases_and_factors:
        array[...] = rng.normal(size=array.shape)
    draws.noise[:] = 4.0
    roots = rng.normal(size=draws.spread.shape)
    draws.spread[:] = roots @ roots.transpose(0, 1, 3, 2)
    days.spread[:] = rng.uniform(0.2, 1, size=days.spread.shape)
    return draws, days


def by_definition(draws, days, user, item, row):
    """Return the prediction of every draw by the sum over blocks and pairs of blocks."""
    parts = draws.user_factors[user], draws.item_factors[item], days.factors[row]
    biases = draws.constant + draws.user_bias[user] + draws.item_bias[item] + days.bias[row]
    return biases + sum(np.sum(parts[a] * parts[b], axis=1) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_a_day_has_a_row_and_all_unknown_ones_have_the_last(both):
    _, days = both
    assert days.rows(np.array([9, 3, 8, NO_DAY, 4, 10, 0, UNKNOWN_DAY])).tolist() == [3, 1, 2, 0, 4, 4, 4, 4]


@pytest.mark.parametrize("length", [1, 7, 100_000])
def test_no_rating_s_period_is_the_unknown_one(length):
    days = np.array([0, 6, 7, 40_000, NO_DAY], np.int32)
    made = DayDraws.empty(days, length, 1, 1)
    assert (made.rows(days) < len(made.periods)).all()
    assert made.rows(np.array([UNKNOWN_DAY])).tolist() == [len(made.periods)]
    assert (made.rows(np.array([0])) == made.rows(np.array([6]))).all() == (length > 6)


def test_mean_and_variance_of_predictions_follow_the_definition_unknown_users_items_and_days_included(both):
    draws, days = both
    users, items, rows = np.array([0, 3, -1, 2, 1, 0]), np.array([4, -1, 2, 2, 0, 4]), np.array([0, 1, 4, 1, 4, 2])
    mean, variance = days.moments(draws, users, items, rows)
    for place, asked in enumerate(zip(users, items, rows, strict=True)):
        each = by_definition(draws, days, *asked)
        assert mean[place] == pytest.approx(each.mean(), abs=1e-5)
        assert variance[place] == pytest.approx(each.var(), abs=1e-5)


def test_a_machine_on_a_day_has_all_its_items_or_those_asked_for(both):
    draws, days = both
    everything, some = days.on(draws, 2), days.on(draws, 2, np.array([1, 4], np.int32))
    np.testing.assert_array_equal(some.item_bias, everything.item_bias[[1, 4, -1]])
    np.testing.assert_array_equal(some.item_factors, everything.item_factors[[1, 4, -1]])
    users = np.arange(4, dtype=np.int32)
    expected = [[by_definition(draws, days, user, item, 2).mean() for item in range(5)] for user in users]
    np.testing.assert_allclose(everything.grid(users), expected, atol=1e-5)


@pytest.mark.parametrize("new", [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 0), (1, 1, 0)])
def test_what_is_new_is_a_random_draw_in_every_block(both, new):
    """A new user, item or day is normal around its last row; all other blocks are given."""
    draws, days = both
    new_user, new_item, new_day = map(bool, new)
    user, item, row = (-1 if new_user else 1), (-1 if new_item else 2), (4 if new_day else 1)
    asked = np.array([user], np.int32), np.array([item], np.int32), np.array([row], np.int32)
    found = days.variance(draws, *asked, np.array([new_user]), np.array([new_item]))[0]
    rng, n, exact = np.random.default_rng(1), 200_000, []
    for draw in range(N_DRAWS):
        blocks = []
        for is_new, bias, factors, covariance in (
            (new_user, draws.user_bias[user], draws.user_factors[user], draws.spread[0, draw]),
            (new_item, draws.item_bias[item], draws.item_factors[item], draws.spread[1, draw]),
            (new_day, days.bias[row], days.factors[row], np.diag(days.spread[draw])),
        ):
            centre = np.r_[bias[draw], factors[draw]].astype(float)
            blocks.append(rng.multivariate_normal(centre, covariance if is_new else np.zeros((3, 3)), n).T)
        ratings = sum(block[0] for block in blocks)
        for one, other in ((0, 1), (0, 2), (1, 2)):
            ratings = ratings + np.sum(blocks[one][1:] * blocks[other][1:], axis=0)
        exact.append(ratings.var())
    means = by_definition(draws, days, user, item, row)
    assert found == pytest.approx(np.mean(exact) + means.var() + 0.25, rel=0.02)


def test_what_is_saved_comes_back_and_a_model_without_days_has_none(both):
    _, days = both
    arrays = days.arrays()
    again = DayDraws.of_arrays(arrays)
    assert again.arrays().keys() == arrays.keys()
    np.testing.assert_array_equal(again.rows(np.array([9, 4])), days.rows(np.array([9, 4])))
    assert DayDraws.of_arrays({"constant": np.zeros(2)}) is None
