"""What a family's notebook works with: `open_family("als", dataset)` gives data, models and methods to use them.

The order is the same for every family: `try_out` a model (it learns from the train part and makes its choices on the
validation part), look at `history`, then `keep` it (retrained on both parts, saved). `close` writes the metrics.
Fits with other seeds run in processes beside the notebook. `try_out` with other settings, and `compare`, show a reader
what a setting does; nothing of it is kept.
"""

import importlib
from typing import Any

import pandas as pd
from IPython.display import Markdown, display

from foldin import models
from foldin.core import costs, engines, files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import say, step, within
from foldin.models.parts.recommender import Recommender
from foldin.report import plots
from foldin.workspace import changes
from foldin.workspace.changes import Tried
from foldin.workspace.other_seeds import OtherSeeds


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
        self._tuned = models.chosen(dataset, family)
        self._every = _by_engine(family, models.family(family, self._tuned))
        self.left_out = models.left_out(self._every, self.data.training)
        self.models = {name: model for name, model in self._every.items() if name not in self.left_out}
        for name, reason in self.left_out.items():
            say(f"{dataset}: {name} is skipped (too large): {reason}")
        self._tried: dict[str, Tried] = {}
        self._changes: dict[str, dict[str, Tried]] = {}
        self._kept: set[str] = set()
        self._costs: dict[str, dict[str, float]] = {}
        self._other_seeds = OtherSeeds(dataset, family, self.data)

    def settings(self) -> pd.DataFrame:
        """Return the settings of every model of the family: those of params.yaml, or those that `tune` chose."""
        rows = {
            name: {key: str(value) for key, value in model.settings.model_dump().items()}
            for name, model in self.models.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").T.dropna(how="all").fillna("")

    def about(self) -> Any:
        """Return a sentence for each model, as Markdown: printed lines would break in the middle of words."""
        lines = "\n".join(f"- `{name}`: {model.about}" for name, model in self.models.items())
        return Markdown(lines)  # type: ignore[no-untyped-call]

    def try_out(self, name: str, /, **settings: Any) -> Recommender:
        """Fit a model on the train part, choices made on the validation part, and note its validation metrics.

        Parameters
        ----------
        name : str
            One of `models`.
        **settings
            Other settings than those of the pipeline, such as `factors=64`. Then a model beside it is fitted, for
            `compare`: `models`, and what `keep` and `close` write, stay as they are.

        Returns
        -------
        Recommender
            The fitted model.

        Raises
        ------
        FoldinError
            When the family has no such model, or the model no such setting; when a value is out of bounds; when the
            model is too large for the data.
        """
        if settings:
            made = changes.changed(self._known(name), settings, self.data)
            with within(self.dataset):
                step(f"{made.name}: learning from the train part")
                made.fit(self.data.train, self.data.validation)
                self._changes.setdefault(name, {})[changes.label(settings)] = changes.look_at(made, self.data)
            return made
        if self._known(name).name in self.left_out:
            what = f"'{name}' is skipped (too large): {self.left_out[name]}"
            raise FoldinError(what, remedy="name another model, or a setting to change with it")
        with within(self._place(name)):
            step(f"{name}: learning from the train part")
            with costs.measured() as cost:
                model = self.models[name].fit(self.data.train, self.data.validation)
            self._costs[name] = cost.named("trying_out")
            self._tried[name] = changes.look_at(model, self.data)
        return model

    def _place(self, name: str) -> str:
        return f"{self.dataset}, model {list(self.models).index(name) + 1} of {len(self.models)}"

    def _known(self, name: str) -> Recommender:
        """Return a model of the family, one that is too large too."""
        if name not in self._every:
            remedy = params.nearest(name, list(self._every)).replace("valid keys are", "its models are")
            raise FoldinError(f"'{self.family}' has no model '{name}'", remedy=remedy)
        return self.models.get(name, self._every[name])

    def compare(self, name: str) -> pd.DataFrame:
        """Show a model beside itself with other settings: their curves in one plot, their metrics in one table.

        Parameters
        ----------
        name : str
            One of `models`, tried out before.

        Returns
        -------
        pandas.DataFrame of str
            Validation metrics, a row for each, that of the pipeline's settings first. The plot is displayed, where
            settings were changed and the model learns in epochs.

        Raises
        ------
        FoldinError
            When it was not tried out.
        """
        usual = "tuned" if self._tuned.get(self._known(name).name) else "params.yaml"
        found = {usual: self._tried[name]} if name in self._tried else {}
        found |= self._changes.get(name, {})
        if not found and name in self.left_out:
            return pd.DataFrame({"skipped (too large)": [self.left_out[name]]}, index=[usual])
        if not found:
            raise FoldinError(f"'{name}' was not tried out", remedy=f'call try_out("{name}") first')
        if len(found) > 1 and any(len(each.history) > 1 for each in found.values()):
            display(plots.learning_curves(changes.curves(found)))  # type: ignore[no-untyped-call]
        return changes.table(found)

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
        if name not in self._tried:
            raise FoldinError(f"'{name}' was not tried out", remedy=f'call try_out("{name}") first')
        training = self.data.training
        with within(self._place(name)):
            step(f"{name}: fitting on all training data")
            with costs.measured() as cost:
                final = self.models[name].refit(training)
        self._costs[name] |= cost.named("training")
        with files.whole_folder(paths.models(self.dataset, self.family) / name) as folder:
            final.save(folder)
        for seed in range(final.seed + 1, final.seed + params.seeds(self.family)):
            self._other_seeds.fit(name, final, seed)
        self._kept.add(name)
        return final

    def history(self) -> pd.DataFrame:
        """Return the training curves so far: columns `model`, `epoch`, `metric`, `value`, one row for each value."""
        return changes.curves(self._tried)

    def validation(self) -> pd.DataFrame:
        """Return the validation metrics of the models tried out, one row each; NaN where a model has no such metric."""
        return pd.DataFrame.from_dict({name: tried.metrics for name, tried in self._tried.items()}, orient="index")

    def metrics_table(self) -> pd.DataFrame:
        """Return the same as text with four decimals, to be read."""
        return changes.metrics_table({name: tried.metrics for name, tried in self._tried.items()})

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
        self._other_seeds.wait()
        files.write_csv(paths.training(self.dataset, self.family), self.history())
        if self.left_out:
            files.write_json(paths.left_out(self.dataset, self.family), self.left_out)
        else:
            paths.staged(paths.left_out(self.dataset, self.family)).unlink(missing_ok=True)
        with files.whole_folder(paths.validation(self.dataset, self.family)) as folder:
            for name, tried in self._tried.items():
                files.write_json(folder / f"{name}.json", tried.metrics)
        costs.write(self.dataset, "train", self.family, self._costs)


def open_family(family: str, dataset: str) -> Workbench:
    """Return the workbench of a model family on a data set; the first call of every family's notebook."""
    return Workbench(family, dataset)


def _by_engine(family: str, every: dict[str, Recommender]) -> dict[str, Recommender]:
    """Return untrained models as those that the engine fits; the local engine loads what they save."""
    there = engines.fitting(family)
    if there is None:
        return every
    classes: dict[str, type[Recommender]] = importlib.import_module(there).MODELS
    made = {name: classes[name](model.settings, seed=model.seed) for name, model in every.items()}
    for name, model in made.items():
        model.name = name
    return made
