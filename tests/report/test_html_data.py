"""What report.html shows, computed apart: differences of two models, users in bins, curves, and no user's rows."""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import report_world

from foldin import models
from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.report import contents, fitting, results, ties, tuning
from foldin.report.html import columns, curves, data, examples, users
from foldin.workspace import pipeline


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    report_world.make(folder)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def findings(world):
    return contents.open_report("demo")


@pytest.fixture(scope="module")
def by_user(world):
    return results.users("demo")


def compared(entry, first, second):
    """Return difference, low and high of two models of `users.pairs`, the first before the second."""
    place = list(itertools.combinations(entry["models"], 2)).index((first, second))
    return [entry[key][place] * users.UNIT for key in ("difference", "low", "high")]


@pytest.mark.parametrize(("name", "column"), [("rmse", "rmse"), ("ndcg", "ndcg_at_10")])
def test_differences_from_the_best_are_those_of_the_leaderboard(findings, by_user, name, column):
    entry = next(each for each in users.pairs(findings, by_user) if each["name"] == name)
    evaluation = params.section(params.Evaluation)
    apart = ties.compare_with_best(
        by_user, name, resamples=evaluation.resamples, confidence=evaluation.confidence, apart=["oracle"]
    )
    best = apart.index[apart["behind"] == 0][0]
    values = findings.board.set_index("model")[column]
    sign = 1 if name == "rmse" else -1
    tried = 0
    for first, second in itertools.combinations(entry["models"], 2):
        difference, low, high = compared(entry, first, second)
        assert low <= difference <= high
        assert difference == pytest.approx(values[first] - values[second], abs=1.1e-6)
        if best in (first, second) and "oracle" not in (first, second):
            other = second if best == first else first
            # Behind: how much worse than the best. The pair may be stored the other way round.
            turn = sign if best == second else -sign
            ends = sorted(turn * value for value in (low, high))
            assert ends == pytest.approx(list(apart.loc[other, ["behind_low", "behind_high"]]), abs=1e-6)
            tried += 1
    assert tried >= 2


def test_differences_of_mae_and_of_means_are_those_of_the_users(findings, by_user):
    entries = {entry["name"]: entry for entry in users.pairs(findings, by_user)}
    assert set(entries) == set(users.COMPARED)
    assert "popularity" not in entries["mae"]["models"]
    one, two = (by_user[by_user["model"] == name].set_index("user_id") for name in ("als-explicit", "bias"))
    pairs = one["pairs"].sum()
    mae = (one["absolute_error"] - two["absolute_error"]).sum() / pairs
    assert compared(entries["mae"], "als-explicit", "bias")[0] == pytest.approx(mae, abs=1e-6)
    recall = (one["recall"] - two["recall"]).mean()
    assert compared(entries["recall"], "als-explicit", "bias")[0] == pytest.approx(recall, abs=1e-6)


def test_every_user_is_in_one_bin_and_zeros_are_zeros(findings, by_user):
    ndcg, rmse = users.distributions(findings, by_user)
    for model, own in by_user.groupby("model"):
        counts = np.array(ndcg["counts"][model])
        assert counts.shape == (len(ndcg["groups"]), users.NDCG_BINS)
        assert counts.sum() == own["ndcg"].notna().sum()
        assert list(counts.sum(axis=1)) == [group["users"] for group in ndcg["groups"]]
        assert sum(ndcg["zeros"][model]) == (own["ndcg"] == 0).sum()
        low, high = ndcg["edges"][5:7]
        assert counts[:, 5].sum() == ((own["ndcg"] >= low) & (own["ndcg"] < high)).sum()
    assert set(rmse["counts"]) == set(findings.board.dropna(subset=["rmse"])["model"])
    for model, counts in rmse["counts"].items():
        own = by_user[(by_user["model"] == model) & (by_user["pairs"] > 0)]
        of_user = np.sqrt(own["squared_error"] / own["pairs"])
        assert np.sum(counts) == len(own)
        assert np.array(counts)[:, -1].sum() == (of_user >= rmse["edges"][-2]).sum(), "the last bin holds all above"


