"""What every model of every family promises, on small interactions whose right answers are known.

A new family is picked up by itself: by its section in params.yaml and its module in foldin.models.
"""

import dataclasses
from functools import cache
from typing import get_type_hints

import numpy as np
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML
from scipy import sparse
from synthetic import checkerboard, from_triples, planted, seen_checkerboard

from foldin import metrics
from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.models import family_models
from foldin.models.baselines import Popularity
from foldin.models.parts import bias
from foldin.models.parts.networks import NetworkSettings
from foldin.models.parts.validation import validate

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")
# By the file, not by importing them: collecting tests must not start Keras.
NAMES = [(family, name) for family in params.known_families() for name in PARAMS.get(family) or {}]
KNOWS_NO_TASTE = "a baseline: it knows nothing of a person's taste"
EXEMPT_FROM_CHECKERBOARD = dict.fromkeys(("global-mean", "bias", "popularity", "random"), KNOWS_NO_TASTE)
EXEMPT_FROM_PLANTED = EXEMPT_FROM_CHECKERBOARD | {"mf-no-l2": "over-fits on purpose, to show what L2 is for"}
EXEMPT_FROM_PLANTED |= {"mlp-momentum": "as its source, without biases: on hundreds of ratings no better than them"}
EXEMPT_FROM_PLANTED |= dict.fromkeys(("tf-idf", "tf-idf-popularity"), "no text says the planted taste")
IGNORES_RATINGS = dict.fromkeys(("global-mean", "popularity"), "scores everyone alike")
IGNORES_RATINGS |= dict.fromkeys(("svds", "truncated-svd"), "zero-imputed: to it a 0 is a missing cell")
SEED = 5
# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
EXHAUSTED, WITHOUT_RATINGS, NEVER_RATED, RATED_ZERO = 0, 1, 2, (3, 1)


def settings_of(family, name):
    cls = family_models(family)[name]
    return cls, params.parse(cls.Settings, PARAMS[family][name] or {}, f"{family}.{name}")


def made_small(settings, tastes=None):
    """Return settings of params.yaml, made for tens of thousands of ratings, as they suit hundreds.

    A decomposition of so little overfits it, missing cells included, unless it has no more factors than
    there are tastes. A network learns by steps, so that fewer ratings must come in smaller ones. Where there is no
    taste to learn, a few epochs do.
    """
    update = {}
    if isinstance(settings, NetworkSettings):
        update = {"patience": 10} if tastes else {"epochs": 3}
        update |= {"batch_size": 64} if tastes and "batch_size" in type(settings).model_fields else {}
    elif tastes and hasattr(settings, "factors") and not hasattr(settings, "epochs"):
        update = {"factors": min(settings.factors, tastes)}
    return settings.model_copy(update=update)


@cache
def tried_out(family, name, make, tastes=None):
    """Return a model fitted on the first part that `make` gives, choices made on the second, and all parts."""
    cls, settings = settings_of(family, name)
    parts = make()
    return cls(made_small(settings, tastes), seed=SEED).fit(parts[0], parts[1]), parts


def awkward():
    """User 0 has rated all but one item, user 1 nothing, nobody has rated item 2, and user 3 gave item 1 a 0."""
    rng = np.random.default_rng(3)
    rated = rng.random((25, 12)) < 0.5
    rated[EXHAUSTED], rated[WITHOUT_RATINGS], rated[RATED_ZERO] = True, False, True
    rated[:, NEVER_RATED] = False
    ratings = rng.integers(0, 11, size=rated.shape) / 2
    ratings[RATED_ZERO] = 0
    users, items = np.nonzero(rated)
    held = np.zeros(len(users), dtype=bool)
    held[5::9] = True
    held[(users == EXHAUSTED) | ((users == RATED_ZERO[0]) & (items == RATED_ZERO[1]))] = False
    scale = Scale(lowest=0.0, highest=5.0, step=0.5)
    return tuple(
        from_triples(users[part], items[part], ratings[users, items][part], rated.shape, scale)
        for part in (~held, held)
    )


@pytest.fixture(params=NAMES, ids=[name for _, name in NAMES])
def model_name(request):
    return request.param


@pytest.fixture
def model(model_name):
    return tried_out(*model_name, awkward)[0]


