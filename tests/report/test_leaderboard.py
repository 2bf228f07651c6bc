"""The leaderboards: intervals and ties, what it refuses, and the words of the page."""

import dataclasses
import json
import re

import pandas as pd
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML

from foldin import models
from foldin.core import files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import evaluate
from foldin.metrics import definitions
from foldin.preparation import clean, fetch, user_item
from foldin.report import contents as reports
from foldin.report import leaderboard, page, results


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Return a workspace whose baselines are evaluated on a small demo."""
    folder = tmp_path_factory.mktemp("workspace")
    yaml = YAML()
    values = yaml.load(CHECKOUT / "params.yaml")
    values["demo"].update(users=120, items=90, ratings=3000)
    values["families"] = ["baselines"]
    yaml.dump(values, folder / "params.yaml")
    (folder / "dvc.yaml").write_text((CHECKOUT / "dvc.yaml").read_text())
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    training = interactions.load("demo").training
    for name, model in models.family("baselines").items():
        with files.whole_folder(paths.models("demo", "baselines") / name) as into:
            model.fit(training).save(into)
    evaluate.run("demo", "baselines")
    yield folder
    patch.undo()


@pytest.fixture
def board(evaluated):
    return results.read_board("demo")


@pytest.fixture
def metrics(evaluated):
    """Return the family's file of metrics, put back afterwards."""
    file = paths.predictions("demo", "baselines") / "metrics.json"
    before = file.read_bytes()
    yield file
    file.write_bytes(before)


def test_every_metric_stands_in_its_interval_and_the_oracle_apart(board):
    rows = board.set_index("model")
    for name, metric in (("rmse", "rmse"), ("ndcg", "ndcg_at_10")):
        known = rows.dropna(subset=[metric])
        assert (known[f"{name}_low"] <= known[metric]).all()
        assert (known[metric] <= known[f"{name}_high"]).all()
        assert not rows.loc["oracle", f"{name}_tied"]
    assert rows.loc["bias", "rmse_tied"]
    assert rows.loc["popularity", "ndcg_tied"]
    assert not rows.loc["random", "ndcg_tied"]


def test_the_tables_show_intervals_ties_and_distances(board):
    table = leaderboard.rating_table(board).set_index("model")
    assert table.loc["bias (baseline)", "behind the best"] == "best"
    assert re.fullmatch(r"0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)", table.loc["global-mean (baseline)", "behind the best"])
    assert table.loc["oracle (oracle)", "behind the best"] == ""
    tied = board.assign(rmse_tied=True)
    shown = leaderboard.rating_table(tied).set_index("model").loc["global-mean (baseline)", "behind the best"]
    assert shown.endswith("**tied**")
    assert list(leaderboard.length_table(board, 10, [1, 5, 20]))[1:5] == ["NDCG@1", "NDCG@5", "NDCG@10", "NDCG@20"]


def test_lists_are_shown_by_how_their_hits_were_rated(board, evaluated):
    table = leaderboard.ranking_table(board, 10)
    assert list(table)[-1] == "graded NDCG"
    known = board.set_index("model")["ndcg_graded_at_10"]
    assert list(table["graded NDCG"]) == [f"{known[name.split(' ')[0]]:.4f}" for name in table["model"]]
    liked = leaderboard.liked_only_table(board, 10)
    assert list(liked) == ["model", "precision", "recall", "NDCG@10", "MAP", "MRR", "hit rate"]
    assert list(liked["model"]) == list(table["model"])
    text = page.page(reports.open_report("demo"))
    assert "counts only items that the user rated 4 or higher, over users who have such an item" in text


