"""The embedded data set `demo`: made-up people rate made-up books, films and albums, and the truth is known.

world.py says what is true of every pair. Here ratings are drawn from it and written, and `truth` says what the best
possible predictor and ranker would answer: the ceiling that the oracle rows of a report show.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from foldin import files, params
from foldin.datasets import lines, parsers, world
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.world import Array
from foldin.interactions import Scale

SCALE = Scale(lowest=0.5, highest=5.0, step=0.5)
COLUMNS: dict[str, dict[str, parsers.Parser]] = {
    "ratings": {
        "user_id": parsers.identifier,
        "item_id": parsers.identifier,
        "rating": parsers.number,
        "timestamp": parsers.whole,
    },
    "items": {
        "item_id": parsers.text,
        "title": parsers.text,
        "domain": parsers.text,
        "genres": parsers.text,
        "creator": parsers.text,
        "year": parsers.whole,
    },
    "users": {"user_id": parsers.text, "age": parsers.whole, "country": parsers.text},
}


@dataclass(frozen=True)
class Truth:
    """What a perfect model would know of `demo`; only the oracle may.

    Attributes
    ----------
    user_ids, item_ids : list of str
        What rows and columns stand for.
    expected_rating : ndarray of float64, shape (n_users, n_items)
        Expectation of the rating as recorded, in stars: after noise, rounding and clipping.
    probability : ndarray of float64, shape (n_users, n_items)
        Probability that the pair is rated at all.
    """

    user_ids: list[str]
    item_ids: list[str]
    expected_rating: Array
    probability: Array


def truth(settings: params.Demo) -> Truth:
    """Return what a perfect model would know; it depends on the settings only.

    Parameters
    ----------
    settings : params.Demo
        Section `demo` of params.yaml.
    """
    drawn = world.draw(settings, _rng(settings))
    return Truth(
        user_ids=drawn.users["user_id"].tolist(),
        item_ids=drawn.items["item_id"].tolist(),
        expected_rating=expected_rating(drawn.mean, settings.noise),
        probability=drawn.probability,
    )


def recorded(mean: Array, noise: float, rng: np.random.Generator) -> Array:
    """Return ratings as people record them: normal noise added, rounded to half stars, clipped to the scale.

    Parameters
    ----------
    mean : ndarray of float64
        Ratings before noise, in stars.
    noise : float
        Standard deviation of the noise, in stars.
    rng : numpy.random.Generator
        Where the noise comes from.
    """
    felt = mean + noise * rng.standard_normal(mean.shape)
    return np.clip(np.floor(felt / SCALE.step + 0.5) * SCALE.step, SCALE.lowest, SCALE.highest)


def expected_rating(mean: Array, noise: float) -> Array:
    """Return the exact expectation of what `recorded` draws: the sum over half stars of the chance to reach each.

    Parameters
    ----------
    mean : ndarray of float64
        Ratings before noise, in stars.
    noise : float
        Standard deviation of the noise, in stars.
    """
    expected = np.full(mean.shape, SCALE.lowest)
    for level in np.arange(SCALE.lowest + SCALE.step, SCALE.highest + SCALE.step / 2, SCALE.step):
        expected += SCALE.step * ndtr((mean - (level - SCALE.step / 2)) / noise)
    return expected


def generate(folder: Path) -> None:
    """Write ratings.csv (in order of time), items.csv and users.csv, as section `demo` of params.yaml asks.

    Parameters
    ----------
    folder : Path
        An existing folder.
    """
    settings = params.section(params.Demo)
    rng = _rng(settings)
    drawn = world.draw(settings, rng)
    users, items = np.nonzero(rng.random(drawn.mean.shape) < drawn.probability)
    ratings = pd.DataFrame(
        {
            "user_id": drawn.users["user_id"].to_numpy()[users],
            "item_id": drawn.items["item_id"].to_numpy()[items],
            "rating": recorded(drawn.mean[users, items], settings.noise, rng).round(1).astype(str),
            "timestamp": drawn.timestamp[users, items],
        }
    )
    files.write_csv(folder / "ratings.csv", ratings.sort_values("timestamp", kind="stable"))
    files.write_csv(folder / "items.csv", drawn.items)
    files.write_csv(folder / "users.csv", drawn.users)


def read(folder: Path) -> RawTables:
    """Read the three files that `generate` wrote.

    Parameters
    ----------
    folder : Path
        Where they lie.

    Raises
    ------
    FoldinError
        On the first line that is not as `generate` writes it.
    """
    ratings, items, users = (
        lines.read(folder / f"{name}.csv", columns, delimiter=",", header=list(columns), quoted=True)
        for name, columns in COLUMNS.items()
    )
    return RawTables(ratings, items, users)


def _rng(settings: params.Demo) -> np.random.Generator:
    # The bit generator is named: numpy may change what default_rng means, and this data should outlive that.
    return np.random.Generator(np.random.PCG64(settings.seed))


DEMO = DataSet(
    name="demo",
    about="Made-up people rate made-up books, movies and albums; drawn from a known truth, needs no network.",
    scale=SCALE,
    domains=("books", "movies", "music"),
    licence="Generated by foldin; MIT, as foldin itself.",
    redistributable=True,
    files=dict.fromkeys(("ratings.csv", "items.csv", "users.csv")),
    read=read,
    generate=generate,
)
