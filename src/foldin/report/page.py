"""The report page: reports/<dataset>/README.md, with its metrics and the leaderboard as a table.

It shows rows of a data set only for generated data sets; the executed notebook, which is not in git, always shows them.
"""

from typing import Any

import pandas as pd

from foldin import models
from foldin.core import files, params, paths
from foldin.core.text import markdown
from foldin.evaluation import guards
from foldin.metrics import definitions
from foldin.preparation import protocols
from foldin.report import contents, leaderboard, plots, predictive_std, results, tuning, verdict
from foldin.report.contents import Findings


def write(findings: Findings) -> None:
    """Write reports/<dataset>/README.md, leaderboard.csv, definitions.json and plots/."""
    folder = paths.reports(findings.dataset.name)
    with files.whole_folder(folder / "plots") as unfinished:
        plots.save(
            leaderboard.plot(findings.board, findings.dataset.name, findings.k, findings.dataset.unit),
            unfinished / "leaderboard.png",
        )
        plots.save(contents.fitting_plot(findings), unfinished / "fitting.png")
        plots.save(contents.data_plot(findings), unfinished / "data.png")
        if findings.best_rater is not None:
            plots.save(contents.calibration_plot(findings), unfinished / "calibration.png")
        if predictive_std.models(findings):
            plots.save(predictive_std.plot(findings), unfinished / "predictive_std.png")
        if tuning.accounts(findings.dataset.name):
            plots.save(tuning.plot(findings.dataset.name), unfinished / "tuning.png")
    files.write_csv(folder / "leaderboard.csv", _columns(findings))
    files.write_json(folder / "definitions.json", definitions.texts(_metric_names(findings)))
    files.write_text(folder / "README.md", page(findings))


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


def _metric_names(findings: Findings) -> set[str]:
    """Return the names of all metrics of all models, as in the files in git."""
    names: set[str] = set()
    for family in params.families():
        folder = paths.predictions(findings.dataset.name, family)
        for values in results.read_metrics(folder / "metrics.json").values():
            names |= guards.names(values)
    return names


def page(findings: Findings) -> str:
    """Return the report as Markdown."""
    name, board = findings.dataset.name, findings.board
    rated = results.has_ratings(board)
    parts = [
        f"# {name}: which recommender to trust",
        "<!-- Written by `dvc repro`; edit notebooks/report.ipynb or src/foldin/report instead. -->",
        # It names domains, which are data, and models in bold.
        markdown(verdict.sentences(findings), keep="*_`"),
        *verdict.skipped_note(name),
        f"![Leaderboards of rating prediction and of ranking on {name}](plots/leaderboard.png)",
        *(_ratings(findings) if rated else []),
        *_ranking(findings),
        *(_liked(findings) if rated else []),
    ]
    if results.domains(board):
        parts += ["## By domain"]
        if rated:
            parts += [
                f"RMSE in {findings.dataset.unit}:",
                _markdown(leaderboard.domain_table(board, "rmse")),
                *(_own_units(findings) if findings.dataset.normalized else []),
            ]
        parts += [
            f"NDCG@{findings.k}, candidates and held-out items of that domain only:",
            _markdown(leaderboard.domain_table(board, findings.ndcg)),
        ]
    parts += [
        "## By popularity",
        f"Items are in three groups, each with a third of the training {findings.dataset.noun}: the head is the few "
        f"most popular items, the tail the many rare ones. Recall of held-out items{', RMSE' if rated else ''} and "
        "share of all recommended items:",
        _markdown(leaderboard.bucket_table(board, findings.k)),
    ]
    parts += ["## Learning and overfitting", "![RMSE by epoch on train and validation part](plots/fitting.png)"]
    parts += ["Early stopping uses the validation part only."]
    parts += _tuning(name)
    if findings.dataset.generate:  # only generated rows may be in git, whatever a licence grants
        parts += _examples(findings)
    parts += ["## What each model is", _abouts(name), *_data(findings), *_definitions(findings), *_method(findings)]
    return "\n\n".join(parts)


