"""User-item matrices with the tables that describe the users and items of their rows and columns."""

import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core import arrays, files, paths
from foldin.core.days import Days
from foldin.core.errors import FoldinError
from foldin.core.ids import sorted_pairs

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
DAYS = "days.npz"
UNKNOWN = -1
"""The index of a user or an item that the training part has never seen."""


@dataclass(frozen=True)
class Scale:
    """The rating scale of a data set, in its own unit.

    Attributes
    ----------
    lowest, highest : float
        The smallest and the largest rating.
    step : float
        What lies between two ratings; 0 where any value in between may stand.
    feedback : str
        "explicit": the values are ratings. "implicit": they are strengths of interest, log(1 + count), so errors in
        predicting them are no rating errors.
    """

    lowest: float
    highest: float
    step: float
    feedback: str = "explicit"

    def liked_from(self, share: float) -> float:
        """Return the lowest rating at least `share` of the way up the scale: 0.75 on 0.5 to 5 by halves gives 4."""
        way = share * (self.highest - self.lowest)
        if self.step:
            # The last digits of a float must not push a whole number of steps up to the next.
            way = self.step * math.ceil(way / self.step - 1e-9)
        return self.lowest + way


IMPLICIT = Scale(lowest=0.0, highest=50.0, step=0.0, feedback="implicit")
"""The scale of every implicit data set: log(1 + count) of any count there can be."""


def check_classes(ratings: FloatArray, threshold: float) -> None:
    """Refuse test ratings that are all liked, or all not: every metric of such labels is perfect or empty by itself.

    Parameters
    ----------
    ratings : ndarray of float32, shape (n,)
        The test ratings.
    threshold : float
        The lowest rating that means "liked".

    Raises
    ------
    FoldinError
        When there is one class only.
    """
    liked = ratings >= threshold
    if not liked.any() or liked.all():
        which, same = ("all", "") if liked.all() else ("none", " not")
        only = f", each of them {ratings[0]:g}" if np.ptp(ratings) == 0 else ""
        raise FoldinError(
            f"{which} of {len(ratings):,} test ratings are at least {threshold:g} (evaluation.liked_share){only}: "
            f"a model that calls everything{same} liked would be perfect",
            where="params.yaml",
            remedy="choose a threshold that parts them, or another split; where there is one rating only, there is "
            "nothing to predict: declare it as feedback: implicit",
        )


