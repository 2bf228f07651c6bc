"""Hybrids: weights fitted on validation predictions only, parts that refuse, and what the sum is worth."""

import numpy as np
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML
from synthetic import from_triples, on_days, planted

from foldin import metrics
from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.interactions import IMPLICIT, union
from foldin.models import family_models, hybrid
from foldin.models.hybrid import PARTS, StackedRanking, StackedRatings
from foldin.models.parts.validation import validate

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")
TRAIN, VALIDATION, TEST = planted(200, 100)
EVERYONE = np.arange(200, dtype=np.int32)
RATING_PARTS = {
    "mf-l2": PARAMS["svd"]["mf-l2"] | {"epochs": 40},
    "svds-centred": {"factors": 2, "damping": 5.0},
    "global-mean": {},
}
RANKING_PARTS = {
    "ease": {"regularization": 20.0, "gigabytes": 1.0},
    "popularity": {},
    "random": {},
    "svds-centred": {"factors": 2, "damping": 5.0},
}


def of_ratings(parts=RATING_PARTS, shrinkage=5.0, seed=1):
    return StackedRatings(StackedRatings.Settings(parts=parts, shrinkage=shrinkage, damping=5.0), seed=seed)


def of_rankings(parts=RANKING_PARTS, seed=1):
    return StackedRanking(StackedRanking.Settings(parts=parts, validation_k=10, candidates=30, steps=10), seed=seed)


@pytest.fixture(scope="module")
def ratings():
    return of_ratings().fit(TRAIN, VALIDATION)


@pytest.fixture(scope="module")
def rankings():
    return of_rankings().fit(TRAIN, VALIDATION)


def rmse(model, part=TEST):
    users, items, actual = part.triples()
    return metrics.rmse(actual, model.predict(users, items))


def test_settings_of_parts_are_those_of_their_families():
    """A hybrid repeats them, so that an edit of a family reruns that family only; here they must not drift apart."""
    for stack in PARAMS["hybrid"].values():
        for part, settings in stack["parts"].items():
            (family,) = [name for name in params.known_families() if part in (PARAMS.get(name) or {})]
            assert settings == PARAMS[family][part], f"{part}: give `hybrid` and `{family}` the same settings"


def test_networks_cannot_be_parts_and_all_other_models_can():
    networks = {"deep", "two_tower", "autoencoder"}
    others = set(params.known_families()) - networks - {"hybrid"}
    assert set(PARTS) == {name for family in others for name in family_models(family)}


def test_a_sum_of_ratings_is_as_good_as_its_best_part(ratings):
    final = ratings.refit(union(TRAIN, VALIDATION))
    assert rmse(final) < min(rmse(part) for part in final.parts.values()) + 0.002


def test_ratings_are_the_weighted_sum_of_those_of_the_parts(ratings):
    users, items, _ = TEST.triples()
    weights = dict(zip(ratings.part_names, ratings.weights.of_parts, strict=True))
    total = ratings.weights.intercept + sum(
        weights[name] * part._predict(users, items) for name, part in ratings.parts.items()
    )
    np.testing.assert_allclose(ratings.predict(users, items), np.clip(total, 0.5, 5), rtol=1e-5)
    assert weights["mf-l2"] > 0.3


def test_a_part_that_learns_from_dates_predicts_for_the_day_of_a_rating():
    flipped = {"factors": 2, "epochs": 5, "burn_in": 0.2, "draws": 3, "damping": 5.0, "feature_min_count": 0}
    parts = {"bayesian-fm-flipped": flipped | {"period_days": 1}, "global-mean": {}}
    train, validation = (
        on_days(part, *part.triples()[:2], 18_000 + part.triples()[0] % 7) for part in (TRAIN, VALIDATION)
    )
    stack = StackedRatings(StackedRatings.Settings(parts=parts, shrinkage=0.0, damping=5.0), seed=1)
    stack.fit(train, validation)
    users, items, _ = TEST.triples()
    days = 18_000 + users % 7
    part = stack.parts["bayesian-fm-flipped"]
    weight = stack._weight("bayesian-fm-flipped")
    dated, undated = (stack.weights.intercept + weight * part._predict_on(users, items, when) for when in (days, None))
    np.testing.assert_allclose(stack.predict(users, items, days), np.clip(dated, 0.5, 5), rtol=1e-5)
    np.testing.assert_allclose(stack.predict(users, items), np.clip(undated, 0.5, 5), rtol=1e-5)
    assert np.abs(dated - undated).max() > 0.05


