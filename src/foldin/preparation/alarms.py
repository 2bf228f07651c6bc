"""Alarms of cleaning: what makes it likely that a file is read in a wrong way, said before hours of training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.progress import say
from foldin.datasets.declaration import DataSet
from foldin.preparation.account import Account

FEW = 20
"""Rows below which nothing is odd."""
MANY = 100
"""Rows from which on a step of the scale that is never used is odd."""
MOST_DROPPED = 0.2
MOST_OF_ONE_ITEM = 0.5
MOST_IMPOSSIBLE_TIMES = 0.05
"""Shares of the rows above which an alarm is raised."""
LONGEST_SCALE = 20
"""Steps of a scale, at most, of which each can be expected to be used."""
EARLIEST = 300_000_000
"""Seconds since 1970, mid 1979: data of which all times are before it were recorded in another unit."""
AS_DECLARED = (
    "zero_means_not_rated",
    "added_to_same_pair",
    "lower_of_same_pair",
    "not_selected_by_where",
    "event_not_listed",
    "totals",
)
"""Reasons to drop rows that a declaration asks for."""


@dataclass(frozen=True)
class Alarm:
    """What is odd about cleaned ratings.

    Attributes
    ----------
    name : str
        One of `foldin.core.schema.ALARMS`.
    count : int
        Rows it is about; of a gap, steps of the scale.
    what : str
        In words.
    remedy : str
        Where to look.
    """

    name: str
    count: int
    what: str
    remedy: str


def find(ratings: pd.DataFrame, account: Account, dataset: DataSet) -> list[Alarm]:
    """Return what is odd about cleaned ratings.

    Parameters
    ----------
    ratings : pandas.DataFrame
        As `clean_ratings` returns them, each pair once.
    account : Account
        What was dropped and changed.
    dataset : DataSet
        Whose ratings they are.
    """
    found: list[Alarm] = []
    key = f"sources.{dataset.name}" if dataset.own_files else f"the raw files of {dataset.name}"
    rows = len(ratings)
    for kind in ("user", "item"):
        counts = np.bincount(ratings[f"{kind}_id"].cat.codes, minlength=1)
        if rows >= FEW and counts.max() == 1:
            what = f"each of the {rows:,} rows has a {kind} of its own, so nothing can be learned of any {kind}"
            found.append(Alarm(f"one_{kind}_a_row", rows, what, f"is the right column declared as {kind}? See {key}"))
        elif kind == "item" and rows >= FEW and counts.max() > MOST_OF_ONE_ITEM * rows:
            most = ratings["item_id"].cat.categories[int(counts.argmax())]
            what = f"the item '{most}' has {counts.max() / rows:.0%} of the rows"
            found.append(
                Alarm("one_item_has_most", int(counts.max()), what, f"is the right column the item? See {key}")
            )
    for reason, count in account.dropped.items():
        if reason not in AS_DECLARED and count > MOST_DROPPED * account.rows_in and account.rows_in >= FEW:
            what = f"{count / account.rows_in:.0%} of the rows are dropped for one reason: {reason.replace('_', ' ')}"
            found.append(Alarm("many_dropped", count, what, f"are columns, scale and missing right? See {key}"))
    if (gap := _unused(ratings["rating"], dataset)) and rows >= MANY:
        what = f"these steps of the scale are never used: {', '.join(f'{value:g}' for value in gap)}"
        found.append(
            Alarm("unused_gap", len(gap), what, f"is the scale right, or is a code for missing in it? See {key}")
        )
    found += _of_times(ratings["timestamp"], account, key)
    return found


def _unused(ratings: "pd.Series[float]", dataset: DataSet) -> list[float]:
    """Return the steps between the lowest and the highest rating there is that no rating uses."""
    scale = dataset.scale
    if scale.feedback != "explicit" or not scale.step or (scale.highest - scale.lowest) / scale.step > LONGEST_SCALE:
        return []
    places = np.unique(np.round((ratings.to_numpy(np.float64) - scale.lowest) / scale.step).astype(int))
    absent = sorted(set(range(places.min(), places.max())) - set(places.tolist()))
    return [scale.lowest + scale.step * place for place in absent]


def _of_times(times: "pd.Series[int]", account: Account, key: str) -> list[Alarm]:
    known = times.dropna()
    impossible = account.changed.get("impossible_time", 0)
    remedy = f"is the unit of the times right? See {key}"
    if impossible > MOST_IMPOSSIBLE_TIMES * (len(known) + impossible) and impossible:
        what = f"{impossible:,} of {len(known) + impossible:,} times are before 1970 or in the future"
        return [Alarm("times_outside_unit", impossible, what, remedy)]
    if len(known) >= FEW and known.max() < EARLIEST:
        what = f"all {len(known):,} times are before {pd.Timestamp(EARLIEST, unit='s').year}"
        return [Alarm("times_outside_unit", len(known), what, remedy)]
    return []


def raise_alarms(found: list[Alarm], dataset: str, settings: params.Clean) -> None:
    """Say each alarm on the terminal; stop at the first that `clean.stop_on` names.

    Raises
    ------
    FoldinError
        When an alarm is one to stop on.
    """
    for alarm in found:
        say(f"{dataset}: ALARM {alarm.name}: {alarm.what}; {alarm.remedy}")
    for alarm in found:
        if alarm.name in settings.stop_on:
            raise FoldinError(
                f"{dataset}: {alarm.what}",
                where=f"params.yaml (clean.stop_on: {alarm.name})",
                remedy=f"{alarm.remedy}; or take it out of clean.stop_on",
            )
