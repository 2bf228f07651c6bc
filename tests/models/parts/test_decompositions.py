"""Decompositions find what numpy's dense one does, and the same bytes each time, also where ARPACK starts again."""

import numpy as np
import pytest
from scipy import sparse

from foldin.models.parts.decompositions import by_lanczos, by_random_projection

WORLDS = {
    "one item each": np.eye(50),
    "two dense groups": np.kron(np.eye(2), np.ones((20, 15))),
    "everyone rated everything": np.ones((30, 20)),
}


@pytest.mark.parametrize("decompose", [by_lanczos, by_random_projection])
@pytest.mark.parametrize("shape", [(60, 40), (40, 60)])
def test_the_first_singular_values_and_vectors_are_numpys(decompose, shape):
    dense = np.random.default_rng(1).normal(size=shape) * np.linspace(1, 3, shape[1])
    singular, right = decompose(sparse.csr_array(dense), 5, 2)
    _, expected, vectors = np.linalg.svd(dense)
    np.testing.assert_allclose(singular, expected[:5], rtol=0.1 if decompose is by_random_projection else 1e-9)
    if decompose is by_lanczos:
        np.testing.assert_allclose(np.abs(np.sum(right * vectors[:5], axis=1)), 1, rtol=1e-6)


@pytest.mark.parametrize("world", WORLDS)
def test_repeated_and_missing_singular_values_give_the_same_bytes_each_time(world):
    matrix = sparse.csr_array(WORLDS[world])
    first, *again = (by_lanczos(matrix, 6, 3) for _ in range(4))
    for other in again:
        assert [part.tobytes() for part in other] == [part.tobytes() for part in first]
