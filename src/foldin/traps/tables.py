"""What every exhibit is: a table and a short summary.

Some data cannot show some traps. A function that makes an exhibit first states what it needs (`require`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError

MISTAKE = "the mistake"
"""What the wrong evaluation prints."""
CONTROL = "control"
"""What the same evaluation prints for a model that has learned nothing. If it is as good, the metric says nothing."""
CORRECTED = "corrected"
"""What the right evaluation prints on the same data."""
AS_PUBLISHED = "as published"
"""A number that a project printed for its own data."""
ORDER_OF_IDS = "order of ids"
"""The list of a constant. It follows item ids, which may carry information, so this is not a control."""
Row = tuple[str, str, dict[str, float]]
"""The kind of row (one of the above), what is evaluated, and its metrics."""


class Exhibit(NamedTuple):
    """A table as `table` makes it, and its summary."""

    table: pd.DataFrame
    says: str


class NotShownError(FoldinError):
    """Why these data cannot show a trap. The page says so instead of the table."""

    def __init__(self, why: str) -> None:
        super().__init__(why, remedy="use other data, or more")


def require(there: object, lacking: str) -> None:
    """Refuse to make an exhibit without something it needs.

    Parameters
    ----------
    there : object
        Whether it is there; an empty collection and 0 are not.
    lacking : str
        What is missing, as the page says it: a clause without a full stop.

    Raises
    ------
    NotShownError
        When it is not there.
    """
    if not there:
        raise NotShownError(lacking)


def table(*rows: Row) -> pd.DataFrame:
    """Return rows as a table, indexed by `row` (the kind) and `what`: a column for each metric, NaN if it has none."""
    names = pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["row", "what"])
    return pd.DataFrame([row[2] for row in rows], index=names).astype(float)


def shown(measured: pd.DataFrame) -> pd.DataFrame:
    """Return a table as shown: counts whole, % to a tenth, the rest to 4 decimals, a dash for no metric."""

    def text(column: "pd.Series[float]") -> "pd.Series[str]":
        values = column.dropna()
        if str(column.name).endswith("%"):
            form = "{:.1f}"
        elif (values % 1 == 0).all() and values.max() > 1:
            form = "{:,.0f}"
        else:
            form = "{:.4f}"
        return column.map(lambda value: "–" if np.isnan(value) else form.format(value))

    return measured.apply(text)
