"""Functions compiled to machine code by numba, with the settings used throughout foldin."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(*, parallel: bool = False) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Compile a function by numba, once for all later processes; without fastmath, so that sums keep their order.

    Parameters
    ----------
    parallel : bool, optional
        Whether `numba.prange` spreads over threads. Give each thread rows of its own and sum nothing across
        them: then the result does not depend on how many there are.
    """
    decorate: Any = numba.njit(cache=True, parallel=parallel)
    return cast(Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]], decorate)
