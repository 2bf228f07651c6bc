"""The stage `evaluate` from raw data to files, what it catches, and what it says when something is not whole."""

import json

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import sparse

from foldin import metrics, models
from foldin.core import files, interactions, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import evaluate, guards, test_part
from foldin.models.baselines import DampedBias, Popularity
from foldin.models.parts.recommender import Recommender
from foldin.preparation import clean, fetch, user_item

DATASET, FAMILY = "demo", "baselines"


@pytest.fixture
def trained(workspace):
    """Return a workspace in which the baselines are trained on a small demo."""
    for stage in (fetch, clean, user_item):
        stage.run(DATASET)
    save(models.family(FAMILY))
    return workspace


def save(family):
    training = interactions.load(DATASET).training
    for name, model in family.items():
        with files.whole_folder(paths.models(DATASET, FAMILY) / name) as folder:
            model.fit(training).save(folder)


def measured():
    return json.loads((paths.predictions(DATASET, FAMILY) / "metrics.json").read_text(encoding="utf-8"))


def table(name):
    return pd.read_parquet(paths.predictions(DATASET, FAMILY) / f"{name}.parquet")


def change(section, key, value):
    yaml = YAML()
    values = yaml.load(paths.params_file())
    values[section][key] = value
    yaml.dump(values, paths.params_file())


def replaced_by(monkeypatch, model):
    """Let the family have one model, trained as usual."""
    monkeypatch.setattr(evaluate, "family_models", lambda _: {"odd": type(model)})
    save({"odd": model})


def test_the_metrics_file_has_every_metric_of_every_model(trained):
    evaluate.run(DATASET, FAMILY)
    found = measured()
    assert list(found) == ["bias", "global-mean", "oracle", "popularity", "random"]
    of_hits = ("precision", "recall", "recall_capped", "ndcg", "map", "mrr", "hit_rate")
    ranking = {
        f"{name}_at_10" for name in (*of_hits, *(f"{name}_liked" for name in of_hits), "ndcg_graded", "coverage")
    }
    ranking |= {"auc", *(f"{name}_at_10" for name in ("gini", "novelty", "diversity", "popularity_lift"))}
    counts = {"pairs", "cold_pairs", "warm_share", "users_ranked", "users_without_history", "unreachable"}
    every = ranking | counts | {"other_lengths", "domains", "popularity"}
    every |= {"ndcg_at_10_se", "ndcg_graded_at_10_se", "ndcg_liked_at_10_se"}
    ratings = {"rmse", "rmse_se", "rmse_warm", "mae", "r2", "user_rmse", "liked"}
    assert set(found["popularity"]) == every | {"oracle"}
    assert set(found["oracle"]) - {"rmse_cold"} == every | ratings
    assert set(found["bias"]) - {"rmse_cold"} == every | ratings | {"oracle"}
    others = {f"{name}_at_{k}" for name in ("ndcg", "ndcg_graded", "recall_liked") for k in (1, 5, 20)}
    assert others <= set(found["bias"]["other_lengths"])
    assert list(found["bias"]["domains"]) == ["books", "movies", "music"]


def test_what_is_known_of_this_data_holds(trained):
    evaluate.run(DATASET, FAMILY)
    found = measured()
    assert found["oracle"]["rmse"] < found["bias"]["rmse"] < found["global-mean"]["rmse"]
    assert found["oracle"]["ndcg_at_10"] > found["popularity"]["ndcg_at_10"] > found["random"]["ndcg_at_10"]
    for name in ("bias", "global-mean", "popularity", "random"):
        assert found[name]["oracle"]["ndcg_z"] < -2
        assert found[name]["oracle"]["leak"] == 0


def test_the_oracle_stands_in_the_file_of_one_family_and_checks_all(trained, monkeypatch):
    monkeypatch.setattr(evaluate, "BASELINES", "another family")
    evaluate.run(DATASET, FAMILY)
    assert list(measured()) == ["bias", "global-mean", "popularity", "random"]
    assert measured()["bias"]["oracle"]["rmse_z"] < -2
    assert "oracle" not in table("ratings")


def test_the_length_of_lists_names_the_metrics(trained):
    change("evaluation", "k", 3)
    evaluate.run(DATASET, FAMILY)
    assert "ndcg_at_3" in measured()["bias"]
    assert table("recommendations")["rank"].max() == 3


