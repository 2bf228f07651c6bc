"""Looks at a file of the user's own and proposes what to declare of it: `foldin describe own/ratings.csv`.

It prints YAML for the section `sources` of params.yaml, with what was seen as comments, so that a person can judge the
guesses before pasting them.
"""

import codecs
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldin import paths
from foldin.datasets import lines, sqlite, tables
from foldin.datasets.own import File
from foldin.datasets.sources import OWN
from foldin.errors import FoldinError

LOOKED_AT = 1 << 20
"""Bytes from which separator and header are guessed, and bytes read at once."""
SEPARATORS = ("::", "\t", ";", "|", ",")
WORDS = {
    "user": ("user", "useri", "customer", "member", "reader", "reviewer", "account", "person", "listener", "usersha1"),
    "item": (
        "item",
        "movie",
        "book",
        "isbn",
        "product",
        "asin",
        "artist",
        "artmbid",
        "track",
        "song",
        "game",
        "business",
    ),
    "rating": ("rating", "ratings", "stars", "star", "score", "rate", "overall", "grade", "reviewscore", "bookrating"),
    "count": ("plays", "count", "weight", "listens", "views", "clicks", "quantity", "purchases", "hours", "playcount"),
    "time": ("timestamp", "time", "date", "tstamp", "datetime", "ratedat", "createdat", "unixreviewtime", "reviewtime"),
}
"""What columns of each role are often called, in small letters without anything between them."""
STEPS = (1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01)
MOST_BAD = 0.05
"""Share of the lines that may be unreadable before the separator must be wrong."""
MOST_STEPS = 200
"""Ratings with more distinct values than this are counts, or have no steps."""
FIRST_TIME = 300_000_000
"""Numbers above this can be seconds since 1970: a time after mid 1979."""


@dataclass(frozen=True)
class Looks:
    """How a file is to be read, and its rows as text."""

    declared: dict[str, object]
    rows: pd.DataFrame
    seen: str


def proposal(path: Path) -> str:
    """Return YAML for the section `sources`, with its evidence as comments.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FoldinError
        When the file is missing, in no known format, or has no two columns that can be users and items.
    """
    if not path.is_file():
        raise FoldinError("there is no such file", where=path, remedy="give the path of a file")
    looks = _look(path)
    roles, reasons = _roles(looks.rows, path, named=bool(looks.declared.get("header", True)))
    declared: dict[str, object] = {"file": f"{OWN}/{path.name}", **looks.declared}
    declared |= {role: name for role, name in roles.items() if role in ("user", "item")}
    notes = [f"{path.name}: {looks.seen}", *reasons]
    strength = roles.get("rating", roles.get("count"))
    if strength is None:
        declared["feedback"] = "implicit"
        notes.append("no column of ratings or counts: every row counts as one interaction")
    else:
        declared["rating"] = strength
        of_values, note = _scale(looks.rows[str(strength)], counted="count" in roles)
        declared |= of_values
        notes.append(f"{strength}: {note}")
    if "time" in roles:
        declared["time"] = roles["time"]
        unit, note = _time(looks.rows[str(roles["time"])])
        declared |= {"time_unit": unit} if unit else {}
        notes.append(f"{roles['time']}: {note}")
    pairs = looks.rows[[str(roles["user"]), str(roles["item"])]]
    twice = int(pairs.duplicated().sum())
    notes.append(f"{twice:,} rows repeat a pair of user and item" if twice else "no pair of user and item repeats")
    return _written(path, declared, notes)


