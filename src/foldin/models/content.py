"""Content-based recommenders: similarity of titles, genres, creators and domains, without other users' ratings.

An item is a vector of terms, each weighted by how few items share it (TF-IDF; Salton and Buckley 1988, "Term-weighting
approaches in automatic text retrieval"). A user is the sum of the vectors of their rated items, and an item's score is
the cosine of the two. So unrated items get vectors too, and a new user needs no training.

`tf-idf` is that alone. `tf-idf-popularity` adds how often an item was rated, which no text tells.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import sparse

from foldin.core.bounds import MinCount
from foldin.core.interactions import FloatArray, IntArray, Interactions, Values, matrix
from foldin.core.params import Section
from foldin.core.progress import say
from foldin.metrics import blocks
from foldin.metrics.auc import auc
from foldin.models.parts.portable import Portable
from foldin.models.parts.recommender import Arrays, Recommender

WORD = r"[^\W\d_]+"
"""A word of a title: letters alone, since the year that titles of films end in is no word."""
FIELDS = ("title", "genres", "creator", "domain")
"""The columns of items that are read; a data set has some of them."""


class TfIdf(Recommender):
    """`tf-idf`: the cosine of an item's terms with those of the items a user rated.

    Each field of an item is a vector of length 1, so that a title of ten words says no more than one of two. A user's
    items count by how much they were liked, as far as `rating_weight` says.
    """

    class Settings(Section):
        """Settings of `tf-idf`."""

        title_weight: float = Field(ge=0, le=1000)
        term_min_count: MinCount
        rating_weight: float = Field(ge=0, le=0.99)  # at 1, the lowest rating would be as good as none

    settings: Settings
    seeded = False
    about = (
        "Cosine of an item's terms (title, genres, creator) with those of the user's rated items, by TF-IDF "
        "(Salton and Buckley 1988); ranks only, items without ratings too."
    )

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        table = terms(train.items)
        counts = table["term"].value_counts()
        # What all items have tells none from another.
        telling = counts.index[(counts >= self.settings.term_min_count) & (counts < train.n_items)]
        self._terms = np.sort(telling.to_numpy(dtype=str))
        self._rarity = np.log(train.n_items / counts[self._terms].to_numpy(np.float64))
        if not len(self._terms):
            say(f"{self.name}: all items have the same title, genres, creator and domain: nothing to learn")
        self._items = self.place(train.items)
        self._scale = np.array([train.scale.lowest, train.scale.highest])
        self._weights = self._weights_of(train.ratings.data)

    def _occurrences(self, items: pd.DataFrame) -> sparse.csr_array:
        table = terms(items)
        table = table[table["term"].isin(self._terms)]
        cells = table["item"].to_numpy(np.int32), np.searchsorted(self._terms, table["term"].to_numpy(str))
        return sparse.csr_array((np.ones(len(table)), cells), shape=(len(items), len(self._terms)))

    def place(self, items: pd.DataFrame) -> sparse.csr_array:
        """Return the vectors of items by what is said of them, whether or not anybody has rated them.

        Parameters
        ----------
        items : pandas.DataFrame
            Columns as in `Interactions.items`, as far as they are known; terms of no item trained on are left out.

        Returns
        -------
        scipy.sparse.csr_array of float64, shape (n_items, n_terms)
            Rows of length 1; of 0 where no term is known.
        """
        weighed = self._occurrences(items) @ sparse.diags_array(self._rarity)
        fields = np.array([term.split("=", 1)[0] for term in self._terms], dtype=str)
        placed = sparse.csr_array(weighed.shape)
        for field in FIELDS:
            weight = self.settings.title_weight if field == "title" else 1.0
            of_field = _unit(weighed @ sparse.diags_array((fields == field).astype(np.float64)))
            placed += np.sqrt(weight) * of_field
        return _unit(placed)

    def score_new(self, users: IntArray, items: pd.DataFrame) -> FloatArray:
        """Return the scores of items that are in no catalogue, for known users.

        Parameters
        ----------
        users : ndarray of int, shape (n,)
            Indices of known users.
        items : pandas.DataFrame
            As for `place`.

        Returns
        -------
        ndarray of float32, shape (n, len(items))
            Scores as of `score`.
        """
        return self._cosines(self._weighted(np.asarray(users)), self.place(items)).astype(np.float32)

    def item_vectors(self) -> sparse.csr_array:
        """Return the vector of each item, shape (n_items, n_terms); see `place`."""
        return self._items

    def terms_of(self, vector: sparse.csr_array, k: int) -> list[str]:
        """Return the k heaviest terms of one vector, shape (1, n_terms), as `field=value`; the heaviest first."""
        order = np.lexsort((vector.indices, -vector.data))[:k]
        return [str(self._terms[term]) for term in vector.indices[order]]

    def profiles(self, users: IntArray) -> sparse.csr_array:
        """Return the vectors of known users, shape (n, n_terms), of length 1; of 0 where nothing is known."""
        return self._profiles(self._weighted(np.asarray(users)))

    def _weights_of(self, ratings: FloatArray) -> Values:
        """Return the weight of each rated item in a profile, from 1 - rating_weight to 1, by how much it was liked."""
        lowest, highest = self._scale
        liked = (ratings.astype(np.float64) - lowest) / (highest - lowest)
        weights: Values = 1 - self.settings.rating_weight * (1 - liked)
        return weights

    def _weighted(self, users: IntArray) -> sparse.csr_array:
        known = self.known
        return sparse.csr_array((self._weights, known.indices, known.indptr), shape=known.shape)[users]

    def _profiles(self, rated: sparse.csr_array) -> sparse.csr_array:
        return _unit(rated @ self._items)

    def _cosines(self, rated: sparse.csr_array, items: sparse.csr_array) -> Values:
        # Each cell is added up over the item's few terms in their order, whichever users are asked for.
        cosines: Values = (items @ self._profiles(rated).toarray().T).T
        return cosines

    def _scored(self, rated: sparse.csr_array) -> Values:
        return self._cosines(rated, self._items)

    def _score(self, users: IntArray) -> FloatArray:
        return self._scored(self._weighted(users)).astype(np.float32)

    def _fold_in(self, ratings: sparse.csr_array) -> FloatArray:
        rated = sparse.csr_array((self._weights_of(ratings.data), ratings.indices, ratings.indptr), shape=ratings.shape)
        return self._scored(rated).astype(np.float32)

    def portable(self) -> Portable:
        """Return the vectors of terms, sparse; see `Portable`."""
        everyone = np.arange(self.known.shape[0], dtype=np.int32)
        return Portable(user_vectors=self.profiles(everyone), item_vectors=self._items)

    def _arrays(self) -> Arrays:
        items = {"data": self._items.data, "indices": self._items.indices, "indptr": self._items.indptr}
        fitted = {"terms": self._terms, "rarity": self._rarity, "scale": self._scale, "weights": self._weights}
        return fitted | {f"items_{name}": array for name, array in items.items()}

    def _restore(self, arrays: Arrays) -> None:
        self._terms, self._rarity = arrays["terms"], arrays["rarity"]
        self._scale, self._weights = arrays["scale"], arrays["weights"]
        parts = tuple(arrays[f"items_{name}"] for name in ("data", "indices", "indptr"))
        self._items = sparse.csr_array(parts, shape=(self.known.shape[1], len(self._terms)))


class TfIdfPopularity(TfIdf):
    """`tf-idf-popularity`: the same cosine plus a share of the logarithm of an item's number of ratings."""

    class Settings(TfIdf.Settings):
        """Settings of `tf-idf-popularity`."""

        popularity_weight: float = Field(ge=0, le=1e6)

    settings: Settings
    about = (
        "The cosine of `tf-idf` plus a weight times the logarithm of an item's number of ratings, scaled to 0 to 1; "
        "ranks only."
    )

    def _scored(self, rated: sparse.csr_array) -> Values:
        scores: Values = super()._scored(rated) + self._popularity()
        return scores

    def _popularity(self) -> Values:
        """Return what the numbers of ratings of items add to their scores, shape (n_items,)."""
        counts = np.log1p(np.bincount(self.known.indices, minlength=self.known.shape[1]))
        added: Values = self.settings.popularity_weight * counts / counts.max()
        return added

    def portable(self) -> Portable:
        """Return the vectors of terms, and what popularity adds; see `Portable`."""
        return replace(super().portable(), item_biases=self._popularity())


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return rows of length 1; scikit-learn refuses tables without a row or a column."""
    # Here: loading it takes a second, and of the stages only `train` needs it.
    from sklearn.preprocessing import normalize

    return sparse.csr_array(normalize(rows)) if rows.nnz else sparse.csr_array(rows)


def terms(items: pd.DataFrame) -> pd.DataFrame:
    """Return the terms of items: the words of titles, the genres, the creators and the domains.

    Parameters
    ----------
    items : pandas.DataFrame
        As `Interactions.items`. A missing column or cell gives no term, nor does a title that is only the item's id.

    Returns
    -------
    pandas.DataFrame
        A row for each item (its row number) and term (str, `field=value`), each pair once.
    """
    found: dict[str, Any] = {}
    for name in FIELDS:
        if name in items:
            cells = items[name].astype("string").reset_index(drop=True)
            if name == "title":
                nameless = cells == items["item_id"].astype("string").reset_index(drop=True)
                found[name] = cells.mask(nameless).str.lower().str.findall(WORD)
            else:
                found[name] = cells.str.split("|") if name == "genres" else cells.str.strip()
    tables = [pd.DataFrame({"item": np.array([], dtype=np.int64), "term": np.array([], dtype=str)})]
    for name, values in found.items():
        held = values.explode().dropna().astype("str")
        held = held[held != ""]
        tables.append(pd.DataFrame({"item": held.index.to_numpy(), "term": f"{name}=" + held}))
    return pd.concat(tables, ignore_index=True).drop_duplicates()


def auc_of_unrated(model: TfIdf, train: Interactions, every: int = 10) -> float:
    """Return how well a model orders items that nobody has rated: some are hidden, then ranked among each other.

    Parameters
    ----------
    model : TfIdf
        Whose settings are tried; it stays as it is.
    train : Interactions
        Ratings of which those of one item in `every` are hidden.
    every : int, optional
        The hidden share is 1 / every.

    Returns
    -------
    float
        The mean over users of the AUC (see `foldin.metrics.auc`) among hidden items, 0.5 by chance; NaN where it is
        undefined, as with too few items.
    """
    users, items, ratings = train.triples()
    hidden = np.arange(every - 1, train.n_items, every)
    seen = items % every != every - 1
    if not seen.any() or seen.all():
        return np.nan
    known = train.with_ratings(matrix(users[seen], items[seen], ratings[seen], train.ratings.shape))
    fitted = type(model)(model.settings).fit(known)
    areas = []
    for block in blocks(np.flatnonzero(np.diff(train.ratings.indptr)).astype(np.int32)):
        relevant = sparse.csr_array(train.ratings[block][:, hidden])
        areas.append(auc(fitted.score(block)[:, hidden], sparse.csr_array(relevant.shape), relevant))
    found = np.concatenate(areas)
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else np.nan


MODELS: dict[str, type[Recommender]] = {"tf-idf": TfIdf, "tf-idf-popularity": TfIdfPopularity}
