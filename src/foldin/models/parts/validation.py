"""Evaluates a fitted model on the validation part, as notebooks do before the test part is read."""

import numpy as np

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import Interactions
from foldin.core.loops import Blocks
from foldin.metrics.ranking import BLOCK_USERS
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender


def validate(model: Recommender, validation: Interactions, k: int, block_users: int = BLOCK_USERS) -> dict[str, float]:
    """Judge a fitted model on the validation part.

    Parameters
    ----------
    model : Recommender
        Fitted on the train part; ranks every item of the catalogue that a user has no train rating of.
    validation : Interactions
        The held-out ratings.
    k : int
        Length of the lists.
    block_users : int, optional
        Users scored at once.

    Returns
    -------
    dict of str to float
        `ndcg_at_<k>`, `recall_at_<k>`, means over users with a validation rating; `rmse` for rating models.

    Raises
    ------
    FoldinError
        When the validation part is empty, or the model gives NaN.
    """
    ratings = validation.ratings
    users = np.flatnonzero(np.diff(ratings.indptr)).astype(np.int32)
    if not len(users):
        raise FoldinError("the validation part is empty", remedy="raise split.validation")
    parts = []
    shown = Blocks(f"{model.name}: ranking for user", validation.n_users)
    for block in metrics.blocks(users, block_users):
        shown.begin(int(block[0]))
        parts.append(metrics.ranking_metrics(model.recommend(block, k)[0], ratings[block]))
    measured = {
        f"{name}_at_{k}": float(np.mean(np.concatenate([part[name] for part in parts]))) for name in ("ndcg", "recall")
    }
    if isinstance(model, RatingRecommender):
        rows, items, actual = validation.triples()
        measured["rmse"] = metrics.rmse(actual, model.predict(rows, items, validation.days_of_ratings()))
    return measured
