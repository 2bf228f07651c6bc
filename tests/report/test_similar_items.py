"""Neighbours in a space of vectors, and what they have in common."""

import numpy as np
import pandas as pd
import pytest

from foldin.report import similar_items
from foldin.report.similar_items import nearest


def test_nearest_are_by_direction_not_length_and_never_the_row_itself():
    factors = np.array([[1.0, 0], [0, 9], [7, 1], [0.1, 0], [-1, 0], [0, 0]])
    assert nearest(factors, 0, 3).tolist() == [3, 2, 1]
    assert nearest(factors, 0, 99).tolist() == [3, 2, 1, 5, 4]


def test_the_nearest_of_each_is_the_first_of_its_nearest_whatever_the_blocks(monkeypatch):
    vectors = np.random.default_rng(3).normal(size=(60, 4))
    vectors[7] = 0
    rows = np.array([5, 7, 0, 59], dtype=np.int32)
    for cells in (1, 130, 10**6):
        monkeypatch.setattr(similar_items, "BLOCK_CELLS", cells)
        found = similar_items.nearest_of_each(vectors, rows)
        assert found.tolist() == [nearest(vectors, row, 1)[0] for row in rows]


def test_a_large_catalogue_is_sampled_and_a_small_one_is_not():
    assert similar_items.sample(30).tolist() == list(range(30))
    drawn = similar_items.sample(10 * similar_items.SAMPLE)
    assert len(np.unique(drawn)) == similar_items.SAMPLE
    assert drawn.tolist() == sorted(drawn.tolist()) == similar_items.sample(10 * similar_items.SAMPLE).tolist()
    assert drawn.tolist() != similar_items.sample(10 * similar_items.SAMPLE, seed=1).tolist()


def test_what_pairs_have_in_common_and_how_often_any_two_do():
    items = pd.DataFrame({"genres": ["Crime|War", "War", None, "Comedy", "Crime"]})
    held = similar_items.values(items)
    assert held.shape == (5, 3)
    rows = np.arange(5, dtype=np.int32)
    partners = np.array([1, 0, 3, 4, 0], dtype=np.int32)
    assert similar_items.in_common(held, rows, partners).tolist() == [True, True, False, False, True]
    # Of 20 ordered pairs: 0 with 1, 0 with 4, and back.
    assert similar_items.in_common_by_chance(held, rows) == pytest.approx(4 / 20)
    nothing = similar_items.values(items.assign(genres=""))
    assert nothing.shape == (5, 0)
    assert similar_items.in_common_by_chance(nothing, rows) == 0


def test_one_item_has_no_neighbour_and_nothing_in_common():
    held = similar_items.values(pd.DataFrame({"genres": ["Crime"]}))
    only = np.zeros(1, dtype=np.int32)
    assert similar_items.in_common_by_chance(held, only) == 0
    assert nearest(np.ones((1, 2)), 0, 5).size == 0
    assert similar_items.nearest_of_each(np.ones((1, 2)), only).tolist() == [0]
