"""Biases are damped means of residuals: of items first, then of users on what is left."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import from_triples

from foldin.models.parts import bias

# User 0 rates everything, user 1 only item 0, user 2 and item 3 stay without ratings.
TRAIN = from_triples([0, 0, 0, 1], [0, 1, 2, 0], [5.0, 3.0, 1.0, 3.0], (3, 4))


def test_a_case_worked_by_hand():
    fitted = bias.fit(TRAIN, damping=1.0)
    # The mean is 3; item 0 has residuals 2 and 0, damped by one pseudo-rating: 2 / 3.
    assert fitted.mean == 3.0
    np.testing.assert_allclose(fitted.item, [2 / 3, 0, -1, 0], rtol=1e-6)
    # User 0 keeps 2 - 2/3, 0 and -2 + 1, damped: (1/3) / 4; user 1 keeps -2/3, damped: -1/3.
    np.testing.assert_allclose(fitted.user, [1 / 12, -1 / 3, 0], rtol=1e-6)
    assert fitted.predict(np.array([0]), np.array([2]))[0] == pytest.approx(3 + 1 / 12 - 1)


def test_without_damping_a_bias_is_a_plain_mean_and_nobody_divides_by_nothing():
    fitted = bias.fit(TRAIN, damping=0.0)
    np.testing.assert_allclose(fitted.item, [1, 0, -2, 0], atol=1e-7)
    np.testing.assert_allclose(fitted.user, [1 / 3, -1, 0], rtol=1e-6)


def test_damped_without_end_there_is_only_the_mean():
    fitted = bias.fit(TRAIN, damping=math.inf)
    everyone, everything = (grid.ravel() for grid in np.indices((3, 4)))
    assert set(fitted.predict(everyone, everything)) == {3.0}


def test_an_unknown_user_or_item_adds_nothing():
    fitted = bias.fit(TRAIN, damping=1.0)
    predicted = fitted.predict(np.array([-1, 0, -1]), np.array([0, -1, -1]))
    np.testing.assert_allclose(predicted, [3 + 2 / 3, 3 + 1 / 12, 3], rtol=1e-6)
    assert predicted.dtype == np.float32


def test_a_rating_of_zero_pulls_down():
    with_zero = from_triples([0, 0], [0, 1], [0.0, 4.0], (1, 2))
    fitted = bias.fit(with_zero, damping=0.0)
    assert fitted.mean == 2.0
    np.testing.assert_allclose(fitted.item, [-2, 2])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data(), st.floats(0, 20))
def test_agrees_with_the_definition_and_more_damping_means_smaller_biases(data, damping):
    cells = data.draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, unique=True))
    ratings = data.draw(st.lists(st.integers(1, 10), min_size=len(cells), max_size=len(cells)))
    users, items = np.array(cells).T
    stars = np.array(ratings) / 2
    train = from_triples(users, items, stars, (5, 4))
    fitted = bias.fit(train, damping)
    residual = stars - stars.mean()
    item = np.array([residual[items == i].sum() / max(np.sum(items == i) + damping, 1e-12) for i in range(4)])
    residual -= item[items]
    user = np.array([residual[users == u].sum() / max(np.sum(users == u) + damping, 1e-12) for u in range(5)])
    np.testing.assert_allclose(fitted.item, item, atol=1e-5)
    np.testing.assert_allclose(fitted.user, user, atol=1e-5)
    assert (np.abs(bias.fit(train, damping + 1).item) <= np.abs(fitted.item) + 1e-7).all()