EVERYONE = np.arange(25, dtype=np.int32)
PAIRS = tuple(grid.ravel().astype(np.int32) for grid in np.indices((25, 12)))


@pytest.mark.parametrize("family", params.known_families())
def test_params_yaml_has_settings_for_every_model(family):
    assert set(PARAMS[family]) == set(family_models(family))


def test_mypy_knows_the_names_of_its_settings(model_name):
    cls = family_models(model_name[0])[model_name[1]]
    # `settings: Settings` stands in the class whose `Settings` these are, or in one above that has the same.
    assert get_type_hints(cls)["settings"] is cls.Settings


def test_says_what_it_is_in_a_sentence(model):
    assert model.about.endswith(".")
    assert len(model.about) > 30


def test_a_saved_model_answers_as_before(model, tmp_path):
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    np.testing.assert_array_equal(loaded.score(EVERYONE), model.score(EVERYONE))
    for was, now in zip(model.recommend(EVERYONE, 4), loaded.recommend(EVERYONE, 4), strict=True):
        np.testing.assert_array_equal(now, was)
    assert (loaded.epochs, loaded.settings, loaded.seed) == (model.epochs, model.settings, model.seed)
    if model.predicts_ratings:
        for pairs in (PAIRS, (np.array([-1, 0, -1]), np.array([0, -1, -1]))):
            np.testing.assert_array_equal(loaded.predict(*pairs), model.predict(*pairs))


def by_terms(portable, known):
    """Return the scores of all users by the formula of `Portable`, in double precision."""
    if portable.seed is not None:
        return np.stack(
            [np.random.default_rng([portable.seed, user]).random(12, dtype=np.float32) for user in EVERYONE]
        )
    if portable.network is not None and portable.reads == "pairs":
        return np.asarray(portable.network()([*PAIRS])).reshape(25, 12)
    dense = {name: value.toarray() if sparse.issparse(value) else value for name, value in vars(portable).items()}
    rated = sparse.csr_array((np.ones(known.nnz), known.indices, known.indptr), known.shape).toarray()
    if portable.network is not None:
        return np.asarray(portable.network()(rated.astype(np.float32)))
    scores = np.zeros((25, 12))
    if dense["user_biases"] is not None:
        scores += dense["user_biases"][:, None]
    if dense["item_biases"] is not None:
        scores += dense["item_biases"]
    if dense["user_vectors"] is not None:
        scores += dense["user_vectors"].astype(np.float64) @ dense["item_vectors"].T
    if dense["item_weights"] is not None:
        scores += rated @ dense["item_weights"]
    if dense["similar_users"] is not None:
        scores += dense["similar_users"] @ rated
    if dense["edges"] is not None:
        scores += rated @ dense["edges"].T @ dense["edges"]
    return scores


def test_scores_are_the_sum_of_what_is_portable(model):
    np.testing.assert_allclose(by_terms(model.portable(), model.known), model.score(EVERYONE), rtol=1e-5, atol=1e-5)


def test_the_same_seed_saves_the_same_bytes(model, model_name, tmp_path):
    cls, settings = settings_of(*model_name)
    again = cls(made_small(settings), seed=SEED).fit(*awkward())
    for folder, fitted in (("first", model), ("second", again)):
        (tmp_path / folder).mkdir()
        fitted.save(tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "second").iterdir())
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_a_model_that_calls_itself_unseeded_is_the_same_with_every_seed(model, model_name):
    cls, settings = settings_of(*model_name)
    if cls.seeded:
        pytest.skip("draws random numbers")
    other = cls(made_small(settings), seed=SEED + 1).fit(*awkward())
    np.testing.assert_array_equal(other.score(EVERYONE), model.score(EVERYONE))


def test_another_model_s_folder_is_refused(model, tmp_path):
    model.save(tmp_path)
    file = tmp_path / "model.json"
    file.write_text(file.read_text("utf-8").replace(type(model).__name__, "Oracle"), encoding="utf-8")
    with pytest.raises(FoldinError, match=f"holds a Oracle, not a {type(model).__name__}"):
        type(model).load(tmp_path)


