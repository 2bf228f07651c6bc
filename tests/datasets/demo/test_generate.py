"""The embedded data set: its truth is exact, its shape is that of real data, and both come from the seed alone."""

from dataclasses import fields

import numpy as np
import pytest

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.datasets.demo import generate, titles, world
from foldin.datasets.demo.truth import expected_rating, generator, recorded
from foldin.datasets.demo.truth import of as truth_of
from foldin.preparation import fetch


@pytest.fixture
def settings(workspace) -> params.Demo:
    return params.section(params.Demo)


def changed(settings: params.Demo, **values) -> params.Demo:
    return params.Demo(**(settings.model_dump() | values))


def test_expected_ratings_are_the_mean_of_what_is_recorded():
    mean = np.array([-1.0, 0.6, 1.75, 3.2, 4.9, 7.0])
    draws = 400_000
    noted = recorded(np.repeat(mean[:, None], draws, axis=1), 0.7, np.random.default_rng(5))
    assert set(np.unique(noted)) == set(np.arange(0.5, 5.5, 0.5))
    errors = noted.mean(axis=1) - expected_rating(mean, 0.7)
    assert np.all(np.abs(errors) < 5 * noted.std(axis=1) / np.sqrt(draws) + 1e-6)


def test_pairs_are_rated_with_the_probability_the_truth_gives(settings):
    truth = truth_of(settings)
    assert truth.probability.sum() == pytest.approx(settings.ratings, rel=1e-6)
    assert truth.probability.min() > 0
    assert truth.probability.max() < 1
    assert truth.probability.sum(axis=1).min() >= settings.fewest_ratings
    fetch.run("demo")
    ratings = generate.read(paths.raw("demo")).ratings
    rows, columns = rows_and_columns(truth, ratings)
    expected, spread = truth.probability, np.sqrt(truth.probability * (1 - truth.probability))
    # Whole, and by quarter of the pairs from least to most probable.
    order = np.argsort(expected, axis=None)
    rated = np.zeros(expected.shape)
    rated[rows, columns] = 1
    for part in (order, *np.array_split(order, 4)):
        difference = (rated.flat[part] - expected.flat[part]).sum()
        assert abs(difference) < 4 * np.sqrt((spread.flat[part] ** 2).sum())


def test_recorded_ratings_stand_around_the_true_expectation(settings):
    fetch.run("demo")
    ratings = generate.read(paths.raw("demo")).ratings
    truth = truth_of(settings)
    error = ratings["rating"].to_numpy() - truth.expected_rating[rows_and_columns(truth, ratings)]
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    assert 0.8 * settings.noise < error.std() < 1.05 * settings.noise


def test_truth_is_the_same_whatever_was_drawn_before(settings):
    first = truth_of(settings)
    truth_of(changed(settings, seed=99))
    fetch.run("demo")
    np.random.default_rng(0).random(10)
    second = truth_of(settings)
    for field in fields(first):
        assert np.array_equal(getattr(first, field.name), getattr(second, field.name))
    other = truth_of(changed(settings, seed=99))
    assert not np.array_equal(first.probability, other.probability)


def test_ratings_are_missing_not_at_random_by_taste_and_by_quality(settings, monkeypatch):
    def excess(exposure_taste, quality_share):
        monkeypatch.setattr(world, "QUALITY_SHARE", quality_share)
        truth = truth_of(changed(settings, exposure_taste=exposure_taste))
        return np.average(truth.expected_rating, weights=truth.probability) - truth.expected_rating.mean()

    by_quality = world.QUALITY_SHARE
    assert abs(excess(0.0, 0.0)) < 0.1
    assert excess(settings.exposure_taste, 0.0) > 0.1
    assert excess(0.0, by_quality) > 0.1


def test_taste_has_the_planted_rank_and_drifts(settings, monkeypatch):
    """Without drift and biases the mean ratings are a constant plus a matrix of rank `TASTE_FACTORS`."""
    monkeypatch.setattr(world, "USER_BIAS", 0.0)
    monkeypatch.setattr(world, "ITEM_BIAS", 0.0)
    plain = changed(settings, drift=0.0)
    taste = world.draw(plain, np.random.default_rng(0)).mean - world.MEAN_RATING
    assert np.linalg.matrix_rank(taste) == world.TASTE_FACTORS
    turning = changed(plain, drift=0.5)
    drifted = world.draw(turning, np.random.default_rng(0)).mean - world.MEAN_RATING
    assert np.linalg.matrix_rank(drifted) > world.TASTE_FACTORS
    assert 0.6 < np.corrcoef(taste.ravel(), drifted.ravel())[0, 1] < 0.999


def test_items_of_one_genre_please_the_same_people(settings, monkeypatch):
    monkeypatch.setattr(world, "SECOND_GENRE", 0.0)
    monkeypatch.setattr(world, "USER_BIAS", 0.0)
    drawn = world.draw(settings, np.random.default_rng(0))
    taste = drawn.mean - drawn.mean.mean(axis=0)
    likeness = np.corrcoef(taste.T)
    genre = drawn.items["genres"].to_numpy()
    domain = drawn.items["domain"].to_numpy()
    theme = [
        next(t for t, th in enumerate(titles.THEMES) if th.genres[d] == g) for d, g in zip(domain, genre, strict=True)
    ]
    same = np.equal.outer(theme, theme)
    across = same & np.not_equal.outer(domain, domain)
    assert likeness[across].mean() > likeness[~same].mean() + 0.3


def test_the_demo_of_the_project_is_worth_looking_at(checkout_settings):
    drawn = world.draw(checkout_settings, generator(checkout_settings))
    users, items = drawn.users, drawn.items
    assert items["title"].is_unique
    assert not items["title"].str.contains(r"\d").any()
    assert items.groupby("domain").size().between(330, 336).all()
    assert set(items["domain"]) == set(generate.DEMO.domains)
    assert items["year"].between(1890, 2024).all()
    assert items.groupby("creator").size().mean() > 3
    assert items.groupby("creator")["domain"].nunique().max() <= 2
    assert users["age"].isna().mean() == pytest.approx(world.AGE_MISSING, abs=0.05)
    assert users["country"].nunique() == len(world.COUNTRIES)
    popularity = np.sort(drawn.probability.sum(axis=0))[::-1]
    activity = np.sort(drawn.probability.sum(axis=1))[::-1]
    assert popularity[:100].sum() > 0.3 * popularity.sum()
    assert activity[:120].sum() > 0.25 * activity.sum()
    assert drawn.timestamp.min() >= world.OPENS
    assert drawn.timestamp.max() < world.CLOSES


def test_more_titles_than_words_become_sequels():
    domains, themes = ["books"] * 2000, [0] * 2000
    made = titles.titles(domains, themes, np.random.default_rng(0))
    assert len(set(made)) == 2000
    assert sum(", Part 2" in title for title in made) > 100


def test_ratings_that_cannot_be_are_refused_with_what_can(settings):
    with pytest.raises(FoldinError, match=r"params\.yaml: demo\.ratings is 100, .* choose between 1440 .* and 3960"):
        truth_of(changed(settings, ratings=100))


def rows_and_columns(truth, ratings):
    row = {name: place for place, name in enumerate(truth.user_ids)}
    column = {name: place for place, name in enumerate(truth.item_ids)}
    return ratings["user_id"].map(row).to_numpy(), ratings["item_id"].map(column).to_numpy()


@pytest.fixture
def checkout_settings(request) -> params.Demo:
    from ruamel.yaml import YAML

    values = YAML(typ="safe").load((request.config.rootpath / "params.yaml").read_text(encoding="utf-8"))
    return params.Demo(**values["demo"])
