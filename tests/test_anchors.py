"""Our metrics beside published ones, on their own data and protocols (`make anchors`; minutes; needs real data).

reports/anchors.md is the page of all anchors; those that take a second are in test_anchors_quick.py. Where a model
chooses its number of epochs, it does so on a tenth of its training part, and is then fitted on all of it.
"""

import time

import numpy as np
import pytest
from conftest import edit_params
from published import ml_1m_by_rating, ml_100k_fold, ncf_ml_1m, with_tables

from foldin import metrics, models
from foldin.core import interactions, params
from foldin.evaluation import test_part
from foldin.evaluation.judge import evaluate_model
from foldin.models.als import ExplicitALS, ImplicitALS
from foldin.models.baselines import Popularity
from foldin.models.bayesian import FlippedFM
from foldin.models.linear import Ease
from foldin.models.parts.validation import validate
from foldin.models.svd import GradientDescentMF
from foldin.preparation import clean, fetch, user_item
from foldin.traps import parts

pytestmark = [pytest.mark.anchors, pytest.mark.timeout(3600)]
FOLDS = (1, 2, 3, 4, 5)
MYFM_ML_100K, MYFM_ML_1M = 0.8984, 0.8366
"""RMSE of a Bayesian factorization machine (myFM, rank 10, 200 iterations): better than that smells of a leak."""


@pytest.fixture(scope="module")
def folds(archives):
    return [ml_100k_fold(archives, fold) for fold in FOLDS]


@pytest.fixture(scope="module")
def by_rating(archives):
    return ml_1m_by_rating(archives)


@pytest.fixture(scope="module")
def leave_one_out(archives):
    return ncf_ml_1m(archives)


def rmse(model, test):
    users, items, ratings = test.triples()
    return metrics.rmse(ratings, model.predict(users, items, test.days_of_ratings()))


def chosen(family, name, training, seed):
    """Return a model with the settings of params.yaml, its epochs chosen on a tenth, fitted on all of `training`."""
    train, validation = parts.split_by_rating(training, 0.1, seed)
    return models.family(family)[name].fit(train, validation).refit(training)


def test_descent_with_the_settings_of_surprise_on_the_folds_of_ml_100k(folds):
    """Surprise's SVD, 100 factors, 20 epochs: 0.9380 on average, 0.9513 on u1. Measured here: 0.9375 and 0.9524."""
    settings = GradientDescentMF.Settings(
        factors=100, epochs=20, patience=0, damping=5.0, learning_rate=0.005, l2=0.02, initial_spread=0.1
    )
    found = [rmse(GradientDescentMF(settings, seed=42).fit(base), test) for base, test in folds]
    assert np.mean(found) == pytest.approx(0.9380, abs=0.001)
    assert found[0] == pytest.approx(0.9513, abs=0.002)


@pytest.mark.parametrize(
    ("family", "name", "measured"),
    [("svd", "mf-l2", 0.9085), ("svd", "svd-plus-plus", 0.9016), ("als", "als-explicit", 0.9151)],
)
def test_our_factorizations_on_the_folds_of_ml_100k(folds, family, name, measured):
    """Better than Surprise's SVD (0.9380) and cmfrec's ALS (0.9579), not than myFM (0.8984)."""
    found = np.mean([rmse(chosen(family, name, base, fold), test) for fold, (base, test) in enumerate(folds, 1)])
    assert found == pytest.approx(measured, abs=0.001)
    assert MYFM_ML_100K < found < 0.9380


@pytest.mark.parametrize(
    ("family", "name", "measured"),
    [("svd", "mf-l2", 0.8490), ("svd", "svd-plus-plus", 0.8494), ("als", "als-explicit", 0.8720)],
)
def test_our_factorizations_on_ml_1m_as_they_stand_in_params(by_rating, family, name, measured):
    """Surprise's SVD has 0.8637, cmfrec's ALS 0.8561, myFM 0.8366; the settings of params.yaml suit smaller data."""
    found = rmse(chosen(family, name, by_rating[0], seed=1), by_rating[1])
    assert found == pytest.approx(measured, abs=0.001)
    assert found > MYFM_ML_1M


