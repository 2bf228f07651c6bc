"""One shape for every table of the gallery of traps: what is read off it, what is judged, and metrics by name.

Not every trap can be shown on all data. What makes a table first says what it needs (`need`), and why it is not there.
"""

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError

AS_PUBLISHED = "as published"
"""What the mistake prints."""
KNOWING_NOTHING = "knowing nothing"
"""What something that has learnt nothing prints, judged by the same mistake: the test that exposes it."""
MENDED = "mended"
"""What is true of the same data."""
NOTHING_TO_CHOOSE = "nothing to choose"
"""What choosing prints where no choice is better than another."""
ORDER_OF_IDS = "order of ids"
"""What a constant prints as a list: ties break by item id, which may know more than nothing."""
Row = tuple[str, str, dict[str, float]]
"""A reading (one of the above, or a note), what is judged, and its metrics."""


class NotShownError(FoldinError):
    """Why a trap cannot be shown on the data at hand; the page says it in the table's place."""

    def __init__(self, why: str) -> None:
        super().__init__(why, remedy="show it on other data, or on more")


def need(there: object, lacking: str) -> None:
    """Refuse to make a table that would have no sense, or no value, without something.

    Parameters
    ----------
    there : object
        Whether it is there; an empty collection and a 0 are not.
    lacking : str
        What is lacking, as the page says it: a clause without a full stop.

    Raises
    ------
    NotShownError
        When it is not there.
    """
    if not there:
        raise NotShownError(lacking)


def table(*rows: Row) -> pd.DataFrame:
    """Return rows as a table.

    Parameters
    ----------
    *rows : tuple
        Reading, what is judged, and metrics by name.

    Returns
    -------
    pandas.DataFrame of float
        Indexed by `reading` and `what`, a column for each metric; NaN where a row has none.
    """
    names = pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["reading", "what"])
    return pd.DataFrame([row[2] for row in rows], index=names).astype(float)


def shown(figures_: pd.DataFrame) -> pd.DataFrame:
    """Return a table as people read it: counts whole, % to a tenth, the rest to 4 decimals, a dash for no metric."""

    def text(column: "pd.Series[float]") -> "pd.Series[str]":
        values = column.dropna()
        if str(column.name).endswith("%"):
            form = "{:.1f}"
        elif (values % 1 == 0).all() and values.max() > 1:
            form = "{:,.0f}"
        else:
            form = "{:.4f}"
        return column.map(lambda value: "–" if np.isnan(value) else form.format(value))

    return figures_.apply(text)
