"""The known preferences behind `demo`: synthetic users and items, and the true preference of every pair.

Each pair has a time at which it would be rated, a mean rating at that time, and a probability of being rated.

- mean rating = mean + user bias + item bias + taste. Taste is the product of low-rank vectors: an item's comes from
  its genres and its creator, a user's partly from country and age, and it rotates slowly over time.
- Users are exposed to items in a Poisson process whose rate grows with the item's popularity, the user's activity and
  interest in the domain, and taste. An item with at least one exposure is rated: ratings are missing not at random.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.datasets.demo import titles

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
ID_PREFIX = {"books": "book", "movies": "movie", "music": "album"}
FIRST_YEAR = {"books": 1890, "movies": 1935, "music": 1955}
LAST_YEAR = 2024
CAREER = 30
COUNTRIES = ("Brazil", "Canada", "Germany", "India", "Japan", "Kenya", "Portugal", "Sweden")
YOUNGEST, OLDEST = 16, 80
# Of ratings, in stars: what an average person gives an average item, and the spreads of kindness and of quality.
MEAN_RATING, USER_BIAS, ITEM_BIAS = 2.9, 0.4, 0.4
TASTE_FACTORS = 5
"""Dimensions of taste."""
GENRE_SHARE, CREATOR_SHARE = 0.65, 0.2
"""Shares of the variance of items' taste vectors that genres and creators explain."""
BACKGROUND_SHARE = 0.3
"""Share of the variance of users' taste vectors that country and age explain, half each."""
QUALITY_SHARE = 0.2
"""Share of the variance of items' popularity that quality explains."""
DOMAIN_INTEREST = 0.6
"""Spread of the log of how often a user interacts with items of each domain."""
SECOND_GENRE = 0.4
"""Probability that an item has a second genre."""
ITEMS_PER_CREATOR = 4.0
AGE_MISSING = 0.12
"""Share of users whose age is unknown."""
OPENS, CLOSES = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2025))


@dataclass(frozen=True)
class World:
    """Users, items, and what is true of every pair.

    Attributes
    ----------
    users, items : pandas.DataFrame
        What can be known of them, in the order of rows and columns below.
    timestamp : ndarray of int64, shape (n_users, n_items)
        When the pair would be rated, seconds UTC.
    mean : ndarray of float64, shape (n_users, n_items)
        Mean rating at that moment, in stars, before noise, rounding and clipping.
    probability : ndarray of float64, shape (n_users, n_items)
        Probability of being rated, independent of all other pairs and of the rating's noise.
    """

    users: pd.DataFrame
    items: pd.DataFrame
    timestamp: Indices
    mean: Array
    probability: Array


def draw(settings: params.Demo, rng: np.random.Generator) -> World:
    """Draw users, items and the truth about every pair.

    Parameters
    ----------
    settings : params.Demo
        Section `demo` of params.yaml.
    rng : numpy.random.Generator
        Where chance comes from.

    Raises
    ------
    FoldinError
        When so many users and items cannot have so many ratings.
    """
    goals = _ratings_per_user(settings, rng)
    items, item_vectors = _items(settings, rng)
    users, first_vectors, later_vectors = _users(settings, rng)
    shape = len(users), len(items)

    joined = 0.8 * rng.random((shape[0], 1))
    left = joined + (1 - joined) * rng.random((shape[0], 1))
    moment = joined + (left - joined) * rng.random(shape)
    turned = settings.drift * moment
    taste = np.cos(turned) * (first_vectors @ item_vectors.T) + np.sin(turned) * (later_vectors @ item_vectors.T)

    user_bias = USER_BIAS * rng.standard_normal((shape[0], 1))
    quality = rng.standard_normal(shape[1])
    mean = MEAN_RATING + user_bias + ITEM_BIAS * quality + settings.taste * taste

    fame = _mix((QUALITY_SHARE, quality), (1 - QUALITY_SHARE, rng.standard_normal(shape[1])))
    interest = rng.standard_normal((shape[0], len(ID_PREFIX)))[:, pd.factorize(items["domain"])[0]]
    pull = settings.popularity * fame + DOMAIN_INTEREST * interest + settings.exposure_taste * taste
    timestamp = OPENS + np.floor(moment * (CLOSES - OPENS)).astype(np.int64)
    return World(users, items, timestamp, mean, _met_once(np.exp(pull), goals))


def _mix(*parts: tuple[float, Array]) -> Array:
    """Return a sum of independent parts of variance 1, each given its share of the variance."""
    return np.asarray(sum(np.sqrt(share) * part for share, part in parts))


def _items(settings: params.Demo, rng: np.random.Generator) -> tuple[pd.DataFrame, Array]:
    n = settings.items
    domains = np.sort(np.array(list(ID_PREFIX))[np.arange(n) % len(ID_PREFIX)])
    n_themes = len(titles.THEMES)
    common = 0.4 + rng.random(n_themes)
    theme = rng.choice(n_themes, size=n, p=common / common.sum())
    second = (theme + rng.integers(1, n_themes, size=n)) % n_themes
    second = np.where(rng.random(n) < SECOND_GENRE, second, theme)
    creator, names = _creators(domains, theme, rng)
    first_year = pd.Series(domains).map(FIRST_YEAR).to_numpy()
    in_mid_career = rng.random(creator.max() + 1)[creator]
    career = np.sqrt(in_mid_career) * (LAST_YEAR - first_year) + CAREER * (rng.random(n) - 0.5)
    year = np.clip(first_year + np.floor(career).astype(np.int64), first_year, LAST_YEAR)
    number = pd.Series(domains).groupby(domains).cumcount() + 1
    genres = [
        "|".join(dict.fromkeys(titles.THEMES[t].genres[domain] for t in pair))
        for domain, *pair in zip(domains, theme, second, strict=True)
    ]
    table = pd.DataFrame(
        {
            "item_id": [f"{ID_PREFIX[d]}-{k:0{len(str(n))}d}" for d, k in zip(domains, number, strict=True)],
            "title": titles.titles(list(domains), theme.tolist(), rng),
            "domain": domains,
            "genres": genres,
            "creator": names,
            "year": year,
        }
    )
    of_theme = rng.standard_normal((n_themes, TASTE_FACTORS))
    of_theme -= common @ of_theme / common.sum()
    of_genres = (of_theme[theme] + of_theme[second]) / np.where(theme == second, 2, np.sqrt(2))[:, None]
    of_creator = rng.standard_normal((creator.max() + 1, TASTE_FACTORS))[creator]
    own = 1 - GENRE_SHARE - CREATOR_SHARE
    vectors = _mix(
        (GENRE_SHARE, of_genres),
        (CREATOR_SHARE, of_creator),
        (own, rng.standard_normal((n, TASTE_FACTORS))),
    )
    return table, vectors / np.sqrt(TASTE_FACTORS)


