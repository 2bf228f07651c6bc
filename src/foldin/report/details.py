"""What the report page has to fold out: all models with all metrics, plots, examples, the data and the method."""

from foldin import models
from foldin.core import params
from foldin.report import (
    by_user,
    contents,
    fitting,
    leaderboard,
    markdown,
    predictive_std,
    provenance,
    results,
    tuning,
    verdict,
)
from foldin.report.contents import Findings


def sections(findings: Findings) -> list[str]:
    """Return the parts of the page after its short tables, each to fold out."""
    board, rated = findings.board, results.has_ratings(findings.board)
    found: dict[str, list[str]] = {}
    if rated:
        found["Predicting ratings: all models"] = _ratings(findings)
    found[f"{verdict.about_ranking(findings)[0]}: all models"] = _ranking(findings)
    found["Beyond accuracy, and other list lengths"] = _lists(findings)
    found["By user"] = _users(findings)
    if rated:
        found["Liked or not liked"] = _liked(findings)
        found["Calibration"] = _calibration(findings)
    if results.domains(board):
        found["By domain"] = _domains(findings)
    found["By popularity"] = _popularity(findings)
    if fitting.learned(findings):
        found["Learning and overfitting"] = _learning(findings)
    if tuned := _tuning(findings.dataset.name):
        found["Tuning"] = tuned
    if findings.dataset.generate:  # only generated rows may be in git, whatever a licence grants
        found["Examples"] = _examples(findings)
    found |= {
        "What each model is": [_abouts(findings.dataset.name)],
        "The data": provenance.data(findings),
        "What each metric means": provenance.metrics(findings),
        "How to reproduce this": provenance.method(findings),
    }
    return ["## More", *(part for title, parts in found.items() for part in markdown.folded(title, parts))]


def _ratings(findings: Findings) -> list[str]:
    return [
        f"RMSE and MAE are over all test ratings at once, in {findings.dataset.unit}. "
        f"{verdict.coverage_note(findings)} {verdict.interval_note()}",
        markdown.table(leaderboard.rating_table(findings.board)),
        *([findings.dataset.beside] if findings.dataset.beside else []),
    ]


def _ranking(findings: Findings) -> list[str]:
    k, board = findings.k, findings.board
    _, about = verdict.about_ranking(findings)
    table = leaderboard.ranking_table(board, k)
    compared = list(table.columns[: table.columns.get_loc("precision")])
    others = ["model", *table.columns[len(compared) :]]
    return [
        f"{about} {verdict.population_note(findings)}",
        *([] if results.has_ratings(board) else [verdict.interval_note()]),
        "Items with equal scores are ordered by item id. A model that gives all items the same score, such as "
        "global-mean, therefore ranks by id alone, which is better than random if popular items have low ids.",
        markdown.table(table[compared]),
        "More accuracy metrics of the same lists:",
        markdown.table(table[others]),
        *(_liked_only(findings) if results.column_at_k(board, "ndcg_liked", k) in board else []),
    ]


def _liked_from(findings: Findings) -> float:
    return findings.dataset.scale.liked_from(params.section(params.Evaluation).liked_share)


def _liked_only(findings: Findings) -> list[str]:
    return [
        "Graded NDCG weights a hit by its rating, from 0 for the lowest to 1 for the highest. The next table counts "
        f"only items that the user rated {_liked_from(findings):g} or higher, over users who have such an item:",
        markdown.table(leaderboard.liked_only_table(findings.board, findings.k)),
    ]


def _lists(findings: Findings) -> list[str]:
    k, board = findings.k, findings.board
    return [
        "Up is more accurate; right is more of the catalogue in the lists of all users together:",
        markdown.beside({"coverage": f"NDCG@{k} against coverage of the catalogue"}),
        "Beyond-accuracy metrics of the same lists; compare with the random baseline:",
        markdown.table(leaderboard.list_table(board, k)),
        "At other list lengths:",
        markdown.table(leaderboard.length_table(board, k, params.section(params.Evaluation).ks)),
    ]


def _users(findings: Findings) -> list[str]:
    shown = {"users_ndcg": f"Distribution of NDCG@{findings.k} over users"}
    parts = [f"{by_user.sentence(findings)} Bars: {findings.best_ranker}; lines: references.".lstrip()]
    if findings.best_rater is not None:
        parts.append(
            "RMSE is over all test ratings of each quarter of the users, by how many ratings they gave; in brackets, "
            f"the fewest and the most. Shown are the best models of the {by_user.FAMILIES} best families, and the "
            "references."
        )
        shown["users_rmse"] = "RMSE by number of ratings of the user"
    return [*parts, markdown.beside(shown)]


