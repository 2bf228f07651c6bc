"""Random tables of your own, in random shapes and formats, made of ratings that are known."""

import gzip
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import feather, parquet

NAMES = {
    "said": ("user_id", "item_id", "rating", "timestamp"),
    "camel": ("userId", "movieId", "score", "date"),
    "recbole": ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
    "dashes": ("User-ID", "ISBN", "Book-Rating", "tstamp"),
    "unsaid": ("a", "b", "c", "d"),
    "none": ("", "", "", ""),
}
SCALES = {
    "stars": (1.0, 5.0, 1.0),
    "halves": (0.5, 5.0, 0.5),
    "ten": (1.0, 10.0, 1.0),
    "hundred": (0.0, 100.0, 1.0),
    "zero": (0.0, 5.0, 1.0),
    "signed": (-10.0, 10.0, 0.01),
}
STATISTICS = {"sum": "sum", "mean": "mean", "number": "count"}
DATES = {"iso": "%Y-%m-%d", "slashes": "%d/%m/%Y", "american": "%m/%d/%Y", "points": "%d.%m.%Y"}


@dataclass
class World:
    """Ratings that are known, and how they are written.

    Attributes
    ----------
    shape : str
        "list", "matrix", "pair" or "events".
    form, packed : str
        The format, and what packs it, "" for nothing.
    names, scale, ids, time : str
        Kinds of names of columns, of scales, of ids and of times.
    code : str
        How a missing rating is written, "" where its row or cell is absent.
    order : tuple of int
        Order of the columns.
    extra : tuple of str
        Other columns of a list.
    users, items, rows, seed : int
        Sizes, and the seed of all that is drawn.
    totals : str
        What a row of a matrix, or a user of a list, says of the ratings of each item: "sum", "mean" or "number"; ""
        where there is none.
    """

    shape: str
    form: str
    packed: str
    names: str
    scale: str
    ids: str
    time: str
    code: str
    order: tuple[int, ...]
    extra: tuple[str, ...]
    users: int
    items: int
    rows: int
    seed: int
    totals: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def ratings(self) -> pd.DataFrame:
        """Return the ratings of this world: `user_id`, `item_id`, `rating`, `timestamp`, each pair once."""
        rng = np.random.default_rng(self.seed)
        pairs = rng.choice(self.users * self.items, min(self.rows, self.users * self.items // 2), replace=False)
        users, items = np.divmod(pairs, self.items)
        lowest, highest, step = SCALES.get(self.scale, (1.0, 1.0, 1.0))
        if self.scale == "counts":
            values = np.floor(np.exp(rng.normal(2.5, 1.5, len(pairs)))) + 1
        else:
            steps = round((highest - lowest) / step)
            values = np.round(lowest + step * rng.binomial(steps, 0.6, len(pairs)), 6)
            if self.scale in ("zero", "hundred"):
                values[rng.random(len(pairs)) < 0.03] = 0.0
        days = rng.integers(15_000, 19_000, len(pairs)) * 86_400
        seconds = days + (rng.integers(0, 86_400, len(pairs)) if self.time in ("s", "ms") else 0)
        named = {
            "numbers": (lambda n: str(n + 1), lambda n: str(n + 1)),
            "large": (lambda n: str(10_007 * (n + 3)), lambda n: str(2_000_000_000 + 77 * n)),
            "texts": (lambda n: f"u{n:03d}", lambda n: f"B{n:05d}X"),
        }[self.ids]
        return pd.DataFrame(
            {
                "user_id": [named[0](user) for user in users],
                "item_id": [named[1](item) for item in items],
                "rating": values,
                "timestamp": seconds,
            }
        )


def worlds() -> st.SearchStrategy[World]:
    """Return worlds of any shape."""
    # Drawn from one number, for hypothesis would draw many that hardly differ.
    return st.integers(0, 2**32 - 1).map(world_of)


def world_of(seed: int) -> World:
    """Return the world of a seed."""
    rng = np.random.default_rng(seed)

    def one(*kinds: str) -> str:
        return str(rng.choice(kinds))

    shape = one("list", "list", "list", "matrix", "matrix", "pair", "events")
    forms = ["csv", "csv", "tsv", "semicolon", "parquet", "jsonl", "sqlite", "feather"]
    if shape == "matrix":
        forms = ["csv", "csv", "tsv", "semicolon", "parquet", "npy", "blanks"]
    form = one(*forms, *(["blanks", "colons"] if shape == "list" else []))
    names = one(*NAMES, "said", "camel")
    if form in ("parquet", "jsonl", "sqlite", "feather") and names == "none":
        names = "unsaid"
    world = World(
        shape=shape,
        form=form,
        packed=one("", "", "", "gz", "zip") if form in ("csv", "tsv", "jsonl") else "",
        names="none" if form in ("npy", "colons") else names,
        scale=one(*SCALES, *([] if shape == "matrix" else ["counts"])),
        ids=one("numbers", "large", "texts"),
        time=one("", "s", "ms", *DATES) if shape in ("list", "events") else "",
        code=one("", "", "99", "-1", "0", "NA"),
        order=tuple(rng.permutation(3).tolist()) if rng.random() < 0.5 else (0, 1, 2),
        extra=tuple(
            rng.choice(["age", "note", "price", "country", "x"], int(rng.integers(0, 3)), replace=False).tolist()
        ),
        users=int(rng.integers(8, 60)),
        items=int(rng.integers(8, 40)),
        rows=int(rng.integers(60, 900)),
        seed=int(rng.integers(0, 1 << 30)),
        totals=one("", "", "", "", "sum", "mean", "number") if shape in ("list", "matrix") else "",
    )
    if world.scale in ("zero", "hundred", "signed", "counts") and world.code in ("0", "-1"):
        world.code = ""
    if world.scale in ("counts", "hundred") and world.code == "99":
        world.code = ""
    if form in ("blanks", "colons") or world.names == "none":
        world.extra = ()
    return world


def write(world: World, folder: Path) -> tuple[Path, pd.DataFrame]:
    """Write a world as its shape and format ask; return the file, and its ratings as `clean` must give them."""
    rng = np.random.default_rng(world.seed + 1)
    truth = world.ratings()
    match world.shape:
        case "matrix":
            names, rows = _matrix(world, truth, rng)
        case "events":
            names, rows = _events(world, truth, rng)
            truth = truth.assign(rating=np.nan)
        case _:
            names, rows = _list(world, truth, rng)
    return _written(world, folder, names, rows), truth


def _plain(value: float) -> object:
    return int(value) if float(value).is_integer() else float(value)


def _times(world: World, truth: pd.DataFrame) -> list[object]:
    seconds = truth["timestamp"].tolist()
    if world.time in DATES:
        days = pd.to_datetime(truth["timestamp"], unit="s")
        return [day.strftime(DATES[world.time]) for day in days]
    return [second * (1000 if world.time == "ms" else 1) for second in seconds]


def _list(world: World, truth: pd.DataFrame, rng: np.random.Generator) -> tuple[list[str], list[list[object]]]:
    user, item, rating, time = NAMES[world.names]
    columns: list[tuple[str, list[object]]] = [
        (user, truth["user_id"].tolist()),
        (item, truth["item_id"].tolist()),
        (rating, [_plain(value) for value in truth["rating"]]),
    ]
    if world.shape == "pair":
        both = [f"{one}:{other}" for one, other in zip(truth["user_id"], truth["item_id"], strict=True)]
        columns = [("UserId:ItemId" if world.names != "unsaid" else "key", both), columns[2]]
    else:
        columns = [columns[place] for place in world.order]
    if world.time:
        columns.append((time, _times(world, truth)))
    n = len(truth)
    made = {
        "age": lambda: rng.integers(18, 80, n).tolist(),
        "note": lambda: [f"note {number}" for number in rng.integers(0, 50, n)],
        "price": lambda: np.round(rng.random(n) * 90, 2).tolist(),
        "country": lambda: rng.choice(["nl", "de", "fr"], n).tolist(),
        "x": lambda: rng.integers(0, 3, n).tolist(),
    }
    columns += [(name, made[name]()) for name in world.extra]
    rows = [list(row) for row in zip(*(values for _, values in columns), strict=True)]
    if world.totals and world.shape == "list":
        by_item = truth.groupby("item_id")["rating"].agg(STATISTICS[world.totals]).round(2)
        ends = []
        for name, value in by_item.items():
            new = list(rows[0])
            total = ["zz" if world.ids == "texts" else "77777", name, _plain(value)]
            new[:3] = [total[place] for place in world.order]
            ends.append(new)
        rows += ends
    if world.code:
        # Pairs that nobody rated, each once, with the code as their rating.
        rated = set(zip(truth["user_id"], truth["item_id"], strict=True))
        place = next(
            place for place, (name, values) in enumerate(columns) if values and values[0] == _plain(truth["rating"][0])
        )
        extra = []
        n_all = len(rows)
        for row in rng.permutation(n)[: max(2, n // 3)]:
            new = list(rows[row])
            other = rows[int(rng.integers(n))]
            if world.shape == "pair":
                new[0] = f"{str(new[0]).partition(':')[0]}:{str(other[0]).partition(':')[2]}"
                key = tuple(str(new[0]).split(":"))
            else:
                at = world.order.index(1)
                new[at] = other[at]
                key = (str(new[world.order.index(0)]), str(new[at]))
                place = world.order.index(2)
            if key in rated:
                continue
            rated.add(key)  # type: ignore[arg-type]
            new[place] = world.code if world.code == "NA" else int(world.code)
            extra.append(new)
        rows = [[*rows, *extra][place] for place in rng.permutation(n_all + len(extra))]
    return [name for name, _ in columns], rows


def _events(world: World, truth: pd.DataFrame, rng: np.random.Generator) -> tuple[list[str], list[list[object]]]:
    user, item, _, time = NAMES[world.names]
    kinds = rng.choice(["view", "addtocart", "purchase"], len(truth), p=[0.7, 0.2, 0.1]).tolist()
    columns = [(user, truth["user_id"].tolist()), (item, truth["item_id"].tolist()), ("event" if user else "", kinds)]
    columns = [columns[place] for place in world.order]
    if world.time:
        columns.append((time, _times(world, truth)))
    return [name for name, _ in columns], [list(row) for row in zip(*(values for _, values in columns), strict=True)]


def _matrix(world: World, truth: pd.DataFrame, rng: np.random.Generator) -> tuple[list[str], list[list[object]]]:
    wide = truth.pivot_table(index="user_id", columns="item_id", values="rating")
    empty: object = "" if world.form in ("csv", "tsv", "semicolon") else None
    if world.code:
        empty = world.code if world.code == "NA" else int(world.code)
    elif world.form == "blanks":
        empty = "NA"
    if world.names in ("none", "unsaid"):
        # Without ids, users and items go by their places.
        truth["user_id"] = (wide.index.get_indexer(truth["user_id"]) + 1).astype(str)
        truth["item_id"] = (wide.columns.get_indexer(truth["item_id"]) + 1).astype(str)
        names = [""] * wide.shape[1]
        ids: list[list[object]] = [[] for _ in wide.index]
    else:
        names = [NAMES[world.names][0], *map(str, wide.columns)]
        ids = [[name] for name in wide.index]
    if world.totals:
        wide.loc["zz"] = wide.agg(STATISTICS[world.totals]).round(2)
        ids.append(["zz"] if ids[0] else [])
    cells = [[empty if np.isnan(cell) else _plain(cell) for cell in row] for row in wide.to_numpy()]
    return names, [[*lead, *row] for lead, row in zip(ids, cells, strict=True)]


def _written(world: World, folder: Path, names: list[str], rows: list[list[object]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    headed = any(names)
    names = names if headed else [str(place + 1) for place in range(len(names))]
    separators = {"csv": ",", "tsv": "\t", "semicolon": ";", "blanks": "  ", "colons": "::"}
    if world.form in separators:
        lines = [names, *rows] if headed else rows
        text = "\n".join(separators[world.form].join(_quoted(cell) for cell in line) for line in lines) + "\n"
        ending = {"tsv": "tsv", "blanks": "txt", "colons": "dat"}.get(world.form, "csv")
        return _packed(world, folder / f"data.{ending}", text.encode())
    if world.form == "jsonl":
        text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
        return _packed(world, folder / "data.jsonl", text.encode())
    if world.form == "npy":
        number = [[np.nan if cell in (None, "", "NA") else float(str(cell)) for cell in row] for row in rows]
        np.save(folder / "data.npy", np.array(number))
        return folder / "data.npy"
    frame = pd.DataFrame(rows, columns=names)
    if world.form == "sqlite":
        with closing(sqlite3.connect(folder / "data.sqlite")) as database:
            frame.to_sql("data", database, index=False)
        return folder / "data.sqlite"
    # A column of numbers and of NA can only be one of texts.
    mixed = [name for name in frame if len(set(map(type, frame[name]))) > 1 and (frame[name] == "NA").any()]
    frame = frame.astype(dict.fromkeys(mixed, "str"))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    path = folder / f"data.{world.form}"
    parquet.write_table(table, path) if world.form == "parquet" else feather.write_feather(table, path)
    return path


def _quoted(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f'"{text}"' if " " in text else text


def _packed(world: World, path: Path, content: bytes) -> Path:
    if world.packed == "gz":
        path, content = path.with_name(f"{path.name}.gz"), gzip.compress(content, mtime=0)
    elif world.packed == "zip":
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr(path.name, content)
        path, content = path.with_suffix(".zip"), memory.getvalue()
    path.write_bytes(content)
    return path
