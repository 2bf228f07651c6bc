"""Finds and loads the saved model of a data set by its name, with the training part that it was fitted on."""

import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from foldin.core import files, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, Interactions
from foldin.datasets import registry
from foldin.models import family_models
from foldin.models.parts.recommender import Recommender
from foldin.recommend import names
from foldin.report import standings

DAMAGED = (OSError, TypeError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a model raises whose files are not whole."""


class NotPossibleError(FoldinError):
    """Raised for what a kind of model cannot do."""


@dataclass(frozen=True)
class Saved:
    """A saved model and what it was fitted on.

    Attributes
    ----------
    dataset, family : str
        Where it stands.
    model : Recommender
        The model; its `name` is that of params.yaml.
    training : Interactions
        All that it learned from: train and validation part.
    chosen : str, optional
        Why this model, where nobody named one.
    """

    dataset: str
    family: str
    model: Recommender
    training: Interactions
    chosen: str = ""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def headline(self) -> str:
        """The line above every result: which model of which data set it is, and why."""
        return f"{self.dataset}: {self.name}" + (f", {self.chosen}" if self.chosen else "")

    def fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Return the scores of users by these ratings alone; see `Recommender.fold_in`.

        Raises
        ------
        NotPossibleError
            When this kind of model cannot.
        """
        try:
            return self.model.fold_in(ratings)
        except FoldinError as error:
            # `Recommender` names the protocol that needs fold-in; any other fault is not the kind's.
            if "split.protocol" not in (error.where or ""):
                raise
            what = f"{self.name} cannot score somebody by their ratings alone (no fold-in)"
            raise NotPossibleError(what, remedy="choose another model, such as als-implicit") from None

    def meaning(self) -> str:
        """Return what a score of the model means, in one sentence."""
        scale = self.training.scale
        if not self.model.predicts_ratings:
            return f"Scores of {self.name} only order the items of one list; they are not ratings."
        if scale.feedback == "implicit":
            return f"Scores of {self.name} are predicted strengths of interest, log(1 + count)."
        if registry.get(self.dataset).normalized:
            return f"{self.name} predicts ratings: scores are shares of the way up each domain's own scale, 0 to 1."
        return (
            f"{self.name} predicts ratings: scores are predicted ratings on the scale {scale.lowest:g} to "
            f"{scale.highest:g}, not cut off at its ends."
        )


def open_saved(dataset: str, model: str, chosen: str = "") -> Saved:
    """Load a saved model of a data set.

    Parameters
    ----------
    dataset : str
        Name of a data set that exists; see `names.dataset`.
    model : str
        The model, as params.yaml names it.
    chosen : str, optional
        Why this model, where nobody named one.

    Raises
    ------
    FoldinError
        When there is no such model; when it was left out, is not trained yet, is not whole, or was fitted on other
        data than the training part that is here.
    """
    families = names.families_of_models()
    if model not in families:
        remedy = names.did_you_mean(model, sorted(families), "models")
        raise FoldinError(f"unknown model '{model}'", remedy=f"{remedy} `foldin show {dataset}` lists all")
    family = families[model]
    folder = paths.models(dataset, family) / model
    place = folder.relative_to(paths.root())
    _refuse_skipped(dataset, family, model)
    if not (folder / "model.json").is_file():
        raise FoldinError(
            f"'{model}' is not trained on '{dataset}' yet", where=place, remedy=_training(dataset, family)
        )
    training = interactions.load(dataset).training
    try:
        loaded = family_models(family)[model].load(folder)
    except DAMAGED as error:
        what = f"the saved model is not whole ({repr(error).splitlines()[0]})"
        raise FoldinError(what, where=place, remedy=f"train it again: dvc repro -f train@{dataset}-{family}") from None
    loaded.name = model
    known, cells = loaded.known, training.ratings
    if not (
        known.shape == cells.shape
        and np.array_equal(known.indptr, cells.indptr)
        and np.array_equal(known.indices, cells.indices)
    ):
        what = "the saved model was fitted on other ratings than those of data/user_item"
        raise FoldinError(what, where=place, remedy=f"train it again: dvc repro train@{dataset}-{family}")
    return Saved(dataset, family, loaded, training, chosen)


def by_rank(dataset: str) -> list[str]:
    """Return the models of a data set's leaderboard that rank, best NDCG first.

    Raises
    ------
    FoldinError
        When there is no leaderboard.
    """
    board = standings.rows(dataset, f"name a model with --model, or {_all_of_it(dataset)}")
    rows = [row for row in board if row["kind"] != standings.ORACLE and row["ndcg"]]
    # Equal metrics keep the order of the leaderboard.
    rows.sort(key=lambda row: -float(row["ndcg"]))
    if not rows:
        where = f"reports/{dataset}/{standings.FILE}"
        raise FoldinError("no model on it ranks", where=where, remedy="name a model with --model")
    return [row["model"] for row in rows]


def _refuse_skipped(dataset: str, family: str, model: str) -> None:
    file = paths.left_out(dataset, family)
    remedy = f"make it again: dvc repro -f train@{dataset}-{family}"
    reasons: dict[str, str] = files.read_json(file, remedy) if file.is_file() else {}
    if model in reasons:
        what = f"'{model}' is skipped (too large) on '{dataset}': {reasons[model]}"
        raise FoldinError(what, where=file.relative_to(paths.root()), remedy="choose another model")


def _training(dataset: str, family: str) -> str:
    if dataset not in params.datasets():
        return _all_of_it(dataset)
    return f"train it: dvc repro train@{dataset}-{family}, or all models: make repro"


def _all_of_it(dataset: str) -> str:
    listed = "" if dataset in params.datasets() else f"add '{dataset}' to `datasets` in params.yaml, then "
    return f"{listed}run: make repro"
