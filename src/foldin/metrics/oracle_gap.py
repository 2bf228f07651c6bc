"""Compares a model with the oracle, which knows the true preferences of synthetic data.

A model that beats the oracle beyond sampling error has seen the test part. The oracle's predictions are in
foldin.evaluation.oracle.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from foldin.metrics import uncertainty
from foldin.metrics.metric import Metric, compute_all


@dataclass(frozen=True)
class Paired:
    """The per-user results of a model and of the oracle, row by row for the same users; see `advantage`."""

    model: pd.DataFrame
    oracle: pd.DataFrame
    limit: float

    @cached_property
    def ndcg(self) -> tuple[float, float] | None:
        """The mean difference of users' NDCG, and its standard error; None if no user has it."""
        return uncertainty.user_mean((self.model["ndcg"] - self.oracle["ndcg"]).to_numpy())

    @property
    def rates(self) -> bool:
        """Whether the model predicts ratings."""
        return bool(self.model["squared_error"].notna().all())

    def rmse_advantage(self) -> float | None:
        """Return the oracle's RMSE minus the model's; None if the model predicts no ratings."""
        if not self.rates:
            return None
        counts = self.model["pairs"].to_numpy()
        mine, best = (
            uncertainty.rmse_with_standard_error(of["squared_error"].to_numpy(), counts)[0]
            for of in (self.model, self.oracle)
        )
        return best - mine

    @cached_property
    def z_scores(self) -> dict[str, float]:
        """The differences divided by their standard errors, for the metrics that the model has."""
        found = {} if self.ndcg is None else {"ndcg": uncertainty.z_score(*self.ndcg)}
        if self.rates:
            gain = (self.oracle["squared_error"] - self.model["squared_error"]).to_numpy()
            found["rmse"] = uncertainty.z_score(*uncertainty.pooled_mean(gain, self.model["pairs"].to_numpy()))
        return found


def advantage(model: pd.DataFrame, oracle: pd.DataFrame, limit: float) -> dict[str, float]:
    """Compare a model with the oracle on the same users.

    Parameters
    ----------
    model, oracle : pandas.DataFrame
        Their per-user metrics, row by row for the same users: `pairs`, `squared_error`, `ndcg`; NaN if a user or a
        model has none.
    limit : float
        Standard errors by which a model must be better to count as a leak.

    Returns
    -------
    dict of str to float
        The metrics of `ADVANTAGE` that have a value, differences in the metric's own unit.
    """
    return compute_all(ADVANTAGE, Paired(model, oracle, limit))


ADVANTAGE = (
    Metric(
        "ndcg_advantage",
        "NDCG minus the oracle's, mean over users",
        lambda paired: paired.ndcg and paired.ndcg[0],
        lowest=-1.0,
    ),
    Metric(
        "rmse_advantage",
        "the oracle's RMSE minus the model's",
        Paired.rmse_advantage,
        lowest=-math.inf,
        highest=math.inf,
    ),
    Metric(
        "ndcg_z",
        "ndcg_advantage divided by its standard error",
        lambda paired: paired.z_scores.get("ndcg"),
        lowest=-math.inf,
        highest=math.inf,
    ),
    Metric(
        "rmse_z",
        "oracle's minus model's squared error, paired by user, divided by its standard error",
        lambda paired: paired.z_scores.get("rmse"),
        lowest=-math.inf,
        highest=math.inf,
    ),
    Metric(
        "leak",
        "1 if `rmse_z` or `ndcg_z` is above `evaluation.oracle_z`, else 0",
        lambda paired: int(any(z > paired.limit for z in paired.z_scores.values())),
        higher_is_better=False,
    ),
)
"""Metrics against the oracle, each computed from `Paired`; positive if the model is better."""
