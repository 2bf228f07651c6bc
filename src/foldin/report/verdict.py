"""The sentences of a report: the verdict, and what stands beside each table.

The verdict says who is best, who cannot be told apart from it, and whether there is a leak.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params, paths
from foldin.metrics import definitions
from foldin.report import leaderboard
from foldin.report.contents import Findings

NO_RATINGS = (
    "Nobody gave ratings here: feedback is implicit, so there are no rating metrics. Models that predict ratings "
    "learnt log(1 + count) as if it were one; their lists are judged like all others."
)
LIKED_ONLY = (
    "Only liked ratings were kept, as implicit feedback (split.liked_only), so there are no rating metrics. "
    "Models that predict ratings learnt the same value of every pair; their lists are judged like all others."
)
DOES = {"rmse": "predicts ratings best", "ndcg": "ranks best"}
"""What the best model by a metric does best."""


def winners(board: pd.DataFrame, columns: dict[str, str]) -> dict[str, str]:
    """Return who is best, baselines included, by each metric that the verdict is about.

    Parameters
    ----------
    board : pandas.DataFrame
        A row for each model: `model`, `kind` and metrics.
    columns : dict of str to str
        Metric, a key of `DOES` → the column it stands in.

    Returns
    -------
    dict of str to str
        Column → model; a metric that no model has is left out.
    """
    found = {columns[name]: leaderboard.best(board, columns[name]) for name in DOES}
    return {column: model for column, model in found.items() if model is not None}


def sentences(findings: Findings) -> str:
    """Return the verdict in a few sentences; where the truth is known, that on leaks too."""
    board = findings.board.set_index("model")
    ndcg, rater = findings.ndcg, findings.best_rater
    best = winners(findings.board, {"rmse": "rmse", "ndcg": ndcg})
    verdicts = [_verdict(board, findings.best_ranker, best[ndcg], ndcg, f"NDCG@{findings.k}", "popularity")]
    if rater is not None:
        verdicts.insert(0, _verdict(board, rater, best["rmse"], "rmse", "RMSE", "bias"))
    text = [
        f"Of {int((board['kind'] == 'model').sum())} models and {int((board['kind'] == 'baseline').sum())} baselines, "
        f"{' and '.join(verdicts)}.",
        *([] if rater is not None else [LIKED_ONLY if _liked_only(findings) else NO_RATINGS]),
        _ties(board, best),
        *_by_domain(findings.board, best),
        *_seed_noise(board, best),
    ]
    if ndcg.startswith(definitions.SAMPLED):
        text.append("**Ranking metrics are of sampled candidates, not of the whole catalogue.**")
    if leaderboard.ORACLE in board.index:
        text.append(
            "The truth of this data is known: but for chance, nothing can do better than "
            f"RMSE {_shown(board, leaderboard.ORACLE, 'rmse')} and "
            f"NDCG@{findings.k} {_shown(board, leaderboard.ORACLE, ndcg)}."
        )
    if "oracle.leak" in board:
        # Without a reason in params.yaml there would be no report.
        reasons = params.section(params.Evaluation).explained
        leaks = [f"{name} ({reasons[name]})" for name in leaderboard.leaks(findings.board)]
        text.append(
            f"**Better than the oracle beyond sampling error: {', '.join(leaks)}; the reason is the author's.**"
            if leaks
            else "No model beats the oracle beyond sampling error, so this check finds no leak of the test part."
        )
    return " ".join(text)


def _verdict(board: pd.DataFrame, model: str, leader: str, metric: str, title: str, baseline: str) -> str:
    """Return who is best, beside the baseline to beat; a baseline that nothing beats is named as such."""
    does = DOES[definitions.base(metric)]
    if leader != model and board.loc[leader, "kind"] == "baseline":
        return (
            f"**no model beats the {leader} baseline**, which {does} ({title} {_shown(board, leader, metric)}; the "
            f"best model, {model}: {_shown(board, model, metric)})"
        )
    beside = f"; the {baseline} baseline: {_shown(board, baseline, metric)}" if baseline in board.index else ""
    return f"**{model}** {does} ({title} {_shown(board, model, metric)}{beside})"


def _ties(board: pd.DataFrame, best: dict[str, str]) -> str:
    ties = []
    for name, model in best.items():
        others = [f"**{other}**" for other in board.index[_tied(board, name)] if other != model]
        ties += [f"{', '.join(others)} cannot be told apart from {model}"] if others else []
    if not ties:
        return f"{'Both lead' if len(best) > 1 else 'It leads'} beyond chance, as far as these users can tell."
    return f"On these users, {' and '.join(ties)}."


def _tied(board: pd.DataFrame, metric: str) -> npt.NDArray[np.bool_]:
    tied: npt.NDArray[np.bool_] = board[f"{definitions.base(metric)}_tied"].eq(True).to_numpy()
    return tied


def _by_domain(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
    """Return who is best of each domain, where that is not whoever is best of all domains at once."""
    found, rows = [], board.set_index("model")
    for domain in leaderboard.domains(board):
        others = []
        for name, model in best.items():
            metric = f"domains.{domain}.{name}"
            leader = leaderboard.best(board, metric)  # None where no test rating is of this domain
            if leader not in (None, model):
                who = f"**{leader}**{', a baseline,' if rows.loc[leader, 'kind'] == 'baseline' else ''}"
                values = f"{_shown(rows, str(leader), metric)}; {model}: {_shown(rows, model, metric)}"
                others.append(f"{who} {DOES[definitions.base(name)]} ({values})")
        found += [f"on {domain} {' and '.join(others)}"] if others else []
    return [f"By domain it differs: {'; '.join(found)}."] if found else []


def _seed_noise(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
    """Return whose place behind the best may be owed to the seeds drawn: a lead within two standard deviations.

    The deviation is that of the difference of two models, each trained once. Ties are left out: they are named before.
    """
    found = []
    for name, model in best.items():
        if f"{name}_seed_sd" not in board:
            continue
        known, values = (board[column].to_numpy(np.float64) for column in (f"{name}_seed_sd", name))
        place = board.index.get_loc(model)
        noise = np.nan_to_num(known)
        near = np.abs(values - values[place]) <= 2 * np.hypot(noise, noise[place])
        rivals = near & (board["kind"] != leaderboard.ORACLE).to_numpy() & ~_tied(board, name)
        if rivals.any():
            moves = ["trained once" if np.isnan(each) else f"± {each:.4f}" for each in known]
            others = [f"**{board.index[int(rival)]}** ({moves[rival]})" for rival in np.flatnonzero(rivals)]
            metric = definitions.METRICS[definitions.base(name)].title
            found.append(
                f"Trained with other seeds, {', '.join(others)} might stand before {model} ({moves[place]}): that is "
                f"the standard deviation of each one's {metric} over its seeds, and the lead is less than two of the "
                "difference's."
            )
    return found


def _shown(board: pd.DataFrame, model: str, metric: str) -> str:
    return f"{float(board[metric].loc[model]):.4f}"


def _liked_only(findings: Findings) -> bool:
    return "ratings_not_liked" in leaderboard.read_metrics(paths.account(findings.dataset.name, "split"))


def coverage_note(findings: Findings) -> str:
    """Return how much of the test part training covers: which pairs are warm, and RMSE on them and on cold ones."""
    board = findings.board.dropna(subset=["rmse"])
    share, cold = float(board["warm_share"].iloc[0]), int(board["cold_pairs"].iloc[0])
    split = leaderboard.read_metrics(paths.account(findings.dataset.name, "split"))
    if "users_held_out" in split:
        return (
            f"The {split['users_held_out']:,} users judged are unknown to training. Each model first gets some of "
            f"their ratings, {split['ratings_fold_in']:,} in all (fold-in)."
        )
    if not cold:
        return "Training knows the user and the item of every test pair."
    best = board.set_index("model").loc[findings.best_rater]
    if "rmse_warm" not in best:
        return f"Training knows user and item of none of the {cold:,} test pairs: all are cold, and all are predicted."
    return (
        f"Training knows user and item of {share:.2%} of the test pairs (warm). The other {cold:,} are cold: models "
        f"predict them from what is known, and none is dropped. {findings.best_rater}'s RMSE is "
        f"{best['rmse_warm']:.4f} on warm pairs and {best['rmse_cold']:.4f} on cold ones."
    )


def interval_note() -> str:
    """Return what intervals and ties say, and what they do not."""
    settings = params.section(params.Evaluation)
    return (
        f"Intervals are {settings.confidence:.0%} bootstrap intervals, from {settings.resamples:,} draws of the users; "
        "the distance behind the best is measured on the same draws. Each interval is for its metric or its difference "
        "alone. Metrics files also have a standard error (`rmse_se`, by the delta method): it needs no draws, so each "
        "domain and popularity group has one, while the bootstrap assumes no normal distribution and compares models "
        "on the same users. **Tied**: cannot be told apart from the best, after Holm's correction for the number of "
        "models, so a model can be tied though its own interval leaves out 0. The best and its ties together hold the "
        "truly best model with "
        f"{settings.confidence:.0%} confidence; they do not say that every other model is worse than each of them."
    )


def about_ranking(findings: Findings) -> tuple[str, str]:
    """Return a title for the metrics of lists, and a sentence on what was ranked and what counts as a hit."""
    if findings.ndcg.startswith(definitions.SAMPLED):
        return (
            "Ranking sampled candidates",
            "**These are sampled metrics.** Each user's held-out items are ranked among given negatives, not among the "
            "catalogue; such metrics are far higher than full ones, and may order models the other way (Krichene and "
            "Rendle 2020).",
        )
    met = ("met", "however often") if findings.best_rater is None else ("rated", "whatever the rating")
    met = ("liked", "and only liked ratings were kept") if _liked_only(findings) else met
    return (
        "Ranking the whole catalogue",
        f"Lists of {findings.k} from all items a user has no training rating of; an item counts as a hit when the user "
        f"{met[0]} it in the test part, {met[1]}.",
    )


def population_note(findings: Findings) -> str:
    """Return which users the means of ranking metrics are over, who is in none, and what no list can hold."""
    row = findings.board.iloc[0]
    ranked, without, unreachable = (int(row[name]) for name in ("users_ranked", "users_without_history", "unreachable"))
    # Of the cold pairs, those that are not of a ranked user are of a user without history.
    held_out = int(row["pairs"] - row["cold_pairs"]) + unreachable
    over = f"Metrics are means over {ranked:,} users"
    over += (
        f"; the other {without:,} of the test part have no history, so they get no list and are in no mean."
        if without
        else ", all of the test part."
    )
    if not unreachable:
        return f"{over} Training knows every item held out of them."
    return (
        f"{over} Of the {held_out:,} items held out of them, {unreachable / held_out:.2%} are cold: training has never "
        "seen them, so no list can hold them, and each counts as missed."
    )
