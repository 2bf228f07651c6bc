"""Metrics of models: arrays in, arrays out. A metric's definition, bounds, direction and code are together.

Training, evaluation and the gallery of traps compute with these. Nothing here knows a model, a data set or a file.
"""

from foldin.metrics.beyond_accuracy import coverage
from foldin.metrics.liked import confusion
from foldin.metrics.ranking import RankedHits, blocks, hits, metrics_of_hits, ndcg, ranking_metrics
from foldin.metrics.rating import RatingErrors, errors, mae, rmse

__all__ = [
    "RankedHits",
    "RatingErrors",
    "blocks",
    "confusion",
    "coverage",
    "errors",
    "hits",
    "mae",
    "metrics_of_hits",
    "ndcg",
    "ranking_metrics",
    "rmse",
]
