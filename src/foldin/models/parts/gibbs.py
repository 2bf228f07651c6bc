"""Factorization machines by Gibbs sampling: every weight is drawn, one by one, from its normal posterior.

The model (Rendle 2010) predicts a rating with features x as w0 + Σ w_j x_j + Σ_{j<l} v_j·v_l x_j x_l. Every group of
features has a normal prior of its weights, and one for each factor, whose mean and precision are drawn too (Rendle
2012, libFM; Salakhutdinov and Mnih 2008), and so is the precision of the noise: nothing needs tuning.

The prediction is linear in each single weight: a change by δ changes that of a rating by δ x (t + c), where t is the
sum of v x over the other features in the weight's own block, and c the sum over the rating's other blocks. So all that
a weight's posterior needs of the ratings of a block's row is five sums, which are kept up to date while the block's
weights are drawn (Rendle 2013, "Scaling factorization machines to relational data"). For the weights w, t + c is 1.

`Sampler` holds the state and orders the draws; foldin.models.parts.gibbs_kernels draws. All random numbers are numpy's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from foldin.core.interactions import Values
from foldin.models.parts.gibbs_kernels import (
    E_,
    Q_,
    SHIFT,
    SLOPE,
    SUM,
    add_sums,
    bring_up_to_date,
    draw_features,
    draw_ids,
    sum_up,
    totals,
)
from foldin.models.parts.relations import Block, Group

INITIAL_SPREAD = 0.1
"""Standard deviation of the factors that the first sweep starts from, in spreads of the ratings."""
WORTH_THREADS = 3_000_000
"""Ratings from which on a sweep spreads over threads: they wait for each other five times for each factor and block,
which on a busy machine takes far longer than the work."""
# The hyperpriors of libFM and myFM: weak ones, worth one imaginary weight, or rating, of spread 1.
SHAPE, RATE, STRENGTH = 1.0, 1.0, 1.0


@dataclass
class Weights:
    """The weights of one group of features and their prior.

    Attributes
    ----------
    values : ndarray of float64, shape (factors + 1, n_features)
        w, then the factors.
    mean, precision : ndarray of float64, shape (factors + 1,)
        The normal prior of each row of `values`.
    """

    values: Values
    mean: Values
    precision: Values


class Sampler:
    """The state of the chain: weights, priors, noise, and the residual of every rating.

    Parameters
    ----------
    targets : ndarray of float64, shape (n_ratings,)
        What to predict: ratings around their mean, in units of their spread.
    blocks : sequence of Block
        The blocks whose rows the ratings point to.
    factors : int
        Length k of the vectors v; 0 for weights alone.
    rng : numpy.random.Generator
        Where all random numbers come from.

    Attributes
    ----------
    constant : float
        w0.
    noise : float
        The precision of the noise.
    ids, others : list of Weights, list of list of Weights
        For each block, the weights of its rows' own features, and of each of its groups.
    biases : list of ndarray of float64, shape (n_rows,)
        For each block, what its rows add to a prediction whatever the other blocks' rows are.
    rated : list of ndarray of bool, shape (n_rows,)
        For each block, which of its rows have a rating.
    sums : list of ndarray of float64, shape (factors, n_rows)
        For each block, its rows' sums of v x: predictions add the dot product of every two blocks' sums.
    """

    def __init__(self, targets: Values, blocks: Sequence[Block], factors: int, rng: np.random.Generator) -> None:
        self._blocks, self._factors, self._rng = list(blocks), factors, rng
        self.constant, self.noise = 0.0, 1.0
        self.ids = [self._start(block.n_rows) for block in blocks]
        self.others = [[self._start(group.n_features) for group in block.groups] for block in blocks]
        self.rated = [block.counts > 0 for block in blocks]
        self.biases = [np.zeros(block.n_rows) for block in blocks]
        self.sums = [np.zeros((factors, block.n_rows)) for block in blocks]
        self._tables = [np.zeros((block.n_rows, 8)) for block in blocks]
        for number, block in enumerate(blocks):
            squares = self._add_up(number, block)
            self.biases[number] += ((self.sums[number] ** 2 - squares) / 2).sum(axis=0)
        self._cells = np.zeros((len(targets), 2))
        self._cells[:, E_] = targets - self.predictions()

    def _start(self, n_features: int) -> Weights:
        values = self._rng.normal(scale=INITIAL_SPREAD, size=(self._factors + 1, n_features))
        values[0] = 0
        return Weights(values, np.zeros(self._factors + 1), np.ones(self._factors + 1))

    def _add_up(self, number: int, block: Block) -> Values:
        # Sets the sums of v x, and returns those of (v x)².
        own = self.ids[number].values[1:]
        self.sums[number] += own
        squares = own**2
        for group, weights in zip(block.groups, self.others[number], strict=True):
            feature_of = np.repeat(np.arange(group.n_features), np.diff(group.starts))
            for factor in range(self._factors):
                terms = weights.values[1 + factor, feature_of] * group.values
                self.sums[number][factor] += np.bincount(group.rows, terms, block.n_rows)
                squares[factor] += np.bincount(group.rows, terms**2, block.n_rows)
        return squares

    def predictions(self) -> Values:
        """Return what this state predicts of every rating, shape (n_ratings,), computed anew."""
        total = np.full(len(self._blocks[0].row_of), self.constant)
        for block, biases in zip(self._blocks, self.biases, strict=True):
            total += biases[block.row_of]
        for factor in range(self._factors):
            sums = [own[factor, block.row_of] for block, own in zip(self._blocks, self.sums, strict=True)]
            for second in range(1, len(sums)):
                for first in range(second):
                    total += sums[first] * sums[second]
        return total

    @property
    def residuals(self) -> Values:
        """What this state's predictions leave of every target, shape (n_ratings,)."""
        return self._cells[:, E_]

    def sweep(self) -> None:
        """Draw everything once: noise, constant, then weight after weight."""
        before = numba.get_num_threads()
        numba.set_num_threads(before if len(self._cells) >= WORTH_THREADS else 1)
        try:
            self._sweep()
        finally:
            numba.set_num_threads(before)

    def _sweep(self) -> None:
        self._draw_noise()
        self._draw_constant()
        self._cells[:, Q_] = 0
        for number in range(len(self._blocks)):
            self._draw_block(number, 0)
        for factor in range(self._factors):
            self._cells[:, Q_] = 0
            for block, sums in zip(self._blocks, self.sums, strict=True):
                add_sums(block.row_of, sums[factor], self._cells)
            for number in range(len(self._blocks)):
                self._draw_block(number, 1 + factor)

    def _draw_noise(self) -> None:
        _, squares = totals(self.residuals)
        self.noise = self._rng.standard_gamma((SHAPE + len(self._cells)) / 2) / ((RATE + squares) / 2)

    def _draw_constant(self) -> None:
        errors, _ = totals(self.residuals)
        n = len(self._cells)
        precision = STRENGTH + self.noise * n
        mean = self.noise * (errors + n * self.constant) / precision
        drawn = mean + self._rng.standard_normal() / np.sqrt(precision)
        self._cells[:, E_] -= drawn - self.constant
        self.constant = drawn

    def _draw_block(self, number: int, which: int) -> None:
        # `which` is 0 for the weights w, and f for the factor f, counted from 1.
        block, table = self._blocks[number], self._tables[number]
        linear = which == 0
        table[:, SUM] = 0 if linear else self.sums[number][which - 1]
        sum_up(block.order, block.starts, self._cells, table)
        self._draw_prior(self.ids[number], which, self.rated[number])
        noise = self._rng.standard_normal(block.n_rows)
        weights = self.ids[number]
        draw_ids(weights.values[which], noise, weights.mean[which], weights.precision[which], self.noise, linear, table)
        for group, weights in zip(block.groups, self.others[number], strict=True):
            self._draw_prior(weights, which, group.known)
            self._draw_group(group, weights, which, table)
        self.biases[number] += table[:, SHIFT]
        if linear:
            table[:, SLOPE] = 0
        else:
            self.sums[number][which - 1] = table[:, SUM]
        bring_up_to_date(block.order, block.starts, table, self._cells)

    def _draw_group(self, group: Group, weights: Weights, which: int, table: Values) -> None:
        draw_features(
            group.starts,
            group.rows,
            group.values,
            weights.values[which],
            self._rng.standard_normal(group.n_features),
            weights.mean[which],
            weights.precision[which],
            self.noise,
            which == 0,
            table,
        )

    def _draw_prior(self, weights: Weights, which: int, known: npt.NDArray[np.bool_]) -> None:
        # The precision with the mean integrated out, then the mean: the two drawn jointly.
        values = weights.values[which, known]
        n = len(values)
        total, _ = totals(values)
        average = total / max(n, 1)
        _, squares = totals(values - average)
        rate = RATE + squares + average**2 * STRENGTH * n / (STRENGTH + n)
        precision = self._rng.standard_gamma((SHAPE + n) / 2) / (rate / 2)
        spread = 1 / np.sqrt(precision * (STRENGTH + n))
        weights.precision[which] = precision
        weights.mean[which] = total / (STRENGTH + n) + spread * self._rng.standard_normal()
