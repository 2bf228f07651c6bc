"""Refuses test ratings that are all liked or all not, where the split is made and again where models are judged."""

import numpy as np

from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray


def check_classes(ratings: FloatArray, threshold: float) -> None:
    """Refuse test ratings that are all liked, or all not: every metric of such labels is perfect or empty by itself.

    Parameters
    ----------
    ratings : ndarray of float32, shape (n,)
        The test ratings.
    threshold : float
        The lowest rating that means "liked".

    Raises
    ------
    FoldinError
        When there is one class only.
    """
    liked = ratings >= threshold
    if not liked.any() or liked.all():
        which, same = ("all", "") if liked.all() else ("none", " not")
        only = f", each of them {ratings[0]:g}" if np.ptp(ratings) == 0 else ""
        raise FoldinError(
            f"{which} of {len(ratings):,} test ratings are at least {threshold:g} (evaluation.liked_share){only}: "
            f"a model that calls everything{same} liked would be perfect",
            where="params.yaml",
            remedy="choose a threshold that parts them, or another split; where there is one rating only, there is "
            "nothing to predict: declare it as feedback: implicit",
        )
