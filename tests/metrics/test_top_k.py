"""The k best of each row, against sorting the whole row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.metrics.top_k import top_k

# Few distinct values, so that most rows are full of ties; both infinities are scores like any other.
levels = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf])
blocks = arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=levels)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(blocks, st.integers(1, 11), st.data())
def test_the_k_best_by_score_then_item(scores, k, data):
    held = data.draw(arrays.arrays(bool, scores.shape))
    # Zeros, stored all the same: a rating of 0 is known too.
    rows, columns = np.nonzero(held)
    exclude = sparse.csr_array((np.zeros(len(rows), np.float32), (rows, columns)), shape=scores.shape)
    items, values = top_k(scores, k, exclude)
    for row in range(len(scores)):
        candidates = [i for i in range(scores.shape[1]) if not held[row, i] and scores[row, i] > -np.inf]
        best = sorted(candidates, key=lambda i: (-scores[row, i], i))[:k]
        room = k - len(best)
        assert items[row].tolist() == best + [-1] * room
        assert values[row].tolist() == [*scores[row, best].tolist(), *[-np.inf] * room]
    assert items.dtype == np.int32
    assert values.dtype == np.float32


def test_scores_are_left_as_they_were():
    scores = np.arange(6, dtype=np.float32).reshape(2, 3)
    top_k(scores, 2, sparse.csr_array(np.array([[1, 0, 0], [0, 1, 0]])))
    assert scores.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_nan_is_refused():
    with pytest.raises(FoldinError, match="a score of row 1 is NaN; the model diverged"):
        top_k(np.array([[1.0, np.inf], [np.nan, 2.0]]), 1)
