"""The nearest items and users on Spark: executors compare blocks of rows with all rows, by the local engine's code.

Each row's sums are counted as the local engine counts them, so the similarities are equal to the byte. Each executor
receives which cells are filled; `rp3beta` is left to the local engine.
"""

import numpy as np
from scipy import sparse

from foldin.models import neighbours
from foldin.models.neighbours import SimilaritySettings
from foldin.models.parts import nearest
from foldin.models.parts.recommender import Recommender
from foldin.spark import session
from foldin.spark.row_blocks import Block, RowBlocks


class ItemKNN(neighbours.ItemKNN):
    """`item-knn`; see foldin.models.neighbours."""

    def _nearest(self, by_item: sparse.csr_array) -> sparse.csr_array:
        return similar(self.name, by_item, self.settings)


class UserKNN(neighbours.UserKNN):
    """`user-knn`; see foldin.models.neighbours. New users are few: this process folds them in."""

    def _nearest(self, rows: sparse.csr_array, *, among_themselves: bool = False) -> sparse.csr_array:
        if among_themselves:
            return similar(self.name, rows, self.settings)
        return super()._nearest(rows)


def similar(name: str, rows: sparse.csr_array, settings: SimilaritySettings) -> sparse.csr_array:
    """Return each row's most similar other rows, as `foldin.models.parts.nearest.similar` does.

    Parameters
    ----------
    name : str
        What progress calls the model.
    rows : scipy.sparse.csr_array, shape (n, n_columns)
        Rows to compare with each other; values are not read.
    settings : SimilaritySettings
        The similarity, its shrinkage, and how many neighbours to keep.
    """
    # A byte each is what values that nobody reads can cost.
    filled = sparse.csr_array((np.ones(rows.nnz, np.int8), rows.indices, rows.indptr), shape=rows.shape)
    with session.job(f"{name}: nearest rows on Spark") as spark:
        blocks = RowBlocks(spark, filled)
        found = blocks.map(_nearest, (filled, settings.similarity, settings.shrinkage, settings.neighbours))
        blocks.drop()
    starts = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.indptr) for part in found]))])
    values, columns = (np.concatenate([getattr(part, of) for part in found]) for of in ("data", "indices"))
    return sparse.csr_array((values, columns, starts.astype(np.int32)), shape=(rows.shape[0], rows.shape[0]))


def _nearest(block: Block, given: tuple[sparse.csr_array, str, float, int]) -> sparse.csr_array:
    rows, similarity, shrinkage, k = given
    return nearest.similar(block.cells, rows, similarity, shrinkage, k, among_themselves=True, first=block.first)


MODELS: dict[str, type[Recommender]] = neighbours.MODELS | {"item-knn": ItemKNN, "user-knn": UserKNN}
