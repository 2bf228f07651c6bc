"""The gallery of traps: ratings to make each mistake on, models fitted to them, and the page that keeps the tables.

The mistakes are in foldin.traps.published, traps_network and traps_training (those of five published projects) and in
foldin.traps.protocol (those the whole field falls into); what a table says is in foldin.traps.lessons.
notebooks/traps.ipynb walks through them. Nothing that is fitted here is kept, and no metric of it is a result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from foldin.core import files, interactions, params, paths
from foldin.core.interactions import FloatArray, Interactions
from foldin.core.params import Traps
from foldin.core.progress import say
from foldin.datasets import registry
from foldin.models.als import ExplicitALS, ImplicitALS
from foldin.models.baselines import DampedBias, GlobalMean, Popularity, Random
from foldin.models.parts.recommender import RatingRecommender, Recommender
from foldin.models.svd import GradientDescentMF, LanczosSVD
from foldin.report import plots
from foldin.traps import training
from foldin.traps.parts import split_by_rating
from foldin.traps.tables import NotShownError, shown

Model = TypeVar("Model", bound=Recommender)


@dataclass
class Gallery:
    """What the notebook works with: ratings, models fitted to them, and what it has shown so far.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    settings : params.Traps
        Section `traps` of params.yaml.
    seed : int
        Seed of everything random.
    ratings : Interactions
        All ratings of the users taken.
    of_users : int
        Users of the whole data set, of whom the most active are taken.
    times : ndarray of float64, shape (n_ratings,)
        When each rating of `ratings.triples()` was given, in seconds; NaN where unknown.
    tables : dict of str to tuple
        Title → table shown, and what it says here.
    pictures : dict of str to tuple
        Title of the table it belongs to → file name and plot.
    reasons : dict of str to str
        Title of a table that cannot be shown on these ratings → why.
    """

    dataset: str
    settings: Traps
    seed: int
    ratings: Interactions
    of_users: int
    times: np.ndarray
    tables: dict[str, tuple[pd.DataFrame, str] | None] = field(default_factory=dict)
    pictures: dict[str, tuple[str, Figure]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[Interactions, Interactions]:
        """A train and a test part, random by rating."""
        return split_by_rating(self.ratings, self.settings.test, self.seed)

    @cached_property
    def raters(self) -> dict[str, RatingRecommender]:
        """Models that predict ratings, from knowing nothing upwards, fitted on the train part."""
        unfitted = (GlobalMean(), self.bias(), self.squares())
        names = ("global-mean", "bias", "als-explicit")
        return {name: self._fitted(name, model) for name, model in zip(names, unfitted, strict=True)}

    @cached_property
    def rankers(self) -> dict[str, Recommender]:
        """Models that rank items, from knowing nothing upwards, fitted on the train part."""
        size = max(1, min(self.settings.factors, *(side - 1 for side in self.ratings.ratings.shape)))
        implicit = ImplicitALS.Settings(
            factors=size,
            epochs=self.settings.sweeps,
            patience=0,
            unobserved_weight=self.settings.unobserved_weight,
            regularization=self.settings.implicit_regularization,
            frequency_exponent=self.settings.frequency_exponent,
            validation_k=self.settings.k,
        )
        unfitted: dict[str, Recommender] = {
            "random": Random(seed=self.seed),
            "popularity": Popularity(),
            "svds": LanczosSVD(LanczosSVD.Settings(factors=size), seed=self.seed),
            "als-implicit": ImplicitALS(implicit, seed=self.seed),
        }
        return {name: self._fitted(name, model) for name, model in unfitted.items()}

    def bias(self) -> DampedBias:
        """Return an unfitted bias model."""
        return DampedBias(DampedBias.Settings(damping=self.settings.damping))

    def squares(self) -> ExplicitALS:
        """Return an unfitted model of alternating least squares on ratings."""
        settings = ExplicitALS.Settings(
            factors=self.settings.factors,
            epochs=self.settings.sweeps,
            patience=0,
            damping=self.settings.damping,
            regularization=self.settings.regularization,
        )
        return ExplicitALS(settings, seed=self.seed)

    def descent(self) -> GradientDescentMF.Settings:
        """Return the settings of a matrix factorization by gradient descent without L2: it learns by heart."""
        return GradientDescentMF.Settings(
            factors=self.settings.factors,
            epochs=self.settings.epochs,
            patience=0,
            damping=self.settings.damping,
            learning_rate=self.settings.learning_rate,
            l2=0.0,
            initial_spread=self.settings.initial_spread,
        )

    def by_heart(self) -> GradientDescentMF:
        """Return a factorization without L2, fitted on the train part: it knows its ratings by heart."""
        return self._fitted("mf-no-l2", GradientDescentMF(self.descent(), seed=self.seed))

    def _fitted(self, name: str, model: Model) -> Model:
        say(f"{self.dataset}: traps: fitting {name}")
        model.name = name
        return training.descended(model, self.parts[0])

    @property
    def train(self) -> Interactions:
        """The train part."""
        return self.parts[0]

    @property
    def test(self) -> Interactions:
        """The test part."""
        return self.parts[1]

    @property
    def actual(self) -> FloatArray:
        """The held-out ratings, shape (n_test,)."""
        return self.test.triples()[2]

    def predicted(self) -> dict[str, FloatArray]:
        """Return what each of `raters` predicts for the held-out ratings, shape (n_test,)."""
        users, items, _ = self.test.triples()
        return {name: model.predict(users, items) for name, model in self.raters.items()}

    @property
    def mean(self) -> float:
        """The mean rating of the train part, above which a rating counts as liked."""
        return float(self.train.ratings.data.mean())

    def sizes(self) -> str:
        """Return how much data the gallery rests on, as a sentence."""
        n_users, n_items = self.ratings.ratings.shape
        taken = f"the {n_users:,} users with most ratings, of {self.of_users:,}"
        people = (
            f"Users: {taken if n_users < self.of_users else f'all {self.of_users:,}'}; items: {n_items:,}; ratings: "
        )
        try:
            train, test = self.parts
        except NotShownError as reason:
            return f"{people}{self.ratings.ratings.nnz:,}; {reason.what}."
        return f"{people}{train.ratings.nnz:,} to learn from and {test.ratings.nnz:,} held out at random."

    @contextmanager
    def place(self, title: str) -> Iterator[None]:
        """Keep a place for a table, which the code within makes and hangs; where it cannot be shown, say why.

        Any other error than `NotShownError` is a fault, and stops the notebook.

        Parameters
        ----------
        title : str
            The table's title.
        """
        self.tables[title] = None
        try:
            yield
        except NotShownError as reason:
            self.reasons[title] = reason.what
            print(f"{title}\nNot shown on these data: {reason.what}.")

    def hang(self, found: pd.DataFrame, lesson: str) -> pd.DataFrame:
        """Keep a table and its text for the page in the last `place`; print them, and return it as people read it."""
        title = list(self.tables)[-1]
        self.tables[title] = found, lesson
        print(f"{title}\n{lesson}")
        return shown(found)

    def frame(self, name: str, picture: Figure) -> Figure:
        """Keep a metric for the page, below the last table, and return it."""
        self.pictures[list(self.tables)[-1]] = name, picture
        return picture

    def close(self) -> None:
        """Write reports/<dataset>/TRAPS.md and the metrics beside it."""
        folder = paths.reports(self.dataset)
        with files.whole_folder(folder / "traps") as unfinished:
            for name, picture in self.pictures.values():
                plots.save(picture, unfinished / f"{name}.png")
        files.write_text(folder / "TRAPS.md", self._page())

    def _page(self) -> str:
        parts = [
            f"# Traps, made on purpose on {self.dataset}",
            "<!-- Written by `dvc repro`; edit notebooks/traps.ipynb or src/foldin/traps instead. -->",
            "The tables of notebooks/traps.ipynb, which says what went wrong in each and how to see it in your own "
            "work. “As published” is what a mistake prints, “knowing nothing” what the same mistake prints of "
            "something that has learnt nothing, “mended” what is true. The list of a constant is in “order of ids”, "
            "which may know something, and where there is “nothing to choose”, the best is so by luck. Nothing here is "
            "a result.",
            f"**What it rests on.** {self.sizes()}",
        ]
        for title, hung in self.tables.items():
            if hung is None:
                parts += [f"## {title}", f"Not shown on these data: {self.reasons[title]}."]
                continue
            found, lesson = hung
            text = shown(found).reset_index().to_markdown(index=False, disable_numparse=True)
            parts += [f"## {title}", text, lesson]
            if title in self.pictures:
                name, _ = self.pictures[title]
                parts.append(f"![{name.replace('-', ' ')}](traps/{name}.png)")
        return "\n\n".join(parts)


def open_gallery(dataset: str) -> Gallery:
    """Return the gallery of a data set, over its `traps.users` most active users; the first call of the notebook.

    The most active, because a sample at random of sparse data holds next to nothing that could be learnt.

    Raises
    ------
    FoldinError
        When the stage `clean` has not run.
    """
    clean = paths.clean(dataset)
    files.require(dataset, "clean", "canonical tables", clean)
    settings, seed = params.section(Traps), params.seed()
    ratings, items, users = (pd.read_parquet(clean / f"{name}.parquet") for name in ("ratings", "items", "users"))
    of_users = len(users)
    counts = ratings["user_id"].value_counts().reindex(users["user_id"], fill_value=0).to_numpy()
    taken = np.argsort(-counts, kind="stable")[: settings.users]
    users = users.iloc[np.sort(taken)].reset_index(drop=True)
    ratings = ratings[ratings["user_id"].isin(users["user_id"])]
    items = items[items["item_id"].isin(ratings["item_id"])].reset_index(drop=True)
    rows, columns = (
        pd.Index(index[key]).get_indexer(pd.Index(ratings[key])).astype(np.int32)
        for index, key in ((users, "user_id"), (items, "item_id"))
    )
    order = np.lexsort((columns, rows))
    times = ratings["timestamp"].astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)[order]
    shape = (len(users), len(items))
    cells = interactions.matrix(rows, columns, ratings["rating"].to_numpy(np.float32), shape)
    whole = Interactions(cells, users, items, registry.get(dataset).scale)
    return Gallery(dataset, settings, seed, whole, of_users, times)
