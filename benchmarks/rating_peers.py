"""Compares `mf-l2` with Surprise's SVD, and `als-explicit` with cmfrec's ALS, on the official folds of ML-100K.

    python benchmarks/rating_peers.py               # needs scikit-surprise and cmfrec; minutes
    python benchmarks/rating_peers.py 1 2           # folds u1 and u2 only

FOLDIN_ARCHIVES names the folder of data sets. Every model tries its grid of settings on a random tenth of a fold's
training part, the same for all; with the best ones it is then fitted on all of the training part. The test part is used
once for each fold and model. All predictions are clipped to the scale; a pair that a model does not know counts too.
"""

import os
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

if __name__ == "__main__":
    from foldin.core import determinism

    determinism.fix_environment(1)

import numpy as np
import pandas as pd

from foldin import metrics, models
from foldin.core.interactions import Interactions, Scale, matrix
from foldin.traps.parts import split_by_rating

STARS, SHAPE = Scale(1, 5, 1), (943, 1682)
Settings = dict[str, float]
Predictor = Callable[[np.ndarray, np.ndarray], np.ndarray]
Fit = Callable[[Settings, Interactions, Interactions | None], tuple[Predictor, Settings]]
"""Settings, what to learn from, and what to stop early on → the fitted model, and the settings to fit it again with."""


def part(folder: Path, name: str) -> Interactions:
    """Return a part of a fold; the indices are the ids less 1."""
    table = np.loadtxt(folder / name, dtype=np.int64)
    cells = matrix((table[:, 0] - 1).astype(np.int32), (table[:, 1] - 1).astype(np.int32), table[:, 2], SHAPE)
    ids = pd.DataFrame(index=range(max(SHAPE)))
    return Interactions(cells, ids[: SHAPE[0]], ids[: SHAPE[1]], STARS)


def by_foldin(family: str, name: str) -> Fit:
    """Return how a model of foldin is fitted; it chooses its number of epochs itself."""

    def fit(settings: Settings, train: Interactions, held: Interactions | None) -> tuple[Predictor, Settings]:
        untrained = models.family(family)[name]
        epochs = settings.pop("best_epochs", None)
        made = type(untrained)(untrained.settings.model_copy(update=settings), seed=42)
        made.epochs = epochs
        made.fit(train, held)
        return made.predict, settings | {"best_epochs": made.epochs}

    return fit


def by_surprise(settings: Settings, train: Interactions, held: Interactions | None) -> tuple[Predictor, Settings]:
    """Fit Surprise's SVD."""
    from surprise import SVD, Dataset, Reader

    table = pd.DataFrame(dict(zip(("user", "item", "rating"), train.triples(), strict=True)))
    data = Dataset.load_from_df(table, Reader(rating_scale=(1, 5))).build_full_trainset()
    model = SVD(random_state=42, **settings).fit(data)
    return lambda users, items: np.array(
        [model.predict(user, item).est for user, item in zip(users.tolist(), items.tolist(), strict=True)]
    ), settings


def by_cmfrec(settings: Settings, train: Interactions, held: Interactions | None) -> tuple[Predictor, Settings]:
    """Fit cmfrec's ALS; it knows nothing of an item without ratings but its user's bias."""
    from cmfrec import CMF

    table = pd.DataFrame(dict(zip(("UserId", "ItemId", "Rating"), train.triples(), strict=True)))
    model = CMF(method="als", nthreads=1, verbose=False, random_state=42, **settings).fit(table)
    return lambda users, items: np.nan_to_num(model.predict(users, items), nan=float(table["Rating"].mean())), settings


CONTESTANTS: dict[str, tuple[Fit, dict[str, list[float]]]] = {
    "mf-l2": (by_foldin("svd", "mf-l2"), {"factors": [50], "l2": [0.04, 0.06, 0.08, 0.1, 0.13]}),
    "Surprise's SVD": (
        by_surprise,
        {"n_factors": [100], "lr_all": [0.01], "reg_all": [0.05, 0.08, 0.1, 0.13], "n_epochs": [20, 40, 80]},
    ),
    "als-explicit": (
        by_foldin("als", "als-explicit"),
        {"factors": [32], "regularization": [0.05, 0.08, 0.1, 0.13, 0.17]},
    ),
    "cmfrec's ALS": (by_cmfrec, {"k": [20, 40], "lambda_": [5.0, 10.0, 15.0, 20.0, 30.0], "niter": [10]}),
}


def error(predict: Predictor, held: Interactions) -> float:
    """Return the RMSE on a part, predictions clipped to the scale."""
    users, items, ratings = held.triples()
    return metrics.rmse(ratings, np.clip(predict(users, items), 1, 5).astype(np.float32))


def combinations(grid: dict[str, list[float]]) -> Iterator[Settings]:
    """Yield every combination of the values of a grid."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def judged(fit: Fit, grid: dict[str, list[float]], base: Interactions, test: Interactions, seed: int) -> float:
    """Return the test RMSE with the settings that are best on a tenth of the training part."""
    train, held = split_by_rating(base, 0.1, seed)
    tried = []
    for settings in combinations(grid):
        predict, again = fit(settings, train, held)
        tried.append((error(predict, held), again))
    best, again = min(tried, key=lambda each: each[0])
    print(f"u{seed}: {best:.4f} on the tenth with {again}", file=sys.stderr, flush=True)
    return error(fit(again, base, None)[0], test)


def compare(folds: list[int]) -> None:
    """Print a row for each model."""
    folder = Path(os.environ["FOLDIN_ARCHIVES"]) / "ml-100k"
    print(f"| model | {' | '.join(f'u{fold}' for fold in folds)} | mean |\n|---|{'---:|' * (len(folds) + 1)}")
    for name, (fit, grid) in CONTESTANTS.items():
        print(name, file=sys.stderr)
        found = [judged(fit, grid, part(folder, f"u{n}.base"), part(folder, f"u{n}.test"), n) for n in folds]
        print(f"| {name} | {' | '.join(f'{rmse:.4f}' for rmse in [*found, np.mean(found)])} |", flush=True)


if __name__ == "__main__":
    compare([int(fold) for fold in sys.argv[1:]] or [1, 2, 3, 4, 5])
