"""Sentences that stand beside the tables of a report: whom metrics are over, how sure they are, what is a hit."""

from foldin.core import params, paths
from foldin.metrics import definitions
from foldin.report import leaderboard
from foldin.report.contents import Report


def warmth(bench: Report) -> str:
    """Return what share of the pairs RMSE speaks of models themselves."""
    board = bench.board.dropna(subset=["rmse"])
    share, cold = float(board["warm_share"].iloc[0]), int(board["cold_pairs"].iloc[0])
    split = leaderboard.read_metrics(paths.account(bench.dataset.name, "split"))
    if "users_held_out" in split:
        return (
            f"The {split['users_held_out']:,} users judged are unknown to training; of each a model is told some "
            f"ratings first, {split['ratings_fold_in']:,} in all."
        )
    if not cold:
        return "Training knows the user and the item of every test pair."
    best = board.set_index("model").loc[bench.best_rater]
    if "rmse_warm" not in best:
        return f"Training knows user and item of none of the {cold:,} test pairs; all are predicted from what is known."
    return (
        f"Training knows user and item of {share:.2%} of the test pairs; the other {cold:,} are predicted from what is "
        f"known of them, not dropped. Of {bench.best_rater}, RMSE is {best['rmse_warm']:.4f} on the known pairs and "
        f"{best['rmse_cold']:.4f} on the others."
    )


def certainty() -> str:
    """Return what intervals and ties say, and what they do not."""
    settings = params.section(params.Evaluation)
    return (
        f"Intervals are {settings.confidence:.0%}, from {settings.resamples:,} draws of the users; what is behind the "
        "best is measured on the same draws. Each interval is for its metric or its difference alone. **Tied**: cannot "
        "be told apart from the best, corrected by Holm for the number of models, so that a model can be tied though "
        "its own interval leaves out 0. The best and its ties together hold the truly best model with "
        f"{settings.confidence:.0%} confidence; they do not say that every other model is worse than each of them."
    )


def about_ranking(bench: Report) -> tuple[str, str]:
    """Return a title for the metrics of lists, and a sentence on what was ranked and what counts as a hit."""
    if bench.ndcg.startswith(definitions.SAMPLED):
        return (
            "Ranking sampled candidates",
            "**These are sampled metrics.** Each user's held-out items are ranked among given negatives, not among the "
            "catalogue; such metrics are far higher than full ones, and may order models the other way (Krichene and "
            "Rendle 2020).",
        )
    met = ("met", "however often") if bench.best_rater is None else ("rated", "whatever the rating")
    return (
        "Ranking the whole catalogue",
        f"Lists of {bench.k} from all items a user has no training rating of; an item counts as a hit when the user "
        f"{met[0]} it in the test part, {met[1]}.",
    )


def whom(bench: Report) -> str:
    """Return whom the means of ranking metrics are over, who is in none, and what no list can hold."""
    row = bench.board.iloc[0]
    ranked, strangers, unreachable = (
        int(row[name]) for name in ("users_ranked", "users_without_history", "unreachable")
    )
    # Of the cold pairs, those that are not of a ranked user are of a stranger.
    held_out = int(row["pairs"] - row["cold_pairs"]) + unreachable
    over = f"Metrics are means over {ranked:,} users"
    over += (
        f"; the other {strangers:,} of the test part have no history, so they get no list and are in no mean."
        if strangers
        else ", all of the test part."
    )
    if not unreachable:
        return f"{over} Training knows every item held out of them."
    return (
        f"{over} Of the {held_out:,} items held out of them, {unreachable / held_out:.2%} are cold: training has never "
        "seen them, so no list can hold them, and each counts as missed."
    )
