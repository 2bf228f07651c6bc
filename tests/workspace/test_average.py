"""`foldin average`: the mean of metrics over commits of different folds, and no mean of one fold taken twice."""

import subprocess

import pytest
from conftest import edit_params
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import files, paths
from foldin.workspace import average


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folds(workspace):
    """Return a repository whose tags fold-1 to fold-3 hold metrics of three folds, and `again` those of the first.

    `cleaned` holds out the first fold too, of which cleaning left other ratings; the rest are of other splits.
    """
    git(workspace, "init", "--quiet")
    five = {"protocol": "k_fold"}
    for tag, rmse, test, fold, split in (
        ("fold-1", 0.90, "a", 1, five),
        ("fold-2", 0.94, "b", 2, five),
        ("fold-3", 0.92, "c", 3, five),
        ("again", 0.90, "a", 1, five),
        ("cleaned", 0.90, "d", 1, five),
        ("ten", 0.91, "e", 5, five | {"folds": 10}),
        ("seeded", 0.91, "f", 5, five | {"seed": 2}),
        ("random", 0.91, "g", None, {"protocol": "random_by_rating"}),
        ("random-2", 0.91, "h", None, {"protocol": "random_by_rating", "seed": 2}),
        ("u1", 0.91, "i", 1, {"protocol": "predefined_fold"}),
        ("u4", 0.91, "j", 4, {"protocol": "predefined_fold"}),
    ):
        edit_params(workspace, lambda values, split=split: values["split"].update({"folds": 5, "seed": 1} | split))
        account = {"protocol": split["protocol"]} | ({} if fold is None else {"fold": fold})
        files.write_json(paths.account("demo", "split"), account)
        metrics = {"rmse": rmse, "rmse_se": 0.01, "ndcg_at_10": 0.3, "coverage_at_10": 0.5}
        files.write_json(paths.table("demo", "als"), {"als-explicit": metrics, f"only-{tag}": metrics})
        lock = {"stages": {"user_item@demo": {"outs": [{"path": "data/test/demo", "md5": test}]}}}
        YAML().dump(lock, workspace / "dvc.lock")
        git(workspace, "add", "reports", "dvc.lock", "params.yaml")
        git(workspace, "commit", "--quiet", "--message", tag)
        git(workspace, "tag", tag)
    return workspace


def test_the_mean_and_the_spread_over_folds(folds, capsys):
    assert cli.main(["average", "fold-1", "fold-2", "fold-3"]) == 0
    table = capsys.readouterr().out
    assert "| demo       | als      | als-explicit | 0.9200 ± 0.0200 | 0.3000 ± 0.0000 |" in table
    assert "only" not in table
    assert "over 3 test parts" in table
    assert "demo: 3 of 5 folds, 1, 2, 3 (protocol k_fold): no model was tested on the other folds\n" in table


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["u4", "u1"], "demo: folds 1, 4 (protocol predefined_fold)\n"),
        (["random", "random-2"], "demo: 2 test parts, which are no folds of one another (protocol random_by_rating)\n"),
    ],
)
def test_what_was_averaged_is_said(folds, names, said, capsys):
    assert cli.main(["average", *names]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["fold-1", "random"], "split.protocol is k_fold in fold-1 and random_by_rating in random"),
        (["u1", "fold-2"], "split.protocol is predefined_fold in u1 and k_fold in fold-2"),
        (["fold-1", "ten"], "split.folds is 5 in fold-1 and 10 in ten"),
        (["fold-2", "seeded"], "split.seed is 1 in fold-2 and 2 in seeded"),
        (["fold-2", "fold-1", "cleaned"], "fold-1 and cleaned both hold out fold 1 of 'demo'; give each fold once"),
    ],
)
def test_parts_of_different_splits_and_a_fold_of_other_ratings_are_refused(folds, names, said, capsys):
    assert cli.main(["average", *names]) == 1
    assert said in capsys.readouterr().err


def test_a_fold_given_twice_is_refused(folds, capsys):
    assert cli.main(["average", "fold-1", "fold-2", "again"]) == 1
    assert "fold-1 and again have the same test part of 'demo'; give each fold once" in capsys.readouterr().err


@pytest.mark.parametrize(("names", "said"), [(["fold-1"], "1 fold is no average"), (["nix", "fold-1"], "'nix'")])
def test_what_is_no_average_is_said(folds, names, said, capsys):
    assert cli.main(["average", *names]) == 1
    assert said in capsys.readouterr().err


def test_revisions_without_a_common_model_are_refused(folds):
    class Empty:
        def metrics(self):
            return {}

    with pytest.raises(average.FoldinError, match="no model has metrics in all of a, b"):
        average.averages({"a": Empty(), "b": Empty()})
