"""Which models differ significantly from the best: paired bootstrap over users, corrected by Holm.

Two models evaluated on the same users are affected alike by difficult users, so their difference has a smaller standard
error than either metric, and overlapping intervals of metrics do not mean that models are equal.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from foldin.core.errors import FoldinError
from foldin.core.interactions import Values
from foldin.metrics import definitions, uncertainty

SEED = 20
"""Of the bootstrap: the samples are the same in every report."""


POOLED = {"rmse": "squared_error", "mae": "absolute_error"}
"""Metrics over all pairs at once → the column of users.parquet with each user's sums of errors."""


def column(metric: str) -> str:
    """Return the column of users.parquet that a metric is computed from: its users' own, or their sums of errors."""
    return POOLED.get(metric, metric)


def per_user_sums(users: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, Values]:
    """Return each user's sums for every model that has a metric, and the number of pairs behind them.

    Parameters
    ----------
    users : pandas.DataFrame
        `model`, `user_id`, `pairs`, `squared_error` and per-user ranking metrics, a row for each model and user.
    metric : str
        "rmse", "mae", or the column of a per-user ranking metric such as "ndcg".

    Returns
    -------
    sums : pandas.DataFrame of float64, shape (n_users, n_models)
        By user and model: squared or absolute errors, or the metric itself. Users and models without
        the metric are left out.
    counts : ndarray of float64, shape (n_users,)
        Number of pairs, or ones.

    Raises
    ------
    FoldinError
        When models were not evaluated on the same users.
    """
    # Not pivot_table, which would average a user listed twice without a word.
    wide = users.pivot(index="user_id", columns="model", values=column(metric))  # noqa: PD010
    wide = wide.dropna(axis=1, how="all").dropna(axis=0, how="all")
    if wide.isna().to_numpy().any():
        lacking = str(wide.columns[int(np.argmax(wide.isna().any(axis=0)))])
        raise FoldinError(
            f"'{lacking}' lacks {metric} for some users that other models have",
            where="data/predictions",
            remedy="the models were evaluated on different test parts; make them again: dvc repro",
        )
    if metric not in POOLED:
        return wide, np.ones(len(wide))
    pairs = users.drop_duplicates("user_id").set_index("user_id")["pairs"]
    return wide, pairs.reindex(wide.index).to_numpy(np.float64)


def draws_needed(comparisons: int, confidence: float) -> int:
    """Return how many bootstrap samples make the smallest p-value, 2 / (samples + 1), significant after Holm."""
    # Slightly fewer, because 1 - 0.95 is not exactly 0.05.
    return math.ceil(2 * comparisons / (1 - confidence) * (1 - 1e-9)) - 1


def refuse_few_draws(resamples: int, comparisons: int, confidence: float) -> None:
    """Refuse a bootstrap whose smallest p-value, 2 / (samples + 1), is not significant once corrected.

    No difference would then be significant, however large it is.

    Parameters
    ----------
    resamples : int
        Number of bootstrap samples.
    comparisons : int
        How many p-values are corrected together.
    confidence : float
        A corrected p-value is significant if it is at most 1 minus this.

    Raises
    ------
    FoldinError
        When no p-value can be that small.
    """
    needed = draws_needed(comparisons, confidence)
    if resamples < needed:
        raise FoldinError(
            f"evaluation.resamples is {resamples}: too few bootstrap samples to compare {comparisons + 1} models "
            f"at a confidence of {confidence:g}",
            where="params.yaml",
            remedy=f"raise it to {needed:,} or more",
        )


def compare_with_best(
    users: pd.DataFrame, metric: str, *, resamples: int, confidence: float, apart: Sequence[str] = ()
) -> pd.DataFrame:
    """Return every model's interval, and its difference from the best model.

    Parameters
    ----------
    users : pandas.DataFrame
        As `per_user_sums` takes it.
    metric : str
        "rmse", or a per-user ranking metric.
    resamples : int
        Number of bootstrap samples.
    confidence : float
        Of intervals; a difference is significant if its corrected p-value is at most 1 minus this.
    apart : sequence of str, optional
        Models that get an interval and are not compared: the oracle.

    Returns
    -------
    pandas.DataFrame
        By model: `low`, `high`; `behind` (how much worse than the best, 0 or more), `behind_low`, `behind_high`; `p`
        (Holm-corrected) and `tied` (does not differ significantly from the best, itself included).

    Raises
    ------
    FoldinError
        When there are too few bootstrap samples for any of so many differences to be significant.
    """
    sums, counts = per_user_sums(users, metric)
    lower_is_better = definitions.lower_is_better(metric)
    draws = uncertainty.bootstrap_means(sums.to_numpy(), counts, resamples, SEED)
    point = sums.to_numpy().sum(axis=0) / counts.sum()
    if metric == "rmse":
        draws, point = np.sqrt(draws), np.sqrt(point)
    low, high = uncertainty.interval(draws, confidence)
    compared = np.flatnonzero(~np.isin(sums.columns, list(apart)))
    refuse_few_draws(resamples, len(compared) - 1, confidence)
    columns = {name: np.full(len(point), np.nan) for name in ("behind", "behind_low", "behind_high", "p")}
    tied = np.zeros(len(point), dtype=bool)
    if len(compared):
        sign = 1.0 if lower_is_better else -1.0
        best = compared[int(np.argmin(sign * point[compared]))]
        behind, others = sign * (draws[:, compared] - draws[:, [best]]), compared != best
        columns["behind"][compared] = sign * (point[compared] - point[best])
        columns["behind_low"][compared], columns["behind_high"][compared] = uncertainty.interval(behind, confidence)
        p = uncertainty.holm(uncertainty.p_values(behind[:, others]))
        columns["p"][compared[others]] = p
        tied[compared[others]] = p > 1 - confidence
        tied[best] = True
    return pd.DataFrame({"low": low, "high": high, **columns, "tied": tied}, index=sums.columns.astype(str))


def differences(users: pd.DataFrame, metric: str, *, resamples: int, confidence: float) -> pd.DataFrame:
    """Return the difference of every two models, with its interval from the samples of `compare_with_best`.

    Parameters
    ----------
    users : pandas.DataFrame
        As `per_user_sums` takes it.
    metric : str
        "rmse", "mae", or a per-user ranking metric.
    resamples : int
        Number of bootstrap samples.
    confidence : float
        Of the intervals, which are not corrected for the number of pairs.

    Returns
    -------
    pandas.DataFrame
        `first`, `second`, `difference` (the metric of the first minus that of the second), `low`, `high`: a row for
        each pair of models, in the order of their names.
    """
    sums, counts = per_user_sums(users, metric)
    draws = uncertainty.bootstrap_means(sums.to_numpy(), counts, resamples, SEED)
    point = sums.to_numpy().sum(axis=0) / counts.sum()
    if metric == "rmse":
        draws, point = np.sqrt(draws), np.sqrt(point)
    names = sums.columns.astype(str)
    first, second = np.triu_indices(len(names), 1)
    low, high = (np.empty(len(first)) for _ in range(2))
    # A model at a time: all pairs at once would take pairs × samples numbers.
    for model in range(len(names) - 1):
        rows = first == model
        low[rows], high[rows] = uncertainty.interval(draws[:, [model]] - draws[:, model + 1 :], confidence)
    return pd.DataFrame(
        {
            "first": names[first],
            "second": names[second],
            "difference": point[first] - point[second],
            "low": low,
            "high": high,
        }
    )
