"""Runs the whole pipeline on MovieLens-20M-shaped data of growing size: time, memory, and how fast both grow.

    python benchmarks/scale.py --folder FOLDER [--sizes 1000000 2000000] [--families baselines als]
    python benchmarks/scale.py --folder FOLDER --plot docs/scale.png      # measure what is missing, then draw

Each stage is the command of dvc.yaml, in a process of its own, in a workspace of its own for each size. What a stage
took stands in FOLDER/SIZE/records, one JSON file for each stage; stages that are there already do not run again, so a
run that was stopped goes on. A stage that fails, or goes beyond `--gigabytes` or `--minutes`, is recorded with the
reason, and what depends on it is left out; delete its record to try again.

Settings are those of params.yaml, but every model is fitted with one seed. Networks are left out (`NETWORKS`).
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from command_costs import Record, measure

HERE = Path(__file__).resolve().parent
NAME = "grown"
SIZES = (1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_263)
START = 20_000
"""Ratings of a run of baselines that takes little more than starting: its time is subtracted before growth is
estimated."""
FAMILIES = ("baselines", "als", "content", "linear", "neighbours", "graph", "svd", "bayesian", "hybrid")
NETWORKS = ("deep", "two_tower", "autoencoder")
"""Left out: their time is that of an epoch (benchmarks/deep.py) times a number of epochs that the data choose."""
ITERATION = "als_iteration"
"""Not a stage: an iteration of `als-implicit` with 64 factors, solved exactly, on all training data.

Its time is that of the second iteration; its memory is that of the whole process."""
LINKED = ("src", "requirements", "requirements.lock")
DECLARED = {
    "file": "own/ratings.csv",
    "user": "userId",
    "item": "movieId",
    "rating": "rating",
    "scale": [0.5, 5, 0.5],
    "time": "timestamp",
    "time_unit": "s",
    "domain": "films",
    "items": {
        "file": "own/movies.csv",
        "id": "movieId",
        "title": "title",
        "genres": "genres",
        "genre_separator": "|",
    },
}


def make_workspace(workspace: Path, ratings: int, families: Sequence[str]) -> None:
    """Make a workspace with the files to read, or bring the parameters of an existing one up to date."""
    from ruamel.yaml import YAML

    if not (workspace / "own" / "movies.csv").is_file():
        print(f"{ratings:,} ratings: writing the files", file=sys.stderr)
        generator = [sys.executable, HERE / "generate.py", "movielens", workspace / "own", "--ratings", str(ratings)]
        subprocess.run(generator, check=True)
    for name in LINKED:
        if not (workspace / name).exists():
            (workspace / name).symlink_to(HERE.parent / name)
    shutil.copy(HERE.parent / "dvc.yaml", workspace)
    shutil.copytree(HERE.parent / "notebooks", workspace / "notebooks", dirs_exist_ok=True)
    yaml = YAML()
    params = yaml.load((HERE.parent / "params.yaml").read_text(encoding="utf-8"))
    params |= {"datasets": [NAME], "sources": {NAME: DECLARED}, "families": list(families or FAMILIES)}
    params["evaluation"]["seeds"] = {}
    with (workspace / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def stages(families: Sequence[str], *, iteration: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each stage, its command line after the interpreter, and the stages that it needs."""
    foldin = str(HERE.parent / "src" / "foldin")
    yield "strip", [foldin, "strip"], []
    before = ["strip"]
    for stage in ("fetch", "clean", "user-item"):
        yield stage, [foldin, stage, "--dataset", NAME], before
        before = [stage]
    if iteration:
        yield ITERATION, [str(Path(__file__).resolve()), "--iteration"], before
    for family in families:
        of = ["--dataset", NAME, "--family", family]
        yield f"train {family}", [foldin, "train", *of], ["user-item"]
        yield f"evaluate {family}", [foldin, "evaluate", *of], [f"train {family}"]
    if families:
        yield f"report {'+'.join(families)}", [foldin, "report", "--dataset", NAME], [f"evaluate {f}" for f in families]


def costs_of(workspace: Path, stage: str) -> dict[str, dict[str, float]]:
    """Return what the models of a stage cost, as foldin noted it, or the iteration's measurement."""
    if stage == ITERATION:
        return dict(json.loads((workspace / "log.txt").read_text(encoding="utf-8").splitlines()[-1]))
    kind, _, family = stage.partition(" ")
    file = workspace / "data" / "costs" / NAME / kind / f"{family}.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def iterate() -> None:
    """Print what an iteration of exact, implicit ALS with 64 factors takes on all training data, as JSON."""
    from foldin.core import determinism, params

    determinism.fix_environment(params.threads(), params.device())
    import numpy as np

    from foldin import models
    from foldin.core import interactions
    from foldin.models.als import ImplicitALS

    training = interactions.load(NAME).training
    settings = models.family("als")["als-implicit"].settings
    model = ImplicitALS(ImplicitALS.Settings(**settings.model_dump() | {"solver": "exact", "factors": 64}), seed=1)
    model._start(training, np.random.default_rng(1))
    model._step()  # compiles
    clock, processor = time.perf_counter(), time.process_time()
    model._step()
    taken = {"seconds": time.perf_counter() - clock, "processor_seconds": time.process_time() - processor}
    print(json.dumps({"als-implicit, exact": taken | {"ratings": training.ratings.nnz}}))


