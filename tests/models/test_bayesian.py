"""Predictions are averages over draws, and their variances are of the right size."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import from_triples, on_days, planted

from foldin import metrics
from foldin.core.days import NO_DAY
from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.models.bayesian import BayesianMF, FlippedFM, by_column
from foldin.models.parts import features, gibbs

SETTINGS = {"factors": 3, "epochs": 40, "burn_in": 0.5, "draws": 20, "damping": 5.0}
TRAIN, VALIDATION, TEST = planted(n_users=120, n_items=80)
FM_ONLY = {"feature_min_count": 0, "period_days": 0}
MODELS = pytest.mark.parametrize("cls", [BayesianMF, FlippedFM])


def made(cls, seed=3, **changes):
    own = FM_ONLY if cls is FlippedFM else {}
    return cls(cls.Settings(**SETTINGS | own | changes), seed=seed)


@MODELS
def test_the_number_of_threads_changes_no_bit(cls, monkeypatch):
    monkeypatch.setattr(gibbs, "WORTH_THREADS", 0)
    before = numba.get_num_threads()
    found = []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append(made(cls, epochs=5).fit(TRAIN).score(np.arange(TRAIN.n_users)))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


@MODELS
def test_the_average_of_draws_is_better_than_each_of_them(cls):
    users, items, ratings = TEST.triples()
    model = made(cls).fit(TRAIN)
    draws = model.draws
    each = [
        metrics.rmse(
            ratings,
            model.clipped(
                model.to_ratings(
                    draws.constant[n]
                    + draws.user_bias[users, n]
                    + draws.item_bias[items, n]
                    + np.sum(draws.user_factors[users, n] * draws.item_factors[items, n], axis=1)
                )
            ),
        )
        for n in range(len(draws.constant))
    ]
    assert metrics.rmse(ratings, model.predict(users, items)) < min(each)


def unclipped(n_users=150, new=0, seed=0):
    """Return two parts of a world that is what the model says: low rank, normal noise of 0.4, a scale without ends.

    All ratings of the last `new` users are in the second part.
    """
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(100, 2)).T / 2
    true = 20 + rng.normal(scale=0.4, size=(n_users, 1)) + rng.normal(scale=0.4, size=100) + taste
    users, items = np.nonzero(rng.random(true.shape) < 0.25)
    ratings = true[users, items] + rng.normal(scale=0.4, size=len(users))
    held = (rng.random(len(users)) < 0.2) | (users >= n_users - new)
    scale = Scale(lowest=0, highest=40, step=0)
    return tuple(from_triples(users[p], items[p], ratings[p], true.shape, scale) for p in (~held, held))


@MODELS
def test_errors_are_as_large_as_the_predictive_standard_deviation_says(cls):
    train, test = unclipped()
    users, items, ratings = test.triples()
    model = made(cls, epochs=100).fit(train)
    errors, said = ratings - model.predict(users, items), model.predict_std(users, items)
    assert np.sqrt(np.mean((errors / said) ** 2)) == pytest.approx(1, abs=0.08)
    assert np.mean(np.abs(errors) < 1.645 * said) == pytest.approx(0.9, abs=0.03)
    assert model.noise_std().mean() == pytest.approx(0.4, abs=0.03)
    unsure = np.argsort(said, kind="stable")
    assert np.mean(errors[unsure[-200:]] ** 2) > np.mean(errors[unsure[:200]] ** 2)


@MODELS
@pytest.mark.parametrize("with_index", [False, True], ids=["-1", "an index without a rating"])
def test_errors_of_new_users_are_as_large_as_said_too(cls, with_index):
    """Squared errors over predicted variances average 1, with 250 users, each a draw, to within 0.2 or so."""
    train, test = unclipped(n_users=400, new=250)
    users, items, ratings = test.triples()
    model = made(cls, epochs=60).fit(train)
    new = users >= 150
    asked = users if with_index else np.where(new, -1, users)
    said, errors = model.predict_std(asked, items), ratings - model.predict(asked, items)
    assert np.mean((errors[new] / said[new]) ** 2) == pytest.approx(1, abs=0.2)
    assert said[new].min() > said[~new].mean()


@MODELS
def test_the_variance_of_new_pairs_is_that_of_randomly_drawn_weights(cls):
    """A new user is a normal draw with the mean and covariance of all, and so is a new item, in every draw."""
    draws = made(cls, epochs=4, draws=1).fit(TRAIN).draws
    rng, unknown, one = np.random.default_rng(0), np.array([-1]), np.array([True])
    sides = [
        rng.multivariate_normal(np.r_[bias[-1, 0], factors[-1, 0]], draws.spread[side, 0], 400_000)
        for side, (bias, factors) in enumerate(
            ((draws.user_bias, draws.user_factors), (draws.item_bias, draws.item_factors))
        )
    ]
    fixed = np.r_[draws.item_bias[7, 0], draws.item_factors[7, 0]]
    for item, drawn, new in ((np.array([7]), fixed[None], ~one), (unknown, sides[1], one)):
        ratings = sides[0][:, 0] + drawn[:, 0] + np.sum(sides[0][:, 1:] * drawn[:, 1:], axis=1)
        assert draws.variance(unknown, item, one, new)[0] == pytest.approx(ratings.var() + 1 / draws.noise[0], rel=0.02)


@MODELS
def test_the_unknown_are_predicted_by_the_average_and_less_surely(cls):
    model = made(cls).fit(TRAIN)
    everyone = np.arange(TRAIN.n_users, dtype=np.int32)
    nobody, item = np.full(3, -1, dtype=np.int32), np.array([5, 9, -1], dtype=np.int32)
    average = [model.predict(everyone, np.full_like(everyone, one)).mean() for one in (5, 9)]
    np.testing.assert_allclose(model.predict(nobody, item)[:2], average, atol=0.1)
    unsure = model.predict_std(nobody, item)
    assert unsure[:2].min() > model.predict_std(everyone, np.full_like(everyone, 5)).mean()
    spread = TRAIN.ratings.data.std()
    assert unsure[2] == pytest.approx(spread, rel=0.25)


@MODELS
def test_a_new_user_s_weights_are_where_their_posterior_is_highest(cls):
    """The posterior density falls alike to both sides, whatever the direction; computed by the model's definition."""
    model = made(cls, draws=1).fit(TRAIN)
    draws, rated = model.draws, np.array([3, 8, 20, 41])
    targets = np.array([0.5, -1.0, 1.2, 0.3])
    bias, taste = (found[0] for found in draws._posterior_mean(rated, targets))
    mean, precision = draws.prior[:, 0]
    beside = draws.implied[rated, 0].astype(float) / 2 if len(draws.implied) else np.zeros((0, 4))
    known = beside[:, 1:].sum(axis=0)

    def loss(weights):
        v, w = weights[1:], weights[0]
        together = np.vstack([v, beside[:, 1:]])
        a = w + beside[:, 0].sum() + (together.sum(axis=0) ** 2 - (together**2).sum(axis=0)).sum() / 2
        predicted = draws.constant[0] + a + draws.item_bias[rated, 0] + draws.item_factors[rated, 0] @ (v + known)
        return draws.noise[0] * np.sum((targets - predicted) ** 2) + precision @ (weights - mean) ** 2, a

    v = taste - known
    start = np.r_[0.0, v]
    weights = np.r_[bias - loss(start)[1], v]
    rng = np.random.default_rng(0)
    for _ in range(10):
        step = rng.normal(scale=0.1, size=4)
        ahead, behind, bottom = (loss(weights + sign * step)[0] for sign in (1, -1, 0))
        assert abs(ahead - behind) < 1e-5 * (ahead + behind - 2 * bottom)


