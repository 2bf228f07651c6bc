"""Real data and protocols that published metrics were measured on, for the anchors.

The readers here are the plainest that will do: arrays of indices in the order of the files.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from synthetic import from_triples, on_days

from foldin import metrics
from foldin.core import days
from foldin.core.interactions import Interactions, Scale
from foldin.datasets.known import movielens

STARS = Scale(lowest=1.0, highest=5.0, step=1.0)
NCF_USERS = 6040


def _hit(rank):
    return rank <= 10


def _gain(rank):
    return (rank <= 10) / np.log2(rank + 1)


class LeaveOneOut(NamedTuple):
    """The protocol of He et al. (2017): `candidates`, shape (n_users, 100), one held-out item and 99 negatives."""

    train: Interactions
    candidates: np.ndarray

    def measured(self, scores, ties="by item"):
        """Return HR@10 and NDCG@10 of the held-out item's rank among its candidates.

        Parameters
        ----------
        scores : ndarray, shape (n_users, 100)
            Of the candidates, the held-out item first.
        ties : str
            "by item": of equal scores the smaller item index goes first, the project's rule. "for": the held-out
            item does. "at random": what random orders of equal scores come to on average.
        """
        held, others = scores[:, :1], scores[:, 1:]
        # The held-out item itself is among the negatives of some users; it never stands ahead of itself.
        if ties == "at random":
            tied = ((others == held) & (self.candidates[:, 1:] != self.candidates[:, :1])).sum(axis=1)
            best = (others > held).sum(axis=1) + 1
            # Each rank from the best to the worst that ties allow is as likely.
            ranks = [np.arange(first, first + n + 1) for first, n in zip(best, tied, strict=True)]
            return tuple(np.mean([gain(rank).mean() for rank in ranks]) for gain in (_hit, _gain))
        first = (self.candidates[:, 1:] < self.candidates[:, :1]) & (ties == "by item")
        rank = (others > held).sum(axis=1) + ((others == held) & first).sum(axis=1) + 1
        return np.mean(_hit(rank)), np.mean(_gain(rank))

    def of(self, model, ties="by item"):
        """Return HR@10 and NDCG@10 of a fitted model."""
        scores = [
            np.take_along_axis(model.score(users), self.candidates[users], axis=1)
            for users in metrics.blocks(np.arange(len(self.candidates), dtype=np.int32))
        ]
        return self.measured(np.concatenate(scores), ties)


def needed(*files):
    """Skip the test where one of these files is absent."""
    for file in files:
        if not file.is_file():
            pytest.skip(f"needs {file.parent.name}/{file.name} in the folder of data sets (FOLDIN_ARCHIVES)")


def ml_1m(archives):
    """Return users, items (indices by first appearance) and ratings of MovieLens 1M in file order."""
    file = archives / "ml-1m" / "ratings.triples.dat"
    needed(file)
    rows = pd.read_csv(file, sep=":", usecols=[0, 2, 4], header=None).to_numpy()
    return rows[:, 0] - 1, pd.factorize(rows[:, 1])[0], rows[:, 2]


def ncf_ml_1m(archives):
    """Return the leave-one-out protocol on MovieLens 1M, from the test files of He et al."""
    folder = archives / "ncf-ml-1m"
    needed(folder / "ml-1m.test.rating", folder / "ml-1m.test.negative")
    users, items, ratings = ml_1m(archives)
    held = pd.read_csv(folder / "ml-1m.test.rating", sep="\t", header=None, usecols=[0, 1]).to_numpy()
    others = pd.read_csv(folder / "ml-1m.test.negative", sep="\t", header=None, usecols=range(1, 100)).to_numpy()
    assert np.array_equal(held[:, 0], np.arange(NCF_USERS))
    shape = (NCF_USERS, items.max() + 1)
    known = ~np.isin(users * shape[1] + items, held[:, 0] * shape[1] + held[:, 1])
    assert (~known).sum() == NCF_USERS
    train = from_triples(users[known], items[known], ratings[known], shape, STARS)
    return LeaveOneOut(train, np.column_stack([held[:, 1], others]))


def ml_1m_by_rating(archives):
    """Return train and test part of MovieLens 1M: a row is test where numpy's default_rng(42).random(n) < 0.1."""
    users, items, ratings = ml_1m(archives)
    held = np.random.default_rng(42).random(len(users)) < 0.1
    shape = (users.max() + 1, items.max() + 1)
    return [from_triples(users[part], items[part], ratings[part], shape, STARS) for part in (~held, held)]


def ml_100k_fold(archives, fold):
    """Return base and test part of MovieLens 100K's own fold u1 … u5; ids are those of its tables, less one."""
    parts = []
    for kind in ("base", "test"):
        file = archives / "ml-100k" / f"u{fold}.{kind}"
        needed(file)
        table = pd.read_csv(file, sep="\t", header=None).to_numpy()
        part = from_triples(table[:, 0] - 1, table[:, 1] - 1, table[:, 2], (943, 1682), STARS)
        parts.append(on_days(part, table[:, 0] - 1, table[:, 1] - 1, days.of_timestamps(pd.Series(table[:, 3]))))
    return parts


def with_tables(part, archives):
    """Return a part of MovieLens 100K with its tables of users and movies instead of made-up ones."""
    raw = movielens.read_100k(archives / "ml-100k")
    users, items = (
        table.set_index(name).loc[[str(number + 1) for number in range(rows)]].reset_index()
        for table, name, rows in ((raw.users, "user_id", part.n_users), (raw.items, "item_id", part.n_items))
    )
    return replace(part, users=users, items=items)
