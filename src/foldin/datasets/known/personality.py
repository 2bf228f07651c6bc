"""The data set `personality-2018` of GroupLens: MovieLens ratings beside a personality test (Nguyen et al. 2018)."""

from pathlib import Path

from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.fields import seconds, undescribed
from foldin.datasets.known.movielens import NO_PEOPLE, RATING


def read_personality(folder: Path) -> RawTables:
    """Read `ratings.csv` of the personality study: header cells and fields padded with blanks, user ids hexadecimal.

    Parameters
    ----------
    folder : Path
        Where the file lies.

    Returns
    -------
    RawTables
        Movies by the numbers MovieLens gives them, without titles; nothing is read of users.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    path = folder / "ratings.csv"
    header = ["useri", "movie_id", "rating", "tstamp"]
    # The release writes times as dates; copies saved from spreadsheets have seconds.
    ratings = lines.read(path, RATING | {"timestamp": parsers.text}, delimiter=",", header=header)
    ratings["timestamp"] = seconds(ratings["timestamp"], path)
    return RawTables(ratings, undescribed(ratings["item_id"], "movies"), NO_PEOPLE)


PERSONALITY = DataSet(
    name="personality-2018",
    about=ABOUT["personality-2018"],
    scale=Scale(lowest=0.5, highest=5.0, step=0.5),
    domains=("movies",),
    licence="Research use only; no redistribution without permission (GroupLens; see its README).",
    redistributable=False,
    address="https://files.grouplens.org/datasets/personality-isf2018/personality-isf2018.zip",
    files={"ratings.csv": None},
    read=read_personality,
)
