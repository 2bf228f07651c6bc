"""`foldin similar`: the items that a model places nearest to one, by its vectors of items or its item-item weights."""

from typing import Any

import numpy as np
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray
from foldin.core.text import one_line
from foldin.models import family_models
from foldin.models.parts.item_weights import ItemWeights
from foldin.models.parts.recommender import Recommender
from foldin.models.svd import ZeroImputedSVD
from foldin.recommend import lists, names, saved
from foldin.recommend.saved import Saved
from foldin.report import similar_items

VECTORS = ("item_vectors", "item_factors")
"""The methods that give a model's vectors of items, shape (n_items, size)."""


def run(found: Saved, name: str, k: int) -> None:
    """Print the items nearest to one.

    Parameters
    ----------
    found : Saved
        The model.
    name : str
        An item's id, or its title.
    k : int
        How many to print, at most.

    Raises
    ------
    FoldinError
        When the item is unknown, or the model knows no nearness of items.
    """
    refuse_without(found.name, type(found.model))
    items = found.training.items
    item = names.item(items, name, found.dataset)
    places, values, unit = nearest(found.model, item, k)
    identity, title = one_line(str(items["item_id"].iloc[item])), lists.title_of(items, item)
    print(found.headline)
    print(f"Nearest to {identity}" + (f", {title}:\n" if title != identity else ":\n"))
    if not len(places):
        print(f"{found.name} gives no other item a weight for it.")
        return
    lists.print_items(items, places, unit, values)
    about = {
        "cosine": "cosine: of the angle between the two items' vectors; 1 is the same direction.",
        "weight": "weight: what having the other item adds to this item's score.",
    }
    print(f"\n{about[unit]}")


def nearest(model: Recommender, item: int, k: int) -> tuple[IntArray, FloatArray, str]:
    """Return the items nearest to one, ties by item id.

    Parameters
    ----------
    model : Recommender
        A model with vectors of items or item-item weights.
    item : int
        The item.
    k : int
        How many, at most.

    Returns
    -------
    items : ndarray of int32, shape (at most k,)
        The nearest first.
    values : ndarray of float, shape (at most k,)
        Cosines of vectors, or weights from the other items to this one.
    unit : str
        "cosine" or "weight".
    """
    if isinstance(model, ItemWeights):
        places = model.strongest(item, k + 1)
        places = places[places != item][:k]
        return places, model.column(item)[places], "weight"
    vectors = _beside(_vectors(model), item)
    places = similar_items.nearest(vectors, item, k)
    lengths = np.linalg.norm(vectors, axis=1)
    products = np.sum(vectors[places] * vectors[item], axis=1)
    lengths = np.where(lengths > 0, lengths, 1)
    return places, (products / (lengths[places] * lengths[item])).astype(np.float32), "cosine"


def knows_nearness(kind: type[Recommender]) -> bool:
    """Return whether a class of models has vectors of items or item-item weights."""
    return issubclass(kind, ItemWeights | ZeroImputedSVD) or any(hasattr(kind, name) for name in VECTORS)


def refuse_without(name: str, kind: type[Recommender]) -> None:
    """Refuse a model without vectors of items.

    Raises
    ------
    FoldinError
        Names the models that have them.
    """
    if not knows_nearness(kind):
        have = [each for each, family in names.families_of_models().items() if knows_nearness(_kind(each, family))]
        what = f"{name} has neither vectors of items nor item-item weights"
        raise FoldinError(what, remedy=f"choose one of: {', '.join(have)}")


def best(dataset: str) -> str:
    """Return the best ranking model of the leaderboard that knows which items are near.

    Raises
    ------
    FoldinError
        When there is none, or no leaderboard.
    """
    families = names.families_of_models()
    for name in saved.by_rank(dataset):
        if name in families and knows_nearness(_kind(name, families[name])):
            return name
    raise FoldinError(f"no model on the leaderboard of '{dataset}' has vectors of items", remedy="name a --model")


def _kind(name: str, family: str) -> type[Recommender]:
    return family_models(family)[name]


def _vectors(model: Any) -> Any:
    """Return an array or a sparse array, shape (n_items, size)."""
    if isinstance(model, ZeroImputedSVD):
        # An item's column in the approximated matrix; the factors of users are orthogonal, so cosines are the same.
        return model.directions().T * model.spectrum()
    return next(getattr(model, name)() for name in VECTORS if hasattr(model, name))


def _beside(vectors: Any, item: int) -> FloatArray:
    """Return vectors with the same cosines to one item's, dense also where the model's are long and sparse."""
    if not sparse.issparse(vectors):
        return np.asarray(vectors)
    # One column holds what a vector has outside the item's own few columns, where the item has nothing.
    rows: Any = vectors
    held = rows[:, rows[[item]].indices].toarray()
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    rest = np.sqrt(np.maximum(squares - np.sum(held**2, axis=1), 0))
    rest[item] = 0
    return np.column_stack([held, rest])
