"""Users who were not trained on: models that can score them by their ratings do, the others say that they cannot."""

import numpy as np
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML
from scipy import sparse
from synthetic import checkerboard, planted, seen_checkerboard

from foldin import params
from foldin.errors import FoldinError
from foldin.models import family_models

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")
CAN = [(family, name) for family in ("baselines", "svd", "als") for name in PARAMS[family]]
# The same for everyone, or nothing but biases.
KNOWS_NO_TASTE = {"global-mean", "bias", "popularity", "random"}
STRANGERS = slice(30, 40)


def fitted(family, name, train):
    cls = family_models(family)[name]
    settings = params.parse(cls.Settings, PARAMS[family][name] or {}, name)
    if "factors" in cls.Settings.model_fields and not hasattr(settings, "epochs"):
        settings = settings.model_copy(update={"factors": 2})
    return cls(settings, seed=5).fit(train)


def without(train, users):
    """Return the training part without some users' ratings."""
    kept = train.ratings.copy()
    rows = np.repeat(np.arange(train.n_users), np.diff(kept.indptr))
    mask = (rows < users.start) | (rows >= users.stop)
    coordinates = rows[mask], kept.indices[mask]
    return train.with_ratings(sparse.csr_array((kept.data[mask], coordinates), shape=kept.shape))


@pytest.mark.parametrize(("family", "name"), [pair for pair in CAN if pair[1] not in KNOWS_NO_TASTE])
def test_strangers_get_what_their_own_kind_likes(family, name):
    rates = family_models(family)[name].predicts_ratings
    known, hidden = checkerboard() if rates else seen_checkerboard()
    model = fitted(family, name, without(known, STRANGERS))
    told = known.ratings[STRANGERS]
    scores = model.fold_in(told)
    assert scores.shape == told.shape
    assert scores.dtype == np.float32
    for row, user in enumerate(range(STRANGERS.start, STRANGERS.stop)):
        items = hidden.ratings[[user]].indices
        if rates:
            liked = hidden.ratings[[user]].data > 3
            assert np.mean((scores[row][items] > 3) == liked) > 0.9
        else:
            others = np.setdiff1d(np.arange(1 - user % 2, 30, 2), told[[row]].indices)
            assert scores[row][items].min() > scores[row][others].max()


@pytest.mark.parametrize("name", ["svds", "svds-centred", "truncated-svd"])
def test_a_projection_of_someone_s_own_ratings_is_what_training_made_of_them(name):
    train, _, _ = planted(n_users=60, n_items=40)
    model = fitted("svd", name, train)
    everyone = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(model.fold_in(train.ratings), model.score(everyone), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["global-mean", "bias", "popularity"])
def test_baselines_treat_a_stranger_like_someone_known_with_the_same_ratings(name):
    train, _, _ = planted(n_users=60, n_items=40)
    model = fitted("baselines", name, train)
    everyone = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(model.fold_in(train.ratings), model.score(everyone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "name"), CAN)
def test_scores_of_a_stranger_do_not_depend_on_who_else_is_asked_for(family, name):
    train, _, test = planted(n_users=40, n_items=30)
    model = fitted(family, name, train)
    before = model.score(np.arange(40, dtype=np.int32)).copy()
    together = model.fold_in(test.ratings)
    alone = model.fold_in(test.ratings[[7]])
    np.testing.assert_allclose(alone[0], together[7], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.score(np.arange(40, dtype=np.int32)), before)
    empty = model.fold_in(sparse.csr_array((1, 30), dtype=np.float32))
    assert np.isfinite(empty).all()


def test_a_model_that_cannot_says_so_and_what_to_do():
    kind = family_models("two_tower")["two-tower-rating"]
    settings = params.parse(kind.Settings, PARAMS["two_tower"]["two-tower-rating"], "two-tower-rating")
    with pytest.raises(FoldinError, match=r"cannot score users it was not trained on; leave its family out of"):
        kind(settings).fold_in(sparse.csr_array((1, 3), dtype=np.float32))