def test_lists_of_the_sum_are_better_than_those_of_its_parts(rankings):
    weights = dict(zip(rankings.part_names, rankings.weights.of_parts, strict=True))
    assert weights["random"] < 0.15
    stack = validate(rankings, TEST, 10)["ndcg_at_10"]
    for part in rankings.parts.values():
        assert stack > validate(part, TEST, 10)["ndcg_at_10"] - 0.01


def test_a_part_that_knows_nothing_is_not_fitted_again_or_saved(ratings):
    assert ratings.weights.of_parts[ratings.part_names.index("global-mean")] == 0
    final = ratings.refit(union(TRAIN, VALIDATION))
    assert "global-mean" not in ratings.parts
    assert list(final.parts) == list(ratings.parts)
    assert not [name for name in final._arrays() if name.startswith("global-mean/")]


def test_weights_stay_those_of_the_validation_part_when_parts_are_fitted_again(ratings):
    final = ratings.refit(union(TRAIN, VALIDATION), seed=9)
    assert final.weights is ratings.weights
    assert {name: part.epochs for name, part in final.parts.items()} == {
        name: part.epochs for name, part in ratings.parts.items()
    }
    assert all(part.seed == 9 for part in final.parts.values())
    assert rmse(final) < rmse(ratings)


def test_with_another_seed_only_parts_that_draw_random_numbers_are_fitted_again(rankings, tmp_path):
    training = union(TRAIN, VALIDATION)
    kept = rankings.refit(training)
    again, direct = kept.refit(training, seed=9), rankings.refit(training, seed=9)
    for name, part in again.parts.items():
        assert (part is kept.parts[name]) == (not part.seeded), name
    assert again.parts["ease"] is kept.parts["ease"]
    for folder, model in (("again", again), ("direct", direct)):
        (tmp_path / folder).mkdir()
        model.save(tmp_path / folder)
    for file in (tmp_path / "again").iterdir():
        assert file.read_bytes() == (tmp_path / "direct" / file.name).read_bytes()


def test_on_other_ratings_every_part_is_fitted_again(rankings):
    kept = rankings.refit(union(TRAIN, VALIDATION))
    other = kept.refit(TRAIN, seed=9)
    assert not any(other.parts[name] is part for name, part in kept.parts.items())


def test_what_is_validated_changes_weights_and_no_part(ratings):
    users, items, given = VALIDATION.triples()
    parts = {"svds-centred": RATING_PARTS["svds-centred"], "bias": {"damping": 5.0}}
    shape, shuffled = VALIDATION.ratings.shape, np.random.default_rng(0).permutation(given)
    first = of_ratings(parts, 0.0).fit(TRAIN, VALIDATION)
    second = of_ratings(parts, 0.0).fit(TRAIN, from_triples(users, items, shuffled, shape))
    assert second.weights.of_parts.sum() < 0.3 < first.weights.of_parts.sum()
    for name in second.parts:
        np.testing.assert_array_equal(second.parts[name].score(EVERYONE), first.parts[name].score(EVERYONE))


def test_without_a_validation_part_a_tenth_is_held_out_and_then_learned_from():
    model = of_ratings({"svds-centred": RATING_PARTS["svds-centred"], "global-mean": {}}).fit(TRAIN)
    other = PARTS["svds-centred"](model.parts["svds-centred"].settings, seed=1).fit(TRAIN)
    assert model.weights.of_parts[0] > 0.5
    np.testing.assert_array_equal(model.parts["svds-centred"].score(EVERYONE), other.score(EVERYONE))
    again = model.fit(TRAIN, VALIDATION)
    assert rmse(again) == rmse(
        of_ratings({"svds-centred": RATING_PARTS["svds-centred"], "global-mean": {}}).fit(TRAIN, VALIDATION)
    )


@pytest.mark.parametrize("make", [of_ratings, of_rankings])
def test_a_single_rating_is_enough_to_learn_from(make):
    model = make().fit(from_triples([1], [2], [4.0], (3, 4)))
    assert np.isfinite(model.score(np.arange(3, dtype=np.int32))).all()


