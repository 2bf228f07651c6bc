"""The data set `book-crossing` (Ziegler et al. 2005): ratings of books by ISBN, as CSV or in a SQLite database.

The official files quote every field and name their columns `User-ID`, `ISBN`, `Book-Rating`; copies in circulation do
neither. The readers accept both. A rating of 0 means that the user interacted with the book but gave no rating.
"""

import csv
import html
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers, sqlite
from foldin.datasets.formats.fields import first_line, numbers, undescribed, whole_numbers
from foldin.datasets.formats.ids import ids
from foldin.datasets.known.movielens import NO_PEOPLE, RATING
from foldin.datasets.releases import Counts, Release

RATINGS = ("BX-Book-Ratings.csv", "Ratings.csv")
"""Names of the table of ratings: the official one, and that of copies which leave the prefix off all three names."""
USERS = ("BX-Users.csv", "BX-Users.first100k.csv", "Users.csv")
"""Names of the table of users, the best first: the last two are parts of it."""
BOOKS = ("BX-Books.csv", "Books.csv")
DATABASE = "book-crossing.sqlite"
WHOLE = Counts(ratings=1_149_780, users=105_283)


def read(folder: Path) -> RawTables:
    """Read the ratings, and the tables of users and books where they are present.

    Parameters
    ----------
    folder : Path
        Where `BX-Book-Ratings.csv` (or `Ratings.csv`, or `book-crossing.sqlite`) lies.

    Returns
    -------
    RawTables
        Books have `creator` and `year`; users have `age` and `country`.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    if (folder / DATABASE).is_file():
        query = "select user_id, isbn as item_id, rating from ratings"
        rows = sqlite.read(folder / DATABASE, query)
        ratings = pd.DataFrame({name: ids(rows[name], folder / DATABASE) for name in ("user_id", "item_id")})
        ratings["rating"] = numbers(rows["rating"], folder / DATABASE)
    else:
        # Where there is none, the error names the official one.
        path = next((folder / name for name in RATINGS if (folder / name).is_file()), folder / RATINGS[0])
        ratings = _table(path, ["user_id", "item_id", "rating"], RATING)
    ratings["timestamp"] = pd.array([None] * len(ratings), dtype="Int64")
    return RawTables(ratings, _books(folder, ratings["item_id"]), _users(folder))


def _table(path: Path, columns: list[str], column_parsers: dict[str, parsers.Parser]) -> pd.DataFrame:
    first = first_line(path)
    official = first.startswith(b'"')
    marked = first.startswith(b"\xef\xbb\xbf")
    encoding = "utf-8-sig" if marked else "latin-1"
    return lines.read(
        path,
        {name: column_parsers.get(name, parsers.text) for name in columns},
        delimiter=";",
        encoding=encoding,
        # Names of columns differ between copies, so only their number is checked: by the fields of each line.
        header=[name.strip(' "') for name in first.decode(encoding).split(";")],
        quoted=True,
        escape="\\" if official else None,
    )


def _books(folder: Path, rated: pd.Series) -> pd.DataFrame:
    path = next((folder / name for name in BOOKS if (folder / name).is_file()), None)
    if path is None:
        return undescribed(rated, "books")
    rows = [fields[:4] for fields in _book_lines(path)]
    books = pd.DataFrame(rows, columns=["item_id", "title", "creator", "year"], dtype="str")
    books["title"], books["creator"] = books["title"].map(html.unescape), books["creator"].map(html.unescape)
    books["year"] = whole_numbers(books["year"], path).replace(0, pd.NA)
    return books.assign(domain="books", genres="")


def _book_lines(path: Path) -> Iterator[list[str]]:
    """Yield the fields of each book: ISBN, title, creator, year, publisher and three pictures."""
    with path.open(encoding="latin-1", newline="") as file:
        books = csv.reader(file, delimiter=";", escapechar="\\")
        next(books, None)
        for fields in books:
            # In three official lines a stray quote ties title and creator together.
            if len(fields) == 7 and '";' in fields[1]:
                fields[1:2] = fields[1].rstrip('"').split('";', 1)
            if len(fields) != 8:
                raise FoldinError(
                    f"line {books.line_num}: {len(fields)} fields, 8 expected",
                    where="/".join(path.parts[-4:]),
                    remedy="the file is damaged; put the original in its place",
                )
            yield fields


def _users(folder: Path) -> pd.DataFrame:
    path = next((folder / name for name in USERS if (folder / name).is_file()), None)
    if path is None:
        return NO_PEOPLE
    users = _table(path, ["user_id", "location", "age"], {})
    country = users["location"].fillna("").map(html.unescape).str.rpartition(",")[2].str.strip(' "')
    return pd.DataFrame(
        {
            "user_id": users["user_id"],
            "age": whole_numbers(users["age"], path, missing="NULL"),
            "country": country.where(~country.isin(["", "n/a"])),
        }
    )


BOOK_CROSSING = DataSet(
    name="book-crossing",
    about=ABOUT["book-crossing"],
    scale=Scale(lowest=1.0, highest=10.0, step=1.0),
    domains=("books",),
    licence="Research use; no grant to pass it on is known.",
    redistributable=False,
    page="the Book-Crossing site is gone; copies of BX-CSV-Dump.zip are on Kaggle",
    files={RATINGS[0]: None},
    optional=(*USERS, *BOOKS),
    other_releases=(
        Release(
            {RATINGS[0]: "2f99118206901d9e8c4e3d026c68b2e22cecd4d345758add70280b2a198fed19"},
            Counts(ratings=199_999, users=17_793, items=106_955),  # the first rows of the official file
        ),
        Release({DATABASE: None}),
        Release({RATINGS[1]: None}, WHOLE),
    ),
    read=read,
    counts=WHOLE,
    zero_is_implicit=True,
    isbn_items=True,
)
