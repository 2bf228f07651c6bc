"""Hybrids: a weighted sum of models of other families, the weights fitted on the validation part.

- `stack-ratings` adds predicted ratings, with weights by non-negative least squares;
- `stack-ranking` adds scores, standardized for each user, with weights by greedy selection.

A hybrid fits its parts itself, on the train part, and then its weights on what they predict for the validation part. So
it needs no other family's stage to have run, `fit` and `fold_in` are all it takes, and a part may have settings of its
own. That costs the time of its parts a second time; networks, which take longer than all others together, cannot be
parts. A part that refuses the data is left out, and a part whose weight is 0 is not fitted again.

A part that stops early does so on the same validation part, and looks a little better there than it is:
docs/method.md has the size of that. `foldin.models.parts.stack_worth` says whether the sum is worth its cost.
"""

from abc import abstractmethod
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from scipy import sparse

from foldin.core.bounds import Damping, ListLength, Penalty
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values, matrix
from foldin.core.params import Section
from foldin.core.progress import say, tick
from foldin.metrics import blocks
from foldin.models import als, baselines, bayesian, content, graph, linear, neighbours, svd
from foldin.models.parts import stack_worth, stacking
from foldin.models.parts.recommender import Arrays, RatingRecommender, Recommender
from foldin.models.parts.stack_worth import Chosen, Judgements
from foldin.models.parts.stacking import Weights

FAMILIES = (baselines, svd, als, bayesian, neighbours, linear, graph, content)
PARTS: dict[str, type[Recommender]] = {name: cls for family in FAMILIES for name, cls in family.MODELS.items()}
HELD_OUT = 0.1
"""Share of the ratings that the weights are fitted on where there is no validation part."""
WIDEST = 4_000_000
"""Cells of scores gathered at once; bounds memory, changes no weight."""

Steps = Annotated[int, Field(ge=1, le=1000)]
PartSettings = dict[str, Any]


class StackSettings(Section):
    """Settings of every hybrid."""

    parts: dict[str, PartSettings] = Field(min_length=1)

    @field_validator("parts")
    @classmethod
    def _parts_that_exist(cls, parts: dict[str, PartSettings], info: ValidationInfo) -> dict[str, PartSettings]:
        whole = {}
        for name, given in parts.items():
            if name not in PARTS:
                raise ValueError(f"'{name}' is no model that can be a part; these can: {', '.join(PARTS)}")
            try:
                whole[name] = PARTS[name].Settings.model_validate(given).model_dump()
            except ValidationError as error:
                fault = error.errors()[0]
                key = ".".join([name, *map(str, fault["loc"])])
                raise ValueError(f"{key}: {fault['msg'].lower()}") from None
        return whole


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
        Parts that refused the data, and why.
    """

    settings: StackSettings

    def __init__(self, settings: Section | None = None, *, seed: int = 0) -> None:
        super().__init__(settings, seed=seed)
        self.parts: dict[str, Recommender] = {}
        self.part_names: list[str] = []
        self.left_out: dict[str, str] = {}
        self.weights = Weights(0.0, np.zeros(0))
        self._epochs: dict[str, int | None] | None = None

    def refit(self, training: Interactions, seed: int | None = None) -> Self:
        """Return a new stack with the same weights, its parts fitted on all training data; see `Recommender.refit`."""
        final = type(self)(self.settings, seed=self.seed if seed is None else seed)
        final.name, final.weights, final.part_names = self.name, self.weights, self.part_names
        final._epochs = {name: part.epochs for name, part in self.parts.items()}
        return final.fit(training)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        if self._epochs is None:
            learning, judging = train, validation
            if judging is None or judging.ratings.nnz == 0:
                learning, judging = without_some(train, self.seed)
            fitted = self._fit_all(learning, judging)
            self.part_names = list(fitted)
            self.weights = self._choose(fitted, learning, judging)
            self.parts = {name: fitted[name] for name in self._used()}
            if learning is train:
                return
            self._epochs = {name: part.epochs for name, part in self.parts.items()}
        self.parts = {}
        for name, epochs in self._epochs.items():
            self.parts[name] = self._part(name)
            self.parts[name].epochs = epochs
            self.parts[name].fit(train)

    def _used(self) -> list[str]:
        return [name for name, weight in zip(self.part_names, self.weights.of_parts, strict=True) if weight > 0]

    def _weight(self, name: str) -> float:
        return float(self.weights.of_parts[self.part_names.index(name)])

    def _part(self, name: str) -> Recommender:
        cls = PARTS[name]
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
                part.restore_prepared({key.removeprefix(start): own.pop(key) for key in list(own) if start in key})
            part._restore(own)
            self.parts[name] = part


class StackedRatings(Stack, RatingRecommender):
    """`stack-ratings`: an intercept plus a weighted sum of predicted ratings; no weight is below 0.

    Weights come from non-negative least squares on the validation part (Breiman 1996). Cold pairs are predicted by the
    same sum: each part says what it says of them.
    """

    class Settings(StackSettings):
        """Settings of `stack-ratings`."""

        shrinkage: Penalty
        damping: Damping

        @field_validator("parts")
        @classmethod
        def _of_ratings(cls, parts: dict[str, PartSettings]) -> dict[str, PartSettings]:
            for name in parts:
                if not PARTS[name].predicts_ratings:
                    raise ValueError(f"'{name}' predicts no ratings; make it a part of stack-ranking")
            return parts

    settings: Settings
    about = "A weighted sum of rating models, weights by non-negative least squares on validation (Breiman 1996)."

    def _damping(self) -> float:
        return self.settings.damping

    def _choose(self, fitted: dict[str, Recommender], train: Interactions, validation: Interactions) -> Weights:
        users, items, ratings = validation.triples()
        self._judged_by = users, ratings.astype(np.float64)
        self._predictions = np.column_stack([_raw(part, users, items) for part in fitted.values()])
        self._note_sizes(fitted)
        return stacking.least_squares(self._predictions, self._judged_by[1], self.settings.shrinkage)

    def worth(self) -> Judgements:
        """Return what each part adds, and what the stack gains, by RMSE; see `Stack.worth`."""
        (users, ratings), predictions = self._judged_by, self._predictions
        _, row = np.unique(users, return_inverse=True)
        counts = np.bincount(row).astype(np.float64)

        def sums(predicted: Values, of: Any = slice(None)) -> Values:
            errors = (ratings[of] - self.clipped(predicted.astype(np.float32))) ** 2
            return np.bincount(row[of], weights=errors, minlength=len(counts))

        def stacked(parts: Chosen, others: Chosen, judged: Chosen) -> Values:
            learning, judging = np.isin(row, others), np.isin(row, judged)
            weights = stacking.least_squares(
                predictions[learning][:, parts], ratings[learning], self.settings.shrinkage
            )
            return sums(stacking.blended(predictions[judging][:, parts], weights), judging)[judged]

        alone = np.column_stack([sums(predictions[:, part]) for part in range(predictions.shape[1])])
        return self._worth("RMSE", alone, counts, stacked)

    def predict(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return predicted ratings of pairs, clipped to the rating scale; see `RatingRecommender.predict`."""
        return self.clipped(self._predict(np.asarray(users, dtype=np.int32), np.asarray(items, dtype=np.int32)))

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        total = np.full(len(users), self.weights.intercept)
        for name, part in self.parts.items():
            total += self._weight(name) * _raw(part, users, items)
        return total.astype(np.float32)

    def _score(self, users: IntArray) -> FloatArray:
        total = np.full((len(users), self.known.shape[1]), self.weights.intercept)
        for name, part in self.parts.items():
            total += self._weight(name) * part.score(users)
        return total.astype(np.float32)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        total = np.full(ratings.shape, self.weights.intercept)
        for name, part in self.parts.items():
            total += self._weight(name) * part.fold_in(ratings)
        return total.astype(np.float32)


