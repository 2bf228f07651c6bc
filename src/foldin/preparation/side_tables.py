"""The canonical tables `items` and `users`: a row for each id that is rated or described, impossible values missing.

The ratings are cleaned in foldin.preparation.ratings; this module is about the tables of items and users.
"""

from typing import Any

import pandas as pd

from foldin.core import params
from foldin.core.ids import categories, natural_order
from foldin.datasets.declaration import DataSet
from foldin.preparation import countries, isbn
from foldin.preparation.account import ADDED, Account

ITEMS = {"item_id": "str", "title": "str", "domain": "str", "genres": "str", "creator": "str", "year": "Int64"}
USERS = {"user_id": "str", "age": "Int64", "gender": "str", "country": "str", "occupation": "str"}


def items(
    raw: pd.DataFrame, rated: "pd.Series[str]", dataset: DataSet, settings: params.Clean
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Make the table of items, and the account of it.

    Parameters
    ----------
    raw : pandas.DataFrame
        `item_id` and whatever is known of items, in file order.
    rated : pandas.Series, categorical
        `item_id` of the ratings kept.
    dataset : DataSet
        Whose items they are.
    settings : params.Clean
        The years that can be.

    Returns
    -------
    table : pandas.DataFrame
        Columns as in `ITEMS`, as far as they are known; in natural order of ids.
    account : dict
        Rows dropped, changed and added, by reason.
    """
    account = Account(len(raw))
    if dataset.isbn_items:
        ids, account.changed, wrong = isbn.normalize(categories(raw["item_id"]))
        raw = raw.assign(item_id=pd.Series(ids, index=raw.index).astype("str"))
        account.kept = {isbn.WRONG: wrong}
    if "year" in raw:
        raw = _bounded(raw, "year", (settings.earliest_year, settings.latest_year), account)
    table, closed = _one_row_each(raw, rated, ITEMS, account)
    table["title"] = table["title"].fillna(table["item_id"])
    table["domain"] = table["domain"].fillna(dataset.domains[0] if len(dataset.domains) == 1 else "unknown")
    table["genres"] = table["genres"].fillna("")
    return table, closed


def users(raw: pd.DataFrame, rated: "pd.Series[str]", settings: params.Clean) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Make the table of users, and the account of it.

    Parameters
    ----------
    raw : pandas.DataFrame
        `user_id` and whatever is known of users, in file order.
    rated : pandas.Series, categorical
        `user_id` of the ratings kept.
    settings : params.Clean
        The ages that can be.

    Returns
    -------
    table : pandas.DataFrame
        Columns as in `USERS`, as far as they are known; in natural order of ids.
    account : dict
        Rows dropped, changed and added, by reason.
    """
    account = Account(len(raw))
    if "age" in raw:
        raw = _bounded(raw, "age", (settings.youngest, settings.oldest), account)
    if "country" in raw:
        raw = raw.assign(country=_countries(raw["country"], account))
    return _one_row_each(raw, rated, USERS, account)


def _bounded(table: pd.DataFrame, column: str, bounds: tuple[int, int], account: Account) -> pd.DataFrame:
    values = table[column]
    impossible = (values.notna() & ~values.between(*bounds)).fillna(False).astype(bool)
    account.changed[f"impossible_{column}"] = int(impossible.sum())
    return table.assign(**{column: values.mask(impossible)})


def _countries(typed: "pd.Series[str]", account: Account) -> "pd.Series[str]":
    found = {name: countries.normalized(name) for name in typed.dropna().unique()}
    names = typed.map({name: country for name, (country, _) in found.items()}).astype("str")
    listed = typed.map({name: known for name, (_, known) in found.items()})
    account.changed["country_renamed"] = int((names.notna() & (names != typed)).sum())
    account.changed["country_says_nothing"] = int((typed.notna() & names.isna()).sum())
    account.kept["country_not_listed"] = int((names.notna() & (listed == False)).sum())  # noqa: E712
    return names


def _one_row_each(
    table: pd.DataFrame, rated: "pd.Series[str]", columns: dict[str, str], account: Account
) -> tuple[pd.DataFrame, dict[str, Any]]:
    key = next(iter(columns))
    missing = (table[key].isna() | (table[key] == "")).to_numpy(bool)
    named = table[~missing]
    twice = named.duplicated(key)
    described = named[~twice]
    names = rated.cat.categories
    ids = natural_order([*names, *described[key]])
    result = described.set_index(key).reindex(pd.Index(ids, name=key)).reset_index()
    result = result.astype({name: dtype for name, dtype in columns.items() if name in result})
    account.dropped = {"missing_id": int(missing.sum()), "duplicate_id": int(twice.sum())}
    account.added = len(result) - len(described)
    closed = account.close(key.removesuffix("_id") + "s", len(result)) | {
        ADDED: account.added,
        "without_ratings": int((~result[key].isin(names)).sum()),
    }
    return result[[name for name in columns if name in result]], closed
