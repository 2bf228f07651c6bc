"""The test part of a data set, which only `evaluate` reads: held-out ratings of warm and of cold users and items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core import days, interactions, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import UNKNOWN, FloatArray, IntArray, Interactions, Scale
from foldin.metrics import beyond_accuracy

COLUMNS = ("user", "item", "user_id", "item_id", "rating", "timestamp")


@dataclass(frozen=True)
class HeldOut:
    """The test part of a data set beside the training part it was held out from.

    Attributes
    ----------
    pairs : pandas.DataFrame
        One row for each test rating: `user`, `item` (int32 indices, -1 where the training part has never seen them),
        `user_id`, `item_id` (str), `rating`, `timestamp`.
    training : Interactions
        All that models may learn from: train and validation part.
    fold_in : Interactions or None
        Where users were held out: their ratings that models observe. `user` of `pairs` is then a row of this, not of
        `training`; items are the same.
    negatives : scipy.sparse.csr_array or None
        Where files give them: the items each user's held-out ones are ranked among, shape (n_users, n_items).
    own_scales : mapping of str to Scale
        Where ratings are shares of each domain's own scale, these scales by domain; else empty.
    """

    pairs: pd.DataFrame
    training: Interactions
    fold_in: Interactions | None = None
    negatives: sparse.csr_array | None = None
    own_scales: Mapping[str, Scale] = field(default_factory=dict)

    @property
    def known(self) -> Interactions:
        """The observed ratings of test users, which are never recommended: `user` of `pairs` is a row of these."""
        return self.training if self.fold_in is None else self.fold_in

    @cached_property
    def indices(self) -> tuple[IntArray, IntArray]:
        """The pairs' user and item indices, int32 of shape (n_pairs,), -1 where unknown."""
        return self.pairs["user"].to_numpy(np.int32), self.pairs["item"].to_numpy(np.int32)

    @cached_property
    def days(self) -> IntArray:
        """The pairs' days, int32 of shape (n_pairs,), `foldin.core.days.NO_DAY` where no time is known."""
        return days.of_timestamps(self.pairs["timestamp"])

    @cached_property
    def ratings(self) -> FloatArray:
        """The pairs' actual ratings, float32 of shape (n_pairs,), in the data set's own unit."""
        return self.pairs["rating"].to_numpy(np.float32)

    @cached_property
    def relevant(self) -> sparse.csr_array:
        """The test ratings of known users and items, shape (n_users, n_items), explicit zeros kept."""
        users, items = self.indices
        return interactions.matrix(
            users[self.warm], items[self.warm], self.ratings[self.warm], self.known.ratings.shape
        )

    @cached_property
    def warm(self) -> npt.NDArray[np.bool_]:
        """Which pairs have a known user and a known item, shape (n_pairs,)."""
        users, items = self.indices
        warm: npt.NDArray[np.bool_] = (users != UNKNOWN) & (items != UNKNOWN)
        return warm

    @cached_property
    def cold_items(self) -> npt.NDArray[np.int64]:
        """Number of each known user's test items that the training part has never seen, shape (n_users,)."""
        users, items = self.indices
        return np.bincount(users[(users != UNKNOWN) & (items == UNKNOWN)], minlength=self.known.n_users)

    @cached_property
    def popularity(self) -> npt.NDArray[np.int64]:
        """The number of training ratings of each item, shape (n_items,)."""
        return np.bincount(self.training.ratings.indices, minlength=self.training.n_items)

    @cached_property
    def genres(self) -> npt.NDArray[np.float64]:
        """The items' genres as unit vectors, shape (n_items, n_genres)."""
        return beyond_accuracy.genre_vectors(self.training.items["genres"])

    @cached_property
    def ranked(self) -> IntArray:
        """The users that can be ranked for: known, with at least one test rating; ascending indices, int32."""
        users, _ = self.indices
        return np.unique(users[users != UNKNOWN])

    @cached_property
    def users(self) -> pd.DataFrame:
        """Users of the test part, those of `ranked` first, unknown ones last: `user`, `user_id`, number of `pairs`."""
        users = self.pairs.groupby(["user", "user_id"], as_index=False, observed=True).agg(pairs=("rating", "size"))
        known = users["user"] != UNKNOWN
        return pd.concat([users[known], users[~known]], ignore_index=True)

    @cached_property
    def user_rows(self) -> npt.NDArray[np.intp]:
        """The row of `users` that each pair belongs to, shape (n_pairs,)."""
        rows: npt.NDArray[np.intp] = pd.Index(self.users["user_id"]).get_indexer(pd.Index(self.pairs["user_id"]))
        return rows

    @cached_property
    def domains(self) -> dict[str, IntArray]:
        """Domain → its item indices, ascending; empty where the data set has one domain only."""
        names = self.training.items["domain"]
        found = {str(name): np.flatnonzero(names == name).astype(np.int32) for name in sorted(names.unique())}
        return found if len(found) > 1 else {}


