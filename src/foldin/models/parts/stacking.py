"""How much each part of a stack counts: weights fitted on predictions for ratings that no part has learned from.

Ratings: non-negative least squares (Breiman 1996, "Stacked regressions"). Rankings: greedy selection with replacement
by NDCG (Caruana et al. 2004, "Ensemble selection from libraries of models"), without gradient or step size.

`foldin.models.parts.stack_worth` judges a stack with weights that were fitted on other users.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

from foldin.core.compiled import compiled
from foldin.core.interactions import FloatArray, IntArray, Values
from foldin.metrics.top_k import top_k


class Weights(NamedTuple):
    """What a stack adds up: `intercept` + Σ `of_parts`[p] · prediction of part p; `of_parts` has shape (n_parts,)."""

    intercept: float
    of_parts: Values


def least_squares(predictions: Values, ratings: Values, shrinkage: float) -> Weights:
    """Return the weights ≥ 0, and the intercept, of the smallest squared error.

    Minimizes Σ (r − b − Σ w_p x_p)² + `shrinkage` · v · Σ (w_p − 1/P)², where v is the variance of the ratings: few
    ratings leave the weights near those of a plain mean. The unit of the ratings does not matter. A part that says the
    same of every pair has weight 0.

    Parameters
    ----------
    predictions : ndarray of float64, shape (n, n_parts)
        Of ratings that no part has learned from.
    ratings : ndarray of float64, shape (n,)
        The ratings themselves.
    shrinkage : float
        The pull towards a plain mean, in ratings.
    """
    centre, mean = predictions.mean(axis=0), ratings.mean()
    spread = float(ratings.std()) or 1.0
    units = (predictions - centre) / spread
    weights = np.zeros(predictions.shape[1])
    # A part that says the same of every pair is an intercept. What is left of equal numbers is rounding.
    useful = np.flatnonzero(np.abs(units).max(axis=0, initial=0) > 1e-5)
    if len(useful):
        pull = np.sqrt(shrinkage) * np.eye(len(useful))
        targets = np.concatenate([(ratings - mean) / spread, pull.sum(axis=1) / len(useful)])
        weights[useful] = optimize.nnls(np.vstack([units[:, useful], pull]), targets)[0]
    return Weights(float(mean - _dots(centre[None], weights)[0]), weights)


def blended(predictions: Values, weights: Weights) -> Values:
    """Return what a stack predicts, shape (n,), of the predictions of its parts, shape (n, n_parts)."""
    return weights.intercept + _dots(predictions, weights.of_parts)


def _dots(rows: Values, weights: Values) -> Values:
    # Added up part by part: the order of a library's sum may follow the processor.
    total: Values = np.zeros(rows.shape[:-1])
    for part, weight in enumerate(weights):
        total += weight * rows[..., part]
    return total


def standardized(scores: FloatArray, known: sparse.csr_array) -> Values:
    """Return scores less their mean and divided by their standard deviation, over the items a user has not rated.

    Scores of different models have units of their own; so they can be added. Where there is nothing to tell items
    apart, all are 0.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, n_items)
        Scores of all items.
    known : scipy.sparse.csr_array, shape (n, n_items)
        Stored cells are rated.
    """
    means, spreads = standards(scores, known)
    values = scores.astype(np.float64) - means[:, None]
    values /= spreads[:, None]
    return values


def standards(scores: FloatArray, known: sparse.csr_array) -> tuple[Values, Values]:
    """Return the mean and the standard deviation of each row of scores over the items that a user has not rated.

    Parameters
    ----------
    scores, known
        As of `standardized`.

    Returns
    -------
    means, spreads : ndarray of float64, shape (n,)
        A spread is infinite where there is nothing to tell items apart.
    """
    values = scores.astype(np.float64)
    candidate = np.ones(values.shape, dtype=bool)
    candidate[np.repeat(np.arange(len(values)), np.diff(known.indptr)), known.indices] = False
    counts = np.maximum(candidate.sum(axis=1), 1)
    means: Values = np.where(candidate, values, 0).sum(axis=1) / counts
    values -= means[:, None]
    spreads: Values = np.sqrt(np.where(candidate, values**2, 0).sum(axis=1) / counts)
    # What is left of equal numbers is rounding.
    spreads[spreads <= 1e-6 * np.abs(scores).max(axis=1, initial=0)] = np.inf
    return means, spreads


@dataclass(frozen=True)
class Candidates:
    """For each user, the items that some part would recommend, with their standardized scores by every part.

    Attributes
    ----------
    items : ndarray of int32, shape (n_users, width)
        In ascending order; -1 where a user has fewer.
    scores : ndarray of float64, shape (n_parts, n_users, width)
        0 where there is no item.
    held_out : ndarray of bool, shape (n_users, width)
        Which of them are held out.
    n_held_out : ndarray of int, shape (n_users,)
        Number of each user's held-out items, those that no part would recommend included.
    """

    items: IntArray
    scores: Values
    held_out: npt.NDArray[np.bool_]
    n_held_out: npt.NDArray[np.intp]

    def of(self, users: npt.NDArray[np.intp], parts: npt.NDArray[np.intp] | None = None) -> "Candidates":
        """Return the candidates of some users, with the scores of some parts: all unless given."""
        scores = self.scores[:, users] if parts is None else self.scores[np.ix_(parts, users)]
        return Candidates(self.items[users], scores, self.held_out[users], self.n_held_out[users])

    def ndcg(self, weights: Values, k: int) -> Values:
        """Return the NDCG@k of each user, shape (n_users,), when scores are added with these weights."""
        total = _dots(np.moveaxis(self.scores, 0, -1), weights)
        ndcg: Values = self.ndcg_with(total, np.zeros((1, *self.items.shape)), k)[0]
        return ndcg

    def ndcg_with(self, total: Values, scores: Values, k: int) -> Values:
        """Return the NDCG@k of each user for a sum of scores to which one more is added, each of some in turn.

        Parameters
        ----------
        total : ndarray of float64, shape (n_users, width)
            The sum so far.
        scores : ndarray of float64, shape (n, n_users, width)
            What may be added.
        k : int
            Length of the lists.

        Returns
        -------
        ndarray of float64, shape (n, n_users)
            NDCG; ties fall to the lower item, as in every list.
        """
        discounts = 1 / np.log2(np.arange(2, k + 2))
        widths = (self.items >= 0).sum(axis=1)
        gained = _gains(total, scores, widths, self.held_out, discounts)
        ideal: Values = np.cumsum(discounts)[np.minimum(self.n_held_out, k) - 1]
        ndcg: Values = gained / ideal
        return ndcg


@compiled(parallel=True)
def _gains(
    total: Values, scores: Values, widths: npt.NDArray[np.intp], held_out: npt.NDArray[np.bool_], discounts: Values
) -> Values:
    n, n_users, _ = scores.shape
    k = len(discounts)
    gains = np.zeros((n, n_users))
    for user in numba.prange(n_users):
        for number in range(n):
            best, hit = np.full(k, -np.inf), np.zeros(k, dtype=np.bool_)
            # Items come in ascending order, and only a higher score moves a held one: so ties fall to the lower item.
            for place in range(widths[user]):
                value = total[user, place] + scores[number, user, place]
                if value > best[k - 1]:
                    rank = k - 1
                    while rank > 0 and value > best[rank - 1]:
                        best[rank], hit[rank] = best[rank - 1], hit[rank - 1]
                        rank -= 1
                    best[rank], hit[rank] = value, held_out[user, place]
            for rank in range(k):
                if hit[rank]:
                    gains[number, user] += discounts[rank]
    return gains


def candidates(scores: Sequence[FloatArray], known: sparse.csr_array, held_out: sparse.csr_array, n: int) -> Candidates:
    """Return the candidates of a block of users: of every part, the n best items that a user has not rated.

    Parameters
    ----------
    scores : sequence of ndarray of float32, shape (n_users, n_items)
        Scores of every part.
    known : scipy.sparse.csr_array, shape (n_users, n_items)
        What the parts learned from.
    held_out : scipy.sparse.csr_array, shape (n_users, n_items)
        A stored cell at least in every row.
    n : int
        Items of each part, at most.
    """
    units = [standardized(block, known) for block in scores]
    best = np.sort(
        np.concatenate([top_k(block.astype(np.float32), n, exclude=known)[0] for block in units], axis=1), axis=1
    )
    # An item that several parts would recommend is one candidate; what is no item goes to the end.
    again = np.zeros(best.shape, dtype=bool)
    again[:, 1:] = best[:, 1:] == best[:, :-1]
    last = np.int32(held_out.shape[1])
    best = np.sort(np.where(again | (best < 0), last, best), axis=1)
    present = best < last
    best = best[:, : max(1, int(present.sum(axis=1).max()))]
    present = present[:, : best.shape[1]]
    places = np.where(present, best, 0)
    of_parts = np.stack([np.where(present, np.take_along_axis(block, places, axis=1), 0) for block in units])
    relevant = np.zeros(held_out.shape, dtype=bool)
    counts = np.diff(held_out.indptr)
    relevant[np.repeat(np.arange(len(counts)), counts), held_out.indices] = True
    items = np.where(present, best, -1).astype(np.int32)
    return Candidates(items, of_parts, present & np.take_along_axis(relevant, places, axis=1), counts.astype(np.intp))


def joined(blocks: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all blocks of users, one below the other."""
    width = max(block.items.shape[1] for block in blocks)

    def widened(array: npt.NDArray[Any], fill: int | bool) -> npt.NDArray[Any]:
        room = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
        return np.pad(array, room, constant_values=fill)

    return Candidates(
        np.concatenate([widened(block.items, -1) for block in blocks]),
        np.concatenate([widened(block.scores, 0) for block in blocks], axis=1),
        np.concatenate([widened(block.held_out, False) for block in blocks]),
        np.concatenate([block.n_held_out for block in blocks]),
    )


def greedy(found: Candidates, k: int, steps: int) -> Values:
    """Return weights ≥ 0 of the parts, with sum 1, that are good by the mean NDCG@k of the users.

    Every step adds the part, also one that is in already, with which the sum of all chosen is best; ties fall to the
    first. The best of all steps is returned.

    Parameters
    ----------
    found : Candidates
        At least one user.
    k : int
        Length of the lists.
    steps : int
        Parts chosen, at most: a weight is a multiple of one part of so many.
    """
    scores = np.ascontiguousarray(found.scores)
    chosen, total = np.zeros(len(scores)), np.zeros(found.items.shape)
    best, best_value = chosen, -1.0
    for _ in range(steps):
        values = found.ndcg_with(total, scores, k).mean(axis=1)
        added = int(np.argmax(values))
        chosen = chosen.copy()
        chosen[added] += 1
        total += scores[added]
        if values[added] > best_value:
            best, best_value = chosen, values[added]
    weights: Values = best / best.sum()
    return weights