def _ratings(findings: Findings) -> list[str]:
    return [
        "## Predicting ratings",
        f"RMSE and MAE are over all test ratings at once, in {findings.dataset.unit}. "
        f"{verdict.coverage_note(findings)} {verdict.interval_note()}",
        _markdown(leaderboard.rating_table(findings.board)),
        *([findings.dataset.beside] if findings.dataset.beside else []),
    ]


def _liked_from(findings: Findings) -> float:
    return findings.dataset.scale.liked_from(params.section(params.Evaluation).liked_share)


def _liked_only(findings: Findings) -> list[str]:
    return [
        "Graded NDCG weights a hit by its rating, from 0 for the lowest to 1 for the highest. The next table counts "
        f"only items that the user rated {_liked_from(findings):g} or higher, over users who have such an item:",
        _markdown(leaderboard.liked_only_table(findings.board, findings.k)),
    ]


def _liked(findings: Findings) -> list[str]:
    from_rating = _liked_from(findings)
    return [
        "## Liked or not liked",
        f"A rating of {from_rating:g} or more is *liked* (positive). Best F1 first; a dash means that no predicted "
        f"rating was {from_rating:g} or more.",
        _markdown(leaderboard.liked_table(findings.board)),
        "## Calibration",
        f"Mean actual rating by predicted rating, in {findings.settings.calibration_bins} groups:",
        "![Mean actual against mean predicted ratings](plots/calibration.png)",
        *_predictive_std(findings),
    ]


def _predictive_std(findings: Findings) -> list[str]:
    if not predictive_std.models(findings):
        return []
    return [
        "### Predicted errors",
        predictive_std.sentences(findings),
        _markdown(predictive_std.table(findings)),
        "![RMSE against predicted standard deviation](plots/predictive_std.png)",
    ]


def _ranking(findings: Findings) -> list[str]:
    k, board = findings.k, findings.board
    title, about = verdict.about_ranking(findings)
    rated = results.column_at_k(board, "ndcg_liked", k) in board
    return [
        f"## {title}",
        f"{about} {verdict.population_note(findings)}",
        *([] if results.has_ratings(board) else [verdict.interval_note()]),
        "Items with equal scores are ordered by item id. A model that gives all items the same score, such as "
        "global-mean, therefore ranks by id alone, which is better than random if popular items have low ids.",
        _markdown(leaderboard.ranking_table(board, k)),
        *(_liked_only(findings) if rated else []),
        "Beyond-accuracy metrics of the same lists; compare with the random baseline:",
        _markdown(leaderboard.list_table(board, k)),
        "At other list lengths:",
        _markdown(leaderboard.length_table(board, k, params.section(params.Evaluation).ks)),
    ]


def _definitions(findings: Findings) -> list[str]:
    shown: dict[str, str] = {}
    names = _metric_names(findings)
    for name in sorted(names):
        plain = definitions.base(name)
        if plain not in ("leak", "seeds") and not plain.endswith(("_z", "_advantage")):
            shown[plain] = definitions.METRICS[plain].text
    kinds = [kind for kind in definitions.GROUPS if any(name.startswith(f"{kind}.") for name in names)]
    return [
        "## What each metric means",
        f"Symbols: {definitions.SYMBOLS}.",
        "\n".join(f"- `{name}`: {text}" for name, text in shown.items()),
        "Metrics of groups of items:",
        "\n".join(f"- `{kind}.…`: the same metrics. {definitions.GROUPS[kind]}" for kind in kinds),
    ]


def _tuning(dataset: str) -> list[str]:
    found = tuning.accounts(dataset)
    if not found:
        return []
    return [
        "## Tuning",
        tuning.sentences(found),
        _markdown(tuning.table(found)),
        "![Trials of each model, and the best so far](plots/tuning.png)",
    ]


def _own_units(findings: Findings) -> list[str]:
    """Return errors on each domain's own scale; overall ones are in shares of it."""
    scales = {part.domain: part.dataset.scale for part in findings.dataset.parts}
    named = ", ".join(f"{domain} from {scale.lowest:g} to {scale.highest:g}" for domain, scale in scales.items())
    parts = []
    for name in ("rmse", "mae"):
        table = leaderboard.domain_table(findings.board, "rmse", own=f"{name}_own_unit")
        parts += [f"{name.upper()} in the unit of each domain's own scale, {named}:", _markdown(table)]
    return parts