class StackedRanking(Stack):
    """`stack-ranking`: a weighted sum of scores, each model's standardized over the items that a user has not rated.

    Weights come from greedy selection with replacement by the validation NDCG (Caruana et al. 2004). The parts may
    predict ratings or rank: a rating model knows something of what a user will like among the items they may choose.
    """

    class Settings(StackSettings):
        """Settings of `stack-ranking`."""

        validation_k: ListLength
        candidates: ListLength
        steps: Steps

    settings: Settings
    about = "A weighted sum of standardized scores, weights by greedy selection on validation (Caruana et al. 2004)."

    def _choose(self, fitted: dict[str, Recommender], train: Interactions, validation: Interactions) -> Weights:
        users = np.flatnonzero(np.diff(validation.ratings.indptr)).astype(np.int32)
        gathered = []
        for block in blocks(users, max(1, WIDEST // (train.n_items * len(fitted)))):
            tick(f"{self.name}: candidates of user {block[0] + 1:,} of {train.n_users:,}")
            scores = [part.score(block) for part in fitted.values()]
            known, held_out = train.ratings[block], validation.ratings[block]
            gathered.append(stacking.candidates(scores, known, held_out, self.settings.candidates))
        self._candidates = stacking.joined(gathered)
        self._note_sizes(fitted)
        return Weights(0.0, stacking.greedy(self._candidates, self.settings.validation_k, self.settings.steps))

    def worth(self) -> Judgements:
        """Return what each part adds, and what the stack gains, by NDCG; see `Stack.worth`."""
        k, found = self.settings.validation_k, self._candidates

        def stacked(parts: Chosen, others: Chosen, judged: Chosen) -> Values:
            weights = np.zeros(len(found.scores))
            weights[parts] = stacking.greedy(found.of(others, parts), k, self.settings.steps)
            return found.of(judged).ndcg(weights, k)

        alone = found.ndcg_with(np.zeros(found.items.shape), found.scores, k).T
        return self._worth(f"NDCG@{k}", alone, np.ones(len(alone)), stacked)

    def _score(self, users: IntArray) -> FloatArray:
        known = self.known[users]
        return self._sum(known, lambda part: part.score(users))

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        return self._sum(ratings, lambda part: part.fold_in(ratings))

    def _sum(self, known: sparse.csr_array, scores_of: Any) -> FloatArray:
        total = np.zeros(known.shape)
        for name, part in self.parts.items():
            total += self._weight(name) * stacking.standardized(scores_of(part), known)
        return total.astype(np.float32)


def _raw(part: Recommender, users: IntArray, items: IntArray) -> Values:
    """Return a rating model's predictions of pairs, unclipped where both are known."""
    assert isinstance(part, RatingRecommender)
    warm = (users >= 0) & (items >= 0)
    predicted = np.empty(len(users))
    if warm.any():
        predicted[warm] = part._predict(users[warm], items[warm])
    if not warm.all():
        predicted[~warm] = part.predict(users[~warm], items[~warm])
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


MODELS: dict[str, type[Recommender]] = {"stack-ratings": StackedRatings, "stack-ranking": StackedRanking}
