"""Misread numbers: scores as ratings, a transposed confusion matrix, an error as accuracy, five errors as one.

S2, a student project that docs/gallery.md introduces, printed the second and the third.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from foldin import metrics
from foldin.core.interactions import FloatArray, Interactions
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender
from foldin.traps.tables import CONTROL, CORRECTED, MISTAKE, Exhibit, Row, require, table

S2_MATRIX = ((1_419_907, 581_060), (466_740, 1_532_346))
"""The confusion matrix that S2 printed for MovieLens 20M, as scikit-learn gave it."""
RIGHT_SIDE = "pairs on the right side of the mean, %"
"""The column of the share of pairs whose rating and prediction are both above the threshold, or both not."""


def scores_as_ratings(
    test: Interactions, scorer: Recommender, mean: RatingRecommender, at_random: Recommender, k: int
) -> Exhibit:
    """Read the scores of a ranking model, such as an SVD with missing cells set to 0, as if they were ratings.

    The fitted models are one that only ranks, one that predicts the mean rating, and one that ranks at random.
    """
    users, items, actual = test.triples()
    asked = np.unique(users)
    scores, level = scorer.score(asked)[np.searchsorted(asked, users), items], mean.predict(users, items)
    off, off_mean = metrics.rmse(actual, scores), metrics.rmse(actual, level)
    require(off_mean, f"all held-out ratings are {actual[0]:.4g}, so the mean makes no error to compare with")
    ndcg, ndcg_at_random = (
        float(metrics.ndcg(model.recommend(asked, k)[0], test.ratings[asked]).mean()) for model in (scorer, at_random)
    )
    title, list_title = f"mean score (mean rating: {actual.mean():.2f})", f"NDCG@{k}"
    return Exhibit(
        table(
            (MISTAKE, scorer.name, {"RMSE": off, title: float(scores.mean()), list_title: ndcg}),
            (CONTROL, mean.name, {"RMSE": off_mean, title: float(level.mean())}),
            (CONTROL, at_random.name, {list_title: ndcg_at_random}),
        ),
        f"The mean score is {scores.mean():.2f} and the mean rating {actual.mean():.2f}, so the “RMSE” of the scores "
        f"is {off / off_mean:.1f} times that of predicting the mean. As a ranking, the scores "
        f"{'beat' if ndcg > ndcg_at_random else 'do not beat'} random ones: NDCG {ndcg:.4f} against "
        f"{ndcg_at_random:.4f}.",
    )


def read_matrix(matrix: npt.ArrayLike, model: str = "", threshold: float = math.nan) -> Exhibit:
    """S2: read scikit-learn's confusion matrix the wrong way round, [[TP, FP], [FN, TN]], and the right way.

    Parameters
    ----------
    matrix : array_like of int, shape (2, 2)
        As scikit-learn gives it: rows are actual, columns predicted classes, negative before positive.
    model : str, optional
        The model that predicted the classes, if it is not S2's.
    threshold : float, optional
        The rating above which that model's classes are positive.
    """
    (a, b), (c, d) = np.asarray(matrix)
    # A precision or a recall divides by each of these.
    counts = {"above the mean": c + d, "predicted above it": b + d, "not above the mean": a + b}
    counts["predicted not above it"] = a + c
    for which, count in counts.items():
        require(count, f"none of {a + b + c + d:,} held-out ratings is {which}, so a precision or recall is 0/0")

    def measured(tp: float, fp: float, fn: float, tn: float) -> dict[str, float]:
        total = tp + fp + fn + tn
        shares = {"precision": tp / (tp + fp), "recall": tp / (tp + fn), "accuracy": (tp + tn) / total}
        return {"TP": tp, "FP": fp, "FN": fn, "TN": tn, **shares}

    wrong, right = measured(a, b, c, d), measured(d, b, c, a)
    positive = f"Positive: a rating above the mean, {threshold:.2f}. The model is {model}. " if model else ""
    return Exhibit(
        table(
            (MISTAKE, "read as [[TP, FP], [FN, TN]]", wrong),
            (CONTROL, "predict positive for every pair", measured(c + d, a + b, 0, 0)),
            (CORRECTED, "read as [[TN, FP], [FN, TP]]", right),
        ),
        f"{positive}Accuracy is {right['accuracy']:.4f} either way, so it does not show the swap. Precision is "
        f"{wrong['precision']:.4f} if the matrix is read the wrong way and {right['precision']:.4f} if it is read the "
        "right way.",
    )


def confusion_of(actual: FloatArray, predicted: FloatArray, threshold: float) -> npt.NDArray[np.int64]:
    """Return the confusion matrix of "above the threshold", as scikit-learn orders it, shape (2, 2)."""
    counts: npt.NDArray[np.int64] = confusion_matrix(actual > threshold, predicted > threshold, labels=[False, True])
    return counts


def error_as_accuracy(actual: FloatArray, predictions: Mapping[str, FloatArray], threshold: float) -> Exhibit:
    """S2: print the mean squared error as a percentage and call it accuracy.

    The first of the predictions, each of shape (n,), is the control. A prediction is accurate when it is on the same
    side of the threshold as the rating.
    """
    readings: list[Row] = []
    for place, (name, predicted) in enumerate(predictions.items()):
        mse = metrics.rmse(actual, predicted) ** 2
        right = 100 * float(np.mean((actual > threshold) == (predicted > threshold)))
        measured = {"MSE": mse, "printed as accuracy, %": 100 * mse, "RMSE": np.sqrt(mse), RIGHT_SIDE: right}
        readings.append((MISTAKE if place else CONTROL, name, measured))
    found = table(*readings)
    require(found["MSE"].any(), "no model makes an error here")
    printed, right_side = (found.droplevel("row")[name] for name in ("printed as accuracy, %", RIGHT_SIDE))
    return Exhibit(
        found,
        f"The worst model, {printed.idxmax()}, prints the highest “accuracy”: {printed.max():.1f} %. Most pairs "
        f"are on the right side of the mean rating with {right_side.idxmax()}: {right_side.max():.1f} %.",
    )


def one_model_many_errors(train: Interactions, test: Interactions, model: RatingRecommender) -> Exhibit:
    """Print the error of a model fitted on `train` by several definitions, each of which has been called RMSE."""
    users, items, actual = test.triples()
    require(len(actual) > 1, f"{len(actual)} held-out rating has no half with the more popular items")
    predicted = model.predict(users, items)
    rmse = metrics.rmse(actual, predicted)
    squares = np.square(metrics.errors(actual, predicted))
    counts = np.bincount(users, minlength=test.n_users)
    by_user = np.sqrt(np.bincount(users, squares, test.n_users)[counts > 0] / counts[counts > 0])
    popular = np.bincount(train.ratings.indices, minlength=train.n_items)
    often = np.argsort(-popular[items], kind="stable")[: len(items) // 2]
    own, highest = train.triples(), train.scale.highest
    ways = {
        "mean over users of each user's RMSE": float(by_user.mean()),
        "the half of the test ratings with the more popular items": float(np.sqrt(squares[often].mean())),
        f"ratings divided by {highest:g} first": rmse / (highest or 1),
        "the training ratings": metrics.rmse(own[2], model.predict(*own[:2])),
    }
    if highest == 1 or highest <= 0:  # already divided by the highest, or not worth dividing by it
        del ways[f"ratings divided by {highest:g} first"]
    found = table(
        (CORRECTED, "all test ratings at once, in rating units", {"“RMSE”": rmse}),
        *((MISTAKE, how, {"“RMSE”": value}) for how, value in ways.items()),
    )
    least, most = found["“RMSE”"].min(), found["“RMSE”"].max()
    return Exhibit(
        found,
        f"The RMSE is {rmse:.4f}. Depending on the definition, the value ranges from {least:.4f} to {most:.4f}.",
    )
