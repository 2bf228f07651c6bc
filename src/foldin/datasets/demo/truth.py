"""What the best possible predictor and ranker of `demo` would answer: the ceiling that the oracle of a report shows.

This module imports no reader, because the `evaluate` stages import it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from foldin.core import params
from foldin.core.interactions import Scale
from foldin.datasets.demo import world
from foldin.datasets.demo.world import Array

SCALE = Scale(lowest=0.5, highest=5.0, step=0.5)


@dataclass(frozen=True)
class Truth:
    """What a perfect model would know of `demo`; only the oracle may.

    Attributes
    ----------
    user_ids, item_ids : list of str
        What rows and columns stand for.
    expected_rating : ndarray of float64, shape (n_users, n_items)
        Expectation of the rating as recorded, in stars: after noise, rounding and clipping.
    probability : ndarray of float64, shape (n_users, n_items)
        Probability that the pair is rated at all.
    """

    user_ids: list[str]
    item_ids: list[str]
    expected_rating: Array
    probability: Array


def of(settings: params.Demo) -> Truth:
    """Return what a perfect model would know; it depends on the settings only.

    Parameters
    ----------
    settings : params.Demo
        Section `demo` of params.yaml.
    """
    drawn = world.draw(settings, generator(settings))
    return Truth(
        user_ids=drawn.users["user_id"].tolist(),
        item_ids=drawn.items["item_id"].tolist(),
        expected_rating=expected_rating(drawn.mean, settings.noise),
        probability=drawn.probability,
    )


def recorded(mean: Array, noise: float, rng: np.random.Generator) -> Array:
    """Return ratings as users give them: normal noise added, rounded to half stars, clipped to the scale.

    Parameters
    ----------
    mean : ndarray of float64
        Ratings before noise, in stars.
    noise : float
        Standard deviation of the noise, in stars.
    rng : numpy.random.Generator
        Where the noise comes from.
    """
    felt = mean + noise * rng.standard_normal(mean.shape)
    return np.clip(np.floor(felt / SCALE.step + 0.5) * SCALE.step, SCALE.lowest, SCALE.highest)


def expected_rating(mean: Array, noise: float) -> Array:
    """Return the exact expectation of what `recorded` draws: the sum over half stars of the chance to reach each.

    Parameters
    ----------
    mean : ndarray of float64
        Ratings before noise, in stars.
    noise : float
        Standard deviation of the noise, in stars.
    """
    expected = np.full(mean.shape, SCALE.lowest)
    for level in np.arange(SCALE.lowest + SCALE.step, SCALE.highest + SCALE.step / 2, SCALE.step):
        expected += SCALE.step * ndtr((mean - (level - SCALE.step / 2)) / noise)
    return expected


def generator(settings: params.Demo) -> np.random.Generator:
    """Return the source of chance that the world and its ratings are drawn from."""
    # The bit generator is named: numpy may change what default_rng means, and this data should outlive that.
    return np.random.Generator(np.random.PCG64(settings.seed))
