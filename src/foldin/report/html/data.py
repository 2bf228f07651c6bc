"""All that the page shows, as one dictionary; the page holds it as JSON and its scripts draw it."""

from typing import Any

from foldin.core import params
from foldin.metrics import definitions
from foldin.report import results, verdict
from foldin.report.contents import Findings
from foldin.report.html import columns, curves, examples, users

REAL_ROWS = (
    "This page is in git, and rows of real users are not, so it shows none. To see some, make a page that git ignores: "
    "foldin page --dataset {0}"
)

TRUTH = "The true preferences that the ratings were generated from."


def collect(findings: Findings, *, local: bool = False) -> dict[str, Any]:
    """Return what the page shows.

    Parameters
    ----------
    findings : Findings
        As `contents.open_report` gives them.
    local : bool, optional
        For a page that stays on this machine: it shows examples of real users, too.

    Returns
    -------
    dict
        `models` and `columns` of the table, in one order; `pairs`, `distributions`, `learning`, `calibration`,
        `trials` and `examples`: see the functions of foldin.report.html.columns, users, curves and examples. Numbers
        are rounded to 6 decimals, and None where there is none.
    """
    board, name = columns.ranked(findings), findings.dataset.name
    by_user = findings.users
    evaluation = params.section(params.Evaluation)
    about = curves.abouts()
    _, ranking = verdict.about_ranking(findings)
    return {
        "dataset": name,
        "k": findings.k,
        "ndcg": findings.ndcg,
        "coverage": results.column_at_k(board, "coverage", findings.k),
        "unit": findings.dataset.unit,
        "confidence": evaluation.confidence,
        "resamples": evaluation.resamples,
        "ranking": f"{ranking} {verdict.population_note(findings)}".replace("**", ""),
        "symbols": definitions.SYMBOLS,
        "models": [
            {"name": model, "family": family, "kind": kind, "about": about.get(model, TRUTH)}
            for model, family, kind in zip(board["model"], board["family"], board["kind"], strict=True)
        ],
        "columns": columns.shown(findings),
        "best": {"ranker": findings.best_ranker, "rater": findings.best_rater},
        "pairs": users.pairs(findings, by_user),
        "pair_unit": users.UNIT,
        "distributions": users.distributions(findings, by_user),
        "learning": curves.learning(findings),
        "calibration": curves.calibration(findings),
        "trials": curves.trials(findings),
        "examples": examples.collect(findings, local=local) if findings.dataset.generate or local else None,
        "no_examples": REAL_ROWS.format(name),
    }
