"""The student project S1: rows that are not users, evaluation on empty cells, and the correction.

docs/gallery.md introduces the project; its network is in foldin.traps.network.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.metrics import precision_recall_fscore_support

from foldin import metrics
from foldin.core.interactions import IntArray, Interactions
from foldin.models.als import ExplicitALS
from foldin.models.parts.decompositions import by_lanczos, by_random_projection
from foldin.models.parts.factorization import row_dots
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender
from foldin.traps.parts import interactions_from_cells
from foldin.traps.tables import CONTROL, CORRECTED, MISTAKE, ORDER_OF_IDS, Exhibit, Row, require, table

DOMAIN_ROWS = 2000
"""First ratings of each domain that are joined by row number (S1: 10,000)."""
ROWS = 1000
"""Rows drawn from that matrix (S1: 5,000)."""
FACTORS = 20
"""Singular vectors (S1: 100)."""
MOST_POPULAR = 30
"""Items with more interactions than this are dropped, as in S1."""
CELLS = 0.1
"""Share of all cells that ALS is trained and evaluated on, as in S1."""


def classified(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, zero_division: int = 0) -> dict[str, float]:
    """Return RMSE, and precision, recall and F1 at 0.5, as S1 printed them.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (n,)
        Labels, 0 or 1, and what a model made of them.
    zero_division : int, optional
        What scikit-learn returns for 0/0, such as the precision of a model that selects nothing. S1's metrics follow
        from 0 for its SVD (precision 0) and from 1 for its ALS (precision 1).
    """
    labels, chosen = np.asarray(actual) > 0.5, np.asarray(predicted) > 0.5
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, chosen, average="binary", zero_division=zero_division
    )
    rmse = metrics.rmse(actual, predicted)
    return {"RMSE": rmse, "precision": float(precision), "recall": float(recall), "F1": float(f1)}


def items_by_domain(ratings: Interactions) -> list[IntArray]:
    """Return the items of the first ratings of each domain, indexed within it, for `pivoted_by_row`."""
    items = ratings.triples()[1]
    domains = ratings.items["domain"].to_numpy()
    firsts = (items[domains[items] == name][:DOMAIN_ROWS] for name in sorted(set(domains)))
    return [np.unique(first, return_inverse=True)[1].astype(np.int32) for first in firsts]


def pivoted_by_row(
    columns: Sequence[IntArray], seed: int, *, rows: int = ROWS, most: int = MOST_POPULAR
) -> sparse.csr_array:
    """Make the matrix of S1: row r holds the items of the r-th rating of each domain, whichever user gave it.

    Parameters
    ----------
    columns : sequence of ndarray of int32
        The items of each domain's ratings in file order, numbered from 0 within the domain; -1 is an empty place.
    seed : int
        Of the draw of rows.
    rows, most : int, optional
        Rows drawn. Items with more interactions than `most` are dropped, and those without one.

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
    sampled = whole[np.sort(np.random.default_rng(seed).permutation(length)[:rows])]
    counts = np.bincount(sampled.indices, minlength=starts[-1])
    return sparse.csr_array(sampled[:, np.flatnonzero((counts > 0) & (counts <= most))])


def mixed_up_rows(cells: sparse.csr_array, held: float, seed: int, *, factors: int = FACTORS) -> Exhibit:
    """S1, SVD: evaluate row r of the test matrix against row r of the reconstructed *training* matrix.

    `cells` is what `pivoted_by_row` returns, `held` the share of its rows that is held out. A small matrix has fewer
    factors.
    """
    order = np.random.default_rng(seed).permutation(cells.shape[0])
    n_test = int(held * len(order))
    test, train = cells[order[:n_test]], cells[order[n_test:]]
    require(min(train.shape) > 1, f"{cells.shape[0]} rows of {cells.shape[1]} items are too few to decompose")
    require(test.nnz and train.nnz, "the held-out rows, or the others, contain no item")
    factors = min(factors, min(train.shape) - 1)
    rows, items = (side.astype(np.int32) for side in test.nonzero())
    ones = np.ones(len(rows))
    readings: list[Row] = []
    for name, decompose in (("svds", by_lanczos), ("TruncatedSVD", by_random_projection)):
        _, right = decompose(train, factors, seed)
        # The mistake: `rows` count test rows, and these are factors of training rows.
        readings.append((MISTAKE, name, classified(ones, row_dots(train @ right.T, rows, right.T, items))))
    off = max(abs(measured["RMSE"] - 1) for *_, measured in readings)
    return Exhibit(
        table(*readings, (CONTROL, "predict 0 for everything", classified(ones, np.zeros(len(rows))))),
        "Every label is 1, so predicting 0 has an RMSE of exactly 1. The RMSE of the decompositions is within "
        f"{off:.4f} of that.",
    )


