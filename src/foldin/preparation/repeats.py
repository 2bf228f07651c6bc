"""Repeated interactions: one row of each user-item pair, what was made of the others, and the log of all of them.

Models and metrics know each pair once, and a list never holds an item that its user has in the training data. Where
users return to the same items, metrics of such lists say nothing of a part of what they do next; `account` says how
large that part is. `foldin.preparation.clean` calls these functions.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.ids import Codes, Rows

MERGED = "rows_merged_by_"
"""What the key of an account begins with that counts rows of repeated pairs; `sum`, `highest`, `last` or `first`."""
PAIRS = "pairs"
LAST, AGAIN = "last_interactions", "last_interactions_that_repeat"
"""Users with two interactions or more whose times are known, and those of them whose last one repeats an item."""
Mask = npt.NDArray[np.bool_]


class Usable(NamedTuple):
    """Rows that can be used, in file order, before those of the same pair become one.

    Attributes
    ----------
    user, item : ndarray of int32, shape (n,)
        Places of ids among `user_names` and `item_names`.
    user_names, item_names : pandas.Index of str
        The ids that occur, in natural order.
    rating : ndarray of float64, shape (n,)
        Ratings or counts.
    time : pandas.arrays.IntegerArray, length n
        Seconds since 1970; missing where unknown.
    """

    user: Codes
    user_names: "pd.Index[str]"
    item: Codes
    item_names: "pd.Index[str]"
    rating: npt.NDArray[np.float64]
    time: pd.arrays.IntegerArray


def chosen(order: Rows, repeats: Mask, times: pd.arrays.IntegerArray, *, last: bool) -> Rows:
    """Return the order with one row of each pair: the last or first by time, then by row.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        The rows by user, item and row.
    repeats : ndarray of bool, shape (n,)
        Whether the pair at this place of the order is that of the place before.
    times : pandas.arrays.IntegerArray, length n
        Times of the rows; an unknown one counts as the earliest.
    last : bool
        Whether the last row stays, else the first.
    """
    group = np.cumsum(~repeats)
    in_question = _of_repeated(repeats)
    places = np.flatnonzero(in_question)
    # The order is by row within a pair, and lexsort keeps it among equal times.
    sorted_places = places[np.lexsort((_known(times)[order[places]], group[places]))]
    owner = group[sorted_places]
    ends = owner[1:] != owner[:-1]
    keeps = sorted_places[np.concatenate([ends, [True]] if last else [[True], ends])]
    kept = ~in_question
    kept[keeps] = True
    return order[kept]


def of_pairs(counts: npt.NDArray[np.float64], order: Rows, repeats: Mask, how: str) -> npt.NDArray[np.float64]:
    """Return counts where every row of a pair has the sum of the pair's, or the highest.

    Parameters
    ----------
    counts : ndarray of float64, shape (n,)
        Counts, by row.
    order, repeats : ndarray
        As in `chosen`.
    how : str
        "sum" or "highest".
    """
    starts = np.flatnonzero(~repeats)
    merged = (np.maximum if how == "highest" else np.add).reduceat(counts[order], starts)
    result = np.empty_like(counts)
    result[order] = np.repeat(merged, np.diff(np.append(starts, len(order))))
    return result


def account(rows: Usable, repeats: Mask, how: str) -> dict[str, int]:
    """Return how many pairs occur more than once, and what that means for an evaluation.

    Parameters
    ----------
    rows : Usable
        The rows.
    repeats : ndarray of bool, shape (n,)
        As in `chosen`; at least one is true.
    how : str
        What was made of the rows of a pair: "sum", "highest", "last" or "first".

    Returns
    -------
    dict of str to int
        `pairs` that occur more than once, `rows_merged_by_…`, and, of counts with times, `LAST` and `AGAIN`.
    """
    of_repeated = _of_repeated(repeats)
    n_rows = int(np.count_nonzero(of_repeated))
    found = {PAIRS: n_rows - int(np.count_nonzero(repeats)), MERGED + how: n_rows}
    timed = np.flatnonzero(~np.asarray(rows.time.isna()))
    if how not in ("sum", "highest") or not len(timed):
        return found
    # By user, then time; equal times in file order. The last row of each user:
    by_time = timed[np.lexsort((_known(rows.time)[timed], rows.user[timed]))]
    users = rows.user[by_time]
    ends = np.flatnonzero(np.append(users[1:] != users[:-1], True))
    several = np.diff(np.concatenate([[-1], ends])) > 1
    last = by_time[ends[several]]
    # A pair that occurs again among all rows with a time occurs before its user's last row.
    key = rows.user.astype(np.int64) * len(rows.item_names) + rows.item
    pairs, n = np.unique(key[timed], return_counts=True)
    again = n[np.searchsorted(pairs, key[last])] > 1
    return found | {LAST: len(last), AGAIN: int(np.count_nonzero(again))}


def of_groups(sizes: npt.NDArray[np.int64], how: str) -> dict[str, int]:
    """Return the account of ratings whose pairs were grouped elsewhere; empty where none repeats.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n,)
        Rows of each pair.
    how : str
        As in `account`: "last" or "first".
    """
    several = sizes[sizes > 1]
    return {PAIRS: len(several), MERGED + how: int(several.sum())} if len(several) else {}


def log(rows: Usable) -> pd.DataFrame:
    """Return all interactions, those of the same pair too: by user, then time, then as in the file.

    Parameters
    ----------
    rows : Usable
        The rows.

    Returns
    -------
    pandas.DataFrame
        `user_id` and `item_id` (categories in natural order), `count` (float32, as declared, no logarithm), `timestamp`
        (Int64); an unknown time counts as the earliest.
    """
    order = np.lexsort((_known(rows.time), rows.user))
    columns = {
        "user_id": pd.Categorical.from_codes(rows.user[order], rows.user_names),
        "item_id": pd.Categorical.from_codes(rows.item[order], rows.item_names),
        "count": rows.rating[order].astype(np.float32),
        "timestamp": rows.time[order],
    }
    return pd.DataFrame(columns, copy=False)


def in_words(found: dict[str, int]) -> str:
    """Return an account of repeats as a sentence without its full stop, "" where nothing repeats.

    Parameters
    ----------
    found : dict of str to int
        As `account` returns it, or the sum of several such.
    """
    ways = {
        "sum": "their counts are added up",
        "highest": "the highest count of each is kept",
        "last": "the last rating of each is kept",
        "first": "the first rating of each is kept",
    }
    made = [
        f"{count:,} rows of pairs that occur more than once: {ways[key.removeprefix(MERGED)]}"
        for key, count in sorted(found.items())
        if key.startswith(MERGED)
    ]
    if found.get(LAST):
        share = found[AGAIN] / found[LAST]
        made.append(
            f"{share:.1%} of the users' last interactions repeat an item; lists hold new items only, so metrics say "
            "nothing of repeats"
        )
    return "; ".join(made)


def _of_repeated(repeats: Mask) -> Mask:
    """Return which places of the order hold a row of a pair that occurs more than once."""
    return np.concatenate([repeats[1:], [False]]) | repeats


def _known(times: pd.arrays.IntegerArray) -> npt.NDArray[np.int64]:
    known: npt.NDArray[np.int64] = times.to_numpy(np.int64, na_value=np.iinfo(np.int64).min)
    return known