def test_explicit_als_on_ml_1m_with_a_penalty_for_its_size(by_rating):
    """cmfrec's ALS with 50 factors: 0.8561. Measured here with 32 factors: 0.8473.

    λ is 0.075, the better of 0.05 and 0.075 on a tenth of the training part (0.8601 and 0.8503 after 15 epochs).
    """
    settings = ExplicitALS.Settings(
        factors=32, epochs=15, patience=0, damping=5.0, regularization=0.075, solver="exact", cg_steps=1
    )
    found = rmse(ExplicitALS(settings, seed=42).fit(by_rating[0]), by_rating[1])
    assert found == pytest.approx(0.8473, abs=0.0005)
    assert MYFM_ML_1M < found < 0.8561


def flipped(factors, epochs, feature_min_count=0, **changes):
    """Return a Bayesian factorization machine that keeps every draw after the fifth sweep, as myFM does."""
    kept = {"burn_in": 5.5 / epochs, "draws": epochs - 5, "period_days": 0} | changes
    return FlippedFM(
        FlippedFM.Settings(factors=factors, epochs=epochs, damping=5.0, feature_min_count=feature_min_count, **kept),
        seed=42,
    )


def test_the_bayesian_factorization_machine_on_the_folds_of_ml_100k(folds):
    """myFM 0.5, rank 10, 300 iterations, with who rated what on both sides: 0.8825. A minute for the five folds."""
    found = np.mean([rmse(flipped(10, 300).fit(base), test) for base, test in folds])
    assert found == pytest.approx(0.8826, abs=0.0005)
    assert found <= 0.883


def test_the_bayesian_factorization_machine_with_tables_on_the_folds_of_ml_100k(folds, archives):
    """Age, gender, occupation, year and genres, each value that two users or movies share; no dates.

    myFM with dates, zip codes and these: 0.8788. A minute and a half for the five folds.
    """
    found = np.mean([rmse(flipped(10, 300, 2).fit(with_tables(base, archives)), test) for base, test in folds])
    assert found == pytest.approx(0.8792, abs=0.0005)
    assert found <= 0.880


@pytest.mark.parametrize(("tables", "measured"), [(False, 0.8802), (True, 0.8773)], ids=["alone", "and tables"])
def test_the_bayesian_factorization_machine_with_dates_on_the_folds_of_ml_100k(folds, archives, tables, measured):
    """The day of each rating, that of a test rating too; it is known when a rating is given, not when one recommends.

    myFM with dates: 0.8798 alone, 0.8788 with zip codes and these tables. Two minutes and a half for the five folds.
    """
    parts = [(with_tables(base, archives) if tables else base, test) for base, test in folds]
    found = np.mean([rmse(flipped(10, 300, 2 * tables, period_days=1).fit(base), test) for base, test in parts])
    assert found == pytest.approx(measured, abs=0.0005)
    assert found <= (0.880 if tables else 0.881)


def test_the_bayesian_factorization_machine_on_ml_1m(by_rating):
    """myFM 0.5, rank 20, 120 iterations: 0.8225.

    200 sweeps are better than 120 on a tenth of the training part (0.8255 and 0.8266): a chain of this size needs them.
    """
    found = rmse(flipped(20, 200).fit(by_rating[0]), by_rating[1])
    assert found == pytest.approx(0.8222, abs=0.0005)
    assert found <= 0.823


@pytest.mark.parametrize(("factors", "hit_rate", "ndcg"), [(64, 0.7228, 0.4426), (192, 0.7308, 0.4514)])
def test_implicit_als_on_the_protocol_of_neural_collaborative_filtering(leave_one_out, factors, hit_rate, ndcg):
    """Rendle et al.'s iALS code: HR@10 0.7228, NDCG@10 0.4426 at d = 64; 0.7308 and 0.4514 at d = 192.

    Measured here, with their settings: 0.7197 and 0.4436; 0.7290 and 0.4533. A standard error of a hit rate of 0.72
    over 6,040 users is 0.006.
    """
    settings = ImplicitALS.Settings(
        factors=factors,
        epochs=12,
        patience=0,
        unobserved_weight=0.3,
        regularization=0.007,
        frequency_exponent=1.0,
        solver="exact",
        cg_steps=1,
        validation_k=10,
    )
    found = leave_one_out.of(ImplicitALS(settings, seed=1).fit(leave_one_out.train))
    assert found == pytest.approx((hit_rate, ndcg), abs=0.004)


