"""The answer of a report in a few sentences: who is best, who cannot be told apart from it, and if there is a leak."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params
from foldin.metrics import definitions
from foldin.report import leaderboard
from foldin.report.contents import Report

NO_RATINGS = (
    "Nobody gave ratings here: feedback is implicit, so there are no rating metrics. Models that predict ratings "
    "learnt log(1 + count) as if it were one; their lists are judged like all others."
)


def sentences(report: Report) -> str:
    """Return the answer in a few sentences, with the verdict on leaks where the truth is known."""
    board = report.board.set_index("model")
    ndcg = report.ndcg
    rater, ranker = report.best_rater, report.best_ranker
    best = {"rmse": _leader(board, "rmse", lowest=True)} if rater is not None else {}
    best |= {ndcg: _leader(board, ndcg)}
    verdicts = [_verdict(board, ranker, best[ndcg], ndcg, "ranks best", f"NDCG@{report.k}", "popularity")]
    if rater is not None:
        verdicts.insert(0, _verdict(board, rater, best["rmse"], "rmse", "predicts ratings best", "RMSE", "bias"))
    text = [
        f"Of {int((board['kind'] == 'model').sum())} models and {int((board['kind'] == 'baseline').sum())} baselines, "
        f"{' and '.join(verdicts)}.",
        *([] if rater is not None else [NO_RATINGS]),
        _ties(board, best),
        *_by_domain(board, best),
        *_luck(board, best),
    ]
    if ndcg.startswith(definitions.SAMPLED):
        text.append("**Ranking metrics are of sampled candidates, not of the whole catalogue.**")
    if leaderboard.ORACLE in board.index:
        text.append(
            "The truth of this data is known: but for chance, nothing can do better than "
            f"RMSE {_shown(board, leaderboard.ORACLE, 'rmse')} and "
            f"NDCG@{report.k} {_shown(board, leaderboard.ORACLE, ndcg)}."
        )
    if "oracle.leak" in board:
        # Without a reason in params.yaml there would be no report.
        reasons = params.section(params.Evaluation).explained
        leaks = [f"{name} ({reasons[name]})" for name in leaderboard.leaks(report.board)]
        text.append(
            f"**Better than the oracle beyond sampling error: {', '.join(leaks)}; the reason is the author's.**"
            if leaks
            else "No model beats the oracle beyond sampling error, so this check finds no leak of the test part."
        )
    return " ".join(text)


def _leader(board: pd.DataFrame, metric: str, *, lowest: bool = False) -> str:
    """Return who is best of all that can be had, baselines included."""
    values = board.loc[board["kind"] != leaderboard.ORACLE, metric].dropna().sort_index()
    return str(values.idxmin() if lowest else values.idxmax())


def _verdict(board: pd.DataFrame, model: str, leader: str, metric: str, does: str, name: str, baseline: str) -> str:
    """Return who is best, beside the baseline to beat; a baseline that nothing beats is named as such."""
    if leader != model and board.loc[leader, "kind"] == "baseline":
        return (
            f"**no model beats the {leader} baseline**, which {does} ({name} {_shown(board, leader, metric)}; the best "
            f"model, {model}: {_shown(board, model, metric)})"
        )
    return f"**{model}** {does} ({name} {_shown(board, model, metric)}{_beside(board, baseline, metric)})"


def _ties(board: pd.DataFrame, best: dict[str, str]) -> str:
    ties = []
    for name, model in best.items():
        tied = _tied(board, definitions.base(name))
        others = [f"**{other}**" for other in board.index[tied] if other != model]
        ties += [f"{', '.join(others)} cannot be told apart from {model}"] if others else []
    if not ties:
        return f"{'Both lead' if len(best) > 1 else 'It leads'} beyond chance, as far as these users can tell."
    return f"On these users, {' and '.join(ties)}."


def _tied(board: pd.DataFrame, metric: str) -> npt.NDArray[np.bool_]:
    tied: npt.NDArray[np.bool_] = board[f"{metric}_tied"].eq(True).to_numpy()
    return tied


def _by_domain(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
    """Return who is best of each domain, where that is not whoever is best of all domains at once."""
    found = []
    for domain in leaderboard.domains(board):
        others = []
        for name, model in best.items():
            metric = f"domains.{domain}.{name}"
            if metric not in board or board[metric].isna().all():
                continue  # No test rating is of this domain.
            leader = _leader(board, metric, lowest=name == "rmse")
            if leader != model:
                who = f"**{leader}**{', a baseline,' if board.loc[leader, 'kind'] == 'baseline' else ''}"
                does = "predicts ratings best" if name == "rmse" else "ranks best"
                others.append(
                    f"{who} {does} ({_shown(board, leader, metric)}; {model}: {_shown(board, model, metric)})"
                )
        found += [f"on {domain} {' and '.join(others)}"] if others else []
    return [f"By domain it differs: {'; '.join(found)}."] if found else []


def _luck(board: pd.DataFrame, best: dict[str, str]) -> list[str]:
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
        rivals = near & (board["kind"] != leaderboard.ORACLE).to_numpy() & ~_tied(board, definitions.base(name))
        if rivals.any():
            moves = ["trained once" if np.isnan(each) else f"± {each:.4f}" for each in known]
            others = [f"**{board.index[int(rival)]}** ({moves[rival]})" for rival in np.flatnonzero(rivals)]
            metric = "RMSE" if name == "rmse" else "NDCG"
            found.append(
                f"Trained with other seeds, {', '.join(others)} might stand before {model} ({moves[place]}): that is "
                f"the standard deviation of each one's {metric} over its seeds, and the lead is less than two of the "
                "difference's."
            )
    return found


def _beside(board: pd.DataFrame, model: str, metric: str) -> str:
    return f"; the {model} baseline: {_shown(board, model, metric)}" if model in board.index else ""


def _shown(board: pd.DataFrame, model: str, metric: str) -> str:
    return f"{float(board[metric].loc[model]):.4f}"