def _creators(domains: npt.NDArray[np.str_], theme: Indices, rng: np.random.Generator) -> tuple[Indices, list[str]]:
    """Return a creator of the item's own domain and theme for each item: number and name."""
    creator = np.zeros(len(domains), dtype=np.int64)
    names: list[str] = []
    for domain in ID_PREFIX:
        groups = [np.flatnonzero((domains == domain) & (theme == t)) for t in range(len(titles.THEMES))]
        sizes = [int(np.ceil(len(group) / ITEMS_PER_CREATOR)) for group in groups]
        starts = len(names) + np.cumsum([0, *sizes])
        for group, start, size in zip(groups, starts, sizes, strict=False):
            creator[group] = start + np.floor(rng.random(len(group)) * size).astype(np.int64)
        names += titles.creators(domain, sum(sizes), rng)
    return creator, [names[c] for c in creator]


def _users(settings: params.Demo, rng: np.random.Generator) -> tuple[pd.DataFrame, Array, Array]:
    n = settings.users
    common = 0.3 + rng.random(len(COUNTRIES))
    country = rng.choice(len(COUNTRIES), size=n, p=common / common.sum())
    # The power makes the young more numerous; a uniform draw has standard deviation 1 / sqrt(12).
    place_in_life = rng.random(n) ** 1.5
    age = YOUNGEST + np.floor(place_in_life * (OLDEST + 1 - YOUNGEST))
    has_age = rng.random(n) >= AGE_MISSING
    table = pd.DataFrame(
        {
            "user_id": [f"user-{u:0{len(str(n))}d}" for u in range(1, n + 1)],
            "age": pd.array(np.where(has_age, age, np.nan), dtype="Int64"),
            "country": [COUNTRIES[c] for c in country],
        }
    )
    of_country = rng.standard_normal((len(COUNTRIES), TASTE_FACTORS))[country]
    of_age = np.outer((place_in_life - 0.4) * np.sqrt(12), rng.standard_normal(TASTE_FACTORS))
    background = BACKGROUND_SHARE / 2
    vectors = _mix(
        (background, of_country),
        (background, of_age),
        (1 - BACKGROUND_SHARE, rng.standard_normal((n, TASTE_FACTORS))),
    )
    return table, vectors, rng.standard_normal((n, TASTE_FACTORS))


def _ratings_per_user(settings: params.Demo, rng: np.random.Generator) -> Array:
    """Return how many ratings each user should have on average: long-tailed, never few, never most of the items."""
    fewest, most = float(settings.fewest_ratings), 0.6 * settings.items
    extra = settings.ratings - settings.users * fewest
    if fewest >= most:
        raise FoldinError(
            f"demo.fewest_ratings is {settings.fewest_ratings}, and nobody rates more than {most:.0f} of "
            f"{settings.items} items",
            where="params.yaml",
            remedy="lower it, or raise demo.items",
        )
    if not 0 < extra < 0.5 * settings.users * (most - fewest):
        raise FoldinError(
            f"demo.ratings is {settings.ratings}, which {settings.users} users of {settings.items} items cannot have",
            where="params.yaml",
            remedy=f"choose between {settings.users * fewest:.0f} (fewest_ratings each) and "
            f"{settings.users * (fewest + most) / 2:.0f}, or change demo.users or demo.items",
        )
    activity = np.exp(settings.activity * rng.standard_normal((1, settings.users)))
    share = _met_once(activity, np.array([extra / (most - fewest)]))
    return np.asarray(fewest + (most - fewest) * share[0])


def _met_once(weight: Array, goal: Array) -> Array:
    """Return probabilities 1 − exp(−c·weight) of meeting at least once, each row's c such that the row sums to goal.

    Parameters
    ----------
    weight : ndarray, shape (n, m)
        How often the pair interacts, relative to others of the row.
    goal : ndarray, shape (n,)
        Sum of each row of the answer; less than m.

    Raises
    ------
    FoldinError
        When the weights are too unequal to find c.
    """
    # The sum is increasing and concave in c, so Newton's method from 0 climbs to the root without overshooting.
    scale = np.zeros((len(weight), 1))
    for _ in range(100):
        missed = np.exp(-scale * weight)
        short = goal[:, None] - (1 - missed).sum(axis=1, keepdims=True)
        if np.all(np.abs(short) < 1e-9 * goal[:, None]):
            return 1 - missed
        scale += short / (weight * missed).sum(axis=1, keepdims=True)
    raise FoldinError(
        "no probabilities of being rated fit section demo",
        where="params.yaml",
        remedy="lower demo.activity, demo.popularity or demo.exposure_taste",
    )