def _liked(findings: Findings) -> list[str]:
    from_rating = _liked_from(findings)
    return [
        f"A rating of {from_rating:g} or more is *liked* (positive). Best F1 first; a dash means that no predicted "
        f"rating was {from_rating:g} or more.",
        markdown.table(leaderboard.liked_table(findings.board)),
    ]


def _calibration(findings: Findings) -> list[str]:
    parts = [
        f"Mean actual rating by predicted rating, in {findings.settings.calibration_bins} groups:",
        "![Mean actual against mean predicted ratings](plots/calibration.png)",
    ]
    if not predictive_std.models(findings):
        return parts
    return [
        *parts,
        "### Predicted errors",
        predictive_std.sentences(findings),
        markdown.table(predictive_std.table(findings)),
        "![RMSE against predicted standard deviation](plots/predictive_std.png)",
    ]


def _domains(findings: Findings) -> list[str]:
    board, parts = findings.board, []
    if results.has_ratings(board):
        parts = [
            f"RMSE in {findings.dataset.unit}:",
            markdown.table(leaderboard.domain_table(board, "rmse")),
            *(_own_units(findings) if findings.dataset.normalized else []),
        ]
    return [
        *parts,
        f"NDCG@{findings.k}, candidates and held-out items of that domain only:",
        markdown.table(leaderboard.domain_table(board, findings.ndcg)),
    ]


def _own_units(findings: Findings) -> list[str]:
    """Return errors on each domain's own scale; overall ones are in shares of it."""
    scales = {part.domain: part.dataset.scale for part in findings.dataset.parts}
    named = ", ".join(f"{domain} from {scale.lowest:g} to {scale.highest:g}" for domain, scale in scales.items())
    parts = []
    for name in ("rmse", "mae"):
        table = leaderboard.domain_table(findings.board, "rmse", own=f"{name}_own_unit")
        parts += [f"{name.upper()} in the unit of each domain's own scale, {named}:", markdown.table(table)]
    return parts


def _popularity(findings: Findings) -> list[str]:
    rated = results.has_ratings(findings.board)
    table = leaderboard.bucket_table(findings.board, findings.k)
    parts = [
        f"Items are in three groups, each with a third of the training {findings.dataset.noun}: the head is the few "
        f"most popular items, the tail the many rare ones. Recall of held-out items{', RMSE' if rated else ''} and "
        "share of all recommended items:"
    ]
    metrics = dict.fromkeys(str(name).partition(":")[0] for name in table.columns[1:])
    groups = [[name for name in table if str(name).startswith(f"{metric}:")] for metric in metrics]
    return [*parts, *(markdown.table(table[["model", *group]]) for group in groups)]


def _learning(findings: Findings) -> list[str]:
    return [
        markdown.beside({"fitting": "Metrics by epoch on train and validation part"}),
        f"Each panel has its own axes. {fitting.sentences(findings)} The test part is not used. "
        "[report.html](report.html) has the train loss, too.",
    ]


def _tuning(dataset: str) -> list[str]:
    found = tuning.accounts(dataset)
    if not found:
        return []
    return [
        tuning.sentences(found),
        markdown.table(tuning.table(found)),
        "![Trials of each model, and the best so far](plots/tuning.png)",
    ]


def _examples(findings: Findings) -> list[str]:
    parts = [f"What **{findings.best_ranker}** recommends, and whether the user rated it in the test part:"]
    for user, table in contents.recommendations(findings).items():
        parts += [f"### User {user}", markdown.table(table)]
    if findings.best_rater is None:
        return parts
    return [
        *parts,
        "### Actual and predicted ratings",
        f"One user's test ratings and what **{findings.best_rater}** predicted, closest first:",
        markdown.table(contents.predicted_ratings(findings)),
    ]


def _abouts(dataset: str) -> str:
    lines, skipped = [], results.left_out(dataset)
    for family in params.families():
        for name, cls in models.family_models(family).items():
            reason = f" **Skipped (too large):** {skipped[name]} (params.yaml)." if name in skipped else ""
            lines.append(f"- **{name}** ({family}): {cls.about}{reason}")
    return "\n".join(lines)
