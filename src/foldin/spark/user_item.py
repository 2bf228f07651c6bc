"""Stage `user_item` on Spark: protocols computed by executors, the same rows in each part as by the local engine.

A random protocol draws one number for each rating, in the order of the canonical table. The generator can jump to any
row, so each executor draws the numbers of its own rows, and they are those that one process would draw. The driver
receives the rows of each part, and makes matrices and tables of them as the local engine does.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from foldin.core import params, paths
from foldin.core.progress import say
from foldin.preparation import protocols, user_item
from foldin.preparation.protocols import Given, Protocol, Split
from foldin.spark import options, session

TRAIN, VALIDATION, TEST = range(3)
MARGIN = 12.0
"""Half the width of the window in which a quantile of n draws is looked for, in units of 1 / (2 √n): six sigma."""


def run(dataset: str) -> None:
    """Split a data set, its protocol computed on Spark where Spark can; see `foldin.preparation.user_item.run`."""
    settings = params.section(params.Split)
    name = settings.protocol
    if settings.liked_only:
        say(f"{dataset}: split.liked_only is computed by the local engine")
        user_item.run(dataset)
        return
    if name in protocols.PROTOCOLS and name not in PROTOCOLS:
        say(f"{dataset}: {name} is computed by the local engine; on Spark there are: {', '.join(PROTOCOLS)}")
    user_item.run(dataset, PROTOCOLS)


def random_by_rating(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out a share of all ratings; see `foldin.preparation.protocols.random_by_rating`."""
    from pyspark.sql import functions as f

    n = len(ratings)
    n_test, n_validation = round(n * settings.test), round(n * settings.validation)
    with _rows(given, "random_by_rating") as rows:
        # The rows are all that there are, so nothing is read: each task numbers as many.
        drawn = _drawn(rows.sparkSession.range(0, n, 1, options.SHUFFLES).toDF("row"), settings.seed)
        number, row = f.col("drawn"), f.col("row")
        bounds = [_smallest(drawn, n, k) for k in (n - n_test - n_validation, n - n_test)]
        train, training = ((number < at) | ((number == at) & (row < end)) for at, end in bounds)
        return _split(drawn.select("row", f.when(train, TRAIN).when(training, VALIDATION).otherwise(TEST)))


