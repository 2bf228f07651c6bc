"""Mistakes in training and model selection, of three student projects: S3 (epochs), S4 (batch means), S5 (overfitting).

docs/gallery.md introduces the projects.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import TypeVar

import numpy as np
import pandas as pd

from foldin import metrics
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import DivergedError, Recommender
from foldin.models.svd import GradientDescentMF
from foldin.traps.tables import AS_PUBLISHED, CONTROL, CORRECTED, MISTAKE, Exhibit, NotShownError, Row, require, table

Model = TypeVar("Model", bound=Recommender)
Loader = tuple[IntArray, IntArray, FloatArray]
"""Users, items and ratings in the order in which they are batched."""
Draws = dict[tuple[str, str], pd.DataFrame]
"""(Reading, what is chosen) → what `chosen_on_test` returns."""

REPEATS = 200
"""Random test parts to choose on."""
COPIES = 100
"""Equally good copies of one epoch's predictions: the control of S3."""
COPY_NOISE = 0.1
"""Standard deviation of each copy's noise, as a share of that of the ratings."""
BATCH = 1024
"""Ratings that are averaged before they are compared (S4)."""
FEWEST_BATCHES = 4
"""At the largest size shown: a spread of fewer says nothing."""

EXAMPLE = ((1, None, 3, 4, 3), (2, 1, 2, 1, None), (1, None, 3, 4, 3))
"""The worked example of S5: three users, five items, None where a rating is missing."""
EXAMPLE_HELD = 3
"""Ratings held out, in each of the 220 ways there are."""
EXAMPLE_FACTORS, EXAMPLE_EPOCHS, EXAMPLE_LEARNING_RATE = 2, 200, 0.02
"""As in S5: length of the vectors, steps of Adam, and its learning rate."""
S5_L2 = 0.00001
"""The weight decay of S5, almost none."""
EXAMPLE_L2 = 0.1
"""An L2 strong enough to matter."""
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


def fitted(model: Model, train: Interactions) -> Model:
    """Fit a model, or raise `NotShownError` where its gradient descent diverges."""
    try:
        return model.fit(train)
    except DivergedError:
        raise NotShownError("gradient descent diverges on these ratings") from None


def by_epoch(settings: GradientDescentMF.Settings, train: Interactions, test: Interactions, seed: int) -> FloatArray:
    """Return what gradient descent predicts for the test pairs after each epoch, shape (epochs, n_test)."""
    model = RecordedDescent(settings, seed=seed)
    model.name = "mf-no-l2"
    model.asked = test.triples()[:2]
    fitted(model, train)
    return np.stack(model.noted)