def test_scores_are_a_finite_row_for_each_user_asked_for(model):
    scores = model.score(EVERYONE)
    assert scores.shape == (25, 12)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(model.score(np.array([7, 3])), scores[[7, 3]], rtol=1e-4, atol=1e-5)


def test_recommends_what_is_unknown_best_first_and_says_when_candidates_run_out(model):
    items, scores = model.recommend(EVERYONE, 4)
    assert items.shape == scores.shape == (25, 4)
    assert items.dtype == np.int32
    known = np.zeros((25, 12), dtype=bool)
    known[np.repeat(EVERYONE, np.diff(model.known.indptr)), model.known.indices] = True
    for user in EVERYONE:
        listed = items[user][items[user] >= 0]
        assert not known[user, listed].any()
        assert len(listed) == min(4, 12 - known[user].sum())
        order = np.lexsort((listed, -scores[user][: len(listed)]))
        np.testing.assert_array_equal(order, np.arange(len(listed)))
    np.testing.assert_array_equal(items[EXHAUSTED], [NEVER_RATED, -1, -1, -1])
    assert np.isneginf(scores[EXHAUSTED, 1:]).all()


def test_a_rating_of_zero_is_a_rating(model):
    assert model.known[[RATED_ZERO[0]]].indices.tolist().count(RATED_ZERO[1]) == 1
    assert RATED_ZERO[1] not in model.recommend(np.array([RATED_ZERO[0]]), 12)[0]


def test_predictions_are_ratings_even_of_users_without_ratings(model):
    if not model.predicts_ratings:
        assert not hasattr(model, "predict")
        return
    for users, items in (PAIRS, (np.array([-1, 0, -1, WITHOUT_RATINGS]), np.array([0, -1, -1, NEVER_RATED]))):
        predicted = model.predict(users, items)
        assert predicted.shape == users.shape
        assert predicted.dtype == np.float32
        assert predicted.min() >= 0
        assert predicted.max() <= 5


def test_scores_of_a_rating_model_are_its_ratings_before_clipping(model):
    if model.predicts_ratings:
        ratings = model.predict(*PAIRS).reshape(25, 12)
        np.testing.assert_allclose(np.clip(model.score(EVERYONE), 0, 5), ratings, rtol=1e-4, atol=1e-4)


def in_another_unit(part, factor, shift):
    """Return the same ratings on another scale: `factor` times as wide, moved by `shift`."""
    ratings = part.ratings.copy()
    ratings.data = (ratings.data * factor + shift).astype(np.float32)
    scale = Scale(lowest=shift, highest=5 * factor + shift, step=0.5 * factor)
    return dataclasses.replace(part.with_ratings(ratings), scale=scale)


@pytest.mark.parametrize(("factor", "shift"), [(0.02, 0), (40, -100)], ids=["0 to 0.1", "-100 to 100"])
def test_a_rating_model_learns_the_same_in_any_unit(model, model_name, factor, shift):
    if not model.predicts_ratings:
        return
    cls, settings = settings_of(*model_name)
    parts = [in_another_unit(part, factor, shift) for part in awkward()]
    other = cls(made_small(settings), seed=SEED).fit(*parts)
    assert other.epochs == model.epochs
    np.testing.assert_allclose((other.score(EVERYONE) - shift) / factor, model.score(EVERYONE), atol=2e-3)
    np.testing.assert_allclose((other.predict(*PAIRS) - shift) / factor, model.predict(*PAIRS), atol=2e-3)
    observed = ratings_of_held_out_users()
    elsewhere = observed.copy()
    elsewhere.data = (observed.data * factor + shift).astype(np.float32)
    np.testing.assert_allclose((other.fold_in(elsewhere) - shift) / factor, model.fold_in(observed), atol=2e-3)


def ratings_of_held_out_users():
    """Return ratings of five held-out users: some, all but one, none, a 0 alone, and some again."""
    ratings = awkward()[1].ratings[:5].toarray()
    ratings[EXHAUSTED, :] = np.where(np.arange(12) == NEVER_RATED, 0, 4.0)
    ratings[[1, 4]] = [[0, 5.0, 0, 1, 4, 0, 0, 2, 0, 0, 3, 0], [5, 0, 0, 0, 0, 1.5, 5, 0, 4, 0, 0, 1]]
    stored = ratings > 0
    stored[2:4] = False
    stored[3, RATED_ZERO[1]] = True
    ratings[3, RATED_ZERO[1]] = 0
    users, items = np.nonzero(stored)
    return from_triples(users, items, ratings[stored], ratings.shape).ratings


