"""Metrics of lists by how their hits were rated: graded gains, and liked items alone. See foldin.metrics.graded."""

from collections.abc import Callable

import numpy as np

from foldin.core.interactions import UNKNOWN, IntArray, Values
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import RankedHits, graded
from foldin.metrics.graded import RankedGains


def of_lists(test: HeldOut, items: IntArray, liked_share: float) -> Callable[[int], dict[str, Values]]:
    """Return what gives the metrics of `GRADED` and `LIKED_ONLY` at each length of list.

    Parameters
    ----------
    test : HeldOut
        The test part.
    items : ndarray of int32, shape (n_ranked, length)
        The lists of the ranked users.
    liked_share : float
        `evaluation.liked_share`: how far up the scale "liked" begins.

    Returns
    -------
    callable
        From k, at most the length, to the values of the ranked users by metric, each of shape (n_ranked,); no metric
        where feedback is implicit, since nobody gave a rating.
    """
    scale = test.training.scale
    if scale.feedback == "implicit":
        return lambda k: {}
    users, _ = test.indices
    n, length = items.shape
    known = users != UNKNOWN
    rows = np.searchsorted(test.ranked, users[known])
    ratings = test.ratings[known]
    best = graded.best_gains(rows, graded.gains(ratings, scale), n, length)
    listed = graded.held_ratings(items, test.relevant[test.ranked])
    gained = graded.gains(listed, scale)
    # As `metrics.confusion` does, so that both mean the same by liked.
    liked_from = scale.liked_from(liked_share)
    liked, n_liked = listed >= liked_from, np.bincount(rows[ratings >= liked_from], minlength=n)

    def at(k: int) -> dict[str, Values]:
        of_gains = graded.metrics_of_gains(RankedGains(gained[:, :k], best[:, :k]))
        return of_gains | graded.metrics_of_liked(RankedHits(liked[:, :k], n_liked))

    return at
