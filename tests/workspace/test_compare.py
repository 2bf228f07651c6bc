"""`foldin compare`: the metrics that differ between commits, with intervals where users' results are at hand."""

import hashlib
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import files, paths
from foldin.workspace import compare, revision

N = 300


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(workspace, monkeypatch):
    """Return a repository of two commits: als improved significantly, svds by chance; the cache holds both."""
    monkeypatch.setattr(revision, "_cache_folder", lambda: workspace / "cache")
    git(workspace, "init", "--quiet")
    rng = np.random.default_rng(3)
    base = rng.uniform(0.2, 0.6, size=N)
    first = {"als": base, "svds": base}
    second = {"als": base + 0.05, "svds": base + rng.normal(0.0005, 0.1, size=N)}
    for models, test_part in ((first, "one"), (second, "one")):
        commit(workspace, models, test_part)
    return workspace


def commit(workspace, models, test_part):
    users, found = [], {}
    for name, ndcg in models.items():
        # What chance in training alone does moves with everything, and is no metric of its own.
        noise = {"ndcg_at_10_se": float(ndcg.std()), "ndcg_at_10_seed_sd": float(ndcg.mean()) / 100}
        found[name] = {"ndcg_at_10": float(ndcg.mean()), "coverage_at_10": 0.5, **noise}
        table = pd.DataFrame({"model": name, "user_id": np.arange(N).astype(str), "ndcg": ndcg})
        users.append(table.assign(pairs=1, squared_error=np.nan))
    files.write_json(paths.table("demo", "als"), found)
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
    git(workspace, "commit", "--quiet", "--message", "metrics")


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
    assert list(found["metric"]) == ["ndcg_at_10", "ndcg_at_10"], "what did not change is not shown"
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
    assert "demo, HEAD~1 → the workspace:" in printed
    assert "+0.050000" in printed
    assert cli.main(["compare", "HEAD"]) == 0
    assert capsys.readouterr().out == "No headline metric differs between HEAD and the workspace.\n"


