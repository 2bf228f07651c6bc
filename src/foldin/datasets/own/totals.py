"""Rows and columns that sum up others, such as the last row of a report: their ids name no user and no item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.ids import categories
from foldin.datasets.own import sums, words

REASON = "totals"
"""Why rows were dropped while they were read."""
CALLED = (
    *("total", "totals", "grandtotal", "subtotal", "sum", "summe", "gesamt", "gesamtsumme", "gesamtergebnis"),
    *("zwischensumme", "insgesamt", "totaal", "eindtotaal", "totale", "totalgeneral", "somme", "suma"),
    *("average", "mean", "mittelwert", "durchschnitt", "overall"),
)
"""What rows and columns of totals are often called, in small letters without anything between them."""
CLOSE = 0.01
"""By which share of itself a total may be off."""
FEW = 2
"""Rows that an id of a list may have in a file, at most, if it is that of a total by its name alone."""
MANY_USERS = 20_000
"""Users whose rows are compared with one another."""
MANY_USERS_WITH = 5
"""Users with a total of their own from which on these are no chance."""
KINDS = ("user", "item")
Names = Mapping[Any, list[str]]
"""Kind → ids of totals."""


@dataclass
class Found:
    """Ids of totals by kind, what was seen of them, and what is unsure."""

    ids: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def add(self, kind: str, name: str, note: str) -> None:
        """Add an id of totals."""
        self.ids[kind].append(name)
        self.notes.append(f"{kind} '{name}': {note}")

    def declared(self, table: pd.DataFrame) -> dict[str, list[str]] | list[str]:
        """Return what to declare: a list, unless an id of one kind is that of totals and of the other is none."""
        for kind, other in (KINDS, KINDS[::-1]):
            used = set(categories(table[f"{other}_id"]).categories) - set(self.ids[other])
            if used & set(self.ids[kind]):
                return {one: ids for one, ids in self.ids.items() if ids}
        return list(dict.fromkeys(name for ids in self.ids.values() for name in ids))


def rows_of(table: pd.DataFrame, names: Names) -> npt.NDArray[np.bool_]:
    """Return which rows have one of some ids, as user or as item."""
    found = np.zeros(len(table), dtype=bool)
    for kind in KINDS:
        ids = categories(table[f"{kind}_id"])
        found |= np.append(ids.categories.isin(names.get(kind, [])), False)[ids.codes]
    return found


def without(table: pd.DataFrame, dropped: dict[str, int], names: Names) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return ratings without the rows of some ids, and how many rows were dropped for each reason."""
    kept = ~rows_of(table, names)
    return table[kept].reset_index(drop=True), dropped | {REASON: int((~kept).sum())}


def guess(table: pd.DataFrame, *, matrix: bool, parts: int = 1) -> Found:
    """Return which ids are those of totals: by what they are called, and by their values.

    Parameters
    ----------
    table : pandas.DataFrame
        Ratings, as they were read.
    matrix : bool
        Whether they are the cells of a matrix.
    parts : int
        Of how many files they are.
    """
    found = Found()
    for kind in KINDS:
        ids = categories(table[f"{kind}_id"])
        for place, name in enumerate(ids.categories):
            if words.plain(str(name)) not in CALLED:
                continue
            mine = ids.codes == place
            if not mine.any() or (not matrix and mine.sum() > FEW * parts):
                continue
            other = table["item_id" if kind == "user" else "user_id"]
            found.add(kind, str(name), f"totals, in {_rows(int(mine.sum()), matrix)}")
            # What has no user or no item, such as a total of one user, is none of the others.
            whole = mine | ((categories(other).codes >= 0) & (ids.codes >= 0))
            if not _sums_up(table["rating"][whole], mine[whole], other[whole]):
                found.unsure.append(f"'{name}' is taken to be no {kind} but a total; if it is one, leave out totals")
    _by_values(found, table, matrix=matrix, parts=parts)
    return found


def _rows(n: int, matrix: bool) -> str:
    return f"{n:,} {'cell' if matrix else 'row'}{'s' * (n > 1)}"


def _by_values(found: Found, table: pd.DataFrame, *, matrix: bool, parts: int) -> None:
    """Add the ids whose values sum up others, whatever they are called."""
    ids = {kind: categories(table[f"{kind}_id"]) for kind in KINDS}
    values = table["rating"].to_numpy(np.float64)
    known = (ids["user"].codes >= 0) & (ids["item"].codes >= 0) & ~np.isnan(values) & ~rows_of(table, found.ids)
    if not known.any() or values[known].min() == values[known].max():
        return

    def of(*kinds: str) -> tuple[npt.NDArray[Any], ...]:
        # Of tens of millions of rows, no copy is made where none is left out.
        rows = slice(None) if known.all() else known
        return *(ids[kind].codes[rows] for kind in kinds), values[rows]

    if not matrix and (total := sums.of_all(*of(*KINDS), parts=parts)):
        row = int(np.flatnonzero(known)[-1])
        for kind in KINDS:
            name = str(table[f"{kind}_id"].iloc[row])
            found.add(kind, name, f"totals, in {_rows(total.rows, matrix)}: the {total.what} of all ratings")
        if not total.sure:
            found.unsure.append(f"the last row is taken as the {total.what} of all; if it is none, leave out totals")
        known &= ~rows_of(table, found.ids)
    for kind, other in (KINDS, KINDS[::-1]):
        for one in sums.find(*of(kind, other)):
            name = str(ids[kind].categories[one.code])
            said = f"the {one.what} of the ratings of each {other}"
            if one.sure:
                found.add(kind, name, f"totals, in {_rows(one.rows, matrix)}: {said}")
            else:
                found.unsure.append(
                    f"{kind} '{name}' has {said}, and so few that it may be chance: if it is a total, declare "
                    f'totals: {{{kind}: ["{name}"]}}'
                )
        known &= ~rows_of(table, found.ids)
    if not matrix:
        known &= ids["user"].codes < MANY_USERS
        have, users, row = sums.of_each(*of("user"))
        if have >= MANY_USERS_WITH and have > users / 2:
            shown = table.iloc[int(np.flatnonzero(known)[row])]
            found.unsure.append(
                f"{have:,} of {users:,} users have a rating that is the sum of all their others, such as user "
                f"'{shown.user_id}', item '{shown.item_id}': if these rows are totals, leave them out by where"
            )


def _sums_up(values: "pd.Series[float]", mine: npt.NDArray[np.bool_], other: pd.Series) -> bool:
    """Return whether values are the sums, or the means, of all others: of each user or item where they name one."""
    if np.isclose(values[mine].sum(), values[~mine].sum(), rtol=1e-9, atol=0.005):
        return True
    rest = values[~mine].groupby(other[~mine], observed=True)
    total, mean = rest.sum(), rest.mean()
    totals, named = values[mine].to_numpy(np.float64), other[mine].astype("str")
    # Of a total that names nobody else, all rows are the others.
    expected = np.column_stack(
        [
            total.rename(index=str).reindex(named).fillna(values[~mine].sum()).to_numpy(),
            mean.rename(index=str).reindex(named).fillna(values[~mine].mean()).to_numpy(),
        ]
    )
    off = np.abs(expected - totals[:, None]) <= CLOSE * np.abs(expected) + 0.051 * (np.arange(2) > 0)
    return bool(off.any(axis=1).mean() > 0.7)
