"""`foldin recommend --user`: a user's list, with titles, scores and reasons; and how any list is printed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from tabulate import tabulate  # type: ignore[import-untyped]

from foldin.core.interactions import FloatArray, IntArray
from foldin.core.text import one_line
from foldin.metrics import top_k
from foldin.recommend import names, why
from foldin.recommend.saved import NotPossibleError, Saved

NOTHING_LEFT = "No item is left to recommend: all are rated."
WIDEST_TITLE = 44
"""Characters of a title in a table, which then fits 120 columns."""


def run(saved: Saved, user: str, k: int, *, explain: bool = False) -> None:
    """Print a user's list.

    Parameters
    ----------
    saved : Saved
        The model.
    user : str
        The data set's own id of a user.
    k : int
        Length of the list.
    explain : bool, optional
        Print the rated items that speak most for each recommendation, too.

    Raises
    ------
    FoldinError
        When the user is unknown.
    """
    index = names.user(saved.training.users, user, saved.dataset)
    items, scores = of_user(saved, index, k)
    rated = saved.training.ratings[[index]]
    print(saved.headline)
    print(f"{user} has {_count(rated.nnz, 'training rating')}; these items are left out of the list.\n")
    print_list(saved, items, scores, rated if explain else None)


def of_user(saved: Saved, user: int, k: int) -> tuple[IntArray, FloatArray]:
    """Return a user's list, as `Recommender.recommend` does, without places that no candidate fills.

    Returns
    -------
    items : ndarray of int32, shape (at most k,)
        Item indices, best first; ties by item id.
    scores : ndarray of float32, shape (at most k,)
        Their scores.
    """
    items, scores = saved.model.recommend(np.array([user], dtype=np.int32), k)
    return items[0][items[0] >= 0], scores[0][items[0] >= 0]


def by_fold_in(saved: Saved, ratings: sparse.csr_array, k: int) -> tuple[IntArray, FloatArray]:
    """Return the list of somebody new by their ratings, shape (1, n_items); results as of `of_user`.

    Raises
    ------
    NotPossibleError
        When the model cannot fold in.
    """
    items, scores = top_k.top_k(saved.fold_in(ratings), k, exclude=ratings)
    return items[0][items[0] >= 0], scores[0][items[0] >= 0]


def print_list(saved: Saved, items: IntArray, scores: FloatArray, rated: sparse.csr_array | None) -> None:
    """Print a list as a table of at most 120 columns, and what its scores mean.

    Parameters
    ----------
    saved : Saved
        The model.
    items : ndarray of int, shape (n,)
        Item indices, best first.
    scores : ndarray of float, shape (n,)
        Their scores.
    rated : scipy.sparse.csr_array, shape (1, n_items), or None
        The ratings by which the list is explained; None for no explanation.
    """
    if not len(items):
        print(NOTHING_LEFT)
        return
    columns, notes = described(saved, items, scores, rated)
    print(table(columns))
    print("\n" + "\n".join(notes))


def described(
    saved: Saved, items: IntArray, scores: FloatArray, rated: sparse.csr_array | None
) -> tuple[dict[str, Sequence[str]], list[str]]:
    """Return a list as columns of text, and what a reader must know of it; parameters as of `print_list`.

    Returns
    -------
    columns : dict
        `rank`, `item` (the id), `title` where items have titles, `score`; and `because of`, a line for each reason,
        if the list is explained.
    notes : list of str
        A sentence each.
    """
    columns: dict[str, Sequence[str]] = {
        "rank": [str(place + 1) for place in range(len(items))],
        **_described(saved.training.items, items),
        "score": written(scores),
    }
    notes = [saved.meaning()]
    if rated is not None:
        try:
            found = why.reasons(saved, rated, items)
        except NotPossibleError as error:
            notes.append(f"No reasons: {error.what}.")
        else:
            if any(found.by_item):
                columns["because of"] = _reasons(saved, found)
            notes += why.notes(found)
    return columns, notes


def print_items(items: pd.DataFrame, places: IntArray, column: str, values: FloatArray) -> None:
    """Print items of the items table, with one number for each."""
    ranks = [str(place + 1) for place in range(len(places))]
    print(table({"rank": ranks, **_described(items, places), column: written(values)}))


def table(columns: dict[str, Sequence[str]]) -> str:
    """Return columns of text as a table; ranks and numbers are aligned right."""
    right = {"rank", "score", "cosine", "weight"}
    align = ["right" if name in right else "left" for name in columns]
    rows = list(zip(*columns.values(), strict=True))
    return str(tabulate(rows, list(columns), tablefmt="simple", disable_numparse=True, colalign=align))


def written(values: FloatArray) -> list[str]:
    """Return numbers with the same digits after the point, so that the largest has four that count."""
    digits = _digits(float(np.abs(values).max(initial=0)), 4)
    return [f"{value:.{digits}f}" for value in values]


def title_of(items: pd.DataFrame, place: int, widest: int = WIDEST_TITLE) -> str:
    """Return an item's title, cut to a width, or its id where it has no title."""
    title = names.titles(items).iloc[place]
    text = one_line(str(items["item_id"].iloc[place]) if pd.isna(title) or not title else str(title))
    return text if len(text) <= widest else text[: widest - 1].rstrip() + "…"


def _described(items: pd.DataFrame, places: IntArray) -> dict[str, Sequence[str]]:
    described: dict[str, Sequence[str]] = {"item": [one_line(str(each)) for each in items["item_id"].iloc[places]]}
    if names.titles(items).iloc[places].notna().any():
        described["title"] = [title_of(items, place) for place in places]
    return described


def _reasons(saved: Saved, found: why.Found) -> list[str]:
    """Return the reasons of each recommendation, a line each: how much of the score depends on which rating."""
    digits = _digits(max((each.drop for of_item in found.by_item for each in of_item), default=0.0), 3)
    rates = saved.training.scale.feedback != "implicit"

    def line(reason: why.Reason) -> str:
        title = title_of(saved.training.items, reason.item, 32)
        return f"{reason.drop:+.{digits}f}  {title}" + (f" ({reason.rating:g})" if rates else "")

    return ["\n".join(line(each) for each in of_item) for of_item in found.by_item]


def _digits(largest: float, significant: int) -> int:
    """Return how many digits after the point show so many significant ones of the largest number."""
    return int(np.clip(significant - 1 - np.floor(np.log10(largest)), 0, 9)) if largest > 0 else 0


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
