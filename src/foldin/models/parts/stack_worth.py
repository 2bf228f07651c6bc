"""What a stack is worth: what each part adds, and whether the sum is better than its best part alone.

Every number is of validation ratings. Weights that were fitted on a user's ratings would flatter the stack there, so
users are split into folds, and the weights that judge a fold are fitted on the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core.interactions import Values
from foldin.metrics import uncertainty

FOLDS = 5
CONFIDENCE, RESAMPLES = 0.95, 2000
"""Of the interval of the gain; the samples are of users."""
Chosen = npt.NDArray[np.intp]


class Gain(NamedTuple):
    """By how much a stack is better than its best part alone, with the ends of its interval; above 0 is better."""

    best_part: str
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Judgements:
    """How parts and stack do for each user.

    Attributes
    ----------
    metric : str
        "RMSE", or "NDCG@30".
    weights : dict of str to float
        Part → weight in the stack.
    megabytes : dict of str to float
        Part → size of what it learned.
    alone : ndarray of float64, shape (n_users, n_parts)
        Each user's sum of squared errors, or NDCG, of each part alone.
    together : ndarray of float64, shape (n_users,)
        The same of the stack, with weights fitted on other users.
    without : ndarray of float64, shape (n_users, n_parts)
        The same of the stack of all other parts; NaN where there is no other part.
    counts : ndarray of float64, shape (n_users,)
        What the sums are divided by: a user's number of ratings, or 1.
    """

    metric: str
    weights: dict[str, float]
    megabytes: dict[str, float]
    alone: Values
    together: Values
    without: Values
    counts: Values

    @property
    def sign(self) -> int:
        """1 where a higher metric is better, -1 where a lower one is."""
        return -1 if self.metric == "RMSE" else 1

    def of(self, sums: Values) -> Values:
        """Return the metric of sums over users, an axis less."""
        return self._metric(sums.sum(axis=0) / self.counts.sum())

    def _metric(self, means: Values) -> Values:
        values: Values = np.sqrt(means) if self.metric == "RMSE" else means
        return values

    def table(self) -> pd.DataFrame:
        """Return a row for each part, to 4 decimals: alone, weight, size, the stack without it, and what it adds."""
        without = self.of(self.without)
        columns = {
            f"{self.metric} alone": self.of(self.alone),
            "weight": list(self.weights.values()),
            "MB": list(self.megabytes.values()),
            f"{self.metric} without it": without,
            "adds": self.sign * (self.of(self.together) - without),
        }
        # No sign in front of a 0.
        return pd.DataFrame(columns, index=pd.Index(list(self.weights), name="part")).round(4) + 0.0

    def gain(self, seed: int = 0) -> Gain:
        """Return the gain over the best part, with a paired bootstrap interval over users."""
        values = self.sign * self.of(self.alone)
        best = int(np.argmax(values))
        both = np.column_stack([self.together, self.alone[:, best]])
        means = self.sign * self._metric(uncertainty.bootstrap_means(both, self.counts, RESAMPLES, seed))
        low, high = uncertainty.interval((means[:, 0] - means[:, 1])[:, None], CONFIDENCE)
        gain = self.sign * float(self.of(self.together)) - float(values[best])
        return Gain(list(self.weights)[best], gain, float(low[0]), float(high[0]))

    def verdict(self) -> str:
        """Return two sentences: what the stack gains over its best part, and whether that is worth its cost."""
        used = [name for name, weight in self.weights.items() if weight > 0]
        best, gain, low, high = self.gain()
        if used == [best]:
            return f"The stack is {best} alone: no other part has a weight. Take {best}."
        if not used:
            return f"No part has a weight: the stack adds nothing. Take {best}."
        if gain == low == high == 0:
            return f"The stack does exactly as well as {best} alone. Take {best}."
        unit = "lower" if self.sign < 0 else "higher"
        direction = unit if gain > 0 else {"lower": "higher", "higher": "lower"}[unit]
        measured = (
            f"{self.metric} {float(self.of(self.together)):.4f}, {abs(gain):.4f} {direction} than {best} alone "
            f"(gain {gain:+.4f}, 95% interval {low:+.4f} to {high:+.4f})"
        )
        size = sum(self.megabytes[name] for name in used)
        cost = f"{len(used)} models instead of one, {size:.1f} MB instead of {self.megabytes[best]:.1f}"
        if high < 0:
            return f"{measured}. The stack is worse than {best} by more than chance, and costs {cost}. Take {best}."
        if low <= 0:
            return f"{measured}. Not worth its cost ({cost}): the gain may be chance. Take {best}."
        return f"{measured}. The gain is more than chance; it costs {cost}."


def judged(
    metric: str,
    weights: dict[str, float],
    megabytes: dict[str, float],
    alone: Values,
    counts: Values,
    stacked: Callable[[Chosen, Chosen, Chosen], Values],
) -> Judgements:
    """Judge a stack, and the stacks of all parts but one, by users whose ratings had no say in the weights.

    Parameters
    ----------
    metric, weights, megabytes, alone, counts
        See `Judgements`.
    stacked : callable
        `stacked(parts, others, users)` fits the weights of some parts (indices) on some users (indices), and returns
        the sums of other users, shape (len(users),).
    """
    n_users, n_parts = alone.shape
    fold = np.random.default_rng(0).permutation(n_users) % FOLDS

    def cross_fitted(parts: Chosen) -> Values:
        sums = np.full(n_users, np.nan)
        for number in range(FOLDS):
            users, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            # With a single user there are no others.
            if len(users):
                sums[users] = stacked(parts, others if len(others) else users, users)
        return sums

    everything = np.arange(n_parts)
    without = np.full((n_users, n_parts), np.nan)
    for part in everything if n_parts > 1 else []:
        without[:, part] = cross_fitted(np.delete(everything, part))
    return Judgements(metric, weights, megabytes, alone, cross_fitted(everything), without, counts)
