"""The one interface of every model: fit, score, recommend, save and load; rating models also predict ratings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from foldin.core import arrays
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.core.params import Section
from foldin.metrics import top_k
from foldin.models.parts import storage
from foldin.models.parts.portable import Portable

Arrays = storage.Arrays
MOST_CELLS = 100_000_000
"""Scores that `recommend` holds at once, 0.4 GB: those of all users of MovieLens 20M would take 15 GB."""


class DivergedError(FoldinError):
    """A weight is no longer a finite number: the descent takes too long steps for these ratings."""


class Recommender(ABC):
    """A model that scores every item for a user.

    Parameters
    ----------
    settings : Section
        Values of the class's own `Settings`.
    seed : int
        Seed of everything random in `fit`.

    Attributes
    ----------
    name : str
        What progress and messages call the model: its name in params.yaml where it comes from there.
    history : list of dict
        One row for each epoch or iteration of the last `fit`: `epoch` (from 1) and the metrics watched, such as
        `train_rmse`, `validation_rmse`, `train_loss`, `validation_ndcg`.
    epochs : int or None
        The number of epochs that was best on the validation part; None for models without epochs.
    after_epoch : callable or None
        Called with each row of `history` as it is noted; what it raises ends the training.
    """

    Settings: ClassVar[type[Section]] = Section
    about: ClassVar[str] = ""
    """One sentence for the report: what the model is and where it comes from."""
    predicts_ratings: ClassVar[bool] = False
    seeded: ClassVar[bool] = True
    """Whether `fit` draws random numbers; without them, fits with different seeds are equal."""

    settings: Section
    """A class with `Settings` of its own declares this as one of them, so that mypy knows their names."""

    def __init__(self, settings: Section | None = None, *, seed: int = 0) -> None:
        self.settings = self.Settings() if settings is None else settings
        self.seed = seed
        self.name = type(self).__name__
        self.history: list[dict[str, float]] = []
        self.epochs: int | None = None
        self.after_epoch: Callable[[dict[str, float]], None] | None = None
        self._known: sparse.csr_array | None = None

    def fit(self, train: Interactions, validation: Interactions | None = None) -> Self:
        """Learn from a training part.

        Parameters
        ----------
        train : Interactions
            What to learn from.
        validation : Interactions, optional
            What to watch and to choose the number of epochs on; never learned from.

        Returns
        -------
        Recommender
            This model.

        Raises
        ------
        FoldinError
            When `train` is empty.
        """
        if train.ratings.nnz == 0:
            raise FoldinError("the training part is empty", remedy="lower split.test and split.validation")
        self.history, self._known = [], sparse.csr_array(train.ratings, copy=True)
        self._prepare(train)
        self._fit(train, validation)
        return self

    def refit(self, training: Interactions, seed: int | None = None) -> Self:
        """Return a new model with the same settings, fitted on all training data for the epochs chosen before.

        Parameters
        ----------
        training : Interactions
            Training and validation part together.
        seed : int, optional
            Another seed than this model's, to see what chance in training does.
        """
        final = type(self)(self.settings, seed=self.seed if seed is None else seed)
        final.epochs, final.name = self.epochs, self.name
        return final.fit(training)

    def too_large(self, n_users: int, n_items: int) -> str | None:
        """Return why the settings allow no training on data of this size; None if they allow it.

        Parameters
        ----------
        n_users, n_items : int
            Size of the data.
        """
        return None

    def score(self, users: IntArray) -> FloatArray:
        """Return the scores of all items for a block of users; higher is better.

        Parameters
        ----------
        users : ndarray of int, shape (n,)
            Indices of known users.

        Returns
        -------
        ndarray of float32, shape (n, n_items)
            Scores; comparable within a row.
        """
        return self._score(np.asarray(users, dtype=np.int32)).astype(np.float32, copy=False)

    def recommend(self, users: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Return the k best items each user has no training rating of, ties broken by item.

        Parameters
        ----------
        users : ndarray of int, shape (n,)
            Indices of known users.
        k : int
            Length of the lists.

        Returns
        -------
        items : ndarray of int32, shape (n, k)
            Item indices, best first; -1 where candidates run out.
        scores : ndarray of float32, shape (n, k)
            Their scores.
        """
        users = np.asarray(users)
        size = max(1, MOST_CELLS // self.known.shape[1])
        blocks = [users[start : start + size] for start in range(0, max(1, len(users)), size)]
        lists = [top_k.top_k(self.score(block), k, exclude=self.known[block]) for block in blocks]
        items, scores = zip(*lists, strict=True)
        return np.concatenate(items), np.concatenate(scores)

    def fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Return scores of all items for users who were not trained on, by their ratings.

        Parameters
        ----------
        ratings : scipy.sparse.csr_array of float32, shape (n, n_items)
            A row for each user; a stored cell is a rating, a stored 0 included.

        Returns
        -------
        ndarray of float32, shape (n, n_items)
            Scores as of `score`; the fitted model stays as it is.

        Raises
        ------
        FoldinError
            When this kind of model cannot.
        """
        return self._fold_in(ratings).astype(np.float32, copy=False)

    @property
    def known(self) -> sparse.csr_array:
        """The training ratings, shape (n_users, n_items): what is never recommended.

        Raises
        ------
        FoldinError
            When the model is not fitted.
        """
        if self._known is None:
            raise FoldinError(f"{self.name} is not fitted", remedy="call fit first, or load a saved one")
        return self._known

    def portable(self) -> Portable:
        """Return what scores are made of, for use without this library; a model overrides this.

        Raises
        ------
        FoldinError
            When scores cannot be put so.
        """
        raise FoldinError(f"{self.name} cannot be exported", remedy="choose another model, such as als-implicit")

    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing folder; the bytes depend on nothing but the model."""
        head = {"class": type(self).__name__, "seed": self.seed, "epochs": self.epochs}
        storage.write_head(folder, head | {"settings": self.settings.model_dump()}, self.known)
        arrays.write(folder / "arrays.npz", self._arrays())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        FoldinError
            When the folder holds no such model.
        """
        head, known = storage.read_head(folder, cls.__name__)
        model = cls(cls.Settings.model_validate(head["settings"]), seed=head["seed"])
        model.epochs, model._known = head["epochs"], known
        model._restore(arrays.read(folder / "arrays.npz"))
        return model

    def _prepare(self, train: Interactions) -> None:
        """Do what a kind of model always does before it learns; by default nothing."""
        return

    @abstractmethod
    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        """Learn; fill `history`; when `validation` is given and there are epochs, set `epochs` to the best number."""

    @abstractmethod
    def _score(self, users: IntArray) -> FloatArray:
        """Return scores, shape (n, n_items)."""

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        """Return scores by ratings alone; a model that can overrides this."""
        raise FoldinError(
            f"{self.name} cannot score users it was not trained on",
            where="params.yaml (split.protocol)",
            remedy="leave its family out of `families`, or choose a protocol that holds out no users",
        )

    @abstractmethod
    def _arrays(self) -> Arrays:
        """Return everything fitted, by name."""

    @abstractmethod
    def _restore(self, arrays: Arrays) -> None:
        """Take back what `_arrays` gave; `known` and `settings` are already there."""
