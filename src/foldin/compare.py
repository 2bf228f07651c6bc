"""`foldin compare REV [REV]`: what changed in the metrics between two commits, and whether more than chance.

Figures are in git, so any clone can compare them. Where DVC's cache also holds each user's results of both commits,
RMSE and NDCG get an interval: a paired bootstrap over users. A difference without one may be chance.
"""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from foldin import comparison, params, paths, uncertainty
from foldin.errors import FoldinError
from foldin.files import DECIMALS

EXPERIMENT = re.compile(r"refs/exps/(?P<start>[0-9a-f]{2})/(?P<rest>[0-9a-f]{38})/(?P<name>.+)")
METRICS = re.compile(r"reports/(?P<dataset>[^/]+)/metrics/(?P<family>[^/]+)/(?P<model>[^/]+)\.json")
WORKSPACE = "workspace"
COLUMNS = ["data set", "family", "model", "figure", "before", "after", "change", "interval", "p"]


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
        print(f"No figure differs between {before} and {name}.")
        return
    print(table.to_markdown(index=False, disable_numparse=True))
    settings = params.section(params.Evaluation)
    compared = int((table["p"] != "–").sum())
    needed = comparison.draws_needed(compared, settings.confidence)
    if settings.resamples < needed:
        print(
            f"\nNo p can be small enough here: {compared} differences are too many for {settings.resamples} draws; "
            f"raise evaluation.resamples to {needed:,} or more."
        )
    print(
        f"\nInterval and p: of the change, {settings.confidence:.0%}, by a paired bootstrap over users; p corrected by "
        "Holm. –: each user's results are not in DVC's cache for both (dvc pull), or were judged on other test ratings."
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
        self._commit = None if name == WORKSPACE else _commit(name)

    def read(self, file: str) -> bytes | None:
        """Return the bytes of a file that git knows, by its path in the checkout; None where there is none."""
        if self._commit is None:
            path = paths.root() / file
            return path.read_bytes() if path.is_file() else None
        shown = subprocess.run(["git", "show", f"{self._commit}:{file}"], cwd=paths.root(), capture_output=True)
        return shown.stdout if shown.returncode == 0 else None

    def figures(self) -> dict[tuple[str, str, str], dict[str, float]]:
        """Return every metrics file's figures, by data set, family and model (with its domain)."""
        found = {}
        for name in self._names():
            match = METRICS.fullmatch(name)
            content = self.read(name) if match else None
            if match and content:
                found[match["dataset"], match["family"], match["model"]] = json.loads(content)
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
        stages = (YAML(typ="safe").load(self.read("dvc.lock") or b"{}") or {}).get("stages", {})
        return {(name, out["path"]): out["md5"] for name, stage in stages.items() for out in stage.get("outs", [])}


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
    """Return the figures that differ between two commits.

    Parameters
    ----------
    before, after : Revision
        The commits.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, all text; a row for each figure that differs, sorted; a dash where there is none.
    """
    old, new = before.figures(), after.figures()
    rows: list[dict[str, Any]] = []
    for key in sorted(set(old) | set(new)):
        mine, yours = old.get(key, {}), new.get(key, {})
        changed = [name for name in sorted(set(mine) | set(yours)) if mine.get(name) != yours.get(name)]
        rows += [
            {"key": key, "figure": name, "before": mine.get(name), "after": yours.get(name)}
            for name in changed
            if not name.endswith("_se")
        ]
    certain = {(key, name): found for key, name, *found in _intervals(rows, before, after)}
    corrected = _corrected({place: found[2] for place, found in certain.items()})
    for row in rows:
        dataset, family, model = row.pop("key")
        place = ((dataset, family, model), row["figure"])
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


def _intervals(rows: list[dict[str, Any]], before: Revision, after: Revision) -> Iterator[tuple[Any, ...]]:
    """Yield key, figure, lower and upper end, and p of every difference that users' results speak of."""
    settings = params.section(params.Evaluation)
    families = sorted({row["key"][:2] for row in rows})
    # Users' results can be paired where both were judged on the same test ratings.
    same = {dataset for dataset, _ in families if before.test(dataset) == after.test(dataset)}
    tables = {pair: (before.users(*pair), after.users(*pair)) for pair in families if pair[0] in same}
    for row in rows:
        (dataset, family, model), figure = row["key"], row["figure"]
        old, new = tables.get((dataset, family), (None, None))
        column = figure.split("_at_")[0]
        # Domains have no results by user; other figures are not means of what stands there.
        if old is None or new is None or row["before"] is None or row["after"] is None:
            continue
        if column not in ("rmse", "ndcg", "sampled_ndcg") or (column != "rmse" and "_at_" not in figure):
            continue
        both = _paired(old, new, model, column)
        if both is None:
            continue
        sums, counts = comparison.totals(both, column)
        draws = uncertainty.resampled(sums.to_numpy(), counts, settings.resamples, comparison.SEED)
        draws = np.sqrt(draws) if column == "rmse" else draws
        change = draws[:, [1]] - draws[:, [0]]
        low, high = uncertainty.interval(change, settings.confidence)
        yield row["key"], figure, float(low[0]), float(high[0]), float(uncertainty.p_values(change)[0])


def _paired(old: pd.DataFrame, new: pd.DataFrame, model: str, column: str) -> pd.DataFrame | None:
    """Return both results of one model as if of two models, or None where one has none."""
    parts = [table[table["model"].astype(str) == model] for table in (old, new)]
    if any(part.empty or column not in (*part.columns, "rmse") for part in parts):
        return None
    return pd.concat([part.assign(model=name) for part, name in zip(parts, "ab", strict=True)], ignore_index=True)
