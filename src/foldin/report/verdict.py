"""The sentences of a report: the verdict, and the notes above the tables.

The verdict says which model is best, whether its lead is significant, and whether there is a leak.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params, paths
from foldin.metrics import definitions
from foldin.report import results
from foldin.report.contents import Findings
from foldin.report.markdown import listed
from foldin.report.standings import DOES

NO_RATINGS = (
    "These data have no ratings: feedback is implicit, so there are no rating metrics. Models that predict ratings "
    "learned log(1 + count) as if it were a rating; their lists are evaluated like all others."
)
LIKED_ONLY = (
    "Only liked ratings were kept, as implicit feedback (split.liked_only), so there are no rating metrics. "
    "Models that predict ratings learned the same value for every pair; their lists are evaluated like all others."
)
NO_RATER = "None of these models predicts ratings, so there are no rating metrics."


def sentences(findings: Findings) -> str:
    """Return the verdict in a few sentences; where the true preferences are known, also whether there is a leak."""
    said = bullets(findings)
    counted, verdicts = _counted(findings), _verdicts(findings)
    first = [f"{counted}, {' and '.join(verdicts.values())}.", *said.pop("No rating metrics", [])]
    return " ".join([*first, *(text for label, texts in said.items() if label not in verdicts for text in texts)])


def bullets(findings: Findings) -> dict[str, list[str]]:
    """Return the sentences of the verdict under short labels, in the order of `sentences`.

    Returns
    -------
    dict of str to list of str
        "Ratings" (or "No rating metrics"), "Ranking", "Ties", "Caveats" and "Ceiling" → sentences, in which `**` marks
        names of models; a label without a sentence is left out.
    """
    board = findings.board.set_index("model")
    best = _best(findings)
    verdicts = _verdicts(findings)
    said = {label: [f"{_counted(findings)}, {verdict}."] for label, verdict in verdicts.items()}
    if findings.best_rater is None:
        said = {"No rating metrics": [_why_no_rating_metrics(findings)]} | said
    said["Ties"] = [_ties(board, best)]
    said["Caveats"] = [*_by_domain(findings.board, best), *_seed_noise(board, best)]
    if findings.ndcg.startswith(definitions.SAMPLED):
        said["Caveats"].append("**Ranking metrics are on sampled candidates, not on the whole catalogue.**")
    said["Ceiling"] = _ceiling(findings)
    return {label: texts for label, texts in said.items() if texts}


def _best(findings: Findings) -> dict[str, str]:
    """Return the best model, baselines included, by each metric of the verdict that a model has: column → model."""
    found = {column: results.best(findings.board, column) for column in ("rmse", findings.ndcg)}
    return {column: model for column, model in found.items() if model is not None}


def _counted(findings: Findings) -> str:
    kinds = findings.board["kind"]
    return f"Of {int((kinds == 'model').sum())} models and {int((kinds == 'baseline').sum())} baselines"


def _verdicts(findings: Findings) -> dict[str, str]:
    """Return who is best, in the middle of a sentence: label of the bullet → text."""
    board, best, ndcg = findings.board.set_index("model"), _best(findings), findings.ndcg
    found = {}
    if findings.best_rater is not None:
        found["Ratings"] = _verdict(board, findings.best_rater, best["rmse"], "rmse", "RMSE", "bias")
    found["Ranking"] = _verdict(board, findings.best_ranker, best[ndcg], ndcg, f"NDCG@{findings.k}", "popularity")
    return found


def _ceiling(findings: Findings) -> list[str]:
    """Return what the oracle reaches, and whether a model beats it, which would indicate a leak."""
    board, text = findings.board.set_index("model"), []
    if results.ORACLE in board.index:
        text.append(
            "The true preferences in this data are known: except by chance, no model can do better than "
            f"RMSE {_shown(board, results.ORACLE, 'rmse')} and "
            f"NDCG@{findings.k} {_shown(board, results.ORACLE, findings.ndcg)}."
        )
    if "oracle.leak" in board:
        # Without a reason in params.yaml there would be no report.
        reasons = params.section(params.Evaluation).explained
        leaks = [f"{name} ({reasons[name]})" for name in results.leaks(findings.board)]
        text.append(
            f"**Better than the oracle beyond sampling error: {', '.join(leaks)}.** The reasons in brackets are those "
            "of `evaluation.explained` in params.yaml."
            if leaks
            else "No model beats the oracle beyond sampling error, so this check finds no leak of the test part."
        )
    return text


def _verdict(board: pd.DataFrame, model: str, leader: str, metric: str, title: str, baseline: str) -> str:
    """Return the best model, with the baseline to beat; a baseline that no model beats is named as such."""
    does = DOES[definitions.base(metric)]
    if leader != model and board.loc[leader, "kind"] == "baseline":
        return (
            f"**no model beats the {leader} baseline**, which {does} ({title} {_shown(board, leader, metric)}; the "
            f"best model, {model}: {_shown(board, model, metric)})"
        )
    beside = f"; the {baseline} baseline: {_shown(board, baseline, metric)}" if baseline in board.index else ""
    return f"**{model}** {does} ({title} {_shown(board, model, metric)}{beside})"


def _ties(board: pd.DataFrame, best: dict[str, str]) -> str:
    """Say of each best model which models are tied with it, or that its lead is significant."""
    found = []
    for name, model in best.items():
        others = [f"**{other}**" for other in board.index[_tied(board, name)] if other != model]
        title = name.removeprefix(definitions.SAMPLED).upper().replace("_AT_", "@")
        found.append(
            f"In {title}, {listed(others)} {'are' if len(others) > 1 else 'is'} tied with {model} (no significant "
            "difference)."
            if others
            else f"In {title}, the lead of {model} is significant."
        )
    return " ".join(found)


def _tied(board: pd.DataFrame, metric: str) -> npt.NDArray[np.bool_]:
    tied: npt.NDArray[np.bool_] = board[f"{definitions.base(metric)}_tied"].eq(True).to_numpy()
    return tied


def _by_domain(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
    """Return the best model of each domain in which it is not the best model of all domains together."""
    found, rows = [], board.set_index("model")
    for domain in results.domains(board):
        others = []
        for name, model in best.items():
            metric = f"domains.{domain}.{name}"
            leader = results.best(board, metric)  # None where no test rating is of this domain
            if leader not in (None, model):
                who = f"**{leader}**{', a baseline,' if rows.loc[leader, 'kind'] == 'baseline' else ''}"
                values = f"{_shown(rows, str(leader), metric)}; {model}: {_shown(rows, model, metric)}"
                others.append(f"{who} {DOES[definitions.base(name)]} ({values})")
        found += [f"on {domain} {' and '.join(others)}"] if others else []
    return [f"The best model depends on the domain: {'; '.join(found)}."] if found else []


def _seed_noise(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
    """Return the models that might beat the best with other seeds: its lead is below two standard deviations.

    The deviation is that of the difference of two models, each trained once. Tied models are not repeated here.
    """
    found = []
    for name, model in best.items():
        if f"{name}_seed_sd" not in board:
            continue
        known, values = (board[column].to_numpy(np.float64) for column in (f"{name}_seed_sd", name))
        place = board.index.get_loc(model)
        noise = np.nan_to_num(known)
        near = np.abs(values - values[place]) <= 2 * np.hypot(noise, noise[place])
        rivals = near & (board["kind"] != results.ORACLE).to_numpy() & ~_tied(board, name)
        if rivals.any():
            moves = ["trained once" if np.isnan(each) else f"± {each:.4f}" for each in known]
            others = [f"**{board.index[int(rival)]}** ({moves[rival]})" for rival in np.flatnonzero(rivals)]
            metric = definitions.METRICS[definitions.base(name)].title
            found.append(
                f"With other seeds, {', '.join(others)} might beat {model} ({moves[place]}). The ± is the standard "
                f"deviation of {metric} over seeds; the lead is less than two standard deviations of the difference."
            )
    return found


def _shown(board: pd.DataFrame, model: str, metric: str) -> str:
    return f"{float(board[metric].loc[model]):.4f}"


def liked_only(findings: Findings) -> bool:
    """Return whether ratings that are not liked were dropped before the split."""
    return "ratings_not_liked" in results.read_metrics(paths.account(findings.dataset.name, "split"))


def coverage_note(findings: Findings) -> str:
    """Return which share of the test pairs is warm, and RMSE on warm and on cold pairs."""
    board = findings.board.dropna(subset=["rmse"])
    share, cold = float(board["warm_share"].iloc[0]), int(board["cold_pairs"].iloc[0])
    split = results.read_metrics(paths.account(findings.dataset.name, "split"))
    if "users_held_out" in split:
        return (
            f"The {split['users_held_out']:,} users of the test part do not occur in training. Each model first gets "
            f"some of their ratings, {split['ratings_fold_in']:,} in all (fold-in)."
        )
    if not cold:
        return "The user and the item of every test pair occur in training (all pairs are warm)."
    best = board.set_index("model").loc[findings.best_rater]
    if "rmse_warm" not in best:
        return (
            f"In each of the {cold:,} test pairs, the user or the item does not occur in training: all pairs are cold, "
            "and all are predicted."
        )
    others = f"{cold:,} pairs are" if cold > 1 else "pair is"
    return (
        f"In {share:.2%} of the test pairs, both the user and the item occur in training (warm). The other {others} "
        "cold. Models predict a cold pair from the bias of the known user or item, or from the mean if both are "
        "unknown. Bayesian models predict an unknown user or item from the prior mean. "
        f"The RMSE of {findings.best_rater} is {best['rmse_warm']:.4f} on warm pairs and {best['rmse_cold']:.4f} on "
        "cold ones."
    )


def _why_no_rating_metrics(findings: Findings) -> str:
    if liked_only(findings):
        return LIKED_ONLY
    return NO_RATINGS if findings.dataset.feedback == "implicit" else NO_RATER


def skipped_note(dataset: str) -> list[str]:
    """Return a sentence on the models that are too large to be compared; nothing where all are."""
    named = ", ".join(f"`{name}`" for name in results.left_out(dataset))
    return [f"Skipped (too large), because they need more memory than params.yaml allows: {named}."] if named else []


def interval_note() -> str:
    """Return what intervals and ties mean, and what they do not."""
    settings = params.section(params.Evaluation)
    return (
        f"Intervals are {settings.confidence:.0%} bootstrap intervals, from {settings.resamples:,} bootstrap samples "
        "of the users; the difference from the best is computed on the same samples. Intervals are not corrected for "
        "multiple comparisons. **Tied**: does not differ significantly from the best after Holm's correction, so a "
        "model can be tied even if the uncorrected interval of its difference excludes 0. The truly best model is, "
        f"with {settings.confidence:.0%} confidence, the best one or one tied with it. A model that is not tied may "
        "still be as good as one that is."
    )


def about_ranking(findings: Findings) -> tuple[str, str]:
    """Return a title for the ranking metrics, and a sentence on what was ranked and what counts as a hit."""
    if findings.ndcg.startswith(definitions.SAMPLED):
        return (
            "Ranking sampled candidates",
            "**These are sampled metrics.** Each user's held-out items are ranked among given negatives, not in the "
            "whole catalogue. Such metrics are far higher than those on the whole catalogue, and may rank models "
            "differently (Krichene and Rendle 2020).",
        )
    did, hit = "rated", "rated it in the test part, whatever the rating"
    if liked_only(findings):
        did, hit = "liked", "liked it in the test part, and only liked ratings were kept"
    elif findings.dataset.feedback == "implicit":
        did, hit = "interacted with", "interacted with it in the test part, however often"
    return (
        "Ranking the whole catalogue",
        f"Each user gets a list of {findings.k} from all items that they have not {did} in training. An item is a hit "
        f"if the user {hit}.",
    )


def population_note(findings: Findings) -> str:
    """Return over which users ranking metrics are averaged, who gets no list, and what no list can contain."""
    row = findings.board.iloc[0]
    ranked, without, unreachable = (int(row[name]) for name in ("users_ranked", "users_without_history", "unreachable"))
    # Cold pairs belong either to a ranked user or to a user without history.
    held_out = int(row["pairs"] - row["cold_pairs"]) + unreachable
    over = f"Metrics are means over {ranked:,} users"
    match without:
        case 0:
            over += ", all of the test part."
        case 1:
            over += "; one more user of the test part has no history, so that user gets no list."
        case _:
            over += f"; the other {without:,} users of the test part have no history, so they get no list."
    if not unreachable:
        return f"{over} All their held-out items occur in training."
    return (
        f"{over} Of their {held_out:,} held-out items, {unreachable / held_out:.2%} are cold: they do not occur in "
        "training, so no list can contain them, and each counts as missed."
    )
