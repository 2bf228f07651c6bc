"""The weights of linear models are those of the regressions they claim to solve, by other solvers."""

import numba
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet
from synthetic import from_triples, planted
from threadpoolctl import threadpool_limits

from foldin.core.errors import FoldinError
from foldin.models.linear import BLOCK_ITEMS, Ease, Edlae, Slim, inverted, weights_in_place
from foldin.models.parts import item_weights

TRAIN = planted(n_users=90, n_items=50)[0]
EVERYONE = np.arange(90, dtype=np.int32)


def ease(train, regularization, gigabytes=1.0):
    return Ease(Ease.Settings(regularization=regularization, gigabytes=gigabytes)).fit(train)


def edlae(train, regularization, dropout):
    return Edlae(Edlae.Settings(regularization=regularization, dropout=dropout, gigabytes=1.0)).fit(train)


def slim(train, l1, l2, sweeps=1000):
    return Slim(Slim.Settings(l1=l1, l2=l2, sweeps=sweeps, gigabytes=1.0)).fit(train)


def of(cells):
    """Return interactions that are the ones of a matrix."""
    users, items = np.nonzero(cells)
    return from_triples(users, items, np.full(len(users), 4.0), np.shape(cells))


def weights(model):
    return np.column_stack([model.column(item) for item in range(model.known.shape[1])])


def ridge(cells, item, penalties):
    """Return the weights of a column's regression on the others, by least squares with a row for each penalty."""
    others = np.delete(np.arange(cells.shape[1]), item)
    left = np.vstack([cells[:, others], np.diag(np.sqrt(penalties[others]))])
    right = np.concatenate([cells[:, item], np.zeros(len(others))])
    found = np.zeros(cells.shape[1])
    found[others] = np.linalg.lstsq(left, right)[0]
    return found


