"""Each epoch lowers the objective the docstrings state, and its curve says so; threads change nothing."""

import numba
import numpy as np
import pytest
from synthetic import from_triples, planted

from foldin.models.als import ExplicitALS, ImplicitALS

TRAIN, VALIDATION, _ = planted(n_users=70, n_items=45)
EXACT = {"solver": "exact", "cg_steps": 3}
EXPLICIT = {
    "factors": 5,
    "epochs": 6,
    "patience": 2,
    "damping": 3.0,
    "regularization": 0.1,
    **EXACT,
}
IMPLICIT = {
    "factors": 5,
    "epochs": 6,
    "patience": 2,
    "unobserved_weight": 0.2,
    "regularization": 0.02,
    "frequency_exponent": 0.7,
    **EXACT,
    "validation_k": 10,
}


def explicit(**changes):
    return ExplicitALS(ExplicitALS.Settings(**EXPLICIT | changes), seed=4)


def implicit(**changes):
    return ImplicitALS(ImplicitALS.Settings(**IMPLICIT | changes), seed=4)


def explicit_objective(model):
    users, items, ratings = TRAIN.triples()
    scores = model.score(np.arange(TRAIN.n_users)).astype(np.float64)[users, items]
    counts = np.bincount(users, minlength=TRAIN.n_users), np.bincount(items, minlength=TRAIN.n_items)
    weights = model._arrays()
    penalty = sum(
        EXPLICIT["regularization"] * np.sum(count[:, None] * weights[f"{side}_factors"] ** 2)
        + EXPLICIT["damping"] * np.sum(weights[f"{side}_bias"] ** 2)
        for side, count in zip(("user", "item"), counts, strict=True)
    )
    return np.sum(((ratings - scores) / TRAIN.ratings.data.std()) ** 2) + penalty


def implicit_objective(model, train=TRAIN):
    scores = model.score(np.arange(train.n_users)).astype(np.float64)
    users, items, _ = train.triples()
    weights = model._arrays()
    loss = np.sum((1 - scores[users, items]) ** 2) + IMPLICIT["unobserved_weight"] * np.sum(scores**2)
    sides = (("user", users, train.n_users, train.n_items), ("item", items, train.n_items, train.n_users))
    for side, rows, n_rows, width in sides:
        frequency = np.bincount(rows, minlength=n_rows) + IMPLICIT["unobserved_weight"] * width
        squares = np.sum(weights[f"{side}_factors"] ** 2, axis=1)
        loss += IMPLICIT["regularization"] * np.sum(frequency ** IMPLICIT["frequency_exponent"] * squares)
    return loss


@pytest.mark.parametrize(("make", "objective"), [(explicit, explicit_objective), (implicit, implicit_objective)])
def test_each_epoch_lowers_the_objective_the_docstring_states(make, objective):
    values = [objective(make(epochs=epochs).fit(TRAIN)) for epochs in (1, 2, 3, 5, 9, 15)]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize(("make", "objective"), [(explicit, explicit_objective), (implicit, implicit_objective)])
def test_the_curve_shows_the_objective_for_each_rating(make, objective):
    model = make(epochs=4).fit(TRAIN)
    curve = [row["train_objective"] for row in model.history]
    assert curve[-1] == pytest.approx(objective(model) / TRAIN.ratings.nnz, rel=1e-4)
    assert (np.diff(curve) < 0).all()


@pytest.mark.parametrize(("make", "objective"), [(explicit, explicit_objective), (implicit, implicit_objective)])
def test_the_side_solved_last_is_at_the_bottom_of_the_objective(make, objective):
    model = make(epochs=3).fit(TRAIN)
    solved = {name: array.copy() for name, array in model._arrays().items() if name.startswith("item")}
    bottom, rng = objective(model), np.random.default_rng(0)

    def beside(steps):
        model._restore(model._arrays() | {name: array + steps[name] for name, array in solved.items()})
        return objective(model)

    for _ in range(10):
        steps = {name: rng.normal(scale=0.05, size=array.shape) for name, array in solved.items()}
        ahead, behind = beside(steps), beside({name: -step for name, step in steps.items()})
        # The objective is a parabola along any line; at its bottom, both sides rise alike.
        assert abs(ahead - behind) < 1e-3 * (ahead + behind - 2 * bottom)


@pytest.mark.parametrize("make", [explicit, implicit])
def test_the_number_of_threads_changes_no_bit(make):
    before = numba.get_num_threads()
    found = []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append(make().fit(TRAIN).item_factors())
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_implicit_asks_whether_not_how_much():
    users, items, ratings = TRAIN.triples()
    all_zero = from_triples(users, items, np.zeros_like(ratings), TRAIN.ratings.shape)
    np.testing.assert_array_equal(implicit().fit(all_zero).item_factors(), implicit().fit(TRAIN).item_factors())


def test_implicit_chooses_epochs_by_the_lists_it_would_show():
    model = implicit(epochs=15, patience=15).fit(TRAIN, VALIDATION)
    curve = [row["validation_ndcg"] for row in model.history]
    assert len(curve) == 15
    assert model.epochs == int(np.argmax(curve)) + 1
    assert all("validation_rmse" not in row for row in model.history)


@pytest.mark.parametrize("make", [explicit, implicit])
def test_who_has_no_rating_has_no_factors(make):
    some = from_triples([0, 0, 1], [0, 1, 1], [4.0, 2.0, 3.0], (3, 3))
    arrays = make().fit(some)._arrays()
    assert not arrays["user_factors"][2].any()
    assert not arrays["item_factors"][2].any()


def test_a_heavier_penalty_makes_shorter_vectors():
    for make in (explicit, implicit):
        light, heavy = (make(regularization=value).fit(TRAIN).item_factors() for value in (0.01, 0.5))
        assert np.linalg.norm(heavy) < np.linalg.norm(light)
