"""Ratings in delimited text, read by Spark: the same values as foldin.datasets.formats.lines reads, or none.

Spark reads plain lines only: ASCII ids, numbers in their usual spelling, nothing quoted. Whatever else a file holds is
left to the local reader, which knows all spellings, and names the line of a fault.
"""

import re
from pathlib import Path
from typing import Any

from foldin.datasets.formats import parsers
from foldin.datasets.formats.parsers import Parser
from foldin.datasets.formats.plain import RatingsFile

PLACE = ["block", "row"]
"""Columns that order the lines of a file: the byte at which a task begins, and the line's number within that task."""
PLAIN: dict[Parser, tuple[str, str]] = {
    parsers.identifier: (r"^([!-~]([ -~]*[!-~])?)?$", "string"),
    parsers.number: (r"^(-?[0-9]{1,15}(\.[0-9]{1,15})?)?$", "double"),
    parsers.integer: (r"^(-?[0-9]{1,18})?$", "bigint"),
}
"""Parser → how a field of it looks in a plain line, and its type."""


def read(session: Any, file: RatingsFile, folder: Path) -> Any:
    """Return the lines of a file as they are, one row each, lazily.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        The session.
    file : RatingsFile
        How the ratings are written; its columns have parsers of `PLAIN`.
    folder : Path
        The folder of raw files, which every worker sees.

    Returns
    -------
    pyspark.sql.DataFrame
        `block`, `row`, `head` (whether the line is the header), `plain` (whether Spark can read it), and the file's
        columns: ids str, numbers, null where a field is empty or the line is not plain. Empty lines are left out.
    """
    from pyspark.sql import functions as f

    lines = session.read.text((folder / file.name).resolve().as_uri()).select(
        "value", f.col("_metadata.file_block_start").alias("block"), f.monotonically_increasing_id().alias("row")
    )
    fields = f.split("value", re.escape(file.delimiter), -1)
    plain = f.size(fields) == len(file.columns)
    if file.quoted:
        plain &= ~f.col("value").contains('"')
    columns = []
    for place, (name, parser) in enumerate(file.columns.items()):
        pattern, kind = PLAIN[parser]
        field = f.get(fields, f.lit(place))
        plain &= field.rlike(pattern)
        columns.append(f.when(field != "", field).try_cast(kind).alias(name))
    head = f.col("value") == file.delimiter.join(file.head) if file.head else f.lit(False)
    return lines.where("value != ''").select(
        *PLACE, head.alias("head"), f.coalesce(plain, f.lit(False)).alias("plain"), *columns
    )


def readable(file: RatingsFile | None, folder: Path) -> bool:
    """Return whether Spark has a reader for such a file, and the file is there."""
    return file is not None and set(file.columns.values()) <= set(PLAIN) and (folder / file.name).is_file()