def all_cells(cells: sparse.csr_array, model: ExplicitALS, held: float, seed: int, *, share: float = CELLS) -> Exhibit:
    """S1, ALS: train and evaluate on a share of *all* cells, nearly all of which are 0 because they are empty.

    `cells` is what `pivoted_by_row` returns, the model is not yet fitted, and `held` is the share of the drawn cells
    that is held out. The penalty of the model is in units of the labels, as S1's is.
    """
    rng = np.random.default_rng(seed)
    require(cells.nnz, "no item is left: all items are too frequent in the rows, or none occurs")
    size = cells.shape[0] * cells.shape[1]
    drawn = np.unique(rng.integers(size, size=int(share * size)))
    rows, items = (side.astype(np.int32) for side in np.divmod(drawn, cells.shape[1]))
    filled = np.isin(drawn, np.ravel_multi_index(cells.nonzero(), cells.shape)).astype(np.int32)
    asked = rng.random(len(drawn)) < held
    require(not asked.all(), f"none of {size:,} cells is drawn for training")
    require(filled[asked].any(), f"none of the filled among {size:,} cells is drawn for evaluation")
    # The penalty is in units of the ratings' standard deviation, which is small if nearly all are 0.
    penalty = model.settings.regularization / (filled[~asked].std() or 1.0)
    name = model.name
    model = ExplicitALS(model.settings.model_copy(update={"regularization": penalty}), seed=model.seed)
    model.name = name
    model.fit(interactions_from_cells(rows[~asked], items[~asked], filled[~asked], cells.shape))
    labels = filled[asked].astype(np.float64)
    predictions = model.predict(rows[asked], items[asked]), np.zeros(len(labels), dtype=np.float32)
    # With this option the precision of a model that selects nothing, 0/0, becomes 1.0, as in S1.
    als, zeros = (classified(labels, made, zero_division=1) for made in predictions)
    more = 100 * als["RMSE"] / zeros["RMSE"] - 100
    says = f"ALS has an RMSE {abs(more):.0f} % {'above' if more > 0 else 'below'} that of predicting 0 everywhere."
    if (als["precision"], als["recall"]) == (1, 0):
        says += " It predicts no positive. Its precision is 0/0, which scikit-learn's `zero_division=1` sets to 1."
    found = table(
        (MISTAKE, "ALS on all cells", als),
        (CONTROL, "predict 0 for everything", zeros),
        (CONTROL, "√(share of all cells that are 1)", {"RMSE": np.sqrt(float(cells.nnz / size))}),
    )
    return Exhibit(found, says)


def users_are_users(train: Interactions, test: Interactions, models: Mapping[str, Recommender], k: int) -> Exhibit:
    """Correct S1: rows are users, cells are ratings; errors on test ratings, and lists from the whole catalogue.

    The models are fitted on `train`; "global-mean", "popularity" and "random" are among them.
    """
    users, items, actual = test.triples()
    asked = np.unique(users)
    readings: list[Row] = []
    rmse: dict[str, float] = {}
    ndcg: dict[str, float] = {}
    for name, model in models.items():
        by_user = metrics.ranking_metrics(model.recommend(asked, k)[0], test.ratings[asked])
        titles = {"precision": "precision", "recall": "recall", "ndcg": "NDCG"}
        ranked = {f"{title}@{k}": float(by_user[metric].mean()) for metric, title in titles.items()}
        rated = {}
        if isinstance(model, RatingRecommender):
            rated["RMSE"] = rmse[name] = metrics.rmse(actual, model.predict(users, items))
        if name == "global-mean":
            readings += [(CONTROL, name, rated), (ORDER_OF_IDS, f"{name}, as a list", ranked)]
        else:
            readings.append((CONTROL if name == "random" else CORRECTED, name, rated | ranked))
            ndcg[name] = ranked[f"NDCG@{k}"]
    return Exhibit(table(*readings), best_of_each(rmse, ndcg))


def best_of_each(rmse: Mapping[str, float], ndcg: Mapping[str, float]) -> str:
    """Say which model predicts ratings best, which ranks best, and whether that beats popularity."""
    rater, ranker = min(rmse, key=rmse.__getitem__), max(ndcg, key=ndcg.__getitem__)
    text = (
        f"{rater} predicts ratings best: RMSE {rmse[rater]:.4f} (global-mean: {rmse['global-mean']:.4f}). {ranker} "
        f"ranks best: NDCG {ndcg[ranker]:.4f} (random: {ndcg['random']:.4f}"
    )
    if ranker == "popularity":
        return text + "). On ratings as sparse as these, no model here beats popularity."
    return text + f", popularity: {ndcg['popularity']:.4f})."