def test_the_tables_carry_original_ids_and_give_the_metrics_again(trained):
    evaluate.run(DATASET, FAMILY)
    test = pd.read_parquet(paths.test(DATASET) / "ratings.parquet")
    ratings, lists, users = (table(name) for name in ("ratings", "recommendations", "users"))
    expected = ["user_id", "item_id", "rating", "timestamp", "global-mean", "bias", "oracle"]
    assert list(ratings) == expected
    pd.testing.assert_frame_equal(ratings[expected[:4]], test[expected[:4]])
    errors = ratings["bias"] - ratings["rating"]
    assert measured()["bias"]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), abs=1e-6)

    rated = set(zip(test["user_id"], test["item_id"], strict=True))
    mine = lists[lists["model"] == "popularity"].sort_values(["user_id", "rank"])
    hit = [pair in rated for pair in zip(mine["user_id"], mine["item_id"], strict=True)]
    n_ranked = test.loc[test["user"] >= 0, "user_id"].nunique()
    assert measured()["popularity"]["precision_at_10"] == pytest.approx(sum(hit) / 10 / n_ranked, abs=1e-6)
    assert users[users["model"] == "popularity"]["ndcg"].mean() == pytest.approx(
        measured()["popularity"]["ndcg_at_10"], abs=1e-6
    )
    assert (users.groupby("model", observed=True)["pairs"].sum() == len(test)).all()


def test_every_metric_has_its_definition_beside_it(trained):
    evaluate.run(DATASET, FAMILY)
    defined = json.loads((paths.predictions(DATASET, FAMILY) / "definitions.json").read_text(encoding="utf-8"))
    assert set(defined) == set().union(*map(guards.names, measured().values()))
    assert "Σ (p − a)²" in defined["rmse"]
    assert defined["rmse"].endswith("in the unit of the ratings")
    # A cold item is in the overall metric and in that of no group, so they cannot have the same words.
    assert "Within one domain" in defined["domains.rmse"]
    assert "Cold items have no domain" in defined["domains.ndcg_at_10"]
    assert "Within one popularity group" in defined["popularity.recall_at_10"]


def test_the_same_models_give_the_same_bytes(trained):
    def written():
        evaluate.run(DATASET, FAMILY)
        produced = [
            *sorted(paths.predictions(DATASET, FAMILY).iterdir()),
            *sorted(paths.metrics(DATASET, FAMILY).iterdir()),
            paths.table(DATASET, FAMILY),
        ]
        return {file.name: files.sha256(file) for file in produced}

    first = written()
    assert {"metrics.json", "ratings.parquet", "recommendations.parquet", "users.parquet"} <= set(first)
    assert {"bias.json", "oracle.json", "baselines.json"} <= set(first)
    assert written() == first


def test_the_metrics_in_git_have_the_same_names_for_every_model_and_domain(trained):
    evaluate.run(DATASET, FAMILY)
    table = json.loads(paths.table(DATASET, FAMILY).read_text())
    names = {model: set(values) for model, values in table.items()}
    assert names["bias"] == names["oracle"] >= {"rmse", "mae", "ndcg_at_10", "coverage_at_10", "liked_f1"}
    assert names["popularity"] == names["random"] < names["bias"]
    assert names["bias.books"] < names["bias"]
    assert {model for model in names if "." not in model} == set(measured())


def test_each_model_has_one_file_of_its_headline_metrics_with_the_values_of_the_table(trained):
    evaluate.run(DATASET, FAMILY)
    table = json.loads(paths.table(DATASET, FAMILY).read_text())
    found = {file.stem: json.loads(file.read_text()) for file in paths.metrics(DATASET, FAMILY).iterdir()}
    assert set(found) == set(measured())
    for model, values in found.items():
        assert {"ndcg_at_10", "coverage_at_10"} <= set(values) <= {"rmse", "mae", "ndcg_at_10", "coverage_at_10"}
        assert values.items() <= table[model].items()
    assert set(found["bias"]) > set(found["popularity"]), "popularity predicts no ratings"


def test_a_model_that_has_seen_the_test_part_stops_the_pipeline_unless_explained(trained, monkeypatch, capsys):
    class Leaky(DampedBias):
        def _predict(self, users, items):
            return self._seen[users, items].astype(np.float32)

        def _fit(self, train, validation):
            test = test_part.load(DATASET)
            self._seen = np.full(train.ratings.shape, self._bias.mean)
            self._seen[test.relevant.nonzero()] = test.relevant[test.relevant.nonzero()]

        def _arrays(self):
            return {"seen": self._seen}

        def _restore(self, arrays):
            self._seen = arrays["seen"]

    replaced_by(monkeypatch, Leaky(Leaky.Settings(damping=5.0)))
    with pytest.raises(
        FoldinError, match=r"^demo: better than the oracle beyond sampling error: odd \(LEAK.*evaluation\.explained"
    ):
        evaluate.run(DATASET, FAMILY)
    assert not paths.metrics(DATASET, FAMILY).exists()
    change("evaluation", "explained", {"odd": "made to test the guard"})
    evaluate.run(DATASET, FAMILY)
    found = measured()["odd"]["oracle"]
    assert found["rmse_z"] > 4
    assert found["leak"] == 1
    assert "demo: odd: LEAK: better than the oracle beyond sampling error" in capsys.readouterr().err


