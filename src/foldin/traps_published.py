"""What was judged by mistake: the figures of the projects S1 and S2, made again on ratings at hand.

The projects are named as on the page of anchors (reports/anchors.md). Every function takes arrays and
returns a table of `foldin.traps.table`: what the mistake prints, what it prints of something that has learnt nothing,
and, where the same data can tell it, the truth.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score
from sklearn.neural_network import MLPRegressor

from foldin import metrics
from foldin.factorization import row_dots
from foldin.interactions import FloatArray, IntArray, Interactions
from foldin.models.als import ExplicitALS
from foldin.models.svd import by_lanczos, by_random_projection
from foldin.recommender import RatingRecommender, Recommender
from foldin.traps import AS_PUBLISHED, KNOWING_NOTHING, MENDED, Row, of_ones, table

Values = npt.NDArray[np.float64]
S2_MATRIX = ((1_419_907, 581_060), (466_740, 1_532_346))
"""The confusion matrix that S2 printed for MovieLens 20M, as scikit-learn gave it."""


def classified(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, float]:
    """Return RMSE, and precision, recall and F1 at 0.5, as S1 printed them: 0 where a figure has no value.

    Parameters
    ----------
    actual : array_like of float, shape (n,)
        Labels, 0 or 1.
    predicted : array_like of float, shape (n,)
        What a model made of them.
    """
    labels, chosen = np.asarray(actual) > 0.5, np.asarray(predicted) > 0.5
    precision, recall, f1, _ = precision_recall_fscore_support(labels, chosen, average="binary", zero_division=0)
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


def mixed_up_rows(cells: sparse.csr_array, factors: int, seed: int, *, lanczos: bool = True) -> pd.DataFrame:
    """S1, SVD: judge row r of the test matrix by row r of the reconstructed *training* matrix.

    Parameters
    ----------
    cells : scipy.sparse.csr_array, shape (n_rows, n_items)
        Ones, as `pivoted_by_row` makes them.
    factors : int
        Singular vectors; fewer where the matrix is smaller.
    seed : int
        Seed of the split (80/20 by row) and of the decompositions.
    lanczos : bool, optional
        Whether to show `svds` beside `TruncatedSVD`; it is slow where many singular values are alike.
    """
    order = np.random.default_rng(seed).permutation(cells.shape[0])
    n_test = len(order) // 5
    test, train = cells[order[:n_test]], cells[order[n_test:]]
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


def all_cells(cells: sparse.csr_array, share: float, model: ExplicitALS, seed: int) -> pd.DataFrame:
    """S1, ALS: learn from and judge on a share of *all* cells, nearly all of which are 0 because nobody filled them.

    Parameters
    ----------
    cells : scipy.sparse.csr_array, shape (n_rows, n_items)
        Ones, as `pivoted_by_row` makes them.
    share : float
        How many of all cells are drawn.
    model : ExplicitALS
        The unfitted model.
    seed : int
        Seed of the draw and of the split (80/20 by cell).
    """
    rng = np.random.default_rng(seed)
    size = cells.shape[0] * cells.shape[1]
    drawn = np.unique(rng.integers(size, size=int(share * size)))
    rows, items = (side.astype(np.int32) for side in np.divmod(drawn, cells.shape[1]))
    filled = np.isin(drawn, np.ravel_multi_index(cells.nonzero(), cells.shape)).astype(np.int32)
    held = rng.random(len(drawn)) < 0.2
    model.fit(of_ones(rows[~held], items[~held], filled[~held], cells.shape))
    labels = filled[held].astype(np.float64)
    density = float(cells.nnz / size)
    return table(
        (AS_PUBLISHED, "ALS on all cells", classified(labels, model.predict(rows[held], items[held]))),
        (KNOWING_NOTHING, "predict 0 for everything", classified(labels, np.zeros(len(labels)))),
        ("the formula", "√(share of cells that are 1)", {"RMSE": np.sqrt(density)}),
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
        figures: dict[str, float] = {}
        if isinstance(model, RatingRecommender):
            figures["RMSE"] = metrics.rmse(actual, model.predict(users, items))
        by_user = metrics.ranking_figures(model.recommend(asked, k)[0], test.ratings[asked])
        figures |= {f"{title}@{k}": float(by_user[title].mean()) for title in ("precision", "recall", "ndcg")}
        nothing = name in ("random", "global-mean")
        readings.append((KNOWING_NOTHING if nothing else MENDED, name, figures))
    return table(*readings)


def all_ones(train: Interactions, test: Interactions, passes: int, seed: int) -> pd.DataFrame:
    """S1, network: learn and judge labels that are all 1, then ask it about pairs nobody filled.

    The network is a user's and an item's embedding, added, and a hidden layer: scikit-learn's multi-layer perceptron
    over one-hot users and items, which is the same function.

    Parameters
    ----------
    train, test : Interactions
        Parts of the ratings of the same users; only which cells are filled counts.
    passes : int
        Passes over the pairs.
    seed : int
        Seed of the network and of the pairs nobody filled.
    """
    rng = np.random.default_rng(seed)
    known, held = _pairs(train), _pairs(test)
    # Zeros to judge by must be zeros, so they avoid both parts; zeros to learn from may not know of the test part.
    zeros_to_judge = _unfilled(len(held), rng, train, test)
    zeros_to_learn = _unfilled(len(known), rng, train)
    asked = np.concatenate([held, zeros_to_judge])
    labels = np.repeat([1.0, 0.0], [len(held), len(zeros_to_judge)])
    shape = train.ratings.shape
    only_ones = _network(known, np.ones(len(known)), shape, passes, seed)
    both = np.concatenate([known, zeros_to_learn])
    with_zeros = _network(both, np.repeat([1.0, 0.0], [len(known), len(zeros_to_learn)]), shape, passes, seed)
    ones = np.ones(len(held))
    constant = classified(labels, np.ones(len(labels))) | {"AUC": 0.5}
    return table(
        (AS_PUBLISHED, "network of ones, asked about ones", classified(ones, only_ones(held))),
        (KNOWING_NOTHING, "predict 1, asked about ones", classified(ones, ones)),
        ("the same network", "asked about ones and zeros", _with_auc(labels, only_ones(asked))),
        (KNOWING_NOTHING, "predict 1, asked about ones and zeros", constant),
        (MENDED, "network of ones and zeros, asked about both", _with_auc(labels, with_zeros(asked))),
    )


def _with_auc(labels: Values, predicted: Values) -> dict[str, float]:
    return classified(labels, predicted) | {"AUC": float(roc_auc_score(labels, predicted))}


def _pairs(part: Interactions) -> IntArray:
    return np.column_stack(part.triples()[:2]).astype(np.int32)


def _unfilled(n: int, rng: np.random.Generator, *parts: Interactions) -> IntArray:
    """Return at most n distinct cells that none of the parts fills, shape (n, 2)."""
    n_users, n_items = parts[0].ratings.shape
    filled = np.concatenate([pairs[:, 0].astype(np.int64) * n_items + pairs[:, 1] for pairs in map(_pairs, parts)])
    drawn = rng.permutation(np.setdiff1d(rng.integers(n_users * n_items, size=3 * n), filled))[:n]
    return np.column_stack(np.divmod(drawn, n_items)).astype(np.int32)


def _network(
    pairs: IntArray, labels: Values, shape: tuple[int, int], passes: int, seed: int
) -> Callable[[IntArray], Values]:
    def one_hot(asked: IntArray) -> sparse.csr_array:
        columns = (asked + np.array([0, shape[0]])).ravel()
        return sparse.csr_array(
            (np.ones(len(columns), np.float32), columns, np.arange(0, len(columns) + 1, 2)),
            shape=(len(asked), sum(shape)),
        )

    size = min(1024, len(pairs))
    network = MLPRegressor(
        hidden_layer_sizes=(32,), alpha=1e-4, batch_size=size, learning_rate_init=0.02, random_state=seed
    )
    features = one_hot(pairs)
    for _ in range(passes):
        network.partial_fit(features, labels)
    return lambda asked: network.predict(one_hot(asked))


def read_matrix(matrix: npt.ArrayLike) -> pd.DataFrame:
    """S2: read scikit-learn's confusion matrix the wrong way round, [[TP, FP], [FN, TN]], and the right one.

    Parameters
    ----------
    matrix : array_like of int, shape (2, 2)
        As scikit-learn gives it: rows are what is true, columns what is predicted, "no" before "yes".
    """
    (a, b), (c, d) = np.asarray(matrix)

    def figures(tp: float, fp: float, fn: float, tn: float) -> dict[str, float]:
        total = tp + fp + fn + tn
        shares = {"precision": tp / (tp + fp), "recall": tp / (tp + fn), "accuracy": (tp + tn) / total}
        return {"TP": tp, "FP": fp, "FN": fn, "TN": tn, **shares}

    return table(
        (AS_PUBLISHED, "read as [[TP, FP], [FN, TN]]", figures(a, b, c, d)),
        (KNOWING_NOTHING, "say yes to every pair", figures(c + d, a + b, 0, 0)),
        (MENDED, "read as [[TN, FP], [FN, TP]]", figures(d, b, c, a)),
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
        figures = {
            "MSE": mse,
            "printed as accuracy, %": 100 * mse,
            "RMSE": np.sqrt(mse),
            "true accuracy, %": 100 * right,
        }
        readings.append((AS_PUBLISHED if place else KNOWING_NOTHING, name, figures))
    return table(*readings)


def items_by_domain(ratings: Interactions, rows: int) -> list[IntArray]:
    """Return the items of the first so many ratings of each domain, numbered within it, for `pivoted_by_row`."""
    items = ratings.triples()[1]
    domains = ratings.items["domain"].to_numpy()
    found = []
    for name in sorted(set(domains)):
        of_domain = items[domains[items] == name][:rows]
        found.append(np.unique(of_domain, return_inverse=True)[1].astype(np.int32))
    return found
