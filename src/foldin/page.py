"""The page people read: reports/<dataset>/README.md, beside its figures and the leaderboard as a table.

Rows of a data set appear on it only where they were made here; the executed notebook, which is not in git, shows them
always.
"""

import pandas as pd

from foldin import figures, files, leaderboard, models, params, paths, report
from foldin.report import Report


def write(bench: Report) -> None:
    """Write reports/<dataset>/README.md, leaderboard.csv and figures/."""
    folder = paths.reports(bench.dataset.name)
    with files.whole_folder(folder / "figures") as unfinished:
        figures.save(
            leaderboard.figure(bench.board, bench.dataset.name, bench.k, bench.dataset.unit),
            unfinished / "leaderboard.png",
        )
        figures.save(report.fitting_figure(bench), unfinished / "fitting.png")
        figures.save(report.data_figure(bench), unfinished / "data.png")
    board = leaderboard.best_first(bench.board, f"ndcg_at_{bench.k}").rename(columns=lambda name: name.split("_at_")[0])
    columns = ["model", "family", "kind", "rmse", "mae", "ndcg", "recall", "coverage"]
    files.write_csv(folder / "leaderboard.csv", board.loc[:, ~board.columns.duplicated()][columns])
    files.write_text(folder / "README.md", page(bench))


def page(bench: Report) -> str:
    """Return the report as Markdown."""
    name, board = bench.dataset.name, bench.board
    rated = leaderboard.has_ratings(board)
    parts = [
        f"# {name}: which recommender to trust",
        "<!-- Written by `dvc repro`; edit notebooks/report.ipynb or src/foldin/report.py instead. -->",
        report.headline(bench),
        f"![Leaderboards of rating prediction and of ranking on {name}](figures/leaderboard.png)",
        *(_ratings(bench) if rated else []),
        "## Ranking the whole catalogue",
        f"Lists of {bench.k} from all items a user has no training rating of; an item counts as a hit when the user "
        f"{'rated' if rated else 'met'} it in the test part, {'whatever the rating' if rated else 'however often'}. "
        "Coverage: the share of the catalogue recommended to anyone.",
        _markdown(leaderboard.ranking_table(board, bench.k)),
        *(_liked(bench) if rated else []),
    ]
    if leaderboard.domains(board):
        parts += ["## By domain"]
        if rated:
            parts += [
                f"RMSE in {bench.dataset.unit}{_own_units(bench)}:",
                _markdown(leaderboard.domain_table(board, "rmse", lowest=True)),
            ]
        parts += [
            f"NDCG@{bench.k}, candidates and held-out items of that domain only:",
            _markdown(leaderboard.domain_table(board, f"ndcg_at_{bench.k}")),
        ]
    parts += ["## Learning and over-fitting", "![RMSE by epoch on train and validation part](figures/fitting.png)"]
    parts += ["Where a model stops early, the validation part says when; the test part was not looked at."]
    if bench.dataset.generate:  # only rows made here may stand in git, whatever a licence grants
        parts += _examples(bench)
    parts += ["## What each family did", _abouts(), *_data(bench), *_method(bench)]
    return "\n\n".join(parts)


def _ratings(bench: Report) -> list[str]:
    return [
        "## Predicting ratings",
        f"Root mean squared and mean absolute error over all test ratings at once, in {bench.dataset.unit}; a pair "
        "with an unknown user or item is predicted from biases, not dropped. s.e.: standard error, by user.",
        _markdown(leaderboard.rating_table(bench.board)),
        *([bench.dataset.beside] if bench.dataset.beside else []),
    ]


def _liked(bench: Report) -> list[str]:
    from_rating = bench.dataset.scale.liked_from(params.section(params.Evaluation).liked_share)
    return [
        "## Telling liked from not liked",
        f"“Liked” is a rating of at least {from_rating:g}; “positive” means liked. Best F1 first; a dash where nothing "
        "was predicted that high.",
        _markdown(leaderboard.liked_table(bench.board)),
    ]


def _own_units(bench: Report) -> str:
    """Return how to read errors in shares of a scale as errors on the scale itself."""
    if not bench.dataset.normalized:
        return ""
    scales = {part.domain: part.dataset.scale for part in bench.dataset.parts}
    factors = [f"{domain} by {scale.highest - scale.lowest:g}" for domain, scale in scales.items()]
    return f" (times its width it is in the domain's own unit: multiply {', '.join(factors)})"


def _examples(bench: Report) -> list[str]:
    parts = [
        "## Examples",
        f"What **{bench.best_ranker}** recommends, and whether the user rated it in the test part:",
    ]
    for user, table in report.recommendations(bench).items():
        parts += [f"### User {user}", _markdown(table)]
    return [
        *parts,
        "### Actual and predicted ratings",
        f"One user's test ratings and what **{bench.best_rater}** predicted, closest first:",
        _markdown(report.predicted_ratings(bench)),
    ]


def _abouts() -> str:
    lines = []
    for family in params.families():
        lines += [f"- **{name}** ({family}): {cls.about}" for name, cls in models.family_models(family).items()]
    return "\n".join(lines)


def _data(bench: Report) -> list[str]:
    dataset = bench.dataset
    cleaned = leaderboard.read_figures(paths.account(dataset.name, "cleaning"))["ratings"]
    split = leaderboard.read_figures(paths.account(dataset.name, "split"))
    dropped = [f"{count:,} for {reason.replace('_', ' ')}" for reason, count in cleaned["dropped"].items() if count]
    cold = [f"{split[f'cold_{what}_in_test']:,} {what}" for what in ("users", "items", "pairs")]
    return [
        "## The data",
        f"{dataset.about} Source: {dataset.source}. Terms: {dataset.licence}",
        f"Of {cleaned['rows_in']:,} raw {dataset.noun} {cleaned['rows_out']:,} were kept (dropped: "
        f"{', '.join(dropped) or 'none'}). They were split at random, not by time: {split['ratings_train']:,} train, "
        f"{split['ratings_validation']:,} validation and {split['ratings_test']:,} test ratings. Training knows "
        f"{split['users']:,} users and {split['items']:,} items and fills {split['density_of_training']:.2%} of their "
        f"pairs; it has never seen {cold[0]}, {cold[1]} and so {cold[2]} of the test part.",
        "![Ratings given, and ratings by item and user](figures/data.png)",
    ]


def _method(bench: Report) -> list[str]:
    name = bench.dataset.name
    return [
        "## How to reproduce this",
        f"`dvc repro report@{name}` with `{name}` among the `datasets` of params.yaml. Models learn from the "
        "train part, choose their epochs on the validation part, are refitted on both and judged once on the test "
        "part, which no training stage can read. Definitions of all figures: src/foldin/metrics.py.",
    ]


def _markdown(table: pd.DataFrame) -> str:
    # A bar would end the cell.
    escaped = table.map(lambda cell: cell.replace("|", ", ") if isinstance(cell, str) else cell)
    return str(escaped.to_markdown(index=False, disable_numparse=True))