def chosen_on_test(
    actual: FloatArray, choices: FloatArray, size: int, seed: int, *, repeats: int = REPEATS
) -> pd.DataFrame:
    """Draw many test parts, and choose the best of several predictions on each, and on other ratings.

    Parameters
    ----------
    actual : ndarray of float32, shape (n,)
        Held-out ratings.
    choices : ndarray of float32, shape (n_choices, n)
        What each choice (an epoch, a setting) predicts for them.
    size : int
        Ratings in a test part, and as many others.
    seed : int
        Of the draws.
    repeats : int, optional
        Draws of two parts, each of which is the test part once, so that sampling error cancels.

    Returns
    -------
    pandas.DataFrame, 2 × repeats rows
        RMSE on the test part of the choice made on it (`on_test`) and of the choice made on the others (`on_others`),
        the difference (`optimism`, never negative), and the `size` of the part.
    """
    rng = np.random.default_rng(seed)
    squares = np.square(choices.astype(np.float64) - actual)
    size = min(size, len(actual) // 2)
    found: list[tuple[float, float]] = []
    for _ in range(repeats):
        order = rng.permutation(len(actual))
        halves = [np.sqrt(squares[:, part].mean(axis=1)) for part in (order[:size], order[size : 2 * size])]
        for test, others in (halves, halves[::-1]):
            found.append((float(test.min()), float(test[np.argmin(others)])))
    draws = pd.DataFrame(found, columns=["on_test", "on_others"])
    return draws.assign(optimism=draws["on_others"] - draws["on_test"], size=size)


def epoch_choices(actual: FloatArray, by_epochs: FloatArray, small: int, seed: int, *, repeats: int = REPEATS) -> Draws:
    """S3: choose the epoch on a large and on a small test part; the control chooses among copies of one epoch.

    The copies are the middle epoch's predictions, each with its own noise. All are equally good, so any apparent
    improvement by choosing among them is due to chance.

    `small` is the size of the small test part; the other arguments are those of `chosen_on_test`.
    """
    require(len(actual) > 1, f"{len(actual)} held-out rating cannot be used both to choose and to evaluate")
    half = len(actual) // 2
    small = min(small, half)
    noise = np.random.default_rng(seed).normal(scale=COPY_NOISE * float(actual.std()), size=(COPIES, len(actual)))
    copies = by_epochs[len(by_epochs) // 2] + noise.astype(np.float32)
    found: Draws = {}
    for size in dict.fromkeys((half, small)):
        name = (MISTAKE, f"best of {len(by_epochs)} epochs, {size:,} test ratings")
        found[name] = chosen_on_test(actual, by_epochs, size, seed, repeats=repeats)
    name = (CONTROL, f"best of {COPIES} equal copies of one epoch, {small:,} test ratings")
    return found | {name: chosen_on_test(actual, copies, small, seed, repeats=repeats)}


def epochs_on_test(draws: Draws) -> Exhibit:
    """S3: say how much better a choice looks on the test part on which it was made."""
    rows: list[Row] = []
    for (reading, what), parts in draws.items():
        on_test, on_others = (float(parts[name].mean()) for name in ("on_test", "on_others"))
        rmse = {
            f"RMSE, chosen on the test part ({MISTAKE})": on_test,
            f"RMSE, chosen on other ratings ({CORRECTED})": on_others,
        }
        rows.append((reading, what, rmse | {"optimism": on_others - on_test}))
    *chosen, (_, _, luck) = rows
    by_size = " and ".join(f"{row[2]['optimism']:.4f} ({row[1].partition(', ')[2]})" for row in chosen)
    return Exhibit(
        table(*rows),
        f"The epoch chosen on the test part looks better than one chosen on other ratings, by {by_size}. All copies of "
        f"one epoch are equally good, yet the one chosen looks better by {luck['optimism']:.4f}.",
    )


def shuffled(part: Interactions, seed: int) -> Loader:
    """Return the ratings of a part in random order, as a loader of batches gives them: users, items, ratings."""
    order = np.random.default_rng(seed).permutation(part.ratings.nnz)
    users, items, ratings = part.triples()
    return users[order], items[order], ratings[order]


def batch_means(loaders: Mapping[str, Loader], models: Mapping[str, RatingRecommender], size: int = BATCH) -> Exhibit:
    """S4: compare the mean prediction of each batch with its mean rating, on train and test ratings.

    The loaders "train" and "test" are what `shuffled` returns. The first of the fitted models is the control.
    """
    readings: list[Row] = []
    for place, (name, model) in enumerate(models.items()):
        of_means, of_ratings = {}, {}
        for part, (users, items, actual) in loaders.items():
            predicted = model.predict(users, items)
            of_means[f"RMSE of batch means, {part}"] = _rmse_of_means(actual, predicted, size)
            of_ratings[f"RMSE, {part}"] = metrics.rmse(actual, predicted)
        readings.append((MISTAKE if place else CONTROL, name, of_means | of_ratings))
    found = table(*readings)
    require(found.iloc[:, 0].all(), "a model makes no error in its batch means")
    test = found["RMSE, test"]
    return Exhibit(
        found,
        f"By batch means, even predicting the mean has an error of only {found.to_numpy()[0, 0]:.4f}. Its RMSE on the "
        f"test ratings is {test.iloc[0]:.4f}, and that of the factorization {test.iloc[1]:.4f}.",
    )


def _rmse_of_means(actual: FloatArray, predicted: FloatArray, size: int) -> float:
    starts = np.arange(0, len(actual), min(size, len(actual)))
    counts = np.diff(np.append(starts, len(actual)))
    means = (np.add.reduceat(values.astype(np.float64), starts) / counts for values in (actual, predicted))
    return metrics.rmse(*means)


def by_batch_size(loader: Loader, models: Mapping[str, RatingRecommender]) -> pd.DataFrame:
    """Return the RMSE of batch means for batches of 1, 2, 4, … ratings: a column for each model."""
    users, items, actual = loader
    require(len(actual) >= FEWEST_BATCHES, f"{len(actual)} ratings are too few for several batch sizes")
    sizes = 2 ** np.arange(int(np.log2(len(actual) / FEWEST_BATCHES)) + 1)
    curves = {}
    for name, model in models.items():
        predicted = model.predict(users, items)
        curves[name] = [_rmse_of_means(actual, predicted, int(size)) for size in sizes]
    return pd.DataFrame(curves, index=pd.Index(sizes, name="ratings averaged before comparing"))


def worked_example(l2: float, *, held: int = EXAMPLE_HELD, epochs: int = EXAMPLE_EPOCHS, seed: int = 0) -> pd.DataFrame:
    """S5: factorize the 3 × 5 example by Adam, once for every way of holding out some of its ratings.

    Adam's decay rates are the defaults, factors start from N(0, 1), and there are no biases, as in S5.

    Parameters
    ----------
    l2 : float
        Weight decay: l2 × the factors is added to the gradient of the mean squared error.
    held, epochs : int, optional
        Ratings held out (3 of 12 make 220 splits), and steps of Adam.
    seed : int, optional
        Of the factors' start.

    Returns
    -------
    pandas.DataFrame
        A row for each split: the mean squared errors `train` and `test`, in squared rating units, and `mean`, that
        of predicting the mean of the training ratings.
    """
    ratings = np.array(EXAMPLE, dtype=np.float64)
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
    sides = [rng.normal(size=(len(splits), size, EXAMPLE_FACTORS)) for size in ratings.shape]
    means, squares = ([np.zeros_like(side) for side in sides] for _ in range(2))
    for step in range(1, epochs + 1):
        users, items = sides
        error = 2 * known * (users @ items.mT - actual) / n_known
        gradients = error @ items + l2 * users, error.mT @ users + l2 * items
        for side, gradient, mean, square in zip(sides, gradients, means, squares, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            side -= EXAMPLE_LEARNING_RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    wrong = (sides[0] @ sides[1].mT - actual) ** 2
    level = (known * actual).sum(axis=(1, 2), keepdims=True) / n_known
    return pd.DataFrame(
        {
            "train": (known * wrong).sum(axis=(1, 2)) / n_known,
            "test": (asked * wrong).sum(axis=(1, 2)) / held,
            "mean": (asked * (level - actual) ** 2).sum(axis=(1, 2)) / held,
        }
    )


def over_fitting(weak: pd.DataFrame, strong: pd.DataFrame) -> Exhibit:
    """S5: compare S5's L2 with a strong one, and with the mean, over all splits, as `worked_example` returns them."""

    def losses(test: "pd.Series[float]") -> dict[str, float]:
        return {
            "test loss, median": float(test.median()),
            "test loss, mean": float(test.mean()),
            "test loss, 90th percentile": float(test.quantile(0.9)),
        }

    def of(runs: pd.DataFrame) -> dict[str, float]:
        better = 100 * float((runs["test"] < runs["mean"]).mean())
        train = {"train loss, median": float(runs["train"].median())}
        return train | losses(runs["test"]) | {"splits with a lower loss than the mean, %": better}

    plain, matters, mean = of(weak), of(strong), losses(weak["mean"])
    median, average, better = "test loss, median", "test loss, mean", "splits with a lower loss than the mean, %"
    return Exhibit(
        table(
            (AS_PUBLISHED, "one split", {"train loss, median": S5_TRAIN, median: S5_TEST}),
            (MISTAKE, l2_of(S5_L2), plain),
            (CONTROL, "predict the mean of the training ratings", mean),
            (CORRECTED, l2_of(EXAMPLE_L2), matters),
        ),
        f"L2 reduces the mean test loss by a factor of {plain[average] / matters[average]:.1f} and the median by a "
        f"factor of {plain[median] / matters[median]:.1f}. Yet the factors beat predicting the mean on only "
        f"{matters[better]:.1f} % of the splits ({plain[better]:.1f} % with almost no L2), and their mean test loss is "
        f"{matters[average]:.2f} (predicting the mean: {mean[average]:.2f}).",
    )


def l2_of(value: float) -> str:
    """Return "L2 of 0.1", as tables and plots name a run of the example."""
    return "L2 of " + f"{value:.6f}".rstrip("0")