@pytest.mark.parametrize(
    ("tables", "of"),
    [
        ("RATING", leaderboard.rating_table),
        ("RANKING", lambda board: leaderboard.ranking_table(board, 10)),
        ("SCORES", lambda board: leaderboard.ranking_table(board, 10)),
        ("LISTS", lambda board: leaderboard.list_table(board, 10)),
        ("CATALOGUE", lambda board: leaderboard.list_table(board, 10)),
        ("LIKED", leaderboard.liked_table),
        ("BUCKETED", lambda board: leaderboard.bucket_table(board, 10)),
    ],
)
def test_a_metric_without_a_title_has_no_column(board, monkeypatch, tables, of):
    before, metrics = of(board), getattr(leaderboard, tables)
    untitled = dataclasses.replace(metrics[-1], title="")
    assert metrics[-1].title
    monkeypatch.setattr(leaderboard, tables, (*metrics[:-1], untitled))
    after = of(board)
    assert "" not in after
    assert not [name for name in after if name.startswith(":")]
    assert set(before) - set(after)


def test_a_metric_has_an_interval_where_its_entry_says_so(evaluated, monkeypatch):
    monkeypatch.setattr(definitions, "INTERVALS", (*definitions.INTERVALS, "ndcg_graded"))
    rows = results.read_board("demo").set_index("model")
    assert (rows["ndcg_graded_low"] <= rows["ndcg_graded_at_10"]).all()
    assert (rows["ndcg_graded_at_10"] <= rows["ndcg_graded_high"]).all()
    assert rows.loc["popularity", "ndcg_graded_tied"]


def test_the_page_says_what_split_it_was_and_what_each_metric_means(evaluated):
    text = page.page(reports.open_report("demo"))
    assert "split at random by rating, not by time (protocol `random_by_rating`)" in text
    assert "temporal" not in text
    assert "cleaning changed a value" not in text
    assert "- `rmse`: √(Σ (p − a)² / n) over all n test pairs at once" in text
    assert "Symbols: p: predicted rating; a: actual rating; n: number of pairs;" in text
    assert "- `domains.…`: the same metrics. Within one domain: only its pairs, candidates, lists and held-out" in text
    warm = r"In \d+\.\d\d% of the test pairs, both the user and the item occur|The user and the item of every test pair"
    assert re.search(warm, text)
    assert "nan" not in text.lower().replace("nantes", "")


def test_the_page_says_over_whom_the_means_are_and_what_no_list_can_hold(evaluated, metrics):
    values = json.loads(metrics.read_text())
    pairs, ranked = values["bias"]["pairs"], values["bias"]["users_ranked"]
    for model in values.values():
        model.update(cold_pairs=60, unreachable=50, users_without_history=7, rmse_cold=1.0)
    metrics.write_text(json.dumps(values))
    text = page.page(reports.open_report("demo"))
    ranking = text[text.index("## Ranking the whole catalogue") :]
    assert f"Metrics are means over {ranked:,} users; the other 7 users of the test part have no history" in ranking
    # Ten of the cold pairs are of the seven.
    assert f"Of their {pairs - 10:,} held-out items, {50 / (pairs - 10):.2%} are cold" in ranking
    for model in values.values():
        model.update(cold_pairs=0, unreachable=0, users_without_history=0)
    metrics.write_text(json.dumps(values))
    text = page.page(reports.open_report("demo"))
    assert f"means over {ranked:,} users, all of the test part. All their held-out items occur in training." in text


def test_the_page_says_what_ties_and_intervals_are(evaluated, metrics, monkeypatch):
    def said(text):
        assert text.count("Intervals are not corrected for multiple comparisons.") == 1
        assert "a model can be tied even if the uncorrected interval of its difference excludes 0" in text
        assert "The truly best model is, with 95% confidence, the best one or one tied with it." in text
        assert text.index("Items with equal scores are ordered by item id") < text.index("NDCG@10   |")

    said(page.page(reports.open_report("demo")))
    values = json.loads(metrics.read_text())
    for name in ("bias", "global-mean", "oracle"):
        del values[name]
    metrics.write_text(json.dumps(values))
    said(page.page(reports.open_report("demo")))


