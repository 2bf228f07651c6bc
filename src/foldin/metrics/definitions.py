"""What every metric is: one definition each, in words, with its bounds. Whatever writes a metric writes this beside it.

Libraries disagree on metrics of the same name, so a metric without its definition cannot be compared with anything.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from foldin.core.errors import FoldinError

SAMPLED = "sampled_"
"""Begins the name of every ranking metric whose candidates are a sample, not the whole catalogue."""


@dataclass(frozen=True)
class Definition:
    """A metric's definition in words, the values it can have, and whether more of it is better."""

    text: str
    lowest: float = 0.0
    highest: float = 1.0


def _count(text: str) -> Definition:
    return Definition(text, highest=math.inf)


OF_RATINGS = "actual and predicted ratings, in the unit of the ratings"
METRICS: dict[str, Definition] = {
    # Ratings. p: predicted, a: actual, n: pairs.
    "rmse": _count(f"√(Σ (p − a)² / n) over all n test pairs at once, cold ones too; {OF_RATINGS}"),
    "rmse_warm": _count("the same over the pairs whose user and item training knows"),
    "rmse_cold": _count("the same over the other pairs, which are predicted from what is known of user or item"),
    "warm_share": Definition("pairs whose user and item training knows / all test pairs: what rmse_warm covers"),
    "mae": _count(f"Σ |p − a| / n over all test pairs; {OF_RATINGS}"),
    "rmse_own_unit": _count("rmse of ratings that are shares of their domain's scale, in that scale's unit"),
    "mae_own_unit": _count("mae of ratings that are shares of their domain's scale, in that scale's unit"),
    "r2": Definition(
        "1 − Σ (p − a)² / Σ (mean a − a)² over all test pairs: 0 is the test mean, below 0 worse", -math.inf
    ),
    "user_rmse": _count(
        "mean over users of each one's own RMSE: a user with one rating weighs like one with many; not rmse"
    ),
    # Ranking. r_i: 1 where the i-th of k listed items is held out, else 0; R: the user's held-out items, cold ones too.
    "precision": Definition("mean over users of Σ r_i / k, also where R < k"),
    "recall": Definition("mean over users of Σ r_i / R (not / min(k, R))"),
    "ndcg": Definition("mean over users of Σ r_i / log2(i + 1), divided by that sum of min(k, R) hits in front"),
    "map": Definition("mean over users of Σ r_i · (hits among the first i) / i, divided by min(k, R)"),
    "mrr": Definition("mean over users of 1 / (rank of the first hit), 0 without a hit in k"),
    "hit_rate": Definition("share of users with at least one hit in k"),
    "auc": Definition(
        "mean over users of the share of (held-out, other candidate) pairs in the right order, a tie counting ½; "
        "a cold held-out item is never in the right order"
    ),
    # Beyond accuracy, of the lists of k.
    "coverage": Definition("items on any list / items of the catalogue (Ge et al. 2010)"),
    "gini": Definition(
        "Σ (2j − n − 1) c_j / (n Σ c_j), c_j ascending: how often each of the catalogue's n items is listed; 0 evenly, "
        "near 1 the same few (Fleder and Hosanagar 2009)"
    ),
    "novelty": _count("mean over users of the mean of −log2(share of users who rated the item in training) on a list"),
    "diversity": Definition(
        "mean over users of the mean of 1 − cosine of genre vectors over pairs of listed items that have genres"
    ),
    "popularity_lift": Definition(
        "mean popularity (training ratings) of listed items over that of the users' own training items, minus 1; "
        "means over each user first (Abdollahpouri et al. 2019)",
        -1.0,
        math.inf,
    ),
    "list_share": Definition("share of all list places that items of this group take"),
    # "Liked": a rating of at least the threshold; positive means liked.
    "true_positives": _count("liked and predicted so"),
    "false_positives": _count("not liked and predicted liked"),
    "false_negatives": _count("liked and predicted not liked"),
    "true_negatives": _count("not liked and predicted so"),
    "liked_precision": Definition("true positives / (true + false positives), of ratings at least the threshold"),
    "liked_recall": Definition("true positives / (true positives + false negatives)"),
    "liked_f1": Definition("2 · true positives / (2 · true positives + false positives + false negatives)"),
    # Against the truth of made-up data.
    "ndcg_advantage": Definition("NDCG minus the oracle's, mean over users", -1.0),
    "rmse_advantage": Definition("the oracle's RMSE minus the model's", -math.inf, math.inf),
    "ndcg_z": Definition("ndcg_advantage in its standard errors", -math.inf, math.inf),
    "rmse_z": Definition("paired difference of users' squared errors in its standard errors", -math.inf, math.inf),
    "leak": Definition("1 where a z is above evaluation.oracle_z"),
    # How much there was to judge.
    "pairs": _count("test ratings"),
    "cold_pairs": _count("test ratings whose user or item training has never seen"),
    "users_ranked": _count("users with a metric of ranking"),
    "users_without_history": _count("users of the test part of whom nothing is known, so who get no list"),
    "unreachable": _count("held-out items of ranked users that training has never seen: no list can hold one"),
    "seeds": _count("seeds the model was fitted with"),
}
ERROR = "standard error of {}, by user"
SPREAD = "standard deviation of {} over models of other seeds: what chance in training alone does"
GROUPS = {
    "domains": " Here of one domain: all pairs are those of its items; lists, candidates and held-out items are its "
    "own, over users with one. A pair of a cold user is in it; a cold item has no domain, so its pairs are in none.",
    "popularity": " Here of one group of items by popularity: all pairs are those of its items, and recall is that of "
    "its held-out items, over users with one, by the lists of the whole catalogue. A pair of a cold user is in it; a "
    "cold item has no popularity, so its pairs are in none.",
}
"""What differs where a metric is of a group of items; `domains.rmse` names such a metric."""
SAMPLE = " Candidates are a given sample, not the catalogue: comparable with nothing but the same sample."


def base(name: str) -> str:
    """Return the name a metric is defined under: `sampled_ndcg_at_10_se` is `ndcg`, and `domains.rmse` is `rmse`."""
    name = name.rpartition(".")[2]
    return name.removeprefix(SAMPLED).removesuffix("_se").removesuffix("_seed_sd").split("_at_")[0]


def of(name: str) -> Definition:
    """Return the definition of a metric, by its full name, that of a group's metric by its kind of group before a dot.

    Raises
    ------
    FoldinError
        When it has none: a metric must not be shown before it is defined.
    """
    known = METRICS.get(base(name))
    if known is None:
        raise FoldinError(
            f"the metric '{name}' has no definition", remedy="write one in src/foldin/metrics/definitions.py"
        )
    text, lowest, highest = known.text, known.lowest, known.highest
    if name.endswith(("_se", "_seed_sd")):
        text, lowest, highest = (ERROR if name.endswith("_se") else SPREAD).format(text), 0.0, math.inf
    kind, _, plain = name.rpartition(".")
    text += GROUPS[kind] if kind else ""
    return Definition(text + SAMPLE if plain.startswith(SAMPLED) else text, lowest, highest)


def texts(names: Iterable[str]) -> dict[str, str]:
    """Return the definitions in words of metrics, by name."""
    return {name: of(name).text for name in sorted(set(names))}
