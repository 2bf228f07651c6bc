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
from foldin.datasets import guesses, lines, sqlite, tables
from foldin.datasets.own import File
from foldin.datasets.sources import OWN
from foldin.errors import FoldinError

LOOKED_AT = 1 << 20
"""Bytes from which separator and header are guessed, and bytes read at once."""
SEPARATORS = ("::", "\t", ";", "|", ",")
MOST_BAD = 0.05
"""Share of the lines that may be unreadable before the separator must be wrong."""


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
    roles, reasons = guesses.roles_of(looks.rows, path, named=bool(looks.declared.get("header", True)))
    declared: dict[str, object] = {"file": f"{OWN}/{path.name}", **looks.declared}
    declared |= {role: name for role, name in roles.items() if role in ("user", "item")}
    notes = [f"{path.name}: {looks.seen}", *reasons]
    strength = roles.get("rating", roles.get("count"))
    if strength is None:
        declared["feedback"] = "implicit"
        notes.append("no column of ratings or counts: every row counts as one interaction")
    else:
        declared["rating"] = strength
        of_values, note = guesses.scale_of(looks.rows[str(strength)], counted="count" in roles)
        declared |= of_values
        notes.append(f"{strength}: {note}")
    if "time" in roles:
        declared["time"] = roles["time"]
        unit, note = guesses.time_of(looks.rows[str(roles["time"])])
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
            roles = guesses.by_name([str(column) for column in text])
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
    return bool(guesses.by_name(cells)) or any(
        numeric(row[place]) for row in below[:20] for place in range(min(len(row), len(first)))
    )
