"""The test part, as `evaluate` reads it, and nothing else does: what is held out of whom, known and unknown alike."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin import interactions, metrics, paths
from foldin.errors import FoldinError
from foldin.interactions import UNKNOWN, FloatArray, IntArray, Interactions

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
        All that models may have learnt from: train and validation part.
    """

    pairs: pd.DataFrame
    training: Interactions

    @cached_property
    def indices(self) -> tuple[IntArray, IntArray]:
        """The pairs' user and item indices, int32 of shape (n_pairs,), -1 where unknown."""
        return self.pairs["user"].to_numpy(np.int32), self.pairs["item"].to_numpy(np.int32)

    @cached_property
    def ratings(self) -> FloatArray:
        """The pairs' actual ratings, float32 of shape (n_pairs,), in the data set's own unit."""
        return self.pairs["rating"].to_numpy(np.float32)

    @cached_property
    def relevant(self) -> sparse.csr_array:
        """The test ratings of known users and items, shape (n_users, n_items), explicit zeros kept."""
        users, items = self.indices
        warm = (users != UNKNOWN) & (items != UNKNOWN)
        return interactions.matrix(users[warm], items[warm], self.ratings[warm], self.training.ratings.shape)

    @cached_property
    def cold_items(self) -> npt.NDArray[np.int64]:
        """Number of each known user's test items that the training part has never seen, shape (n_users,)."""
        users, items = self.indices
        return np.bincount(users[(users != UNKNOWN) & (items == UNKNOWN)], minlength=self.training.n_users)

    @cached_property
    def ranked(self) -> IntArray:
        """The users that can be ranked for: known, with at least one test rating; ascending indices, int32."""
        users, _ = self.indices
        return np.unique(users[users != UNKNOWN])

    @cached_property
    def people(self) -> pd.DataFrame:
        """Users of the test part, those of `ranked` first, unknown ones last: `user`, `user_id`, number of `pairs`."""
        people = self.pairs.groupby(["user", "user_id"], as_index=False, observed=True).agg(pairs=("rating", "size"))
        known = people["user"] != UNKNOWN
        return pd.concat([people[known], people[~known]], ignore_index=True)

    @cached_property
    def person(self) -> npt.NDArray[np.intp]:
        """The row of `people` that each pair belongs to, shape (n_pairs,)."""
        rows: npt.NDArray[np.intp] = pd.Index(self.people["user_id"]).get_indexer(pd.Index(self.pairs["user_id"]))
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
        When the stage has not run, or the test part is empty or holds a pair of the training part.
    """
    training = interactions.load(dataset).training
    file = paths.test(dataset) / "ratings.parquet"
    place = file.relative_to(paths.root())
    again = f"make it again: dvc repro -f user_item@{dataset}"
    try:
        pairs = pd.read_parquet(file)
    except FileNotFoundError:
        raise FoldinError("no test part here", where=place, remedy=again) from None
    except (OSError, ValueError) as error:
        raise FoldinError(f"not readable ({repr(error).splitlines()[0]})", where=place, remedy=again) from None
    missing = [name for name in COLUMNS if name not in pairs]
    if missing:
        raise FoldinError(f"has no column '{missing[0]}'", where=place, remedy=again)
    if pairs.empty:
        raise FoldinError("the test part is empty", where=place, remedy="raise split.test in params.yaml")
    held_out = HeldOut(pairs, training)
    if not len(held_out.ranked):
        raise FoldinError("no user of the test part is in the training part", where=place, remedy="lower split.test")
    users, items, _ = training.with_ratings(held_out.relevant).triples()
    shared = metrics.hits(items[:, None], training.ratings[users])[:, 0]
    if shared.any():
        first = int(np.argmax(shared))
        pair = training.users["user_id"].iloc[users[first]], training.items["item_id"].iloc[items[first]]
        raise FoldinError(f"the pair {pair} is in the training part too", where=place, remedy=again)
    return held_out
