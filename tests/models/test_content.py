"""The family `content`: terms and cosines worked out by hand, and items that nobody has rated."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import from_triples, seen_checkerboard

from foldin.models import content

ITEMS = pd.DataFrame(
    {
        "item_id": ["a", "b", "c", "d"],
        "title": ["The Red Harbour (1995)", "Red Night", "Night Harbour 2", "d"],
        "domain": ["movies"] * 4,
        "genres": ["Crime|Drama", "Crime", "", None],
        "creator": ["Ann", "Bob", "Ann", None],
    }
)


def made(cls=content.TfIdf, **changes):
    values = {"title_weight": 1.0, "term_min_count": 1, "rating_weight": 0.0}
    if cls is content.TfIdfPopularity:
        values["popularity_weight"] = 1.0
    return cls(cls.Settings(**values | changes))


def world(cells, ratings=None, items=ITEMS):
    users, rated = np.array(cells).T
    ratings = np.full(len(cells), 5.0) if ratings is None else ratings
    return replace(from_triples(users, rated, ratings, (users.max() + 1, len(items))), items=items)


def test_terms_are_words_of_titles_genres_creators_and_domains():
    table = content.terms(ITEMS)
    held = table.groupby("item")["term"].agg(set)
    assert held[0] == {
        "title=the", "title=red", "title=harbour", "genres=Crime", "genres=Drama", "creator=Ann", "domain=movies",
    }  # fmt: skip
    assert held[2] == {"title=night", "title=harbour", "creator=Ann", "domain=movies"}
    assert held[3] == {"domain=movies"}, "a title that is only the id says nothing, nor does a missing cell"


def test_scores_are_cosines_worked_out_by_hand():
    # One field, so that an item is its TF-IDF brought to length 1: red, night and harbour in 2 of 4 titles, the in 1.
    titles = ITEMS[["item_id", "title"]]
    scores = made().fit(world([(0, 0), (0, 1), (1, 3)], items=titles)).score(np.array([0, 1]))
    half, quarter = np.log(4 / 2), np.log(4 / 1)
    the, red, night, harbour = np.eye(4)
    a = quarter * the + half * red + half * harbour
    b, c = red + night, night + harbour
    unit = [vector / np.linalg.norm(vector) for vector in (a, b, c)]
    user = unit[0] + unit[1]
    expected = [user @ vector / np.linalg.norm(user) for vector in unit]
    np.testing.assert_allclose(scores[0], [*expected, 0], rtol=1e-6)
    np.testing.assert_array_equal(scores[1], 0)


def test_each_field_has_length_1_before_they_are_weighed():
    model = made(title_weight=0.25).fit(world([(0, 0), (0, 1), (0, 2)]))
    fields = np.array([term.split("=")[0] for term in model._terms])
    squares = {field: (model.item_vectors()[[0]].toarray()[0][fields == field] ** 2).sum() for field in set(fields)}
    assert "domain" not in squares, "what all items have tells none from another"
    assert squares["title"] == pytest.approx(0.25 * squares["genres"])
    assert squares["creator"] == pytest.approx(squares["genres"])
    assert sum(squares.values()) == pytest.approx(1)


def test_a_term_that_too_few_share_is_none():
    model = made(term_min_count=2).fit(world([(0, 0), (0, 1), (0, 2)]))
    assert model._terms.tolist() == ["creator=Ann", "genres=Crime", "title=harbour", "title=night", "title=red"]


def test_items_count_by_how_much_they_were_liked():
    cells, ratings = [(0, 1), (0, 2)], [0.5, 5.0]
    alike = made().fit(world(cells, ratings)).score(np.array([0]))[0]
    by_rating = made(rating_weight=0.9).fit(world(cells, ratings)).score(np.array([0]))[0]
    assert alike[1] == pytest.approx(alike[2])
    assert by_rating[1] < alike[1]
    assert by_rating[2] > alike[2]


def parity_world():
    """Return the checkerboard without any rating of its last two items, and all of it."""
    known, _ = seen_checkerboard()
    users, items, ratings = known.triples()
    warm = items < 28
    return from_triples(users[warm], items[warm], ratings[warm], known.ratings.shape), known


def test_an_item_nobody_rated_is_ranked_by_what_is_said_of_it():
    train, _ = parity_world()
    scores = made().fit(train).score(np.arange(40))
    even = np.arange(40) % 2 == 0
    assert (scores[even, 28] > scores[even, 29]).all()
    assert (scores[~even, 28] < scores[~even, 29]).all()


def test_items_of_no_catalogue_are_placed_as_if_they_had_been_there(tmp_path):
    train, _ = parity_world()
    model = made().fit(train)
    model.save(tmp_path)
    users = np.arange(40)
    loaded = content.TfIdf.load(tmp_path)
    np.testing.assert_allclose(loaded.score_new(users, train.items), model.score(users), rtol=1e-6)
    strange = pd.DataFrame({"item_id": ["new", "x"], "title": ["No such words", "x"], "genres": ["Crime", "Western"]})
    scores = loaded.score_new(users, strange)
    assert (scores[1::2, 0] > 0.1).all()
    np.testing.assert_array_equal(scores[:, 1], 0)


def test_popularity_is_added_to_the_cosine():
    train = world([(0, 0), (0, 1), (1, 0), (1, 3)])
    plain = made().fit(train).score(np.array([0]))
    weighed = made(content.TfIdfPopularity, popularity_weight=2.0).fit(train).score(np.array([0]))
    share = np.log1p([2, 1, 0, 1]) / np.log(3)
    np.testing.assert_allclose(weighed - plain, [2 * share], rtol=1e-5)


@pytest.mark.parametrize("cls", [content.TfIdf, content.TfIdfPopularity])
def test_items_of_which_nothing_is_said_are_scored_alike_and_that_is_said(cls, tmp_path, capsys):
    items = pd.DataFrame({"item_id": list("abcd"), "title": list("abcd"), "domain": "unknown", "genres": ""})
    model = made(cls).fit(world([(0, 0), (1, 0), (1, 2)], items=items))
    assert "all items have the same title, genres, creator and domain" in capsys.readouterr().err
    model.save(tmp_path)
    scores = cls.load(tmp_path).score(np.array([0, 1]))
    np.testing.assert_array_equal(scores[0], scores[1])
    if cls is content.TfIdf:
        np.testing.assert_array_equal(scores, 0)
    else:
        np.testing.assert_allclose(scores[0], np.log1p([2, 0, 1, 0]) / np.log(3), rtol=1e-6)


def test_profiles_and_their_heaviest_terms():
    model = made().fit(world([(0, 1), (0, 0), (1, 2)]))
    profiles = model.profiles(np.array([0, 1]))
    np.testing.assert_allclose((profiles.toarray() ** 2).sum(axis=1), 1)
    assert model.terms_of(profiles[[1]], 1) == ["creator=Ann"]
    assert len(model.terms_of(profiles[[0]], 3)) == 3


def test_hidden_items_are_ordered_by_what_is_said_of_them_alone():
    known, _ = seen_checkerboard(hidden=0)
    assert content.auc_of_unrated(made(), known, every=3) == 1
    without_text = replace(known, items=known.items[["item_id"]])
    assert content.auc_of_unrated(made(), without_text, every=3) == 0.5
    assert np.isnan(content.auc_of_unrated(made(), known, every=31)), "nothing is hidden"
    assert np.isnan(content.auc_of_unrated(made(), known, every=1)), "nothing is left to learn from"
