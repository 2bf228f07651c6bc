"""What every metric is, in words and with its bounds. Whatever writes a metric writes its definition beside it.

Libraries disagree on metrics of the same name, so a metric without its definition cannot be compared with anything.
The definitions stand with the code of each metric; this module collects them, and reads the names of metrics files.
Here itself are only the counts of the test part, which say what the other metrics are over.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from foldin.core.errors import FoldinError
from foldin.metrics.advantage import ADVANTAGE
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, CATALOGUE, LISTS
from foldin.metrics.graded import GRADED, LIKED_ONLY
from foldin.metrics.metric import Metric, count
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import LIKED, RATING

COUNTS = (
    count("pairs", "test ratings", lambda test: len(test.warm)),
    count(
        "cold_pairs", "test ratings whose user or item training has never seen", lambda test: int((~test.warm).sum())
    ),
    Metric(
        "warm_share",
        "pairs whose user and item training knows / all test pairs: what rmse_warm covers",
        lambda test: float(test.warm.mean()),
        higher_is_better=None,
    ),
    count("users_ranked", "users with a metric of ranking", lambda test: len(test.ranked)),
    count(
        "users_without_history",
        "users of the test part of whom nothing is known, so who get no list",
        lambda test: len(test.people) - len(test.ranked),
    ),
    count(
        "unreachable",
        "held-out items of ranked users that training has never seen: no list can hold one",
        lambda test: int(test.cold_items.sum()),
    ),
)
"""Counts of the test part, each computed from `foldin.evaluation.test_part.HeldOut`."""
SEEDS = count("seeds", "seeds the model was fitted with", len)
"""Computed from the judgements of a model fitted with several seeds."""

SAMPLED = "sampled_"
"""Begins the name of every ranking metric whose candidates are a sample, not the whole catalogue."""
OF_LISTS = (*RANKING, *GRADED, *LIKED_ONLY)
"""Metrics of lists by what is held out, for each length of list; those by rating only where there are ratings."""
OVER_USERS = (*OF_LISTS, *SCORES, *LISTS)
"""Metrics that are means over users; each user's own stands in users.parquet under the same name."""
ALL = (*RATING, *LIKED, *OVER_USERS, *CATALOGUE, *BUCKETED, *COUNTS, SEEDS, *ADVANTAGE)
METRICS: dict[str, Metric] = {metric.name: metric for metric in ALL}
INTERVALS = tuple(metric.name for metric in ALL if metric.interval)
"""Metrics with a bootstrap interval in the leaderboard, by which the models are compared."""

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
    group, _, name = name.rpartition(".")
    name = name.removeprefix(SAMPLED).removesuffix("_se").removesuffix("_seed_sd").split("_at_")[0]
    return f"liked_{name}" if group == "liked" and f"liked_{name}" in METRICS else name


def of(name: str) -> Metric:
    """Return the definition of a metric, by its full name, that of a group's metric by its kind of group before a dot.

    Raises
    ------
    FoldinError
        When it has none: a metric must not be shown before it is defined.
    """
    known = METRICS.get(base(name))
    if known is None:
        raise FoldinError(
            f"the metric '{name}' has no definition", remedy="add a Metric to a module of src/foldin/metrics"
        )
    if name.endswith(("_se", "_seed_sd")):
        text = (ERROR if name.endswith("_se") else SPREAD).format(known.text)
        known = replace(known, text=text, lowest=0.0, highest=math.inf, higher_is_better=None)
    kind, _, plain = name.rpartition(".")
    text = known.text + GROUPS.get(kind, "") + (SAMPLE if plain.startswith(SAMPLED) else "")
    return replace(known, text=text)


def lower_is_better(name: str) -> bool:
    """Return whether lower values of a metric are better, by any name it has in files and tables."""
    known = METRICS.get(base(name))
    return known is not None and known.higher_is_better is False


def texts(names: Iterable[str]) -> dict[str, str]:
    """Return the definitions in words of metrics, by name."""
    return {name: of(name).text for name in sorted(set(names))}
