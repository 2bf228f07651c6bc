"""A model against the oracle, which knows the truth of made-up data.

What beats it beyond chance has seen the test part. What the oracle predicts stands in foldin.evaluation.oracle.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from foldin.metrics import uncertainty
from foldin.metrics.metric import Metric, compute_all


@dataclass(frozen=True)
class Paired:
    """The results by user of a model and of the oracle, row by row of the same users; see `advantage`."""

    model: pd.DataFrame
    oracle: pd.DataFrame
    limit: float

    @cached_property
    def ndcg(self) -> tuple[float, float] | None:
        """The mean difference of users' NDCG, and its standard error; None where no user has it."""
        return uncertainty.user_mean((self.model["ndcg"] - self.oracle["ndcg"]).to_numpy())

    @property
    def rates(self) -> bool:
        """Whether the model predicts ratings."""
        return bool(self.model["squared_error"].notna().all())

    def rmse_advantage(self) -> float | None:
        """Return the oracle's RMSE minus the model's; None where the model predicts no ratings."""
        if not self.rates:
            return None
        counts = self.model["pairs"].to_numpy()
        mine, best = (uncertainty.rmse(of["squared_error"].to_numpy(), counts)[0] for of in (self.model, self.oracle))
        return best - mine

    @cached_property
    def z_scores(self) -> dict[str, float]:
        """The differences in their standard errors, of those metrics that the model has."""
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
        The per-user metrics of each, row by row the same users: `pairs`, `squared_error`, `ndcg`; NaN where a user
        or a model has none.
    limit : float
        Standard errors by which a model must be better to be called a leak.

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
        "ndcg_advantage in its standard errors",
        lambda paired: paired.z_scores.get("ndcg"),
        lowest=-math.inf,
        highest=math.inf,
    ),
    Metric(
        "rmse_z",
        "paired difference of users' squared errors in its standard errors",
        lambda paired: paired.z_scores.get("rmse"),
        lowest=-math.inf,
        highest=math.inf,
    ),
    Metric(
        "leak",
        "1 where a z is above evaluation.oracle_z",
        lambda paired: int(any(z > paired.limit for z in paired.z_scores.values())),
        higher_is_better=False,
    ),
)
"""Metrics against the oracle, each computed from `Paired`; positive differences where the model is better."""
