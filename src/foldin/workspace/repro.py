"""`foldin repro`: the pipeline as `dvc repro` runs it, several families at a time.

What the stages show goes through a file for each DVC: in a terminal, each has a line in place; elsewhere lines are
whole, and name the data set or the stage.

DVC runs one stage after another, most of the time on one core. It lets several `dvc repro` work in one checkout,
though, and families do not read each other's outputs. So each family that is not up to date gets a DVC of its own, and
so does each guest; `processes` of params.yaml says how many at a time. The results are the same.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from foldin.core import loops, params, paths, progress
from foldin.core.errors import FoldinError
from foldin.workspace import pipeline, run_dvc, workers

INPUT = ("strip", "source", "fetch", "clean", "user_item", "tune", "tuned")
BEGINS = re.compile("Running stage '")
"""How DVC says that it runs a stage; its next line is the command."""
FAMILY, GUEST, REPORT = ("train", "evaluate"), ("explore", "traps"), ("report",)
DVC = run_dvc.COMMAND
UNSAID = ("Stage '", "Use `dvc push`", "To track the changes", "To enable auto staging", "Updating lock", "\t")
"""How lines begin by which DVC speaks of one run of it, not of the pipeline."""
NOT_IN_CACHE = "ERROR: failed to transfer"
"""How a line begins by which DVC says that its cache could not be written; it goes on to the next stage."""
PATIENCE = 10.0
"""Seconds that a DVC may take to end."""


class Runs:
    """The `dvc repro` that run now."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        self._ending = False
        self._turn = threading.Lock()
        self._begun, self._total = 0, 0

    def expect(self, stages: int) -> None:
        """Count the stages that run from now on, of so many."""
        self._begun, self._total = 0, stages

    def say(self, kind: str, text: str) -> None:
        """Show how far all of them are: in a terminal, on a line of its own."""
        if progress.in_terminal():
            progress.terminal.show(kind, text, "all")
        else:
            progress.show(progress.SAY, text)

    def repro(self, *arguments: str, environment: Mapping[str, str] | None = None) -> bool:
        """Run one, and print what it and its stages say.

        Parameters
        ----------
        *arguments : str
            What follows `dvc repro`.
        environment : mapping of str to str, optional
            More variables.

        Returns
        -------
        bool
            Whether all its stages ran through.

        Raises
        ------
        FoldinError
            When DVC cannot write its cache: all of them are ended, because no later stage could keep its outputs.
        """
        command, place = [*DVC, "--wait-for-lock", "repro", *arguments], arguments[-1]
        try:
            with progress.following(shown := self._shown(place)) as file:
                return self._run(command, {**(environment or {}), progress.VARIABLE: str(file)}, shown)
        finally:
            progress.terminal.end(place)

    def _shown(self, place: str) -> progress.Show:
        """Return what shows the lines of one DVC."""
        if not progress.in_terminal():
            return progress.Lines()
        number = 0

        def show(kind: str, text: str) -> None:
            nonlocal number
            if BEGINS.match(text):
                with self._turn:
                    number = self._begun = self._begun + 1
            of = f" of {self._total}" if self._total else ""
            counted = f"stage {number}{of}: " if number and kind != progress.SAY else ""
            progress.terminal.show(kind, counted + text, place)

        return show

    def _run(self, command: list[str], environment: Mapping[str, str], shown: progress.Show) -> bool:
        # Stages are run as `python`, which must be this one.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with self._turn:
            if self._ending:
                return False
            running = subprocess.Popen(
                command,
                cwd=paths.root(),
                env={**os.environ, "PATH": path, **environment},
                text=True,
                errors="replace",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self._running.append(running)
        assert running.stdout is not None
        with running.stdout:
            for line in running.stdout:
                if line.startswith(NOT_IN_CACHE):
                    self.end()
                    what = f"DVC's cache cannot be written: {line.removeprefix(NOT_IN_CACHE).strip()}"
                    remedy = "free space there or mend permissions, then run again: what is done is not done twice"
                    raise FoldinError(what, remedy=remedy)
                if line.strip() and not line.startswith(UNSAID):
                    begins = BEGINS.match(line) or line.startswith("> ")
                    shown(progress.STEP if begins else progress.SAY, line.rstrip("\n"))
        return running.wait() == 0

    def end(self) -> None:
        """End them all; each ends its stage."""
        with self._turn:
            self._ending = True
        with pipeline.no_dvc_writing(PATIENCE):  # a DVC that ends while it writes dvc.lock leaves a part of it
            for running in self._running:
                running.terminate()
        for running in self._running:
            try:
                running.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()


def run() -> None:
    """Bring every stage up to date. A stage that fails stops those that need it, and no others.

    Raises
    ------
    FoldinError
        When a stage fails.
    """
    at_once, runs = workers.beside() + 1, Runs()
    try:
        complete = _several(runs, at_once) if at_once > 1 else runs.repro("--keep-going")
    except BaseException:
        runs.end()
        raise
    if not complete:
        remedy = "mend what it says above, then run it again: what is done is not done twice"
        raise FoldinError("not every stage ran through", where="dvc.yaml", remedy=remedy)


def _several(runs: Runs, at_once: int) -> bool:
    stages = pipeline.every(params.datasets(), params.families())
    inputs = [name for name in stages if _kind(name) in INPUT]
    changed = _changed()
    complete = True
    if changed.intersection(inputs):
        runs.expect(len(changed.intersection(inputs)))
        complete = runs.repro("--keep-going", *inputs)
        changed = _changed()
    # An input that has changed again meanwhile, such as a notebook saved in Jupyter, is no failure.
    broken = set() if complete else {stages[name].dataset for name in changed.intersection(inputs)}
    if None in broken:
        return False
    jobs = [job for job in jobs_of(stages) if changed.intersection(job) and stages[job[0]].dataset not in broken]
    waited_for = {stages[job[0]].dataset for job in jobs if _kind(job[0]) in FAMILY}
    jobs += [
        (name,)
        for name in stages
        if _kind(name) in REPORT and name in changed and stages[name].dataset not in broken | waited_for
    ]
    complete &= _side_by_side(runs, jobs, stages, at_once)
    # Whatever is left, such as a stage of your own; nothing that failed is tried again.
    runs.expect(0)
    return complete and runs.repro("--keep-going")


def jobs_of(stages: Mapping[str, pipeline.Declared]) -> list[tuple[str, ...]]:
    """Return the stages that one DVC runs after another, for each family and guest: those with most to train first.

    Parameters
    ----------
    stages : mapping of str to pipeline.Declared
        The pipeline's.
    """
    families = sorted(params.families(), key=_fits, reverse=True)
    named = [
        tuple(f"{kind}@{dataset}-{family}" for kind in FAMILY) for dataset in params.datasets() for family in families
    ]
    named += [(f"{kind}@{dataset}",) for kind in GUEST for dataset in params.datasets()]
    return [job for job in named if all(name in stages for name in job)]


def _fits(family: str) -> int:
    """Return how many models of a family are trained, one with several seeds being several."""
    return len(params.read().get(family) or ()) * params.seeds(family)


def _side_by_side(
    runs: Runs, jobs: list[tuple[str, ...]], stages: Mapping[str, pipeline.Declared], at_once: int
) -> bool:
    """Run jobs, several at a time, and each data set's report after its families; return whether all ran through."""
    start, complete, done = time.monotonic(), True, 0
    alone = {workers.ALONE: "1"} if len(jobs) > 1 else {}
    due = Counter(stages[job[0]].dataset for job in jobs if _kind(job[0]) in FAMILY)
    reports = {stages[name].dataset: (name,) for name in stages if _kind(name) in REPORT}
    with ThreadPoolExecutor(at_once) as pool:

        def begin(job: tuple[str, ...]) -> Future[bool]:
            return pool.submit(runs.repro, "--single-item", *job, environment=alone)

        waiting = deque(jobs)
        running: dict[Future[bool], tuple[str, ...]] = {}
        total = len(jobs) + len(due)
        runs.expect(sum(map(len, jobs)) + len(due))
        try:
            while waiting or running:
                # One by one, so that a report need not wait for the families of other data sets.
                while waiting and len(running) < at_once:
                    job = waiting.popleft()
                    running[begin(job)] = job
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    dataset, done = stages[job[0]].dataset, done + 1
                    left = (time.monotonic() - start) / done * (total - done)
                    went, kind = ("is done", progress.STEP) if future.result() else ("failed", progress.SAY)
                    name = job[-1].replace("evaluate@", "")
                    runs.say(kind, f"{name} {went}: {done} of {total}; about {loops.duration(left)} left")
                    complete &= future.result()
                    if _kind(job[0]) not in FAMILY:
                        continue
                    due[dataset] -= 1 if future.result() else len(jobs) + 1  # after a failure it never comes to 0
                    if due[dataset] == 0:
                        waiting.appendleft(reports[dataset])
        except BaseException:
            runs.end()  # before the pool waits for them
            pool.shutdown(cancel_futures=True)
            raise
    return complete


def _kind(stage: str) -> str:
    return stage.split("@")[0]


def _changed() -> set[str]:
    """Return the stages that are not up to date, of those whose inputs are there."""
    asked = subprocess.run(
        [*DVC, "--wait-for-lock", "status", "--json"], cwd=paths.root(), capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        lines = [line for line in asked.stderr.splitlines() if line.strip()]
        raise FoldinError(f"dvc status: {lines[0] if lines else 'failed'}", where="dvc.yaml", remedy="see: dvc status")
    return set(json.loads(asked.stdout))
