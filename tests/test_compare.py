"""`foldin compare`: the figures that differ between commits, with intervals where users' results are at hand."""

import hashlib
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldin import cli, compare, files, paths

N = 300


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(workspace, monkeypatch):
    """Return a repository of two commits: als got better beyond doubt, svds by chance; the cache holds both."""
    monkeypatch.setattr(compare, "_cache_folder", lambda: workspace / "cache")
    git(workspace, "init", "--quiet")
    rng = np.random.default_rng(3)
    base = rng.uniform(0.2, 0.6, size=N)
    first = {"als": base, "svds": base}
    second = {"als": base + 0.05, "svds": base + rng.normal(0.0005, 0.1, size=N)}
    for models, test_part in ((first, "one"), (second, "one")):
        commit(workspace, models, test_part)
    return workspace


def commit(workspace, models, test_part):
    users = []
    for name, ndcg in models.items():
        figures = {"ndcg_at_10": float(ndcg.mean()), "ndcg_at_10_se": 0.1, "coverage_at_10": 0.5}
        files.write_json(paths.metrics("demo", "als") / f"{name}.json", figures)
        table = pd.DataFrame({"model": name, "user_id": np.arange(N).astype(str), "ndcg": ndcg})
        users.append(table.assign(pairs=1, squared_error=np.nan))
    folder = paths.predictions("demo", "als")
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(users).to_parquet(folder / "users.parquet")
    digest = cached(workspace, (folder / "users.parquet").read_bytes())
    listing = json.dumps([{"md5": digest, "relpath": "users.parquet"}]).encode()
    outs = [{"path": "data/predictions/demo/als", "md5": cached(workspace, listing, ".dir")}]
    stages = {"evaluate@demo-als": {"outs": outs}}
    stages["user_item@demo"] = {"outs": [{"path": "data/test/demo", "md5": test_part}]}
    YAML().dump({"stages": stages}, workspace / "dvc.lock")
    git(workspace, "add", "reports", "dvc.lock", "params.yaml", "dvc.yaml")
    git(workspace, "commit", "--quiet", "--message", "figures")


def cached(workspace, content, ending=""):
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
    path = workspace / "cache" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def table(*revisions):
    return compare.differences(*(compare.Revision(name) for name in revisions)).set_index("model")


def test_differences_carry_intervals_and_tell_luck_from_progress(repository):
    found = table("HEAD~1", "HEAD")
    assert list(found["figure"]) == ["ndcg_at_10", "ndcg_at_10"], "what did not change is not shown"
    assert found.loc["als", "change"] == "+0.050000"
    low, high = (float(end) for end in found.loc["als", "interval"].split(" to "))
    assert low == pytest.approx(0.05, abs=1e-6)
    assert high == pytest.approx(0.05, abs=1e-6)
    assert float(found.loc["als", "p"]) < 0.05 < float(found.loc["svds", "p"])
    low, high = (float(end) for end in found.loc["svds", "interval"].split(" to "))
    assert low < 0 < high


def test_the_workspace_is_the_second_by_default(repository, capsys):
    assert cli.main(["compare", "HEAD~1"]) == 0
    printed = capsys.readouterr().out
    assert "| demo " in printed
    assert "+0.050000" in printed
    assert cli.main(["compare", "HEAD"]) == 0
    assert capsys.readouterr().out == "No figure differs between HEAD and the workspace.\n"


def test_without_the_cache_the_plain_difference_is_shown(repository, monkeypatch):
    monkeypatch.setattr(compare, "_cache_folder", lambda: repository / "elsewhere")
    found = table("HEAD~1", "HEAD")
    assert found.loc["als", "change"] == "+0.050000"
    assert found.loc["als", ["interval", "p"]].tolist() == ["–", "–"]


def test_results_on_another_test_part_are_not_paired(repository):
    commit(repository, {"als": np.full(N, 0.5), "svds": np.full(N, 0.4)}, "another")
    assert table("HEAD~1", "HEAD").loc["als", "interval"] == "–"


def test_an_unknown_commit_is_one_clear_line(repository, capsys):
    assert cli.main(["compare", "nonsense"]) == 1
    assert capsys.readouterr().err == (
        "foldin: neither git nor DVC knows 'nonsense'; name a commit that `git log` shows, such as HEAD~1, "
        "or an experiment that `dvc exp list -A` shows\n"
    )


def commit_of(folder, name):
    return subprocess.run(
        ["git", "rev-parse", name], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def experiment(folder, started_from, name, revision):
    """Keep a commit where DVC keeps an experiment that was started from another commit."""
    start = commit_of(folder, started_from)
    git(folder, "update-ref", f"refs/exps/{start[:2]}/{start[2:]}/{name}", commit_of(folder, revision))


def test_an_experiment_is_known_by_the_name_that_dvc_gave_it(repository):
    experiment(repository, "HEAD", "moody-fern", "HEAD~1")
    assert table("moody-fern", "HEAD").equals(table("HEAD~1", "HEAD"))


def test_dvc_finds_the_name_in_the_same_place(repository):
    from dvc.repo.experiments.utils import resolve_name
    from scmrepo.git import Git

    experiment(repository, "HEAD", "moody-fern", "HEAD~1")
    with Git(str(repository)) as scm:
        found = resolve_name(scm, "moody-fern")["moody-fern"]
        assert scm.get_ref(str(found)) == commit_of(repository, "HEAD~1")
    assert compare.Revision("moody-fern")._commit == commit_of(repository, "HEAD~1")


def test_of_experiments_of_one_name_that_of_head_is_meant_and_otherwise_none(repository, capsys):
    commit(repository, {"als": np.full(N, 0.5), "svds": np.full(N, 0.4)}, "one")
    experiment(repository, "HEAD~1", "fold-1", "HEAD~1")
    experiment(repository, "HEAD~2", "fold-1", "HEAD~2")
    assert cli.main(["compare", "fold-1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("foldin: 'fold-1' is an experiment of 2 commits, none of them HEAD; name one by its own")
    assert commit_of(repository, "HEAD~2")[:7] in error
    experiment(repository, "HEAD", "fold-1", "HEAD")
    assert table("fold-1", "HEAD").empty


def test_too_few_draws_for_so_many_differences_are_said(repository, capsys, monkeypatch):
    monkeypatch.setattr(
        compare.comparison, "draws_needed", lambda comparisons, confidence: 2001 if comparisons == 2 else 0
    )
    assert cli.main(["compare", "HEAD~1"]) == 0
    assert "2 differences are too many for 2000 draws; raise evaluation.resamples to 2,001" in capsys.readouterr().out
