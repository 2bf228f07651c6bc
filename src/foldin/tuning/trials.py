"""What a search and the runs of its trials exchange: jobs, outcomes and trials."""

from dataclasses import dataclass, field
from typing import Any

COMPLETE, PRUNED, DIVERGED, IMPOSSIBLE = "complete", "pruned", "diverged", "impossible"
WORDS = {PRUNED: "stopped early", DIVERGED: "diverged", IMPOSSIBLE: "not possible"}
"""How a trial without a value ended, for people."""
METHODS = {"grid": "grid search", "random": "random search", "tpe": "TPE"}
"""How settings are chosen, for people; TPE is the tree-structured Parzen estimator (Bergstra et al. 2011)."""
Curve = tuple[float, ...]
"""The validation metric after each epoch."""


@dataclass(frozen=True)
class Job:
    """A trial to run.

    Attributes
    ----------
    number : int
        From 1; 0 is the settings of params.yaml, which are not part of the search and are never pruned.
    settings : dict
        What this trial changes of the settings of params.yaml.
    earlier : tuple of tuple of float
        The curves of complete trials that it is held against while it learns.
    """

    number: int
    settings: dict[str, Any]
    earlier: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes
    ----------
    state : str
        `complete`; `pruned` when it was stopped early; `diverged` when its weights were no numbers any more;
        `impossible` when the model refused to learn, as one that does not fit into memory does.
    value : float or None
        The validation metric, to 6 decimals; None unless complete.
    curve : tuple of float
        The validation metric after each epoch, in the first fold where there are folds.
    """

    state: str
    value: float | None
    curve: Curve
    reason: str = field(default="", compare=False)
    """Why it is impossible. It may name the memory that is free now, so that no file holds it."""
    remedy: str = field(default="", compare=False)
    """What to do about that."""


@dataclass(frozen=True)
class Trial:
    """A trial that has ended."""

    number: int
    settings: dict[str, Any]
    outcome: Outcome


def best(found: list[Trial], *, lower_is_better: bool) -> Trial | None:
    """Return the complete trial with the best value, the first of equal ones; None where none is complete."""
    complete = [trial for trial in found if trial.outcome.value is not None]
    sign = 1 if lower_is_better else -1
    return min(complete, key=lambda trial: (sign * (trial.outcome.value or 0.0), trial.number), default=None)
