"""The best model of a leaderboard, as commands read it from the file."""

import math

import pytest

from foldin import cli
from foldin.core import paths
from foldin.report import standings


def row(model, rmse, kind="model", **more):
    return {"model": model, "kind": kind, "rmse": rmse, "ndcg": ""} | more


def test_the_lowest_error_wins_the_first_by_name_of_equals_and_never_the_oracle():
    board = [row("oracle", "0.1", "oracle"), row("svd", "0.8"), row("als", "0.8"), row("none", ""), row("bias", "0.9")]
    found = standings.winner(board, "rmse")
    assert (found.model, found.value, found.tied) == ("als", 0.8, [])
    assert math.isnan(found.half_width)


def test_the_winner_is_not_tied_with_itself():
    ends = {"rmse_tied": "True", "rmse_low": "0.75", "rmse_high": "0.85"}
    found = standings.winner([row("als", "0.8", **ends), row("svd", "0.81", **ends), row("bias", "0.9")], "rmse")
    assert found.tied == ["svd"]
    assert abs(found.half_width - 0.05) < 1e-12


def test_a_metric_that_no_model_has_has_no_winner():
    assert standings.winner([row("als", "0.8")], "ndcg") is None


HEAD = b"model,family,kind,rmse,ndcg,rmse_tied,ndcg_tied\n"
ROW = b"ease,linear,model,,0.3125,,True\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEAD,
        HEAD + ROW + ROW[:20],
        HEAD + ROW[:-9],
        HEAD + ROW + ROW[:-1],
        b"<<<<<<< ours\n" + HEAD + ROW + b"=======\n" + ROW + b">>>>>>> theirs\n",
        HEAD + b"<<<<<<< ours\n" + ROW + b"=======\n" + ROW + b">>>>>>> theirs\n",
        HEAD + b'"' + ROW,
        b"\xff\xfe" + HEAD + ROW,
    ],
    ids=["empty", "no-row", "cut", "cut-in-a-number", "no-end", "conflict", "conflict-in-rows", "quote", "bytes"],
)
@pytest.mark.parametrize("command", [["show", "demo"], ["show"], ["recommend", "--user", "u0001"], ["outcome"]])
def test_a_leaderboard_that_is_not_whole_is_one_line_that_says_how_to_restore_it(workspace, capsys, content, command):
    file = paths.reports("demo") / "leaderboard.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert cli.main(command) == 1
    assert capsys.readouterr().err == (
        "foldin: reports/demo/leaderboard.csv: the leaderboard is not whole; restore it: "
        "git checkout reports/demo/leaderboard.csv, or make it again: dvc repro report@demo\n"
    )


def test_a_leaderboard_of_a_data_set_that_is_not_listed_is_restored_only(workspace, capsys):
    file = paths.reports("ml-100k") / "leaderboard.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(HEAD + ROW)
    assert cli.main(["show", "ml-100k"]) == 0
    file.write_bytes(HEAD)
    assert cli.main(["show", "ml-100k"]) == 1
    assert capsys.readouterr().err.endswith("restore it: git checkout reports/ml-100k/leaderboard.csv\n")
