"""The headline metrics: what `dvc metrics show` prints of a model, in one line.

DVC prints a line for each file and a column for each key, so each model has a file with these few. All metrics are in
the family's table (`foldin.core.paths.table`), which DVC does not print.
"""

from collections.abc import Mapping

from foldin.metrics import definitions

HEADLINE = ("rmse", "mae", "ndcg", "coverage")
"""How far ratings are off, squared and not; how good lists are; how much of the catalogue they show. The other metrics
follow one of these (recall, hit rate and MAP follow NDCG). With four, a line fits 120 columns even with the longest
path, and a diff of the largest family, six models, has at most 24 rows."""


def is_headline(name: str) -> bool:
    """Return whether a metric is a headline metric, by its full name: `ndcg_at_10` is, `ndcg_at_10_se` is not."""
    return definitions.base(name) in HEADLINE and not name.endswith(("_se", "_seed_sd"))


def of(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the headline metrics among a model's metrics."""
    return {name: value for name, value in metrics.items() if is_headline(name)}
