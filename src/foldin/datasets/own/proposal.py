"""Examines a file of the user's own and proposes what to declare of it: `foldin describe own/ratings.csv`.

It prints YAML for the section `sources` of params.yaml, with what was seen as comments. Roles are guessed from rows all
over the file; the proposal is then read whole, as `clean` does. What may be otherwise is a line that begins with
UNSURE, and no column is left out without a line that names it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.datasets.formats import lines, packed, sniffing
from foldin.datasets.own import guesses, printed, ratings, samples, shapes, tables, times, totals, values, whole, words
from foldin.datasets.own.printed import Proposal as Proposal
from foldin.datasets.own.printed import written as written
from foldin.datasets.own.schema import File, OwnData

MOST_BAD = 0.05
"""Share of the lines that may be unreadable before the guess must be wrong."""
ITS = tables.GUESSED


def proposal(path: Path, member: str | None = None) -> str:
    """Return YAML for the section `sources`, with its evidence as comments; see `examine` for parameters and errors."""
    return written(examine(path, member))


def examine(
    path: Path, member: str | None = None, parts: Sequence[Path] = (), more: Mapping[str, Any] | None = None
) -> Proposal:
    """Return what to declare of a file, or of several that are read as one.

    Parameters
    ----------
    path : Path
        The file.
    member : str, optional
        Which file of a zip archive of several.
    parts : sequence of Path
        All files that are read as one, the first of them `path`; none for one alone.
    more : mapping of str to object, optional
        Keys to declare that other files than the first one ask for.

    Raises
    ------
    FoldinError
        When the file is missing, in no known format, or has no two columns that can be users and items.
    """
    looks, declared, named_file = looked_at(path, member)
    declared |= more or {}
    found = Proposal(path, declared, unsure=list(looks.unsure), parts=list(parts) or [path], others=looks.others)
    form = None if looks.sparse else shapes.matrix(looks.rows, named=looks.named)
    if looks.sparse:
        form = shapes.Matrix({"shape": "matrix"}, ["no column of ids: rows and columns are numbered from 1"])
        form.unsure.append("rows are taken as users; if they are items, declare rows: items")
    if form is not None:
        _as_matrix(found, looks, form)
        return found
    if kind := shapes.side_table(looks.rows, named=looks.named):
        raise FoldinError(
            f"this is a table of {kind}, a row for each, and holds no ratings",
            where=path,
            remedy=f"describe it together with the ratings: foldin describe RATINGS {path}",
        )
    _as_list(found, looks, named_file)
    try:
        params.parse(OwnData, found.declared, ITS)
    except FoldinError as error:
        found.unsure.append(f"this declaration is refused: {error.what}; {error.remedy}")
    return found


def looked_at(path: Path, member: str | None, table: str | None = None) -> tuple[samples.Looks, dict[str, Any], str]:
    """Return a look at a file or a table of it, the first keys of its declaration, and what it is called unpacked."""
    if not path.is_file():
        raise FoldinError("there is no such file", where=path, remedy="give the path of a file")
    if not path.stat().st_size:
        raise FoldinError("the file is empty, so it holds no rows", where=path, remedy="give one that has some")
    sniffing.refuse_unreadable(path)
    declared: dict[str, Any] = {"file": f"{printed.folder_of(path)}/{path.name}"}
    name = path.name
    if sniffing.packed_by(path) == "zip" and len(names := packed.members(path)) > 1:
        if member is None:
            raise FoldinError(
                f"this zip archive holds {len(names)} files: {', '.join(names[:8])}",
                where=path,
                remedy=f"name one of them: foldin describe {path} --member {names[0]}",
            )
        declared["member"] = member
    with packed.unpacked(path, member) as plain:
        inner = packed.inner_name(name, member) if plain != path else name
        try:
            looks = samples.look(plain, inner, table)
        except FoldinError as error:
            raise FoldinError(error.what, where=path, remedy=error.remedy) from None
    declared |= looks.declared
    if "format" not in declared and not tables.format_of(File(file=name, member=member)):
        declared["format"] = tables.format_of(File(file=inner)) or "csv"
    return looks, declared, inner


def _as_matrix(found: Proposal, looks: samples.Looks, form: shapes.Matrix) -> None:
    found.declared |= form.declared
    words_for_empty = sorted({word for of in looks.empty.values() for word in of})
    read, bad = as_read(found)
    read = _without_totals(found, read, matrix=True)
    given = read.table["rating"].dropna()
    anonymous = read.table["user_id"].isna() | read.table["item_id"].isna()
    if anonymous.any():
        found.notes.append(f"{int(anonymous.sum()):,} cells stand in a row or a column without an id and are dropped")
        read = read._replace(table=read.table[~anonymous].reset_index(drop=True))
        given = read.table["rating"].dropna()
    if given.empty:
        raise FoldinError(
            "the matrix holds no ratings", where=found.path, remedy="declare it by hand; see own/README.md"
        )
    of_values = values.examine(given, "", matrix=True)
    codes = of_values.declared.get("missing", [])
    cells = int((~given.isin(codes)).sum())
    n_rows, n_columns = read.shape
    found.notes.append(
        f"{found.path.name}: a matrix, {looks.seen}; {n_rows:,} rows and {n_columns:,} columns with {cells:,} ratings, "
        f"{cells / (n_rows * n_columns):.1%} of its cells"
    )
    found.notes += form.notes
    if words_for_empty:
        found.notes.append(f"cells that say {', '.join(words_for_empty)} are empty")
    found.declared |= of_values.declared
    found.notes.append(f"ratings: {'; '.join(of_values.notes)}")
    found.unsure += form.unsure + of_values.unsure
    found.read = read._replace(table=read.table[~read.table["rating"].isin(codes)])
    _check_whole(found, bad)


def _as_list(found: Proposal, looks: samples.Looks, file: str) -> None:
    roles = guesses.roles_of(looks.rows, str(found.path), named=looks.named)
    declared, read_as = found.declared, roles.found

    def column(role: str) -> str | int:
        return read_as[role] if looks.named else int(read_as[role])

    user = "session" if looks.named and words.is_session(read_as.get("user", "")) else "user"
    keys = {"pair": "pair", "user": user, "item": "item"}
    declared |= {key: column(role) for role, key in keys.items() if role in read_as}
    if "pair" in read_as:
        declared |= {key: value for key, value in roles.pair.items() if (key, value) != ("pair_separator", ":")}
    strength = read_as.get("rating", read_as.get("count"))
    found.unsure += samples.keep_marks(declared, looks.marked, strength or "")
    if strength is not None:
        declared["rating"] = column("rating" if "rating" in read_as else "count")
        if empty := looks.empty.get(strength):
            declared["missing"] = list(empty)
    for role, name in read_as.items():
        if role in keys and (empty := looks.empty.get(name)):
            found.unsure.append(f"{name} says {', '.join(empty)}, which is read as an id like any other")
    when = _with_times(found, looks, roles, column)
    found.unsure += roles.unsure
    read, bad = as_read(found)
    if when is not None and not read.table["timestamp"].notna().any():
        found.unsure.append(f"{when}: no time can be read")
    read = _without_totals(found, read, matrix=False)
    found.read = read
    if around := read.changed.get(ratings.PADDED, 0):
        found.notes.append(f"{around:,} ids have blanks around them, which are removed")
    head = [f"{found.path.name}: {len(read.table) + bad.count + sum(read.dropped.values()):,} rows, {looks.seen}"]
    distinct = whole.distinct(read.table)
    for role, reason in roles.reasons.items():
        if role in ("user", "item"):
            reason += f"; {distinct[role]:,} distinct values"
        if role == "pair":
            reason += f"; {distinct['user']:,} users and {distinct['item']:,} items"
        head.append(reason)
    found.notes = head + found.notes
    _strengths(found, roles, strength, column)
    found.notes += [f"{name}: not used ({why})" for name, why in roles.unused.items()]
    _check_whole(found, bad)


def _without_totals(found: Proposal, read: ratings.OwnRatings, *, matrix: bool) -> ratings.OwnRatings:
    """Declare the ids of totals; return the ratings without theirs."""
    of_totals = totals.guess(read.table, matrix=matrix, parts=len(found.parts))
    found.unsure += of_totals.unsure
    if not any(of_totals.ids.values()):
        return read
    found.declared["totals"] = of_totals.declared(read.table)
    found.notes += of_totals.notes
    table, dropped = totals.without(read.table, read.dropped, of_totals.ids)
    return read._replace(table=table, dropped=dropped)


def _with_times(found: Proposal, looks: samples.Looks, roles: guesses.Roles, column: Any) -> str | None:
    """Declare the column of times, if there is one that can be read; return it."""
    if "time" not in roles.found:
        return None
    name = roles.found["time"]
    sample = looks.rows[name]
    how = times.examine(sample)
    if not how.unit:
        shown = repr(str(sample.dropna().iloc[0])) if sample.notna().any() else "none at all"
        note = f"{name}: no readable time ({shown}), so left out; write dates as 2020-03-18, or see own/README.md"
        found.notes.append(note)
        return None
    found.declared |= {"time": column("time"), **how.declared}
    if looks.empty.get(name):
        found.unsure.append(f"{name} says {', '.join(looks.empty[name])}: such rows cannot be read")
    if how.others:
        # The days of the whole file may tell what a sample does not.
        fitting = [form for form in (how.date_format, *how.others) if whole.fits(found.parts, found.declared, form)]
        found.declared["date_format"] = (fitting or [how.date_format])[0]
        if len(fitting) != 1:
            rest = ", ".join((fitting or [how.date_format, *how.others])[1:])
            found.unsure.append(f"{name}: days and months may be exchanged; date_format may be {rest} as well")
    return name


def _strengths(found: Proposal, roles: guesses.Roles, strength: str | None, column: Any) -> None:
    """Declare what ratings, counts or events mean, from all of them."""
    declared, read = found.declared, found.read
    assert read is not None
    if "event" in roles.found:
        name = roles.found["event"]
        kinds = whole.events(found.parts, declared, name)
        weights = {kind: words.EVENTS.get(words.plain(kind), 1.0) for kind in kinds}
        against = [kind for kind in kinds if words.plain(kind) in words.AGAINST]
        against = against if len(against) < len(kinds) else []
        declared["event"] = column("event")
        declared["events"] = {kind: int(weight) for kind, weight in weights.items() if kind not in against}
        declared["feedback"] = "implicit"
        shown = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
        found.notes.append(f"{name}: events, rows of each: {shown}")
        left_out = f"; {', '.join(against)} may speak against an item, so left out" if against else ""
        choice = "you choose how much each kind counts; remove from events the kinds that should not count"
        found.unsure.append(f"{name}: {choice}{left_out}")
        found.read, _ = as_read(found)
        return
    given = read.table["rating"]
    anonymous = read.table["user_id"].isna() | read.table["item_id"].isna()
    if anonymous.any():
        found.notes.append(f"{int(anonymous.sum()):,} rows have no user or no item and are dropped")
        given = given[~anonymous]
    unknown = int(given.isna().sum())
    given = given.dropna()
    if strength is None:
        declared["feedback"] = "implicit"
        found.notes.append("no column of ratings or counts: every row counts as one interaction")
        return
    if given.empty:
        raise FoldinError(
            f"the column '{strength}' holds no numbers",
            where=found.path,
            remedy="declare it by hand; see own/README.md",
        )
    said = "count" if "count" in roles.found else "rating" if "its name" in roles.reasons["rating"] else ""
    of_values = values.examine(given, said)
    missing = [*declared.get("missing", []), *of_values.declared.get("missing", [])]
    declared |= of_values.declared | ({"missing": missing} if missing else {})
    note = "; ".join(of_values.notes) + (f"; {unknown:,} rows have no value and are dropped" if unknown else "")
    found.notes.append(f"{strength}: {note}")
    found.unsure += [f"{strength}: {what}" for what in of_values.unsure]


def as_read(found: Proposal) -> tuple[ratings.OwnRatings, lines.BadLines]:
    """Return the ratings that `clean` would read by a declaration, and the lines that it could not."""
    data = params.parse(OwnData, found.declared | {"feedback": "implicit"}, ITS)
    bad = lines.BadLines(share=1.0)
    read = ratings.read(data, [(part.name, part) for part in found.parts], ITS, bad)
    total = len(read.table) + bad.count
    if bad.first is not None and bad.count > MOST_BAD * total:
        raise FoldinError(
            f"{bad.count:,} of {total:,} lines do not fit the guesses; the first: {bad.first.what}",
            where=found.path,
            remedy="mend the file, or declare it by hand; see own/README.md",
        )
    return read, bad


def _check_whole(found: Proposal, bad: lines.BadLines) -> None:
    """Add what only the whole file shows: its range of times, its repeats, and what is odd about them."""
    read, declared = found.read, found.declared
    assert read is not None
    if "time" in declared:
        unit = "date" if declared.get("date_format") else str(declared["time_unit"])
        said, odd = times.range_of(read.table["timestamp"], unit)
        found.notes.append(f"{declared['time']}: {said}")
        found.unsure += [f"{declared['time']}: {odd}"] if odd else []
    said, fine = whole.bad_lines(bad, len(read.table))
    if said:
        (found.notes if fine else found.unsure).append(said)
    repeats, odd_shape = whole.odd(read.table, implicit=declared.get("feedback") == "implicit")
    found.notes.append(f"{repeats:,} rows repeat a user-item pair" if repeats else "no user-item pair occurs twice")
    found.unsure += odd_shape
