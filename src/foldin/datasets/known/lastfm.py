"""The data sets `lastfm-hetrec2011` (Cantador et al. 2011) and `lastfm-360k` (Celma 2010): plays of artists.

Play counts are implicit feedback: they say which artists a user played and how often, not how much the user liked them.
"""

from pathlib import Path

import pandas as pd

from foldin.core.interactions import IMPLICIT
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines, parsers
from foldin.datasets.formats.fields import undescribed
from foldin.datasets.known.movielens import NO_PEOPLE
from foldin.datasets.releases import Counts

GENDERS = {"m": "M", "f": "F"}


def read_hetrec(folder: Path) -> RawTables:
    """Read `user_artists.dat` and, where it is present, `artists.dat`.

    Parameters
    ----------
    folder : Path
        Where these files lie.

    Returns
    -------
    RawTables
        `rating` is the number of plays; nothing is known of users.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    plays = {"user_id": parsers.identifier, "item_id": parsers.identifier, "rating": parsers.number}
    header = ["userID", "artistID", "weight"]
    ratings = lines.read(folder / "user_artists.dat", plays, delimiter="\t", header=header)
    ratings["timestamp"] = pd.array([None] * len(ratings), dtype="Int64")
    path = folder / "artists.dat"
    if path.is_file():
        columns = dict.fromkeys(["item_id", "title", "url", "picture"], parsers.text)
        artists = lines.read(path, columns, delimiter="\t", header=["id", "name", "url", "pictureURL"])
        items = artists[["item_id", "title"]].assign(domain="music", genres="")
    else:
        items = undescribed(ratings["item_id"], "music")
    return RawTables(ratings, items, NO_PEOPLE)


def read_360k(folder: Path) -> RawTables:
    """Read `usersha1-artmbid-artname-plays.tsv` and, where it is present, `usersha1-profile.tsv`; no header in either.

    An artist is identified by its MusicBrainz id, or by its name where it has none.

    Parameters
    ----------
    folder : Path
        Where these files lie.

    Returns
    -------
    RawTables
        `rating` is the number of plays; users have `age`, `gender` and `country`.

    Raises
    ------
    FoldinError
        On the first line that is not as the format says.
    """
    columns = {"user_id": parsers.identifier, "mbid": parsers.text, "artist": parsers.text, "rating": parsers.number}
    plays = lines.read(folder / "usersha1-artmbid-artname-plays.tsv", columns, delimiter="\t")
    plays["item_id"] = plays["mbid"].fillna(plays["artist"])
    ratings = plays[["user_id", "item_id", "rating"]].assign(timestamp=pd.array([None] * len(plays), dtype="Int64"))
    items = plays[["item_id", "artist"]].dropna(subset="item_id").drop_duplicates("item_id", ignore_index=True)
    items = items.rename(columns={"artist": "title"}).assign(domain="music", genres="")
    return RawTables(ratings, items, _people(folder / "usersha1-profile.tsv"))


def _people(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return NO_PEOPLE
    columns = {"user_id": parsers.text, "gender": parsers.text, "age": parsers.integer}
    users = lines.read(path, columns | {"country": parsers.text, "since": parsers.text}, delimiter="\t")
    return pd.DataFrame(
        {
            "user_id": users["user_id"],
            "age": users["age"],
            "gender": users["gender"].map(GENDERS),
            "country": users["country"],
        }
    )


LASTFM_HETREC = DataSet(
    name="lastfm-hetrec2011",
    about=ABOUT["lastfm-hetrec2011"],
    scale=IMPLICIT,
    domains=("music",),
    licence="Non-commercial use (HetRec 2011, GroupLens and Last.fm; see its readme.txt).",
    redistributable=False,
    address="https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
    files={"user_artists.dat": "254272fa721c3935e8be286d28c051b206844307128698ab4eaa41d483379416"},
    optional=("artists.dat",),
    read=read_hetrec,
    counts=Counts(ratings=92_834, users=1_892, items=17_632),
)

LASTFM_360K = DataSet(
    name="lastfm-360k",
    about=ABOUT["lastfm-360k"],
    scale=IMPLICIT,
    domains=("music",),
    licence="Non-commercial use, by permission of Last.fm (Celma 2010).",
    redistributable=False,
    page="https://zenodo.org/records/6090214 (lastfm-dataset-360K.tar.gz)",
    files={"usersha1-artmbid-artname-plays.tsv": None},
    optional=("usersha1-profile.tsv",),
    read=read_360k,
)
