"""Rating models by Gibbs sampling: predictions are averages over draws, and no penalty is tuned.

`bayesian-mf` is matrix factorization with biases. `bayesian-fm-flipped` is a factorization machine whose features also
include who rated what, from both sides, the attributes of users and items and, where asked for, the day of the rating.
`foldin.models.parts.gibbs` draws; `foldin.models.parts.draws` and `foldin.models.parts.day_draws` keep the draws.
"""

import math
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import Damping, SomeShare, Width
from foldin.core.days import NO_DAY, UNKNOWN_DAY
from foldin.core.errors import FoldinError
from foldin.core.interactions import UNKNOWN, FloatArray, IntArray, Interactions, Values
from foldin.core.loops import Loop
from foldin.core.params import Section
from foldin.models.parts import features
from foldin.models.parts.day_draws import DayDraws
from foldin.models.parts.draws import Draws
from foldin.models.parts.gibbs import Sampler
from foldin.models.parts.portable import Portable
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Arrays, Recommender
from foldin.models.parts.relations import Group, block, group, implicit
from foldin.models.parts.watched_chain import Watch

Sweeps = Annotated[int, Field(ge=1, le=10_000)]
"""None ends the chain early: each draws all parameters once."""
KeptDraws = Annotated[int, Field(ge=1, le=10_000)]
"""All are kept in memory and on disk, each as large as a matrix factorization."""
FeatureCount = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""How many rows must share a value of a table; 0 leaves the tables out."""
PeriodDays = Annotated[int, Field(ge=0, le=100_000)]
"""The longest are all of history since 1970 several times over; 0 leaves dates out."""


class BayesianMF(RatingRecommender):
    """`bayesian-mf`: a rating is constant + user bias + item bias + user factors · item factors + noise.

    The biases of users have a normal prior, and so has each of their factors; likewise those of items. Their means and
    precisions are drawn too, and so is the precision of the noise. A user or an item without a training rating is
    predicted from the prior mean, with a larger standard deviation.

    Attributes
    ----------
    draws : Draws
        The draws kept, in units of the spread of the training ratings, around their mean.
    day_draws : DayDraws or None
        What they say of days; None where dates are no features.
    """

    class Settings(Section):
        """Settings of every model by Gibbs sampling."""

        factors: Width
        epochs: Sweeps
        burn_in: SomeShare
        draws: KeptDraws
        damping: Damping

    settings: Settings
    about = (
        "Bayesian matrix factorization by Gibbs sampling (Salakhutdinov and Mnih 2008) with a normal prior of each "
        "factor (Rendle 2012): averages of many draws, with no penalty to tune."
    )
    draws: Draws
    day_draws: DayDraws | None = None
    _usual: Draws  # those of a day that the training part does not know: what is recommended, is so for such a day

    def _damping(self) -> float:
        return self.settings.damping

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self._mean = float(train.ratings.data.mean(dtype=np.float64))
        users, items, _ = train.triples()
        user_features, item_features = self._features(train)
        blocks = [block(users, train.n_users, user_features), block(items, train.n_items, item_features)]
        kept = {sweep: number for number, sweep in enumerate(self.kept_sweeps())}
        self.day_draws = None
        if self._period_days():
            days = self._days(train)
            self.day_draws = DayDraws.empty(days, self._period_days(), len(kept), self.settings.factors)
            blocks.append(self.day_draws.block(days))
        chain = Sampler(
            self._to_units(train.ratings.data), blocks, self.settings.factors, np.random.default_rng(self.seed)
        )
        shape = len(kept), train.n_users, train.n_items, self.settings.factors
        self.draws = Draws.empty(*shape, implied=len(user_features) > 0)
        watch = (
            None
            if validation is None
            else Watch(validation, self.day_draws, lambda units: self.clipped(self.to_ratings(units)))
        )
        loop = Loop(f"{self.name}: sweep", self.settings.epochs)
        for sweep in range(1, self.settings.epochs + 1):
            loop.begin(sweep, self.history, "validation_rmse")
            chain.sweep()
            noted = {"train_rmse": float(self._spread * np.sqrt(np.mean(chain.residuals**2)))}
            if watch is not None:
                noted["validation_rmse"] = watch.rmse(chain, keeping=sweep in kept)
            if sweep in kept:
                self.draws.keep(kept[sweep], chain)
                if self.day_draws is not None:
                    self.day_draws.keep(kept[sweep], chain)
            self.history.append({"epoch": sweep, **noted})
            if self.after_epoch is not None:
                self.after_epoch(self.history[-1])
        self.epochs = self.settings.epochs
        self._settle()

    def _settle(self) -> None:
        self._usual = self.draws if self.day_draws is None else self.day_draws.on(self.draws, UNKNOWN)

    def kept_sweeps(self) -> list[int]:
        """Return the sweeps, from 1, whose draws are kept: evenly spread, from the end of the burn-in to the last."""
        last = self.settings.epochs
        first = min(last, 1 + math.ceil(self.settings.burn_in * last))
        spread = np.linspace(last, first, min(self.settings.draws, last - first + 1))
        return [int(sweep) for sweep in spread.round()][::-1]

    def _features(self, train: Interactions) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
        """Return the features of users and of items beside their ids; those of what users have rated come first."""
        return (), ()

    def _period_days(self) -> int:
        """Return the days in a period whose ratings have a feature in common; 0 where dates are no features."""
        return 0

    def _days(self, train: Interactions) -> IntArray:
        days = train.days_of_ratings()
        if days is None or (days == NO_DAY).all():
            what = f"{self.name}: period_days is {self._period_days()}, and no rating has a time"
            raise FoldinError(what, remedy="set period_days: 0, or declare the column of times")
        return days

    def _to_units(self, ratings: FloatArray) -> Values:
        units: Values = (ratings.astype(np.float64) - self._mean) / self._spread
        return units

    def to_ratings(self, units: Values | FloatArray) -> FloatArray:
        """Return what is in the chain's unit in that of the ratings."""
        return (self._spread * units + self._mean).astype(np.float32)

    def _predict_any(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        # The unknown have their place among the draws, so they need no damped biases.
        return self._predict_on(users, items, days)

    def _predict_on(self, users: IntArray, items: IntArray, days: IntArray | None) -> FloatArray:
        if days is None or self.day_draws is None:
            return self._predict(users, items)
        return self.to_ratings(self.day_draws.moments(self.draws, users, items, self.day_draws.rows(days))[0])

    def _predict(self, users: IntArray, items: IntArray) -> FloatArray:
        return self.to_ratings(self._usual.moments(users, items)[0])

    def predict_std(self, users: IntArray, items: IntArray, days: IntArray | None = None) -> FloatArray:
        """Return how much draws disagree, how much the new differ from each other, and the noise, as one deviation.

        Parameters
        ----------
        users, items, days : ndarray of int, shape (n,)
            As of `predict`. New are users and items without a rating, and unknown days.

        Returns
        -------
        ndarray of float32, shape (n,)
            Standard deviations in the data set's own unit, before ratings are clipped to the scale.
        """
        users, items = np.asarray(users, dtype=np.int32), np.asarray(items, dtype=np.int32)
        by_item = np.bincount(self.known.indices, minlength=self.known.shape[1])
        new_users, new_items = (
            (rows < 0) | (counts[rows] == 0) for rows, counts in ((users, np.diff(self.known.indptr)), (items, by_item))
        )
        if self.day_draws is None:
            variance = self.draws.variance(users, items, new_users, new_items)
        else:
            rows = self.day_draws.rows(np.full(len(users), UNKNOWN_DAY) if days is None else days)
            variance = self.day_draws.variance(self.draws, users, items, rows, new_users, new_items)
        return (self._spread * np.sqrt(variance)).astype(np.float32)

    def noise_std(self) -> Values:
        """Return the standard deviation of the noise of ratings in every draw, shape (n_draws,), in their own unit."""
        stds: Values = self._spread / np.sqrt(self.draws.noise)
        return stds

    def _score(self, users: IntArray) -> FloatArray:
        return self.to_ratings(self._usual.grid(users))

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        units = sparse.csr_array((self._to_units(ratings.data), ratings.indices, ratings.indptr), shape=ratings.shape)
        return self.to_ratings(self._usual.fold_in(units))

    def item_factors(self) -> FloatArray:
        """Return the factors of all items in all draws, side by side, shape (n_items, draws · factors)."""
        return self.draws.flat_item_factors()

    def portable(self) -> Portable:
        """Return mean biases, and the factors of all draws side by side, in the unit of the ratings; see `Portable`."""
        draws = self._usual
        user_biases, item_biases = (
            biases[:-1].mean(axis=1, dtype=np.float64) for biases in (draws.user_bias, draws.item_bias)
        )
        flat = draws.user_factors[:-1].reshape(len(user_biases), -1)
        return Portable(
            user_biases=self._mean + self._spread * (draws.constant.mean() + user_biases),
            item_biases=self._spread * item_biases,
            user_vectors=flat * np.float32(self._spread / len(draws.constant)),
            item_vectors=draws.flat_item_factors(),
        )

    def _arrays(self) -> Arrays:
        of_days = {} if self.day_draws is None else self.day_draws.arrays()
        return self.draws.arrays() | of_days | {"rating_mean": np.array(self._mean)}

    def _restore(self, arrays: Arrays) -> None:
        self.draws, self._mean = Draws.of_arrays(arrays), float(arrays["rating_mean"])
        self.day_draws = DayDraws.of_arrays(arrays)
        self._settle()


class FlippedFM(BayesianMF):
    """`bayesian-fm-flipped`: a factorization machine of ids and of who rated what, as features of both sides.

    A user's features are the items they have rated, n of them with value 1/√n, as in SVD++ (Koren 2008); an item's are
    its raters likewise ("flipped": Rendle, Zhang and Koren 2019, "On the difficulty of evaluating baselines"). Where
    `feature_min_count` is not 0, so is what the tables of users and items say. Of a new user only ratings are known.

    Where `period_days` is not 0, so is when a rating was given: each period of so many days has a weight and factors.
    """

    class Settings(BayesianMF.Settings):
        """Settings of `bayesian-fm-flipped`."""

        feature_min_count: FeatureCount
        period_days: PeriodDays

    settings: Settings
    about = (
        "Bayesian factorization machine by Gibbs sampling: features are the items that a user has rated (as in SVD++), "
        "the users who have rated an item (“flipped”; Rendle, Zhang and Koren 2019), and attributes such as genres."
    )

    def _features(self, train: Interactions) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
        sides = []
        by_item = sparse.csr_array(train.ratings.T.tocsr())
        for ratings, table, of_table in (
            (train.ratings, train.users, features.of_users),
            (by_item, train.items, features.of_items),
        ):
            groups = [implicit(ratings)]
            if self.settings.feature_min_count:
                groups += by_column(of_table(table, self.settings.feature_min_count))
            sides.append(tuple(groups))
        return sides[0], sides[1]

    def _period_days(self) -> int:
        return self.settings.period_days


def by_column(known: pd.DataFrame) -> list[Group]:
    """Return a group for each column of a table of items or users that `features` made into features."""
    columns = pd.Index(name.split("=")[0] for name in known.columns)
    return [group(sparse.csr_array(known.loc[:, columns == column].to_numpy())) for column in columns.unique()]


MODELS: dict[str, type[Recommender]] = {"bayesian-mf": BayesianMF, "bayesian-fm-flipped": FlippedFM}
