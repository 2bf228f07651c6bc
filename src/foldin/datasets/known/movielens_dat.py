"""The MovieLens data sets with "::" between fields: `ml-1m` and `ml-10m` (Harper and Konstan 2015)."""

from pathlib import Path

import pandas as pd

from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.plain import RatingsFile
from foldin.datasets.known import folds
from foldin.datasets.known.movielens import NO_PEOPLE, RATING, movies_table
from foldin.datasets.releases import Counts, Release

OCCUPATIONS = (
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)
"""What the numbers in `users.dat` of ml-1m stand for."""
IN_COLONS = RatingsFile("ratings.dat", RATING, "::")
UNDER_18 = 17
"""The age that stands for the group "Under 18" of ml-1m, whose code is 1; other groups are coded by their first age."""


def read_dat(folder: Path) -> RawTables:
    """Read `ratings.dat` (or `ratings.triples.dat`, which has no timestamps), `movies.dat` and, if there, `users.dat`.

    Parameters
    ----------
    folder : Path
        Where these files lie.

    Returns
    -------
    RawTables
        Movies have `year`; users have `age` (the first of their age group), `gender` and `occupation`.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    if (folder / IN_COLONS.name).is_file():
        ratings = IN_COLONS.read(folder)
    else:
        triple = {name: RATING[name] for name in ("user_id", "item_id", "rating")}
        ratings = lines.read(folder / "ratings.triples.dat", triple, delimiter="::")
        ratings["timestamp"] = pd.array([None] * len(ratings), dtype="Int64")
    return RawTables(ratings, *describe_dat(folder))


def describe_dat(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of movies and, if there, users: `movies.dat` and `users.dat`."""
    # 1M is latin-1, 10M UTF-8: the same bytes tell which.
    movies = lines.read(
        folder / "movies.dat",
        {"item_id": parsers.text, "title": parsers.text, "genres": parsers.text},
        delimiter="::",
        encoding=_encoding(folder / "movies.dat"),
    )
    return movies_table(movies), _people(folder / "users.dat")


def _encoding(path: Path) -> str:
    try:
        path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return "latin-1"
    return "utf-8"


def _people(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return NO_PEOPLE
    person = {"user_id": parsers.text, "gender": parsers.text, "age": parsers.integer, "occupation": parsers.integer}
    users = lines.read(path, person | {"zip_code": parsers.text}, delimiter="::")
    return pd.DataFrame(
        {
            "user_id": users["user_id"],
            "age": users["age"].replace(1, UNDER_18),
            "gender": users["gender"],
            "occupation": users["occupation"].map(dict(enumerate(OCCUPATIONS))),
        }
    )


_ML_1M_TABLES: dict[str, str | None] = {
    "movies.dat": "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
    "users.dat": "1dc3a95300cb19f7c10e027daf29b8cdf1d908dab65b5edfb45950aa389a10a3",
}

ML_1M = DataSet(
    name="ml-1m",
    about=ABOUT["ml-1m"],
    scale=Scale(lowest=1.0, highest=5.0, step=1.0),
    domains=("movies",),
    licence="Research use only; no redistribution without permission (GroupLens; see its README).",
    redistributable=False,
    address="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
    files={"ratings.dat": None, **_ML_1M_TABLES},
    other_releases=(
        Release(
            {
                "ratings.triples.dat": "2dad134c8b493373beed8d2a42e18ec2a93606fd957bd76c0bfbdef5c514b985",
                **_ML_1M_TABLES,
            },
            Counts(ratings=1_000_209, users=6_040, items=3_706),
        ),
    ),
    optional=(folds.NCF_TEST, folds.NCF_NEGATIVES),
    read=read_dat,
    ratings_file=IN_COLONS,
    describe=describe_dat,
    negatives=folds.read_ncf,
    counts=Counts(ratings=1_000_209, users=6_040, items=3_706),
)

ML_10M = DataSet(
    name="ml-10m",
    about=ABOUT["ml-10m"],
    scale=Scale(lowest=0.5, highest=5.0, step=0.5),
    domains=("movies",),
    licence="Research use only; no redistribution without permission (GroupLens; see its README).",
    redistributable=False,
    address="https://files.grouplens.org/datasets/movielens/ml-10m.zip",
    files={"ratings.dat": None, "movies.dat": None},
    read=read_dat,
    ratings_file=IN_COLONS,
    describe=describe_dat,
    counts=Counts(ratings=10_000_054, users=69_878, items=10_677),
)
