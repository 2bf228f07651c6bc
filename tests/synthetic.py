"""Small interactions whose right answers are known, for tests."""

from dataclasses import replace

import numpy as np
import pandas as pd

from foldin.core.days import Days
from foldin.core.interactions import Interactions, Scale, matrix

STARS = Scale(lowest=0.5, highest=5.0, step=0.5)


def from_triples(users, items, ratings, shape, scale=STARS) -> Interactions:
    """Return Interactions over made-up users and items."""
    n_users, n_items = shape
    ratings = matrix(np.asarray(users, np.int32), np.asarray(items, np.int32), np.asarray(ratings, np.float32), shape)
    user_table = pd.DataFrame(
        {
            "user_id": [f"u{u:04d}" for u in range(n_users)],
            "age": pd.array([20 + u % 50 for u in range(n_users)], dtype="Int64"),
            "country": [("Norland", "Sudmark")[u % 2] for u in range(n_users)],
        }
    )
    item_table = pd.DataFrame(
        {
            "item_id": [f"i{i:04d}" for i in range(n_items)],
            "title": [f"Title {i}" for i in range(n_items)],
            "domain": [("books", "movies")[i % 2] for i in range(n_items)],
            "genres": [("Comedy|Drama", "Crime")[i % 2] for i in range(n_items)],
            "year": pd.array([1980 + i % 40 for i in range(n_items)], dtype="Int64"),
        }
    )
    return Interactions(ratings, user_table, item_table, scale)


def on_days(part, users, items, days) -> Interactions:
    """Return ratings with the days that pairs were rated on; others have none."""
    cells = matrix(np.asarray(users, np.int32), np.asarray(items, np.int32), np.asarray(days), part.ratings.shape)
    return replace(part, days=Days(lambda: cells.astype(np.int32)))


def of(cells) -> Interactions:
    """Return interactions that are the ones of a matrix, each rated 4."""
    users, items = np.nonzero(cells)
    return from_triples(users, items, np.full(len(users), 4.0), np.shape(cells))


def from_shares(shares, scale) -> pd.Series:
    """Return the ratings that `composition.to_shares` was given."""
    return scale.lowest + shares * (scale.highest - scale.lowest)


def checkerboard(n_users=40, n_items=30, hidden=0.3, seed=0) -> tuple[Interactions, Interactions]:
    """Users love items of their own parity (5.0) and dislike the others (1.0).

    Returns what is known, dense but for a hidden share of the cells, and the hidden cells.
    """
    users, items = (grid.ravel() for grid in np.indices((n_users, n_items)))
    ratings = np.where(users % 2 == items % 2, 5.0, 1.0)
    held = np.random.default_rng(seed).random(len(users)) < hidden
    return tuple(from_triples(users[part], items[part], ratings[part], (n_users, n_items)) for part in (~held, held))


def seen_checkerboard(n_users=40, n_items=30, hidden=0.4, seed=0) -> tuple[Interactions, Interactions]:
    """As `checkerboard`, but users interacted only with items of their own parity: the implicit-feedback case."""
    users, items = (grid.ravel() for grid in np.indices((n_users, n_items)))
    seen = users % 2 == items % 2
    users, items = users[seen], items[seen]
    held = np.random.default_rng(seed).random(len(users)) < hidden
    ratings = np.full(len(users), 4.0)
    return tuple(from_triples(users[part], items[part], ratings[part], (n_users, n_items)) for part in (~held, held))


def planted(n_users=300, n_items=200, factors=3, seed=0) -> tuple[Interactions, Interactions, Interactions]:
    """Low-rank taste, biases, a long tail, and exposure that follows both: train, validation and test part."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, factors)) @ rng.normal(size=(n_items, factors)).T / np.sqrt(factors)
    quality = rng.normal(scale=0.4, size=n_items)
    true = 3.3 + rng.normal(scale=0.4, size=(n_users, 1)) + quality + 0.8 * taste
    ratings = np.clip(np.round(2 * (true + rng.normal(scale=0.4, size=true.shape))) / 2, 0.5, 5.0)
    popularity = rng.normal(size=n_items)
    logit = 0.8 * popularity + 1.2 * taste + quality - 2.4
    users, items = np.nonzero(rng.random(true.shape) < 1 / (1 + np.exp(-logit)))
    part = rng.choice(3, size=len(users), p=[0.7, 0.1, 0.2])
    return tuple(
        from_triples(users[part == p], items[part == p], ratings[users, items][part == p], true.shape) for p in range(3)
    )
