"""What a family's notebook works with: `open_family("als", dataset)` gives data, models and methods to use them.

The order is the same for every family: `try_out` a model (it learns from the train part and makes its choices on the
validation part), look at `history`, then `keep` it (retrained on both parts, saved). `close` writes the metrics.
Fits with other seeds run in processes beside the notebook.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache, partial

import pandas as pd

from foldin import models
from foldin.core import costs, files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import TrainingData
from foldin.core.progress import say
from foldin.models.parts.recommender import Recommender
from foldin.models.parts.validation import validate
from foldin.workspace import workers


class Workbench:
    """The models of one family on one data set.

    Parameters
    ----------
    family : str
        The family: a module of foldin.models.
    dataset : str
        The data set.

    Attributes
    ----------
    data : TrainingData
        The train and validation parts.
    models : dict of str to Recommender
        Model name → untrained model with the settings of params.yaml, or those that the stage `tune` chose.
    left_out : dict of str to str
        Models skipped (too large for this data set, by params.yaml): name → why; none of them is in `models`.
    """

    def __init__(self, family: str, dataset: str) -> None:
        self.family = family
        self.dataset = dataset
        self.data = interactions.load(dataset)
        every = models.family(family, models.chosen(dataset, family))
        self.left_out = models.left_out(every, self.data.training)
        self.models = {name: model for name, model in every.items() if name not in self.left_out}
        for name, reason in self.left_out.items():
            say(f"{dataset}: {name} is skipped (too large): {reason}")
        self._validation: dict[str, dict[str, float]] = {}
        self._history: dict[str, pd.DataFrame] = {}
        self._kept: set[str] = set()
        self._costs: dict[str, dict[str, float]] = {}
        self._pool: ProcessPoolExecutor | None = None
        self._fits: dict[tuple[str, int], Future[None]] = {}

    def settings(self) -> pd.DataFrame:
        """Return the settings of every model of the family: those of params.yaml, or those that `tune` chose."""
        rows = {
            name: {key: str(value) for key, value in model.settings.model_dump().items()}
            for name, model in self.models.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").T.dropna(how="all").fillna("")

    def try_out(self, name: str) -> Recommender:
        """Fit a model on the train part, choices made on the validation part, and note its validation metrics.

        Parameters
        ----------
        name : str
            One of `models`.
        """
        say(f"{self.dataset}: {name}: learning from the train part")
        with costs.measured() as cost:
            model = self.models[name].fit(self.data.train, self.data.validation)
        self._costs[name] = cost.named("trying_out")
        k = params.list_length()
        metrics = validate(model, self.data.validation, k)
        # A model fitted in one step is a curve of one point, so that every family has a table of curves.
        watched = {"validation_rmse": metrics.get("rmse"), "validation_ndcg": metrics.get(f"ndcg_at_{k}")}
        point = {"epoch": 1} | {metric: value for metric, value in watched.items() if value is not None}
        self._history[name] = pd.DataFrame(model.history or [point])
        self._validation[name] = metrics
        return model

    def keep(self, name: str) -> Recommender:
        """Refit a tried-out model on all training data and save it for `evaluate`, also with other seeds where asked.

        Parameters
        ----------
        name : str
            One of `models`, tried out before.

        Raises
        ------
        FoldinError
            When it was not tried out.
        """
        if name not in self._validation:
            raise FoldinError(f"'{name}' was not tried out", remedy=f'call try_out("{name}") first')
        say(f"{self.dataset}: {name}: fitting on all training data")
        training = self.data.training
        with costs.measured() as cost:
            final = self.models[name].refit(training)
        self._costs[name] |= cost.named("training")
        with files.whole_folder(paths.models(self.dataset, self.family) / name) as folder:
            final.save(folder)
        for seed in range(final.seed + 1, final.seed + params.seeds(self.family)):
            self._fit_beside(name, final, seed)
        self._kept.add(name)
        return final

    def _fit_beside(self, name: str, final: Recommender, seed: int) -> None:
        """Start to fit and save a kept model with another seed, in another process where params.yaml allows one."""
        of = self.dataset, self.family, name, seed
        if self._pool is None and workers.beside():
            self._pool = workers.start(workers.beside())
        if self._pool is None:
            say(f"{self.dataset}: {name}: fitting with seed {seed}")
            _fit(final, self.data, *of)
            return
        if (earlier := self._fits.get((name, seed))) is not None and not earlier.cancel():
            earlier.exception()  # until it is through: two processes must not write one folder
        with _deaths_explained(), workers.interrupts_held_back():
            fit = self._fits[name, seed] = self._pool.submit(_fit_and_save, *of)
        fit.add_done_callback(partial(_said, f"{self.dataset}: {name}: fitted with seed {seed}"))

    def _wait(self) -> None:
        """Wait for the fits in other processes.

        Raises
        ------
        FoldinError
            When one fails, or its process died.
        """
        pool, fits, self._pool, self._fits = self._pool, self._fits, None, {}
        if pool is None:
            return
        try:
            with _deaths_explained():
                for fit in fits.values():
                    fit.result()
        except BaseException:
            workers.stop(pool)
            raise
        pool.shutdown()

    def history(self) -> pd.DataFrame:
        """Return the training curves so far: columns `model`, `epoch`, `metric`, `value`, one row for each value."""
        tables = []
        for name, table in self._history.items():
            long = table.melt("epoch", var_name="metric").dropna()
            tables.append(long.assign(model=name)[["model", "epoch", "metric", "value"]])
        return pd.concat(tables, ignore_index=True).astype({"epoch": int})

    def validation(self) -> pd.DataFrame:
        """Return the validation metrics of the models tried out, one row each."""
        return pd.DataFrame.from_dict(self._validation, orient="index")

    def close(self) -> None:
        """Wait for fits in other processes; write training curves, validation metrics, and costs (of the first seed).

        Raises
        ------
        FoldinError
            When a model of the family was not kept.
        """
        missing = [name for name in self.models if name not in self._kept]
        if missing:
            raise FoldinError(
                f"the notebook of '{self.family}' kept no {', '.join(missing)}",
                remedy=f'call keep("{missing[0]}") before close()',
            )
        self._wait()
        files.write_csv(paths.training(self.dataset, self.family), self.history())
        if self.left_out:
            files.write_json(paths.left_out(self.dataset, self.family), self.left_out)
        else:
            paths.staged(paths.left_out(self.dataset, self.family)).unlink(missing_ok=True)
        with files.whole_folder(paths.validation(self.dataset, self.family)) as folder:
            for name, metrics in self._validation.items():
                files.write_json(folder / f"{name}.json", metrics)
        costs.write(self.dataset, "train", self.family, self._costs)


def open_family(family: str, dataset: str) -> Workbench:
    """Return the workbench of a model family on a data set; the first call of every family's notebook."""
    return Workbench(family, dataset)


def _said(text: str, fit: Future[None]) -> None:
    if not fit.cancelled() and fit.exception() is None:
        say(text)


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
