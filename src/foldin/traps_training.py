"""What was trained or chosen by mistake: the figures of the projects S3, S4 and S5, made again.

The projects are named as on the page of anchors (reports/anchors.md).
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import metrics
from foldin.interactions import FloatArray, IntArray, Interactions
from foldin.models.svd import GradientDescentMF
from foldin.recommender import RatingRecommender
from foldin.traps import AS_PUBLISHED, KNOWING_NOTHING, MENDED, Row, table

Values = npt.NDArray[np.float64]
Loader = tuple[IntArray, IntArray, FloatArray]
"""Users, items and ratings in the order in which batches are made of them."""
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


def by_epoch(settings: GradientDescentMF.Settings, train: Interactions, test: Interactions, seed: int) -> FloatArray:
    """Return what gradient descent predicts for the test pairs after each epoch, shape (epochs, n_test)."""
    model = RecordedDescent(settings, seed=seed)
    model.asked = test.triples()[:2]
    model.fit(train)
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


def epochs_on_test(actual: FloatArray, by_epochs: FloatArray, repeats: int, seed: int) -> pd.DataFrame:
    """S3: choose the epoch on the test part, of large and of small test parts, beside choosing among coin flips.

    Parameters
    ----------
    actual : ndarray of float32, shape (n,)
        Held-out ratings.
    by_epochs : ndarray of float32, shape (epochs, n)
        What each epoch predicts for them.
    repeats, seed : int
        As `chosen_on_test` has them.
    """
    half, small = len(actual) // 2, min(500, len(actual) // 2)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(100, len(actual)))
    flips = by_epochs[len(by_epochs) // 2] + noise.astype(np.float32)
    return table(
        (AS_PUBLISHED, "best epoch, large test part", chosen_on_test(actual, by_epochs, half, repeats, seed)),
        (AS_PUBLISHED, "best epoch, small test part", chosen_on_test(actual, by_epochs, small, repeats, seed)),
        (
            KNOWING_NOTHING,
            "best of 100 coin flips, small test part",
            chosen_on_test(actual, flips, small, repeats, seed),
        ),
    )


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
    return table(*readings)


def _rmse_of_means(actual: FloatArray, predicted: FloatArray, size: int) -> float:
    starts = np.arange(0, len(actual), min(size, len(actual)))
    counts = np.diff(np.append(starts, len(actual)))
    means = (np.add.reduceat(values.astype(np.float64), starts) / counts for values in (actual, predicted))
    return metrics.rmse(*means)


def by_batch_size(loader: Loader, models: Mapping[str, RatingRecommender]) -> pd.DataFrame:
    """Return the RMSE of batch means for batches of 1, 2, 4, … ratings: a column for each model."""
    users, items, actual = loader
    sizes = 2 ** np.arange(int(np.log2(len(actual) / 4)) + 1)
    curves = {}
    for name, model in models.items():
        predicted = model.predict(users, items)
        curves[name] = [_rmse_of_means(actual, predicted, int(size)) for size in sizes]
    return pd.DataFrame(curves, index=pd.Index(sizes, name="ratings averaged before comparing"))


def worked_example(l2: float, *, held: int = 3, epochs: int = 200, factors: int = 2, seed: int = 0) -> pd.DataFrame:
    """S5: factorize the 3 × 5 example by Adam, once for every way of holding some of its 12 ratings out.

    Learning rate 0.02, decay rates 0.9 and 0.999, factors drawn from N(0, 1), no biases, as in S5.

    Parameters
    ----------
    l2 : float
        Weight decay: added to the gradient of the mean squared error is l2 × the factors. S5 had 0.00001.
    held : int, optional
        Ratings held out; 3 of 12 make 220 splits.
    epochs, factors, seed : int, optional
        Steps, length of the vectors, and seed of their start.

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
    sides = [rng.normal(size=(len(splits), size, factors)) for size in ratings.shape]
    means, squares = ([np.zeros_like(side) for side in sides] for _ in range(2))
    for step in range(1, epochs + 1):
        users, items = sides
        error = 2 * known * (users @ items.mT - actual) / n_known
        gradients = error @ items + l2 * users, error.mT @ users + l2 * items
        for side, gradient, mean, square in zip(sides, gradients, means, squares, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            side -= 0.02 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    wrong = (sides[0] @ sides[1].mT - actual) ** 2
    level = (known * actual).sum(axis=(1, 2), keepdims=True) / n_known
    return pd.DataFrame(
        {
            "train": (known * wrong).sum(axis=(1, 2)) / n_known,
            "test": (asked * wrong).sum(axis=(1, 2)) / held,
            "mean": (asked * (level - actual) ** 2).sum(axis=(1, 2)) / held,
        }
    )


def over_fitting(published: pd.DataFrame, regularized: pd.DataFrame) -> pd.DataFrame:
    """S5: what the factorization learns by heart and what it then predicts, over all splits of the example.

    Parameters
    ----------
    published, regularized : pandas.DataFrame
        As `worked_example` returns them, without and with L2.
    """

    def losses(train: pd.Series, test: pd.Series) -> dict[str, float]:
        return {
            "train loss": float(train.median()),
            "test loss": float(test.median()),
            "worst tenth of test": float(test.quantile(0.9)),
        }

    return table(
        ("S5 printed", "one split", {"train loss": S5_TRAIN, "test loss": S5_TEST}),
        (AS_PUBLISHED, "L2 of 0.00001", losses(published["train"], published["test"])),
        (KNOWING_NOTHING, "predict the mean", losses(pd.Series(dtype=float), published["mean"])),
        (MENDED, "L2 of 0.1", losses(regularized["train"], regularized["test"])),
    )
