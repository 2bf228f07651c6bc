"""Commits, experiments and the working tree: their files in git, and their outputs in DVC's cache."""

import io
import json
import re
import subprocess
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.workspace import pipeline

EXPERIMENT = re.compile(r"refs/exps/(?P<start>[0-9a-f]{2})/(?P<rest>[0-9a-f]{38})/(?P<name>.+)")
TABLES = re.compile(r"reports/(?P<dataset>[^/]+)/tables/(?P<family>[^/]+)\.json")
OLDER = re.compile(r"reports/(?P<dataset>[^/]+)/metrics/(?P<family>[^/]+)/(?P<model>[^/]+)\.json")
"""Where older commits have all metrics of a model. Newer ones have its headline there, which is in the table too."""
WORKSPACE = "workspace"


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
        """Return every model's metrics, by data set, family and model (with its domain)."""
        names = self._names()
        found: dict[tuple[str, str, str], dict[str, float]] = {}
        for match in filter(None, map(TABLES.fullmatch, names)):
            for model, values in self.read_json(match[0]).items():
                found[match["dataset"], match["family"], model] = values
        in_tables = {key[:2] for key in found}
        for match in filter(None, map(OLDER.fullmatch, names)):
            if (match["dataset"], match["family"]) not in in_tables and (content := self.read_json(match[0])):
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
        listing = cached(self.digest(f"evaluate@{dataset}-{family}", out))
        if listing is None:
            return None
        digests = {entry["relpath"]: entry["md5"] for entry in json.loads(listing)}
        content = cached(digests.get("users.parquet", ""))
        return None if content is None else pd.read_parquet(io.BytesIO(content))

    def _names(self) -> list[str]:
        if self._commit is None:
            root = paths.root()
            files = [
                file for place in ("tables/*", "metrics/*/*") for file in (root / "reports").glob(f"*/{place}.json")
            ]
            return sorted(file.relative_to(root).as_posix() for file in files)
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


def cached(digest: str) -> bytes | None:
    """Return what DVC's cache holds under a digest, or None."""
    path = _cache_folder() / digest[:2] / digest[2:]
    return path.read_bytes() if digest and path.is_file() else None
