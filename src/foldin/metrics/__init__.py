"""What models are judged by: arrays in, arrays out. What each metric is stands in `definitions`, once.

Training, evaluation and the gallery of traps compute with these. Nothing here knows a model, a data set or a file.
"""

from foldin.metrics.ranking import MEANS, blocks, coverage, figures_of_hits, hits, ndcg, ranking_figures
from foldin.metrics.rating import calibration, confusion, errors, mae, r_squared, rmse, user_rmse

__all__ = [
    "MEANS",
    "blocks",
    "calibration",
    "confusion",
    "coverage",
    "errors",
    "figures_of_hits",
    "hits",
    "mae",
    "ndcg",
    "r_squared",
    "ranking_figures",
    "rmse",
    "user_rmse",
]
