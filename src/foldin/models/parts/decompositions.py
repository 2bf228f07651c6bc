"""Truncated singular value decompositions of sparse matrices, by two methods that give the same bytes everywhere."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

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
    """Decompose a sparse matrix by ARPACK's implicitly restarted Lanczos method, as `scipy.sparse.linalg.svds` does.

    scipy's own draws from the system's entropy where ARPACK asks for another start: with repeated singular values, or
    fewer of them than factors. Here all is drawn from the seed.
    """
    if (found := _without_search(matrix, factors)) is not None:
        return found
    rng = np.random.default_rng(seed)
    start = rng.normal(size=min(matrix.shape))
    transposed = sparse.csr_array(matrix.T)
    tall, wide = (matrix, transposed) if matrix.shape[0] >= matrix.shape[1] else (transposed, matrix)
    gram = LinearOperator((len(start), len(start)), matvec=lambda x: wide @ (tall @ x), dtype=np.float64)
    _, vectors = eigsh(gram, k=factors, v0=start, rng=rng)
    # ARPACK's vectors are not exactly orthonormal where eigenvalues are close.
    vectors, _ = np.linalg.qr(vectors)
    left, singular, turned = np.linalg.svd(tall @ vectors, full_matrices=False)
    return singular, turned @ vectors.T if tall is matrix else left.T


def by_random_projection(matrix: sparse.csr_array, factors: int, seed: int) -> Decomposition:
    """Decompose a sparse matrix by a randomized range finder (Halko et al. 2011; scikit-learn's `TruncatedSVD`)."""
    if (found := _without_search(matrix, factors)) is not None:
        return found
    # Here: loading it takes a second, and of the stages only `train` decomposes.
    from sklearn.decomposition import TruncatedSVD

    # Of the share of variance explained, which nobody reads here: rows that are all alike have no variance.
    with np.errstate(invalid="ignore", divide="ignore"):
        svd = TruncatedSVD(factors, random_state=seed).fit(matrix)
    return np.asarray(svd.singular_values_), np.asarray(svd.components_)