@dataclass(frozen=True)
class Interactions:
    """Ratings as a user-item matrix.

    Attributes
    ----------
    ratings : scipy.sparse.csr_array of float32, shape (n_users, n_items)
        A stored cell is a rating in the data set's own unit, a stored 0 included; any other cell is missing.
    users : pandas.DataFrame
        Row u describes user index u: `user_id`, then whatever is known (`age`, `gender`, `country`, …).
    items : pandas.DataFrame
        Row i describes item index i, in the order of item ids: `item_id`, `title`, `domain`, `genres` (joined by
        "|"), then whatever is known (`creator`, `year`).
    scale : Scale
        The rating scale.
    days : Days or None
        The day of each rating; None where no rating has a time.
    """

    ratings: sparse.csr_array
    users: pd.DataFrame
    items: pd.DataFrame
    scale: Scale
    days: Days | None = None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.ratings.shape[0])

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.ratings.shape[1])

    def triples(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the ratings as arrays of users, items (int32) and ratings (float32), by user, then item."""
        users = np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.ratings.indptr))
        return users, self.ratings.indices.astype(np.int32), self.ratings.data.astype(np.float32)

    def with_ratings(self, ratings: sparse.csr_array) -> "Interactions":
        """Return the same users and items with other ratings, of the same days."""
        same = ratings.shape == self.ratings.shape
        return replace(self, ratings=ratings, days=self.days if same else None)

    def days_of_ratings(self) -> IntArray | None:
        """Return the days of the ratings, in the order of `triples`; None where no rating has a time."""
        users, items, _ = self.triples()
        return None if self.days is None else self.days.of(users, items)


def matrix(users: IntArray, items: IntArray, ratings: FloatArray, shape: tuple[int, int]) -> sparse.csr_array:
    """Build a user-item matrix that keeps explicit zeros.

    Parameters
    ----------
    users, items : ndarray of int32, shape (n,)
        Indices; a pair may occur once only.
    ratings : ndarray of float32, shape (n,)
        Ratings in the data set's own unit; 0 is a rating like any other.
    shape : tuple of int
        (n_users, n_items).

    Returns
    -------
    scipy.sparse.csr_array of float32
        Sorted by item within a user, 32-bit indices.

    Raises
    ------
    FoldinError
        When a pair occurs twice.
    """
    order, repeats = sorted_pairs(users, items, shape[1])
    if order is not None:
        users, items, ratings = users[order], items[order], ratings[order]
    if repeats is not None:
        first = int(np.argmax(repeats))
        pair = int(users[first]), int(items[first])
        raise FoldinError(f"the pair (user, item) = {pair} occurs twice", remedy="clean duplicates first")
    starts = np.zeros(shape[0] + 1, dtype=np.int32)
    np.cumsum(np.bincount(users, minlength=shape[0]), out=starts[1:])
    return sparse.csr_array(
        (ratings.astype(np.float32, copy=False), items.astype(np.int32, copy=False), starts), shape=shape
    )


def union(first: Interactions, second: Interactions) -> Interactions:
    """Return the ratings of two disjoint parts of the same data, explicit zeros kept."""
    users, items, ratings = (np.concatenate(pair) for pair in zip(first.triples(), second.triples(), strict=True))
    return first.with_ratings(matrix(users, items, ratings, first.ratings.shape))


@dataclass(frozen=True)
class TrainingData:
    """What a training stage may see: everything but the test part.

    Attributes
    ----------
    train : Interactions
        The part models learn from while choices are made.
    validation : Interactions
        The part choices (epochs, hyperparameters) are made on.
    """

    train: Interactions
    validation: Interactions

    @property
    def training(self) -> Interactions:
        """Both parts together: what the final model is fitted on."""
        return union(self.train, self.validation)


def save(folder: Path, data: TrainingData) -> None:
    """Write the training part into an existing folder: two matrices (npz), two tables (Parquet), the scale (JSON).

    Days, if ratings have any, must be those of both parts; a file of their own holds them, in the order of
    `TrainingData.training`.
    """
    for name, part in (("train", data.train), ("validation", data.validation)):
        arrays.write_matrix(folder / f"{name}.npz", part.ratings)
    if data.train.days is not None:
        arrays.write(folder / DAYS, {"days": data.train.days.matrix.data})
    data.train.users.to_parquet(folder / "users.parquet", index=False)
    data.train.items.to_parquet(folder / "items.parquet", index=False)
    write_scale(folder, data.train.scale)


def write_scale(folder: Path, scale: Scale) -> None:
    """Write a rating scale into a folder, as scale.json."""
    files.write_json(folder / "scale.json", asdict(scale))


def read_scale(folder: Path) -> Scale:
    """Read the rating scale that `write_scale` wrote."""
    return Scale(**json.loads((folder / "scale.json").read_text(encoding="utf-8")))


def write_scales(folder: Path, scales: Mapping[str, Scale]) -> None:
    """Write the rating scale of each domain into a folder, where ratings are shares of them; see `read_scales`."""
    files.write_json(folder / "scales.json", {domain: asdict(scale) for domain, scale in scales.items()})


def read_scales(folder: Path) -> dict[str, Scale]:
    """Return the rating scale of each domain that `write_scales` wrote; empty where ratings are in one unit."""
    file = folder / "scales.json"
    if not file.is_file():
        return {}
    return {domain: Scale(**scale) for domain, scale in json.loads(file.read_text(encoding="utf-8")).items()}


def load(dataset: str) -> TrainingData:
    """Read the training part of a data set, as the stage `user_item` wrote it.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the stage has not run, or its files are damaged.
    """
    folder = paths.user_item(dataset)
    files.require(dataset, "user_item", "user-item matrices", folder / "scale.json")
    days = Days(partial(_read_days, dataset)) if (folder / DAYS).is_file() else None
    with _damage_explained(dataset):
        users = pd.read_parquet(folder / "users.parquet")
        items = pd.read_parquet(folder / "items.parquet")
        scale = read_scale(folder)
        train, validation = (Interactions(part, users, items, scale, days) for part in _matrices(folder))
    return TrainingData(train, validation)


@contextmanager
def _damage_explained(dataset: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FoldinError(
            f"the training part is not whole ({repr(error).splitlines()[0]})",
            where=paths.user_item(dataset).relative_to(paths.root()),
            remedy=f"make it again: dvc repro -f user_item@{dataset}",
        ) from None


def _matrices(folder: Path) -> Iterator[sparse.csr_array]:
    for name in ("train", "validation"):
        yield sparse.csr_array(sparse.load_npz(folder / f"{name}.npz"))


def _read_days(dataset: str) -> sparse.csr_array:
    """Return the days of all training data, shape (n_users, n_items)."""
    folder = paths.user_item(dataset)
    with _damage_explained(dataset):
        # Ones, because a rating of 0 would vanish from the sum.
        ones = (
            sparse.csr_array((np.ones(part.nnz, np.int32), part.indices, part.indptr), part.shape)
            for part in _matrices(folder)
        )
        cells = next(ones) + next(ones)
        days = arrays.read(folder / DAYS)["days"]
        if len(days) != cells.nnz:
            raise ValueError(f"{len(days)} days of {cells.nnz} ratings")
        return sparse.csr_array((days, cells.indices, cells.indptr), cells.shape)
