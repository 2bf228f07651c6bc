"""The table of ratings: each row that is no usable rating is dropped and counted, and one row of each pair stays.

Cost and memory grow linearly with the ratings: ids become whole numbers first, and no step makes a Python object for
each row. foldin.preparation.clean calls it.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.ids import Rows, categories, in_natural_order, sorted_pairs
from foldin.core.interactions import Scale
from foldin.datasets.declaration import DataSet
from foldin.preparation import isbn, repeats
from foldin.preparation.account import Account
from foldin.preparation.repeats import Usable

RATINGS = {"user_id": "category", "item_id": "category", "rating": "float32", "timestamp": "Int64"}
"""Columns of the ratings. Ids are texts, each stored once, in natural order."""
BLOCK = 1 << 20
"""Ratings checked at once, so that a check needs little memory beside the ratings."""
SAME_PAIR = {"sum": "added_to_same_pair", "highest": "lower_of_same_pair"}
"""What is made of the counts of a pair → why all its rows but one are dropped."""
Mask = npt.NDArray[np.bool_]


def clean_ratings(
    raw: pd.DataFrame, dataset: DataSet, settings: params.Clean, *, dropped: dict[str, int] | None = None
) -> tuple[pd.DataFrame, Account, Usable | None]:
    """Drop what is no usable rating, one reason after the other.

    Parameters
    ----------
    raw : pandas.DataFrame
        `user_id`, `item_id` (str or categorical), `rating` (float), `timestamp` (Int64), in file order.
    dataset : DataSet
        Says what its ratings mean: `scale` (a rating must be one of its steps), `feedback`, `zero_is_implicit`,
        `isbn_items`. Counts of implicit feedback become strengths, log(1 + count): a second play says more than a
        hundredth.
    settings : params.Clean
        `duplicates`: of several ratings of one pair, the last or the first stays, by time, then by file order; an
        unknown time counts as the earliest. Counts of one pair are added up instead, or the highest stays
        (`events_per_pair`). `latest_year`: a time after it
        or before 1970 is made missing.
    dropped : dict of str to int, optional
        Reason → rows that the reader of the ratings dropped: `bad_line`, and what a declaration leaves out.

    Returns
    -------
    ratings : pandas.DataFrame
        The rows kept, in natural order of user and item; dtypes as in `RATINGS`.
    account : Account
        Rows dropped, changed and kept, by reason.
    log : Usable or None
        All usable rows, those of the same pair too, where the data set keeps repeats.
    """
    before = {"bad_line": 0, **(dropped or {})}
    account = Account(len(raw) + sum(before.values()), dropped=before)
    users, items = categories(raw["user_id"]), categories(raw["item_id"])
    if dataset.isbn_items:
        items, account.changed, account.kept[isbn.WRONG] = isbn.normalize(items)
    rating = raw["rating"].to_numpy(np.float64, na_value=np.nan)
    usable = np.ones(len(raw), dtype=bool)

    def drop(reason: str, faulty: Mask) -> None:
        faulty &= usable
        account.dropped[reason] = int(np.count_nonzero(faulty))
        usable[faulty] = False

    implicit = dataset.feedback == "implicit"
    drop("missing_id", (users.codes < 0) | (items.codes < 0))
    drop("missing_rating", ~np.isfinite(rating))
    if dataset.zero_is_implicit:
        drop("zero_means_not_rated", rating == 0)
    drop("no_positive_count", rating <= 0) if implicit else drop("off_the_scale", _off(rating, dataset.scale))
    rows: Rows | slice = slice(None) if usable.all() else np.flatnonzero(usable)
    time, account.changed["impossible_time"] = _times(raw["timestamp"].array[rows], settings.latest_year)
    found = Usable(*in_natural_order(users, rows), *in_natural_order(items, rows), rating[rows], time)
    return _one_of_each_pair(found, dataset, settings, account), account, found if dataset.keeps_repeats else None


def _one_of_each_pair(rows: Usable, dataset: DataSet, settings: params.Clean, account: Account) -> pd.DataFrame:
    """Return one row of each pair, and count the others."""
    implicit = dataset.feedback == "implicit"
    how, rating = dataset.events_per_pair if implicit else settings.duplicates, rows.rating
    order, again = sorted_pairs(rows.user, rows.item, len(rows.item_names))
    if order is not None and again is not None:
        account.repeats = repeats.account(rows, again, how)
        rating = repeats.of_pairs(rating, order, again, how) if implicit else rating
        order = repeats.chosen(order, again, rows.time, last=how != "first")
    account.dropped[SAME_PAIR.get(how, "duplicate_pair")] = len(rating) - (len(rating) if order is None else len(order))
    values = rating if order is None else rating[order]
    columns = {
        "user_id": pd.Categorical.from_codes(rows.user if order is None else rows.user[order], rows.user_names),
        "item_id": pd.Categorical.from_codes(rows.item if order is None else rows.item[order], rows.item_names),
        "rating": (np.log1p(values) if implicit else values).astype(np.float32),
        "timestamp": rows.time if order is None else rows.time[order],
    }
    return pd.DataFrame(columns, copy=False)


def in_order(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return ratings in natural order of user and item, dtypes as in `RATINGS`; every pair occurs once.

    Parameters
    ----------
    ratings : pandas.DataFrame
        Clean ratings in any order; ids are str or categorical.
    """
    user, user_names = in_natural_order(categories(ratings["user_id"]), slice(None))
    item, item_names = in_natural_order(categories(ratings["item_id"]), slice(None))
    coded = ratings.assign(
        user_id=pd.Categorical.from_codes(user, user_names), item_id=pd.Categorical.from_codes(item, item_names)
    )
    order, again = sorted_pairs(user, item, len(item_names))
    if order is not None and again is not None:
        twice = coded.iloc[order[int(np.argmax(again))]]
        raise FoldinError(
            f"the pair of user '{twice['user_id']}' and item '{twice['item_id']}' is there twice after cleaning",
            where="src/foldin/preparation/ratings.py",
            remedy="this is a fault of foldin, not of the data; report it",
        )
    return (coded if order is None else coded.iloc[order]).astype(RATINGS).reset_index(drop=True)[list(RATINGS)]


def _off(rating: npt.NDArray[np.float64], scale: Scale) -> Mask:
    """Return which ratings are outside the scale or between two of its steps."""
    off = np.empty(len(rating), dtype=bool)
    for start in range(0, len(rating), BLOCK):
        values = rating[start : start + BLOCK]
        outside = (values < scale.lowest) | (values > scale.highest)
        if scale.step:
            steps = (values - scale.lowest) / scale.step
            outside |= np.abs(steps - np.round(steps)) > 1e-6
        off[start : start + BLOCK] = outside
    return off


def _times(times: pd.arrays.IntegerArray, latest_year: int) -> tuple[pd.arrays.IntegerArray, int]:
    """Return times with those before 1970 or after a year missing, and how many those are."""
    end = np.datetime64(f"{latest_year + 1:04d}-01-01", "s").astype(np.int64)
    seconds = times.to_numpy(np.int64, na_value=0)
    impossible = (seconds < 0) | (seconds >= end)
    count = int(np.count_nonzero(impossible))
    if count:
        times = times.copy()
        times[impossible] = pd.NA
    return times, count
