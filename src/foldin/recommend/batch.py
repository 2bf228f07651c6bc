"""`foldin recommend --all`: the lists of all users in one file, block by block, so that memory stays bounded."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foldin import metrics
from foldin.core import files
from foldin.core.errors import FoldinError
from foldin.core.loops import Blocks
from foldin.core.params import Evaluation, section
from foldin.core.progress import end
from foldin.evaluation.judge import BYTES_PER_CELL
from foldin.recommend import names
from foldin.recommend.saved import Saved

ROWS = 100_000
"""Rows written at once, at least: Parquet reads and packs few large groups of rows better than many small ones."""
Write = Callable[[pd.DataFrame], None]
Make = Callable[[Saved, int], Iterator[pd.DataFrame]]


def ending(to: Path) -> str:
    """Return how a file's name ends, which is its format.

    Raises
    ------
    FoldinError
        When there is no such format, or the path is a folder.
    """
    if to.suffix not in WRITERS:
        raise FoldinError(f"the name of a file of lists ends in {' or '.join(WRITERS)}", where=to, remedy="rename it")
    if to.is_dir():
        raise FoldinError("is a folder", where=to, remedy="name a file")
    return to.suffix


def run(saved: Saved, k: int, to: Path, make: Make | None = None) -> None:
    """Write the lists of all users, whole or not at all, and print how many there are.

    Parameters
    ----------
    saved : Saved
        The model.
    k : int
        Length of the lists.
    to : Path
        The file, whose name ends in .parquet, .csv or .jsonl; one that is there is replaced. A row for each
        recommendation: `user`, `item` (ids), `rank` (from 1), `score`, and `title` where items have titles.
    make : callable, optional
        What makes the rows, as `tables` does: another engine has its own.
    """
    kind, n_users = ending(to), saved.training.n_users
    start, n_rows = time.perf_counter(), 0
    with files.whole_file(to) as unfinished, WRITERS[kind](unfinished) as write:
        for table in (make or tables)(saved, k):
            write(table)
            n_rows += len(table)
    seconds = time.perf_counter() - start
    end()
    print(
        f"{saved.headline}\n{to}: {n_rows:,} recommendations for {n_users:,} users in {seconds:.1f} s, "
        f"{n_users / seconds:,.0f} users per second."
    )


def tables(saved: Saved, k: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of the file in tables of at least `ROWS` rows, the last one aside, by user, then rank."""
    users = np.arange(saved.training.n_users, dtype=np.int32)
    waiting: list[pd.DataFrame] = []
    shown = Blocks(f"{saved.dataset}: {saved.name}: list of user", len(users))
    for block in metrics.blocks(users, block_size(saved.training.n_items)):
        shown.begin(int(block[0]))
        waiting.append(rows(saved, block, k))
        if block[-1] + 1 == len(users) or sum(map(len, waiting)) >= ROWS:
            yield pd.concat(waiting, ignore_index=True)
            waiting = []


def block_size(n_items: int) -> int:
    """Return how many users are scored at once, as evaluation.block_megabytes of params.yaml allows."""
    return max(1, int(section(Evaluation).block_megabytes * 1e6 / BYTES_PER_CELL / n_items))


def rows(saved: Saved, users: "np.typing.NDArray[np.int32]", k: int) -> pd.DataFrame:
    """Return the rows of the file that are these users', by user, then rank."""
    items, scores = saved.model.recommend(users, k)
    filled = items >= 0
    row, place = np.nonzero(filled)
    about = saved.training.items
    columns = {
        "user": saved.training.users["user_id"].to_numpy()[users[row]],
        "item": about["item_id"].to_numpy()[items[filled]],
        "rank": (place + 1).astype(np.int32),
        "score": scores[filled],
    }
    titles = names.titles(about)
    if titles.notna().any():
        columns["title"] = titles.to_numpy()[items[filled]]
    return pd.DataFrame(columns)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    writer: pq.ParquetWriter | None = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        batch = pa.Table.from_pandas(table, schema=_schema(table), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_table(batch)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _schema(table: pd.DataFrame) -> pa.Schema:
    kinds = {"rank": pa.int32(), "score": pa.float32()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in table.columns])


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:

        def write(table: pd.DataFrame) -> None:
            _shortest(table).to_csv(file, index=False, header=file.tell() == 0, lineterminator="\n")

        yield write


@contextmanager
def _json_lines(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(table: pd.DataFrame) -> None:
            exact = _shortest(table).astype(object)
            exact = exact.where(exact.notna(), None)
            keys, rows = list(exact.columns), zip(*(exact[name].tolist() for name in exact), strict=True)
            file.writelines(json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)

        yield write


def _shortest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with scores as the shortest numbers that are the same in single precision."""
    scores = table["score"].to_numpy(np.float32)
    return table.assign(score=scores.astype("U32").astype(np.float64))


WRITERS = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json_lines}
"""How a file's name ends → what writes it."""
