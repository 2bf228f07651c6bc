"""The log of a search: a line for each trial as it ends, so that a search that is stopped goes on from its trials.

Its first line is a fingerprint of everything outcomes depend on; a log with another one is begun anew. DVC does not
know the log: what a search finds is the same with and without it. A trial that was not possible is left out: with more
memory free, or on another machine, it may be.
"""

import json
from pathlib import Path

from foldin.tuning.trials import IMPOSSIBLE, Job, Outcome, Trial


class Log:
    """The outcomes of a search so far.

    Parameters
    ----------
    file : Path
        Where they are kept.
    fingerprint : str
        What they depend on.
    """

    def __init__(self, file: Path, fingerprint: str) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.is_file() else []
        # A process that was killed may have left half a line.
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        self._known: dict[int, tuple[dict[str, object], Outcome]] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if whole and whole[0] == {"fingerprint": fingerprint}:
            for entry in whole[1:]:
                outcome = Outcome(entry["state"], entry["value"], tuple(entry["curve"]))
                self._known[entry["number"]] = (entry["settings"], outcome)
            if lines[-1:] != [line for line in lines[-1:] if line.endswith("\n")]:
                file.write_text("".join(lines[:-1]), encoding="utf-8")
        else:
            file.write_text(json.dumps({"fingerprint": fingerprint}) + "\n", encoding="utf-8")

    def trials(self, last: int) -> list[Trial]:
        """Return the trials that are kept, in order, up to a number; 0 is that of the settings of params.yaml."""
        return [Trial(number, *known) for number, known in sorted(self._known.items()) if number <= last]

    def get(self, job: Job) -> Outcome | None:
        """Return the outcome of a trial, None where it is not kept."""
        settings, outcome = self._known.get(job.number, ({}, None))
        return outcome if settings == job.settings else None

    def add(self, job: Job, outcome: Outcome) -> None:
        """Keep an outcome."""
        self._known[job.number] = (job.settings, outcome)
        if outcome.state == IMPOSSIBLE:
            return
        entry = {"number": job.number, "settings": job.settings, "state": outcome.state, "value": outcome.value}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry | {"curve": outcome.curve}) + "\n")
