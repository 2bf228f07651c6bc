"""What a model's predictions and lists come to: overall metrics, those of each domain, and those by popularity."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics
from foldin.core.interactions import UNKNOWN, FloatArray, IntArray, Values
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import beyond_accuracy, uncertainty


def means(by_user: dict[str, Values], k: int) -> dict[str, float]:
    """Return the means over users of their ranking metrics at k, NDCG with its standard error."""
    measured = {}
    for name, title in metrics.MEANS.items():
        found = uncertainty.user_mean(by_user[name])
        if found is not None:
            measured[f"{title}_at_{k}"] = found[0]
            if name == "ndcg":
                measured[f"{title}_at_{k}_se"] = found[1]
    return measured


def ranking_means(by_user: dict[str, Values], items: IntArray, n_items: int) -> dict[str, float]:
    """Return `means` of lists, shape (n, k), and the share of the catalogue that they use."""
    k = items.shape[1]
    return means(by_user, k) | {f"coverage_at_{k}": metrics.coverage(items, n_items)}


def list_metrics(by_user: dict[str, Values], items: IntArray, test: HeldOut) -> dict[str, float]:
    """Return AUC, and what accuracy does not see of lists, shape (n, k)."""
    k = items.shape[1]
    measured = {}
    for name, title in {"auc": "auc", "novelty": f"novelty_at_{k}", "diversity": f"diversity_at_{k}"}.items():
        found = uncertainty.user_mean(by_user[name])
        if found is not None:
            measured[title] = found[0]
    if (items >= 0).any():
        measured[f"gini_at_{k}"] = beyond_accuracy.gini(items, test.training.n_items)
    lift = beyond_accuracy.popularity_lift(items, test.popularity, test.known.ratings[test.ranked])
    return measured if lift is None else measured | {f"popularity_lift_at_{k}": lift}


def rating_metrics(test: HeldOut, predicted: FloatArray, chosen: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return RMSE with its standard error, and MAE, over the chosen pairs, of which there is at least one."""
    actual, guess = test.ratings[chosen], predicted[chosen]
    counts = np.bincount(test.person[chosen], minlength=len(test.people))
    squared = by_person(test, np.square(metrics.errors(actual, guess)), chosen)
    return {
        "rmse": metrics.rmse(actual, guess),
        "rmse_se": uncertainty.rmse(squared[counts > 0], counts[counts > 0])[1],
        "mae": metrics.mae(actual, guess),
    }


def more_rating_metrics(test: HeldOut, predicted: FloatArray, users: pd.DataFrame) -> dict[str, float]:
    """Return the metrics given over all pairs only: warm and cold ones apart, R², and RMSE by user."""
    measured = {"user_rmse": metrics.user_rmse(users["squared_error"].to_numpy(), users["pairs"].to_numpy())}
    for name, chosen in (("rmse_warm", test.warm), ("rmse_cold", ~test.warm)):
        if chosen.any():
            measured[name] = metrics.rmse(test.ratings[chosen], predicted[chosen])
    explained = metrics.r_squared(test.ratings, predicted)
    return measured if explained is None else measured | {"r2": explained}


def by_person(test: HeldOut, values: Values, chosen: npt.NDArray[np.bool_]) -> Values:
    """Return the sums of the chosen pairs' values for each user of the test part."""
    sums: Values = np.bincount(test.person[chosen], values, len(test.people)).astype(np.float64)
    return sums


def domain_metrics(
    test: HeldOut, domain: str, items: IntArray, predicted: FloatArray | None, prefix: str
) -> dict[str, float]:
    """Return metrics of a domain, whose lists, shape (n, k), number its own items."""
    members = test.domains[domain]
    chosen = np.isin(test.indices[1], members)
    by_user = metrics.ranking_metrics(items, test.relevant[test.ranked][:, members])
    involved = ~np.isnan(by_user["ndcg"])
    measured: dict[str, float] = {"pairs": int(chosen.sum()), "users_ranked": int(involved.sum())}
    ranking_metrics = ranking_means(by_user, items[involved], len(members))
    measured |= {f"{prefix}{name}": value for name, value in ranking_metrics.items()}
    if predicted is not None and chosen.any():
        measured |= rating_metrics(test, predicted, chosen)
        if domain in test.own_scales:
            # What turns a share into a rating adds the scale's lowest, which an error of two has not.
            width = test.own_scales[domain].highest - test.own_scales[domain].lowest
            measured |= {f"{name}_own_unit": measured[name] * width for name in ("rmse", "mae")}
    return measured


def bucket_metrics(
    test: HeldOut, items: IntArray, found: npt.NDArray[np.bool_], predicted: FloatArray | None, prefix: str
) -> dict[str, dict[str, float]]:
    """Return metrics by popularity: recall of held-out items, share of list places, rating metrics of pairs."""
    k, groups = items.shape[1], beyond_accuracy.buckets(test.popularity)
    relevant = test.relevant[test.ranked]
    rows = np.repeat(np.arange(len(items)), np.diff(relevant.indptr))
    tables = {}
    for number, name in enumerate(beyond_accuracy.BUCKETS):
        listed = (items >= 0) & (groups[items] == number)
        held = np.bincount(rows, groups[relevant.indices] == number, len(items))
        # A cold item has no popularity, so it is in no bucket.
        chosen = (test.indices[1] != UNKNOWN) & (groups[test.indices[1]] == number)
        measured: dict[str, float] = {"pairs": int(chosen.sum())}
        if held.any():
            recall = ((found & listed).sum(axis=1)[held > 0] / held[held > 0]).mean()
            measured[f"{prefix}recall_at_{k}"] = float(recall)
        if (items >= 0).any():
            measured[f"{prefix}list_share_at_{k}"] = float(listed.sum() / (items >= 0).sum())
        if predicted is not None and chosen.any():
            measured |= rating_metrics(test, predicted, chosen)
        tables[name] = measured
    return tables
