"""The best possible predictor on data with known preferences, and the check against it.

For RMSE the best prediction is the expected rating of the pair. For ranking, an item is relevant when the user rated it
in the held-out part, whatever the rating. Each pair was rated with its own probability p, independently, and a share q
of the rated ones is held out; so an item without a training rating is held out with probability pq / (1 - p(1 - q)),
which grows with p. Ranking by p is therefore the best order. A model that beats this beyond sampling error indicates a
leak: see foldin.metrics.oracle_gap.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray, Interactions
from foldin.datasets.demo import truth
from foldin.datasets.demo.truth import Truth


class Oracle:
    """Predicts by the known truth; is evaluated like a model.

    Parameters
    ----------
    truth : Truth
        What generated the data.
    training : Interactions
        Whose index tables say which user and item each index is; its ratings are what is never recommended.
    """

    predicts_ratings = True

    def __init__(self, truth: Truth, training: Interactions) -> None:
        self._truth = truth
        self._users = pd.Index(truth.user_ids)
        self._items = pd.Index(truth.item_ids)
        self._rows = _positions(self._users, training.users["user_id"], "user")
        self._columns = _positions(self._items, training.items["item_id"], "item")
        self.known: sparse.csr_array = training.ratings

    def score(self, users: IntArray) -> FloatArray:
        """Return the probabilities that users rate items, float32 of shape (n, n_items)."""
        return self._truth.probability[self._rows[users]][:, self._columns].astype(np.float32)

    def predict_ids(self, user_ids: pd.Series, item_ids: pd.Series) -> FloatArray:
        """Return the expected ratings of pairs by their original ids, cold ones too, float32 of shape (n,)."""
        rows, columns = _positions(self._users, user_ids, "user"), _positions(self._items, item_ids, "item")
        return self._truth.expected_rating[rows, columns].astype(np.float32)


def of(dataset: str, training: Interactions) -> Oracle | None:
    """Return the oracle of a data set, or None where the truth is not known.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    training : Interactions
        Its training part.

    Raises
    ------
    FoldinError
        When the training part has an id that the truth of params.yaml has not.
    """
    if dataset != "demo":
        return None
    return Oracle(truth.of(params.section(params.Demo)), training)


def _positions(known: pd.Index, ids: pd.Series, kind: str) -> npt.NDArray[np.intp]:
    found = known.get_indexer(pd.Index(ids))
    if (found < 0).any():
        missing = ids.iloc[int(np.argmax(found < 0))]
        raise FoldinError(
            f"the truth has no {kind} '{missing}'",
            where="params.yaml (demo)",
            remedy="the data were made with other parameters; make them again: dvc repro",
        )
    return found
