"""The same numbers again: verified in a copy, in experiments elsewhere, and whatever the test ratings are."""

import json
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import CHECKOUT, FAMILIES, commit, edit_params, reruns, sh
from ruamel.yaml import YAML

from foldin.core import files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FOLDIN = ("python", "src/foldin")


def digests(folder: Path, names: list[str]) -> dict[str, str]:
    files_there = (
        file for name in names for file in ([folder / name] if name.endswith(".ipynb") else (folder / name).rglob("*"))
    )
    return {str(file.relative_to(folder)): files.sha256(file) for file in files_there if file.is_file()}


def test_verify_says_identical_of_a_stage_that_is_what_the_lock_says(repository):
    done = sh(*FOLDIN, "verify", "--stage", "clean@demo", cwd=repository)
    assert re.search(r"^clean@demo +data/clean/demo +identical$", done.stdout, re.MULTILINE), done.stdout
    assert done.stdout.endswith("2 identical, 0 within tolerance, 0 differs\n")


def test_verify_says_where_an_output_differs(repository):
    lock, file = repository / "dvc.lock", repository / "data" / "clean" / "demo" / "ratings.parquet"
    honest, content = lock.read_text(), file.read_bytes()
    digest = YAML(typ="safe").load(lock)["stages"]["clean@demo"]["outs"][0]["md5"]
    ratings = pd.read_parquet(file)
    file.unlink()  # a link into DVC's cache
    ratings.assign(rating=ratings["rating"] * 1.5).to_parquet(file, index=False)
    lock.write_text(honest.replace(digest, f"{0:032x}.dir"))
    try:
        done = sh(*FOLDIN, "verify", "--stage", "clean@demo", cwd=repository, ok=False)
    finally:
        file.unlink()
        file.write_bytes(content)
        lock.write_text(honest)
    assert done.returncode == 1
    found = r"^clean@demo +data/clean/demo +differs +ratings\.parquet: rating: 7\.5 and 5, 3\.3e-01 of the largest$"
    assert re.search(found, done.stdout, re.MULTILINE), done.stdout


def test_verify_names_the_stages_there_are(repository):
    done = sh(*FOLDIN, "verify", "--stage", "train@demo-asl", cwd=repository, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith("foldin: dvc.yaml: no stage 'train@demo-asl'; the stages are: ")


@pytest.mark.parametrize("how", ["in a copy", "from the queue"])
def test_an_experiment_elsewhere_runs_the_copys_own_source(repository, how):
    source = repository / "src" / "foldin" / "preparation" / "clean.py"
    honest = source.read_text()
    line = "    declaration = registry.get(dataset)\n"
    assert line in honest
    source.write_text(honest.replace(line, f"{line}    print(__file__)\n", 1))
    experiment = ("dvc", "exp", "run", "--set-param", f"clean.duplicates={'first' if how == 'in a copy' else 'last'}")
    try:
        if how == "in a copy":
            done = sh(*experiment, "--temp", "clean@demo", cwd=repository).stdout
        else:
            sh(
                *experiment,
                "--set-param",
                "split.seed=5",
                "--queue",
                "--name",
                "queued",
                "user_item@demo",
                cwd=repository,
            )
            sh("dvc", "exp", "run", "--run-all", cwd=repository)
            done = sh("dvc", "queue", "logs", "queued", cwd=repository).stdout
    finally:
        source.write_text(honest)
    assert re.search(
        rf"^{re.escape(str(repository))}/\.dvc/tmp/exps/.*/src/foldin/preparation/clean\.py$", done, re.MULTILINE
    ), done


def test_nothing_trained_depends_on_the_test_ratings(repository, tmp_path):
    """Permute the test ratings, then delete them: all that training reads, makes and shows keeps its bytes."""
    copy = tmp_path / "copy"
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns(".git", "cache", "tmp"))
    trained = [
        "data/user_item/demo",
        "data/models/demo",
        "reports/demo/training",
        "reports/demo/validation",
        *(f"reports/demo/notebooks/{name}.ipynb" for name in FAMILIES),
    ]
    before = digests(copy, trained)
    assert len(before) > 50
    ratings, held_out = (
        pd.read_parquet(copy / "data" / part / "demo" / "ratings.parquet") for part in ("clean", "test")
    )
    keys = ["user_id", "item_id"]
    place = pd.MultiIndex.from_frame(ratings[keys]).get_indexer(pd.MultiIndex.from_frame(held_out[keys]))
    ratings.loc[place, "rating"] = np.random.default_rng(0).permutation(held_out["rating"])
    clean = copy / "data" / "clean" / "demo" / "ratings.parquet"
    clean.unlink()
    ratings.to_parquet(clean, index=False)
    sh(*FOLDIN, "user-item", "demo", cwd=copy)
    permuted = pd.read_parquet(copy / "data" / "test" / "demo" / "ratings.parquet")
    assert not permuted["rating"].equals(held_out["rating"])
    assert permuted[keys].equals(held_out[keys])
    shutil.rmtree(copy / "data" / "test")
    shutil.rmtree(copy / "data" / "models")
    for family in FAMILIES:
        sh(*FOLDIN, "train", "demo", family, cwd=copy)
    assert digests(copy, trained) == before


