"""The best model of a leaderboard, as commands read it from the file."""

import math

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
