"""`foldin export --index`: an approximate index of a model's vectors of items, with its measured recall.

The index is a graph in which near vectors are neighbours (HNSW; Malkov and Yashunin 2020), by faiss. It searches for
the largest inner products, so that the bias of an item is one more number of its vector, and 1 of each user's.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from foldin import metrics
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray
from foldin.core.progress import tick
from foldin.models.parts.portable import Matrix, Numbers, Portable
from foldin.recommend import batch, names
from foldin.recommend.export_page import SHOWN, File
from foldin.recommend.saved import Saved

NAME = "items.faiss"
NEIGHBOURS = 32
"""Neighbours of a vector in the graph, on each of its levels but the lowest, which has twice as many."""
BREADTH = 128
"""Vectors that a search keeps as candidates, at least."""
MEASURED = 1000
"""Users whose lists the recall is measured on, at most."""


def refuse_without_vectors(name: str, portable: Portable) -> None:
    """Refuse a model whose scores are no products of dense vectors.

    Raises
    ------
    FoldinError
        Names some that have them.
    """
    if not isinstance(portable.item_vectors, np.ndarray) or portable.edges is not None:
        what = f"the scores of {name} are no products of dense vectors, so there is nothing to index"
        raise FoldinError(what, remedy="leave out --index, or choose another model, such as als-implicit")


class Index(NamedTuple):
    """What was written: the file, its recall in a sentence, and a section of the README."""

    file: File
    recall: str
    section: str


def write(folder: Path, saved: Saved, portable: Portable) -> Index:
    """Write the index, and measure its recall.

    Parameters
    ----------
    folder : Path
        The folder of the export.
    saved : Saved
        The model.
    portable : Portable
        What was exported, with dense vectors.
    """
    faiss: Any = importlib.import_module("faiss")
    # In parallel, the graph would depend on which thread comes first.
    faiss.omp_set_num_threads(1)
    items = _with(portable.item_vectors, portable.item_biases)
    index = faiss.IndexHNSWFlat(items.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = BREADTH
    tick(f"{saved.name}: indexing {len(items):,} vectors")
    index.add(items)
    faiss.write_index(index, str(folder / NAME))
    ones = None if portable.item_biases is None else np.ones(saved.training.n_users)
    found, n_users = recall(index, saved, _with(portable.user_vectors, ones))
    said = f"recall@{SHOWN} {found:.4f}, the share of a user's exact list that it finds, mean over {n_users:,} users"
    holds = "an approximate index of the vectors of items" + ("" if ones is None else ", biases appended")
    file = File(NAME, holds, " × ".join(f"{size:,}" for size in items.shape), "float32")
    titled = bool(names.titles(saved.training.items).notna().any())
    return Index(file, said, _section(said, plain=ones is None, titled=titled))


def recall(index: Any, saved: Saved, queries: FloatArray) -> tuple[float, int]:
    """Return the share of the exact lists that searches find, mean over users, and the number of users.

    Parameters
    ----------
    index : faiss.Index
        The index.
    saved : Saved
        The model whose lists are the exact ones.
    queries : ndarray of float32, shape (n_users, size)
        What to search for.
    """
    ratings = saved.training.ratings
    users = np.unique(np.linspace(0, len(queries) - 1, min(MEASURED, len(queries))).astype(np.int32))
    shares = []
    for block in metrics.blocks(users, batch.block_size(saved.training.n_items)):
        for user, exact in zip(block, saved.model.recommend(block, SHOWN)[0], strict=True):
            rated = ratings[[user]].indices
            near = index.search(queries[[user]], SHOWN + len(rated))[1][0]
            kept = near[~np.isin(near, [-1, *rated])][:SHOWN]
            exact = exact[exact >= 0]
            if len(exact):
                shares.append(np.isin(exact, kept).mean())
    return float(np.mean(shares)), len(shares)


def _with(vectors: Matrix | None, column: Numbers | None) -> FloatArray:
    parts = [np.asarray(vectors), *([] if column is None else [column[:, None]])]
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _section(said: str, *, plain: bool, titled: bool) -> str:
    columns = '["item_id", "title"]' if titled else '["item_id"]'
    vector = 'users["vector"][user]' if plain else 'np.append(users["vector"][user], 1)'
    code = [
        "import faiss",
        f'index = faiss.read_index("{NAME}")',
        f"found = index.search(np.float32([{vector}]), {SHOWN} + rated[[user]].nnz)[1][0]",
        f"found = found[~np.isin(found, [-1, *rated[[user]].indices])][:{SHOWN}]",
        f"print(items.loc[found, {columns}].to_string(index=False))",
    ]
    return (
        "## With the approximate index\n\n"
        f"`{NAME}` finds nearly the same items without scoring all of them: {said}. It needs faiss. After the code "
        "above:\n\n```python\n" + "\n".join(code) + "\n```"
    )
