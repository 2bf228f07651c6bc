"""Times the full evaluation of foldin beside implicit's C++ evaluation of four metrics, in one run on one machine.

    python benchmarks/evaluation.py          # 6,040 × 3,706, the size of ML-1M: seconds, and their ratio
    python benchmarks/evaluation.py memory   # 138,493 × 26,744, the size of ML-20M: peak memory of the evaluation

Factors and ratings are drawn at random: what takes time is the same. foldin computes every ranking metric (precision,
recall, NDCG, MAP, MRR, hit rate at four lengths up to 20, AUC, coverage, Gini, novelty, diversity, popularity lift,
by popularity bucket) and keeps each user's; implicit computes precision, MAP, NDCG and AUC of its top 10.
Read the times as ratios: each belongs to a machine.
"""

import gc
import sys
import time
from pathlib import Path

from foldin.core import determinism

THREADS = 2
determinism.fix_environment(THREADS)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

from foldin.core.interactions import Interactions, Scale, matrix  # noqa: E402
from foldin.core.params import Evaluation  # noqa: E402
from foldin.evaluation import judge  # noqa: E402
from foldin.evaluation.test_part import HeldOut  # noqa: E402
from foldin.models.als import ImplicitALS  # noqa: E402

FACTORS, REPEATS = 64, 15
CAP = 600
"""MB that evaluation may need at ML-20M's size, above the data and the model."""
SETTINGS = Evaluation(
    k=10,
    ks=[1, 5, 20],
    liked_share=0.75,
    block_megabytes=40.0,
    resamples=2000,
    confidence=0.95,
    seeds={},
    oracle_z=4.0,
    explained={},
)


def drawn(n_users: int, n_items: int, n_ratings: int) -> tuple[Interactions, sparse.csr_array]:
    """Return a training part and a test part of 80 and 20 %, with a long tail of users and items."""
    rng = np.random.default_rng(1)
    users = np.minimum(n_users * rng.random(n_ratings) ** 1.5, n_users - 1).astype(np.int64)
    items = np.minimum(n_items * rng.random(n_ratings) ** 3, n_items - 1).astype(np.int64)
    pairs = np.unique(np.concatenate([users * n_items + items, np.arange(max(n_users, n_items)) % (n_users * n_items)]))
    pairs = rng.permutation(pairs)
    cut = len(pairs) * 4 // 5
    train, test = (
        matrix(
            (part // n_items).astype(np.int32),
            (part % n_items).astype(np.int32),
            np.ones(len(part), np.float32),
            (n_users, n_items),
        )
        for part in (pairs[:cut], pairs[cut:])
    )
    items_table = pd.DataFrame(
        {
            "item_id": np.arange(n_items).astype(str),
            "domain": "movies",
            "genres": [("Comedy|Drama", "Crime", "Drama|War")[i % 3] for i in range(n_items)],
        }
    )
    users_table = pd.DataFrame({"user_id": np.arange(n_users).astype(str)})
    return Interactions(train, users_table, items_table, Scale(0.5, 5.0, 0.5)), test


def held_out(training: Interactions, test: sparse.csr_array) -> HeldOut:
    users = np.repeat(np.arange(training.n_users, dtype=np.int32), np.diff(test.indptr))
    pairs = pd.DataFrame({"user": users, "item": test.indices.astype(np.int32), "rating": test.data, "timestamp": 0})
    pairs["user_id"] = training.users["user_id"].to_numpy()[users]
    pairs["item_id"] = training.items["item_id"].to_numpy()[test.indices]
    return HeldOut(pairs, training)


def model(training: Interactions) -> ImplicitALS:
    rng = np.random.default_rng(2)
    settings = ImplicitALS.Settings(
        factors=FACTORS,
        epochs=1,
        patience=0,
        unobserved_weight=0.1,
        regularization=0.1,
        frequency_exponent=1.0,
        solver="exact",
        cg_steps=1,
        validation_k=10,
    )
    made = ImplicitALS(settings)
    made._known = training.ratings
    # In single precision, as implicit has them.
    made._user_factors = rng.normal(size=(training.n_users, FACTORS)).astype(np.float32)
    made._item_factors = rng.normal(size=(training.n_items, FACTORS)).astype(np.float32)
    return made


def seconds(*calls) -> np.ndarray:
    """Return the shortest wall and processor times of each, shape (n, 2), in turns, after a run that compiles."""
    times = np.full((1 + REPEATS, len(calls), 2), np.inf)
    for turn in range(1 + REPEATS):
        for place, call in enumerate(calls):
            wall, processor = time.perf_counter(), time.process_time()
            call()
            times[turn, place] = time.perf_counter() - wall, time.process_time() - processor
    return times[1:].min(axis=0)


def of_implicit(training: Interactions, test: sparse.csr_array, ours: ImplicitALS):
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k
    from threadpoolctl import threadpool_limits

    theirs = AlternatingLeastSquares(factors=FACTORS, num_threads=THREADS)
    theirs.user_factors = ours._user_factors.astype(np.float32)
    theirs.item_factors = ours._item_factors.astype(np.float32)
    known, held = sparse.csr_matrix(training.ratings), sparse.csr_matrix(test)

    def call() -> None:
        # It spreads over threads by itself, and asks for a BLAS that does not.
        with threadpool_limits(1, "blas"):
            ranking_metrics_at_k(theirs, known, held, K=10, show_progress=False, num_threads=THREADS)

    return call


def speed() -> None:
    training, test = drawn(6_040, 3_706, 1_000_000)
    ours = model(training)
    # Both find the held-out items as a matrix, as they do from the second model on.
    held = held_out(training, test)
    times = seconds(of_implicit(training, test, ours), lambda: judge.evaluate_model(ours, held, SETTINGS, "ours"))
    print(f"{training.n_users:,} × {training.n_items:,}, {FACTORS} factors, top 10, {THREADS} threads")
    for name, (wall, processor) in zip(("implicit, 4 metrics", "foldin, all metrics"), times, strict=True):
        print(f"{name}: {wall:.3f} s, {processor:.3f} s of processors")
    wall, processor = times[1] / times[0]
    print(f"ratio: {wall:.2f}, of processor time {processor:.2f}")


def memory() -> None:
    training, test = drawn(138_493, 26_744, 20_000_000)
    ours, held = model(training), held_out(training, test)
    judge.evaluate_model(model(drawn(300, 200, 5_000)[0]), held_out(*drawn(300, 200, 5_000)), SETTINGS, "compiles")
    gc.collect()
    # Linux forgets the peak so far, which drawing the data reached, and counts anew from what is held now.
    Path("/proc/self/clear_refs").write_text("5")
    held_before = memory_of("VmRSS")
    start = time.perf_counter()
    judge.evaluate_model(ours, held, SETTINGS, "ours")
    print(f"{training.n_users:,} × {training.n_items:,}: {time.perf_counter() - start:.0f} s")
    print(f"data, model and libraries: {held_before:,.0f} MB; evaluation's peak above them:", end=" ")
    above = memory_of("VmHWM") - held_before
    print(f"{above:,.0f} MB")
    if above > CAP:
        sys.exit(f"that is over the cap of {CAP:,} MB")


def memory_of(name: str) -> float:
    """Return a metric of this process as Linux gives it, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


if __name__ == "__main__":
    memory() if sys.argv[1:] == ["memory"] else speed()
