"""Times the stages clean and user_item on MovieLens-20M-shaped files beside pandas' pyarrow reader, and their memory.

    python benchmarks/full_size.py [--ratings 1000000 5000000 20000263] [--repeats 3] [--folder FOLDER]
    python benchmarks/full_size.py --format netflix --ratings 20000263    # beside foldin's own reader
    python benchmarks/full_size.py --format own      # a CSV file of one's own: times, and a column of text not declared

Each measurement is a process of its own: its time is that of the call, imports aside, and its memory is the peak of the
whole process. The table shows medians of the repeats as multiples of what pandas alone needs to read the same file, by
the clock and by processor time, which other work on the machine disturbs less.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "full-size"
STEPS = ("read", "clean", "user-item")
SIZES = (1_000_000, 5_000_000, 20_000_263)
LIKE = {"movielens": "ml-latest-small", "netflix": "netflix", "own": ""}
"""Format of the generated files, and the data set whose reader takes them; one's own is declared in params.yaml."""
OWN = f"""sources:
  {NAME}:
    file: own/ratings.csv
    user: member
    item: film
    rating: stars
    scale: [0.5, 5, 0.5]
    time: when
    time_unit: s"""


def measure(step: str, form: str) -> tuple[float, float, float]:
    """Run one step in this process; return its seconds, its processor seconds and the process's peak memory in GiB."""
    from foldin.core import determinism, params, paths

    determinism.fix_environment(params.threads(), params.device())
    if step == "read" and form == "netflix":
        from foldin.datasets.known import netflix

        clock, processor = time.perf_counter(), time.process_time()
        netflix.read(paths.raw(NAME))
    elif step == "read":
        import pandas as pd

        file = paths.raw(NAME) / "ratings.csv"
        clock, processor = time.perf_counter(), time.process_time()
        pd.read_csv(file, engine="pyarrow")
    else:
        from dataclasses import replace

        from foldin.datasets import registry
        from foldin.preparation import clean, user_item

        if LIKE[form]:
            like = registry.get(LIKE[form])
            registry._ALL[NAME] = replace(like, name=NAME, files={}, counts=None, optional=(), other_releases=())
        clock, processor = time.perf_counter(), time.process_time()
        {"clean": clean, "user-item": user_item}[step].run(NAME)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return time.perf_counter() - clock, time.process_time() - processor, peak


def in_own_process(step: str, form: str, workspace: Path) -> tuple[float, ...]:
    """Return what `measure` returns in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, Path(__file__).resolve(), "--step", step, "--format", form],
        cwd=workspace,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return tuple(map(float, done.stdout.split()))


def write_files(ratings: int, form: str, workspace: Path) -> None:
    """Make a workspace with the files to read, unless it is there."""
    raw = workspace / "data" / "raw" / NAME
    if not raw.is_dir():
        print(f"{ratings:,} ratings: writing the files", file=sys.stderr)
        generator = [sys.executable, HERE / "generate.py", form, raw, "--ratings", str(ratings)]
        subprocess.run(generator, check=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(HERE.parent / name, workspace)
    if form == "own":
        file = workspace / "params.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("sources: {}", OWN), encoding="utf-8")


def table(sizes: list[int], repeats: int, folder: Path, form: str) -> list[str]:
    """Return the rows of the table, one for each size."""
    rows = []
    first = 0.0
    for ratings in sizes:
        workspace = folder / f"{ratings}"
        write_files(ratings, form, workspace)
        runs = [{step: in_own_process(step, form, workspace) for step in STEPS} for _ in range(repeats)]

        def ratio(*steps: str, kind: int = 0, runs: list[dict[str, tuple[float, ...]]] = runs) -> float:
            return statistics.median(sum(run[step][kind] for step in steps) / run["read"][kind] for run in runs)

        processor = statistics.median(run["clean"][1] + run["user-item"][1] for run in runs) / ratings
        first = first or processor
        memory = [max(run[step][2] for run in runs) for step in STEPS[1:]]
        rows.append(
            f"| {ratings:,} | {ratio('clean'):.2f} | {ratio('user-item'):.2f} | {ratio('clean', 'user-item'):.2f} "
            f"| {ratio('clean', 'user-item', kind=1):.2f} | {processor / first:.2f} "
            f"| {memory[0]:.2f} GiB | {memory[1]:.2f} GiB |"
        )
        print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    """Print the table, or, in a process of its own, one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--format", choices=LIKE, default="movielens")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(*measure(arguments.step, arguments.format))
        return
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        rows = table(arguments.ratings, arguments.repeats, arguments.folder or Path(scratch), arguments.format)
    heads = ["ratings", "clean", "user_item", "both", "both, processor time", "processor time per rating"]
    print("|", " | ".join([*heads, "peak of clean", "peak of user_item"]), "|")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