def run_size(folder: Path, ratings: int, asked: argparse.Namespace) -> list[Record]:
    """Return the records of one size; measure those that are missing."""
    workspace, kept = folder / str(ratings), folder / str(ratings) / "records"
    kept.mkdir(parents=True, exist_ok=True)
    families = FAMILIES[:1] if ratings == START else [each for each in FAMILIES if each in asked.families]
    make_workspace(workspace, ratings, families)
    found: dict[str, Record] = {}
    for stage, command, needed in stages(families, iteration=asked.iteration and ratings != START):
        file = kept / f"{stage.replace(' ', '-')}.json"
        if file.is_file():
            found[stage] = Record(**json.loads(file.read_text(encoding="utf-8")))
            continue
        if lacking := [each for each in needed if each not in found or found[each].fault]:
            print(f"{ratings:,} ratings: {stage} is left out: it needs {', '.join(lacking)}", file=sys.stderr)
            continue
        record = measure(command, workspace, asked.gigabytes, asked.minutes)
        record.stage, record.ratings = stage, ratings
        if not record.fault:
            record.models = costs_of(workspace, stage)
        if stage == ITERATION and record.models:  # not the time of starting, reading and compiling
            (taken,) = record.models.values()
            record.processor, record.clock = taken["processor_seconds"], taken["seconds"]
        file.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        found[stage] = record
        print(row(record), file=sys.stderr)
    return list(found.values())


def row(record: Record) -> str:
    """Return a record as a row of a table."""
    memory = f"{record.largest:.2f} | {record.together:.2f}"
    ended = f" {record.fault}" if record.fault else ""
    return (
        f"| {record.ratings:,} | {record.stage.partition('+')[0]}{ended} | {record.processor:.1f} | {record.clock:.0f} "
        f"| {memory} | {record.load:.1f} |"
    )


def growth(records: Sequence[Record]) -> dict[str, tuple[float, int]]:
    """Return how processor time grows: stage → exponent p of c · ratingsᵖ, and the number of sizes it rests on.

    Least squares of logarithms, after the time of the smallest run, which is that of starting, is subtracted.
    """
    import numpy as np

    start = {each.stage.split(" ")[0]: each.processor for each in records if each.ratings == START}
    points: dict[str, list[tuple[float, float]]] = {}
    for each in records:
        above = each.processor - start.get(each.stage.split(" ")[0], 0.0)
        if each.ratings != START and not each.fault and above > 0.1:
            points.setdefault(each.stage, []).append((math.log(each.ratings), math.log(above)))
    return {
        stage: (float(np.polyfit(*zip(*sorted(found), strict=True), 1)[0]), len(found))
        for stage, found in points.items()
        if len(found) > 1
    }


def draw(records: Sequence[Record], file: Path) -> None:
    """Draw processor time and memory of the stages over the number of ratings, both axes logarithmic."""
    import matplotlib.pyplot as plt

    from foldin.report import plots

    plots.style()
    kinds = {"data": ("fetch", "clean", "user-item"), "train": ("train",), "evaluate": ("evaluate",)}
    figure, axes = plt.subplots(len(kinds), 2, figsize=(11, 11), sharex=True)
    for (kind, starts), pair in zip(kinds.items(), axes, strict=True):
        names = dict.fromkeys(each.stage for each in records if each.stage.split(" ")[0] in starts)
        for place, name in enumerate(names):
            mine = sorted((r for r in records if r.stage == name and r.ratings != START and not r.fault), key=_size)
            marked = {"marker": plots.MARKERS[place % 7], "color": plots.COLOURS[place % 7], "label": name}
            pair[0].plot([r.ratings for r in mine], [r.processor for r in mine], **marked)
            pair[1].plot([r.ratings for r in mine], [r.largest for r in mine], **marked)
        pair[0].set_ylabel(f"{kind}: processor time (s)")
        pair[1].set_ylabel("peak memory (GiB)")
        for axis in pair:
            axis.set_xscale("log")
            axis.set_yscale("log")
        pair[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("ratings")
    plots.save(figure, file)


def _size(record: Record) -> int:
    return record.ratings


def main() -> None:
    """Measure what is missing; print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where workspaces and records are kept")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--gigabytes", type=float, default=12.0, help="memory at which a stage is ended")
    parser.add_argument("--minutes", type=float, default=60.0, help="time after which a stage is ended")
    parser.add_argument("--no-iteration", dest="iteration", action="store_false", help="do not time exact ALS")
    parser.add_argument("--plot", type=Path, help="draw the records into this file (.png)")
    parser.add_argument("--iteration", dest="iterate", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.iterate:
        iterate()
        return
    if asked.folder is None:
        parser.error("--folder is needed")
    records = [each for size in (START, *asked.sizes) for each in run_size(asked.folder.resolve(), size, asked)]
    print("| ratings | stage | processor time, s | by the clock, s | largest process, GiB | all, GiB | load |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    print("\n".join(row(each) for each in records if each.ratings != START))
    print("\n| stage | exponent of growth | sizes |\n|---|---:|---:|")
    print("\n".join(f"| {stage} | {power:.2f} | {n} |" for stage, (power, n) in growth(records).items()))
    if asked.plot:
        draw(records, asked.plot)


if __name__ == "__main__":
    main()