def _examples(findings: Findings) -> list[str]:
    parts = [
        "## Examples",
        f"What **{findings.best_ranker}** recommends, and whether the user rated it in the test part:",
    ]
    for user, table in contents.recommendations(findings).items():
        parts += [f"### User {user}", _markdown(table)]
    if findings.best_rater is None:
        return parts
    return [
        *parts,
        "### Actual and predicted ratings",
        f"One user's test ratings and what **{findings.best_rater}** predicted, closest first:",
        _markdown(contents.predicted_ratings(findings)),
    ]


def _abouts(dataset: str) -> str:
    lines, skipped = [], results.left_out(dataset)
    for family in params.families():
        for name, cls in models.family_models(family).items():
            reason = f" **Skipped (too large):** {skipped[name]} (params.yaml)." if name in skipped else ""
            lines.append(f"- **{name}** ({family}): {cls.about}{reason}")
    return "\n".join(lines)


def _data(findings: Findings) -> list[str]:
    dataset = findings.dataset
    account = results.read_metrics(paths.account(dataset.name, "cleaning"))
    cleaned = account["ratings"]
    split = results.read_metrics(paths.account(dataset.name, "split"))
    dropped = [f"{count:,} for {reason.replace('_', ' ')}" for reason, count in cleaned["dropped"].items() if count]
    cold = [f"{split[f'cold_{what}_in_test']:,} {what}" for what in ("users", "items", "pairs")]
    return [
        "## The data",
        markdown(f"{dataset.about} Source: {dataset.source}. Terms: {dataset.licence}"),
        f"Of {cleaned['rows_in']:,} raw {dataset.noun} {cleaned['rows_out']:,} were kept (dropped: "
        f"{', '.join(dropped) or 'none'}). They were split {_protocol(split)}: {split['ratings_train']:,} train, "
        f"{split['ratings_validation']:,} validation and {split['ratings_test']:,} test {dataset.noun}. The "
        f"train and validation parts together, on which the final models are fitted, contain {split['users']:,} users "
        f"and {split['items']:,} items, and {split['density_of_training']:.2%} of their pairs are rated. In the "
        f"test part, {cold[0]} and {cold[1]} are cold; {cold[2]} contain one of them.",
        *_changes(account),
        "![Ratings given, and ratings by item and user](plots/data.png)",
    ]


def _changes(account: dict[str, Any]) -> list[str]:
    """Return what cleaning changed, and what it kept although it looks odd; nothing if it did neither."""
    rows = [
        {"table": table, "what": what, "reason": reason.replace("_", " "), "rows": f"{count:,}"}
        for table in ("ratings", "items", "users")
        for what in ("changed", "kept")
        for reason, count in account[table].get(what, {}).items()
        if count
    ]
    if not rows:
        return []
    return [
        "Rows in which cleaning changed a value, or which look odd but were kept:",
        _markdown(pd.DataFrame(rows)),
    ]


def _protocol(split: dict[str, Any]) -> str:
    fold = f" (fold {split['fold']})" if "fold" in split else ""
    return f"{protocols.PROTOCOLS[split['protocol']][1]}{fold} (protocol `{split['protocol']}`)"


def _method(findings: Findings) -> list[str]:
    name = findings.dataset.name
    return [
        "## How to reproduce this",
        f"`dvc repro report@{name}` with `{name}` among the `datasets` of params.yaml. Models learn from the train "
        "part, choose their epochs on the validation part, are retrained on both and evaluated once on the test part, "
        "which no training stage reads. Definitions of all metrics: definitions.json.",
    ]


def _markdown(table: pd.DataFrame) -> str:
    """Return a table in which names of domains, titles and genres are text, and `**tied**` is bold."""
    escaped = table.rename(columns=lambda name: markdown(str(name)))
    escaped = escaped.map(lambda cell: markdown(cell.replace("|", ", "), "*_`") if isinstance(cell, str) else cell)
    return str(escaped.to_markdown(index=False, disable_numparse=True))