def test_strong_generalization_on_ml_1m(archives, workspace):
    """Liang et al. (2018): ratings of 4 and 5, 604 users held out, 80 % folded in; popularity, then implicit ALS.

    Measured here: 0.1767, 0.2453, 0.2227 and 0.3459, 0.4682, 0.4190. No published figures of these users.
    """

    def ask(values):
        values["split"].update(protocol="strong_generalization", test=0.1, liked_only=True)
        values["evaluation"].update(k=100, ks=[20, 50])

    edit_params(workspace, ask)
    for stage in (fetch, clean, user_item):
        stage.run("ml-1m")
    data, test = interactions.load("ml-1m"), test_part.load("ml-1m")
    evaluation, given = params.section(params.Evaluation), params.read()["als"]["als-implicit"]
    changed = {"factors": 64, "epochs": 12, "patience": 3, "unobserved_weight": 1.0, "regularization": 0.003}
    changed |= {"frequency_exponent": 1.0, "validation_k": 10}
    als = ImplicitALS(ImplicitALS.Settings(**given | changed), seed=42).fit(data.train, data.validation)
    for model, expected in (
        (Popularity().fit(data.training), (0.1767, 0.2453, 0.2227)),
        (als.refit(data.training), (0.3459, 0.4682, 0.4190)),
    ):
        found = evaluate_model(model, test, evaluation, "anchor").metrics
        others = found["other_lengths"]
        of_model = others["recall_capped_at_20"], others["recall_capped_at_50"], found["ndcg_at_100"]
        assert of_model == pytest.approx(expected, abs=0.003)


def test_ease_on_the_protocol_of_neural_collaborative_filtering(leave_one_out):
    """A rerun elsewhere: HR@10 0.7182, NDCG@10 0.4511 with λ = 1000, read off the test part. Measured here: the same.

    Here λ is the best of four by the NDCG@10 of full lists on a tenth of the training part (0.3238, 0.3278, 0.3284 and
    0.3267), which is 1000, too. From counting pairs to the last rank it takes 5 to 9 s on two cores.
    """
    train, validation = parts.split_by_rating(leave_one_out.train, 0.1, seed=1)

    def with_penalty(regularization):
        return Ease(Ease.Settings(regularization=regularization, gigabytes=8.0))

    tried = {
        penalty: validate(with_penalty(penalty).fit(train), validation, 10)["ndcg_at_10"]
        for penalty in (400.0, 700.0, 1000.0, 1500.0)
    }
    best = max(tried, key=tried.__getitem__)
    began = time.perf_counter()
    found = leave_one_out.of(with_penalty(best).fit(leave_one_out.train))
    assert time.perf_counter() - began < 15
    assert best == 1000
    assert found == pytest.approx((0.7182, 0.4511), abs=0.0001)


@pytest.mark.parametrize(
    ("family", "name", "measured"),
    [
        ("linear", "ease", (0.7137, 0.4513)),
        ("linear", "edlae", (0.7172, 0.4497)),
        ("linear", "slim", (0.7146, 0.4465)),
        ("neighbours", "item-knn", (0.6459, 0.3816)),
        ("neighbours", "user-knn", (0.6594, 0.3970)),
        ("neighbours", "rp3beta", (0.6452, 0.3770)),
        ("graph", "gf-cf", (0.6358, 0.3764)),
    ],
)
def test_our_item_models_on_the_protocol_of_neural_collaborative_filtering(leave_one_out, family, name, measured):
    """Settings of params.yaml, chosen on demo and ml-100k. A rerun elsewhere: EDLAE 0.7209 and 0.4474 (λ 200, p 0.7).

    Published: SLIM 0.7162 and 0.4468, matrix factorization 0.7294 and 0.4523 (Rendle et al. 2020).
    """
    found = leave_one_out.of(models.family(family)[name].fit(leave_one_out.train))
    assert found == pytest.approx(measured, abs=0.0001)
