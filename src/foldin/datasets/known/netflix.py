"""The data set `netflix`: the Netflix Prize (Bennett and Lanning 2007), in the forms in circulation.

The prize's own form is a line `movie:` followed by lines `user,rating,date`, in one file for each movie (`mv_*.txt`) or
in four files for all (`combined_data_*.txt`). There are also CSV files with a header (`train.csv` and `test.csv`, which
are read as one: the split is ours), and a dense block of ratings without ids (0: none).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api.types import union_categoricals
from pyarrow import compute, csv

from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.core.progress import tick
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.fields import first_line, seconds, undescribed, whole_numbers
from foldin.datasets.known.movielens import NO_PEOPLE
from foldin.datasets.releases import Counts, Release

TITLES = ("movie_titles.txt", "movie_titles.csv")
BLOCK = 1 << 26
"""Bytes read at once."""
NUMBERS = {"userid": "user_id", "user_id": "user_id", "movieid": "item_id", "movie_id": "item_id", "rating": "rating"}
"""What the CSV files call their columns, in small letters → what we do."""


def read(folder: Path) -> RawTables:
    """Read the ratings in whatever form they lie there, and the titles where they are present.

    Parameters
    ----------
    folder : Path
        Where the files lie.

    Returns
    -------
    RawTables
        Movies have `year`; nothing is known of users.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    grouped = sorted([*folder.glob("combined_data_*.txt"), *folder.glob("mv_*.txt")])
    tables = sorted(folder / name for name in ("train.csv", "test.csv") if (folder / name).is_file())
    if grouped:
        ratings = _ratings([part for path in grouped for part in _grouped(path)])
    elif tables:
        ratings = _joined([_table(path) for path in tables])
    else:
        ratings = _dense(folder / "dense-1200x1200.txt")
    return RawTables(ratings, _titles(folder, ratings["item_id"]), NO_PEOPLE)


@dataclass
class _Part:
    """The ratings of one block, in as little space as they take.

    Attributes
    ----------
    users : list of pyarrow.DictionaryArray
        Ids of users, whole numbers.
    movies : list of str
        Ids of movies, in order.
    sizes : ndarray of int64, one for each movie
        Ratings of each.
    stars : ndarray of float32
        Ratings.
    days : ndarray of int32
        Dates, in days since 1970.
    """

    users: list[pa.DictionaryArray]
    movies: list[str]
    sizes: npt.NDArray[np.int64]
    stars: npt.NDArray[np.float32]
    days: npt.NDArray[np.int32]


def _grouped(path: Path) -> Iterator[_Part]:
    """Yield the ratings of a file of the prize's own form, block by block."""
    movie, line = "", 0
    if not path.stat().st_size:
        raise _damaged(path, "the file is empty")
    for block in _blocks(path):
        if not block.isascii():
            raise _fault(path, block, line)
        headings: list[tuple[int, str]] = []
        read = csv.ReadOptions(column_names=["user_id", "rating", "date"], use_threads=False)

        def heading(row: Any, found: list[tuple[int, str]] = headings) -> str:
            # One field only: the line that names the movie of those below. Anything else is a fault.
            if row.actual_columns == 1 and row.text.strip()[:-1].isdigit() and row.text.strip().endswith(":"):
                found.append((row.number, row.text.strip()[:-1]))
                return "skip"
            return "error"

        types = {"user_id": pa.int64(), "rating": pa.int64(), "date": pa.date32()}
        convert = csv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[])
        parse = csv.ParseOptions(invalid_row_handler=heading, ignore_empty_lines=False)
        try:
            table = csv.read_csv(BytesIO(block), read, parse, convert)
        except pa.ArrowInvalid:
            raise _fault(path, block, line) from None
        starts = np.array([number for number, _ in headings], dtype=np.int64)
        # Rows are numbered from 1 over headings and ratings alike, so the n-th heading has n ratings fewer before it.
        before = starts - 1 - np.arange(len(starts))
        if not movie and (not len(starts) or before[0] > 0):
            raise _damaged(path, f"line {line + 1}: a rating before any line that names its movie")
        names = [movie, *(name for _, name in headings)]
        sizes = np.diff(np.concatenate([[0], before, [table.num_rows]]))
        movie = names[-1]
        line += block.count(b"\n")
        tick(f"{path.name}: {line:,} lines")
        yield _Part(
            users=compute.dictionary_encode(table["user_id"]).chunks,
            movies=names,
            sizes=sizes,
            stars=table["rating"].to_numpy().astype(np.float32),
            days=compute.cast(table["date"], pa.int32()).to_numpy(),
        )


