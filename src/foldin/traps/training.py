"""What was trained or chosen by mistake: the metrics of the projects S3, S4 and S5, made again.

The projects are named as on the page of anchors (reports/anchors.md).
"""

from collections.abc import Mapping
from itertools import combinations
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.core.params import Traps
from foldin.models.parts.factorization import DivergedError
from foldin.models.parts.recommender import RatingRecommender, Recommender
from foldin.models.svd import GradientDescentMF
from foldin.traps.tables import (
    AS_PUBLISHED,
    KNOWING_NOTHING,
    MENDED,
    NOTHING_TO_CHOOSE,
    NotShownError,
    Row,
    need,
    table,
)

Model = TypeVar("Model", bound=Recommender)
Values = npt.NDArray[np.float64]
Loader = tuple[IntArray, IntArray, FloatArray]
"""Users, items and ratings in the order in which batches are made of them."""
BATCHES = 4
"""Of the largest size there are, at least: the spread of fewer means nothing."""
EXAMPLE = ((1, None, 3, 4, 3), (2, 1, 2, 1, None), (1, None, 3, 4, 3))
"""The worked example of S5: three users, five items, None where a rating is missing."""
S5_TRAIN, S5_TEST = 0.0009, 1.77
"""The losses S5 published."""


class RecordedDescent(GradientDescentMF):
    """Gradient descent that notes after each epoch what it predicts for the pairs it is asked about."""

    asked: tuple[IntArray, IntArray]

    def _start(self, train: Interactions, rng: np.random.Generator) -> None:
        super()._start(train, rng)
        self.noted: list[FloatArray] = []

    def _step(self, train: Interactions, rng: np.random.Generator) -> None:
        super()._step(train, rng)
        self.noted.append(self.predict(*self.asked))


def descended(model: Model, train: Interactions) -> Model:
    """Fit a model, or say that this trap cannot be shown because its descent diverges.

    Raises
    ------
    NotShownError
        When it diverges.
    """
    try:
        return model.fit(train)
    except DivergedError:
        raise NotShownError("gradient descent diverges on these ratings at traps.learning_rate") from None


def by_epoch(settings: GradientDescentMF.Settings, train: Interactions, test: Interactions, seed: int) -> FloatArray:
    """Return what gradient descent predicts for the test pairs after each epoch, shape (epochs, n_test).

    Raises
    ------
    NotShownError
        When it diverges.
    """
    model = RecordedDescent(settings, seed=seed)
    model.asked = test.triples()[:2]
    descended(model, train)
    return np.stack(model.noted)