def test_users_are_grouped_by_their_ratings_and_means_are_of_the_group(findings, by_user):
    quarter = users.activity(findings, by_user)
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet")["user_id"].value_counts()
    most, many = (ratings[quarter.index[quarter == name]] for name in ("most", "many"))
    assert most.min() >= many.max()
    ndcg, rmse = users.distributions(findings, by_user)
    place = [group["name"] for group in ndcg["groups"]].index("most")
    own = by_user[(by_user["model"] == "bias") & by_user["user_id"].isin(most.index)]
    assert ndcg["means"]["bias"][place] == pytest.approx(own["ndcg"].mean(), abs=1e-6)
    pooled = np.sqrt(own["squared_error"].sum() / own["pairs"].sum())
    assert rmse["means"]["bias"][place] == pytest.approx(pooled, abs=1e-6)


def test_the_table_has_every_model_and_every_metric_with_its_definition(findings):
    shown = data.collect(findings)
    names = [model["name"] for model in shown["models"]]
    assert sorted(names) == sorted(findings.board["model"])
    board = findings.board.set_index("model").loc[names]
    table = {column["name"]: column for column in shown["columns"]}
    assert {"rmse", "ndcg_at_10", "coverage_at_10", "domains.books.rmse", "popularity.tail.rmse"} <= set(table)
    for name, column in table.items():
        assert len(column["values"]) == len(names)
        assert column["text"]
        expected = [None if pd.isna(value) else pytest.approx(value, abs=1e-6) for value in board[name]]
        assert column["values"] == expected, name
    assert table["rmse"]["direction"] == -1
    assert table["ndcg_at_10"]["direction"] == 1
    assert table["coverage_at_10"]["direction"] == 0
    assert table["rmse"]["low"] == [None if pd.isna(low) else pytest.approx(low, abs=1e-6) for low in board["rmse_low"]]
    assert [names[place] for place in table["ndcg_at_10"]["tied"]] == list(board.index[board["ndcg_tied"]])
    ranked = [value for value in table["ndcg_at_10"]["values"] if value is not None]
    assert ranked == sorted(ranked, reverse=True)


def test_the_mark_on_a_learning_curve_is_its_best_epoch(findings):
    found = {each["model"]: each for each in curves.learning(findings)}
    assert set(found) == {"als-explicit", "als-implicit"}, "a model with one epoch has no curve"
    explicit, implicit = found["als-explicit"], found["als-implicit"]
    assert explicit["panels"]["rmse"]["validation"] == list(report_world.VALIDATION)
    assert (explicit["best"], explicit["by"]) == (2, "validation_rmse")
    assert (implicit["best"], implicit["by"]) == (3, "validation_ndcg")


def test_a_model_without_early_stopping_has_no_mark_and_is_named(findings, monkeypatch):
    monkeypatch.setattr(curves, "patience", lambda findings: {"als-explicit": 0, "als-implicit": 2})
    assert {each["model"]: (each["best"], each["patience"]) for each in curves.learning(findings)} == {
        "als-explicit": (None, 0),
        "als-implicit": (3, 2),
    }
    assert "`als-explicit` has `patience: 0`, which is no early stopping." in fitting.sentences(findings)
    titles = [axis.get_title() for axis in fitting.plot(findings).axes if axis.get_visible()]
    assert titles == ["als-explicit: no early stopping", "als-implicit"]
    monkeypatch.setattr(curves, "patience", lambda findings: {})
    assert {each["best"] for each in curves.learning(findings)} == {None}
    assert "patience" not in fitting.sentences(findings)


def test_patience_is_that_of_params_or_as_tuned(findings, monkeypatch):
    given = params.read()["als"]
    expected = {name: given[name]["patience"] for name in ("als-explicit", "als-implicit")}
    assert curves.patience(findings) == expected, "baselines do not have the setting"
    tuned = {"als-explicit": {"chosen": {"patience": 99}}, "als-implicit": {"chosen": {"factors": 3}}}
    monkeypatch.setattr(tuning, "accounts", lambda dataset: tuned)
    assert curves.patience(findings) == expected | {"als-explicit": 99}


