"""`foldin compare REV [REV]`: which metrics changed between two commits, and whether significantly.

Metrics are in git, so any clone can compare them. If DVC's cache also has the per-user results of both commits, metrics
with per-user values get an interval: a paired bootstrap over users. A change without an interval may be due to chance.
"""

from collections import defaultdict
from collections.abc import Iterator
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.files import DECIMALS
from foldin.core.interactions import Values
from foldin.metrics import definitions, uncertainty
from foldin.report import ties
from foldin.workspace import compare_markdown
from foldin.workspace.metric_filter import EVERYTHING, Chosen, all_places
from foldin.workspace.revision import WORKSPACE, Revision

WIDTH = 120
"""Columns of the terminal that tables are made for."""
OF_PAIRS = {"rmse": "squared_error", "mae": "absolute_error"}
"""Metrics over all pairs, and the per-user sums behind them."""
BY_USER = {name: name for name in (*(metric.name for metric in definitions.OVER_USERS), "user_rmse")}
"""Metrics that are means over users, and their per-user values."""
COLUMNS = ["data set", "family", "model", "metric", "before", "after", "change", "interval", "p", "verdict"]
CHANCE = "may be due to chance"
NOTE = (
    "Verdict: significantly better or worse, or a change that may be due to chance; with a question mark if there is "
    "no interval; – if neither direction is better. Interval and p: of the change, {confidence:.0%}, by a paired "
    "bootstrap over users ({draws:,} samples); intervals are not corrected for multiple comparisons, p is corrected by "
    "Holm for all {compared:,} changes that have one.\n"
    "There is no interval (–) for R², RMSE on warm or cold pairs, coverage, Gini, popularity lift, liked items and "
    "domains; nor if the per-user results of both are not in DVC's cache (dvc pull), or are of different test ratings "
    "or different users."
)


def run(
    before: str,
    after: str | None = None,
    *,
    dataset: str | None = None,
    model: str | None = None,
    metrics: str = "",
    everything: bool = False,
    markdown: bool = False,
) -> None:
    """Print the metrics that differ between two commits, or a commit and the workspace.

    Parameters
    ----------
    before, after : str
        Commits as git names them, or experiments as DVC names them; `after` is the workspace unless given.
    dataset, model : str, optional
        Only of this data set, or model.
    metrics : str, optional
        Names of metrics, with commas between them; the headline metrics unless given.
    everything : bool, optional
        All metrics, of domains as well, in one wide table.
    markdown : bool, optional
        One short table in Markdown, what is worse first.

    Raises
    ------
    FoldinError
        When neither git nor DVC knows a commit, a name is that of several experiments, or there is no such data set,
        model or metric.
    """
    if metrics and everything:
        raise FoldinError("--metrics and --all are two choices", remedy="give one of them")
    chosen = Chosen(dataset, model, tuple(name.strip() for name in metrics.split(",") if name.strip()), everything)
    old, new = Revision(before), Revision(after or WORKSPACE)
    table = differences(old, new, chosen)
    name = after or "the workspace"
    if table.empty:
        what = "metric" if everything or metrics else "headline metric"
        said = f"No {what} differs between {before} and {name}."
        print(compare_markdown.text(table, before, name, [said], []) if markdown else said)
        return
    compared = int((table["p"] != "–").sum())
    confidence = params.section(params.Evaluation).confidence
    notes = NOTE.format(confidence=confidence, draws=_draws(compared), compared=compared).split("\n")
    if markdown:
        print(compare_markdown.text(table, before, name, list(_openings(table, old, new, chosen)), notes))
        return
    for line in _openings(table, old, new, chosen):
        print(fill(line, WIDTH))
    if everything:
        print()
        print(table.to_markdown(index=False, disable_numparse=True))
    else:
        for of_dataset, rows in table.groupby("data set", sort=False):
            print(f"\n{of_dataset}, {before} → {name}:")
            shown = rows.drop(columns=["data set", "family"])
            print(shown.to_markdown(index=False, tablefmt="simple", disable_numparse=True))
    print()
    for text in notes:
        print(fill(text, WIDTH))


def _openings(table: pd.DataFrame, before: Revision, after: Revision, chosen: Chosen) -> Iterator[str]:
    """Yield a sentence for each family that changed: how many of its metrics are worse, and how many better."""
    old, new = all_places(before.metrics()), all_places(after.metrics())
    both = chosen.among(old | new) & old & new
    several = len(set(table["data set"])) > 1
    for (dataset, family), rows in table.groupby(["data set", "family"], sort=False):
        n = sum(key[:2] == (dataset, family) for key, _ in both)
        counts = rows.loc[(rows["before"] != "–") & (rows["after"] != "–"), "verdict"].value_counts()
        said = [f"{counts[verdict]} {verdict}" for verdict in ("worse", "better") if verdict in counts]
        changed, unsure = int(counts.sum()), int(counts.sum() - sum(counts.get(v, 0) for v in ("worse", "better")))
        if said:
            first, *rest = said
            text = ", ".join([first.replace(" ", f" of {n} metrics significantly "), *rest])
            text += f"; {unsure} changed, perhaps by chance" if unsure else ""
        elif changed:
            text = f"{changed} of {n} metrics changed, none significantly as far as intervals show"
        else:
            text = f"only in one of the two ({len(rows)} metrics)"
        yield f"{dataset}, {family}: {text}." if several else f"{family}: {text}."


