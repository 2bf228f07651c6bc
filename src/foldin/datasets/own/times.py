"""Guesses how the times of a column are written: numbers of some unit since 1970, or dates in one of many ways."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from foldin.datasets.formats.fields import UNITS, Faults, seconds

FIRST_TIME, LAST_TIME = 300_000_000, 4_100_000_000
"""Numbers between these can be seconds since 1970: times from mid 1979 to 2099."""
FIRST_DAY, LAST_DAY = 19_000_101, 20_991_231
"""Numbers between these can be days, written year, month, day."""
MOST_ODD = 0.05
"""Share of the times that may be none, such as a 0 where a time is unknown."""
DAYS: tuple[str, ...] = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
)
DAYS += ("%B %d, %Y", "%d-%b-%Y", "%m %d, %Y", "%d/%m/%y", "%m/%d/%y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = (*(day + clock for day in DAYS for clock in CLOCKS), "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y")
"""Ways to write a date that `date_format` is proposed for, beside those of ISO 8601."""
SAMPLE = 200
"""Values on which all of these are tried."""


@dataclass
class Times:
    """How times are written: keys of a declaration, "" where `clean` could not read them, and what is unsure."""

    unit: str = ""
    date_format: str = ""
    others: list[str] = field(default_factory=list)

    @property
    def declared(self) -> dict[str, object]:
        """What to declare beside the column."""
        return {"date_format": self.date_format} if self.date_format else {"time_unit": self.unit}


def is_time(values: "pd.Series[str]") -> bool:
    """Return whether a column looks like times, whatever it is called."""
    known = values.dropna()
    found = pd.to_numeric(known, errors="coerce")
    if len(known) and found.notna().all():
        return bool((found % 1 == 0).all()) and bool(_unit(found))
    dates = known.head(1000).str.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?")
    return bool(len(dates) and dates.all()) or bool(formats_of(known))


def examine(values: "pd.Series[str]") -> Times:
    """Return how the times of a sample of a column are written."""
    known = values.dropna()
    found = pd.to_numeric(known, errors="coerce")
    unit = _unit(found) if len(known) and found.notna().mean() >= 1 - MOST_ODD else "date"
    if unit and _faults(known, unit) <= MOST_ODD:
        return Times(unit)
    fitting = formats_of(known) if unit in ("", "date") else []
    return Times("date", fitting[0], fitting[1:]) if fitting else Times()


def formats_of(known: "pd.Series[str]") -> list[str]:
    """Return the ways to write dates that fit nearly all values; several where days and months may be exchanged."""
    text = known.astype("str").drop_duplicates()
    few = text.iloc[:: max(1, len(text) // SAMPLE)].head(SAMPLE)
    if (
        not len(few)
        or not few.str.contains(r"\d").all()
        or (
            few.str.fullmatch(r"[\d.+-]*").mean() > 0.5
            and not (few.str.fullmatch(r"\d{1,2}[.-]\d{1,2}[.-]\d{4}").mean() > 0.5)
        )
    ):
        return []
    return [form for form in FORMATS if _share_of(few, form) >= 1 - MOST_ODD and _share_of(text, form) >= 1 - MOST_ODD]


def _share_of(text: "pd.Series[str]", form: str) -> float:
    return float(pd.to_datetime(text, format=form, errors="coerce", utc=True).notna().mean())


def _faults(known: "pd.Series[str]", unit: str) -> float:
    """Return the share of times that cannot be read, or are beyond any calendar."""
    faults = Faults(np.zeros(len(known), dtype=bool))
    found = seconds(known, Path(), unit, faults)
    possible = found.between(-LAST_TIME, LAST_TIME).to_numpy(bool, na_value=False)
    return float(1 - (possible & ~faults.rows).mean()) if len(known) else 1.0


def _unit(found: "pd.Series[float]") -> str:
    """Return the unit in which nearly all of some numbers are times, "" where there is none."""
    days = found[found.between(FIRST_DAY, LAST_DAY) & (found % 1 == 0)]
    if len(days) >= (1 - MOST_ODD) * len(found):
        text = days.astype("int64").astype("str")
        if pd.to_datetime(text, format="%Y%m%d", errors="coerce").notna().mean() >= 1 - MOST_ODD:
            return "date"
    for unit, scale in UNITS.items():
        if found.between(FIRST_TIME * scale, LAST_TIME * scale).mean() >= 1 - MOST_ODD:
            return unit
    return ""


def range_of(times: "pd.Series[int]", unit: str) -> tuple[str, str]:
    """Return the range of the times of a whole file in words, and what is odd about it, "" if nothing.

    Parameters
    ----------
    times : pandas.Series of Int64
        Seconds since 1970, as they were read.
    unit : str
        As in a declaration.
    """
    known = times.dropna()
    earliest = 0 if unit == "date" else FIRST_TIME
    possible = known[known.between(earliest, LAST_TIME)]
    if possible.empty:
        return "no time from 1970 to 2099", f"none of {len(known):,} times lies between 1970 and 2099"
    first, last = (pd.Timestamp(int(time), unit="s").date() for time in (possible.min(), possible.max()))
    kind = "dates" if unit == "date" else f"times in {unit} since 1970"
    said = f"{kind}, {first} to {last}"
    odd = len(known) - len(possible)
    if not odd:
        return said, ""
    said += f", but for {odd:,} outside {pd.Timestamp(earliest, unit='s').year} to 2099"
    return said, f"{odd:,} of {len(known):,} times are not in the unit of the others" if odd > MOST_ODD * len(
        known
    ) else ""
