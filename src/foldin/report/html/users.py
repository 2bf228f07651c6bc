"""What the page shows of users: how metrics spread over them, and differences of two models. No user stands in it.

Everything here is a count of users or a mean over users, so that the page of real data can be in git.
"""

from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params, paths
from foldin.core.interactions import Values
from foldin.report import plots, results, ties
from foldin.report.contents import Findings
from foldin.report.html.columns import rounded

NDCG_BINS = 20
RMSE_BINS = 24
RMSE_SHARE = 0.99
"""The RMSE of this share of users and models lies in bins of equal width; the last bin holds all above, too."""
COMPARED = {"rmse": "RMSE", "mae": "MAE", "ndcg": "NDCG", "recall": "recall", "hit_rate": "hit rate", "auc": "AUC"}
"""Metrics for which the page gives the difference of any two models → title."""
OF_LISTS = ("ndcg", "recall", "hit_rate")
UNIT = 1e-6
"""Differences are whole numbers of this, which takes fewer characters than decimals."""


def pairs(findings: Findings, users: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the differences of all pairs of models for each metric of `COMPARED` that models have.

    Returns
    -------
    list of dict
        `name`, `title`, `direction`, `models` (positions in the page's table) and three lists, `difference`, `low` and
        `high`, in units of `UNIT`: the upper triangle, row by row, of the first model minus the second.
    """
    evaluation = params.section(params.Evaluation)
    prefix, found = results.sampled_prefix(findings.board), []
    for name, title in COMPARED.items():
        metric = name if name in ties.POOLED else f"{prefix}{name}"
        if ties.column(metric) not in users or not users[ties.column(metric)].notna().any():
            continue
        table = ties.differences(users, metric, resamples=evaluation.resamples, confidence=evaluation.confidence)
        models = list(dict.fromkeys([*table["first"], *table["second"]]))
        if len(models) < 2:
            continue
        entry: dict[str, Any] = {
            "name": name,
            "title": f"{title}@{findings.k}" if name in OF_LISTS else title,
            "direction": -1 if name in ties.POOLED else 1,
            "models": models,
        }
        for key in ("difference", "low", "high"):
            entry[key] = np.rint(table[key].to_numpy() / UNIT).astype(int).tolist()
        found.append(entry)
    return found


def activity(findings: Findings, users: pd.DataFrame) -> "pd.Series[str]":
    """Return in which quarter by number of ratings each evaluated user is; see `plots.quarters`.

    Returns
    -------
    pandas.Series of str
        By user id; ratings of all parts count.
    """
    ids = pd.read_parquet(paths.clean(findings.dataset.name) / "ratings.parquet", columns=["user_id"])["user_id"]
    counts = ids.value_counts().reindex(sorted(set(users["user_id"])), fill_value=0)
    return pd.Series(plots.quarters(counts.to_numpy()).astype(str).to_numpy(), index=counts.index.astype(str))


def distributions(findings: Findings, users: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how NDCG and RMSE spread over users, as counts in bins, by model and by quarter of activity.

    Returns
    -------
    list of dict
        For each metric that models have: `name`, `title`, `groups` (names of the quarters, with the number of users),
        `edges` of the bins, `more` (whether the last bin holds all above it, too), `counts` (model → quarter → users
        in each bin), `zeros` (model → quarter → users with exactly 0) and `means` (model → quarter → the metric).
    """
    ndcg = f"{results.sampled_prefix(findings.board)}ndcg"
    quarter = activity(findings, users)
    known = users.assign(quarter=users["user_id"].astype(str).map(quarter))
    known["user_rmse"] = np.sqrt(known["squared_error"] / known["pairs"].where(known["pairs"] > 0))
    found = []
    if ndcg in known and known[ndcg].notna().any():
        edges = np.linspace(0.0, 1.0, NDCG_BINS + 1)
        found.append(_spread(known, ndcg, edges) | {"name": "ndcg", "title": f"NDCG@{findings.k}", "more": False})
    if known["user_rmse"].notna().any():
        top = float(np.quantile(known["user_rmse"].dropna(), RMSE_SHARE)) or 1.0
        edges = np.linspace(0.0, round(top, 2) or top, RMSE_BINS + 1)
        found.append(_spread(known, "user_rmse", edges) | {"name": "rmse", "title": "RMSE", "more": True})
    return found


def _spread(users: pd.DataFrame, column: str, edges: Values) -> dict[str, Any]:
    present = users.dropna(subset=[column])
    quarters = [name for name in ("fewest", "few", "many", "most") if (present["quarter"] == name).any()]
    sizes = present.drop_duplicates("user_id")["quarter"].value_counts()
    entry: dict[str, Any] = {
        "groups": [{"name": name, "users": int(sizes[name])} for name in quarters],
        "edges": [rounded(edge) for edge in edges],
        "counts": {},
        "zeros": {},
        "means": {},
    }
    for model, rows in present.groupby("model", sort=True):
        parts = [rows[rows["quarter"] == name] for name in quarters]
        name = str(model)
        entry["counts"][name] = [_in_bins(part[column].to_numpy(np.float64), edges) for part in parts]
        entry["zeros"][name] = [int((part[column] == 0).sum()) for part in parts]
        entry["means"][name] = [_mean(part, column) for part in parts]
    return entry


def _in_bins(values: Values, edges: Values) -> list[int]:
    """Return how many values lie in each bin; what lies above the last edge counts in the last bin."""
    return [int(count) for count in np.histogram(np.minimum(values, edges[-1]), edges)[0]]


def _mean(users: pd.DataFrame, column: str) -> float | int | None:
    """Return the metric of some users: a mean, or RMSE over all their pairs at once."""
    if not len(users):
        return None
    if column == "user_rmse":
        return rounded(float(np.sqrt(users["squared_error"].sum() / users["pairs"].sum())))
    return rounded(float(users[column].mean()))