def _ratings(parts: list[_Part]) -> pd.DataFrame:
    """Return the ratings of all blocks; ids become text once each, not once a rating."""
    none = pa.array([], pa.int64()).dictionary_encode()
    users = pa.chunked_array([none, *(chunk for part in parts for chunk in part.users)])
    users = users.unify_dictionaries().combine_chunks()
    user_names = pd.Index(compute.cast(users.dictionary, pa.string()).to_pylist(), dtype="str")
    sizes = np.concatenate([part.sizes for part in parts])
    named = np.array([name for part in parts for name in part.movies], dtype=object)
    places, movies = pd.factorize(named[sizes > 0])
    items = np.repeat(places.astype(np.int32), sizes[sizes > 0])
    seconds = np.concatenate([part.days for part in parts], dtype=np.int64)
    seconds *= 86_400
    return pd.DataFrame(
        {
            "user_id": pd.Categorical.from_codes(users.indices.to_numpy(), user_names),
            "item_id": pd.Categorical.from_codes(items, pd.Index(movies, dtype="str")),
            "rating": np.concatenate([part.stars for part in parts], dtype=np.float64),
            "timestamp": pd.arrays.IntegerArray(seconds, np.zeros(len(seconds), dtype=bool)),
        },
        copy=False,
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables below each other; a plain concatenation of unlike categories would make text of them."""
    ids = {name: union_categoricals([table[name] for table in tables]) for name in ("user_id", "item_id")}
    others = pd.concat([table.drop(columns=list(ids)) for table in tables], ignore_index=True)
    return pd.DataFrame(ids).join(others)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks that end with a line."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block + file.readline()


def _fault(path: Path, block: bytes, before: int) -> FoldinError:
    """Return what to say of the first faulty line of a block."""
    for place, raw in enumerate(block.splitlines()):
        text = raw.decode("ascii", errors="replace").strip()
        fields = text.split(",")
        if len(fields) == 1 and text.endswith(":") and text[:-1].isdigit():
            continue
        date = pd.to_datetime(fields[2], format="%Y-%m-%d", errors="coerce") if len(fields) == 3 else None
        if len(fields) != 3 or not fields[0].isdigit() or not fields[1].isdigit() or pd.isna(date):
            what = f"line {before + place + 1}: {text[:60]!r} is neither 'movie:' nor 'user,rating,yyyy-mm-dd'"
            break
    else:
        what = f"a line after line {before} cannot be read"
    return _damaged(path, what)


def _damaged(path: Path, what: str) -> FoldinError:
    where, remedy = "/".join(path.parts[-4:]), "the file is damaged; put the original in its place"
    return FoldinError(what, where=where, remedy=remedy)


def _table(path: Path) -> pd.DataFrame:
    """Read a CSV file whose header names user, movie and rating, and maybe a date."""
    header = [name.strip() for name in first_line(path).decode("latin-1").split(",")]
    names = [NUMBERS.get(name.lower(), name.lower()) for name in header]
    missing = [name for name in ("user_id", "item_id", "rating") if name not in names]
    if missing or len(set(names)) < len(names):
        raise FoldinError(
            f"line 1: the header is {','.join(header)!r}, which names no {' and no '.join(missing) or 'column once'}",
            where="/".join(path.parts[-4:]),
            remedy="it must name userID, movieID and rating",
        )
    columns: dict[str, parsers.Parser] = dict.fromkeys(names, parsers.text)
    columns |= {"user_id": parsers.identifier, "item_id": parsers.identifier, "rating": parsers.number}
    rows = lines.read(path, columns, delimiter=",", header=header)
    times = rows["date"] if "date" in rows else pd.Series(None, index=rows.index, dtype="str")
    ratings = rows[["user_id", "item_id", "rating"]]
    return ratings.assign(timestamp=seconds(times, path))


def _dense(path: Path) -> pd.DataFrame:
    """Read a block of ratings between blanks, a row a user and a column a movie, 0 where there is none."""
    if not path.read_bytes().strip():
        raise _damaged(path, "the file is empty")
    try:
        block = np.loadtxt(path, dtype=np.int64)
    except ValueError as error:
        raise _damaged(path, str(error).splitlines()[0]) from None
    users, items = np.nonzero(np.atleast_2d(block))
    return pd.DataFrame(
        {
            "user_id": pd.Series((users + 1).astype(str), dtype="str"),
            "item_id": pd.Series((items + 1).astype(str), dtype="str"),
            "rating": np.atleast_2d(block)[users, items].astype(np.float64),
            "timestamp": pd.array([None] * len(users), dtype="Int64"),
        }
    )


def _titles(folder: Path, rated: pd.Series) -> pd.DataFrame:
    path = next((folder / name for name in TITLES if (folder / name).is_file()), None)
    if path is None or (folder / "dense-1200x1200.txt").is_file():
        # The rows and columns of the dense block are numbered by us, so no title belongs to them.
        return undescribed(rated, "movies")
    return _titles_of(path).assign(domain="movies", genres="")


def _titles_of(path: Path) -> pd.DataFrame:
    # Titles hold commas and are not quoted: the first two commas count, no other.
    text = path.read_text(encoding="latin-1")
    rows = [line.split(",", 2) for line in text.split("\n") if line.strip(", \r")]
    faulty = [number for number, row in enumerate(rows, start=1) if len(row) != 3]
    if faulty:
        raise _damaged(path, f"line {faulty[0]} is not 'movie,year,title'")
    movies = pd.DataFrame(rows, columns=["item_id", "year", "title"], dtype="str")
    movies["item_id"], movies["title"] = movies["item_id"].str.strip(), movies["title"].str.strip()
    movies["year"] = whole_numbers(movies["year"], path, missing="NULL")
    return movies


NETFLIX = DataSet(
    name="netflix",
    about=ABOUT["netflix"],
    scale=Scale(lowest=1.0, highest=5.0, step=1.0),
    domains=("movies",),
    licence="Research use only; no redistribution without permission (Netflix).",
    redistributable=False,
    page="https://www.kaggle.com/datasets/netflix-inc/netflix-prize-data",
    files={"combined_data_*.txt": None},
    optional=(*TITLES, "test.csv"),
    other_releases=(
        Release({"mv_*.txt": None}),
        Release({"train.csv": None}),
        Release(
            {"dense-1200x1200.txt": "7a81ae26f41725a5deeec079dceec27d06949e1b82795803d42ec68c0e00408c"},
            Counts(ratings=1_111_768),
        ),
    ),
    read=read,
)
