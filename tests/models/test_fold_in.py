"""Users who were not trained on: every model scores them by the ratings observed of them, or says that it cannot."""

import numpy as np
import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML
from scipy import sparse, stats
from synthetic import checkerboard, planted, seen_checkerboard

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.models import family_models
from foldin.models.baselines import Popularity
from foldin.models.parts.networks import NetworkSettings
from foldin.models.parts.recommender import Recommender

PARAMS = YAML(typ="safe").load(CHECKOUT / "params.yaml")
NAMES = [(family, name) for family in params.known_families() for name in PARAMS[family]]
# The same for everyone, or nothing but biases.
KNOWS_NO_TASTE = {"global-mean", "bias", "popularity", "random"}
HELD_OUT = slice(30, 40)
# An example of `mult-vae` is a user, not a rating.
SMALLER = {
    "two-tower-retrieval": {"batch_size": 64},
    "mult-vae": {"batch_size": 8, "epochs": 40},
    "mlp-momentum": {"batch_size": 16, "epochs": 25},
}
# Training stops long before these fit a user's ratings, and folding in does not; both put most items in the same order.
WITHOUT_PENALTY = {"mlp-momentum", "two-tower-plain"}
# Keras's TensorFlow backend converts weights in a way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


def fitted(family, name, train):
    cls = family_models(family)[name]
    settings = params.parse(cls.Settings, PARAMS[family][name] or {}, name)
    if "factors" in cls.Settings.model_fields and not hasattr(settings, "epochs"):
        settings = settings.model_copy(update={"factors": 2})
    if isinstance(settings, NetworkSettings):
        # A network learns by steps, so that fewer ratings must come in smaller ones.
        settings = settings.model_copy(update={"epochs": 8} | SMALLER.get(name, {}))
    return cls(settings, seed=5).fit(train)


def without(train, users):
    """Return the training part without some users' ratings."""
    kept = train.ratings.copy()
    rows = np.repeat(np.arange(train.n_users), np.diff(kept.indptr))
    mask = (rows < users.start) | (rows >= users.stop)
    coordinates = rows[mask], kept.indices[mask]
    return train.with_ratings(sparse.csr_array((kept.data[mask], coordinates), shape=kept.shape))


@pytest.mark.parametrize(("family", "name"), [pair for pair in NAMES if pair[1] not in KNOWS_NO_TASTE])
def test_held_out_users_get_what_their_own_kind_likes(family, name):
    rates = family_models(family)[name].predicts_ratings
    known, hidden = checkerboard() if rates else seen_checkerboard()
    model = fitted(family, name, without(known, HELD_OUT))
    observed = known.ratings[HELD_OUT]
    scores = model.fold_in(observed)
    assert scores.shape == observed.shape
    assert scores.dtype == np.float32
    for row, user in enumerate(range(HELD_OUT.start, HELD_OUT.stop)):
        items = hidden.ratings[[user]].indices
        if rates:
            liked = hidden.ratings[[user]].data > 3
            assert np.mean((scores[row][items] > 3) == liked) > 0.9
        else:
            others = np.setdiff1d(np.arange(1 - user % 2, 30, 2), observed[[row]].indices)
            candidates = np.concatenate([items, others])
            best = candidates[np.argsort(-scores[row][candidates])[: min(3, len(items))]]
            assert set(best % 2) == {user % 2}
            assert np.mean(scores[row][items][:, None] > scores[row][others]) > 0.95


@pytest.mark.parametrize("name", ["svds", "svds-centred", "truncated-svd"])
def test_a_projection_of_someone_s_own_ratings_is_what_training_made_of_them(name):
    train, _, _ = planted(n_users=60, n_items=40)
    model = fitted("svd", name, train)
    everyone = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(model.fold_in(train.ratings), model.score(everyone), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["global-mean", "bias", "popularity"])
def test_baselines_treat_a_held_out_user_like_a_known_one_with_the_same_ratings(name):
    train, _, _ = planted(n_users=60, n_items=40)
    model = fitted("baselines", name, train)
    everyone = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(model.fold_in(train.ratings), model.score(everyone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "name"), [pair for pair in NAMES if pair[1] != "random"])
def test_someone_known_who_is_folded_in_is_ranked_much_as_training_ranked_them(family, name):
    train, _, _ = planted(n_users=150, n_items=60)
    model = fitted(family, name, train)
    trained = model.score(np.arange(150, dtype=np.int32))
    folded = model.fold_in(train.ratings)
    if name == "global-mean":
        np.testing.assert_array_equal(folded, trained)
        return
    observed = np.diff(train.ratings.indptr) > 0
    alike = [stats.spearmanr(*pair).statistic for pair in zip(trained[observed], folded[observed], strict=True)]
    assert np.mean(alike) > (0.6 if name in WITHOUT_PENALTY else 0.9)


def test_a_model_that_cannot_says_so_and_what_to_do():
    class Closed(Popularity):
        def _fold_in(self, ratings):
            return Recommender._fold_in(self, ratings)

    with pytest.raises(FoldinError, match=r"cannot score users it was not trained on; leave its family out of"):
        Closed().fold_in(sparse.csr_array((1, 3), dtype=np.float32))
