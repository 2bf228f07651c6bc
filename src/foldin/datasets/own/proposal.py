"""Looks at a file of the user's own and proposes what to declare of it: `foldin describe own/ratings.csv`.

It prints YAML for the section `sources` of params.yaml, with what was seen as comments, so that a person can check the
guesses before pasting them. Roles are guessed from the first rows; the proposal is then read whole, as `clean` does.
"""

import json
import re
import shlex
from pathlib import Path

import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.text import one_line
from foldin.datasets.formats import lines
from foldin.datasets.own import guesses, samples
from foldin.datasets.own.declared import OWN, read_ratings
from foldin.datasets.own.schema import OwnData

MOST_BAD = 0.05
"""Share of the lines that may be unreadable before the guess must be wrong."""


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
    looks = samples.look(path)
    named = bool(looks.declared.get("header", True))
    guesses.refuse_matrix(looks.rows, path, named=named)
    roles, reasons = guesses.roles_of(looks.rows, path, named=named)
    declared: dict[str, object] = {"file": f"{OWN}/{path.name}", **looks.declared}
    declared |= {role: name for role, name in roles.items() if role in ("user", "item")}
    strength = roles.get("rating", roles.get("count"))
    if strength is not None:
        declared["rating"] = strength
    when: dict[str, object] = {}
    if "time" in roles:
        unit, about_time = guesses.time_of(looks.rows[str(roles["time"])])
        when = {"time": roles["time"], "time_unit": unit} if unit else {}
    ratings, bad = _as_read(path, declared | when)
    notes = [f"{path.name}: {len(ratings) + bad.count:,} rows, {looks.seen}"]
    distinct = {role: f"; {ratings[f'{role}_id'].nunique():,} distinct values" for role in ("user", "item")}
    notes += [reason + distinct.get(role, "") for role, reason in reasons.items()]
    if strength is None:
        declared["feedback"] = "implicit"
        notes.append("no column of ratings or counts: every row counts as one interaction")
    else:
        of_values, note = guesses.scale_of(ratings["rating"].rename(str(strength)), counted="count" in roles)
        declared |= of_values
        unknown = int(ratings["rating"].isna().sum())
        notes.append(f"{strength}: {note}" + (f"; {unknown:,} rows have no value and are dropped" if unknown else ""))
    if "time" in roles:
        notes.append(f"{roles['time']}: {about_time}")
    notes += _faults(bad, len(ratings))
    twice = int(ratings.duplicated(["user_id", "item_id"]).sum())
    notes.append(f"{twice:,} rows repeat a user-item pair" if twice else "no user-item pair occurs twice")
    return _written(path, declared | when, notes)


def _as_read(path: Path, declared: dict[str, object]) -> tuple[pd.DataFrame, lines.BadLines]:
    """Return the ratings that `clean` would read by a declaration, and the lines that it could not."""
    data = params.parse(OwnData, declared | {"feedback": "implicit"}, "its declaration")
    bad = lines.BadLines(share=1.0)
    ratings, _ = read_ratings(data, path, "its declaration", bad)
    if bad.first is not None and bad.count > MOST_BAD * (len(ratings) + bad.count):
        raise FoldinError(
            f"{bad.count:,} of {len(ratings) + bad.count:,} lines do not fit the guesses; the first: {bad.first.what}",
            where=path,
            remedy="mend the file, or declare it by hand; see own/README.md",
        )
    return ratings, bad


def _faults(bad: lines.BadLines, good: int) -> list[str]:
    """Return what is to be known of lines that cannot be read."""
    if bad.first is None:
        return []
    allowed, share = params.section(params.Clean).bad_lines, bad.count / (good + bad.count)
    note = f"{bad.count:,} lines cannot be read, the first: {bad.first.what}"
    if share <= allowed:
        return [f"{note}; they are dropped and counted"]
    return [f"{note}; mend them, or raise clean.bad_lines from {allowed:g} to {share:.2g} or more"]


def _written(path: Path, declared: dict[str, object], notes: list[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "my-data"
    name = name if name.startswith("my-") else f"my-{name}"
    # A line break in a name of a column would end the comment.
    text = [f"# {one_line(note)}" for note in notes]
    inside = path.resolve().parent == (paths.root() / OWN).resolve()
    if not inside:
        text.append(f"# First copy it to where DVC tracks it: cp {shlex.quote(one_line(str(path)))} {OWN}/")
    text += [
        "# Check the guesses, replace `sources: {}` in params.yaml with this, and add its name to `datasets`.",
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
