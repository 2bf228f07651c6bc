"""Stage `clean` on Spark: the tables and the account of the local engine, to the byte.

Three passes over the raw ratings: rows are counted by reason, ids are collected, and of the usable rows of each pair
one is kept. Ids become whole numbers in natural order on the driver, which holds the clean ratings at the end (21 bytes
each), because the canonical tables are one file each. Items and users are few, and are read there, too.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from foldin.core import params
from foldin.core.ids import natural_order
from foldin.core.progress import say
from foldin.datasets.declaration import DataSet
from foldin.datasets.releases import Counts
from foldin.preparation import clean, repeats
from foldin.preparation.account import Account
from foldin.spark import lines, session

IDS = ("user", "item")


def run(dataset: str) -> None:
    """Make the canonical tables of a data set on Spark; see `foldin.preparation.clean.run`."""
    clean.run(dataset, tables)


def tables(declaration: DataSet, raw: Path, settings: params.Clean) -> clean.Made:
    """Return the canonical tables of a data set and their account, as `foldin.preparation.clean.tables` does.

    The local engine cleans a data set whose format only it reads, and a file with lines that are not plain.
    """
    if why := _not_for_spark(declaration, raw):
        say(f"{declaration.name}: cleaned by the local engine, because {why}")
        return clean.tables(declaration, raw, settings)
    with session.job(f"{declaration.name}: cleaning on Spark") as spark:
        cleaned = _cleaned(spark, declaration, raw, settings)
    if cleaned is None:
        say(
            f"{declaration.name}: cleaned by the local engine, because {declaration.ratings_file.name} has lines that "  # type: ignore[union-attr]
            "are not plain"
        )
        return clean.tables(declaration, raw, settings)
    assert declaration.describe is not None
    declaration.check_files(raw, str(raw))
    return *clean.close(declaration, raw, settings, cleaned, declaration.describe(raw)), None


def _not_for_spark(declaration: DataSet, raw: Path) -> str | None:
    if not lines.readable(declaration.ratings_file, raw):
        return "Spark reads files of MovieLens and demo only"
    if (
        declaration.feedback != "explicit"
        or declaration.zero_is_implicit
        or declaration.isbn_items
        or declaration.keeps_repeats
    ):
        return "its ratings need rules that only the local engine has"
    return None


def _cleaned(
    spark: Any, declaration: DataSet, raw: Path, settings: params.Clean
) -> tuple[pd.DataFrame, Account] | None:
    """Return the clean ratings and their account; None where a line is not plain."""
    from pyspark.sql import functions as f

    file = declaration.ratings_file
    assert file is not None
    judged = _judged(lines.read(spark, file, raw), declaration, settings)
    account = _account(judged, declaration, raw, header=file.header)
    if account is None:
        return None
    usable = judged.where("reason IS NULL AND NOT head")
    codes, names = {}, {}
    for kind in IDS:
        found = usable.select(f"{kind}_id").distinct().toArrow().column(0).to_pylist()
        names[kind] = pd.Index(natural_order(found), dtype="str")
        coded = {f"{kind}_id": pa.array(names[kind]), kind: pa.array(np.arange(len(found), dtype=np.int32))}
        codes[kind] = spark.createDataFrame(pa.table(coded))
    for kind in IDS:
        usable = usable.join(codes[kind], f"{kind}_id")
    # An unknown time counts as the earliest; the order of lines decides between equal times.
    place = f.struct(f.coalesce("time", f.lit(np.iinfo(np.int64).min)).alias("known"), *lines.PLACE, "rating", "time")
    choose = f.max if settings.duplicates == "last" else f.min
    kept = usable.groupBy("user", "item").agg(choose(place).alias("kept"), f.count("*").alias("rows"))
    table = kept.select("user", "item", "kept.rating", "kept.time", "rows").orderBy("user", "item").toArrow()
    account.repeats = repeats.of_groups(table.column("rows").to_numpy(), settings.duplicates)
    account.dropped["duplicate_pair"] = account.rows_in - sum(account.dropped.values()) - len(table)
    return _frame(table, names), account


def _judged(rows: Any, declaration: DataSet, settings: params.Clean) -> Any:
    """Return rows with `reason`, why a row is dropped (null: it is usable), `time`, and `impossible`."""
    from pyspark.sql import functions as f

    scale, rating = declaration.scale, f.col("rating")
    off = (rating < scale.lowest) | (rating > scale.highest)
    if scale.step:
        steps = (rating - scale.lowest) / scale.step
        off |= f.abs(steps - f.rint(steps)) > 1e-6
    reason = (
        f.when(f.col("user_id").isNull() | f.col("item_id").isNull(), "missing_id")
        .when(rating.isNull(), "missing_rating")
        .when(off, "off_the_scale")
    )
    end = int(np.datetime64(f"{settings.latest_year + 1:04d}-01-01", "s").astype(np.int64))
    time = f.col("timestamp")
    impossible = f.coalesce((time < 0) | (time >= end), f.lit(False))
    return rows.withColumns({"reason": reason, "impossible": impossible, "time": f.when(~impossible, time)})


def _account(judged: Any, declaration: DataSet, raw: Path, *, header: bool) -> Account | None:
    """Return what happens to the rows; None where a line is not plain. Known counts are compared on the way."""
    from pyspark.sql import functions as f

    reasons = ("missing_id", "missing_rating", "off_the_scale")
    data = ~f.col("head")
    columns = {
        "heads": f.count_if("head"),
        "odd": f.count_if(data & ~f.col("plain")),
        "rows": f.count_if(data),
        "impossible": f.count_if(data & f.col("reason").isNull() & f.col("impossible")),
        **{reason: f.count_if(data & (f.col("reason") == reason)) for reason in reasons},
    }
    known = declaration.known_counts(raw)
    if known is not None:
        columns |= {kind: f.countDistinct(f.when(data, f.col(f"{kind}_id"))) for kind in IDS}
    (counts,) = judged.agg(*(column.alias(name) for name, column in columns.items())).toArrow().to_pylist()
    if counts["odd"] or not counts["rows"] or counts["heads"] != int(header):
        return None
    if known is not None:
        declaration.compare_counts(Counts(counts["rows"], counts["user"], counts["item"]), raw)
    dropped = {"bad_line": 0, **{reason: counts[reason] for reason in reasons}}
    return Account(counts["rows"], dropped=dropped, changed={"impossible_time": counts["impossible"]})


def _frame(table: pa.Table, names: dict[str, "pd.Index[str]"]) -> pd.DataFrame:
    """Return coded ratings in order as `clean_ratings` returns them."""
    time = table.column("time")
    missing = time.is_null().to_numpy()
    seconds = time.fill_null(0).to_numpy()
    columns = {
        **{f"{kind}_id": pd.Categorical.from_codes(table.column(kind).to_numpy(), names[kind]) for kind in IDS},
        "rating": table.column("rating").to_numpy().astype(np.float32),
        "timestamp": pd.arrays.IntegerArray(seconds, np.ascontiguousarray(missing)),
    }
    return pd.DataFrame(columns, copy=False)
