"""`foldin verify`: runs the pipeline again in a copy of the checkout, and compares each output with dvc.lock.

The copy has the tracked and untracked files of this checkout, uncommitted edits included, and the files in own/;
nothing else: no data, no models, no run-cache. Its outputs must have the hashes that dvc.lock records. If a hash
differs, the files are compared, and the result says where and, for numbers, by how much. For plots: same size and all
numbers of the stage within tolerance counts as within tolerance.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from foldin.core import determinism, params, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import say
from foldin.workspace import differences, pipeline

PATIENCE = 10
"""Seconds that a stage may take to end when it is asked to."""
IDENTICAL, WITHIN, DIFFERS = "identical", "within tolerance", "differs"


class StageFailedError(FoldinError):
    """A stage failed in the copy, which is worth a look."""


class Verdict(NamedTuple):
    """What became of one output of one stage: one of `IDENTICAL`, `WITHIN`, `DIFFERS`; where; whether in pictures."""

    stage: str
    output: str
    result: str
    where: str = ""
    pictures: bool = False


def run(dataset: str | None = None, stage: str | None = None, lane: Iterable[str] = (), *, keep: bool = False) -> bool:
    """Run the pipeline, or a part, once more and print how each output compares with dvc.lock.

    Parameters
    ----------
    dataset : str, optional
        Only the stages of this data set; all data sets of params.yaml unless given.
    stage : str, optional
        Only this stage as DVC names it, such as `train@demo-als`; its inputs are taken from this checkout.
    lane : iterable of str
        `NAME=VALUE` each: variables of the CPU lane to run under instead of their pinned values.
    keep : bool, optional
        Whether the copy stays for a look.

    Returns
    -------
    bool
        Whether all is as it must be: identical, or, on the GPU, within the tolerance of params.yaml.

    Raises
    ------
    FoldinError
        When there are no such stages, dvc.lock does not know one, the checkout is no git repository, or the run fails.
    """
    before = pipeline.locked()
    stages = stages_to_verify(known=before, dataset=dataset, stage=stage)
    variables = _as_variables(lane)
    root = paths.root()
    folder = Path(tempfile.mkdtemp(prefix="foldin-verify-"))
    try:
        copy = folder / root.name
        copy_checkout(root, copy)
        if stage:
            _copy_inputs(root, copy, stages[stage].inputs)
        reproduce(root, copy, list(stages), alone=bool(stage), variables=variables)
        after = pipeline.locked(copy)
        tolerance = params.section(params.Verify).tolerance
        verdicts = [
            judge(name, path, digest == after.get(name, {}).get(path), root / path, copy / path, tolerance)
            for name in stages
            for path, digest in before[name].items()
        ]
    except StageFailedError:
        keep = True  # What it says above lies in the copy: the partial notebook, the outputs so far.
        raise
    finally:
        if keep:
            say(f"the copy is kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    verdicts = with_pictures(verdicts)
    show(verdicts)
    accepted = {IDENTICAL, WITHIN} if params.device() == "gpu" else {IDENTICAL}
    return all(verdict.result in accepted for verdict in verdicts)


def stages_to_verify(
    dataset: str | None, stage: str | None, known: Mapping[str, object] | None = None
) -> dict[str, pipeline.Declared]:
    """Return the stages to run: of those that dvc.yaml makes for params.yaml, by name, in the order of dvc.yaml.

    Parameters
    ----------
    dataset, stage : str, optional
        As of `run`.
    known : mapping, optional
        What dvc.lock knows, by stage; a stage that it must know and does not is an error.
    """
    if dataset and dataset not in params.datasets():
        raise FoldinError(
            f"the pipeline does not run on '{dataset}'", where="params.yaml (datasets)", remedy="add it, or leave it"
        )
    # What dvc.lock keeps of data sets and families that params.yaml no longer names, DVC does not know.
    stages = pipeline.every([dataset] if dataset else params.datasets(), params.families())
    if stage and stage not in stages:
        raise FoldinError(f"no stage '{stage}'", where="dvc.yaml", remedy=f"the stages are: {', '.join(stages)}")
    chosen = {stage: stages[stage]} if stage else stages
    missing = [] if known is None else [name for name in chosen if name not in known]
    if missing:
        raise FoldinError(
            f"knows no outputs of {', '.join(missing)}", where="dvc.lock", remedy="run the pipeline first: dvc repro"
        )
    return chosen


def copy_checkout(root: Path, copy: Path) -> None:
    """Copy what git would know of a checkout, and the files in own/; without dvc.lock, reports and data."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise FoldinError(
            "not a git repository, so what belongs to the checkout is not known",
            where=root,
            remedy="verify a clone of the project",
        )
    for name in filter(None, listed.stdout.split("\0")):
        # What stages write is left behind: a stage that wrote nothing must not be compared by an old file.
        if (root / name).is_file() and name != "dvc.lock" and Path(name).parts[0] != "reports":
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    # Files of one's own are inputs, though git does not know them.
    if (root / "own").is_dir():
        shutil.copytree(root / "own", copy / "own", dirs_exist_ok=True)
    (copy / ".dvc").mkdir(exist_ok=True)
    (copy / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def _copy_inputs(root: Path, copy: Path, inputs: Iterable[str]) -> None:
    for name in inputs:
        source = root / name
        if not source.exists():
            raise FoldinError("an input is not there", where=name, remedy="make it: dvc repro, or dvc checkout")
        if source.is_dir():
            shutil.copytree(source, copy / name, dirs_exist_ok=True)
        else:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name)


