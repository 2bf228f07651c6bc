"""What hybrids share: fitting their parts, choosing the weights, fitting again, saving and loading.

A hybrid's parts are models like any other. They are fitted on the train part, their weights on what they predict for
the validation part; then those that have a weight are fitted on both.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.core.interactions import IntArray, Interactions, Values, matrix
from foldin.core.params import Section
from foldin.core.progress import say, tick
from foldin.models.parts import stack_worth
from foldin.models.parts.item_weights import LacksMemoryError
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, DivergedError, Recommender
from foldin.models.parts.stack_worth import Judgements
from foldin.models.parts.stacking import Weights

HELD_OUT = 0.1
"""Share of the ratings that the weights are fitted on where there is no validation part."""
PartSettings = dict[str, Any]


class StackSettings(Section):
    """Settings of every hybrid; a hybrid's own says which parts there can be."""

    parts: dict[str, PartSettings]


class Stack(Recommender):
    """A weighted sum of other models.

    Attributes
    ----------
    parts : dict of str to Recommender
        The fitted parts that have a weight.
    weights : Weights
        Of the parts that `part_names` names, in that order.
    part_names : list of str
        The parts that were fitted.
    left_out : dict of str to str
        Parts that refused the data or its size, and why.
    """

    available: ClassVar[Mapping[str, type[Recommender]]]
    """What can be a part, by name."""

    settings: StackSettings

    def __init__(self, settings: Section | None = None, *, seed: int = 0) -> None:
        super().__init__(settings, seed=seed)
        self.parts: dict[str, Recommender] = {}
        self.part_names: list[str] = []
        self.left_out: dict[str, str] = {}
        self.weights = Weights(0.0, np.zeros(0))
        # The epochs of parts that were chosen before, and weights with them; None where they are still to be chosen.
        self._epochs: dict[str, int | None] | None = None
        # Parts that `fit` takes as they are: of a stack that was fitted on the same ratings with another seed.
        self._fitted: dict[str, Recommender] = {}

    def refit(self, training: Interactions, seed: int | None = None) -> Self:
        """Return a new stack with the same weights, its parts fitted on all training data; see `Recommender.refit`.

        Raises
        ------
        FoldinError
            When the stack is not fitted, so that there are no weights to keep.
        """
        if not self.part_names:
            raise FoldinError(f"{self.name} is not fitted", remedy="call fit first, or load a saved one")
        final = type(self)(self.settings, seed=self.seed if seed is None else seed)
        final.name, final.weights, final.part_names = self.name, self.weights, self.part_names
        final._epochs = {name: part.epochs for name, part in self.parts.items()}
        if _equal(self._known, training.ratings):
            final._fitted = {name: part for name, part in self.parts.items() if not part.seeded}
        return final.fit(training)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        epochs = self._epochs
        if epochs is None:
            learning, judging = train, validation
            if judging is None or judging.ratings.nnz == 0:
                learning, judging = without_some(train, self.seed)
            fitted = self._fit_all(learning, judging)
            self.part_names = list(fitted)
            self.weights = self._choose(fitted, learning, judging)
            self.parts = {name: fitted[name] for name in self._used()}
            if learning is train:
                return
            epochs = {name: part.epochs for name, part in self.parts.items()}
        self.parts = {name: self._fitted.get(name) or self._part(name) for name in epochs}
        for name, part in self.parts.items():
            if name in self._fitted:
                continue
            tick(f"{self.name}: fitting {name} on all ratings")
            part.epochs = epochs[name]
            part.fit(train)

    def _used(self) -> list[str]:
        return [name for name, weight in zip(self.part_names, self.weights.of_parts, strict=True) if weight > 0]

    def _weight(self, name: str) -> float:
        return float(self.weights.of_parts[self.part_names.index(name)])

    def _part(self, name: str) -> Recommender:
        cls = self.available[name]
        part = cls(cls.Settings.model_validate(self.settings.parts[name]), seed=self.seed)
        part.name = f"{self.name}: {name}"
        return part

    def _fit_all(self, train: Interactions, validation: Interactions) -> dict[str, Recommender]:
        fitted, self.left_out = {}, {}
        for name in self.settings.parts:
            tick(f"{self.name}: fitting {name}")
            part = self._part(name)
            try:
                part.fit(train, validation)
            except (DivergedError, LacksMemoryError):
                raise
            except FoldinError as refused:
                self.left_out[name] = str(refused)
                say(f"{self.name} goes on without {name}: {refused}")
            else:
                fitted[name] = part
        if not fitted:
            raise FoldinError(
                f"no part of {self.name} can be fitted; the last says: {list(self.left_out.values())[-1]}",
                where="params.yaml (hybrid)",
                remedy="name other parts",
            )
        return fitted

    @abstractmethod
    def _choose(self, fitted: dict[str, Recommender], train: Interactions, validation: Interactions) -> Weights:
        """Return the weights of the fitted parts, and note what `worth` needs."""

    @abstractmethod
    def worth(self) -> Judgements:
        """Return what each part adds, and what the stack gains, on the validation part that it was fitted with."""

    def _noted(self, name: str) -> Any:
        """Return what `_choose` noted for `worth`.

        Raises
        ------
        FoldinError
            When this stack was loaded or fitted again: then nobody chose its weights.
        """
        if not hasattr(self, name):
            what = f"{self.name} did not choose its weights itself, so it has no validation predictions"
            raise FoldinError(what, remedy="call worth on the model that try_out returned")
        return getattr(self, name)

    def _worth(self, metric: str, alone: Values, counts: Values, stacked: Any) -> Judgements:
        weights = dict(zip(self.part_names, map(float, self.weights.of_parts), strict=True))
        return stack_worth.judged(metric, weights, self._megabytes, alone, counts, stacked)

    def _note_sizes(self, fitted: dict[str, Recommender]) -> None:
        self._megabytes = {
            name: sum(array.nbytes for array in part._arrays().values()) / 1e6 for name, part in fitted.items()
        }

    def _arrays(self) -> Arrays:
        arrays: Arrays = {"intercept": np.array(self.weights.intercept), "weights": self.weights.of_parts}
        arrays["part_names"] = np.array(self.part_names)
        for name, part in self.parts.items():
            own = part._arrays() | {"epochs": np.array(-1 if part.epochs is None else part.epochs)}
            arrays |= {f"{name}/{key}": array for key, array in own.items()}
            if isinstance(part, RatingRecommender):
                arrays |= {f"{name}/prepared/{key}": array for key, array in part.prepared().items()}
        return arrays

    def _restore(self, arrays: Arrays) -> None:
        self.part_names = [str(name) for name in arrays["part_names"]]
        self.weights = Weights(float(arrays["intercept"]), arrays["weights"])
        for name in self._used():
            part, start = self._part(name), f"{name}/"
            own = {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}
            epochs = int(own.pop("epochs"))
            part.epochs = None if epochs < 0 else epochs
            part._known = self.known
            if isinstance(part, RatingRecommender):
                start = "prepared/"
                part.restore_prepared(
                    {key.removeprefix(start): own.pop(key) for key in list(own) if key.startswith(start)}
                )
            part._restore(own)
            self.parts[name] = part


