"""What the scores of a model are made of: arrays, or a network in Keras, that score without this library.

`Recommender.portable` returns them, and `foldin export` writes them to a folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

Values = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Matrix = Numbers | sparse.csr_array
LARGEST_PRODUCT = 50_000_000
"""Cells of `as_product`, at most: 600 MB."""


@dataclass(frozen=True)
class Portable:
    """The terms whose sum is a model's scores; a model has some of them, and the others are None.

    The scores of user u for all items are

        user_biases[u] + item_biases + item_vectors · user_vectors[u]
        + r · item_weights + similar_users[u] · R + r · edgesᵀ · edges

    where R is the user-item matrix of ones, and r is row u of it. A network or a seed gives whole scores, so that a
    model with one of these has no other term.

    Attributes
    ----------
    user_biases, item_biases : ndarray, shape (n_users,) and (n_items,), optional
        Numbers added to all scores of a user, and to the scores of an item for all users.
    user_vectors, item_vectors : ndarray or csr_array, shape (n_users, size) and (n_items, size), optional
        Vectors, both dense or both sparse.
    item_weights : ndarray or csr_array of float32, shape (n_items, n_items), optional
        Weights from row to column.
    similar_users : csr_array of float32, shape (n_users, n_users), optional
        Similarities of each user's nearest users.
    edges : csr_array of float32, shape (n_users, n_items), optional
        Weights of the graph of users and items.
    network : callable, optional
        Returns a network in Keras that any process with Keras can load: it is made of Keras' own layers.
    reads : {"pairs", "rows"}
        What the network reads: indices of users and of items, shape (n,) each, for scores of shape (n,); or rows of
        ones and zeros that say who rated what, shape (n, n_items), for scores of the same shape.
    seed : int, optional
        Scores are random numbers of `numpy.random.default_rng([seed, u])`.
    """

    user_biases: Numbers | None = None
    item_biases: Numbers | None = None
    user_vectors: Matrix | None = None
    item_vectors: Matrix | None = None
    item_weights: Matrix | None = None
    similar_users: sparse.csr_array | None = None
    edges: sparse.csr_array | None = None
    network: Callable[[], Any] | None = None
    reads: Literal["pairs", "rows"] = "pairs"
    seed: int | None = None


def weighted_sum(parts: Sequence[tuple[float, Portable]], intercept: float) -> Portable:
    """Return what gives intercept + Σ weight · scores of a part.

    Parameters
    ----------
    parts : sequence of (float, Portable)
        Weights and parts. Each part has biases, and dense vectors or none: rating models that are no networks do.
    intercept : float
        Added to every score.

    Returns
    -------
    Portable
        Biases, and the vectors of all parts side by side.
    """
    user_biases: Any = intercept
    item_biases: Any = 0.0
    users, items = [], []
    for weight, part in parts:
        assert part.user_biases is not None
        assert part.item_biases is not None
        user_biases = user_biases + weight * part.user_biases.astype(np.float64)
        item_biases = item_biases + weight * part.item_biases.astype(np.float64)
        if part.user_vectors is not None:
            users.append(weight * np.asarray(part.user_vectors))
            items.append(np.asarray(part.item_vectors))
    return Portable(
        user_biases,
        item_biases,
        np.concatenate(users, axis=1) if users else None,
        np.concatenate(items, axis=1) if items else None,
    )


def too_large_as_product(parts: Sequence[Portable], known: sparse.csr_array) -> str | None:
    """Return why `as_product` does not take these parts; None if it does.

    Parameters
    ----------
    parts : sequence of Portable
        The parts.
    known : csr_array, shape (n_users, n_items)
        The stored cells say who rated what.
    """
    if any(part.seed is not None or part.network is not None for part in parts):
        return "scores of a part are no products of matrices"
    cells = sum(_cells(left) + _cells(right) for part in parts for left, right in _factors(part, known))
    if cells > LARGEST_PRODUCT:
        return f"its vectors would have {cells:,} cells, and {LARGEST_PRODUCT:,} is the limit"
    return None


def as_product(
    parts: Sequence[Portable], known: sparse.csr_array, factors: Sequence[Values], user_biases: Values
) -> Portable:
    """Return what gives user_biases[u] + Σ factors[p][u] · scores of part p for user u, as one product of matrices.

    Parameters
    ----------
    parts : sequence of Portable
        Parts without network or seed.
    known : csr_array, shape (n_users, n_items)
        The stored cells say who rated what.
    factors : sequence of ndarray of float64, shape (n_users,)
        Of each part.
    user_biases : ndarray of float64, shape (n_users,)
        What is added to all scores of a user.

    Returns
    -------
    Portable
        Biases of users, and sparse vectors of float64: the matrices of all parts side by side.
    """
    users, items = [], []
    for part, factor in zip(parts, factors, strict=True):
        for left, right in _factors(part, known):
            users.append(sparse.diags_array(factor) @ sparse.csr_array(left, dtype=np.float64))
            items.append(sparse.csr_array(right, dtype=np.float64))
    user_vectors, item_vectors = (sparse.csr_array(sparse.hstack(side, format="csr")) for side in (users, items))
    return Portable(user_biases=user_biases, user_vectors=user_vectors, item_vectors=item_vectors)


def _factors(part: Portable, known: sparse.csr_array) -> list[tuple[Any, Any]]:
    """Return pairs of matrices, shape (n_users, size) and (n_items, size), the sum of whose products are the scores."""
    rated = sparse.csr_array((np.ones(known.nnz), known.indices, known.indptr), shape=known.shape)
    of_all_users, of_all_items = (np.ones((size, 1)) for size in known.shape)
    found: list[tuple[Any, Any]] = []
    if part.user_biases is not None:
        found.append((part.user_biases[:, None], of_all_items))
    if part.item_biases is not None:
        found.append((of_all_users, part.item_biases[:, None]))
    if part.user_vectors is not None:
        found.append((part.user_vectors, part.item_vectors))
    if part.item_weights is not None:
        found.append((rated, part.item_weights.T))
    if part.similar_users is not None:
        found.append((part.similar_users, rated.T))
    if part.edges is not None:
        found.append((rated @ part.edges.T, part.edges.T))
    return found


def _cells(matrix: Any) -> int:
    return int(matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz)
