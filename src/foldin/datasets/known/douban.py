"""The data sets `douban-book` and `douban-music`: ratings from Douban, whose user ids are shared between the two."""

from pathlib import Path

import pandas as pd

from foldin.core.interactions import Scale
from foldin.datasets.catalogue import ABOUT
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.formats import lines
from foldin.datasets.formats.fields import undescribed
from foldin.datasets.known.movielens import NO_PEOPLE, RATING
from foldin.datasets.releases import Counts


def _data_set(domain: str, folder_name: str, digest: str, counts: Counts) -> DataSet:
    def read(folder: Path) -> RawTables:
        """Read `ratings.dat`: user, item and rating between tabs."""
        triple = {name: RATING[name] for name in ("user_id", "item_id", "rating")}
        ratings = lines.read(folder / folder_name / "ratings.dat", triple, delimiter="\t")
        ratings["timestamp"] = pd.array([None] * len(ratings), dtype="Int64")
        return RawTables(ratings, undescribed(ratings["item_id"], domain), NO_PEOPLE)

    name = folder_name.replace("_", "-")
    return DataSet(
        name=name,
        about=ABOUT[name],
        scale=Scale(lowest=1.0, highest=5.0, step=1.0),
        domains=(domain,),
        licence="GPL-3.0, as the repository they were published in.",
        redistributable=False,
        page="the data of studies of cross-domain recommendation, on GitHub",
        files={f"{folder_name}/ratings.dat": digest},
        read=read,
        counts=counts,
        archive="douban",
        people="douban",
    )


DOUBAN_BOOK = _data_set(
    "books",
    "douban_book",
    "cc1c191fabe2e05e95cd6dbe7be19d13ed3e1b27b80be2050e4f6b4e40945ddd",
    Counts(ratings=96_041, users=2_110, items=6_777),
)
DOUBAN_MUSIC = _data_set(
    "music",
    "douban_music",
    "40944be25f79e6cf80ab9acf0dca8f4b9b9fe2724a068702294608883ad46775",
    Counts(ratings=69_709, users=1_672, items=5_567),
)
