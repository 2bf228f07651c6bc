"""Python's collector of reference cycles, which by default takes a tenth of the time of an import, and more of Keras'.

It frees objects that refer to one another; all others are freed when the last reference goes. No result depends on it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 50_000
"""How many new objects make it run; Python's own number is 700."""


def relax() -> None:
    """Let it run less often in this process."""
    gc.set_threshold(OBJECTS)


@contextmanager
def never_of_these() -> Iterator[None]:
    """Let it neither run meanwhile, nor ever look at the objects that are there at the end.

    For the import of a library that is never unloaded.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
