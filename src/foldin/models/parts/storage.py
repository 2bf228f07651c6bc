"""The files of a saved model. Their bytes depend on nothing but the model.

`model.json` holds its class, seed, epochs and settings; `known.npz` says which pairs it was trained on; `arrays.npz`
and, for a rating model, `bias.npz` hold what it learned, by name (foldin.core.arrays).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from scipy import sparse

from foldin.core import arrays
from foldin.core.errors import FoldinError
from foldin.core.files import write_text

Arrays = dict[str, npt.NDArray[Any]]


def write_head(folder: Path, head: Mapping[str, Any], known: sparse.csr_array) -> None:
    """Write what every model has.

    Parameters
    ----------
    folder : Path
        An existing folder.
    head : mapping
        For model.json: `class`, `seed`, `epochs` and `settings`.
    known : scipy.sparse.csr_array, shape (n_users, n_items)
        The training ratings; only which cells are stored is kept.
    """
    # Settings are kept to the last digit: rounding is for metrics.
    write_text(folder / "model.json", json.dumps(head, indent=2, sort_keys=True))
    arrays.write_cells(folder / "known.npz", known)


def read_head(folder: Path, kind: str) -> tuple[dict[str, Any], sparse.csr_array]:
    """Return the head and the known pairs of a model, as `write_head` takes them.

    Raises
    ------
    FoldinError
        When the folder holds no saved model, or one of another class than `kind`.
    """
    try:
        head: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FoldinError("no saved model here", where=folder, remedy="train it first: dvc repro") from None
    if head["class"] != kind:
        raise FoldinError(f"holds a {head['class']}, not a {kind}", where=folder, remedy="load that")
    return head, arrays.read_cells(folder / "known.npz")
