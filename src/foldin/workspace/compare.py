"""`foldin compare REV [REV]`: what changed in the metrics between two commits, and whether more than chance.

Metrics are in git, so any clone can compare them. Where DVC's cache also holds each user's results of both commits,
metrics that come from users' own get an interval: a paired bootstrap over users. A change without one may be chance.
"""

import io
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.files import DECIMALS
from foldin.core.interactions import Values
from foldin.metrics import definitions, uncertainty
from foldin.report import ties
from foldin.workspace import pipeline

EXPERIMENT = re.compile(r"refs/exps/(?P<start>[0-9a-f]{2})/(?P<rest>[0-9a-f]{38})/(?P<name>.+)")
METRICS = re.compile(r"reports/(?P<dataset>[^/]+)/metrics/(?P<family>[^/]+)/(?P<model>[^/]+)\.json")
WORKSPACE = "workspace"
UNCERTAINTIES = ("_se", "_seed_sd")
"""End the names of what says how sure a metric is: a change of it is none of the metric."""
OF_PAIRS = {"rmse": "squared_error", "mae": "absolute_error"}
"""Metrics over all pairs, and each user's sum behind them."""
BY_USER = {name: name for name in (*(metric.name for metric in definitions.OVER_USERS), "user_rmse")}
"""Metrics that are means over users, and each user's own."""
COLUMNS = ["data set", "family", "model", "metric", "before", "after", "change", "interval", "p"]


def run(before: str, after: str | None = None) -> None:
    """Print the metrics that differ between two commits, or a commit and the workspace.

    Parameters
    ----------
    before, after : str
        Commits as git names them, or experiments as DVC names them; `after` is the workspace unless given.

    Raises
    ------
    FoldinError
        When neither git nor DVC knows one, or a name is that of several experiments.
    """
    table = differences(Revision(before), Revision(after or WORKSPACE))
    name = after or "the workspace"
    if table.empty:
        print(f"No metric differs between {before} and {name}.")
        return
    print(table.to_markdown(index=False, disable_numparse=True))
    settings = params.section(params.Evaluation)
    compared = int((table["p"] != "–").sum())
    print(
        f"\nInterval and p: of the change, {settings.confidence:.0%}, by a paired bootstrap over users "
        f"({_draws(compared):,} draws); each interval is for its change alone, p is corrected by Holm for all "
        f"{compared:,} changes that have one.\n"
        "–: there is no value by user of R², of RMSE on known or cold pairs, of coverage, Gini and popularity lift, of "
        "what is liked, and of domains; or each user's results are not in DVC's cache for both (dvc pull), were judged "
        "on other test ratings, or are not of the same users."
    )


class Revision:
    """The files of a commit, or of the workspace, and those of them that DVC's cache holds.

    Parameters
    ----------
    name : str
        As git names it, or as DVC names an experiment, or `WORKSPACE`.

    Raises
    ------
    FoldinError
        When neither git nor DVC knows it, or it names several experiments.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._commit = None if name == WORKSPACE else _commit(name)

    def read(self, file: str) -> bytes | None:
        """Return the bytes of a file that git knows, by its path in the checkout; None where there is none."""
        if self._commit is None:
            path = paths.root() / file
            return path.read_bytes() if path.is_file() else None
        shown = subprocess.run(["git", "show", f"{self._commit}:{file}"], cwd=paths.root(), capture_output=True)
        return shown.stdout if shown.returncode == 0 else None

    def called(self, file: str) -> str:
        """Return what a message calls a file of this revision."""
        return file if self._commit is None else f"{file} of {self.name}"

    def read_json(self, file: str) -> Any:
        """Return what a JSON file holds, by its path in the checkout; {} where there is none.

        Raises
        ------
        FoldinError
            When it is no JSON, such as one with both sides of a merge conflict.
        """
        try:
            return json.loads(self.read(file) or b"{}")
        except ValueError:
            remedy = "make it again: dvc repro" if self._commit is None else "name another commit"
            raise FoldinError("not valid JSON", where=self.called(file), remedy=remedy) from None

    def metrics(self) -> dict[tuple[str, str, str], dict[str, float]]:
        """Return every metrics file's metrics, by data set, family and model (with its domain)."""
        found = {}
        for name in self._names():
            match = METRICS.fullmatch(name)
            if match and (content := self.read_json(name)):
                found[match["dataset"], match["family"], match["model"]] = content
        return found

    def digest(self, stage: str, out: str) -> str:
        """Return the digest of what a stage made, as dvc.lock has it; empty where it has none."""
        return self._digests.get((stage, out), "")

    def test(self, dataset: str) -> str:
        """Return the digest of a data set's test part; empty where dvc.lock has none."""
        return self.digest(f"user_item@{dataset}", f"data/test/{dataset}")

    def users(self, dataset: str, family: str) -> pd.DataFrame | None:
        """Return each user's results as `evaluate` left them, or None where they are not at hand."""
        out = f"data/predictions/{dataset}/{family}"
        if self._commit is None:
            path = paths.predictions(dataset, family) / "users.parquet"
            return pd.read_parquet(path) if path.is_file() else None
        listing = _cached(self.digest(f"evaluate@{dataset}-{family}", out))
        if listing is None:
            return None
        digests = {entry["relpath"]: entry["md5"] for entry in json.loads(listing)}
        content = _cached(digests.get("users.parquet", ""))
        return None if content is None else pd.read_parquet(io.BytesIO(content))

    def _names(self) -> list[str]:
        if self._commit is None:
            root = paths.root()
            return [path.relative_to(root).as_posix() for path in sorted((root / "reports").glob("*/metrics/*/*.json"))]
        return _git("ls-tree", "-r", "--name-only", self._commit, "reports").splitlines()

    @cached_property
    def _digests(self) -> dict[tuple[str, str], str]:
        stages = pipeline.outputs(self.read("dvc.lock") or b"", self.called("dvc.lock"))
        return {(name, path): digest for name, outs in stages.items() for path, digest in outs.items()}


