"""What the commands say of names, models and numbers that are not there: one line with the nearest names."""

import json
import shutil

import numpy as np
import pytest
from conftest import edit_params
from scipy import sparse

from foldin import cli
from foldin.core import arrays, interactions, paths


def error_of(capsys, *command, code=1):
    assert cli.main([*command]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("foldin: ").rstrip()


USER, ITEM = ["--user", "u0001"], ["--item", "i0001"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["recommend", "--user", "u001"], "'demo' has no user 'u001'; did you mean 'u0010' or 'u0011' or 'u0012'?"),
        (["recommend", "--user", "Maria"], "'demo' has no user 'Maria'; user ids are: u0000, u0001, u0002, …"),
        (["recommend", "--user", "u-cold"], "user 'u-cold' of 'demo' has no rating in the training part, so no model"),
        (["recommend", *USER, "--model", "eas"],
            "unknown model 'eas'; did you mean 'ease'? `foldin show demo` lists all"),
        (["recommend", *USER, "--dataset", "ml-100"], "unknown data set 'ml-100'; did you mean 'ml-100k'"),
        (["recommend", *USER, "--model", "slim"], "data/models/demo/linear/slim: 'slim' is not trained on 'demo' yet; "
            "train it: dvc repro train@demo-linear, or all models: make repro"),
        (["recommend", *USER, "--dataset", "ml-100k", "--model", "ease"], "'ease' is not trained on 'ml-100k' yet; add "
            "'ml-100k' to `datasets` in params.yaml, then run: make repro"),
        (["recommend", *USER, "--dataset", "ml-100k"], "reports/ml-100k/leaderboard.csv: no leaderboard here; name a "
            "model with --model, or add 'ml-100k' to `datasets` in params.yaml, then run: make repro"),
        (["recommend", *USER, "--k", "0"], "--k is 0; a list has 1 to 1,000 items"),
        (["similar", *ITEM, "--k", "1001"], "--k is 1001; a list has 1 to 1,000 items"),
        (["rate", "mine.csv", "--k", "-3"], "--k is -3; a list has 1 to 1,000 items"),
        (["similar", "--item", "Titel 7"], "'demo' has no item 'Titel 7'; did you mean 'Title 7'"),
        (["similar", "--item", "Twice"], "2 items of 'demo' have the title 'Twice'; give the id instead: i0003, i0008"),
        (["similar", "--item", "Unheard"], "'Unheard' of 'demo' has no rating in the training part"),
        (["recommend", "--all", "--to", "lists.txt"], "lists.txt: the name of a file of lists ends in .parquet or"),
        (["recommend", "--all", "--to", "data"], "data: the name of a file of lists ends in"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_in_one_line(saved_models, capsys, command, said):
    assert said in error_of(capsys, *command)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["recommend"], "give either --user or --all"),
        (["recommend", *USER, "--all"], "give either --user or --all"),
        (["recommend", "--all"], "--all needs --to FILE"),
        (["recommend", *USER, "--to", "a.csv"], "--to goes with --all"),
        (["recommend", "--all", "--to", "a.csv", "--why"], "--why explains the list of one --user"),
        (["similar"], "Missing option '--item'"),
    ],
)
def test_a_wrong_call_is_said_in_one_line(saved_models, capsys, command, said):
    assert error_of(capsys, *command, code=2) == f"{said}; see foldin {command[0]} --help"


@pytest.fixture
def copied(trained, tmp_path, monkeypatch):
    """Return a copy of the checkout that a test may change, made the current folder."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_of_several_data_sets_one_must_be_named(copied, capsys):
    edit_params(copied, lambda values: values.update(datasets=["demo", "ml-100k"]))
    said = "params.yaml: it lists several data sets: demo, ml-100k; name one of them: --dataset demo"
    assert error_of(capsys, "recommend", *USER) == said
    assert cli.main(["recommend", *USER, "--dataset", "demo"]) == 0


def test_a_model_that_was_left_out_says_why(copied, capsys):
    paths.left_out("demo", "linear").write_text(json.dumps({"slim": "it needs 9.9 GB for all pairs of items"}))
    said = error_of(capsys, "recommend", *USER, "--model", "slim")
    assert "'slim' is skipped (too large) on 'demo': it needs 9.9 GB for all pairs of items; choose another" in said


def test_a_model_that_is_not_whole_is_refused(copied, capsys):
    (paths.models("demo", "linear") / "ease" / "arrays.npz").write_bytes(b"")
    said = error_of(capsys, "recommend", *USER, "--model", "ease")
    assert said.startswith("data/models/demo/linear/ease: the saved model is not whole (")
    assert said.endswith("train it again: dvc repro -f train@demo-linear")


def test_a_model_of_other_ratings_is_refused(copied, capsys):
    """As after a change of the split: rated items would be recommended, and others left out."""
    part = interactions.load("demo").validation.ratings
    arrays.write_matrix(paths.user_item("demo") / "validation.npz", sparse.csr_array(part.shape, dtype=np.float32))
    said = error_of(capsys, "recommend", *USER, "--model", "ease")
    assert "fitted on other ratings than those of data/user_item; train it again: dvc repro train@demo-linear" in said


def test_a_leaderboard_on_which_nothing_ranks_is_said(copied, capsys):
    (paths.reports("demo") / "leaderboard.csv").write_text("model,family,kind,rmse,ndcg\nbias,baselines,baseline,1,\n")
    said = "reports/demo/leaderboard.csv: no model on it ranks; name a model with --model"
    assert error_of(capsys, "recommend", *USER) == said


def test_a_table_that_is_not_there_is_named(copied, capsys):
    table = paths.user_item("demo") / "items.parquet"
    table.unlink()
    said = f"{table}: not there; make it with the stage before: dvc repro"
    assert error_of(capsys, "recommend", *USER, "--model", "ease") == said


@pytest.mark.parametrize(
    ("words", "offered"),
    [("foldin recommend --model eas", ["ease"]), ("foldin rate --dataset d", ["demo"]), ("foldin sim", ["similar"])],
)
def test_a_shell_completes_models_and_data_sets(saved_models, monkeypatch, capsys, words, offered):
    monkeypatch.setenv(cli.COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert cli.main() == 0
    assert [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines()] == offered


def test_the_section_stands_second_in_the_help(saved_models, capsys):
    assert cli.main(["--help"]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if line.endswith(":") and line[0] != " "]
    assert heads[1:3] == ["See results:", "Get recommendations:"]


@pytest.mark.parametrize("name", ["recommend", "similar", "rate", "export"])
def test_the_help_shows_examples_a_line_each(name, capsys):
    assert cli.main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"\n    foldin {name} " in said
    assert "\\b" not in said
