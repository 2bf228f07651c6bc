"""Metrics of predicted ratings as a classification: liked, at or above a threshold, or not liked."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foldin.metrics.metric import Metric, compute_all, count
from foldin.metrics.rating import errors


@dataclass(frozen=True)
class Classified:
    """How many pairs are liked and predicted liked; positive means liked."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def confusion(actual: npt.ArrayLike, predicted: npt.ArrayLike, threshold: float) -> dict[str, float]:
    """Evaluate predicted ratings as a classification into liked (at least `threshold`) and not liked.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Ratings in the data set's own unit.
    threshold : float
        The lowest rating that means "liked", in the same unit.

    Returns
    -------
    dict of str to float
        The metrics of `LIKED`, named without "liked_"; a ratio 0/0 has no value and is left out.
    """
    errors(actual, predicted)
    liked, chosen = np.asarray(actual) >= threshold, np.asarray(predicted) >= threshold
    counts = (liked & chosen, ~liked & chosen, liked & ~chosen, ~liked & ~chosen)
    found = compute_all(LIKED, Classified(*(int(np.sum(each)) for each in counts)))
    return {name.removeprefix("liked_"): value for name, value in found.items()}


def _share(part: int, total: int) -> float | None:
    return part / total if total else None


LIKED = (
    Metric(
        "liked_precision",
        "true positives / (true + false positives), where positive means a rating of at least the threshold",
        lambda n: _share(n.true_positives, n.true_positives + n.false_positives),
        title="precision",
    ),
    Metric(
        "liked_recall",
        "true positives / (true positives + false negatives)",
        lambda n: _share(n.true_positives, n.true_positives + n.false_negatives),
        title="recall",
    ),
    Metric(
        "liked_f1",
        "2 · true positives / (2 · true positives + false positives + false negatives)",
        lambda n: _share(2 * n.true_positives, 2 * n.true_positives + n.false_positives + n.false_negatives),
        title="F1",
    ),
    count("true_positives", "number of pairs liked and predicted liked", lambda n: n.true_positives, "true positives"),
    count(
        "false_positives",
        "number of pairs not liked and predicted liked",
        lambda n: n.false_positives,
        "false positives",
    ),
    count(
        "false_negatives",
        "number of pairs liked and predicted not liked",
        lambda n: n.false_negatives,
        "false negatives",
    ),
    count(
        "true_negatives",
        "number of pairs not liked and predicted not liked",
        lambda n: n.true_negatives,
        "true negatives",
    ),
)
"""Metrics of "liked or not", each computed from `Classified`; a ratio 0/0 is None."""
