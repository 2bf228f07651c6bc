"""How much there was to judge: counts of the test part, which say what the other metrics are over."""

from foldin.metrics.metric import Metric, count

COUNTS = (
    count("pairs", "test ratings", lambda test: len(test.warm)),
    count(
        "cold_pairs",
        "test ratings whose user or item training has never seen",
        lambda test: int((~test.warm).sum()),
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
