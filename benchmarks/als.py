"""Times an epoch of alternating least squares beside other software, in turns, on MovieLens 1M.

    python benchmarks/als.py ml-1m/ratings.dat [--factors 64 128] [--rounds 15] [--lenskit PYTHON]

Each contender is a process of its own with two threads, holds the same nine tenths of the ratings (numpy's
default_rng(42)) and waits; in each round each runs one epoch: all users, then all items. The shortest time counts.
LensKit needs another pandas than foldin, so it lives in an environment of its own, whose Python is named. cmfrec cannot
be stopped between epochs: its time is the difference of a long and a short training.

The rate of a machine is that of one thread multiplying large single-precision matrices by OpenBLAS. The share of it
that foldin reaches counts the additions and multiplications its exact solves need: of systems and decompositions.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = 2
CONTENDERS = {
    "explicit, exact": ("foldin", "lenskit", "cmfrec"),
    "explicit, 3 steps of conjugate gradient": ("foldin", "cmfrec"),
    "implicit, exact": ("foldin", "irspack", "lenskit", "implicit", "cmfrec"),
    "implicit, 3 steps of conjugate gradient": ("foldin", "irspack", "implicit", "cmfrec"),
}
"""The first of each line is compared with the others."""


def read(file: Path):
    """Return users, items and ratings of the training part, indices counted from 0."""
    import numpy as np

    with file.open(encoding="latin-1") as lines:
        table = np.array([line.split("::")[:3] for line in lines], dtype=np.int64)
    train = table[np.random.default_rng(42).random(len(table)) >= 0.1]
    users, items = (np.unique(train[:, column], return_inverse=True)[1] for column in (0, 1))
    return users, items, train[:, 2].astype(np.float32)


def of_foldin(users, items, ratings, factors: int, explicit: bool, exact: bool) -> Callable[[], object]:
    import numpy as np
    import pandas as pd

    from foldin.core.interactions import Interactions, Scale, matrix
    from foldin.models.als import ExplicitALS, ImplicitALS

    cells = matrix(users.astype(np.int32), items.astype(np.int32), ratings, (users.max() + 1, items.max() + 1))
    train = Interactions(cells, pd.DataFrame(), pd.DataFrame(), Scale(1, 5, 1))
    common = {"factors": factors, "epochs": 1, "patience": 0, "cg_steps": 3}
    common["solver"] = "exact" if exact else "conjugate_gradient"
    if explicit:
        rated = ExplicitALS(ExplicitALS.Settings(damping=5.0, regularization=0.075, **common)).fit(train)
        scaled = train.with_ratings(rated._in_spreads(train.ratings))
        return lambda: rated._step(scaled, np.random.default_rng(0))
    weights = {"unobserved_weight": 0.1, "regularization": 0.01, "frequency_exponent": 1.0, "validation_k": 10}
    return ImplicitALS(ImplicitALS.Settings(**weights, **common)).fit(train)._step


def of_irspack(users, items, ratings, factors: int, explicit: bool, exact: bool) -> Callable[[], object]:
    import numpy as np
    from irspack.recommenders import IALSRecommender
    from scipy import sparse

    cells = sparse.csr_matrix((np.ones_like(ratings), (users, items)))
    solver = "CHOLESKY" if exact else "CG"
    model = IALSRecommender(
        cells, factors, alpha0=0.1, reg=0.01, solver_type=solver, max_cg_steps=3, n_threads=THREADS, train_epochs=1
    )
    model.learn()
    return model.trainer.run_epoch


def of_implicit(users, items, ratings, factors: int, explicit: bool, exact: bool) -> Callable[[], object]:
    import numpy as np
    from implicit.cpu import _als
    from scipy import sparse

    cells = sparse.csr_matrix((np.full_like(ratings, 10), (users, items)))
    rng = np.random.default_rng(0)
    sides = [rng.normal(scale=0.1, size=(n, factors)).astype(np.float32) for n in cells.shape]
    turned = cells.T.tocsr()
    solve = _als.least_squares if exact else _als.least_squares_cg

    def epoch() -> None:
        solve(cells, sides[0], sides[1], 0.01, num_threads=THREADS)
        solve(turned, sides[1], sides[0], 0.01, num_threads=THREADS)

    return epoch


def of_lenskit(users, items, ratings, factors: int, explicit: bool, exact: bool) -> Callable[[], object]:
    import pandas as pd
    from lenskit.als import BiasedMFScorer, ImplicitMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    data = from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items, "rating": ratings}))
    model = (BiasedMFScorer if explicit else ImplicitMFScorer)(embedding_size=factors, epochs=1)
    return model.create_trainer(data, TrainingOptions(rng=1)).train_epoch


def of_cmfrec(users, items, ratings, factors: int, explicit: bool, exact: bool) -> Callable[[int], object]:
    import pandas as pd
    from cmfrec import CMF, CMF_implicit

    table = pd.DataFrame({"UserId": users, "ItemId": items, "Rating": ratings})
    common = {"k": factors, "use_cg": not exact, "max_cg_steps": 3, "nthreads": THREADS, "finalize_chol": False}
    common |= {"precompute_for_predictions": False, "use_float": True, "verbose": False}

    def train(epochs: int) -> None:
        if explicit:
            CMF(method="als", lambda_=0.05, scale_lam=True, niter=epochs, **common).fit(table)
        else:
            CMF_implicit(lambda_=1.0, niter=epochs, **common).fit(table)

    return train


def work(name: str, kind: str, factors: int, folder: Path) -> None:
    """Run an epoch for each line of standard input, and answer with seconds by the clock and of processors."""
    if name == "foldin":
        from foldin.core import determinism

        determinism.fix_environment(THREADS)
    import numpy as np

    with np.load(folder / "train.npz") as kept:
        arrays = kept["users"], kept["items"], kept["ratings"]
    run = globals()[f"of_{name}"](*arrays, factors, kind.startswith("explicit"), kind.endswith("exact"))

    def timed(*arguments: int) -> np.ndarray:
        wall, processor = time.perf_counter(), time.process_time()
        run(*arguments)
        return np.array([time.perf_counter() - wall, time.process_time() - processor])

    if name != "cmfrec":
        timed()
    print("ready", flush=True)
    for _ in sys.stdin:
        seconds = timed(4) - timed(1) if name == "cmfrec" else timed()
        print(*(seconds / (3 if name == "cmfrec" else 1)), flush=True)


def rate() -> float:
    """Return 10⁹ additions and multiplications a second of one thread of OpenBLAS under foldin's rules."""
    code = (
        "from foldin.core import determinism; determinism.fix_environment(1); import numpy as np, time; "
        "x = np.ones((2000, 2000), np.float32); times = []\n"
        "for _ in range(7):\n    begin = time.perf_counter(); x @ x; times.append(time.perf_counter() - begin)\n"
        "print(16 / min(times))"
    )
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def needed(users, items, factors: int) -> float:
    """Return 10⁹ additions and multiplications of an epoch of exact solves, of the smaller system of each row."""
    import numpy as np

    total = 0.0
    for side in (users, items):
        counts = np.bincount(side).astype(float)
        small, large = np.minimum(counts, factors), np.maximum(counts, factors)
        total += np.sum(small**2 * large + small**3 / 3 + 2 * small**2 + 4 * counts * factors)
    return total / 1e9