def chosen_on_test(actual: FloatArray, choices: FloatArray, size: int, repeats: int, seed: int) -> dict[str, float]:
    """S3: choose the best of several predictions on the ratings it is then judged on, and on others.

    Parameters
    ----------
    actual : ndarray of float32, shape (n,)
        Held-out ratings.
    choices : ndarray of float32, shape (n_choices, n)
        What each choice (an epoch, a setting) predicts for them.
    size : int
        Held-out ratings to choose on, and as many others to judge on.
    repeats : int
        Random draws of both, to average over.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict of str to float
        Means over the draws: the RMSE of the choice on the ratings it was chosen on, on the others, and how much
        the first flatters.
    """
    rng = np.random.default_rng(seed)
    squares = np.square(choices.astype(np.float64) - actual)
    size = min(size, len(actual) // 2)
    chosen: list[float] = []
    fresh: list[float] = []
    for _ in range(repeats):
        order = rng.permutation(len(actual))
        halves = [np.sqrt(squares[:, part].mean(axis=1)) for part in (order[:size], order[size : 2 * size])]
        # Each half chooses once, so that luck in the draw itself cancels.
        for on, off in (halves, halves[::-1]):
            best = int(np.argmin(on))
            chosen.append(float(on[best]))
            fresh.append(float(off[best]))
    where, elsewhere = float(np.mean(chosen)), float(np.mean(fresh))
    return {
        "ratings to choose on": float(size),
        "RMSE where it was chosen": where,
        "RMSE elsewhere": elsewhere,
        "flattery": elsewhere - where,
    }


def epochs_on_test(actual: FloatArray, by_epochs: FloatArray, sizes: Traps, seed: int) -> pd.DataFrame:
    """S3: choose the epoch on the test part, of large and of small test parts, and among epochs that are all alike.

    The last are coin flips: what the middle epoch predicts, many times, each time with noise of its own. None of them
    is better than another, so that whatever the choice seems to win is luck.

    Parameters
    ----------
    actual : ndarray of float32, shape (n,)
        Held-out ratings.
    by_epochs : ndarray of float32, shape (epochs, n)
        What each epoch predicts for them.
    sizes : params.Traps
        `repeats`, `small_part`, `flips` and `flip_noise`.
    seed : int
        As `chosen_on_test` has it.
    """
    need(len(actual) > 1, f"{len(actual)} held-out rating cannot be both chosen and judged on")
    half, noise = len(actual) // 2, sizes.flip_noise * float(actual.std())
    drawn = np.random.default_rng(seed).normal(scale=noise, size=(sizes.flips, len(actual)))
    flips = by_epochs[len(by_epochs) // 2] + drawn.astype(np.float32)
    small = min(sizes.small_part, half)

    def chosen(choices: FloatArray, size: int) -> dict[str, float]:
        return chosen_on_test(actual, choices, size, sizes.repeats, seed)

    readings: list[Row] = [(AS_PUBLISHED, "best epoch, small test part", chosen(by_epochs, small))]
    if half > small:
        readings.insert(0, (AS_PUBLISHED, "best epoch, large test part", chosen(by_epochs, half)))
    alike = f"best of {sizes.flips} copies of one epoch, each with its own noise"
    return table(*readings, (NOTHING_TO_CHOOSE, alike, chosen(flips, small)))


def shuffled(part: Interactions, seed: int) -> Loader:
    """Return the ratings of a part in random order, as a loader of batches gives them: users, items, ratings."""
    order = np.random.default_rng(seed).permutation(part.ratings.nnz)
    users, items, ratings = part.triples()
    return users[order], items[order], ratings[order]


def batch_means(loaders: Mapping[str, Loader], models: Mapping[str, RatingRecommender], size: int) -> pd.DataFrame:
    """S4: compare the mean prediction of each batch with its mean rating, on the ratings learnt from.

    Parameters
    ----------
    loaders : mapping of str to tuple
        Part ("train", "test") → its ratings in random order, as `shuffled` gives them.
    models : mapping of str to RatingRecommender
        Fitted on the train part; the first has learnt nothing.
    size : int
        Ratings in a batch.
    """
    readings: list[Row] = []
    for place, (name, model) in enumerate(models.items()):
        of_means, of_ratings = {}, {}
        for part, (users, items, actual) in loaders.items():
            predicted = model.predict(users, items)
            of_means[f"RMSE of batch means, {part}"] = _rmse_of_means(actual, predicted, size)
            of_ratings[f"RMSE, {part}"] = metrics.rmse(actual, predicted)
        readings.append((AS_PUBLISHED if place else KNOWING_NOTHING, name, of_means | of_ratings))
    found = table(*readings)
    need(found.iloc[:, 0].all(), "a model makes no error in the mean of its batches")
    return found


def _rmse_of_means(actual: FloatArray, predicted: FloatArray, size: int) -> float:
    starts = np.arange(0, len(actual), min(size, len(actual)))
    counts = np.diff(np.append(starts, len(actual)))
    means = (np.add.reduceat(values.astype(np.float64), starts) / counts for values in (actual, predicted))
    return metrics.rmse(*means)


def by_batch_size(loader: Loader, models: Mapping[str, RatingRecommender]) -> pd.DataFrame:
    """Return the RMSE of batch means for batches of 1, 2, 4, … ratings: a column for each model."""
    users, items, actual = loader
    need(len(actual) >= BATCHES, f"{len(actual)} ratings are too few for batches of several sizes")
    sizes = 2 ** np.arange(int(np.log2(len(actual) / BATCHES)) + 1)
    curves = {}
    for name, model in models.items():
        predicted = model.predict(users, items)
        curves[name] = [_rmse_of_means(actual, predicted, int(size)) for size in sizes]
    return pd.DataFrame(curves, index=pd.Index(sizes, name="ratings averaged before comparing"))


def worked_example(l2: float, sizes: Traps, *, seed: int = 0) -> pd.DataFrame:
    """S5: factorize the 3 × 5 example by Adam, once for every way of holding some of its ratings out.

    Adam's decay rates are its usual ones, factors are drawn from N(0, 1), and there are no biases, as in S5.

    Parameters
    ----------
    l2 : float
        Weight decay: added to the gradient of the mean squared error is l2 × the factors.
    sizes : params.Traps
        What the keys `example_…` say: 3 of 12 ratings held out make 220 splits.
    seed : int, optional
        Of the factors' start.

    Returns
    -------
    pandas.DataFrame
        A row for each split: the mean squared errors `train` and `test`, in squared rating units, and `mean`, that
        of predicting the mean of the training ratings.
    """
    ratings, held = np.array(EXAMPLE, dtype=np.float64), sizes.example_held
    cells = np.argwhere(~np.isnan(ratings))
    splits = np.array(list(combinations(range(len(cells)), held)))
    known, asked = (np.zeros((len(splits), *ratings.shape)) for _ in range(2))
    known[:, cells[:, 0], cells[:, 1]] = 1
    for cell in splits.T:
        known[np.arange(len(splits)), *cells[cell].T] = 0
        asked[np.arange(len(splits)), *cells[cell].T] = 1
    actual = np.nan_to_num(ratings)
    n_known = len(cells) - held
    rng = np.random.default_rng(seed)
    sides = [rng.normal(size=(len(splits), size, sizes.example_factors)) for size in ratings.shape]
    means, squares = ([np.zeros_like(side) for side in sides] for _ in range(2))
    for step in range(1, sizes.example_epochs + 1):
        users, items = sides
        error = 2 * known * (users @ items.mT - actual) / n_known
        gradients = error @ items + l2 * users, error.mT @ users + l2 * items
        for side, gradient, mean, square in zip(sides, gradients, means, squares, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            side -= (
                sizes.example_learning_rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
            )
    wrong = (sides[0] @ sides[1].mT - actual) ** 2
    level = (known * actual).sum(axis=(1, 2), keepdims=True) / n_known
    return pd.DataFrame(
        {
            "train": (known * wrong).sum(axis=(1, 2)) / n_known,
            "test": (asked * wrong).sum(axis=(1, 2)) / held,
            "mean": (asked * (level - actual) ** 2).sum(axis=(1, 2)) / held,
        }
    )


def l2_of(value: float) -> str:
    """Return "L2 of 0.1", as tables and metrics name a run of the example."""
    return "L2 of " + f"{value:.6f}".rstrip("0")


def over_fitting(runs: Mapping[float, pd.DataFrame]) -> pd.DataFrame:
    """S5: what the factorization learns by heart and what it then predicts, over all splits of the example.

    Parameters
    ----------
    runs : mapping of float to pandas.DataFrame
        L2 → what `worked_example` returns for it; the first is S5's own.
    """

    def losses(test: "pd.Series[float]", level: "pd.Series[float]") -> dict[str, float]:
        return {
            "test loss, median": float(test.median()),
            "test loss, mean": float(test.mean()),
            "worst tenth of test": float(test.quantile(0.9)),
            "splits better than the mean, %": 100 * float((test < level).mean()),
        }

    level = next(iter(runs.values()))["mean"]
    nothing = losses(level, level) | {"splits better than the mean, %": float("nan")}
    readings: list[Row] = [
        ("S5 printed", "one split", {"train loss, median": S5_TRAIN, "test loss, median": S5_TEST}),
        (KNOWING_NOTHING, "predict the mean of the ratings it has", nothing),
    ]
    for place, (l2, split) in enumerate(runs.items()):
        measured = {"train loss, median": float(split["train"].median())} | losses(split["test"], split["mean"])
        readings.append((MENDED if place else AS_PUBLISHED, l2_of(l2), measured))
    return table(*readings)
