"""The MovieLens data sets of GroupLens (Harper and Konstan 2015): `ml-100k`, and those in CSV since 2015.

movielens_dat.py has `ml-1m` and `ml-10m`, in another format. Tags (`tags.csv`) are not read: a user tags only movies
they have seen, so tags would leak test interactions. Links to other catalogues (`links.csv`) say nothing about taste.
"""

from pathlib import Path

import pandas as pd

from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.plain import RatingsFile
from foldin.datasets.known import folds
from foldin.datasets.releases import Counts

RATING: dict[str, parsers.Parser] = {
    "user_id": parsers.identifier,
    "item_id": parsers.identifier,
    "rating": parsers.number,
    "timestamp": parsers.integer,
}
IN_TABS = RatingsFile("u.data", RATING, "\t")
IN_COMMAS = RatingsFile("ratings.csv", RATING, ",", header=True, names=("userId", "movieId", "rating", "timestamp"))
NO_PEOPLE = pd.DataFrame({"user_id": pd.Series(dtype="str")})
"""The users of a data set that says nothing of them."""
RELEASE_YEAR = r"\((\d{4})\)\s*$"


def _year_of(titles: pd.Series) -> pd.Series:
    years: pd.Series = titles.str.extract(RELEASE_YEAR, expand=False).astype("Int64")
    return years


def read_100k(folder: Path) -> RawTables:
    """Read `u.data`, `u.item`, `u.genre` and `u.user`.

    Parameters
    ----------
    folder : Path
        Where these files lie.

    Returns
    -------
    RawTables
        Movies have `year`; users have `age`, `gender` and `occupation`.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    return RawTables(IN_TABS.read(folder), *describe_100k(folder))


def describe_100k(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of movies and users: `u.item`, `u.genre` and `u.user`."""
    genre = {"genre": parsers.text, "number": parsers.integer}
    genres = lines.read(folder / "u.genre", genre, delimiter="|")["genre"].tolist()
    movie: dict[str, parsers.Parser] = dict.fromkeys(("item_id", "title", "released", "video", "page"), parsers.text)
    movie |= dict.fromkeys(genres, parsers.flag)
    movies = lines.read(folder / "u.item", movie, delimiter="|", encoding="latin-1")
    known = [genre for genre in genres if genre != "unknown"]
    items = pd.DataFrame(
        {
            "item_id": movies["item_id"],
            "title": movies["title"],
            "domain": "movies",
            "genres": ["|".join(g for g in known if row[g]) for row in movies[known].to_dict("records")],
            "year": _year_of(movies["title"]),
        }
    )
    person = {"user_id": parsers.text, "age": parsers.integer, "gender": parsers.text, "occupation": parsers.text}
    users = lines.read(folder / "u.user", person | {"zip_code": parsers.text}, delimiter="|")
    return items, users.drop(columns="zip_code")


def read_csv(folder: Path) -> RawTables:
    """Read `ratings.csv` and `movies.csv`.

    Parameters
    ----------
    folder : Path
        Where these files lie.

    Returns
    -------
    RawTables
        Movies have `year`; nothing is known of users.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    return RawTables(IN_COMMAS.read(folder), *describe_csv(folder))


def describe_csv(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read `movies.csv`; return the table of movies, and one of no users."""
    movies = lines.read(
        folder / "movies.csv",
        {"item_id": parsers.text, "title": parsers.text, "genres": parsers.text},
        delimiter=",",
        header=["movieId", "title", "genres"],
        quoted=True,
    )
    return movies_table(movies), NO_PEOPLE


def movies_table(movies: pd.DataFrame) -> pd.DataFrame:
    """Return the table of items from `item_id`, `title` and `genres` as MovieLens writes them."""
    return pd.DataFrame(
        {
            "item_id": movies["item_id"],
            "title": movies["title"],
            "domain": "movies",
            "genres": movies["genres"].replace("(no genres listed)", ""),
            "year": _year_of(movies["title"]),
        }
    )


ML_100K = DataSet(
    name="ml-100k",
    about=ABOUT["ml-100k"],
    scale=Scale(lowest=1.0, highest=5.0, step=1.0),
    domains=("movies",),
    licence="Research use only; no redistribution without permission (GroupLens; see its README).",
    redistributable=False,
    address="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    files={
        "README": "4883b8cf340ed0059971b33f56ad3adc88a40792108ebca3d24aafc4c82e8b52",
        "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        "u.genre": "9757e0d3e6b298159a80dd48eaf938114690e911e39af97a76949ef1663610bb",
        "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
        "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
        "u1.test": "18c6014a4b2c7324f250a63f8904a7b16b2b19f911129e346141507b0cbac950",
        "u2.test": "4de658d1e04ed9104629509a2e2528fce833ac8e048280183f1df167632038c3",
        "u3.test": "0f548b51c78327de4c156461d3e430b7e5579fe2b5681586a59416e48fd35f6d",
        "u4.test": "7c02ad0a1e7ab1083c8b9d4b627203a051dd7b5eab46d99fa44de33470de8db9",
        "u5.test": "351cc52e0d15b6c721466276fc24671d40936899e3d01fadeaf312915b8c5634",
    },
    read=read_100k,
    ratings_file=IN_TABS,
    describe=describe_100k,
    fold=folds.read_100k_fold,
    counts=Counts(ratings=100_000, users=943, items=1_682),
    beside=(
        "Published metrics are mostly for the official folds u1 to u5, which hold out ratings of only some users (in "
        "u1, of 459 of the 943), so errors there are higher than on a random split. On those folds, bias has a mean "
        "RMSE of 0.944 and mf-l2 of 0.909 (`make anchors` checks both); Surprise's baseline and SVD, at their "
        "defaults, have 0.946 and 0.938."
    ),
)

ML_LATEST_SMALL = DataSet(
    name="ml-latest-small",
    about=ABOUT["ml-latest-small"],
    scale=Scale(lowest=0.5, highest=5.0, step=0.5),
    domains=("movies",),
    licence="Research use; may be passed on under the same terms, not for profit (GroupLens; see its README.txt).",
    redistributable=False,  # not in files under this project's licence, which is another
    address="https://files.grouplens.org/datasets/movielens/ml-latest-small.zip",
    files={
        "README.txt": "63d22ac138e80fae37021797ed8e1b9424b5239dc576a137422adf783ae3f404",
        "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
        "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
    },
    read=read_csv,
    ratings_file=IN_COMMAS,
    describe=describe_csv,
    counts=Counts(ratings=100_836, users=610, items=9_724),
)


def _in_csv(name: str, counts: Counts) -> DataSet:
    return DataSet(
        name=name,
        about=ABOUT[name],
        scale=Scale(lowest=0.5, highest=5.0, step=0.5),
        domains=("movies",),
        licence="Research use only; no redistribution without permission (GroupLens; see its README).",
        redistributable=False,
        address=f"https://files.grouplens.org/datasets/movielens/{name}.zip",
        files={"ratings.csv": None, "movies.csv": None},
        read=read_csv,
        ratings_file=IN_COMMAS,
        describe=describe_csv,
        counts=counts,
    )


ML_20M = _in_csv("ml-20m", Counts(20_000_263, 138_493, 26_744))
ML_25M = _in_csv("ml-25m", Counts(25_000_095, 162_541, 59_047))
ML_32M = _in_csv("ml-32m", Counts(32_000_204, 200_948, 84_432))