def test_implicit_feedback_can_be_ranked():
    parts = [part.with_ratings(part.ratings) for part in (TRAIN, VALIDATION)]
    parts = [type(part)(part.ratings, part.users, part.items, IMPLICIT) for part in parts]
    model = of_rankings().fit(*parts)
    assert validate(model, TEST, 10)["ndcg_at_10"] > 0.1


def test_a_part_that_refuses_is_left_out_with_a_line(capsys):
    too_large = {"regularization": 20.0, "gigabytes": 0.001}
    many = from_triples(*TRAIN.triples(), (200, 2000))
    model = of_rankings({"ease": too_large, "popularity": {}}).fit(
        many, from_triples(*VALIDATION.triples(), (200, 2000))
    )
    assert model.part_names == ["popularity"]
    assert "needs" in model.left_out["ease"]
    assert "StackedRanking goes on without ease: " in capsys.readouterr().err
    assert model.score(EVERYONE).shape == (200, 2000)


def test_parts_that_all_refuse_are_an_error():
    too_large = {"regularization": 20.0, "gigabytes": 0.001}
    many = from_triples(*TRAIN.triples(), (200, 2000))
    with pytest.raises(
        FoldinError, match=r"^params\.yaml \(hybrid\): no part of .* can be fitted; the last says: .*GB"
    ):
        of_rankings({"ease": too_large}).fit(many)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"ncf": {}}, "'ncf' is no model that can be a part"),
        ({"item-knn": PARAMS["neighbours"]["item-knn"]}, "'item-knn' predicts no ratings"),
        (
            {"svds-centred": {"factors": 0, "damping": 5.0}},
            "svds-centred.factors: input should be greater than or equal",
        ),
        ({"svds-centred": {"factors": 2, "damping": 5.0, "depth": 3}}, "svds-centred.depth: extra inputs"),
        ({}, "at least 1 item"),
    ],
)
def test_impossible_parts_are_refused_in_a_line(parts, message):
    given = {"parts": parts, "shrinkage": 1.0, "damping": 1.0}
    with pytest.raises(FoldinError, match=message) as caught:
        params.parse(StackedRatings.Settings, given, "hybrid.stack-ratings")
    assert "\n" not in str(caught.value)


def test_new_users_are_scored_by_the_sum_of_what_the_parts_say(rankings):
    told = TEST.ratings[:7]
    weights = dict(zip(rankings.part_names, rankings.weights.of_parts, strict=True))
    total = sum(
        weights[name] * hybrid.stacking.standardized(part.fold_in(told), told) for name, part in rankings.parts.items()
    )
    np.testing.assert_allclose(rankings.fold_in(told), total, rtol=1e-5)


def test_worth_of_ratings_names_the_best_part_and_counts_every_validation_rating(ratings):
    judged = ratings.worth()
    assert judged.metric == "RMSE"
    assert judged.counts.sum() == VALIDATION.ratings.nnz
    table = judged.table()
    users, items, actual = VALIDATION.triples()
    alone = metrics.rmse(actual, ratings.parts["mf-l2"].predict(users, items))
    assert table.loc["mf-l2", "RMSE alone"] == pytest.approx(alone, abs=1e-4)
    assert table["RMSE alone"].idxmin() == judged.gain().best_part
    assert table.loc["global-mean", "adds"] == 0
    assert table.loc["svds-centred", "adds"] > 0.01
    # With weights fitted on other users it is a little worse than with those fitted on the same 234 ratings.
    assert 0 < float(judged.of(judged.together)) - rmse(ratings, VALIDATION) < 0.02


def test_worth_of_rankings_is_their_ndcg(rankings):
    judged = rankings.worth()
    assert judged.metric == "NDCG@10"
    for name, part in rankings.parts.items():
        whole = validate(part, VALIDATION, 10)["ndcg_at_10"]
        # Candidates are thirty of each part, so that a part's own list is among them.
        assert judged.table().loc[name, "NDCG@10 alone"] == pytest.approx(whole, abs=1e-4)
    assert judged.gain().low <= judged.gain().gain <= judged.gain().high
