"""Fits of kept models with other seeds, in processes beside the notebook where params.yaml allows them."""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache, partial

from foldin import models
from foldin.core import engines, files, interactions, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import TrainingData
from foldin.core.progress import step
from foldin.models.parts.recommender import Recommender
from foldin.workspace import workers


class OtherSeeds:
    """The fits of one family's kept models with other seeds.

    Parameters
    ----------
    dataset : str
        The data set.
    family : str
        The family.
    data : TrainingData
        Its train and validation parts.
    """

    def __init__(self, dataset: str, family: str, data: TrainingData) -> None:
        self._dataset, self._family, self._data = dataset, family, data
        self._pool: ProcessPoolExecutor | None = None
        self._fits: dict[tuple[str, int], Future[None]] = {}

    def fit(self, name: str, kept: Recommender, seed: int) -> None:
        """Start to fit and save a kept model with another seed, in another process where params.yaml allows one.

        Parameters
        ----------
        name : str
            The model.
        kept : Recommender
            The model as `keep` has saved it.
        seed : int
            The other seed.
        """
        of = self._dataset, self._family, name, seed
        if self._pool is None and workers.beside() and engines.fitting(self._family) is None:
            self._pool = workers.start(workers.beside())
        if self._pool is None:
            step(f"{self._dataset}: {name}: fitting with seed {seed}")
            _fit(kept, self._data, *of)
            return
        if (earlier := self._fits.get((name, seed))) is not None and not earlier.cancel():
            earlier.exception()  # until it is through: two processes must not write one folder
        with _deaths_explained(), workers.interrupts_held_back():
            fit = self._fits[name, seed] = self._pool.submit(_fit_and_save, *of)
        fit.add_done_callback(partial(_said, f"{self._dataset}: {name}: fitted with seed {seed}"))

    def wait(self) -> None:
        """Wait for the fits in other processes.

        Raises
        ------
        FoldinError
            When one fails, or its process died.
        """
        pool, fits, self._pool, self._fits = self._pool, self._fits, None, {}
        if pool is None:
            return
        step(f"{self._dataset}: waiting for fits with other seeds")
        try:
            with _deaths_explained():
                for fit in fits.values():
                    fit.result()
        except BaseException:
            workers.stop(pool)
            raise
        pool.shutdown()


def _said(text: str, fit: Future[None]) -> None:
    if not fit.cancelled() and fit.exception() is None:
        step(text)


@contextmanager
def _deaths_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        remedy = "most often memory ran out: close programs, or set processes: 1; then run it again"
        raise FoldinError("a process that fitted a model died", where="params.yaml", remedy=remedy) from None


def _fit_and_save(dataset: str, family: str, name: str, seed: int) -> None:
    """Fit and save a model in a process of its own, with all that was chosen for the one that `keep` has saved."""
    kept = models.family_models(family)[name].load(paths.staged(paths.models(dataset, family) / name))
    kept.name = name
    _fit(kept, _data(dataset), dataset, family, name, seed)


@lru_cache(maxsize=1)
def _data(dataset: str) -> TrainingData:
    return interactions.load(dataset)


def _fit(model: Recommender, data: TrainingData, dataset: str, family: str, name: str, seed: int) -> None:
    with files.whole_folder(paths.reseeded(dataset, family, name, seed)) as folder:
        model.refit(data.training, seed).save(folder)