def test_the_report_declares_the_sections_that_it_reads_patience_from():
    with_patience = {
        family
        for family in params.known_families()
        if any("patience" in kind.Settings.model_fields for kind in models.family_models(family).values())
    }
    assert with_patience
    assert with_patience <= set(pipeline.declared("report", "demo").parameters)


def test_calibration_is_actual_minus_predicted_of_all_test_ratings(findings):
    found = curves.calibration(findings)
    rated = pd.read_parquet(paths.predictions("demo", "als") / "ratings.parquet")
    groups = found["als-explicit"]
    assert sum(groups["pairs"]) == len(rated)
    overall = np.average(groups["off"], weights=groups["pairs"])
    assert overall == pytest.approx((rated["rating"] - rated["als-explicit"]).mean(), abs=1e-5)
    assert len(groups["std"]) == len(groups["rmse"])
    assert "std" not in found["bias"]


def test_trials_are_those_of_the_search(findings, monkeypatch):
    (found,) = curves.trials(findings)
    assert (found["model"], found["before"], found["direction"]) == ("als-explicit", 0.8, -1)
    assert found["value"] == [0.8, 0.9, None, 0.7]
    assert found["best"] == [0.8, 0.8, 0.8, 0.7]
    monkeypatch.setattr(params, "tuned_families", lambda: [])
    assert curves.trials(findings) == []


def test_examples_are_what_the_tables_say(findings):
    shown = examples.collect(findings)
    assert len(shown["users"]) == examples.USERS
    counts = [user["ratings"] for user in shown["users"]]
    assert counts == sorted(counts)
    assert shown["rater"] == findings.best_rater
    items = {title for title, _ in shown["items"].values()}
    known = pd.read_parquet(paths.clean("demo") / "items.parquet")
    assert items <= set(known["title"])
    lists = pd.read_parquet(paths.predictions("demo", "als") / "recommendations.parquet")
    first = {user: list(rows.sort_values("rank")["item_id"]) for user, rows in lists[
        (lists["model"] == "als-implicit") & (lists["rank"] <= findings.settings.recommendations)
    ].groupby("user_id")}  # fmt: skip
    place = shown["models"].index("als-implicit")
    held = pd.read_parquet(paths.predictions("demo", "als") / "ratings.parquet").groupby("user_id")["item_id"].agg(set)
    for user in shown["users"]:
        mine = [item for item, _ in user["lists"][place]]
        # Which user it is, the page does not say; hits are those of one who got this list.
        hits = [[int(item in held[name]) for item in mine] for name, items in first.items() if items == mine]
        assert [hit for _, hit in user["lists"][place]] in hits


def test_real_users_have_no_rows_here(findings):
    real = dataclasses.replace(findings, dataset=dataclasses.replace(findings.dataset, generate=None))
    shown = data.collect(real)
    assert shown["examples"] is None
    text = json.dumps(shown)
    table = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    assert not [name for name in table["user_id"].unique() if str(name) in text]
    assert not [name for name in table["item_id"].unique() if str(name) in text]
    with pytest.raises(FoldinError, match="the users of 'demo' are real; show examples of generated data sets only"):
        examples.collect(real)


def test_generated_users_are_shown_without_their_ids(findings):
    text = json.dumps(data.collect(findings))
    assert not [name for name in results.users("demo")["user_id"].unique() if str(name) in text]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, np.float64("nan")])
def test_what_is_no_number_is_none(value):
    assert columns.rounded(value) is None


def test_numbers_are_rounded_and_zero_has_no_sign():
    assert columns.rounded(np.float64(0.12345678)) == 0.123457
    assert str(columns.rounded(-1e-9)) == "0.0"
    assert columns.rounded(np.int64(3)) == 3