@MODELS
def test_a_user_folded_in_is_scored_much_as_one_trained_on(cls):
    model = made(cls).fit(TRAIN)
    users = np.arange(40, dtype=np.int32)
    trained, folded = model.score(users), model.fold_in(TRAIN.ratings[users])
    assert np.sqrt(np.mean((trained - folded) ** 2)) < 0.25 * trained.std()


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 500), st.floats(0.01, 0.99), st.integers(1, 600))
def test_kept_sweeps_are_spread_from_the_burn_in_to_the_last(epochs, burn_in, draws):
    kept = made(BayesianMF, epochs=epochs, burn_in=burn_in, draws=draws).kept_sweeps()
    assert kept[-1] == epochs
    assert min(kept) > burn_in * epochs or kept == [epochs]
    steps = np.diff(kept)
    assert len(kept) == 1 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)
    assert len(kept) == min(draws, max(1, epochs - int(np.ceil(burn_in * epochs))))


def test_the_curve_ends_with_the_validation_error_of_the_model_kept():
    model = made(FlippedFM).fit(TRAIN, VALIDATION)
    users, items, ratings = VALIDATION.triples()
    assert model.history[-1]["validation_rmse"] == pytest.approx(
        metrics.rmse(ratings, model.predict(users, items)), abs=1e-5
    )