def test_other_seeds_are_judged_too_and_their_spread_is_shown_as_such(trained, monkeypatch):
    change("evaluation", "seeds", {FAMILY: 3})
    model = models.family(FAMILY)["random"]
    replaced_by(monkeypatch, model)
    with pytest.raises(FoldinError, match="no saved model"):
        evaluate.run(DATASET, FAMILY)
    training = interactions.load(DATASET).training
    expected = [metrics.ndcg(*ranked(model))]
    for seed in (model.seed + 1, model.seed + 2):
        with files.whole_folder(paths.reseeded(DATASET, FAMILY, "odd", seed)) as folder:
            other = model.refit(training, seed)
            other.save(folder)
            expected.append(metrics.ndcg(*ranked(other)))
    evaluate.run(DATASET, FAMILY)
    found = measured()["odd"]
    assert found["seeds"] == 3
    assert found["ndcg_at_10_seed_sd"] == pytest.approx(np.std([each.mean() for each in expected], ddof=1), abs=1e-6)
    assert "ndcg_at_10_seed_sd" in json.loads(paths.table(DATASET, FAMILY).read_text())["odd"]


def ranked(model):
    test = test_part.load(DATASET)
    return model.recommend(test.ranked, 10)[0], test.relevant[test.ranked], test.cold_items[test.ranked]


def test_users_numbered_with_the_test_part_in_view_are_refused(trained):
    data = interactions.load(DATASET)
    last = data.train.n_items - 1
    for part in ("train", "validation"):
        matrix = getattr(data, part).ratings
        kept = matrix[:, :last]
        kept.resize(matrix.shape)
        sparse.save_npz(paths.user_item(DATASET) / f"{part}.npz", kept)
    item = data.train.items["item_id"].iloc[last]
    with pytest.raises(FoldinError, match=f"the item '{item}' has an index but no training rating"):
        test_part.load(DATASET)


def test_test_ratings_of_one_class_are_refused(trained):
    file = paths.test(DATASET) / "ratings.parquet"
    pd.read_parquet(file).assign(rating=np.float32(5)).to_parquet(file, index=False)
    with pytest.raises(
        FoldinError, match=r"all of 592 test ratings are at least 4 .*each of them 5: a model that calls"
    ):
        evaluate.run(DATASET, FAMILY)


def test_held_out_users_are_folded_in_and_those_that_cannot_be_say_so(trained, monkeypatch):
    change("split", "protocol", "strong_generalization")
    user_item.run(DATASET)
    save(models.family(FAMILY))
    evaluate.run(DATASET, FAMILY)
    found = measured()
    assert found["popularity"]["users_ranked"] == 24
    held_out_users = set(test_part.load(DATASET).known.users["user_id"])
    assert set(table("recommendations")["user_id"]) == held_out_users
    assert not held_out_users & set(interactions.load(DATASET).train.users["user_id"])
    assert found["oracle"]["rmse"] < found["bias"]["rmse"] < found["global-mean"]["rmse"]
    assert found["oracle"]["ndcg_at_10"] > found["popularity"]["ndcg_at_10"] > found["random"]["ndcg_at_10"]

    class Closed(Popularity):
        def _fold_in(self, ratings):
            return Recommender._fold_in(self, ratings)

    replaced_by(monkeypatch, Closed())
    with pytest.raises(FoldinError, match=r"odd cannot score users it was not trained on; leave its family out"):
        evaluate.run(DATASET, FAMILY)


def test_a_fault_of_a_model_names_it_and_leaves_nothing(trained, monkeypatch):
    class Diverged(Popularity):
        def _score(self, users):
            return np.full((len(users), self.known.shape[1]), np.nan)

    replaced_by(monkeypatch, Diverged())
    with pytest.raises(FoldinError, match=r"^model 'odd' of 'baselines' on 'demo': the scores of user '.*' hold NaN"):
        evaluate.run(DATASET, FAMILY)
    assert not paths.metrics(DATASET, FAMILY).exists()
    assert not paths.predictions(DATASET, FAMILY).parent.exists()


