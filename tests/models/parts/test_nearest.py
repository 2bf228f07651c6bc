"""The nearest rows are those of scikit-learn and numpy over all pairs, ties by index."""

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from foldin.models.parts import nearest

STARS = np.random.default_rng(2).integers(1, 6, size=(80, 40)) * (np.random.default_rng(3).random((80, 40)) < 0.3)


def rows(dense):
    return sparse.csr_array(np.asarray(dense, dtype=np.float32))


def best(dense, k):
    """Return the same matrix with only the k largest values of each row above 0, ties by column."""
    kept = np.zeros_like(dense)
    for row, values in enumerate(dense):
        order = np.lexsort((np.arange(len(values)), -values))[:k]
        order = order[values[order] > 0]
        kept[row, order] = values[order]
    return kept


def all_pairs(ones, others, similarity, shrinkage):
    """Return similarities of all pairs, by the formulas of textbooks."""
    common = ones @ others.T
    if similarity == "cosine":
        return common / (np.sqrt(np.outer(ones.sum(axis=1), others.sum(axis=1))) + shrinkage)
    left, right = (cells - cells.mean(axis=1, keepdims=True) for cells in (ones, others))
    found = left @ right.T / (np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)) + shrinkage)
    # Without a column in common, a correlation is not above 0.
    return np.where(common > 0, found, 0)


def test_cosines_worked_by_hand():
    """Rows {0, 1}, {0}, {2} and {0, 1}: of the first, 1/√2 to the second, nothing to the third and 1 to the fourth."""
    cells = rows([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 0]])
    found = nearest.similar(cells, cells, "cosine", 0.0, 3, among_themselves=True).toarray()
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[0, half, 0, 1], [half, 0, 0, half], [0] * 4, [1, half, 0, 0]], rtol=1e-6)
    # The second has a tie, and one place.
    one = nearest.similar(cells, cells, "cosine", 0.0, 1, among_themselves=True)
    assert one.indices.tolist() == [3, 0, 0]
    shrunk = nearest.similar(cells, cells, "cosine", 2.0, 1, among_themselves=True).toarray()
    assert shrunk[0, 3] == pytest.approx(2 / (2 + 2))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["cosine", "correlation"]),
    st.sampled_from([0.0, 3.0]),
    st.integers(1, 12),
    st.booleans(),
)
def test_the_nearest_are_the_best_of_all_pairs(seed, similarity, shrinkage, k, among_themselves):
    rng = np.random.default_rng(seed)
    ones = (rng.random((9, 16)) < 0.5).astype(float)
    others = ones if among_themselves else (rng.random((7, 16)) < 0.4).astype(float)
    others[0], ones[1] = others[0] if among_themselves else 0, 0
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.nan_to_num(all_pairs(ones, others, similarity, shrinkage))
    expected[expected < 1e-8] = 0
    if among_themselves:
        np.fill_diagonal(expected, 0)
    found = nearest.similar(rows(ones), rows(others), similarity, shrinkage, k, among_themselves=among_themselves)
    assert found.has_sorted_indices
    # As the values are rounded, so are ties.
    np.testing.assert_allclose(found.toarray(), best(np.round(expected, 6), k), atol=2e-6)


def test_scikit_learn_finds_the_same_neighbours_at_the_same_distances():
    ones = (STARS > 0).astype(float)
    found = nearest.similar(rows(STARS), rows(STARS), "cosine", 0.0, 5)
    distances = NearestNeighbors(n_neighbors=5, metric="cosine").fit(ones).kneighbors(ones)[0]
    by_row = np.sort(found.data.reshape(80, 5), axis=1)[:, ::-1]
    np.testing.assert_allclose(1 - by_row, distances, atol=1e-6)
    everyone = nearest.similar(rows(STARS), rows(STARS), "cosine", 0.0, 80).toarray()
    np.testing.assert_allclose(everyone, cosine_similarity(ones), atol=1e-6)


def test_a_row_that_is_full_correlates_with_none():
    cells = rows([[1, 1, 1], [1, 1, 0], [0, 1, 1]])
    assert nearest.similar(cells, cells, "correlation", 0.0, 3, among_themselves=True).nnz == 0


@pytest.mark.parametrize("similarity", ["cosine", "correlation"])
def test_neither_threads_nor_blocks_change_a_bit(similarity):
    cells = rows(np.tile(STARS, (3, 1)))
    expected = nearest.similar(cells, cells, similarity, 1.0, 20)
    alone = [nearest.similar(cells[[row]], cells, similarity, 1.0, 20).toarray()[0] for row in (0, 70, 239)]
    np.testing.assert_array_equal(alone, expected.toarray()[[0, 70, 239]])
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        found = nearest.similar(cells, cells, similarity, 1.0, 20)
    finally:
        numba.set_num_threads(threads)
    assert (found != expected).nnz == 0


def test_rows_among_the_others_are_not_their_own_neighbours():
    cells = rows(STARS)
    whole = nearest.similar(cells, cells, "cosine", 1.0, 3, among_themselves=True).toarray()
    part = nearest.similar(cells[2:4], cells, "cosine", 1.0, 3, among_themselves=True, first=2).toarray()
    assert np.array_equal(part, whole[2:4])


@pytest.mark.parametrize("additions", [1, 50, 10**9])
def test_rows_in_pieces_have_the_same_neighbours_and_the_progress_of_their_work(additions, monkeypatch):
    cells, shown = rows(STARS), []
    whole = nearest.similar(cells, cells, "correlation", 1.0, 5, among_themselves=True)
    monkeypatch.setattr(nearest, "ADDITIONS", additions)
    monkeypatch.setattr(nearest.Blocks, "begin", lambda self, first, share: shown.append((first, share)))
    found = nearest.similar(cells, cells, "correlation", 1.0, 5, among_themselves=True, doing="neighbours of row")
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    ones = (STARS > 0).astype(int)
    before = np.concatenate([[0], np.cumsum((ones * ones.sum(axis=0)).sum(axis=1))])
    if additions == 1:  # a row each; the last number of `before` is that of all additions
        assert [first for first, _ in shown] == list(range(80))
        np.testing.assert_allclose([share for _, share in shown], before[:-1] / before[-1])
    elif additions == 50:
        starts = [first for first, _ in shown] + [80]
        for start, end in itertools.pairwise(starts):
            assert before[end] - before[start] <= 50 or end - start == 1
        assert len(shown) > 1
    else:
        assert shown == []  # one piece, and nothing to show