def _equal(one: sparse.csr_array | None, other: sparse.csr_array) -> bool:
    """Return whether two matrices store the same cells with the same values."""
    if one is None or one.shape != other.shape:
        return False
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in ("indptr", "indices", "data"))


def unclipped(part: Recommender, users: IntArray, items: IntArray, days: IntArray | None = None) -> Values:
    """Return a rating model's predictions of pairs, unclipped where both are known; see `RatingRecommender.predict`."""
    assert isinstance(part, RatingRecommender)
    warm = (users >= 0) & (items >= 0)
    predicted = np.empty(len(users))
    for rows, of_rows in ((warm, part._predict_on), (~warm, part.predict)):
        if rows.any():
            predicted[rows] = of_rows(users[rows], items[rows], None if days is None else days[rows])
    return predicted


def without_some(train: Interactions, seed: int) -> tuple[Interactions, Interactions]:
    """Return a training part less a tenth of its ratings, and that tenth; of a single rating, both parts are it."""
    users, items, ratings = train.triples()
    held = np.random.default_rng(seed).permutation(len(users)) < max(1, int(HELD_OUT * len(users)))
    if held.all():
        return train.with_ratings(train.ratings), train
    parts = (
        train.with_ratings(matrix(users[part], items[part], ratings[part], train.ratings.shape))
        for part in (~held, held)
    )
    return next(parts), next(parts)
