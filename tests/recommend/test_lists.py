"""`foldin recommend --user`: the list is the model's own, and its reasons are what their definition says."""

import numpy as np
import pytest
from scipy import sparse
from small_models import rows_of

from foldin import cli
from foldin.models.parts.recommender import Recommender
from foldin.recommend import lists, why


@pytest.mark.parametrize("model", ["popularity", "ease", "als-explicit"])
def test_a_list_is_the_models_own_without_rated_items(opened, capsys, model):
    saved = opened(model)
    items, scores = saved.model.recommend(np.array([4]), 6)
    assert cli.main(["recommend", "--model", model, "--user", "u0004", "--k", "6"]) == 0
    printed = capsys.readouterr().out
    rows = rows_of(printed)
    assert [rows[rank][0] for rank in range(1, 7)] == [f"i{item:04d}" for item in items[0]]
    assert [float(rows[rank][-1]) for rank in range(1, 7)] == pytest.approx(scores[0], rel=1e-3)
    rated = saved.training.ratings[[4]].indices
    assert not {*rated} & {*items[0]}
    assert f"u0004 has {len(rated)} training ratings" in printed


def test_popularity_counts_by_hand_and_ties_fall_to_the_lower_id(opened):
    saved = opened("popularity")
    cells = saved.training.ratings.toarray() > 0
    candidates = np.flatnonzero(~cells[7])
    counts = cells.sum(axis=0)
    right = sorted(candidates, key=lambda item: (-counts[item], item))
    items, scores = lists.of_user(saved, 7, 1000)
    assert items.tolist() == right, "all unrated items, and no place without one"
    assert scores.tolist() == [counts[item] for item in right]
    assert len({*scores}) < len(scores), "there are ties"


def test_the_best_ranking_model_of_the_leaderboard_is_taken_and_named(saved_models, capsys):
    assert cli.main(["recommend", "--user", "u0001"]) == 0
    assert capsys.readouterr().out.startswith(
        "demo: gf-cf, the best model of reports/demo/leaderboard.csv that ranks\nu0001 has "
    )


def test_what_scores_mean_is_said(saved_models, capsys):
    said = {}
    for model in ("als-explicit", "ease"):
        assert cli.main(["recommend", "--user", "u0001", "--model", model]) == 0
        said[model] = capsys.readouterr().out.splitlines()[-1]
    assert said == {
        "als-explicit": "als-explicit predicts ratings: scores are predicted ratings on the scale 0.5 to 5, not cut "
        "off at its ends.",
        "ease": "Scores of ease only order the items of one list; they are not ratings.",
    }


def test_a_reason_is_the_weight_beside_the_candidates_mean_weight(opened):
    """By hand: the score of `ease` is a sum of weights, so a rating left out takes its own weights away."""
    saved = opened("ease")
    weights = saved.model._arrays()["weights"].astype(np.float64)
    rated = saved.training.ratings[[2]]
    items = np.setdiff1d(np.arange(40), rated.indices)
    falls = {
        (item, other): weights[other, item] - weights[other, items].mean() for item in items for other in rated.indices
    }
    found = why.reasons(saved, rated, items)
    assert (found.judged, found.rated) == (rated.nnz, rated.nnz)
    for item, of_item in zip(items, found.by_item, strict=True):
        right = sorted((other for other in rated.indices if falls[item, other] > 1e-4), key=lambda j: -falls[item, j])
        assert [reason.item for reason in of_item] == right[: why.SHOWN]
        assert [reason.drop for reason in of_item] == pytest.approx(
            [falls[item, j] for j in right[: why.SHOWN]], abs=1e-6
        )
        ratings = dict(zip(rated.indices, rated.data, strict=True))
        assert all(reason.rating == ratings[reason.item] for reason in of_item)


def test_a_reason_takes_no_account_of_what_moves_all_items_alike(opened, capsys):
    """A rating raises the bias of its user, and with it every prediction of `bias`: a reason for no item."""
    saved = opened("bias")
    rated = saved.training.ratings[[2]]
    whole = saved.model.fold_in(rated)
    without = saved.model.fold_in(
        sparse.csr_array((rated.data[1:], rated.indices[1:], [0, rated.nnz - 1]), rated.shape)
    )
    assert np.abs(whole - without).min() > 1e-3
    assert cli.main(["recommend", "--user", "u0002", "--model", "bias", "--why"]) == 0
    printed = capsys.readouterr().out
    assert "because of" not in printed
    assert printed.endswith("No rating is a reason for any of these items more than for all others.\n")


def test_reasons_stand_beside_the_list(opened, capsys):
    saved = opened("als-explicit")
    items, _ = lists.of_user(saved, 5, 2)
    first = why.reasons(saved, saved.training.ratings[[5]], items).by_item[0][0]
    assert cli.main(["recommend", "--user", "u0005", "--model", "als-explicit", "--k", "2", "--why"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 120
    line = next(line for line in printed.splitlines() if line.startswith("     1"))
    drop, title = line.split("  ")[-2:]
    assert float(drop) == pytest.approx(first.drop, rel=0.02)
    assert title.strip() == f"{lists.title_of(saved.training.items, first.item)} ({first.rating:g})"


def test_of_very_many_ratings_the_highest_are_left_out_in_turn(opened, monkeypatch, capsys):
    saved = opened("ease")
    user = int(np.diff(saved.training.ratings.indptr).argmax())
    rated, counts = saved.training.ratings[[user]], np.bincount(saved.training.ratings.indices)
    right = sorted(range(rated.nnz), key=lambda cell: (-rated.data[cell], counts[rated.indices[cell]]))[:3]
    monkeypatch.setattr(why, "MOST", 3)
    assert why.strongest(rated, saved.training.ratings).tolist() == sorted(right)
    assert cli.main(["recommend", "--user", f"u{user:04d}", "--model", "ease", "--why"]) == 0
    assert f"Only the 3 highest of {rated.nnz} ratings were left out" in capsys.readouterr().out


def test_what_cannot_be_explained_is_listed_all_the_same(saved_models, monkeypatch, capsys):
    assert cli.main(["recommend", "--user", "u0001", "--model", "random", "--why"]) == 0
    assert capsys.readouterr().out.endswith("No reasons: the scores of random are chance.\n")
    monkeypatch.setattr("foldin.models.als.ExplicitALS._fold_in", Recommender._fold_in)
    assert cli.main(["recommend", "--user", "u0001", "--model", "als-explicit", "--why"]) == 0
    printed = capsys.readouterr().out
    assert len(rows_of(printed)) == 10
    assert printed.endswith("No reasons: als-explicit cannot score somebody by their ratings alone (no fold-in).\n")
