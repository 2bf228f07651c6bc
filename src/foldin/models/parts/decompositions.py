"""Truncated singular value decompositions of sparse matrices, by two methods that give the same bytes everywhere."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.decomposition import TruncatedSVD

from foldin.core.interactions import Values

Decomposition = tuple[Values, Values]
"""Singular values, descending, shape (k,), and right singular vectors, shape (k, n_items)."""


def _without_search(matrix: sparse.csr_array, factors: int) -> Decomposition | None:
    """Decompose what neither method below takes: a single row or column, or nothing but zeros; None for all else."""
    if min(matrix.shape) == 1:
        _, singular, right = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)
        return singular, right
    if not matrix.count_nonzero():
        # Any directions would do; these are the first items' own.
        return np.zeros(factors), np.eye(factors, matrix.shape[1])
    return None


def by_lanczos(matrix: sparse.csr_array, factors: int, seed: int) -> Decomposition:
    """Decompose a sparse matrix by ARPACK's implicitly restarted Lanczos method (`scipy.sparse.linalg.svds`)."""
    if (found := _without_search(matrix, factors)) is not None:
        return found
    start = np.random.default_rng(seed).normal(size=min(matrix.shape))
    _, singular, right = svds(matrix, k=factors, v0=start)
    return np.asarray(singular[::-1], np.float64), np.asarray(right[::-1], np.float64)


def by_random_projection(matrix: sparse.csr_array, factors: int, seed: int) -> Decomposition:
    """Decompose a sparse matrix by a randomized range finder (Halko et al. 2011; scikit-learn's `TruncatedSVD`)."""
    if (found := _without_search(matrix, factors)) is not None:
        return found
    # Of the share of variance explained, which nobody reads here: rows that are all alike have no variance.
    with np.errstate(invalid="ignore", divide="ignore"):
        svd = TruncatedSVD(factors, random_state=seed).fit(matrix)
    return np.asarray(svd.singular_values_), np.asarray(svd.components_)