def test_a_model_fitted_on_too_little_is_caught(trained, monkeypatch):
    class TrainPartOnly(Popularity):
        def fit(self, train, validation=None):
            return super().fit(interactions.load(DATASET).train)

    replaced_by(monkeypatch, TrainPartOnly())
    with pytest.raises(FoldinError, match="fitted on other ratings than the training part's; train it again"):
        evaluate.run(DATASET, FAMILY)


def test_a_missing_model_is_named_with_the_command_that_makes_it(trained):
    (paths.models(DATASET, FAMILY) / "bias" / "model.json").unlink()
    expected = r"^data/models/demo/baselines/bias: no saved model here; train it: dvc repro train@demo-baselines$"
    with pytest.raises(FoldinError, match=expected):
        evaluate.run(DATASET, FAMILY)


DAMAGE = pytest.mark.parametrize("damage", ["missing", "cut off", "empty"])


def spoil(file, damage):
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(content[: len(content) // 2] if damage == "cut off" else b"")


def one_clear_line(caught):
    assert "\n" not in str(caught.value)
    assert "dvc repro" in str(caught.value)


@pytest.mark.parametrize("name", ["model.json", "known.npz", "arrays.npz", "bias.npz"])
@DAMAGE
def test_a_model_that_is_not_whole_is_one_clear_line(trained, name, damage):
    spoil(paths.models(DATASET, FAMILY) / "bias" / name, damage)
    with pytest.raises(FoldinError, match=r"^data/models/demo/baselines/bias") as caught:
        evaluate.run(DATASET, FAMILY)
    one_clear_line(caught)


@pytest.mark.parametrize("name", ["model.json", "known.npz", "arrays.npz"])
@DAMAGE
def test_a_model_of_another_seed_that_is_not_whole_is_one_clear_line(trained, monkeypatch, name, damage):
    change("evaluation", "seeds", {FAMILY: 2})
    model = models.family(FAMILY)["random"]
    replaced_by(monkeypatch, model)
    with files.whole_folder(paths.reseeded(DATASET, FAMILY, "odd", model.seed + 1)) as folder:
        model.refit(interactions.load(DATASET).training, model.seed + 1).save(folder)
    spoil(folder.parent / f"odd.seed-{model.seed + 1}" / name, damage)
    place = rf"^model 'odd' of 'baselines' on 'demo': data/models/demo/baselines/odd\.seed-{model.seed + 1}: "
    with pytest.raises(FoldinError, match=place) as caught:
        evaluate.run(DATASET, FAMILY)
    one_clear_line(caught)


def test_a_test_part_that_is_not_whole_is_one_clear_line(trained):
    file = paths.test(DATASET) / "ratings.parquet"
    again = r"; make it again: dvc repro -f user_item@demo$"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(FoldinError, match=r"^data/test/demo/ratings\.parquet: not readable \(.*" + again):
        evaluate.run(DATASET, FAMILY)
    file.unlink()
    with pytest.raises(FoldinError, match=r"^data/test/demo/ratings\.parquet: no test part here" + again):
        evaluate.run(DATASET, FAMILY)


@pytest.mark.parametrize(
    ("change_of", "message"),
    [
        (lambda test: test.drop(columns="rating"), "has no column 'rating'"),
        (lambda test: test[:0], r"the test part is empty; raise split\.test"),
        (lambda test: test.assign(user=np.int32(-1)), "no user of the test part is in the training part"),
    ],
)
def test_a_test_part_that_cannot_judge_is_refused(trained, change_of, message):
    file = paths.test(DATASET) / "ratings.parquet"
    change_of(pd.read_parquet(file)).to_parquet(file, index=False)
    with pytest.raises(FoldinError, match=message):
        evaluate.run(DATASET, FAMILY)


def test_a_test_part_that_overlaps_training_is_refused(trained):
    file = paths.test(DATASET) / "ratings.parquet"
    test = pd.read_parquet(file)
    data = interactions.load(DATASET)
    users, items, _ = data.validation.triples()
    test.loc[5, ["user", "item"]] = users[0], items[0]
    pair = f"('{data.train.users['user_id'][users[0]]}', '{data.train.items['item_id'][items[0]]}')"
    test.to_parquet(file, index=False)
    with pytest.raises(FoldinError) as caught:
        evaluate.run(DATASET, FAMILY)
    assert f"the pair {pair} is in the training part too" in str(caught.value)


@pytest.mark.parametrize("share", [0, 1, 4.0])
def test_a_share_of_the_scale_that_parts_nothing_is_refused(trained, share):
    change("evaluation", "liked_share", share)
    with pytest.raises(FoldinError, match=rf"params\.yaml: evaluation\.liked_share is {share}"):
        evaluate.run(DATASET, FAMILY)