def _verdict(metric: str, change: float | None, p: float | None, level: float) -> str:
    """Return whether a change is for the better."""
    known = definitions.METRICS.get(definitions.base(metric))
    if change is None or known is None or known.higher_is_better is None:
        return "–"
    better = (change > 0) == known.higher_is_better
    if p is not None and p >= level:
        return CHANCE
    return ("better" if better else "worse") + ("?" if p is None else "")


def differences(before: Revision, after: Revision, chosen: Chosen = EVERYTHING) -> pd.DataFrame:
    """Return the metrics that differ between two commits.

    Parameters
    ----------
    before, after : Revision
        The commits.
    chosen : Chosen, optional
        Which metrics; p is corrected for as many.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, all text; a row for each metric that differs, sorted; a dash where there is none.

    Raises
    ------
    FoldinError
        When there is no such data set, model or metric.
    """
    old, new = before.metrics(), after.metrics()
    rows: list[dict[str, Any]] = [
        {"key": key, "metric": name, "before": old.get(key, {}).get(name), "after": new.get(key, {}).get(name)}
        for key, name in sorted(chosen.among(all_places(old) | all_places(new)))
    ]
    rows = [row for row in rows if row["before"] != row["after"]]
    certain = {(key, name): found for key, name, *found in _intervals(rows, before, after)}
    corrected = _corrected({place: found[2] for place, found in certain.items()})
    level = 1 - params.section(params.Evaluation).confidence
    for row in rows:
        dataset, family, model = row.pop("key")
        place = ((dataset, family, model), row["metric"])
        change = None if row["before"] is None or row["after"] is None else row["after"] - row["before"]
        low, high, _ = certain.get(place, (None, None, None))
        row |= {"data set": dataset, "family": family, "model": model, "change": _signed(change)}
        row["interval"] = "–" if low is None else f"{_signed(low)} to {_signed(high)}"
        row["p"] = f"{corrected[place]:.4f}" if place in corrected else "–"
        row["verdict"] = _verdict(row["metric"], change, corrected.get(place), level)
        row |= {end: "–" if row[end] is None else f"{row[end]:.{DECIMALS}f}" for end in ("before", "after")}
    return pd.DataFrame(rows, columns=COLUMNS)


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.{DECIMALS}f}"


def _corrected(values: dict[Any, float]) -> dict[Any, float]:
    return dict(zip(values, uncertainty.holm(np.array(list(values.values()))), strict=True)) if values else {}


def _draws(changes: int) -> int:
    """Return how often users are drawn: more often than params.yaml says where so many changes need it."""
    settings = params.section(params.Evaluation)
    return max(settings.resamples, ties.draws_needed(changes, settings.confidence))


def _intervals(rows: list[dict[str, Any]], before: Revision, after: Revision) -> Iterator[tuple[Any, ...]]:
    """Yield key, metric, lower and upper end, and p of every difference that users' results speak of."""
    confidence = params.section(params.Evaluation).confidence
    families = sorted({row["key"][:2] for row in rows})
    # Per-user results can be paired if both were evaluated on the same test ratings.
    same = {dataset for dataset, _ in families if before.test(dataset) == after.test(dataset)}
    tables = {pair: (before.users(*pair), after.users(*pair)) for pair in families if pair[0] in same}
    paired = {}
    for row in rows:
        (dataset, family, model), metric = row["key"], row["metric"]
        old, new = tables.get((dataset, family), (None, None))
        if old is not None and new is not None and row["before"] is not None and row["after"] is not None:
            both = _paired(old, new, model, metric)
            if both is not None:
                paired[row["key"], metric] = both
    # One bootstrap for all changes that weigh equally many users alike: the same rows are drawn for each column, and
    # what a column comes to does not depend on the others.
    groups: dict[Any, list[Any]] = defaultdict(list)
    for place, (_, counts) in paired.items():
        groups[place[0][:2], counts.tobytes()].append(place)
    for places in groups.values():
        values = np.column_stack([paired[place][0] for place in places])
        draws = uncertainty.bootstrap_means(values, paired[places[0]][1], _draws(len(paired)), ties.SEED)
        for number, (key, metric) in enumerate(places):
            mine = draws[:, 2 * number : 2 * number + 2]
            change = np.diff(np.sqrt(mine) if definitions.base(metric) == "rmse" else mine, axis=1)
            low, high = uncertainty.interval(change, confidence)
            yield key, metric, float(low[0]), float(high[0]), float(uncertainty.p_values(change)[0])


def _paired(old: pd.DataFrame, new: pd.DataFrame, model: str, metric: str) -> tuple[Values, Values] | None:
    """Return each user's value before and after, shape (n_users, 2), and its weight; None where they cannot be paired.

    Domains have no results by user: no model is called as they are.
    """
    name = definitions.base(metric)
    column = OF_PAIRS.get(name) or BY_USER.get(name)
    if column is None:
        return None
    sampled = definitions.SAMPLED if metric.startswith(definitions.SAMPLED) else ""
    values = []
    for table in (old, new):
        mine = table[table["model"].astype(str) == model].astype({"user_id": "str"}).set_index("user_id").sort_index()
        if name == "user_rmse":
            mine["user_rmse"] = np.sqrt(mine["squared_error"] / mine["pairs"])
        if sampled + column not in mine:
            return None
        values.append(mine[[sampled + column, "pairs"]].dropna())
    # If some users have the metric in only one of the two, the means are over different users.
    if values[0].empty or not values[0].index.equals(values[1].index):
        return None
    pairs = values[0]["pairs"].to_numpy(np.float64)
    both: Values = np.column_stack([each.iloc[:, 0].to_numpy(np.float64) for each in values])
    return both, pairs if name in OF_PAIRS else np.ones(len(pairs))
