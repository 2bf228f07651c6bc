"""What was judged by mistake: the metrics of the projects S1 and S2, made again on ratings at hand.

The projects are named as on the page of anchors (reports/anchors.md). Every function takes arrays and
returns a table: what the mistake prints, what it prints of something that has learnt nothing,
and, where the same data can tell it, the truth.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from foldin import metrics
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.als import ExplicitALS
from foldin.models.parts.factorization import row_dots
from foldin.models.parts.recommender import RatingRecommender, Recommender
from foldin.models.svd import by_lanczos, by_random_projection
from foldin.traps.parts import of_ones
from foldin.traps.tables import AS_PUBLISHED, KNOWING_NOTHING, MENDED, ORDER_OF_IDS, Row, need, table

S2_MATRIX = ((1_419_907, 581_060), (466_740, 1_532_346))
"""The confusion matrix that S2 printed for MovieLens 20M, as scikit-learn gave it."""


def classified(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, zero_division: int = 0) -> dict[str, float]:
    """Return RMSE, and precision, recall and F1 at 0.5, as S1 printed them.

    Parameters
    ----------
    actual : array_like of float, shape (n,)
        Labels, 0 or 1.
    predicted : array_like of float, shape (n,)
        What a model made of them.
    zero_division : int, optional
        What scikit-learn puts where a metric is 0/0: the precision of a model that chooses nothing. S1's
        metrics follow from 0 for its SVD, precision 0, and from 1 for its ALS, precision 1.
    """
    labels, chosen = np.asarray(actual) > 0.5, np.asarray(predicted) > 0.5
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, chosen, average="binary", zero_division=zero_division
    )
    rmse = metrics.rmse(actual, predicted)
    return {"RMSE": rmse, "precision": float(precision), "recall": float(recall), "F1": float(f1)}


def pivoted_by_row(columns: Sequence[IntArray], rows: int, most: int, seed: int) -> sparse.csr_array:
    """Make the matrix of S1: row r holds the items of the r-th rating of each domain, whoever gave them.

    Parameters
    ----------
    columns : sequence of ndarray of int32
        Of each domain, the items of its ratings in file order, numbered from 0 within the domain; -1 leaves a row
        without an item.
    rows : int
        Rows drawn at random out of those that are there.
    most : int
        Items with more interactions than this are dropped, and those without one.
    seed : int
        Seed of the draw.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (rows, n_items)
        Ones.
    """
    length = max(len(items) for items in columns)
    starts = np.cumsum([0, *(items.max(initial=-1) + 1 for items in columns)])
    at = np.concatenate([np.flatnonzero(items >= 0) for items in columns])
    items = np.concatenate([items[items >= 0] + start for items, start in zip(columns, starts, strict=False)])
    whole = sparse.csr_array((np.ones(len(at)), (at, items)), shape=(length, starts[-1]))
    drawn = np.sort(np.random.default_rng(seed).permutation(length)[:rows])
    sampled = whole[drawn]
    counts = np.bincount(sampled.indices, minlength=starts[-1])
    return sparse.csr_array(sampled[:, np.flatnonzero((counts > 0) & (counts <= most))])


def mixed_up_rows(
    cells: sparse.csr_array, factors: int, held: float, seed: int, *, lanczos: bool = True
) -> pd.DataFrame:
    """S1, SVD: judge row r of the test matrix by row r of the reconstructed *training* matrix.

    Parameters
    ----------
    cells : scipy.sparse.csr_array, shape (n_rows, n_items)
        Ones, as `pivoted_by_row` makes them.
    factors : int
        Singular vectors; fewer where the matrix is smaller.
    held : float
        Share of the rows that is held out.
    seed : int
        Seed of the split by row and of the decompositions.
    lanczos : bool, optional
        Whether to show `svds` beside `TruncatedSVD`; it is slow where many singular values are alike.
    """
    order = np.random.default_rng(seed).permutation(cells.shape[0])
    n_test = int(held * len(order))
    test, train = cells[order[:n_test]], cells[order[n_test:]]
    need(min(train.shape) > 1, f"{cells.shape[0]} rows of {cells.shape[1]} items are too few to decompose")
    need(test.nnz and train.nnz, "the rows held out, or the others, hold no item")
    factors = min(factors, min(train.shape) - 1)
    rows, items = (side.astype(np.int32) for side in test.nonzero())
    ones = np.ones(len(rows))
    readings: list[Row] = []
    for name, decompose in (("svds", by_lanczos), ("TruncatedSVD", by_random_projection))[0 if lanczos else 1 :]:
        _, right = decompose(train, factors, seed)
        # The mistake: `rows` count test rows, and these are factors of train rows.
        predicted = row_dots(train @ right.T, rows, right.T, items)
        readings.append((AS_PUBLISHED, name, classified(ones, predicted)))
    return table(*readings, (KNOWING_NOTHING, "predict 0 for everything", classified(ones, np.zeros(len(rows)))))


def all_cells(cells: sparse.csr_array, share: float, model: ExplicitALS, held: float, seed: int) -> pd.DataFrame:
    """S1, ALS: learn from and judge on a share of *all* cells, nearly all of which are 0 because nobody filled them.

    Parameters
    ----------
    cells : scipy.sparse.csr_array, shape (n_rows, n_items)
        Ones, as `pivoted_by_row` makes them.
    share : float
        How many of all cells are drawn.
    model : ExplicitALS
        The unfitted model.
    held : float
        Share of the cells drawn that is held out.
    seed : int
        Seed of the draw and of the split by cell.
    """
    rng = np.random.default_rng(seed)
    need(cells.nnz, "no item is left: all occur too often among the rows, or none occurs")
    size = cells.shape[0] * cells.shape[1]
    drawn = np.unique(rng.integers(size, size=int(share * size)))
    rows, items = (side.astype(np.int32) for side in np.divmod(drawn, cells.shape[1]))
    filled = np.isin(drawn, np.ravel_multi_index(cells.nonzero(), cells.shape)).astype(np.int32)
    asked = rng.random(len(drawn)) < held
    need(not asked.all(), f"of {size:,} cells none is drawn to learn from")
    need(filled[asked].any(), f"of {size:,} cells none that is filled is drawn to be judged on")
    model.fit(of_ones(rows[~asked], items[~asked], filled[~asked], cells.shape))
    labels = filled[asked].astype(np.float64)
    density = float(cells.nnz / size)
    predictions = {"ALS on all cells": model.predict(rows[asked], items[asked])}
    predictions["predict 0 for everything"] = np.zeros(len(labels), dtype=np.float32)
    # The option by which the precision of nothing, 0/0, comes out as 1.0, as in S1.
    als, zeros = ((name, classified(labels, made, zero_division=1)) for name, made in predictions.items())
    return table(
        (AS_PUBLISHED, *als),
        (KNOWING_NOTHING, *zeros),
        ("the formula", "√(share of all cells that are 1)", {"RMSE": np.sqrt(density)}),
    )


def users_are_users(train: Interactions, test: Interactions, models: Mapping[str, Recommender], k: int) -> pd.DataFrame:
    """Mend S1: rows are users, ratings are ratings; errors of known ratings, and lists out of the whole catalogue.

    Parameters
    ----------
    train, test : Interactions
        Parts of the ratings of the same users.
    models : mapping of str to Recommender
        Fitted on `train`.
    k : int
        Length of the lists.
    """
    users, items, actual = test.triples()
    asked = np.unique(users)
    readings: list[Row] = []
    for name, model in models.items():
        by_user = metrics.ranking_metrics(model.recommend(asked, k)[0], test.ratings[asked])
        ranked = {f"{title}@{k}": float(by_user[title].mean()) for title in ("precision", "recall", "ndcg")}
        rated = {}
        if isinstance(model, RatingRecommender):
            rated["RMSE"] = metrics.rmse(actual, model.predict(users, items))
        if name == "global-mean":
            # As a rating it knows nothing; as a list it is the order of ids, which may be that of fame.
            readings += [(KNOWING_NOTHING, name, rated), (ORDER_OF_IDS, f"{name}, as a list", ranked)]
        else:
            readings.append((KNOWING_NOTHING if name == "random" else MENDED, name, rated | ranked))
    return table(*readings)


def scores_as_ratings(
    test: Interactions, scorer: Recommender, nothing: RatingRecommender, chance: Recommender, k: int
) -> pd.DataFrame:
    """Read the scores of a model that ranks, such as an SVD whose missing cells are 0, as if they were ratings.

    Parameters
    ----------
    test : Interactions
        The held-out ratings.
    scorer : Recommender
        A fitted model that ranks only.
    nothing : RatingRecommender
        A fitted model that has learnt nothing but the mean.
    chance : Recommender
        A fitted model that ranks at random.
    k : int
        Length of the lists.
    """
    users, items, actual = test.triples()
    asked = np.unique(users)
    scores = scorer.score(asked)[np.searchsorted(asked, users), items]
    off = metrics.rmse(actual, nothing.predict(users, items))
    need(off, f"all held-out ratings are {actual[0]:.4g}, so the mean makes no error to compare with")

    def as_ratings(predicted: FloatArray) -> dict[str, float]:
        mean = f"mean of what is predicted (ratings: {actual.mean():.2f})"
        return {"RMSE": metrics.rmse(actual, predicted), mean: float(predicted.mean())}

    def as_lists(model: Recommender) -> dict[str, float]:
        return {f"NDCG@{k}": float(metrics.ndcg(model.recommend(asked, k)[0], test.ratings[asked]).mean())}

    return table(
        (AS_PUBLISHED, scorer.name, as_ratings(scores) | as_lists(scorer)),
        (KNOWING_NOTHING, nothing.name, as_ratings(nothing.predict(users, items))),
        (KNOWING_NOTHING, chance.name, as_lists(chance)),
    )


def read_matrix(matrix: npt.ArrayLike) -> pd.DataFrame:
    """S2: read scikit-learn's confusion matrix the wrong way round, [[TP, FP], [FN, TN]], and the right one.

    Parameters
    ----------
    matrix : array_like of int, shape (2, 2)
        As scikit-learn gives it: rows are what is true, columns what is predicted, "no" before "yes".
    """
    (a, b), (c, d) = np.asarray(matrix)
    # Those that one of the three readings divides by.
    counts = {"above the mean": c + d, "predicted above it": b + d, "not above the mean": a + b}
    counts["predicted not above it"] = a + c
    for which, count in counts.items():
        need(count, f"none of {a + b + c + d:,} held-out ratings is {which}, so a precision or recall is 0/0")

    def measured(tp: float, fp: float, fn: float, tn: float) -> dict[str, float]:
        total = tp + fp + fn + tn
        shares = {"precision": tp / (tp + fp), "recall": tp / (tp + fn), "accuracy": (tp + tn) / total}
        return {"TP": tp, "FP": fp, "FN": fn, "TN": tn, **shares}

    return table(
        (AS_PUBLISHED, "read as [[TP, FP], [FN, TN]]", measured(a, b, c, d)),
        (KNOWING_NOTHING, "say yes to every pair", measured(c + d, a + b, 0, 0)),
        (MENDED, "read as [[TN, FP], [FN, TP]]", measured(d, b, c, a)),
    )


def confusion_of(actual: FloatArray, predicted: FloatArray, threshold: float) -> npt.NDArray[np.int64]:
    """Return the confusion matrix of "above the threshold", as scikit-learn orders it, shape (2, 2)."""
    counts: npt.NDArray[np.int64] = confusion_matrix(actual > threshold, predicted > threshold, labels=[False, True])
    return counts


def error_as_accuracy(actual: FloatArray, predictions: Mapping[str, FloatArray], threshold: float) -> pd.DataFrame:
    """S2: print the mean squared error as a percentage and call it accuracy.

    Parameters
    ----------
    actual : ndarray of float32, shape (n,)
        Ratings.
    predictions : mapping of str to ndarray of float32, shape (n,)
        Of several models; the first has learnt nothing.
    threshold : float
        A prediction is accurate when it lies on the rating's side of it.
    """
    readings: list[Row] = []
    for place, (name, predicted) in enumerate(predictions.items()):
        mse = metrics.rmse(actual, predicted) ** 2
        right = float(np.mean((actual > threshold) == (predicted > threshold)))
        measured = {
            "MSE": mse,
            "printed as accuracy, %": 100 * mse,
            "RMSE": np.sqrt(mse),
            "true accuracy, %": 100 * right,
        }
        readings.append((AS_PUBLISHED if place else KNOWING_NOTHING, name, measured))
    found = table(*readings)
    need(found["MSE"].any(), "no model makes an error here")
    return found


def items_by_domain(ratings: Interactions, rows: int) -> list[IntArray]:
    """Return the items of the first so many ratings of each domain, numbered within it, for `pivoted_by_row`."""
    items = ratings.triples()[1]
    domains = ratings.items["domain"].to_numpy()
    found = []
    for name in sorted(set(domains)):
        of_domain = items[domains[items] == name][:rows]
        found.append(np.unique(of_domain, return_inverse=True)[1].astype(np.int32))
    return found