def _as_variables(lane: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in lane:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise FoldinError(f"--with {text}", remedy="say NAME=VALUE, such as OPENBLAS_CORETYPE=Nehalem")
        known = determinism.variables(params.threads(), params.device())
        if name not in known:
            raise FoldinError(f"--with {text}: no variable of the lane", remedy=params.nearest(name, list(known)))
        pairs[name] = value
    # Python takes its hash seed when it starts, the rest of the lane is pinned later.
    return {**pairs, determinism.INSTEAD: "\n".join(f"{name}={value}" for name, value in pairs.items())}


def reproduce(root: Path, copy: Path, stages: list[str], *, alone: bool, variables: Mapping[str, str]) -> None:
    """Run stages by force in a copy of the checkout `root`, under more environment variables.

    Raises
    ------
    StageFailedError
        When one fails.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # Raw files once fetched need no second download.
    environment.setdefault("FOLDIN_ARCHIVES", str(root / "data" / "raw"))
    environment |= variables
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache", "--no-commit"]
    command += ["--single-item"] if alone else []
    # A group of its own: whatever ends this process must end DVC, its stage and the kernel before the copy goes.
    running = subprocess.Popen(
        [*command, *stages], cwd=copy, env=environment, stdout=sys.stderr, start_new_session=True
    )
    try:
        failed = running.wait()
    finally:
        _end(running)
    if failed:
        raise StageFailedError("the run in the copy failed", where=copy, remedy="mend what it says above")


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a process, politely first, and whatever of its group outlives it."""
    for way in (signal.SIGINT, signal.SIGTERM):
        if running.poll() is None:
            os.killpg(running.pid, way)
            with suppress(subprocess.TimeoutExpired):
                running.wait(timeout=PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def judge(stage: str, output: str, same: bool, ours: Path, theirs: Path, tolerance: float) -> Verdict:
    """Compare one output's files, its pictures left for `with_pictures`."""
    if same:
        return Verdict(stage, output, IDENTICAL)
    names = {
        path.relative_to(top) for top in (ours, theirs) if top.is_dir() for path in top.rglob("*") if path.is_file()
    }
    pairs = {name.as_posix(): (ours / name, theirs / name) for name in sorted(names)} or {"": (ours, theirs)}
    found = {name: differing for name, pair in pairs.items() if (differing := differences.between(*pair))}
    if not found:
        return Verdict(stage, output, DIFFERS, "from dvc.lock, though not from this checkout: dvc checkout, then again")
    every = [(name, difference) for name, differing in found.items() for difference in differing]
    numbers = [(name, difference) for name, difference in every if not difference.picture]
    name, worst = max(numbers or every, key=lambda pair: float("inf") if pair[1].relative is None else pair[1].relative)
    within = all(difference.relative is not None and difference.relative <= tolerance for _, difference in numbers)
    more = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
    where = f"{name}{': ' if name else ''}{worst.where}: {worst.what}{more}"
    return Verdict(stage, output, WITHIN if within else DIFFERS, where, len(numbers) < len(every))


def with_pictures(verdicts: list[Verdict]) -> list[Verdict]:
    """Let pictures be within tolerance only where all numbers of their stage are."""
    failed = {verdict.stage for verdict in verdicts if verdict.result == DIFFERS}
    return [
        verdict._replace(result=DIFFERS) if verdict.pictures and verdict.stage in failed else verdict
        for verdict in verdicts
    ]


def show(verdicts: list[Verdict]) -> None:
    """Print a line for each verdict, and how many there are of each kind."""
    heads = Verdict("stage", "output", "result", "where")
    columns = ([row.stage, row.output, row.result] for row in (heads, *verdicts))
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    for row in (heads, *verdicts):
        cells = [cell.ljust(width) for cell, width in zip((row.stage, row.output, row.result), widths, strict=True)]
        print("  ".join([*cells, row.where]).rstrip())
    counts = {result: sum(verdict.result == result for verdict in verdicts) for result in (IDENTICAL, WITHIN, DIFFERS)}
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
