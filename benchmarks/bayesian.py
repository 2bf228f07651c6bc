"""Compares the family `bayesian` with myFM, on the same ratings: RMSE on a test part, and time of the same sweeps.

    python benchmarks/bayesian.py ml-100k --peer PYTHON     # the five official folds, rank 10, 300 sweeps
    python benchmarks/bayesian.py ml-100k --dates           # the same, with the day of each rating
    python benchmarks/bayesian.py ml-1m --peer PYTHON       # a random tenth as test part, rank 20, 120 sweeps

FOLDIN_ARCHIVES names the folder of data sets. PYTHON is an interpreter with `myfm`, numpy and scipy (myFM 0.5 has
wheels for Python 3.12); without it, foldin runs alone. Both see ids and who rated what, from the training part only,
with --dates also the days of ratings, average all draws after the fifth sweep, and clip to the scale. Nothing is chosen
on the test part.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__" and "--as-peer" not in sys.argv:
    from foldin.core import determinism

    determinism.fix_environment(2)

import numpy as np
from scipy import sparse

UNITS = (1, 1, 1, 86_400)  # times become days
RANKS, SWEEPS, FORGOTTEN = {"ml-100k": 10, "ml-1m": 20}, {"ml-100k": 300, "ml-1m": 120}, 5


def parts(dataset: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Give name, training and test part; columns user, item, rating, day."""
    folder = Path(os.environ["FOLDIN_ARCHIVES"]) / dataset
    if dataset == "ml-100k":
        for fold in ("u1", "u2", "u3", "u4", "u5"):
            both = (np.loadtxt(folder / f"{fold}.{part}", dtype=np.int64) // UNITS for part in ("base", "test"))
            yield fold, *both
    else:
        lines = (folder / "ratings.triples.dat").read_text().split()
        rows = np.array([[*line.split("::"), 0] for line in lines], dtype=np.int64)  # the file has no times
        held = np.random.default_rng(42).random(len(rows)) < 0.1
        yield "random tenth", rows[~held], rows[held]


def by_foldin(train: np.ndarray, test: np.ndarray, rank: int, sweeps: int, dates: bool) -> tuple[float, float]:
    """Return RMSE and seconds of `bayesian-fm-flipped`."""
    import pandas as pd

    from foldin import metrics
    from foldin.core.days import Days
    from foldin.core.interactions import Interactions, Scale, matrix
    from foldin.models.bayesian import FlippedFM

    (users, user), (items, item) = (np.unique(train[:, column], return_inverse=True) for column in (0, 1))
    cells = user.astype(np.int32), item.astype(np.int32)
    ratings, days = (matrix(*cells, train[:, column], (len(users), len(items))) for column in (2, 3))
    settings = FlippedFM.Settings(
        factors=rank,
        epochs=sweeps,
        burn_in=(FORGOTTEN + 0.5) / sweeps,
        draws=sweeps,
        damping=5,
        feature_min_count=0,
        period_days=int(dates),
    )
    model = FlippedFM(settings, seed=1)
    begin = time.perf_counter()
    scale, given = Scale(1, 5, 1), Days(lambda: days.astype(np.int32))
    model.fit(Interactions(ratings, pd.DataFrame(), pd.DataFrame(), scale, given))
    taken = time.perf_counter() - begin
    found = [np.searchsorted(ids, test[:, column]) for column, ids in enumerate((users, items))]
    for column, ids in enumerate((users, items)):
        places = np.minimum(found[column], len(ids) - 1)
        found[column] = np.where(ids[places] == test[:, column], places, -1).astype(np.int32)
    return metrics.rmse(test[:, 2].astype(np.float32), model.predict(*found, test[:, 3].astype(np.int32))), taken


def by_myfm(train: np.ndarray, test: np.ndarray, rank: int, sweeps: int, dates: bool) -> tuple[float, float]:
    """Return RMSE and seconds of the same model in myFM."""
    import myfm

    sizes = train.max(axis=0).clip(test.max(axis=0))[:2] + 1
    cells = sparse.csr_matrix((np.ones(len(train)), (train[:, 0], train[:, 1])), shape=sizes)
    blocks = []
    for rated in (cells, cells.T.tocsr()):
        weight = sparse.diags(1 / np.sqrt(np.maximum(np.diff(rated.indptr), 1)))
        blocks.append(sparse.hstack([sparse.eye(rated.shape[0]), weight @ rated]).tocsr())
    of_train, of_test = ([myfm.RelationBlock(part[:, side], blocks[side]) for side in (0, 1)] for part in (train, test))
    groups = [sizes[0], sizes[1], sizes[1], sizes[0]]
    if dates:
        known = np.unique(train[:, 3])
        of_days = sparse.vstack([sparse.eye(len(known)), sparse.csr_matrix((1, len(known)))]).tocsr()  # last: unknown
        for given, part in ((of_train, train), (of_test, test)):
            places = np.minimum(np.searchsorted(known, part[:, 3]), len(known) - 1)
            rows = np.where(known[places] == part[:, 3], places, len(known))
            given.append(myfm.RelationBlock(rows, of_days))
        groups.append(len(known))
    model = myfm.MyFMRegressor(rank=rank, random_seed=42)
    begin = time.perf_counter()
    model.fit(
        None,
        train[:, 2].astype(float),
        X_rel=of_train,
        n_iter=sweeps,
        n_kept_samples=sweeps - FORGOTTEN,
        group_shapes=groups,
    )
    taken = time.perf_counter() - begin
    predicted = np.clip(model.predict(None, of_test), 1, 5)
    return float(np.sqrt(np.mean((predicted - test[:, 2]) ** 2))), taken


def asked(peer: str, *arguments: object) -> tuple[float, float]:
    """Return what another interpreter finds with myFM."""
    train, test, rank, sweeps, dates = arguments
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "parts.npz", train=train, test=test)
        command = [peer, __file__, "--as-peer", f"{folder}/parts.npz", str(rank), str(sweeps), str(int(dates))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    rmse, taken = map(float, done.stdout.split()[-2:])
    return rmse, taken


def compare(dataset: str, peer: str | None, dates: bool) -> None:
    """Print a row for each test part, and the means."""
    rank, sweeps = RANKS[dataset], SWEEPS[dataset]
    print("| test part | foldin, RMSE | myFM, RMSE | foldin's time ÷ myFM's |\n|---|---:|---:|---:|")
    rows = []
    for name, train, test in parts(dataset):
        ours = by_foldin(train, test, rank, sweeps, dates)
        theirs = asked(peer, train, test, rank, sweeps, dates) if peer else (np.nan, np.nan)
        rows.append([ours[0], theirs[0], ours[1] / theirs[1]])
        print(f"| {name} | {rows[-1][0]:.4f} | {rows[-1][1]:.4f} | {rows[-1][2]:.2f} |", flush=True)
        print(f"seconds: foldin {ours[1]:.1f}, myFM {theirs[1]:.1f}", file=sys.stderr, flush=True)
    means = np.mean(rows, axis=0)
    print(f"| mean | {means[0]:.4f} | {means[1]:.4f} | {means[2]:.2f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-peer"]:
        given = np.load(sys.argv[2])
        print(*by_myfm(given["train"], given["test"], *map(int, sys.argv[3:6])))
    else:
        parser = argparse.ArgumentParser()
        parser.add_argument("dataset", choices=RANKS)
        parser.add_argument("--peer", metavar="PYTHON")
        parser.add_argument("--dates", action="store_true")
        options = parser.parse_args()
        if options.dates and options.dataset != "ml-100k":
            parser.error(f"the files of {options.dataset} have no times")
        compare(options.dataset, options.peer, options.dates)
