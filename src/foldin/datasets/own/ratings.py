"""Reads the ratings, counts or events of a declaration: from one file or several, as a list or as a matrix."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from foldin.core.errors import FoldinError
from foldin.core.ids import categories
from foldin.core.params import nearest
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import Faults, numbers, seconds
from foldin.datasets.formats.ids import ids
from foldin.datasets.own import matrix, tables, totals
from foldin.datasets.own.schema import OwnData

POINT = "id_written_with_a_point"
"""Why an id was changed: 7.0 is 7."""
PADDED = "blanks_around_id"
"""Why an id was changed: "u1 " is "u1"; counted by id."""
CODED = "code_for_missing"
"""Why a rating was made missing: `missing` names its value."""
OTHER_ROWS = "not_selected_by_where"
OTHER_EVENTS = "event_not_listed"
"""Why rows were dropped while they were read."""
WHERE = "where."
"""What the roles of columns that only select rows begin with."""


class OwnRatings(NamedTuple):
    """The ratings of a declaration, and what happened to its rows while they were read.

    Attributes
    ----------
    table : pandas.DataFrame
        As `RawTables.ratings`.
    dropped, changed : dict of str to int
        Reason → rows.
    events : dict of str to int
        Value of the column of events → rows, whether it is listed or not; empty where there is no such column.
    shape : tuple of int
        Rows and columns of a matrix; zeros for a list.
    """

    table: pd.DataFrame
    dropped: dict[str, int]
    changed: dict[str, int]
    events: dict[str, int]
    shape: tuple[int, int] = (0, 0)


def read(data: OwnData, found: list[tuple[str, Path]], key: str, bad: lines.BadLines) -> OwnRatings:
    """Read the ratings of a declaration.

    Parameters
    ----------
    data : OwnData
        The declaration.
    found : list of (str, Path)
        Its files: as a declaration would name each, and where it lies.
    key : str
        The key of the declaration, for messages.
    bad : BadLines
        Where lines that cannot be read are counted.

    Raises
    ------
    FoldinError
        When a file is not as declared.
    """
    parts: list[OwnRatings] = []
    for name, path in found:
        before = sum(part.shape[0] for part in parts)
        of_one = tables.called_here(data.model_copy(update={"file": name, "files": ""}), path)
        with tables.name_file_in_errors(Path(name), key):
            parts.append(
                _matrix(of_one, path, key, before) if data.shape == "matrix" else _list(of_one, path, key, bad)
            )
    whole = parts[0] if len(parts) == 1 else _joined(parts)
    if not data.totals:
        return whole
    table, dropped = totals.without(whole.table, whole.dropped, data.totals)
    return whole._replace(table=table, dropped=dropped)


def _joined(parts: list[OwnRatings]) -> OwnRatings:
    """Return the ratings of several files as those of one, in their order."""

    def summed(counts: list[dict[str, int]]) -> dict[str, int]:
        return {why: sum(of.get(why, 0) for of in counts) for why in dict.fromkeys(why for of in counts for why in of)}

    columns = {
        name: pd.Series(pd.api.types.union_categoricals([categories(part.table[name]) for part in parts]))
        for name in ("user_id", "item_id")
    }
    for name in ("rating", "timestamp"):
        columns[name] = pd.concat([part.table[name] for part in parts], ignore_index=True)
    return OwnRatings(
        pd.DataFrame(columns),
        summed([part.dropped for part in parts]),
        summed([part.changed for part in parts]),
        summed([part.events for part in parts]),
        (sum(part.shape[0] for part in parts), max(part.shape[1] for part in parts)),
    )


def _matrix(data: OwnData, path: Path, key: str, before: int) -> OwnRatings:
    """Read a matrix; rows without ids are numbered on from those of the files before it."""
    cells = matrix.read(data, path, key)
    if data.row_id is None:
        cells = cells._replace(row_ids=[str(before + row + 1) for row in range(len(cells.row_ids))])
    by_row, by_column = ("user_id", "item_id") if data.rows == "users" else ("item_id", "user_id")
    rows, columns = (without_points(pd.Series(ids)) for ids in (cells.row_ids, cells.column_ids))
    table = {
        by_row: pd.Series(_taken(rows.ids, cells.rows)),
        by_column: pd.Series(_taken(columns.ids, cells.columns)),
        "rating": pd.Series(cells.values),
        "timestamp": pd.Series(
            pd.arrays.IntegerArray(np.zeros(len(cells.values), np.int64), np.ones(len(cells.values), bool))
        ),
    }
    pointed = int((rows.had_point[cells.rows] | columns.had_point[cells.columns]).sum())
    frame = pd.DataFrame({name: table[name] for name in ("user_id", "item_id", "rating", "timestamp")})
    return OwnRatings(frame, {}, {POINT: pointed, CODED: cells.coded}, {}, (len(cells.row_ids), len(cells.column_ids)))


def _taken(names: pd.Series, places: npt.NDArray[np.int32]) -> pd.Categorical:
    coded = categories(names)
    return pd.Categorical.from_codes(coded.codes[places], coded.categories)


def _list(data: OwnData, path: Path, key: str, bad: lines.BadLines) -> OwnRatings:
    roles = {name: getattr(data, name) for name in ("user", "session", "item", "pair", "rating", "event", "time")}
    roles |= {WHERE + name: name for name in data.where}
    padded: dict[str, int] = {}
    rows = tables.read(data, path, named(roles), key, bad, padded)
    shown = Path(data.file)
    dropped: dict[str, int] = {}
    for name, allowed in data.where.items():
        chosen = _is_one_of(rows[WHERE + name], allowed if isinstance(allowed, list) else [allowed])
        dropped[OTHER_ROWS] = dropped.get(OTHER_ROWS, 0) + int((~chosen).sum())
        rows = rows[chosen]
    if data.where and rows.empty:
        what = f"{key}.where selects none of {dropped[OTHER_ROWS]:,} rows"
        raise FoldinError(what, where="params.yaml", remedy="mend it: it names a column and the values to keep")
    weights, events = _weights(data, rows, key)
    if weights is not None:
        listed = weights.notna()
        dropped[OTHER_EVENTS] = int((~listed).sum())
        rows, weights = rows[listed], weights[listed]
    # Rows of JSON lines are known by their lines, all others by their places, which the index then holds.
    faults = Faults(np.zeros(len(rows), dtype=bool))
    if data.pair is not None:
        user, item = (without_points(part) for part in _split(data, rows["pair"], shown, faults))
    else:
        read = {role: without_points(ids(rows[role], shown)) for role in ("user", "session", "item") if role in rows}
        user, item = _with_sessions(read.get("user"), read.get("session")), read["item"]
    table = pd.DataFrame({"user_id": user.ids, "item_id": item.ids})
    changed = {PADDED: sum(padded.values())}
    if weights is not None:
        table["rating"] = weights
    elif "rating" in rows:
        table["rating"], changed[CODED] = _numbers(data, rows["rating"], shown, faults)
    else:
        # An event without a count is one interaction.
        table["rating"] = 1.0
    times = rows["time"] if "time" in rows else pd.Series(None, index=rows.index, dtype="str")
    unit = "date" if data.date_format else data.time_unit or ""
    table["timestamp"] = seconds(times, shown, unit, faults, data.date_format)
    if faults.first is not None:
        bad.add(int(faults.rows.sum()), int((~faults.rows).sum()), faults.first)
    changed[POINT] = int((user.had_point | item.had_point)[~faults.rows].sum())
    return OwnRatings(table[~faults.rows].reset_index(drop=True), dropped, changed, events)


def _with_sessions(users: "_Ids | None", sessions: "_Ids | None") -> "_Ids":
    """Return what recommendations are made for: users, sessions, or the sessions of each user as `user/session`."""
    if users is None or sessions is None:
        alone = users or sessions
        assert alone is not None
        return alone
    user, session = categories(users.ids), categories(sessions.ids)
    known = (user.codes >= 0) & (session.codes >= 0)
    # Below 2**63, for there are fewer users, and fewer sessions, than rows.
    pairs = user.codes[known].astype(np.int64) * len(session.categories) + session.codes[known]
    codes = np.full(len(known), -1)
    codes[known], found = pd.factorize(pairs)
    of_users, of_sessions = np.divmod(found, max(1, len(session.categories)))
    prefixes = user.categories
    if prefixes.str.contains("/", regex=False).any():
        # Else user `a/b` in session `c` were user `a` in session `b/c`.
        prefixes = prefixes.str.replace("%", "%25", regex=False).str.replace("/", "%2F", regex=False)
    names = prefixes[of_users] + "/" + session.categories[of_sessions]
    joined = pd.Series(pd.Categorical.from_codes(codes, names), index=users.ids.index)
    return _Ids(joined, users.had_point | sessions.had_point)


def _numbers(data: OwnData, values: pd.Series, path: Path, faults: Faults) -> tuple[pd.Series, int]:
    """Return ratings with those that are codes for missing ones missing, and how many those are."""
    texts = {str(code).casefold() for code in data.missing if isinstance(code, str)}
    coded = pd.Series(False, index=values.index)
    if texts and not pd.api.types.is_numeric_dtype(values.dtype):
        coded = values.astype("str").str.strip().str.casefold().isin(texts) & values.notna()
        values = values.mask(coded)
    found = numbers(values, path, faults, decimal=data.decimal, thousands=data.thousands)
    codes = [float(code) for code in data.missing if not isinstance(code, str)]
    if codes:
        coded |= found.isin(codes)
        found = found.mask(coded)
    return found, int(coded.to_numpy()[~faults.rows].sum())


def _weights(data: OwnData, rows: pd.DataFrame, key: str) -> tuple[pd.Series | None, dict[str, int]]:
    """Return what each row counts, missing where its event is not listed, and how many rows each event has."""
    if data.event is None:
        return None, {}
    text = rows["event"].astype("str").str.strip().where(rows["event"].notna())
    counts = {str(name): int(n) for name, n in text.value_counts().items()}
    for name in data.events:
        if name not in counts:
            what = f"{key}.events names '{name}', which the column '{data.event}' never holds"
            remedy = nearest(name, list(counts)).replace("valid keys are", "its values are")
            raise FoldinError(what, where="params.yaml", remedy=remedy)
    return text.map(data.events).astype("float64"), counts


def _is_one_of(values: pd.Series, allowed: list[bool | int | float | str]) -> pd.Series:
    """Return which values are one of those allowed: equal as text without regard to case, or as numbers."""
    texts = {str(value).casefold() for value in allowed}
    found = values.astype("str").str.strip().str.casefold().isin(texts) & values.notna()
    as_numbers = [float(value) for value in allowed if not isinstance(value, bool | str)]
    return found | pd.to_numeric(values, errors="coerce").isin(as_numbers) if as_numbers else found


def _split(data: OwnData, pairs: pd.Series, path: Path, faults: Faults) -> tuple[pd.Series, pd.Series]:
    """Return the users and the items of a column that holds both."""
    text = pa.array(ids(pairs, path).astype("str"), pa.string(), from_pandas=True)
    parts = pc.split_pattern(text, data.pair_separator)
    wrong = pc.fill_null(pc.not_equal(pc.list_value_length(parts), 2), False).to_numpy(zero_copy_only=False)
    if wrong.any():
        row = int(wrong.argmax())
        what = f"row {row + 1}: {pairs.name} is {text[row].as_py()!r}, no two ids separated by {data.pair_separator!r}"
        faults.add(wrong, FoldinError(what, where=path, remedy="mend pair_separator"))
        parts = pc.if_else(pa.array(wrong), pa.scalar(None, parts.type), parts)

    def column(place: int) -> pd.Series:
        names = pc.utf8_trim_whitespace(pc.list_element(parts, place)).dictionary_encode()
        codes = names.indices.fill_null(-1).to_numpy()
        ids = pd.Index(names.dictionary.to_pylist(), dtype="str")
        return pd.Series(pd.Categorical.from_codes(codes, ids), index=pairs.index)

    first, second = column(0), column(1)
    return (first, second) if data.pair_order == "user-item" else (second, first)


class _Ids(NamedTuple):
    """Ids of one's own, and which of them were written as 7.0."""

    ids: pd.Series
    had_point: npt.NDArray[np.bool_]


def without_points(found: pd.Series) -> _Ids:
    """Return ids in which 7.0 is 7, as it is where ids are numbers: pandas writes so what stands in a column with gaps.

    Parameters
    ----------
    found : pandas.Series
        Ids as text, or as categories of text.
    """
    coded = categories(found)
    had_point = np.asarray(coded.categories.str.fullmatch(r"-?[0-9]+\.0+"), dtype=bool)
    if not had_point.any():
        return _Ids(found, np.zeros(len(found), dtype=bool))
    written = coded.categories.str.replace(r"^(-?[0-9]+)\.0+$", r"\1", regex=True)
    places, names = pd.factorize(written)
    codes = np.append(places, -1)[coded.codes]
    ids = pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))
    whole = pd.Series(ids, index=found.index, name=found.name)
    return _Ids(whole.astype(found.dtype) if found.dtype == "str" else whole, np.append(had_point, False)[coded.codes])


def named(columns: dict[str, str | int | None]) -> dict[str, str]:
    """Return role → name of the column, of those that are declared."""
    return {role: str(name) for role, name in columns.items() if name is not None}
