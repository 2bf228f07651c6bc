"""A YAML file that is not as it must be ends a command in one line: the file, the place, what to do."""

import json
import subprocess

import pytest
from conftest import commit, edit_params, sh

from foldin import cli
from foldin.core import yaml_files
from foldin.core.errors import FoldinError
from foldin.workspace import pipeline

LOCK = "schema: '2.0'\nstages:\n  strip:\n    cmd: a\n    outs:\n    - path: data/notebooks\n      md5: {}\n"


def conflict(folder, name, sides):
    """Leave a file as a merge leaves it that git cannot finish."""
    sh("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    (folder / name).write_text(sides[0])
    commit(folder, "base")
    sh("git", "checkout", "--quiet", "-b", "other", cwd=folder)
    (folder / name).write_text(sides[1])
    commit(folder, "other")
    sh("git", "checkout", "--quiet", "main", cwd=folder)
    (folder / name).write_text(sides[2])
    commit(folder, "main")
    assert "CONFLICT" in sh("git", "merge", "other", cwd=folder, ok=False).stdout


@pytest.mark.parametrize("command", [["verify"], ["compare", "HEAD"]])
def test_a_lock_with_both_sides_of_a_merge_names_the_way_out(workspace, capsys, command):
    (workspace / "reports" / "demo" / "metrics" / "als").mkdir(parents=True)
    metrics = workspace / "reports" / "demo" / "metrics" / "als" / "als.json"
    metrics.write_text(json.dumps({"rmse": 1.0}))
    conflict(workspace, "dvc.lock", [LOCK.format(digit * 32) for digit in "abc"])
    metrics.write_text(json.dumps({"rmse": 2.0}))
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("foldin: dvc.lock: holds both sides of a merge conflict, from line 7 on; ")
    assert "git checkout --ours dvc.lock; dvc repro" in said
    assert said.count("\n") == 1
    sh("git", "checkout", "--ours", "dvc.lock", cwd=workspace)
    assert pipeline.locked()["strip"] == {"data/notebooks": "c" * 32}


def test_parameters_with_both_sides_of_a_merge_name_the_line(workspace, capsys):
    text = (workspace / "params.yaml").read_text()
    conflict(workspace, "params.yaml", [text.replace("\nseed: 42", f"\nseed: {n}") for n in (1, 2, 3)])
    assert cli.main(["check"]) == 1
    line = text.split("\nseed: 42")[0].count("\n") + 2
    said = capsys.readouterr().err
    assert said.startswith(f"foldin: params.yaml: holds both sides of a merge conflict, from line {line} on; keep one")


def test_an_alias_below_which_experiments_would_change_nothing_is_refused(workspace, capsys):
    file = workspace / "params.yaml"
    text = file.read_text()
    file.write_text(
        text.replace("\n  popularity: {}", "\n  popularity: &nothing {}").replace(
            "\n  random: {}", "\n  random: *nothing"
        )
    )
    assert cli.main(["check"]) == 1
    line = text.split("\n  random: {}")[0].count("\n") + 2
    said = f"foldin: params.yaml: line {line} uses the alias '*nothing', below which `dvc exp run -S` has no effect; "
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("stages: [a", "not valid YAML at line 1"),
        ("a: 1\na: 2\n", "not valid YAML at line 2"),
        ("day: 2020-13-45\n", "not valid YAML: month must be in 1..12"),
        (f"seed: {'9' * 5000}\n", "not valid YAML: Exceeds the limit"),
        ("a: \x07\n", "not valid YAML: "),
        ("- a\n", "holds no keys"),
        ("only words", "holds no keys"),
    ],
)
def test_what_is_no_mapping_is_one_line(content, said):
    with pytest.raises(FoldinError) as caught:
        yaml_files.load(content, "params.yaml")
    assert str(caught.value).startswith(f"params.yaml: {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stages", ["[1, 2]", "{strip: 3}", "{strip: {outs: [3]}}", "{strip: {outs: [{path: a}]}}"])
def test_a_lock_that_dvc_did_not_write_is_one_line(workspace, stages):
    (workspace / "dvc.lock").write_text(f"stages: {stages}\n")
    with pytest.raises(FoldinError, match=r"^dvc\.lock: its stages are not as DVC writes them; restore it"):
        pipeline.locked()


@pytest.mark.parametrize("content", ["", "stages: 3\n", "stages: {fetch: 3}\n", "stages:\n  fetch: [\n"])
def test_a_broken_dvc_yaml_is_one_line(workspace, content):
    (workspace / "dvc.yaml").write_text(content)
    with pytest.raises(FoldinError, match=r"^dvc\.yaml: (declares no stages|not valid YAML)"):
        pipeline.every(["demo"], ["als"])


def test_metrics_with_both_sides_of_a_merge_are_made_again(workspace, capsys):
    sh("git", "init", "--quiet", cwd=workspace)
    folder = workspace / "reports" / "demo" / "tables"
    folder.mkdir(parents=True)
    (folder / "als.json").write_text("<<<<<<< HEAD\n{}\n")
    commit(workspace, "broken")
    assert cli.main(["compare", "HEAD"]) == 1
    place = "reports/demo/tables/als.json"
    assert capsys.readouterr().err == f"foldin: {place} of HEAD: not valid JSON; name another commit\n"


def test_a_shallow_clone_is_told_how_to_get_the_other_commits(workspace, tmp_path_factory, monkeypatch, capsys):
    sh("git", "init", "--quiet", cwd=workspace)
    commit(workspace, "first")
    edit_params(workspace, lambda values: values.update(seed=1))
    commit(workspace, "second")
    clone = tmp_path_factory.mktemp("clone") / "foldin"
    command = ["git", "clone", "--quiet", "--depth", "1", workspace.as_uri(), str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.chdir(clone)
    for command in (["compare", "HEAD~1"], ["average", "HEAD", "HEAD~1"]):
        assert cli.main(command) == 1
        said = capsys.readouterr().err
        assert "git does not know 'HEAD~1': this clone is shallow" in said
        assert said.endswith("fetch the others: git fetch --unshallow\n")
    sh("git", "fetch", "--quiet", "--unshallow", cwd=clone)
    assert cli.main(["compare", "HEAD~1"]) == 0


def test_without_git_there_is_nothing_to_compare(workspace, capsys, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(workspace.parent))
    assert cli.main(["compare", "HEAD~1"]) == 1
    assert "no git repository, so there is no 'HEAD~1'; compare in a clone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("datasets", "[2020]", "datasets names 2020, which YAML takes for no name, but a number; quote it: '2020'"),
        ("datasets", "[2020-01-02]", "datasets names 2020-01-02, which YAML takes for no name, but a date; quote it"),
        (
            "datasets",
            "[true]",
            "datasets names true, which YAML takes for no name, but true or false; quote it: 'true'",
        ),
        ("datasets", "[null]", "datasets names null, which YAML takes for no name, but nothing; quote it: 'null'"),
        ("datasets", "[[demo]]", "datasets names ['demo'], which is no name; "),
        ("sources", "{2020: {}}", "sources names 2020, which YAML takes for no name, but a number; quote it: '2020'"),
    ],
)
def test_a_name_that_yaml_takes_for_something_else_must_be_quoted(workspace, capsys, key, value, said):
    file = workspace / "params.yaml"
    file.write_text(
        file.read_text().replace(f"\n{key}: {'[demo]' if key == 'datasets' else '{}'}\n", f"\n{key}: {value}\n")
    )
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().err.startswith(f"foldin: params.yaml: {said}")
