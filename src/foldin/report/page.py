"""The report page: reports/<dataset>/README.md, one or two screens with the answer, and everything else to fold out.

It shows rows of a data set only for generated data sets; the executed notebook, which is not in git, always shows them.
"""

import pandas as pd
from matplotlib.figure import Figure

from foldin.core import files, params, paths, text
from foldin.metrics import definitions
from foldin.report import (
    by_user,
    contents,
    details,
    fitting,
    leaderboard,
    markdown,
    plots,
    predictive_std,
    provenance,
    results,
    trade_off,
    tuning,
    verdict,
)
from foldin.report.contents import Findings


def write(findings: Findings) -> None:
    """Write reports/<dataset>/README.md, leaderboard.csv, definitions.json and plots/."""
    folder = paths.reports(findings.dataset.name)
    with files.whole_folder(folder / "plots") as unfinished:
        for name, figure in _figures(findings).items():
            plots.save(figure, unfinished / f"{name}.png")
    files.write_csv(folder / "leaderboard.csv", _columns(findings))
    files.write_json(folder / "definitions.json", definitions.texts(provenance.metric_names(findings)))
    files.write_text(folder / "README.md", page(findings))


def _figures(findings: Findings) -> dict[str, Figure]:
    """Return the plots of the page by the names of their files."""
    found = leaderboard.panels(findings.board, findings.k, findings.dataset.unit)
    found |= {
        "coverage": trade_off.plot(findings),
        "users_ndcg": by_user.ndcg_plot(findings),
        "data": contents.data_plot(findings),
    }
    if findings.best_rater is not None:
        found["calibration"] = contents.calibration_plot(findings)
        found["users_rmse"] = by_user.rmse_plot(findings)
    if predictive_std.models(findings):
        found["predictive_std"] = predictive_std.plot(findings)
    if tuning.accounts(findings.dataset.name):
        found["tuning"] = tuning.plot(findings.dataset.name)
    learned = fitting.plot(findings)
    return found if learned is None else found | {"fitting": learned}


def _columns(findings: Findings) -> pd.DataFrame:
    """Return the leaderboard as a table for plots: the same column names at every k."""
    board = results.best_first(findings.board, findings.ndcg)
    table = board.reindex(columns=["model", "family", "kind", "rmse", "mae"])
    for name in ("ndcg", "recall", "coverage"):
        table[name] = board[results.column_at_k(board, name, findings.k)]
    for name in ("rmse", "ndcg") if findings.best_rater is not None else ("ndcg",):
        for end in ("low", "high", "tied"):
            table[f"{name}_{end}"] = board[f"{name}_{end}"]
    return table


def page(findings: Findings) -> str:
    """Return the report as Markdown."""
    parts = [
        f"# {findings.dataset.name}: which recommender to trust",
        "<!-- Written by `dvc repro`; edit notebooks/report.ipynb or src/foldin/report instead. -->",
        _answer(findings),
        *verdict.skipped_note(findings.dataset.name),
        _links(),
        *_leaderboards(findings),
        *details.sections(findings),
    ]
    return "\n\n".join(parts)


def _answer(findings: Findings) -> str:
    # The texts name domains, which are data, and models in bold.
    return "\n".join(
        f"- **{label}.** {text.markdown(' '.join(texts), keep='*_`')}"
        for label, texts in verdict.bullets(findings).items()
    )


def _links() -> str:
    return (
        "[report.html](report.html), opened in a browser, has all metrics of all models: sort, filter and compare. "
        "See also: [definitions of the metrics](definitions.json) · [method](../../docs/method.md) · "
        "[the leaderboard as CSV](leaderboard.csv) · [known mistakes, shown on this data](TRAPS.md) · "
        "[all data sets](../README.md)"
    )


def _leaderboards(findings: Findings) -> list[str]:
    board, k = findings.board, findings.k
    rated = results.has_ratings(board)
    title, _ = verdict.about_ranking(findings)
    plotted = {"leaderboard_ratings": "Predicting ratings: RMSE of the models, with intervals"} if rated else {}
    plotted["leaderboard_ranking"] = f"{title}: NDCG@{k} of the models, with intervals"
    parts = []
    if rated:
        parts = [
            "## Predicting ratings",
            f"RMSE and MAE are in {findings.dataset.unit}; lower is better.",
            markdown.table(leaderboard.short_rating_table(board)),
        ]
    parts += [
        f"## {title}",
        f"Each list has {k} items; higher is better. {by_user.sentence(findings)}".rstrip(),
        markdown.table(leaderboard.short_ranking_table(board, k)),
        _note(findings),
    ]
    return [markdown.beside(plotted), *parts]


def _note(findings: Findings) -> str:
    """Return what the short tables show, and what they leave out."""
    confidence = params.section(params.Evaluation).confidence
    every = len(results.best_first(findings.board, findings.ndcg))
    absent = every - len(leaderboard.rankers(findings.board, findings.k))
    predict = "models that predict" if absent > 1 else "model that predicts"
    worse = "rank" if absent > 1 else "ranks"
    left_out = (
        f" Plot and table of ranking leave out {absent} {predict} ratings and {worse} worse than popularity."
        if absent
        else ""
    )
    return (
        f"Bold: the best. ±: half the width of the {confidence:.0%} interval. Tied: no significant difference from the "
        f"best.{left_out} All models, with more metrics, are below."
    )
