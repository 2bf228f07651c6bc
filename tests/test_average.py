"""`foldin average`: the mean of figures over commits of different folds, and no mean of one fold taken twice."""

import subprocess

import pytest
from ruamel.yaml import YAML

from foldin import average, cli, files, paths


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folds(workspace):
    """Return a repository whose tags fold-1 to fold-3 hold figures of three folds, and `again` those of the first."""
    git(workspace, "init", "--quiet")
    for tag, rmse, test in (("fold-1", 0.90, "a"), ("fold-2", 0.94, "b"), ("fold-3", 0.92, "c"), ("again", 0.90, "a")):
        figures = {"rmse": rmse, "rmse_se": 0.01, "ndcg_at_10": 0.3, "coverage_at_10": 0.5}
        files.write_json(paths.metrics("demo", "als") / "als-explicit.json", figures)
        files.write_json(paths.metrics("demo", "als") / f"only-{tag}.json", figures)
        lock = {"stages": {"user_item@demo": {"outs": [{"path": "data/test/demo", "md5": test}]}}}
        YAML().dump(lock, workspace / "dvc.lock")
        git(workspace, "add", "reports", "dvc.lock")
        git(workspace, "commit", "--quiet", "--message", tag)
        git(workspace, "tag", tag)
        (paths.metrics("demo", "als") / f"only-{tag}.json").unlink()
    return workspace


def test_the_mean_and_the_spread_over_folds(folds, capsys):
    assert cli.main(["average", "fold-1", "fold-2", "fold-3"]) == 0
    table = capsys.readouterr().out
    assert "| demo       | als      | als-explicit | 0.9200 ± 0.0200 | 0.3000 ± 0.0000 |" in table
    assert "only" not in table
    assert "over 3 folds" in table


def test_a_fold_given_twice_is_refused(folds, capsys):
    assert cli.main(["average", "fold-1", "fold-2", "again"]) == 1
    assert (
        "fold-1 and again were judged on the same test part of 'demo'; give each fold once" in capsys.readouterr().err
    )


@pytest.mark.parametrize(("names", "said"), [(["fold-1"], "1 fold is no average"), (["nix", "fold-1"], "'nix'")])
def test_what_is_no_average_is_said(folds, names, said, capsys):
    assert cli.main(["average", *names]) == 1
    assert said in capsys.readouterr().err


def test_revisions_without_a_common_model_are_refused(folds):
    class Empty:
        def figures(self):
            return {}

    with pytest.raises(average.FoldinError, match="no model has figures in all of a, b"):
        average.averages({"a": Empty(), "b": Empty()})