def test_ease_worked_by_hand():
    """Users rate {0, 1} and {0}: item 1 from item 0 is (1 · 1) / (2 + 1), item 0 from item 1 is (1 · 1) / (1 + 1)."""
    model = ease(of([[1, 1], [1, 0]]), 1.0)
    np.testing.assert_allclose(weights(model), [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)
    np.testing.assert_allclose(model.score([0, 1]), [[1 / 2, 1 / 3], [0, 1 / 3]], rtol=1e-6)


def test_edlae_worked_by_hand():
    """A dropout of 1/2 adds an item's number of users to λ: 1 / (2 + 1 + 2) and 1 / (1 + 1 + 1)."""
    np.testing.assert_allclose(weights(edlae(of([[1, 1], [1, 0]]), 1.0, 0.5)), [[0, 1 / 5], [1 / 3, 0]], rtol=1e-6)


def test_slim_worked_by_hand():
    """As `ease` with an l2 of 1, less an l1 of ½: (1 − ½) / (2 + 1) from item 0 to 1, ½ / (1 + 1) from 1 to 0."""
    np.testing.assert_allclose(weights(slim(of([[1, 1], [1, 0]]), 0.5, 1.0)), [[0, 1 / 6], [1 / 4, 0]], rtol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([0.05, 1.0, 40.0]), st.sampled_from([0.0, 0.3, 0.9]))
def test_each_column_is_the_ridge_regression_on_the_others(seed, n_items, regularization, dropout):
    cells = (np.random.default_rng(seed).random((12, n_items)) < 0.4).astype(float)
    cells[0] = 1
    penalties = regularization + dropout / (1 - dropout) * cells.sum(axis=0)
    expected = np.column_stack([ridge(cells, item, penalties) for item in range(n_items)])
    np.testing.assert_allclose(weights(edlae(of(cells), regularization, dropout)), expected, rtol=1e-4, atol=1e-6)
    if dropout == 0:
        np.testing.assert_array_equal(
            weights(ease(of(cells), regularization)), weights(edlae(of(cells), regularization, 0.0))
        )


@pytest.mark.parametrize(("l1", "l2"), [(0.5, 2.0), (2.0, 0.5), (1e-3, 30.0)])
def test_slim_is_the_non_negative_elastic_net_of_scikit_learn(l1, l2, monkeypatch):
    monkeypatch.setattr("foldin.models.linear.SETTLED", 1e-9)
    cells = (TRAIN.ratings.toarray() > 0).astype(float)
    found = weights(slim(TRAIN, l1, l2))
    for item in range(0, 50, 7):
        others = cells.copy()
        others[:, item] = 0
        net = ElasticNet(
            (l1 + l2) / 90, l1_ratio=l1 / (l1 + l2), positive=True, fit_intercept=False, tol=1e-10, max_iter=10**5
        )
        expected = net.fit(others, cells[:, item]).coef_
        np.testing.assert_allclose(found[:, item], expected, atol=1e-5)
    assert (found >= 0).all()
    assert (found > 0).sum() > 50
    assert (np.diag(found) == 0).all()


def test_slim_stops_where_weights_have_settled_near_the_end_of_a_long_descent():
    np.testing.assert_allclose(weights(slim(TRAIN, 1.0, 5.0)), weights(slim(TRAIN, 1.0, 5.0, sweeps=10_000)), atol=1e-3)
    few, many = (weights(slim(TRAIN, 1.0, 5.0, sweeps=sweeps)) for sweeps in (1, 1000))
    assert np.abs(few - many).max() > 0.01


def test_slim_of_more_items_than_a_block_is_the_same_as_of_all_at_once(monkeypatch):
    assert BLOCK_ITEMS > 50
    at_once = weights(slim(TRAIN, 1.0, 5.0))
    monkeypatch.setattr("foldin.models.linear.BLOCK_ITEMS", 7)
    np.testing.assert_array_equal(weights(slim(TRAIN, 1.0, 5.0)), at_once)


def test_a_higher_l1_leaves_fewer_weights():
    counts = [slim(TRAIN, l1, 5.0).n_weights() for l1 in (0.01, 1.0, 5.0, 1000.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[2] > counts[-1] == 0


@pytest.mark.parametrize("fit", [lambda t: ease(t, 5.0), lambda t: edlae(t, 5.0, 0.5), lambda t: slim(t, 1.0, 5.0)])
def test_ratings_are_not_read_nor_does_a_thread_more_change_a_bit(fit):
    expected = weights(fit(TRAIN))
    ratings = TRAIN.ratings.copy()
    ratings.data = np.where(np.arange(ratings.nnz) % 3 == 0, 0, ratings.data).astype(np.float32)
    np.testing.assert_array_equal(weights(fit(TRAIN.with_ratings(ratings))), expected)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(weights(fit(TRAIN)), expected)
    finally:
        numba.set_num_threads(threads)
    model = fit(TRAIN)
    np.testing.assert_array_equal(model.fold_in(TRAIN.ratings), model.score(EVERYONE))


def test_an_inverse_is_the_same_under_any_number_of_threads():
    root = np.random.default_rng(1).normal(size=(700, 700))
    matrix = root @ root.T + 700 * np.eye(700)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(np.triu(inverted(matrix.copy())))
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], np.triu(np.linalg.inv(matrix)), atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_weights_take_the_place_of_the_inverse_in_half_its_memory(size):
    """7 items have an odd number of pairs: the last half of a cell is left over."""
    some = np.random.default_rng(2).normal(size=(size + 5, size))
    inverse = np.linalg.inv(some.T @ some + np.eye(size))
    whole = np.triu(inverse) + np.triu(inverse, 1).T
    expected = (-whole / np.diag(whole)).astype(np.float32)
    np.fill_diagonal(expected, 0)
    upper = np.triu(inverse) + np.tril(np.full((size, size), np.nan), -1)  # LAPACK leaves what it likes there
    weights = weights_in_place(upper)
    np.testing.assert_array_equal(weights, expected)
    assert np.shares_memory(weights, upper)
    assert upper.nbytes == (size * size + 1) // 2 * 8


def test_what_has_no_inverse_says_what_to_raise():
    with pytest.raises(FoldinError, match="no inverse; raise `regularization`"):
        inverted(-np.eye(3))


def test_a_catalogue_too_large_is_refused_before_memory_is_taken(monkeypatch):
    wide = from_triples([0, 1], [5, 99_999], [3, 3], (2, 100_000))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1000 * 2**30}))
    with pytest.raises(FoldinError) as caught:
        ease(wide, 5.0)
    said = (
        "params.yaml: Ease: it needs 74.5 GB for all pairs of 100,000 items, and `gigabytes` allows 1 GB; "
        "raise `gigabytes`, drop rare items (subset.k_core), or leave its family out of `families` and take "
        "`neighbours`, which holds the nearest items only"
    )
    assert str(caught.value) == said
    with pytest.raises(FoldinError, match=r"Slim: it needs 37\.3 GB .* and `gigabytes` allows 1 GB"):
        slim(wide, 1.0, 1.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**29}))
    with pytest.raises(FoldinError, match=r"and this machine has 0\.5 GB free; drop rare items"):
        item_weights.refuse_beyond_memory("ease", 30_000, 12, 100.0)
    item_weights.refuse_beyond_memory("ease", 5000, 12, 1.0)


def test_a_saved_model_takes_four_bytes_for_each_weight(tmp_path):
    ease(TRAIN, 5.0).save(tmp_path)
    assert 50 * 50 * 4 <= (tmp_path / "arrays.npz").stat().st_size < 50 * 50 * 4 + 1000
    sparse = slim(TRAIN, 3.0, 5.0)
    sparse.save(tmp_path)
    assert (tmp_path / "arrays.npz").stat().st_size < 8 * sparse.n_weights() + 2000 < 50 * 50 * 4


def test_the_strongest_are_the_largest_weights_and_ties_fall_to_the_lower_item():
    model = ease(of([[1, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 1]]), 1.0)
    column = model.column(0)
    assert column[1] == column[2] > 0
    assert model.strongest(0, 2).tolist() == [1, 2] if column[1] > column[3] else [3, 1]
    assert model.strongest(0, 1000).tolist() == [
        place for place in np.argsort(-column, kind="stable") if column[place] > 0
    ]
    assert model.strongest(3, 4).tolist() == [0]
