"""Times an epoch of two student projects' networks: foldin's loop, and Keras' own `fit` of the same network.

    python benchmarks/deep.py s3 ml-1m/ratings.dat [--epochs 5]
    python benchmarks/deep.py s2 [--share 0.05]

S3: a dot product of embeddings of 10, 823,000 training ratings of MovieLens 1M. Its own settings (Adam at Keras' step
size, 64 ratings in a batch) are compared with those of `two-tower-plain`, after the same number of epochs, by the mean
squared error of the other ratings. No choice is made on these.

S2: Dense 1024 over two embeddings of 8, SGD with momentum, 1024 ratings in a batch, on random ratings in the shape of
MovieLens 20M. A share of an epoch's 15,625 steps is timed, and the time of an epoch extrapolated from it. The
arithmetic is that of the products of matrices, forward and backward. The rate of the machine is that of one thread
multiplying large single-precision matrices. Networks have one thread.

Times are processor time, which other work disturbs less, and by the clock; the shortest epoch counts.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from foldin.core import determinism

determinism.fix_environment(2)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import threadpoolctl  # noqa: E402
from scipy import sparse  # noqa: E402

from foldin import models  # noqa: E402
from foldin.core.interactions import Interactions, Scale, matrix  # noqa: E402
from foldin.models.parts import network_steps, networks  # noqa: E402

S3_TRAIN = 823_000
S2_USERS, S2_ITEMS, S2_ROWS, S2_BATCH, S2_HIDDEN, S2_EMBEDDING = 138_493, 26_744, 16_000_000, 1024, 1024, 8


class Clock:
    """Keeps the shortest time of what it is asked to run, by the clock and by the processor, in seconds."""

    def __init__(self) -> None:
        self.wall = self.cpu = float("inf")

    def time(self, work: Callable[[], object]) -> None:
        """Run something and keep its time where it is the shortest."""
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.cpu = min(self.cpu, time.process_time() - cpu)


def read(file: Path) -> tuple[Interactions, np.ndarray, np.ndarray, np.ndarray]:
    """Return 823,000 ratings to learn from, and users, items and ratings of the others."""
    with file.open(encoding="latin-1") as lines:
        table = np.array([line.split("::")[:3] for line in lines], dtype=np.int64)
    users, items = (np.unique(table[:, column], return_inverse=True)[1].astype(np.int32) for column in (0, 1))
    ratings = table[:, 2].astype(np.float32)
    order = np.random.default_rng(42).permutation(len(table))
    train, rest = order[:S3_TRAIN], order[S3_TRAIN:]
    cells = matrix(users[train], items[train], ratings[train], (users.max() + 1, items.max() + 1))
    return Interactions(cells, pd.DataFrame(), pd.DataFrame(), Scale(1, 5, 1)), users[rest], items[rest], ratings[rest]


def s3(file: Path, epochs: int) -> None:
    train, *others, actual = read(file)
    print("| settings | steps by | batch | processor time, s | by the clock, s | test MSE |")
    print("|---|---|---:|---:|---:|---:|")
    plain = models.family("two_tower")["two-tower-plain"]
    own = plain.settings.model_copy(update={"batch_size": 64, "learning_rate": 0.001, "initial_spread": 0.03})
    for name, settings, how in (
        ("S3's", own, network_steps._by_fit),
        ("S3's", own, network_steps._one_loop),
        ("`two-tower-plain`'s", plain.settings, network_steps._by_fit),
        ("`two-tower-plain`'s", plain.settings, network_steps._one_loop),
    ):
        clock = Clock()

        def compiled(model, optimizer, loss, how=how, clock=clock):
            model.compile(optimizer=optimizer, loss=loss)
            epoch, found = how(model), []

            def timed(*given):
                clock.time(lambda: found.append(epoch(*given)))
                return found[-1]

            return timed

        network_steps.compiled = compiled
        model = type(plain)(settings.model_copy(update={"epochs": epochs, "patience": 0}), seed=1).fit(train)
        mse = np.mean((model.predict(*others) - actual) ** 2)
        way = "fit" if how is network_steps._by_fit else "foldin"
        print(
            f"| {name} | {way} | {settings.batch_size} | {clock.cpu:.2f} | {clock.wall:.2f} | {mse:.4f} |", flush=True
        )


def s2(share: float) -> None:
    plain = models.family("deep")["mlp-momentum"]
    size = {"embedding": S2_EMBEDDING, "hidden": S2_HIDDEN, "batch_size": S2_BATCH}
    rng = np.random.default_rng(20)
    rows = round(share * S2_ROWS / S2_BATCH) * S2_BATCH
    inputs = [rng.integers(0, count, rows).astype(np.int32) for count in (S2_USERS, S2_ITEMS)]
    targets = rng.normal(size=rows).astype(np.float32)
    flop = 6 * S2_ROWS * S2_HIDDEN * (2 * S2_EMBEDDING + 1)
    rate = sgemm_rate()
    print(
        f"{flop / 1e12:.2f} Tflop in an epoch; one thread multiplies at {rate / 1e9:.0f} Gflop/s: {flop / rate:.0f} s"
    )
    print("| steps by | processor time, s | by the clock, s | share of the rate |\n|---|---:|---:|---:|")
    for way, how in (("fit", network_steps._by_fit), ("foldin", network_steps._one_loop)):
        model = type(plain)(plain.settings.model_copy(update=size), seed=1)
        model._known = sparse.csr_array((S2_USERS, S2_ITEMS), dtype=np.float32)
        network = model._start().model
        network.compile(optimizer=model._optimizer(networks.keras().optimizers), loss="mean_squared_error")
        epoch, clock = how(network), Clock()
        epoch([values[: 2 * S2_BATCH] for values in inputs], targets[: 2 * S2_BATCH], S2_BATCH)  # compiles
        for _ in range(3):
            clock.time(lambda epoch=epoch: epoch(inputs, targets, S2_BATCH))
        cpu, wall = (seconds * S2_ROWS / rows for seconds in (clock.cpu, clock.wall))
        print(f"| {way} | {cpu:.0f} | {wall:.0f} | {flop / rate / cpu:.2f} |", flush=True)


def sgemm_rate() -> float:
    """Return the rate of one thread in products of 2048 × 2048 matrices, in flop/s."""
    square, clock = np.ones((2048, 2048), dtype=np.float32), Clock()
    with threadpoolctl.threadpool_limits(1):
        for _ in range(8):
            clock.time(lambda: square @ square)
    return 2 * 2048**3 / clock.cpu


def main() -> None:
    """Time what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="project", required=True)
    of_s3 = commands.add_parser("s3")
    of_s3.add_argument("ratings", type=Path)
    of_s3.add_argument("--epochs", type=int, default=5)
    commands.add_parser("s2").add_argument("--share", type=float, default=0.05)
    asked = parser.parse_args()
    s3(asked.ratings, asked.epochs) if asked.project == "s3" else s2(asked.share)


if __name__ == "__main__":
    main()