def test_sampled_metrics_beside_full_ones_are_refused(evaluated, metrics):
    values = json.loads(metrics.read_text())
    values["popularity"]["sampled_ndcg_at_10"] = values["popularity"].pop("ndcg_at_10")
    metrics.write_text(json.dumps(values))
    with pytest.raises(
        FoldinError, match=r"demo, popularity: 'sampled_ndcg_at_10' was computed on the whole catalogue"
    ):
        results.read_board("demo")


def test_a_leak_stops_the_report_too_unless_explained(evaluated, metrics, monkeypatch):
    values = json.loads(metrics.read_text())
    values["bias"]["oracle"]["leak"] = 1
    metrics.write_text(json.dumps(values))
    with pytest.raises(FoldinError, match="demo: better than the oracle beyond sampling error: bias"):
        results.read_board("demo")
    explained = params.section(params.Evaluation).model_copy(update={"explained": {"bias": "a test"}})
    section = params.section
    monkeypatch.setattr(params, "section", lambda kind: explained if kind is params.Evaluation else section(kind))
    assert results.leaks(results.read_board("demo")) == ["bias"]


def test_a_board_of_sampled_metrics_calls_them_sampled(board):
    renamed = board.rename(columns=lambda name: f"sampled_{name}" if "_at_" in name or name == "auc" else name)
    assert results.column_at_k(renamed, "ndcg", 10) == "sampled_ndcg_at_10"
    table = leaderboard.ranking_table(renamed, 10)
    pd.testing.assert_frame_equal(table, leaderboard.ranking_table(board, 10))


def test_the_page_shows_what_cleaning_changed_or_kept_and_no_reason_that_never_held(evaluated):
    place = paths.account("demo", "cleaning")
    account = results.read_metrics(place)
    account["users"]["changed"]["impossible_age"] = 1234
    account["users"]["kept"]["country_not_listed"] = 5
    whole = place.read_bytes()
    files.write_json(place, account)
    text = " ".join(page.page(reports.open_report("demo")).split())
    place.write_bytes(whole)
    assert "| users | changed | impossible age | 1,234 |" in text
    assert "| users | kept | country not listed | 5 |" in text
    assert "country renamed" not in text


def test_without_rating_models_the_page_is_of_ranking_alone(evaluated, metrics):
    values = json.loads(metrics.read_text())
    for name in ("bias", "global-mean", "oracle"):
        del values[name]
    metrics.write_text(json.dumps(values))
    text = page.page(reports.open_report("demo"))
    assert "**popularity** ranks best" in text
    assert "## Ranking the whole catalogue" in text
    assert "RMSE" not in text.split("<b>By popularity</b>")[0]


def test_a_metric_that_rounds_to_zero_has_no_sign(board):
    tiny = board.assign(r2=-1e-6, rmse_behind=0.0, rmse_behind_low=-1e-6, rmse_behind_high=2e-5)
    text = leaderboard.rating_table(tiny).to_csv()
    assert "0.0000 (0.0000 to 0.0000)" in text
    assert "-0.0000" not in text


def test_the_best_follows_the_metric_s_direction_and_is_never_the_oracle():
    rows = {"model": ["oracle", "b", "a", "c"], "kind": ["oracle", "model", "baseline", "model"]}
    small = pd.DataFrame(
        rows | {"rmse": [0.1, 0.8, 0.8, 0.9], "ndcg_at_10": [0.9, 0.1, 0.1, 0.2], "mae": [0.1, None, None, None]}
    )
    assert results.best(small, "rmse") == "a", "of equals the first by name"
    assert results.best(small, "ndcg_at_10") == "c"
    assert results.best(small, "mae") is None
    assert results.best(small, "auc") is None


def test_every_metric_with_a_title_has_a_column(board):
    shown = {
        *leaderboard.rating_table(board),
        *leaderboard.ranking_table(board, 10),
        *leaderboard.list_table(board, 10),
    }
    shown |= {*leaderboard.liked_table(board), *(name.split(":")[0] for name in leaderboard.bucket_table(board, 10))}
    titles = {metric.title for metric in definitions.ALL if metric.title} - {"NDCG"}
    assert titles | {"NDCG@10"} <= shown