def load(dataset: str) -> HeldOut:
    """Read the test part of a data set, as the stage `user_item` wrote it.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the stage has not run, the test part is empty or holds a pair of the training part, or the training part
        has numbers for users or items it has no rating of.
    """
    training = interactions.load(dataset).training
    file = paths.test(dataset) / "ratings.parquet"
    place = file.relative_to(paths.root())
    again = f"make it again: dvc repro -f user_item@{dataset}"
    pairs = _table(file, COLUMNS, again)
    if pairs.empty:
        raise FoldinError("the test part is empty", where=place, remedy="raise split.test in params.yaml")
    fold_in = _fold_in(dataset, training)
    scales = interactions.read_scales(paths.test(dataset))
    held_out = HeldOut(pairs, training, fold_in, _negatives(dataset, training, again), scales)
    if not len(held_out.ranked):
        raise FoldinError("no user of the test part is in the training part", where=place, remedy="lower split.test")
    _refuse_seen_ids(training, again)
    known = held_out.known
    shared = first_shared(known.ratings, held_out.relevant)
    if shared is not None:
        pair = known.users["user_id"].iloc[shared[0]], known.items["item_id"].iloc[shared[1]]
        raise FoldinError(f"the pair {pair} is in the training part too", where=place, remedy=again)
    if fold_in is not None:
        both = set(fold_in.users["user_id"]) & set(training.users["user_id"])
        if both:
            what = f"the held-out user '{min(both)}' is in the training part too"
            raise FoldinError(what, where=place, remedy=again)
    return held_out


def first_shared(one: sparse.csr_array, other: sparse.csr_array) -> tuple[int, int] | None:
    """Return the row and column of the first cell that two matrices of the same shape both store; None without one.

    Its memory grows with the stored cells. A copy of the user's row for each test rating would grow with the square of
    a user's ratings: it took 2.9 GiB of 2 million ratings.
    """
    keys = []
    for cells in (one, other):
        rows = np.repeat(np.arange(cells.shape[0], dtype=np.int64), np.diff(cells.indptr))
        keys.append(np.sort(rows * cells.shape[1] + cells.indices))
    stored, asked = keys
    shared = np.append(stored, -1)[np.searchsorted(stored, asked)] == asked
    if not shared.any():
        return None
    row, column = divmod(int(asked[np.argmax(shared)]), one.shape[1])
    return row, column


def _fold_in(dataset: str, training: Interactions) -> Interactions | None:
    """Return the observed ratings of held-out users, over the items of training; None where no users are held out."""
    folder = paths.test(dataset)
    if not (folder / "fold_in.npz").is_file():
        return None
    ratings = sparse.csr_array(sparse.load_npz(folder / "fold_in.npz"))
    return replace(training, ratings=ratings, users=pd.read_parquet(folder / "fold_in_users.parquet"), days=None)


def _table(file: Path, columns: Sequence[str], again: str) -> pd.DataFrame:
    place = file.relative_to(paths.root())
    try:
        table = pd.read_parquet(file)
    except FileNotFoundError:
        raise FoldinError("no test part here", where=place, remedy=again) from None
    except (OSError, ValueError) as error:
        raise FoldinError(f"not readable ({repr(error).splitlines()[0]})", where=place, remedy=again) from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise FoldinError(f"has no column '{missing[0]}'", where=place, remedy=again)
    return table


def _negatives(dataset: str, training: Interactions, again: str) -> sparse.csr_array | None:
    file = paths.test(dataset) / "negatives.parquet"
    if not file.is_file():
        return None
    pairs = _table(file, ("user", "item"), again)
    # An item that training has never seen cannot be scored: it is never ranked above a held-out one.
    pairs = pairs[(pairs["user"] != UNKNOWN) & (pairs["item"] != UNKNOWN)].drop_duplicates()
    users, items = pairs["user"].to_numpy(np.int32), pairs["item"].to_numpy(np.int32)
    negatives = interactions.matrix(users, items, np.ones(len(users), np.float32), training.ratings.shape)
    if first_shared(training.ratings, negatives) is not None:
        raise FoldinError("a negative is in the training part", where=file.relative_to(paths.root()), remedy=again)
    return negatives


def _refuse_seen_ids(training: Interactions, again: str) -> None:
    """Refuse users and items without a training rating: whatever numbered them has seen the test part."""
    rated_by = np.bincount(training.ratings.indices, minlength=training.n_items)
    for kind, counts, ids in (
        ("user", np.diff(training.ratings.indptr), training.users["user_id"]),
        ("item", rated_by, training.items["item_id"]),
    ):
        if (counts == 0).any():
            unseen = ids.iloc[int(np.argmax(counts == 0))]
            raise FoldinError(
                f"the {kind} '{unseen}' has an index but no training rating: ids were numbered with the test part seen",
                where="data/user_item",
                remedy=again,
            )
