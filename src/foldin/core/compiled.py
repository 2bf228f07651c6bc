"""Functions compiled to machine code by numba, with the settings used throughout foldin."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

PACKAGE = Path(__file__).resolve().parents[1]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def cache_folder(package: Path = PACKAGE) -> Path:
    """Return where machine code is kept: another folder after an edit of any module with compiled functions.

    numba itself looks at the file of a function only, and would keep code that calls an older version of another file.

    Parameters
    ----------
    package : Path, optional
        The folder of foldin's source.
    """
    texts = [file.read_bytes() for file in sorted(package.rglob("*.py"))]
    digest = hashlib.sha256(b"".join(text for text in texts if b"compiled" in text or b"numba" in text)).hexdigest()
    kept = os.environ.get("NUMBA_CACHE_DIR") or package / "__pycache__" / "compiled"
    return Path(kept) / digest[:16]


numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]


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