def test_the_answer_comes_first_and_fits_a_terminal(repository, capsys):
    assert cli.main(["compare", "HEAD~1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "als: 1 of 4 metrics significantly better; 1 changed, perhaps by chance."
    assert max(map(len, lines)) <= 120
    (better,) = (line for line in lines if line.startswith("als "))
    (chance,) = (line for line in lines if line.startswith("svds "))
    assert better.endswith(" better")
    assert chance.endswith(" may be due to chance")
    # The other way round it is worse.
    assert cli.main(["compare", "HEAD", "HEAD~1"]) == 0
    assert capsys.readouterr().out.startswith("als: 1 of 4 metrics significantly worse")


def test_a_workflow_gets_one_short_table_with_intervals(repository, capsys):
    assert cli.main(["compare", "HEAD~1", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "### Metrics: HEAD&#126;1 → the workspace",
        "",
        "- als: 1 of 4 metrics significantly better; 1 changed, perhaps by chance.",
    ]
    better, chance = (line for line in lines if line.startswith(("| als ", "| svds ")))
    assert "+0.050000 (+0.050000 to +0.050000)" in better
    assert "| **better** " in better
    assert "may be due to chance" in chance
    assert cli.main(["compare", "HEAD", "--markdown"]) == 0
    said = "No headline metric differs between HEAD and the workspace."
    assert capsys.readouterr().out == f"### Metrics: HEAD → the workspace\n\n{said}\n\n"


def test_one_model_and_named_metrics_can_be_asked_for(repository, capsys):
    assert cli.main(["compare", "HEAD~1", "--model", "als", "--metrics", "ndcg, coverage_at_10"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("als: 1 of 2 metrics significantly better.\n")
    assert "svds" not in printed
    assert "for all 1 changes" in " ".join(printed.split()), "p is corrected for what is asked for"
    assert cli.main(["compare", "HEAD~1", "--dataset", "demo", "--all"]) == 0
    assert "| demo " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--model", "alls"], "no model 'alls' in either; did you mean 'als'?"),
        (["--metrics", "ndgc"], "no metric 'ndgc' in either; did you mean 'ndcg'?"),
        (["--dataset", "demmo"], "no data set 'demmo' in either; did you mean 'demo'?"),
        (["--metrics", "ndcg", "--all"], "--metrics and --all are two choices"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(repository, asked, said, capsys):
    assert cli.main(["compare", "HEAD~1", *asked]) == 1
    assert said in capsys.readouterr().err


def test_commits_before_the_tables_are_compared_too(repository):
    """Older commits have all metrics in metrics/<family>/<model>.json."""
    table_before = json.loads(paths.table("demo", "als").read_text())
    paths.table("demo", "als").unlink()
    for name, values in table_before.items():
        files.write_json(paths.metrics("demo", "als") / f"{name}.json", values)
    git(repository, "add", "--all", "reports")
    git(repository, "commit", "--quiet", "--message", "as it was")
    assert table("HEAD~1", "HEAD").empty
    assert list(table("HEAD~2", "HEAD")["metric"]) == ["ndcg_at_10", "ndcg_at_10"]
    # Where there is a table, it counts; the headline files hold the same.
    files.write_json(paths.table("demo", "als"), table_before | {"als": {"ndcg_at_10": 0.0}})
    assert table("HEAD", compare.WORKSPACE).loc["als", "after"].tolist() == ["–", "0.000000"]


@pytest.mark.parametrize(
    ("metric", "change", "p", "verdict"),
    [
        ("rmse", -0.1, 0.01, "better"),
        ("rmse", 0.1, 0.01, "worse"),
        ("ndcg_at_10", -0.1, 0.01, "worse"),
        ("sampled_ndcg_at_10", 0.1, 0.2, "may be due to chance"),
        ("r2", 0.1, None, "better?"),
        ("coverage_at_10", 0.1, None, "–"),
        ("rmse", None, None, "–"),
    ],
)
def test_the_verdict_knows_which_direction_is_better(metric, change, p, verdict):
    assert compare._verdict(metric, change, p, 0.05) == verdict


def test_without_the_cache_the_plain_difference_is_shown(repository, monkeypatch):
    monkeypatch.setattr(revision, "_cache_folder", lambda: repository / "elsewhere")
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


def test_so_many_draws_as_many_changes_need_are_made_and_said(repository, capsys, monkeypatch):
    assert cli.main(["compare", "HEAD~1"]) == 0
    printed = capsys.readouterr().out
    assert "2,000 samples" in " ".join(printed.split())
    assert "corrected by Holm for all 2 changes" in " ".join(printed.split())
    monkeypatch.setattr(compare.ties, "draws_needed", lambda comparisons, confidence: 2001 if comparisons == 2 else 0)
    drawn = []
    original = compare.uncertainty.bootstrap_means
    monkeypatch.setattr(
        compare.uncertainty,
        "bootstrap_means",
        lambda *given: original(*given[:2], drawn.append(given[2]) or 9, given[3]),
    )
    assert cli.main(["compare", "HEAD~1"]) == 0
    assert "2,001 samples" in " ".join(capsys.readouterr().out.split())
    assert set(drawn) == {2001}


RNG = np.random.default_rng(8)
COUNTS = RNG.integers(1, 9, size=N)
OLD = pd.DataFrame(
    {name: RNG.uniform(0.2, 0.6, size=N) for name in [*compare.OF_PAIRS.values(), *compare.BY_USER.values()]}
).drop(columns="user_rmse")
OLD = OLD.assign(model="als", user_id=np.arange(N).astype(str), pairs=COUNTS)


class Kept:
    """A commit with the metrics of one model and its users' own."""

    def __init__(self, users, prefix=""):
        self.table = users.rename(columns={name: prefix + name for name in compare.BY_USER.values()})
        roots = {"rmse": np.sqrt(users["squared_error"].sum() / COUNTS.sum())}
        roots |= {"mae": users["absolute_error"].sum() / COUNTS.sum()}
        roots |= {"user_rmse": np.sqrt(users["squared_error"] / COUNTS).mean(), "gini_at_10": users["hit_rate"].mean()}
        means = {title: users[column].mean() for title, column in compare.BY_USER.items() if column in users}
        self.found = roots | {name if name == "auc" else f"{name}_at_10": value for name, value in means.items()}
        self.found = {(prefix if "_at_" in name or name == "auc" else "") + name: v for name, v in self.found.items()}

    def metrics(self):
        return {("demo", "als", "als"): self.found, ("demo", "als", "als.books"): self.found}

    def test(self, dataset):
        return "one"

    def users(self, dataset, family):
        return self.table


@pytest.mark.parametrize("prefix", ["", "sampled_"])
def test_every_metric_that_comes_from_users_own_has_an_interval_around_its_change(prefix):
    new = OLD.copy()
    moved = list(compare.OF_PAIRS.values()) + [name for name in compare.BY_USER.values() if name in OLD]
    new[moved] += RNG.normal(0.02, 0.05, size=(N, len(moved)))
    # Users may come in another order.
    old, later = Kept(OLD, prefix), Kept(new.iloc[::-1], prefix)
    later.found = Kept(new, prefix).found
    found = compare.differences(old, later).set_index(["model", "metric"])
    of_model = found.loc["als"]
    assert of_model.loc[f"{prefix}gini_at_10", "interval"] == "–"
    certain = of_model.drop(index=f"{prefix}gini_at_10")
    assert len(certain) == len(compare.OF_PAIRS) + len(compare.BY_USER)
    for name, row in certain.iterrows():
        low, high = (float(end) for end in row["interval"].split(" to "))
        assert low < float(row["change"]) < high, name
        assert high - low < 0.05, name
    assert (found.loc["als.books", "interval"] == "–").all()
    rmse = certain.loc["rmse"]
    picks = np.random.default_rng(1).integers(N, size=(4000, N))
    roots = [np.sqrt(each["squared_error"].to_numpy()[picks].sum(1) / COUNTS[picks].sum(1)) for each in (OLD, new)]
    ends = np.quantile(roots[1] - roots[0], [0.025, 0.975])
    assert [float(end) for end in rmse["interval"].split(" to ")] == pytest.approx(ends, abs=0.001)


def test_users_who_have_a_metric_in_one_commit_only_are_not_paired():
    new = OLD.assign(diversity=OLD["diversity"] + 0.1)
    new.loc[3, "diversity"] = np.nan
    found = compare.differences(Kept(OLD), Kept(new)).set_index(["model", "metric"])
    assert found.loc[("als", "diversity_at_10"), "interval"] == "–"
