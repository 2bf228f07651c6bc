"""What a family's notebook works with: `open_family("als", dataset)` gives data, models and methods to use them.

The order is the same for every family: `try_out` a model (it learns from the train part and makes its choices on the
validation part), look at `history`, then `keep` it (retrained on both parts, saved). `close` writes the metrics.
"""

import pandas as pd

from foldin import models
from foldin.core import costs, files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.progress import say
from foldin.models.parts.recommender import Recommender
from foldin.models.parts.validation import validate


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
    """

    def __init__(self, family: str, dataset: str) -> None:
        self.family = family
        self.dataset = dataset
        self.data = interactions.load(dataset)
        self.models = models.family(family, models.chosen(dataset, family))
        self._validation: dict[str, dict[str, float]] = {}
        self._history: dict[str, pd.DataFrame] = {}
        self._kept: dict[str, Recommender] = {}
        self._costs: dict[str, dict[str, float]] = {}

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
            say(f"{self.dataset}: {name}: fitting with seed {seed}")
            with files.whole_folder(paths.reseeded(self.dataset, self.family, name, seed)) as folder:
                self.models[name].refit(self.data.training, seed).save(folder)
        self._kept[name] = final
        return final

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
        """Write the training curves, the validation metrics, and what training cost (with the first seed).

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
        files.write_csv(paths.training(self.dataset, self.family), self.history())
        with files.whole_folder(paths.validation(self.dataset, self.family)) as folder:
            for name, metrics in self._validation.items():
                files.write_json(folder / f"{name}.json", metrics)
        costs.write(self.dataset, "train", self.family, self._costs)


def open_family(family: str, dataset: str) -> Workbench:
    """Return the workbench of a model family on a data set; the first call of every family's notebook."""
    return Workbench(family, dataset)
