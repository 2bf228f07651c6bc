"""What every metric is, in words and with its bounds. Code that writes a metric also writes its definition.

Libraries disagree on metrics of the same name, so a metric without its definition cannot be compared with anything. The
definitions are next to the code of each metric; this module collects them, and reads the names in metrics files. Only
the counts of the test part are defined here.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from foldin.core.errors import FoldinError
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, CATALOGUE, LISTS
from foldin.metrics.graded import GRADED, LIKED_ONLY
from foldin.metrics.liked import LIKED
from foldin.metrics.metric import Metric, count
from foldin.metrics.oracle_gap import ADVANTAGE
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import RATING

COUNTS = (
    count("pairs", "number of test ratings", lambda test: len(test.warm)),
    count(
        "cold_pairs",
        "number of test ratings whose user or item does not occur in training",
        lambda test: int((~test.warm).sum()),
    ),
    Metric(
        "warm_share",
        "warm test pairs / all test pairs",
        lambda test: float(test.warm.mean()),
        higher_is_better=None,
    ),
    count("users_ranked", "number of users with ranking metrics", lambda test: len(test.ranked)),
    count(
        "users_without_history",
        "number of users of the test part who have no training (or fold-in) ratings, so they get no list",
        lambda test: len(test.users) - len(test.ranked),
    ),
    count(
        "unreachable",
        "number of held-out items of ranked users that do not occur in training: no list can contain them",
        lambda test: int(test.cold_items.sum()),
    ),
)
"""Counts of the test part, each computed from `foldin.evaluation.test_part.HeldOut`."""
SEEDS = count("seeds", "number of seeds the model was trained with", len)
"""Computed from the evaluations of a model trained with several seeds."""

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

SYMBOLS = (
    "p: predicted rating; a: actual rating; n: number of pairs; k: length of the list; r_i: 1 if the i-th item is held "
    "out, else 0; R: number of the user's held-out items, cold ones included"
)
ERROR = "standard error, clustered by user, of: {}"
SPREAD = "standard deviation over training seeds of: {}"
GROUPS = {
    "domains": "Within one domain: only its pairs, candidates, lists and held-out items; means are over users with a "
    "held-out item in it. Pairs of cold users count. Cold items have no domain, so their pairs belong to none",
    "popularity": "Within one popularity group: only pairs with its items. Recall counts the group's held-out items in "
    "the lists of the whole catalogue, over users who have one. Pairs of cold users count. Cold items have no "
    "popularity, so their pairs belong to no group",
}
"""How the metrics of a group of items differ; `domains.rmse` names such a metric."""
HEADLINE = ("rmse", "mae", "ndcg", "coverage")
"""What `dvc metrics show` prints of a model: how far ratings are off, squared and not; how good lists are; how much of
the catalogue they show. DVC prints a line for each file and a column for each key, so each model has a file with these
few, and all metrics are in the family's table (`foldin.core.paths.table`). The other metrics follow one of these
(recall, hit rate and MAP follow NDCG). With four, a line fits 120 columns even with the longest path, and a diff of the
largest family, six models, has at most 24 rows."""
SAMPLE = "Candidates are a given sample, not the catalogue: comparable only on the same sample"


def base(name: str) -> str:
    """Return the name a metric is defined under: `sampled_ndcg_at_10_se` is `ndcg`, and `domains.rmse` is `rmse`."""
    group, _, name = name.rpartition(".")
    name = name.removeprefix(SAMPLED).removesuffix("_se").removesuffix("_seed_sd").split("_at_")[0]
    return f"liked_{name}" if group == "liked" and f"liked_{name}" in METRICS else name


def is_headline(name: str) -> bool:
    """Return whether a metric is a headline metric, by its full name: `ndcg_at_10` is, `ndcg_at_10_se` is not."""
    return base(name) in HEADLINE and not name.endswith(("_se", "_seed_sd"))


def headline(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the headline metrics among a model's metrics."""
    return {name: value for name, value in metrics.items() if is_headline(name)}


def of(name: str) -> Metric:
    """Return the definition of a metric, by its full name; for a group's metric, by its kind of group before a dot.

    Raises
    ------
    FoldinError
        When the metric has none: it must not be shown before it is defined.
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
    texts_of = (known.text, GROUPS.get(kind, ""), SAMPLE if plain.startswith(SAMPLED) else "")
    return replace(known, text=". ".join(filter(None, texts_of)))


def lower_is_better(name: str) -> bool:
    """Return whether lower values of a metric are better, by any name it has in files and tables."""
    known = METRICS.get(base(name))
    return known is not None and known.higher_is_better is False


def texts(names: Iterable[str]) -> dict[str, str]:
    """Return the definitions in words of metrics, by name."""
    return {name: of(name).text for name in sorted(set(names))}
