"""What models are judged by: arrays in, arrays out. What each metric is stands in `definitions`, once.

Training, evaluation and the gallery of traps compute with these. Nothing here knows a model, a data set or a file.
"""

from foldin.metrics.ranking import MEANS, blocks, coverage, hits, metrics_of_hits, ndcg, ranking_metrics
from foldin.metrics.rating import calibration, confusion, errors, mae, r_squared, rmse, user_rmse

__all__ = [
    "MEANS",
    "blocks",
    "calibration",
    "confusion",
    "coverage",
    "errors",
    "hits",
    "mae",
    "metrics_of_hits",
    "ndcg",
    "r_squared",
    "ranking_metrics",
    "rmse",
    "user_rmse",
]
