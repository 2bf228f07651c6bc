"""Rows and columns that sum up others, such as the last row of a report: their ids name no user and no item."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.ids import categories
from foldin.datasets.own import words

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
"""Rows that an id of a list may have, at most, if it is that of a total."""


@dataclass
class Found:
    """Ids of totals, what was seen of them, and what is unsure."""

    ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def rows_of(table: pd.DataFrame, names: list[str]) -> npt.NDArray[np.bool_]:
    """Return which rows have one of some ids, as user or as item."""
    found = np.zeros(len(table), dtype=bool)
    for kind in ("user_id", "item_id"):
        ids = categories(table[kind])
        found |= np.append(ids.categories.isin(names), False)[ids.codes]
    return found


def without(table: pd.DataFrame, dropped: dict[str, int], names: list[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return ratings without the rows of some ids, and how many rows were dropped for each reason."""
    kept = ~rows_of(table, names)
    return table[kept].reset_index(drop=True), dropped | {REASON: int((~kept).sum())}


def guess(table: pd.DataFrame, *, matrix: bool) -> Found:
    """Return which ids are those of totals: by what they are called, and by their values.

    Parameters
    ----------
    table : pandas.DataFrame
        Ratings, as they were read.
    matrix : bool
        Whether they are the cells of a matrix.
    """
    found = Found()
    for kind in ("user", "item"):
        ids = categories(table[f"{kind}_id"])
        for place, name in enumerate(ids.categories):
            if words.plain(str(name)) not in CALLED:
                continue
            mine = ids.codes == place
            if not mine.any() or (not matrix and mine.sum() > FEW):
                continue
            other = table["item_id" if kind == "user" else "user_id"]
            found.ids += [str(name)] if str(name) not in found.ids else []
            n = int(mine.sum())
            found.notes.append(f"{kind} '{name}': totals, in {n:,} {'cell' if matrix else 'row'}{'s' * (n > 1)}")
            if not _sums_up(table["rating"], mine, other):
                found.unsure.append(f"'{name}' is taken to be no {kind} but a total; if it is one, leave out totals")
    return found


def _sums_up(values: "pd.Series[float]", mine: npt.NDArray[np.bool_], other: pd.Series) -> bool:
    """Return whether values are the sums, or the means, of all others: of each user or item where they name one."""
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
