"""What the notebook `traps` works with: ratings, models fitted to them, and the page of the exhibits.

The mistakes are in foldin.traps.rows_and_cells, network, misread and training (those of five student projects), and in
foldin.traps.protocol (common ones). No model fitted here is saved, and no metric here is a result.
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
from foldin.core.progress import step
from foldin.datasets import registry
from foldin.models.als import ExplicitALS, ImplicitALS
from foldin.models.baselines import DampedBias, GlobalMean, Popularity, Random
from foldin.models.parts.rating_recommender import RatingRecommender
from foldin.models.parts.recommender import Recommender
from foldin.models.svd import GradientDescentMF, LanczosSVD
from foldin.report import plots
from foldin.traps import training
from foldin.traps.parts import DAMPING, split_by_rating
from foldin.traps.tables import Exhibit, NotShownError, shown

Model = TypeVar("Model", bound=Recommender)
FACTORS = 16
"""Of every factor model."""
SWEEPS = 10
"""Of alternating least squares, as in S1."""
EXPLICIT = ExplicitALS.Settings(
    factors=FACTORS, epochs=SWEEPS, patience=0, damping=DAMPING, regularization=0.1, solver="exact", cg_steps=1
)
IMPLICIT = ImplicitALS.Settings(
    factors=FACTORS,
    epochs=SWEEPS,
    patience=0,
    unobserved_weight=0.2,
    regularization=0.01,
    frequency_exponent=1.0,
    solver="exact",
    cg_steps=1,
    validation_k=10,
)
DESCENT = GradientDescentMF.Settings(
    factors=FACTORS, epochs=25, patience=0, damping=DAMPING, learning_rate=0.02, l2=0.0, initial_spread=0.1
)
"""Without L2, so that it overfits. `traps.epochs` replaces the epochs."""
INTRODUCTION = (
    "The tables of notebooks/traps.ipynb. [docs/gallery.md](../../docs/gallery.md) explains each trap and introduces "
    "the student projects S1 to S5. **The mistake** is what a wrong evaluation prints, **control** what it prints for "
    "a model that has learned nothing, and **corrected** what the right evaluation prints. Some tables have two "
    "columns instead: one marked as the mistake, one as corrected. **As published** is a number that a project printed "
    "for its own data. **Order of ids**: a constant gives all items the same score, so its list follows item ids. None "
    "of these numbers is a result."
)


@dataclass
class Gallery:
    """What the notebook works with, and what it has shown so far.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    settings : params.Traps
        Section `traps` of params.yaml.
    seed : int
        Of everything random.
    ratings : Interactions
        All ratings of the most active users.
    of_users : int
        Number of users of the whole data set.
    times : ndarray of float64, shape (n_ratings,)
        When each rating of `ratings.triples()` was given, in seconds; NaN where unknown.
    exhibits : dict of str to Exhibit or str
        Title → what is shown, or why it cannot be shown on these ratings.
    plots : dict of str to tuple
        Title of the exhibit it belongs to → file name and plot.
    """

    dataset: str
    settings: Traps
    seed: int
    ratings: Interactions
    of_users: int
    times: np.ndarray
    exhibits: dict[str, Exhibit | str] = field(default_factory=dict)
    plots: dict[str, tuple[str, Figure]] = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[Interactions, Interactions]:
        """A train and a test part, random by rating."""
        return split_by_rating(self.ratings, self.settings.test, self.seed)

    @cached_property
    def raters(self) -> dict[str, RatingRecommender]:
        """Models that predict ratings, the control first, fitted on the train part."""
        unfitted = {"global-mean": GlobalMean(), "bias": self.bias(), "als-explicit": self.als()}
        return {name: self._fitted(name, model) for name, model in unfitted.items()}

    @cached_property
    def rankers(self) -> dict[str, Recommender]:
        """Models that rank items, the control first, fitted on the train part."""
        size = max(1, min(FACTORS, *(side - 1 for side in self.ratings.ratings.shape)))
        unfitted: dict[str, Recommender] = {
            "random": Random(seed=self.seed),
            "popularity": Popularity(),
            "svds": LanczosSVD(LanczosSVD.Settings(factors=size), seed=self.seed),
            "als-implicit": ImplicitALS(IMPLICIT.model_copy(update={"factors": size}), seed=self.seed),
        }
        return {name: self._fitted(name, model) for name, model in unfitted.items()}

    def bias(self) -> DampedBias:
        """Return an unfitted bias model."""
        return _named("bias", DampedBias(DampedBias.Settings(damping=DAMPING)))

    def als(self) -> ExplicitALS:
        """Return an unfitted model of alternating least squares on ratings."""
        return _named("als-explicit", ExplicitALS(EXPLICIT, seed=self.seed))

    def descent(self) -> GradientDescentMF.Settings:
        """Return the settings of a matrix factorization by gradient descent that overfits."""
        return DESCENT.model_copy(update={"epochs": self.settings.epochs})

    def overfitted(self) -> GradientDescentMF:
        """Return a factorization without L2, fitted on the train part."""
        return self._fitted("mf-no-l2", GradientDescentMF(self.descent(), seed=self.seed))

    def _fitted(self, name: str, model: Model) -> Model:
        step(f"{self.dataset}: traps: fitting {name}")
        return training.fitted(_named(name, model), self.parts[0])

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
        """The mean rating of the train part; a higher rating counts as liked."""
        return float(self.train.ratings.data.mean())

    def sizes(self) -> str:
        """Return how much data the gallery uses, as a sentence."""
        n_users, n_items = self.ratings.ratings.shape
        some = f"the {n_users:,} most active of {self.of_users:,}"
        users = some if n_users < self.of_users else f"all {self.of_users:,}"
        try:
            train, test = (f"{part.ratings.nnz:,}" for part in self.parts)
            ratings = f"{train} to learn from and {test} held out at random"
        except NotShownError as reason:
            ratings = f"{self.ratings.ratings.nnz:,}; {reason.what}"
        return f"Users: {users}; items: {n_items:,}; ratings: {ratings}."

    @contextmanager
    def place(self, title: str) -> Iterator[None]:
        """Keep a place for an exhibit, which the code within makes and hangs; if it cannot be shown, say why.

        Any error other than `NotShownError` is a fault, and stops the notebook.
        """
        self.exhibits[title] = ""
        try:
            yield
        except NotShownError as reason:
            self.exhibits[title] = f"Not shown on these data: {reason.what}."
            _say(title, str(self.exhibits[title]))

    def hang(self, exhibit: Exhibit) -> pd.DataFrame:
        """Keep an exhibit for the page in the last `place`; display its sentence, return its table as shown."""
        title = list(self.exhibits)[-1]
        self.exhibits[title] = exhibit
        _say(title, exhibit.says)
        return shown(exhibit.table)

    def frame(self, name: str, plot: Figure) -> Figure:
        """Keep a plot for the page, below the last exhibit, and return it."""
        self.plots[list(self.exhibits)[-1]] = name, plot
        return plot

    def close(self) -> None:
        """Write reports/<dataset>/TRAPS.md and the plots beside it."""
        folder = paths.reports(self.dataset)
        with files.whole_folder(folder / "traps") as unfinished:
            for name, plot in self.plots.values():
                plots.save(plot, unfinished / f"{name}.png")
        files.write_text(folder / "TRAPS.md", self._page())

    def _page(self) -> str:
        parts = [
            f"# Traps: each mistake repeated on {self.dataset}",
            "<!-- Written by `dvc repro`; edit notebooks/traps.ipynb or src/foldin/traps instead. -->",
            INTRODUCTION,
            f"**Data.** {self.sizes()}",
        ]
        for title, exhibit in self.exhibits.items():
            parts.append(f"## {title}")
            if isinstance(exhibit, str):
                parts.append(exhibit)
                continue
            parts.append(shown(exhibit.table).reset_index().to_markdown(index=False, disable_numparse=True))
            parts.append(exhibit.says)
            if title in self.plots:
                name, _ = self.plots[title]
                parts.append(f"![{name.replace('-', ' ')}](traps/{name}.png)")
        return "\n\n".join(parts)


def _say(title: str, text: str) -> None:
    # As Markdown, whose lines break between words; those of printed text break anywhere.
    from IPython.display import Markdown, display

    display(Markdown(f"**{title}.** {text}"))  # type: ignore[no-untyped-call]


def _named(name: str, model: Model) -> Model:
    """Return a model under the name that progress lines show."""
    model.name = name
    return model


def open_gallery(dataset: str) -> Gallery:
    """Return the gallery of a data set, over its `traps.users` most active users; the first call of the notebook.

    The most active, because a random sample of sparse data contains almost no signal.

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