def _commit(name: str) -> str:
    """Return the commit of a name: git's own names come first, then DVC's experiments, as in DVC's commands."""
    known = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    if known:
        return known
    # DVC keeps an experiment under refs/exps/, the commit it was started from (2 and 38 digits), and its name.
    found = {}
    for line in _git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines():
        commit, ref = line.split(" ", 1)
        match = EXPERIMENT.fullmatch(ref)
        if match and match["name"] == name:
            found[match["start"] + match["rest"]] = commit
    if not found:
        _refuse_no_history(name)
        raise FoldinError(
            f"neither git nor DVC knows '{name}'",
            remedy="name a commit that `git log` shows, such as HEAD~1, or an experiment that `dvc exp list -A` shows",
        )
    here = _git("rev-parse", "--verify", "--quiet", "HEAD").strip()
    if len(found) > 1 and here not in found:
        raise FoldinError(
            f"'{name}' is an experiment of {len(found)} commits, none of them HEAD",
            remedy=f"name one by its own commit: {', '.join(commit[:7] for commit in found.values())}",
        )
    return found[here] if here in found else next(iter(found.values()))


def _refuse_no_history(name: str) -> None:
    """Refuse a name where git has no commits, or not all of them."""
    if not _git("rev-parse", "--git-dir"):
        remedy = "compare in a clone of the project: git clone"
        raise FoldinError(f"no git repository, so there is no '{name}'", where=paths.root(), remedy=remedy)
    if _git("rev-parse", "--is-shallow-repository").strip() == "true":
        what = f"git does not know '{name}': this clone is shallow, so it holds the latest commits only"
        raise FoldinError(what, remedy="fetch the others: git fetch --unshallow")


def _git(*arguments: str) -> str:
    """Return what a command of git prints; nothing where it fails."""
    done = subprocess.run(["git", *arguments], cwd=paths.root(), capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@cache
def _cache_folder() -> Path:
    from dvc.repo import Repo

    with Repo(str(paths.root())) as repository:
        return Path(repository.cache.local.path)


def _cached(digest: str) -> bytes | None:
    """Return what DVC's cache holds under a digest, or None."""
    path = _cache_folder() / digest[:2] / digest[2:]
    return path.read_bytes() if digest and path.is_file() else None


def differences(before: Revision, after: Revision) -> pd.DataFrame:
    """Return the metrics that differ between two commits.

    Parameters
    ----------
    before, after : Revision
        The commits.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, all text; a row for each metric that differs, sorted; a dash where there is none.
    """
    old, new = before.metrics(), after.metrics()
    rows: list[dict[str, Any]] = []
    for key in sorted(set(old) | set(new)):
        mine, yours = old.get(key, {}), new.get(key, {})
        changed = [name for name in sorted(set(mine) | set(yours)) if mine.get(name) != yours.get(name)]
        rows += [
            {"key": key, "metric": name, "before": mine.get(name), "after": yours.get(name)}
            for name in changed
            if not name.endswith(UNCERTAINTIES)
        ]
    certain = {(key, name): found for key, name, *found in _intervals(rows, before, after)}
    corrected = _corrected({place: found[2] for place, found in certain.items()})
    for row in rows:
        dataset, family, model = row.pop("key")
        place = ((dataset, family, model), row["metric"])
        change = None if row["before"] is None or row["after"] is None else row["after"] - row["before"]
        low, high, _ = certain.get(place, (None, None, None))
        row |= {"data set": dataset, "family": family, "model": model, "change": _signed(change)}
        row["interval"] = "–" if low is None else f"{_signed(low)} to {_signed(high)}"
        row["p"] = f"{corrected[place]:.4f}" if place in corrected else "–"
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
    # Users' results can be paired where both were judged on the same test ratings.
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
        draws = uncertainty.resampled(values, paired[places[0]][1], _draws(len(paired)), ties.SEED)
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
    # Of users who have the metric in one of the two only, the difference of two means would be none of the same people.
    if values[0].empty or not values[0].index.equals(values[1].index):
        return None
    pairs = values[0]["pairs"].to_numpy(np.float64)
    both: Values = np.column_stack([each.iloc[:, 0].to_numpy(np.float64) for each in values])
    return both, pairs if name in OF_PAIRS else np.ones(len(pairs))