def test_who_rated_what_helps_where_exposure_follows_taste():
    users, items, ratings = TEST.triples()
    with_it, without = (
        metrics.rmse(ratings, made(cls).fit(TRAIN).predict(users, items)) for cls in (FlippedFM, BayesianMF)
    )
    assert with_it < without


def test_what_tables_say_is_learned_from():
    """Items without a rating by the same creator as good ones are no better: creators alone tell known items apart."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((60, 80)) < 0.06)
    train = from_triples(
        users, items, np.where(items % 4 == 0, 5, 2) + rng.normal(scale=0.2, size=len(users)), (60, 80)
    )
    train.items["creator"] = [f"c{item % 4}" for item in range(80)]
    few = np.flatnonzero((np.bincount(items, minlength=80) <= 2) & (np.arange(80) % 4 == 0))
    assert len(few)
    everyone = np.arange(60)
    found = [made(FlippedFM, feature_min_count=count).fit(train).score(everyone)[:, few].mean() for count in (0, 2)]
    assert abs(found[1] - 5) < abs(found[0] - 5)


def test_each_column_of_a_table_is_a_group_with_a_prior_of_its_own():
    groups = by_column(features.of_items(TRAIN.items, 2))
    assert [each.n_features for each in groups] == [2, 3, 4]  # domains, genres, decades
    assert groups[1].values.min() == 0.5


def dated(n_days=30, lacking=0.0, seed=0):
    """Return two parts of a world in which each day has a bias of its own, normal noise, and a scale without ends.

    The second part has a tenth of all days to itself: these are unknown in training.
    """
    rng = np.random.default_rng(seed)
    of_days, of_users, of_items = (
        rng.normal(scale=size, size=n) for size, n in ((0.8, n_days), (0.4, 150), (0.4, 100))
    )
    users, items = np.nonzero(rng.random((150, 100)) < 0.3)
    days = rng.integers(0, n_days, len(users))
    ratings = 20 + of_users[users] + of_items[items] + of_days[days] + rng.normal(scale=0.4, size=len(users))
    held = (rng.random(len(users)) < 0.2) | (days % 10 == 4)
    noted = np.where(rng.random(len(users)) < lacking, NO_DAY, 18_000 + days)
    scale = Scale(lowest=0, highest=40, step=0)
    return tuple(
        on_days(from_triples(users[p], items[p], ratings[p], (150, 100), scale), users, items, noted)
        for p in (~held, held)
    )


def with_dates(**changes):
    return made(FlippedFM, **{"period_days": 1, "epochs": 60} | changes)


def test_errors_with_dates_are_those_of_the_noise_and_as_large_as_said_on_unknown_days_too():
    train, test = dated()
    users, items, ratings = test.triples()
    days = test.days_of_ratings()
    model = with_dates().fit(train)
    errors, said = ratings - model.predict(users, items, days), model.predict_std(users, items, days)
    unknown = (days - 18_000) % 10 == 4
    assert np.std(errors[~unknown]) == pytest.approx(0.43, abs=0.04)
    assert np.sqrt(np.mean((errors[~unknown] / said[~unknown]) ** 2)) == pytest.approx(1, abs=0.08)
    assert said[unknown].min() > said[~unknown].max()
    assert said[unknown].mean() == pytest.approx(np.hypot(0.43, 0.8), rel=0.25)
    # Without a day, it is asked about one that it does not know.
    np.testing.assert_array_equal(model.predict(users, items)[unknown], model.predict(users, items, days)[unknown])
    np.testing.assert_allclose(model.predict_std(users, items)[unknown], said[unknown], rtol=1e-6)


def test_the_curve_with_dates_ends_with_the_validation_error_of_the_model_kept():
    train, test = dated(lacking=0.1)
    model = with_dates(epochs=20).fit(train, test)
    users, items, ratings = test.triples()
    predicted = model.predict(users, items, test.days_of_ratings())
    assert model.history[-1]["validation_rmse"] == pytest.approx(metrics.rmse(ratings, predicted), abs=1e-5)


def test_days_of_one_period_are_one_feature():
    train, test = dated()
    users, items, _ = test.triples()
    model = with_dates(epochs=4, period_days=7).fit(train)
    monday = 7 * (18_000 // 7 + 1)
    first, last, next_one = (model.predict(users, items, np.full(len(users), monday + day)) for day in (0, 6, 7))
    np.testing.assert_array_equal(first, last)
    assert not np.array_equal(last, next_one)


def test_a_model_with_dates_is_saved_scores_and_folds_in_for_an_unknown_day(tmp_path):
    train, test = dated(lacking=0.1)
    users, items, _ = test.triples()
    model = with_dates().fit(train)
    model.save(tmp_path)
    loaded = FlippedFM.load(tmp_path)
    for asked in ((users, items, test.days_of_ratings()), (users, items)):
        np.testing.assert_array_equal(loaded.predict(*asked), model.predict(*asked))
        np.testing.assert_array_equal(loaded.predict_std(*asked), model.predict_std(*asked))
    some = np.arange(40, dtype=np.int32)
    scores = model.score(some)
    np.testing.assert_array_equal(loaded.score(some), scores)
    np.testing.assert_allclose(scores[3], model.predict(np.full(100, 3), np.arange(100)), atol=1e-4)
    np.testing.assert_array_equal(loaded.fold_in(train.ratings[some]), model.fold_in(train.ratings[some]))
    assert np.corrcoef(scores.ravel(), model.fold_in(train.ratings[some]).ravel())[0, 1] > 0.9
    carried = model.portable()
    by_terms = carried.user_vectors[some].astype(float) @ carried.item_vectors.T
    by_terms += carried.user_biases[some, None] + carried.item_biases
    np.testing.assert_allclose(by_terms, scores, rtol=1e-5)


def test_threads_and_units_change_nothing_with_dates(monkeypatch):
    monkeypatch.setattr(gibbs, "WORTH_THREADS", 0)
    train, test = dated()
    users, items, _ = test.triples()
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            model = with_dates(epochs=5).fit(train)
            found.append(
                np.r_[
                    model.predict(users, items, test.days_of_ratings()),
                    model.predict_std(users, items, test.days_of_ratings()),
                ]
            )
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    elsewhere = train.ratings.copy()
    elsewhere.data = (elsewhere.data * 5 - 100).astype(np.float32)
    other = with_dates(epochs=5).fit(replace(train.with_ratings(elsewhere), scale=Scale(-100, 100, 0)))
    n = len(users)
    np.testing.assert_allclose((other.predict(users, items, test.days_of_ratings()) + 100) / 5, found[0][:n], atol=2e-3)
    np.testing.assert_allclose(other.predict_std(users, items, test.days_of_ratings()) / 5, found[0][n:], rtol=1e-3)


@pytest.mark.parametrize("noted", [False, True], ids=["no times", "none known"])
def test_ratings_without_a_time_are_refused_where_dates_are_asked_for(noted):
    train = from_triples([0, 1, 1], [0, 0, 1], [1, 2, 3], (2, 2))
    if noted:
        train = on_days(train, [0, 1, 1], [0, 0, 1], [NO_DAY] * 3)
    with pytest.raises(
        FoldinError, match=r"^FlippedFM: period_days is 1, and no rating has a time; set period_days: 0"
    ):
        with_dates().fit(train)


def test_missing_values_of_tables_are_no_features_and_leave_predictions_finite():
    """A column without any value is as no column."""
    users, items, ratings = (values[::2] for values in TRAIN.triples())
    train = from_triples(users, items, ratings, TRAIN.ratings.shape)
    train.items["creator"] = [None if item % 3 else f"c{item % 4}" for item in range(TRAIN.n_items)]
    train.users["age"] = train.users["age"].where(train.users.index % 3 > 0)
    train.users["occupation"] = None
    model = made(FlippedFM, epochs=5, feature_min_count=2).fit(train)
    pairs = [grid.ravel() - 1 for grid in np.indices((TRAIN.n_users + 1, TRAIN.n_items + 1))]
    assert np.isfinite(model.predict(*pairs)).all()
    assert np.isfinite(model.predict_std(*pairs)).all()
    without = replace(train, users=train.users.drop(columns="occupation"))
    np.testing.assert_array_equal(
        model.score(np.arange(5)), made(FlippedFM, epochs=5, feature_min_count=2).fit(without).score(np.arange(5))
    )