class Contender:
    """A process that waits for rounds."""

    def __init__(self, name: str, kind: str, factors: int, folder: Path, python: str) -> None:
        threads = {"OMP_NUM_THREADS": "2", "LK_NUM_THREADS": "2", "RAYON_NUM_THREADS": "2"}
        threads |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        command = [python, __file__, "--work", name, kind, str(factors), str(folder)]
        self.times: list[list[float]] = []
        self._process = subprocess.Popen(
            command, env=os.environ | threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        # Some show their progress in the same line.
        while not (line := self._process.stdout.readline()).endswith("ready\n"):
            if not line:
                sys.exit(f"{name} did not start")

    def run(self) -> None:
        """Run one round, and note its seconds."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.times.append([float(value) for value in self._process.stdout.readline().split()])

    def close(self) -> None:
        """Let the process end."""
        self._process.stdin.close()
        self._process.wait()


def compare(arguments: argparse.Namespace) -> None:
    import numpy as np

    users, items, ratings = read(arguments.ratings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "train.npz", users=users, items=items, ratings=ratings)
        print("| kind | factors | peer | foldin's time ÷ the peer's, clock | processors |\n|---|---:|---|---:|---:|")
        for kind, names in CONTENDERS.items():
            for factors in arguments.factors:
                names = [
                    peer for peer in names if peer not in arguments.without and (peer != "lenskit" or arguments.lenskit)
                ]
                pythons = {"lenskit": arguments.lenskit}
                runs = [Contender(peer, kind, factors, folder, pythons.get(peer, sys.executable)) for peer in names]
                for _ in range(arguments.rounds):
                    for run in runs:
                        run.run()
                best = {peer: np.min(run.times, axis=0) for peer, run in zip(names, runs, strict=True)}
                for run in runs:
                    run.close()
                for peer in names[1:]:
                    clock, processors = best["foldin"] / best[peer]
                    print(f"| {kind} | {factors} | {peer} | {clock:.2f} | {processors:.2f} |", flush=True)
                if kind.endswith("exact"):
                    share = needed(users, items, factors) / best["foldin"] / rate() / np.array([THREADS, 1])
                    print(f"| {kind} | {factors} | share of the machine's rate | {share[0]:.2f} | {share[1]:.2f} |")
                print(
                    f"  {kind} {factors}",
                    {peer: times.round(3).tolist() for peer, times in best.items()},
                    file=sys.stderr,
                )


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        name, kind, factors, folder = sys.argv[2:]
        work(name, kind, int(factors), Path(folder))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--lenskit", help="the Python of an environment with LensKit")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out")
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
