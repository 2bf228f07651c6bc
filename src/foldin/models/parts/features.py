"""User and item attributes as indicator columns, such as `genres=Crime` or `age=25-34`.

Numbers become groups (of ages, of years), so that every attribute is present or absent. A table has the columns of its
data set; a missing column or cell gives no feature.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

AGES = (0, 18, 25, 35, 45, 55, 65, 120)
"""Where groups of ages begin, in years; the last is the end of the last group."""
YEARS = 10
"""Length of a group of years."""
LISTS = ("genres",)
"""Columns whose cells hold several values, joined by "|"."""
ITEM_COLUMNS = ("domain", "genres", "creator")
USER_COLUMNS = ("gender", "country", "occupation")


def of_items(items: pd.DataFrame, min_count: int) -> pd.DataFrame:
    """Return the features of items, from domain, genres, creator and year; see `of_values`.

    Parameters
    ----------
    items : pandas.DataFrame
        As `Interactions.items`.
    min_count : int
        How many items must share a value for it to be a feature.
    """
    values = {name: items[name].astype("string") for name in ITEM_COLUMNS if name in items}
    if "year" in items:
        begin = items["year"].astype("Int64") // YEARS * YEARS
        values["years"] = begin.astype("string") + "-" + (begin + YEARS - 1).astype("string")
    return of_values(values, len(items), min_count)


def of_users(users: pd.DataFrame, min_count: int) -> pd.DataFrame:
    """Return the features of users, from gender, country, occupation and age; see `of_values`.

    Parameters
    ----------
    users : pandas.DataFrame
        As `Interactions.users`.
    min_count : int
        How many users must share a value for it to be a feature.
    """
    values = {name: users[name].astype("string") for name in USER_COLUMNS if name in users}
    if "age" in users:
        names = [f"{begin}-{end - 1}" for begin, end in pairwise(AGES)]
        groups = pd.cut(users["age"].astype("Float64"), AGES, right=False, labels=names)
        values["age"] = groups.astype("string")
    return of_values(values, len(users), min_count)


def of_values(values: dict[str, pd.Series], rows: int, min_count: int) -> pd.DataFrame:
    """Return a column for each value that enough rows share, named `column=value`.

    Parameters
    ----------
    values : dict of str to pandas.Series of string
        Column name → what each row holds; missing or "" where nothing is known.
    rows : int
        Number of rows.
    min_count : int
        How many rows must share a value.

    Returns
    -------
    pandas.DataFrame of float32, shape (rows, n_features)
        A row's features of one column sum to 1, or to 0 where none is known.
    """
    tables = []
    for name, cells in values.items():
        split = cells.reset_index(drop=True).str.split("|") if name in LISTS else cells.reset_index(drop=True)
        held = split.explode().dropna()
        held = held[held != ""]
        counts = held.value_counts()
        shared = sorted(counts.index[counts >= min_count])
        held = held[held.isin(shared)]
        table = np.zeros((rows, len(shared)), dtype=np.float32)
        table[held.index.to_numpy(), np.searchsorted(shared, held.to_numpy(str))] = 1
        table /= np.maximum(table.sum(axis=1, keepdims=True), 1)
        tables.append(pd.DataFrame(table, columns=[f"{name}={value}" for value in shared]))
    return pd.concat(tables, axis=1) if tables else pd.DataFrame(np.zeros((rows, 0), dtype=np.float32))