def test_held_out_users_are_scored_each_for_themselves_and_leave_the_model_as_it_was(model, tmp_path):
    before = model.score(EVERYONE).copy()
    observed = ratings_of_held_out_users()
    together = model.fold_in(observed)
    assert together.shape == (5, 12)
    assert together.dtype == np.float32
    assert np.isfinite(together).all(), "nothing observed, or nearly everything, is no reason for NaN"
    np.testing.assert_array_equal(model.score(EVERYONE), before)
    model.save(tmp_path)
    alone = type(model).load(tmp_path).fold_in(observed[[4]])
    np.testing.assert_allclose(alone, together[[4]], rtol=1e-3, atol=1e-4)


def test_a_held_out_user_s_rating_of_zero_is_a_rating(model, model_name):
    if model_name[1] in IGNORES_RATINGS:
        pytest.skip(IGNORES_RATINGS[model_name[1]])
    nothing, zero = model.fold_in(ratings_of_held_out_users()[[2, 3]])
    assert not np.allclose(zero, nothing, rtol=1e-4, atol=1e-5)


def test_history_counts_epochs_and_holds_plain_metrics(model):
    assert [row["epoch"] for row in model.history] == list(range(1, len(model.history) + 1))
    for row in model.history:
        assert all(np.isfinite(value) for value in row.values())
    if model.history:
        assert 1 <= model.epochs <= len(model.history)
    else:
        assert model.epochs is None


def test_refits_for_the_epochs_chosen_before(model, model_name):
    final = model.refit(awkward()[0])
    assert final is not model
    assert len(final.history) == (model.epochs or 0)
    assert final.epochs == model.epochs


def test_refuses_a_setting_it_does_not_know(model_name):
    family, name = model_name
    cls = family_models(family)[name]
    given = dict(PARAMS[family][name] or {}, fatcors=3)
    with pytest.raises(FoldinError, match=rf"^params\.yaml: unknown key '{family}\.{name}\.fatcors'; ") as caught:
        params.parse(cls.Settings, given, f"{family}.{name}")
    assert "\n" not in str(caught.value)


def test_refuses_to_learn_from_nothing(model_name):
    cls, settings = settings_of(*model_name)
    with pytest.raises(FoldinError, match="training part is empty"):
        cls(settings).fit(from_triples([], [], [], (3, 4)))


def test_answers_the_checkerboard(model_name):
    family, name = model_name
    if name in EXEMPT_FROM_CHECKERBOARD:
        pytest.skip(EXEMPT_FROM_CHECKERBOARD[name])
    if family_models(family)[name].predicts_ratings:
        model, (_, hidden) = tried_out(family, name, checkerboard, tastes=2)
        users, items, ratings = hidden.triples()
        assert np.mean((model.predict(users, items) > 3) == (ratings > 3)) > 0.99
    else:
        model, (known, hidden) = tried_out(family, name, seen_checkerboard, tastes=2)
        everyone = np.arange(known.n_users, dtype=np.int32)
        n_right = np.minimum(3, np.diff(hidden.ratings.indptr))
        for user, items in zip(everyone, model.recommend(everyone, 3)[0], strict=True):
            np.testing.assert_array_equal(items[: n_right[user]] % 2, user % 2)


def test_beats_the_baseline_where_taste_is_planted(model_name):
    family, name = model_name
    if name in EXEMPT_FROM_PLANTED:
        pytest.skip(EXEMPT_FROM_PLANTED[name])
    model, (train, _, test) = tried_out(family, name, planted, tastes=5)
    users, items, ratings = test.triples()
    if model.predicts_ratings:
        baseline = metrics.rmse(ratings, bias.fit(train, damping=5.0).predict(users, items))
        assert metrics.rmse(ratings, model.predict(users, items)) < baseline
    else:
        baseline = validate(Popularity().fit(train), test, 10)["ndcg_at_10"]
        assert validate(model, test, 10)["ndcg_at_10"] > baseline