@pytest.fixture(scope="module")
def folds(repository, tmp_path_factory):
    """Return a clone with one family in which the recipe for folds of docs/method.md has run, and what it printed last.

    Another experiment of the same commit is there before it.
    """
    clone = tmp_path_factory.mktemp("folds") / "foldin"
    sh("git", "clone", "--quiet", str(repository), str(clone), cwd=repository)
    sh("dvc", "cache", "dir", "--local", str(repository / ".dvc" / "cache"), cwd=clone)
    edit_params(clone, lambda values: values.update(families=["baselines"]))
    sh("dvc", "repro", cwd=clone)
    commit(clone, "one family")
    sh(
        "dvc",
        "exp",
        "run",
        "--temp",
        "--name",
        "apart",
        "-S",
        "baselines.bias.damping=9",
        "-S",
        "seed=3",
        "evaluate",
        cwd=clone,
    )
    page = (CHECKOUT / "docs" / "method.md").read_text()
    recipe = re.findall(
        r"^ *\$ ((?:dvc exp run .*--queue|dvc exp run --run-all|foldin average) ?.*)$", page, re.MULTILINE
    )
    assert len(recipe) == 3
    commands = [command.replace("foldin average", "python src/foldin average") for command in recipe]
    return clone, [sh("sh", "-c", command, cwd=clone) for command in commands][-1].stdout


def test_the_recipe_of_the_documentation_averages_the_five_folds_and_no_other_experiment(folds):
    clone, printed = folds
    assert "5 of 5 folds, " in printed
    assert "(protocol k_fold)" in printed
    (row,) = (line for line in printed.splitlines() if re.match(r"\| demo +\| baselines +\| bias +\|", line))
    shown = [
        json.loads(sh("git", "show", f"{commit}:reports/demo/metrics/baselines/bias.json", cwd=clone).stdout)["rmse"]
        for ref in sh(
            "git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps", cwd=clone
        ).stdout.splitlines()
        for name, commit in [ref.split()]
        if re.search(r"/fold-[1-5]$", name)
    ]
    assert len(set(shown)) == 5
    assert f"{np.mean(shown):.4f} ± {np.std(shown, ddof=1):.4f}" in row


def test_make_experiments_shows_what_changed_with_rmse_and_ndcg_in_the_width_of_a_terminal(folds):
    clone, _ = folds
    (command,) = re.findall(r"^.*foldin experiments$", sh("make", "--dry-run", "experiments", cwd=clone).stdout, re.M)
    command = command.replace("foldin experiments", "python src/foldin experiments")
    printed = sh("sh", "-c", command, cwd=clone).stdout
    assert max(map(len, printed.splitlines())) <= 120
    found, heads = {}, []
    for line, below in pairwise([*printed.splitlines(), ""]):
        name, *values = re.split(r"\s{2,}", line.rstrip())
        if below.startswith("---"):
            heads = values
        found |= {(name, head): value for head, value in zip(heads, values, strict=False)}
    assert {head for _, head in found} >= {"main", "apart", *(f"fold-{fold}" for fold in range(1, 6))}
    assert found["baselines.bias.damping", "apart"] == "9"
    assert found["split.fold", "fold-3"] == "3"
    assert re.fullmatch(r"0\.\d{4}", found["popularity ndcg", "fold-3"])
    assert found["bias rmse", "fold-3"] != found["bias rmse", "fold-2"]
    assert printed.index("split.fold") < printed.index("bias rmse")


def test_a_clone_and_a_second_run_give_the_bytes_that_dvc_lock_has(repository, tmp_path):
    """Two checkouts of one dvc.lock, nothing shared but git: families side by side, then all again by force."""
    clone = tmp_path / "elsewhere" / "clone"
    sh("git", "clone", "--quiet", str(repository), str(clone), cwd=repository)
    for command in ((*FOLDIN, "repro"), ("dvc", "repro", "--no-run-cache", "--force")):
        done = sh(*command, cwd=clone)
        assert {f"train@demo-{family}" for family in FAMILIES} <= reruns(done.stdout + done.stderr)
        assert sh("git", "status", "--porcelain", cwd=clone).stdout == ""
    outputs = [f"data/{name}" for name in sorted(os.listdir(clone / "data")) if name != "costs"]  # no stage's output
    assert {"data/clean", "data/models", "data/predictions"} <= set(outputs)
    assert digests(clone, [*outputs, "reports"]) == digests(repository, [*outputs, "reports"])
