"""What the traps share: how ratings are split, cells of 0 and 1 as interactions, and the damping of the biases."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import interactions
from foldin.core.interactions import IntArray, Interactions, Scale
from foldin.traps.tables import require

Mask = npt.NDArray[np.bool_]
DAMPING = 5.0
"""Pseudo-ratings at the mean, added to every user and item in the gallery's biases."""


def held_out(count: int, share: float, rng: np.random.Generator) -> Mask:
    """Draw which of so many ratings are held out, shape (count,).

    Raises
    ------
    NotShownError
        When one of the two parts is empty.
    """
    held: Mask = rng.random(count) < share
    require(held.any() and not held.all(), f"{count} ratings are too few to hold out a share of {share}")
    return held


def split_by_rating(ratings: Interactions, share: float, seed: int) -> tuple[Interactions, Interactions]:
    """Split ratings at random: return the part that is kept and the share that is held out."""
    held = held_out(ratings.ratings.nnz, share, np.random.default_rng(seed))
    return rows_of(ratings, ~held), rows_of(ratings, held)


def rows_of(ratings: Interactions, chosen: Mask | npt.NDArray[np.intp]) -> Interactions:
    """Return some of the ratings: a mask over `ratings.triples()`, or distinct positions in it."""
    users, items, values = ratings.triples()
    shape = ratings.ratings.shape
    return ratings.with_ratings(interactions.matrix(users[chosen], items[chosen], values[chosen], shape))


def interactions_from_cells(
    cells_users: IntArray, cells_items: IntArray, values: IntArray, shape: tuple[int, int]
) -> Interactions:
    """Return cells of 0 and 1 as Interactions over nameless users and items. A stored 0 is a filled cell, too."""
    cells = interactions.matrix(cells_users, cells_items, values.astype(np.float32), shape)
    users, items = (pd.DataFrame(index=pd.RangeIndex(size)) for size in shape)
    return Interactions(cells, users, items, Scale(0.0, 1.0, 1.0))
