"""Data without ratings, and data of several scales, from their files to the page."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import edit_params
from ruamel.yaml import YAML
from synthetic import from_shares

from foldin import models
from foldin.core import files, interactions, paths
from foldin.core.interactions import Scale
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item
from foldin.report import contents, leaderboard, page, results
from foldin.report.html import data

FAMILY = "baselines"


def reported(name, sources):
    """Run a data set of one's own through every stage but the notebooks; return its board and its page."""
    yaml = YAML()
    values = yaml.load(paths.params_file())
    values.update(sources=YAML(typ="safe").load(sources), datasets=[name], families=[FAMILY])
    yaml.dump(values, paths.params_file())
    for stage in (fetch, clean, user_item):
        stage.run(name)
    training = interactions.load(name).training
    for model_name, model in models.family(FAMILY).items():
        with files.whole_folder(paths.models(name, FAMILY) / model_name) as folder:
            model.fit(training).save(folder)
    evaluate.run(name, FAMILY)
    single = pd.DataFrame([("random", 1, "validation_ndcg", 0.1)], columns=["model", "epoch", "metric", "value"])
    files.write_csv(paths.training(name, FAMILY), single)
    findings = contents.open_report(name)
    return findings, page.page(findings)


@pytest.fixture
def plays(workspace):
    rng = np.random.default_rng(5)
    listeners, artists = rng.integers(0, 40, 900), (60 * rng.random(900) ** 2).astype(int)
    table = pd.DataFrame({"who": listeners, "artist": artists, "plays": rng.integers(1, 2000, 900)})
    (workspace / "own").mkdir()
    table.to_csv(workspace / "own" / "plays.csv", index=False)
    rated = table.drop_duplicates(["who", "artist"])
    rated.assign(stars=rng.integers(1, 6, len(rated))).to_csv(workspace / "own" / "rated.csv", index=False)
    return workspace


def test_counts_are_judged_by_lists_and_the_page_says_so(plays):
    source = "mine: {file: own/plays.csv, user: who, item: artist, rating: plays, feedback: implicit}"
    findings, text = reported("mine", source)
    assert not results.has_ratings(findings.board)
    assert leaderboard.rating_table(findings.board).empty
    assert leaderboard.liked_table(findings.board).empty
    assert contents.predicted_ratings(findings).empty
    assert len(leaderboard.ranking_table(findings.board, findings.k)) == 4
    assert not [name for name in findings.board if "graded" in name or "_liked" in name]
    assert "there are no rating metrics" in text
    assert "ranks best (NDCG@10" in text
    assert "Of 900 raw counts 656 were kept" in text
    for absent in (
        "Predicting ratings",
        "Liked or not",
        "users_rmse",
        "predicts ratings best",
        "RMSE: head",
        "nan",
        "graded",
        "liked",
    ):
        assert absent not in text
    assert set(leaderboard.panels(findings.board, findings.k)) == {"leaderboard_ranking"}
    assert contents.data_plot(findings).axes[0].get_xlabel() == "log(1 + count)"
    shown = data.collect(findings)
    assert {column["group"] for column in shown["columns"]} == {
        "Ranking accuracy", "Beyond accuracy", "Popularity groups", "List lengths"
    }  # fmt: skip
    assert [spread["name"] for spread in shown["distributions"]] == ["ndcg"]
    assert {pair["name"] for pair in shown["pairs"]} == {"ndcg", "recall", "hit_rate", "auc"}
    assert (shown["calibration"], shown["best"]["rater"], shown["examples"]) == ({}, None, None)


def test_liked_ratings_alone_are_judged_by_lists_and_the_page_says_so(plays):
    edit_params(plays, lambda values: values["split"].update(liked_only=True))
    source = "mine: {file: own/rated.csv, user: who, item: artist, rating: stars, scale: [1, 5, 1]}"
    findings, text = reported("mine", source)
    assert not results.has_ratings(findings.board)
    assert "Only liked ratings were kept, as implicit feedback (split.liked_only)" in text
    assert "if the user liked it in the test part, and only liked ratings were kept" in text
    for absent in ("Nobody gave ratings", "Predicting ratings", "graded", "nan"):
        assert absent not in text


def test_errors_on_several_scales_are_in_shares_and_can_be_read_in_each_unit(plays):
    common = "user: who, item: artist, rating: stars, people: us"
    findings, text = reported(
        "mix",
        f"""
        five: {{file: own/rated.csv, {common}, scale: [1, 5, 1]}}
        nine: {{file: own/rated.csv, {common}, scale: [1, 10, 1]}}
        mix: {{parts: {{movies: five, books: nine}}}}
        """,
    )
    row = findings.board.set_index("model").loc["global-mean"]
    assert 0 < row["domains.books.rmse"] < row["domains.movies.rmse"] < 1
    assert "RMSE in shares of each domain's rating scale" in text
    assert "RMSE in the unit of each domain's own scale, books from 1 to 10, movies from 1 to 5:" in text
    assert "MAE in the unit of each domain's own scale" in text
    # From the test pairs themselves, in their own scale.
    pairs = pd.read_parquet(paths.predictions("mix", FAMILY) / "ratings.parquet")
    metrics = json.loads(paths.table("mix", FAMILY).read_text())["global-mean.books"]
    for domain, scale in {"movies": Scale(1, 5, 1), "books": Scale(1, 10, 1)}.items():
        mine = pairs[pairs["item_id"].str.startswith(f"{domain}:")]
        actual, predicted = (from_shares(mine[name], scale) for name in ("rating", "global-mean"))
        assert set(actual.round(3)) <= set(range(1, 6))
        assert row[f"domains.{domain}.rmse_own_unit"] == pytest.approx(np.sqrt(((predicted - actual) ** 2).mean()))
        assert row[f"domains.{domain}.mae_own_unit"] == pytest.approx((predicted - actual).abs().mean(), abs=1e-5)
        assert f"{row[f'domains.{domain}.rmse_own_unit']:.4f}" in text
    assert metrics["rmse_own_unit"] == pytest.approx(9 * metrics["rmse"], abs=1e-5)
    assert "A rating of 0.75 or more is *liked*" in text
    drawn = leaderboard.panels(findings.board, findings.k, findings.dataset.unit)
    assert list(drawn) == ["leaderboard_ratings", "leaderboard_ranking"]
    assert "in shares of each domain's rating scale" in drawn["leaderboard_ratings"].axes[0].get_xlabel()
