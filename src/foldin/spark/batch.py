"""`foldin recommend --all` on Spark: executors make the lists, with the same model and code as the local engine.

Each task loads the saved model from the checkout, which every worker sees, and makes the lists of some users. The
driver writes them in order of users, so the file is the local engine's.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from foldin import metrics
from foldin.core import paths
from foldin.recommend import batch
from foldin.recommend.saved import Saved, open_saved
from foldin.spark import options, session

AT_ONCE = 200_000
"""Users whose lists are in the driver's memory at once."""
TASK = 2_000
"""Users of a task, at least: it begins with loading the model."""


def run(saved: Saved, k: int, to: Path) -> None:
    """Write the lists of all users, made on Spark; see `foldin.recommend.batch.run`."""
    batch.run(saved, k, to, tables)


def tables(saved: Saved, k: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of the file in tables, by user, then rank; see `foldin.recommend.batch.tables`."""
    n_users = saved.training.n_users
    columns = batch.rows(saved, np.zeros(1, np.int32), k).columns
    kinds = {"rank": "int", "score": "float"}
    schema = ", ".join(f"{name} {kinds.get(name, 'string')}" for name in columns)
    size = batch.block_size(saved.training.n_items)
    make = _lists(str(paths.root()), saved.dataset, saved.name, k, size)
    for start in range(0, n_users, AT_ONCE):
        end = min(start + AT_ONCE, n_users)
        text = f"{saved.dataset}: {saved.name}: lists of users {start + 1:,} to {end:,} of {n_users:,}"
        with session.job(text) as spark:
            tasks = max(1, min(options.SHUFFLES, (end - start) // TASK))
            found = spark.range(start, end, 1, tasks).mapInArrow(make, schema).toArrow()
        yield found.to_pandas()


def _lists(
    root: str, dataset: str, model: str, k: int, size: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.chdir(root)  # an executor has a folder of its own
        saved = open_saved(dataset, model)
        for users in batches:
            for block in metrics.blocks(users.column("id").to_numpy().astype(np.int32), size):
                yield pa.RecordBatch.from_pandas(batch.rows(saved, block, k), preserve_index=False)

    return make