def _written(path: Path, declared: dict[str, object], notes: list[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "my-data"
    name = name if name.startswith("my-") else f"my-{name}"
    text = [f"# {note}" for note in notes]
    inside = path.resolve().parent == (paths.root() / OWN).resolve()
    if not inside:
        text.append(f"# First put it where DVC sees it: cp {path} {OWN}/")
    text += [
        "# Check the guesses, replace `sources: {}` in params.yaml by this, and name it in `datasets`.",
        "sources:",
    ]
    text.append(f"  {name}:")
    # JSON's way to write text, numbers and lists is YAML's too.
    text += [f"    {key}: {_scalar(value)}" for key, value in declared.items()]
    return "\n".join(text)


def _scalar(value: object) -> str:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z][\w./-]*", value)
        and value.lower() not in ("true", "false", "null")
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def _look(path: Path) -> Looks:
    file = File(file=path.name)
    match tables.format_of(file):
        case "parquet" | "jsonl" as form:
            rows = _columns(path, form)
            return Looks({}, rows, f"{len(rows):,} rows, {rows.shape[1]} columns, {form}")
        case "sqlite":
            return _database(path)
        case _:
            return _text(path, known=bool(tables.format_of(file)))


def _columns(path: Path, form: str) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(path) if form == "parquet" else pd.read_json(path, lines=True, dtype=False)
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise FoldinError(f"no readable {form} file ({reason})", where=path, remedy="mend it, or rename it") from None
    return _as_text(rows, path)


def _as_text(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    if rows.empty:
        raise FoldinError("the file holds no rows", where=path, remedy="give one that does")
    return rows.rename(columns=str).astype("str").where(rows.notna().to_numpy())


def _database(path: Path) -> Looks:
    names = sqlite.tables(path)
    for name in names:
        rows = sqlite.read(path, 'select * from "' + name.replace('"', '""') + '"')
        if not rows.empty:
            text = _as_text(rows, path)
            roles = _by_name([str(column) for column in text])
            if {"user", "item"} <= set(roles):
                seen = f"table '{name}' of {', '.join(names)}: {len(text):,} rows, {text.shape[1]} columns"
                return Looks({"table": name}, text, seen)
    raise FoldinError(
        f"no table of this database names users and items (tables: {', '.join(names) or 'none'})",
        where=path,
        remedy="declare it by hand, with a query; see own/README.md",
    )


def _text(path: Path, *, known: bool) -> Looks:
    with path.open("rb") as opened:
        start = opened.read(LOOKED_AT)
    if not start.strip():
        raise FoldinError("the file holds no rows", where=path, remedy="give one that does")
    if b"\0" in start:
        raise FoldinError("this is no text file", where=path, remedy="name it by its format: .parquet, .sqlite, …")
    encoding = _encoding(path)
    sample = start.decode(encoding, errors="ignore").lstrip("\ufeff").splitlines()
    sample = [line for line in sample[: -1 if len(start) == LOOKED_AT else None] if line.strip()][:1000]
    separator = _separator(sample, path)
    header = _has_header([line.split(separator) for line in sample])
    width = len(tables.header_of(path, separator, encoding))
    names = tables.header_of(path, separator, encoding) if header else [str(n + 1) for n in range(width)]
    file = File(file=path.name, format="csv", separator=separator, encoding=encoding, header=header)
    # A role of its own for each column, so that each is read as text.
    columns = {f"column {name}": name for name in names if names.count(name) == 1}
    bad = lines.BadLines(MOST_BAD)
    rows = tables.read(file, path, columns, "its declaration", bad).rename(columns=columns)
    declared: dict[str, object] = {} if known else {"format": "csv"}
    if separator != tables.separator_of(File(file=path.name)):
        declared["separator"] = separator
    if encoding != "utf-8":
        declared["encoding"] = encoding
    if not header:
        declared["header"] = False
    kind = "with a header" if header else "without a header"
    seen = f"{len(rows):,} rows, {width} columns parted by {separator!r}, {encoding}, {kind}"
    if bad.count:
        seen += f"; {bad.count:,} lines cannot be read (clean.bad_lines says how many may be dropped)"
    return Looks(declared, rows, seen)


def _encoding(path: Path) -> str:
    # The first byte that is no UTF-8 may stand anywhere, so the whole file is looked at.
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as opened:
        try:
            while chunk := opened.read(LOOKED_AT):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def _separator(sample: list[str], path: Path) -> str:
    for separator in SEPARATORS:
        counts = [line.count(separator) for line in sample]
        # Titles hold commas and blanks, so most lines must agree, not all.
        usual = int(np.median(counts))
        if usual and np.mean([count == usual for count in counts]) > 0.9:
            return separator
    raise FoldinError(
        "no separator parts its lines into columns", where=path, remedy="declare it by hand; see own/README.md"
    )


def _has_header(rows: list[list[str]]) -> bool:
    def numeric(cell: str) -> bool:
        return re.fullmatch(r'\s*"?-?\d+(\.\d+)?"?\s*', cell) is not None

    # A header has no number where the lines below it have one; or words we know.
    first, below = rows[0], rows[1:]
    if any(numeric(cell) for cell in first):
        return False
    cells = [cell.strip(' "') for cell in first]
    return bool(_by_name(cells)) or any(
        numeric(row[place]) for row in below[:20] for place in range(min(len(row), len(first)))
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _by_name(names: list[str]) -> dict[str, str]:
    """Return the columns whose names say their role: role → name, the first of each."""
    found: dict[str, str] = {}
    for role, words in WORDS.items():
        for name in names:
            plain = _plain(name)
            stem = re.sub(r"(ids?|no|nr|number|key|name)$", "", plain)
            if name not in found.values() and (plain in words or stem in words):
                found.setdefault(role, name)
    return found


def _roles(rows: pd.DataFrame, path: Path, *, named: bool) -> tuple[dict[str, str | int], list[str]]:
    """Return role → column (a number where columns have no names), and why."""
    names = [str(name) for name in rows]
    found = _by_name(names) if named else {}
    reasons = {role: f"{name}: its name says {role}" for role, name in found.items()}
    left = [name for name in names if name not in found.values()]
    if "time" not in found and (name := next((name for name in left if _is_time(rows[name])), None)):
        found["time"], reasons["time"] = name, f"{name}: its values are times"
        left.remove(name)
    if not {"rating", "count"} & set(found):
        few = {name: rows[name].nunique() for name in reversed(left) if _is_rating(rows[name])}
        # Two columns must be left for users and items.
        if few and len(left) > 2 - len({"user", "item"} & set(found)):
            name = min(few, key=lambda name: few[name])
            found["rating"], reasons["rating"] = name, f"{name}: fewest distinct numbers, so taken for ratings"
            left.remove(name)
    for role in ("user", "item"):
        if role not in found and left:
            found[role] = left.pop(0)
            reasons[role] = f"{found[role]}: the first column left, so taken for {role}s; check this"
    if not {"user", "item"} <= set(found):
        raise FoldinError(
            f"no two columns can be users and items (columns: {', '.join(names)})",
            where=path,
            remedy="declare it by hand; see own/README.md",
        )
    for role in ("user", "item"):
        reasons[role] += f"; {rows[found[role]].nunique():,} distinct values"
    order = [role for role in ("user", "item", "rating", "count", "time") if role in found]
    roles: dict[str, str | int] = {role: found[role] if named else int(found[role]) for role in order}
    return roles, [reasons[role] for role in order]


def _numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")


def _is_time(values: pd.Series) -> bool:
    known = values.dropna()
    found = _numbers(known)
    if len(known) and found.notna().all():
        return bool((found > FIRST_TIME).all() and (found % 1 == 0).all())
    dates = known.head(1000).str.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?")
    return bool(len(dates) and dates.all())


def _is_rating(values: pd.Series) -> bool:
    found = _numbers(values.dropna())
    return bool(len(found) and found.notna().all() and found.nunique() <= MOST_STEPS and found.abs().max() <= 100)


def _scale(values: pd.Series, *, counted: bool) -> tuple[dict[str, object], str]:
    """Return what to declare of ratings or counts, and the evidence."""
    found = _numbers(values).dropna()
    distinct = np.sort(found.unique())
    if not len(distinct):
        raise FoldinError(
            f"the column '{values.name}' holds no numbers", remedy="declare it by hand; see own/README.md"
        )
    lowest, highest = float(distinct[0]), float(distinct[-1])
    note = f"{len(distinct):,} distinct values from {lowest:g} to {highest:g}"
    whole = bool((distinct % 1 == 0).all())
    if counted or (lowest >= 0 and whole and len(distinct) > MOST_STEPS / 4 and highest > 100):
        return {"feedback": "implicit"}, f"{note}, so counts, not ratings"
    declared: dict[str, object] = {}
    zeros = float((found == 0).mean())
    if lowest == 0 and zeros > 0.3 and len(distinct) > 2 and distinct[1] >= 1:
        declared["zero_is_implicit"] = True
        note += f"; {zeros:.0%} are 0, so taken for 'met, but not rated'; check this"
        distinct = distinct[1:]
        lowest = float(distinct[0])
    if lowest == highest:
        return {"feedback": "implicit"}, f"all are {highest:g}, so they say who met what, not how it was liked"
    step = next((step for step in STEPS if _on_steps(distinct, step)), 0.0)
    note += f", in steps of {step:g}" if step else ", in no steps"
    scale = [int(number) if number % 1 == 0 else round(number, 6) for number in (lowest, highest, step)]
    return {"scale": scale, **declared}, note


def _on_steps(distinct: np.ndarray, step: float) -> bool:
    places = (distinct - distinct[0]) / step
    return bool((np.abs(places - np.round(places)) < 1e-6).all())


def _time(values: pd.Series) -> tuple[str, str]:
    known = values.dropna()
    found = _numbers(known)
    if len(known) and found.notna().all():
        for unit, limit in (("s", 1e11), ("ms", 1e14), ("us", 1e17)):
            if found.max() < limit:
                scale = {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
                first, last = (pd.Timestamp(number / scale, unit="s").date() for number in (found.min(), found.max()))
                return unit, f"times in {unit} since 1970, {first} to {last}"
    return "date", f"dates, {known.min()} to {known.max()}"