def random_by_user(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out the same share of every user's ratings; see `foldin.preparation.protocols.random_by_user`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    with _rows(given, "random_by_user") as rows:
        by_user = Window.partitionBy("user_id")
        place = f.row_number().over(by_user.orderBy("drawn", "row")) - 1
        count = f.count("row").over(by_user)
        # The file is one group of rows, which one task reads.
        spread = rows.select("user_id", "row").repartitionByRange(options.SHUFFLES, "row")
        drawn = _drawn(spread, settings.seed)
        placed = drawn.select("row", place.alias("place"), count.alias("n"))
        n_test = f.least(f.rint(f.col("n") * settings.test), f.col("n") - 1)
        n_validation = f.least(f.rint(f.col("n") * settings.validation), f.col("n") - 1 - n_test)
        part = f.when(f.col("place") < n_test, TEST).when(f.col("place") < n_test + n_validation, VALIDATION)
        return _split(placed.select("row", part.otherwise(TRAIN)))


def leave_last_out(ratings: pd.DataFrame, settings: params.Split, given: Given) -> Split:
    """Hold out each user's last rating; see `foldin.preparation.protocols.leave_last_out`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    if ratings["timestamp"].isna().any():
        return protocols.leave_last_out(ratings, settings, given)  # which says what to do
    with _rows(given, "leave_last_out") as rows:
        by_user = Window.partitionBy("user_id")
        from_last = f.row_number().over(by_user.orderBy(f.desc("timestamp"), f.desc("row"))) - 1
        placed = rows.select(
            "row",
            "user_id",
            from_last.alias("from_last"),
            f.count("row").over(by_user).alias("n"),
            (f.max("timestamp").over(by_user) == f.col("timestamp")).alias("last"),
        )
        test = (f.col("from_last") == 0) & (f.col("n") > 1)
        validation = (f.col("from_last") <= 1) & (f.col("from_last") < f.col("n") - 1)
        split = _split(placed.select("row", f.when(test, TEST).when(validation, VALIDATION).otherwise(TRAIN)))
        tied = placed.groupBy("user_id").agg(f.count_if("last").alias("lasts")).where("lasts > 1").count()
    return Split(split.train, split.validation, split.test, notes={"users_whose_last_moment_is_tied": int(tied)})


PROTOCOLS: dict[str, Protocol] = {
    "random_by_rating": random_by_rating,
    "random_by_user": random_by_user,
    "leave_last_out": leave_last_out,
}


class _rows:  # noqa: N801
    """The canonical ratings as a table of Spark with their row numbers, within a job of the session."""

    def __init__(self, given: Given, protocol: str) -> None:
        self._file = paths.clean(given[0].name) / "ratings.parquet"
        self._job = session.job(f"{given[0].name}: {protocol} on Spark")

    def __enter__(self) -> Any:
        from pyspark.sql import functions as f

        spark = self._job.__enter__()
        table = spark.read.parquet(self._file.resolve().as_uri())
        return table.select("user_id", "timestamp", f.col("_metadata.row_index").alias("row"))

    def __exit__(self, *fault: Any) -> bool | None:
        return self._job.__exit__(*fault)


def _drawn(rows: Any, seed: int) -> Any:
    """Return rows with `drawn`, the number that PCG64 with a seed draws for each as the row-th of a sequence."""
    from pyspark.sql.types import DoubleType, StructField, StructType

    schema = StructType([*rows.schema.fields, StructField("drawn", DoubleType())])
    return rows.mapInArrow(_drawing(seed), schema)


def _drawing(seed: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def draw(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = draws(seed, batch.column("row").to_numpy())
            yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(numbers)], names=[*batch.schema.names, "drawn"])

    return draw


def draws(seed: int, rows: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.float64]":
    """Return what `Generator(PCG64(seed)).random(n)` has at some rows, without what is before the first.

    Parameters
    ----------
    seed : int
        The seed.
    rows : ndarray of int64, shape (n,)
        Row numbers near one another, in any order.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to below 1.
    """
    if not len(rows):
        return np.empty(0)
    first = int(rows.min())
    generator = np.random.Generator(np.random.PCG64(seed).advance(first))  # a double takes one step
    return generator.random(int(rows.max()) - first + 1)[rows - first]


def _smallest(drawn: Any, n: int, k: int) -> tuple[float, int]:
    """Return the draw and row that k of n come before, by draw, then row.

    Of uniform draws it is near k / n: only those near it go to the driver.
    """
    from pyspark.sql import functions as f

    if k >= n:
        return 1.0, 0  # draws are below 1
    width = MARGIN / (2 * np.sqrt(n))
    while True:
        low, high = k / n - width, k / n + width
        (found,) = drawn.agg(f.count_if(f.col("drawn") < low).alias("below")).toArrow().to_pylist()
        near = drawn.where((f.col("drawn") >= low) & (f.col("drawn") < high)).select("drawn", "row").toArrow()
        if 0 <= k - found["below"] < len(near):
            order = np.lexsort((near.column("row").to_numpy(), near.column("drawn").to_numpy()))
            place = int(order[k - found["below"]])
            return near.column("drawn")[place].as_py(), near.column("row")[place].as_py()
        width *= 2


def _split(labelled: Any) -> Split:
    """Return the parts of a table of `row` and its part."""
    table = labelled.toDF("row", "part").toArrow()
    parts = np.empty(len(table), np.int8)
    parts[table.column("row").to_numpy()] = table.column("part").to_numpy()
    return Split(np.flatnonzero(parts == TRAIN), np.flatnonzero(parts == VALIDATION), np.flatnonzero(parts == TEST))
