"""BLAS and LAPACK in compiled loops: what one thread does with its own small matrices, in single precision.

SciPy exports the routines of the library it is built on (`scipy.linalg.cython_blas`, `cython_lapack`). Their addresses
differ between processes, so compiled code holds names only, which `add_symbol` binds when this module is imported:
numba's cache then serves a later process too.

A routine reads a matrix by columns, numpy stores it by rows; so the "lower" triangle that is asked for here is the
upper triangle of the array. Call these functions inside `one_thread`: each thread of the compiled loop then computes
alone, and no sum depends on how many there are.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import llvmlite.binding
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from threadpoolctl import ThreadpoolController

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray

LOWER, AS_STORED, TRANSPOSED = (np.uint8(ord(letter)) for letter in "LNT")
ONE = np.int32(1)


def _routine(library: str, name: str, n_arguments: int, returns: Any = types.void) -> Any:
    llvmlite.binding.add_symbol(f"foldin_{name}", get_cython_function_address(f"scipy.linalg.{library}", name))
    return types.ExternalFunction(f"foldin_{name}", returns(*[types.intp] * n_arguments))


_ssyrk = _routine("cython_blas", "ssyrk", 10)
_sgemv = _routine("cython_blas", "sgemv", 11)
_sdot = _routine("cython_blas", "sdot", 5, types.float32)
_strsv = _routine("cython_blas", "strsv", 8)
_spotrf = _routine("cython_lapack", "spotrf", 5)


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which linear algebra uses the thread that calls it, and no other."""
    context: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return context


def _on_the_stack(context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slot: Any = cgutils.alloca_once_value(builder, arguments[0])  # type: ignore[no-untyped-call]
        return builder.ptrtoint(slot, context.get_value_type(types.intp))

    return types.intp(value), generate


# In compiled code: the address of a number, for a routine takes every argument by its address.
_place: Any = intrinsic(_on_the_stack)


@compiled()
def add_products(rows: FloatArray, into: FloatArray, of_rows: bool) -> None:
    """Add rowsᵀ rows, or rows rowsᵀ, to the upper triangle of a matrix (`ssyrk`).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, k)
        Any rows, contiguous.
    into : ndarray of float32, shape (k, k), or (n, n) where `of_rows`
        What to add to; below its diagonal nothing is read or written.
    of_rows : bool
        Whether to add the products of rows with each other, rows rowsᵀ.
    """
    width = np.int32(rows.shape[1])
    size, summed = np.int32(into.shape[0]), np.int32(width if of_rows else rows.shape[0])
    _ssyrk(
        _place(LOWER),
        _place(TRANSPOSED if of_rows else AS_STORED),
        _place(size),
        _place(summed),
        _place(np.float32(1)),
        rows.ctypes.data,
        _place(width),
        _place(np.float32(1)),
        into.ctypes.data,
        _place(size),
    )


@compiled()
def add_combination(rows: FloatArray, shares: FloatArray, into: FloatArray) -> None:
    """Add Σ shares[n] rows[n], of rows of shape (n, k), contiguous, to a vector of shape (k,) (`sgemv`)."""
    n, width = np.int32(rows.shape[0]), np.int32(rows.shape[1])
    _sgemv(
        _place(AS_STORED),
        _place(width),
        _place(n),
        _place(np.float32(1)),
        rows.ctypes.data,
        _place(width),
        shares.ctypes.data,
        _place(ONE),
        _place(np.float32(1)),
        into.ctypes.data,
        _place(ONE),
    )


@compiled()
def add_dots(rows: FloatArray, vector: FloatArray, times: np.float32, into: FloatArray) -> None:
    """Add times · rows[n] · vector to into[n], for rows of shape (n, k), contiguous (`sgemv`)."""
    n, width = np.int32(rows.shape[0]), np.int32(rows.shape[1])
    _sgemv(
        _place(TRANSPOSED),
        _place(width),
        _place(n),
        _place(times),
        rows.ctypes.data,
        _place(width),
        vector.ctypes.data,
        _place(ONE),
        _place(np.float32(1)),
        into.ctypes.data,
        _place(ONE),
    )


@compiled()
def dot(one: FloatArray, other: FloatArray) -> np.float32:
    """Return the dot product of two contiguous vectors of one length (`sdot`)."""
    product: np.float32 = _sdot(
        _place(np.int32(len(one))), one.ctypes.data, _place(ONE), other.ctypes.data, _place(ONE)
    )
    return product


@compiled()
def cholesky(matrix: FloatArray) -> int:
    """Replace the upper triangle of a positive definite matrix, shape (k, k), by its Cholesky factor (`spotrf`).

    Returns
    -------
    int
        0; or the order, from 1, of the first leading minor that is not positive: then there is no factor.
    """
    size, info = np.int32(matrix.shape[0]), np.zeros(1, np.int32)
    _spotrf(_place(LOWER), _place(size), matrix.ctypes.data, _place(size), info.ctypes.data)
    return int(info[0])


@compiled()
def solve_factored(factor: FloatArray, right: FloatArray) -> None:
    """Solve for a right-hand side, shape (k,), which the solution replaces; `factor` is of `cholesky` (`strsv`)."""
    size = np.int32(factor.shape[0])
    for form in (AS_STORED, TRANSPOSED):
        _strsv(
            _place(LOWER),
            _place(form),
            _place(AS_STORED),
            _place(size),
            factor.ctypes.data,
            _place(size),
            right.ctypes.data,
            _place(ONE),
        )
