"""All data sets side by side, from the files in git: who predicts ratings best, and who ranks best.

`foldin show` prints it in a terminal, `foldin show --markdown` as the table of reports/README.md.
"""

from dataclasses import dataclass

from tabulate import tabulate  # type: ignore[import-untyped]

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.report import standings
from foldin.report.standings import Winner
from foldin.workspace import show

SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Entry:
    """What the overview shows of a data set.

    Attributes
    ----------
    name : str
        The data set.
    models : int
        How many models are compared, not counting baselines.
    sizes : tuple of int
        Users, items and ratings; empty where the stage `explore` has not run.
    k : str
        "@10" where lists have 10 items.
    rmse, ndcg : Winner or None
        None where no model has the metric.
    """

    name: str
    models: int
    sizes: tuple[int, ...]
    k: str
    rmse: Winner | None
    ndcg: Winner | None


def entries() -> list[Entry]:
    """Return the data sets that have a report: those with the most models first, of equals the one with fewest ratings.

    Raises
    ------
    FoldinError
        When none has one.
    """
    found = [_entry(dataset) for dataset in standings.datasets()]
    if not found:
        raise FoldinError("no data set has a report yet", where="reports", remedy="make one first: make repro")
    return sorted(found, key=lambda entry: (-entry.models, entry.sizes[2:], entry.name))


def _entry(dataset: str) -> Entry:
    rows = standings.rows(dataset)
    profile = paths.reports(dataset) / "profile.json"
    remedy = f"restore it: git checkout {profile.relative_to(paths.root())}"
    known = files.read_json(profile, remedy) if profile.is_file() else {}
    sizes = tuple(int(known[name]) for name in ("users", "items", "ratings") if name in known)
    models = sum(row["kind"] == "model" for row in rows)
    best = [standings.winner(rows, metric) for metric in ("rmse", "ndcg")]
    return Entry(dataset, models, sizes, show.list_length(dataset), *best)


def text() -> str:
    """Return the overview for a terminal, in at most 120 columns."""
    found = entries()
    table = [
        [
            entry.name,
            str(entry.models),
            _sizes(entry),
            *(f"{best.model} {best.value:.4f}{_count(best)}" if best else "–" for best in (entry.rmse, entry.ndcg)),
        ]
        for entry in found
    ]
    heads = ["data set", "models", "users × items × ratings", "best RMSE", f"best NDCG{_length(found)}"]
    return "\n".join(
        [
            tabulate(table, heads, tablefmt="simple", disable_numparse=True),
            "",
            "+ n: n more are tied with it. RMSE is in the unit of each data set's ratings.",
            f"One leaderboard: foldin show {found[0].name}",
        ]
    )


def markdown() -> str:
    """Return the overview as a table in Markdown, as reports/README.md shows it."""
    found = entries()
    table = [
        [f"[{entry.name}]({entry.name}/README.md)", _cell(entry.rmse), _cell(entry.ndcg), _sizes(entry)]
        for entry in found
    ]
    heads = ["data set", "predicts ratings best: RMSE", f"ranks best: NDCG{_length(found)}", "users × items × ratings"]
    return str(tabulate(table, heads, tablefmt="pipe", disable_numparse=True))


def _cell(best: Winner | None) -> str:
    if best is None:
        return "–"
    tied = f"<br>tied: {', '.join(best.tied)}" if best.tied else ""
    return f"**{best.model}**<br>{best.value:.4f}{SPACE}±{SPACE}{best.half_width:.4f}{tied}"


def _count(best: Winner) -> str:
    return f" + {len(best.tied)}" if best.tied else ""


def _sizes(entry: Entry) -> str:
    return " × ".join(f"{size:,}" for size in entry.sizes) or "–"


def _length(found: list[Entry]) -> str:
    """Return "@10" where all lists have 10 items."""
    lengths = {entry.k for entry in found}
    return lengths.pop() if len(lengths) == 1 else ""
