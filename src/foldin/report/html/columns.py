"""The columns of the page's table of all models: metrics in groups, with definitions and values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldin.metrics import definitions
from foldin.metrics.auc import SCORES
from foldin.metrics.beyond_accuracy import BUCKETED, BUCKETS, CATALOGUE, LISTS
from foldin.metrics.graded import GRADED, LIKED_ONLY
from foldin.metrics.liked import LIKED
from foldin.metrics.metric import Metric, titled
from foldin.metrics.ranking import RANKING
from foldin.metrics.rating import RATING
from foldin.report import results
from foldin.report.contents import Findings

DECIMALS = 6
Cell = float | int | None


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
        The column of the board.
    title : str
        Its heading.
    group : str
        The group it is ticked with.
    text : str
        The definition.
    direction : int
        1 where higher is better, -1 where lower is, 0 where neither.
    interval : str
        What names of the columns with its bootstrap interval begin with; "" where it has none.
    """

    name: str
    title: str
    group: str
    text: str
    direction: int
    interval: str = ""


def rounded(value: object) -> Cell:
    """Return a number as the page holds it: an integer, or rounded to 6 decimals; None where there is none."""
    if isinstance(value, int | np.integer):
        return int(value)
    number = float(value) if isinstance(value, float | np.floating) else np.nan
    return round(number, DECIMALS) + 0.0 if np.isfinite(number) else None


def of(findings: Findings) -> list[Column]:
    """Return the columns of a report, in the order shown; those that no model has are left out."""
    board = findings.board
    return [column for column in _all(findings) if column.name in board and board[column.name].notna().any()]


def _all(findings: Findings) -> Iterator[Column]:
    board, k = findings.board, findings.k
    first_ndcg = sorted(RANKING, key=lambda metric: metric.name != "ndcg")
    yield from _plain(_at_k(findings, first_ndcg), "Ranking accuracy")
    yield from _plain(
        ((f"{results.sampled_prefix(board)}{metric.name}", title, metric) for title, metric in titled(SCORES).items()),
        "Ranking accuracy",
    )
    yield from _plain(_at_k(findings, GRADED), "Ranking accuracy")
    yield from _plain(((metric.name, title, metric) for title, metric in titled(RATING).items()), "Rating accuracy")
    yield from _plain(_at_k(findings, (*CATALOGUE, *LISTS)), "Beyond accuracy")
    yield from _plain(_at_k(findings, LIKED_ONLY), "Liked items only")
    liked = ((results.LIKED_COLUMNS[metric.name], title, metric) for title, metric in titled(LIKED).items())
    yield from _plain(liked, "Liked or not")
    for name, title in (("rmse", "RMSE"), (findings.ndcg, f"NDCG@{k}")):
        for domain in results.domains(board):
            yield _grouped(f"domains.{domain}.{name}", f"{title}: {domain}", "Domains", "domains")
    buckets = {results.column_at_k(board, "recall", k): f"recall@{k}"}
    buckets |= {results.column_at_k(board, metric.name, k): title for title, metric in titled(BUCKETED).items()}
    for name, title in (buckets | {"rmse": "RMSE"}).items():
        for bucket in BUCKETS:
            yield _grouped(f"popularity.{bucket}.{name}", f"{title}: {bucket}", "Popularity groups", "popularity")
    for name, title in {"ndcg": "NDCG", "recall": "recall"}.items():
        for length in sorted({k, *findings.ks}):
            column = results.column_at_k(board, name, length)
            nested = f"other_lengths.{column}"
            own = name if length == k and definitions.METRICS[name].interval else ""
            yield _column(nested if nested in board else column, f"{title}@{length}", "List lengths", column, own)


def _at_k(findings: Findings, metrics: Iterable[Metric]) -> Iterator[tuple[str, str, Metric]]:
    for title, metric in titled(metrics).items():
        shown = f"{title}@{findings.k}" if title == "NDCG" else title
        yield results.column_at_k(findings.board, metric.name, findings.k), shown, metric


def _plain(columns: Iterable[tuple[str, str, Metric]], group: str) -> Iterator[Column]:
    for name, title, metric in columns:
        yield _column(name, title, group, metric.name, metric.name if metric.interval else "")


def _column(name: str, title: str, group: str, defined: str, interval: str = "") -> Column:
    metric = definitions.of(defined)
    direction = {True: 1, False: -1, None: 0}[metric.higher_is_better]
    return Column(name, title, group, metric.text, direction, interval)


def _grouped(name: str, title: str, group: str, kind: str) -> Column:
    return _column(name, title, group, f"{kind}.{name.rpartition('.')[2]}")


def shown(findings: Findings) -> list[dict[str, object]]:
    """Return the columns with their values, a list for each column in the order of `ranked`.

    Returns
    -------
    list of dict
        `name`, `title`, `group`, `text`, `direction` and `values`; `low` and `high` where there is a bootstrap
        interval, `error` where there is a standard error, `seeds` where there is a standard deviation over seeds, and
        `tied`: positions of the best model and its ties.
    """
    board, found = ranked(findings), []
    for column in of(findings):
        entry: dict[str, object] = {
            "name": column.name,
            "title": column.title,
            "group": column.group,
            "text": column.text,
            "direction": column.direction,
            "values": _values(board, column.name),
        }
        more = {"error": f"{column.name}_se", "seeds": f"{column.name}_seed_sd"}
        if column.interval:
            more |= {end: f"{column.interval}_{end}" for end in ("low", "high")}
        entry |= {key: _values(board, name) for key, name in more.items() if name in board}
        if column.interval and f"{column.interval}_tied" in board:
            entry["tied"] = np.flatnonzero(board[f"{column.interval}_tied"].eq(True)).tolist()
        found.append(entry)
    return found


def ranked(findings: Findings) -> pd.DataFrame:
    """Return the board in the order of the page: by NDCG, best first, then by name those that do not rank."""
    board = findings.board
    first = results.best_first(board, findings.ndcg)
    rest = board[~board["model"].isin(first["model"])].sort_values("model", kind="stable")
    return pd.concat([first, rest], ignore_index=True) if len(rest) else first


def _values(board: pd.DataFrame, name: str) -> list[Cell]:
    return [rounded(value) for value in board[name].to_numpy(np.float64)]
