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

from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError, field_validator
from scipy import sparse

from foldin.core.bounds import Damping, ListLength, Penalty
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values
from foldin.core.loops import Blocks
from foldin.core.progress import tick
from foldin.metrics import blocks
from foldin.models import als, baselines, bayesian, content, graph, linear, neighbours, svd
from foldin.models.parts import stacking
from foldin.models.parts.portable import Portable, as_product, too_large_as_product, weighted_sum
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender
from foldin.models.parts.stack import PartSettings, Stack, StackSettings, unclipped
from foldin.models.parts.stack_worth import Chosen, Judgements
from foldin.models.parts.stacking import Candidates, Weights

FAMILIES = (baselines, svd, als, bayesian, neighbours, linear, graph, content)
PARTS: dict[str, type[Recommender]] = {name: cls for family in FAMILIES for name, cls in family.MODELS.items()}
WIDEST = 4_000_000
"""Cells of scores gathered at once; bounds memory, changes no weight."""

Steps = Annotated[int, Field(ge=1, le=1000)]


class HybridSettings(StackSettings):
    """Settings of every hybrid."""

    parts: dict[str, PartSettings] = Field(min_length=1)

    @field_validator("parts")
    @classmethod
    def _parts_that_exist(cls, parts: dict[str, PartSettings]) -> dict[str, PartSettings]:
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


class StackedRatings(Stack, RatingRecommender):
    """`stack-ratings`: an intercept plus a weighted sum of predicted ratings; no weight is below 0.

    Weights come from non-negative least squares on the validation part (Breiman 1996). Cold pairs are predicted by the
    same sum: each part says what it says of them.
    """

    class Settings(HybridSettings):
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

    available = PARTS
    settings: Settings
    about = "A weighted sum of rating models; weights by non-negative least squares on validation (Breiman 1996)."

    def _damping(self) -> float:
        return self.settings.damping

    def _choose(self, fitted: dict[str, Recommender], train: Interactions, validation: Interactions) -> Weights:
        users, items, ratings = validation.triples()
        self._judged_by = users, ratings.astype(np.float64)
        days = validation.days_of_ratings()
        self._predictions = np.column_stack([unclipped(part, users, items, days) for part in fitted.values()])
        self._note_sizes(fitted)
        return stacking.least_squares(self._predictions, self._judged_by[1], self.settings.shrinkage)

    def worth(self) -> Judgements:
        """Return what each part adds, and what the stack gains, by RMSE; see `Stack.worth`."""
        (users, ratings), predictions = self._noted("_judged_by"), self._predictions
        _, row = np.unique(users, return_inverse=True)
        counts = np.bincount(row).astype(np.float64)

        def sums(predicted: Values, of: Any = slice(None)) -> Values:
            errors = (ratings[of] - self.clipped(predicted.astype(np.float32))) ** 2
            return np.bincount(row[of], weights=errors, minlength=len(counts)).astype(np.float64)

        def stacked(parts: Chosen, others: Chosen, judged: Chosen) -> Values:
            learning, judging = np.isin(row, others), np.isin(row, judged)
            weights = stacking.least_squares(
                predictions[learning][:, parts], ratings[learning], self.settings.shrinkage
            )
            return sums(stacking.blended(predictions[judging][:, parts], weights), judging)[judged]

        alone = np.column_stack([sums(predictions[:, part]) for part in range(predictions.shape[1])])
        return self._worth("RMSE", alone, counts, stacked)

    def _predict_any(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        return self._predict_on(users, items, days)

    def _predict_on(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        total = np.full(len(users), self.weights.intercept)
        for name, part in self.parts.items():
            total += self._weight(name) * unclipped(part, users, items, days)
        return total.astype(np.float32)

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        return self._predict_on(users, items, None)

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

    def portable(self) -> Portable:
        """Return the weighted biases of the parts, and their vectors side by side; see `Portable`."""
        parts = [(self._weight(name), part.portable()) for name, part in self.parts.items()]
        return weighted_sum(parts, self.weights.intercept)


class StackedRanking(Stack):
    """`stack-ranking`: a weighted sum of scores, each model's standardized over the items that a user has not rated.

    Weights come from greedy selection with replacement by the validation NDCG (Caruana et al. 2004). The parts may
    predict ratings or rank: a rating model knows something of what a user will like among the items they may choose.
    """

    class Settings(HybridSettings):
        """Settings of `stack-ranking`."""

        validation_k: ListLength
        candidates: ListLength
        steps: Steps

    available = PARTS
    settings: Settings
    about = "A weighted sum of standardized scores; weights by greedy selection on validation (Caruana et al. 2004)."

    def _choose(self, fitted: dict[str, Recommender], train: Interactions, validation: Interactions) -> Weights:
        users = np.flatnonzero(np.diff(validation.ratings.indptr)).astype(np.int32)
        gathered = []
        shown = Blocks(f"{self.name}: candidates of user", train.n_users)
        for block in blocks(users, max(1, WIDEST // (train.n_items * len(fitted)))):
            shown.begin(int(block[0]))
            scores = [part.score(block) for part in fitted.values()]
            known, held_out = train.ratings[block], validation.ratings[block]
            gathered.append(stacking.candidates(scores, known, held_out, self.settings.candidates))
        self._candidates = stacking.joined(gathered)
        self._note_sizes(fitted)
        return Weights(0.0, stacking.greedy(self._candidates, self.settings.validation_k, self.settings.steps))

    def worth(self) -> Judgements:
        """Return what each part adds, and what the stack gains, by NDCG; see `Stack.worth`."""
        k = self.settings.validation_k
        found: Candidates = self._noted("_candidates")

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

    def portable(self) -> Portable:
        """Return sparse vectors that hold those of all parts, standardized for each user; see `Portable`.

        Raises
        ------
        FoldinError
            When they would be too large, or a part is `random`: names the parts, which are models of their own.
        """
        parts = [part.portable() for part in self.parts.values()]
        refused = too_large_as_product(parts, self.known)
        if refused is not None:
            remedy = f"export a part instead: {', '.join(self.parts)}"
            raise FoldinError(f"{self.name} cannot be exported: {refused}", remedy=remedy)
        factors, shifts = [], []
        users = np.arange(self.known.shape[0], dtype=np.int32)
        for name, part in self.parts.items():
            tick(f"{self.name}: standardizing {name}")
            measured = [
                stacking.standards(part.score(block), self.known[block])
                for block in blocks(users, max(1, WIDEST // self.known.shape[1]))
            ]
            means, spreads = (np.concatenate(column) for column in zip(*measured, strict=True))
            factors.append(self._weight(name) / spreads)
            shifts.append(-factors[-1] * means)
        return as_product(parts, self.known, factors, np.sum(shifts, axis=0))

    def _sum(self, known: sparse.csr_array, scores_of: Any) -> FloatArray:
        total = np.zeros(known.shape)
        for name, part in self.parts.items():
            total += self._weight(name) * stacking.standardized(scores_of(part), known)
        return total.astype(np.float32)


MODELS: dict[str, type[Recommender]] = {"stack-ratings": StackedRatings, "stack-ranking": StackedRanking}
