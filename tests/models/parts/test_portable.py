"""Sums of models as arrays, by hand; that every model's arrays give its scores is tested in models/test_contract.py."""

import numpy as np
import pytest
from scipy import sparse

from foldin.models.parts.portable import Portable, as_product, too_large_as_product, weighted_sum

KNOWN = sparse.csr_array(np.array([[1, 0, 1], [0, 1, 0]], dtype=np.float32))
ONES = np.ones(2)


def test_a_weighted_sum_holds_weighted_biases_and_vectors_side_by_side():
    biased = Portable(user_biases=np.array([3.0, 4.0]), item_biases=np.array([0.0, 1.0, -1.0]))
    vectors = Portable(np.zeros(2), np.ones(3), np.array([[1.0], [2.0]]), np.array([[1.0], [0.0], [3.0]]))
    total = weighted_sum([(2.0, biased), (0.5, vectors)], 10.0)
    assert total.user_biases.tolist() == [16.0, 18.0]
    assert total.item_biases.tolist() == [0.5, 2.5, -1.5]
    assert (total.user_vectors @ total.item_vectors.T).tolist() == [[0.5, 0.0, 1.5], [1.0, 0.0, 3.0]]
    assert weighted_sum([(1.0, biased)], 0.0).user_vectors is None


def test_every_term_becomes_a_part_of_one_product():
    weights = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0], [5.0, 6.0, 0.0]])
    near = sparse.csr_array(np.array([[0.0, 0.5], [0.25, 0.0]]))
    cells, rated = KNOWN.toarray(), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    parts = [
        Portable(item_weights=weights),
        Portable(similar_users=near),
        Portable(edges=KNOWN * 0.5),
        Portable(user_biases=np.array([1.0, 2.0]), item_biases=np.array([0.0, 10.0, 20.0])),
    ]
    right = [
        rated @ weights,
        near.toarray() @ rated,
        rated @ cells.T @ cells * 0.25,
        np.array([[1.0, 11.0, 21.0], [2.0, 12.0, 22.0]]),
    ]
    factors = [np.array([1.0, 2.0]), ONES, np.array([3.0, 0.0]), np.array([0.1, 1.0])]
    found = as_product(parts, KNOWN, factors, np.array([100.0, 200.0]))
    scores = found.user_biases[:, None] + (found.user_vectors @ found.item_vectors.T).toarray()
    expected = sum(factor[:, None] * part for factor, part in zip(factors, right, strict=True))
    np.testing.assert_allclose(scores, expected + np.array([[100.0], [200.0]]))


@pytest.mark.parametrize("part", [Portable(seed=1), Portable(network=lambda: None)])
def test_what_is_no_product_of_matrices_says_so(part):
    assert too_large_as_product([Portable(item_biases=np.ones(3))], KNOWN) is None
    assert "no products of matrices" in too_large_as_product([part], KNOWN)
