"""Parts of the ratings that the gallery of traps works on, split its own way; and cells of 0 and 1 as interactions."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import interactions
from foldin.core.interactions import IntArray, Interactions, Scale
from foldin.traps.tables import need


def split_by_rating(ratings: Interactions, share: float, seed: int) -> tuple[Interactions, Interactions]:
    """Split ratings at random into a part that is kept and a share that is held out.

    Parameters
    ----------
    ratings : Interactions
        All ratings.
    share : float
        How likely each rating is held out.
    seed : int
        Seed of the draw.

    Raises
    ------
    NotShownError
        When a part would be empty.
    """
    held = np.random.default_rng(seed).random(ratings.ratings.nnz) < share
    need(held.any() and not held.all(), f"{len(held)} ratings are too few to hold a share of {share} of them out")
    return rows_of(ratings, ~held), rows_of(ratings, held)


def rows_of(ratings: Interactions, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Interactions:
    """Return some of the ratings.

    Parameters
    ----------
    ratings : Interactions
        All ratings.
    chosen : ndarray of bool, shape (n_ratings,), or of int
        Which of `ratings.triples()`; none of them twice.
    """
    users, items, values = ratings.triples()
    shape = ratings.ratings.shape
    return ratings.with_ratings(interactions.matrix(users[chosen], items[chosen], values[chosen], shape))


def of_ones(cells_users: IntArray, cells_items: IntArray, values: IntArray, shape: tuple[int, int]) -> Interactions:
    """Return cells of 0 and 1 as Interactions over nameless users and items; a 0 is a cell like any other."""
    cells = interactions.matrix(cells_users, cells_items, values.astype(np.float32), shape)
    users, items = (pd.DataFrame(index=pd.RangeIndex(size)) for size in shape)
    return Interactions(cells, users, items, Scale(0.0, 1.0, 1.0))
