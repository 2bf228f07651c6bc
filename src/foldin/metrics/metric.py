"""What a metric is. Its name, definition, bounds, direction and code are together, in one entry of one tuple.

The tuples stand beside the functions: `RATING` in `rating`, `LIKED` in `liked`, `RANKING` in `ranking`, `GRADED` and
`LIKED_ONLY` in `graded`, `SCORES` in `auc`, `LISTS`, `CATALOGUE` and `BUCKETED` in `beyond_accuracy`, `ADVANTAGE` in
`oracle_gap`, `COUNTS` in `definitions`. To add a metric, add an entry: `evaluate` computes it, the guards check its
bounds, `definitions.json` defines it, and the leaderboard shows it if it has a title.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A number by which models are evaluated.

    Attributes
    ----------
    name : str
        As metrics files have it, without "sampled_", "_at_10" and "_se".
    text : str
        The definition: the formula, and what the symbols are.
    compute : callable
        The code. What it takes and returns is the same for all metrics of a tuple, and is said there.
    lowest, highest : float, optional
        The values it can have: 0 to 1 unless given.
    higher_is_better : bool or None, optional
        The direction; None where neither is better, as of a count.
    title : str, optional
        The heading of its column in the leaderboard; without one it has no column.
    of_groups : bool, optional
        Whether it is also given for each domain and popularity bucket.
    standard_error : callable, optional
        Its standard error, from what `compute` takes, or from the users' values where the metric is a mean over users.
    interval : bool, optional
        Whether the leaderboard gives it a bootstrap interval and compares the models by it; for RMSE and metrics that
        are means over users.
    """

    name: str
    text: str
    compute: Callable[..., Any]
    lowest: float = 0.0
    highest: float = 1.0
    higher_is_better: bool | None = True
    title: str = ""
    of_groups: bool = False
    standard_error: Callable[..., float] | None = None
    interval: bool = False


def count(name: str, text: str, compute: Callable[..., Any], title: str = "") -> Metric:
    """Return a metric that counts something: 0 or more, and neither direction is better."""
    return Metric(name, text, compute, highest=math.inf, higher_is_better=None, title=title)


def titled(metrics: Iterable["Metric"]) -> dict[str, "Metric"]:
    """Return the metrics that have a column in the leaderboard, by its heading."""
    return {metric.title: metric for metric in metrics if metric.title}


def compute_all(metrics: Iterable[Metric], given: Any) -> dict[str, Any]:
    """Return metrics by name; one that has no value, None, is left out."""
    values = {metric.name: metric.compute(given) for metric in metrics}
    return {name: value for name, value in values.items() if value is not None}
