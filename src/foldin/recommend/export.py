"""`foldin export`: a saved model in a folder of its own, whose files score without foldin."""

import contextlib
import importlib.metadata
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from foldin.core import arrays, files
from foldin.core.errors import FoldinError
from foldin.core.interactions import FloatArray, IntArray
from foldin.core.progress import say
from foldin.models.parts import networks
from foldin.models.parts.portable import Matrix, Numbers, Portable
from foldin.recommend import export_index, export_page, names
from foldin.recommend.export_page import File
from foldin.recommend.saved import Saved

COMPARED = 20
"""Users whose scores are computed from the files and compared with the model's."""
TOLERANCE = 1e-5
"""Largest difference of a score, as a share of the user's largest absolute score: sums in single precision differ."""


def refuse_used(to: Path) -> None:
    """Refuse a target that is there and is no empty folder.

    Raises
    ------
    FoldinError
        When it is a file, or holds something.
    """
    if to.is_dir() and any(to.iterdir()):
        raise FoldinError("the folder is not empty", where=to, remedy="name a new folder, or empty this one")
    if to.exists() and not to.is_dir():
        raise FoldinError("is a file", where=to, remedy="name a folder")


def run(saved: Saved, to: Path, *, index: bool = False) -> None:
    """Write a model to a folder, whole or not at all, and print what is in it.

    Parameters
    ----------
    saved : Saved
        The model.
    to : Path
        The folder; see `refuse_used`.
    index : bool, optional
        Also write an approximate index of its vectors of items.

    Raises
    ------
    FoldinError
        When the model cannot be exported, or its files do not give its scores.
    """
    portable = saved.model.portable()
    if index:
        export_index.refuse_without_vectors(saved.name, portable)
    with files.whole_folder(to) as folder:
        contents = [*_tables(folder, saved, portable), *_matrices(folder, saved, portable), *_network(folder, portable)]
        titled = bool(names.titles(saved.training.items).notna().any())
        users = saved.training.users["user_id"]
        served = any(file.name == export_page.SERVED for file in contents)
        code = export_page.code(portable, str(users.iloc[0]), titled=titled, served=served)
        compared = np.unique(np.linspace(0, len(users) - 1, COMPARED).astype(np.int32))
        # A GPU's own kinds of products round to three digits.
        device = contextlib.nullcontext() if portable.network is None else networks.keras().device("cpu")
        with device:
            prints, apart = checked(saved, folder, code, compared)
        agree = f"differ by at most {apart:.1e}" if apart else "do not differ"
        notes = [
            f"{saved.meaning()} Scores are those of `foldin recommend` up to rounding: for the {len(compared)} users "
            f"compared, they {agree}, as a share of the user's largest absolute score; up to {TOLERANCE:g} is allowed. "
            "Items whose scores are that near may change places.",
            *export_page.notes(portable, code),
        ]
        if index:
            made = export_index.write(folder, saved, portable)
            contents.append(made.file)
            notes.append(made.section)
        heading = f"{saved.name}, trained on {saved.dataset}"
        text = export_page.page(heading, _about(saved, portable), contents, code, prints, notes)
        files.write_text(folder / "README.md", text)
        megabytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    print(f"{saved.headline}\n{to}: {megabytes:.1f} MB that work without foldin; {to / 'README.md'} says how.")
    print(f"Scores from these files and from the model, compared for {len(compared)} users, {agree}.")
    if index:
        print(f"{to / made.file.name}: {made.recall}.")


def _about(saved: Saved, portable: Portable) -> list[str]:
    training = saved.training
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in export_page.libraries(portable))
    return [
        saved.model.about,
        f"Trained on {training.ratings.nnz:,} ratings of {training.n_items:,} items by {training.n_users:,} users; "
        "ratings of the test part are not among them. The terms of the data set apply to these files, too: they say "
        "who rated what.",
        f"Written by `foldin export`, and checked with {versions}. Nothing else is needed.",
    ]


def _tables(folder: Path, saved: Saved, portable: Portable) -> list[File]:
    """Write users.parquet and items.parquet; return what they hold."""
    users, items = saved.training.users, saved.training.items
    titles = names.titles(items)
    of_users: dict[str, Any] = {"user_id": pa.array(users["user_id"].astype("str").to_list(), pa.string())}
    of_items: dict[str, Any] = {"item_id": pa.array(items["item_id"].astype("str").to_list(), pa.string())}
    if titles.notna().any():
        of_items["title"] = pa.array([None if cell is None or cell != cell else cell for cell in titles], pa.string())
    found = []
    for kind, columns, biases, vectors in (
        ("user", of_users, portable.user_biases, portable.user_vectors),
        ("item", of_items, portable.item_biases, portable.item_vectors),
    ):
        name, n_rows = f"{kind}s.parquet", len(columns[f"{kind}_id"])
        found.append(
            File(name, f"{kind}s: ids{' and titles' if 'title' in columns else ''}", f"{n_rows:,} rows", "text")
        )
        if biases is not None:
            columns["bias"] = pa.array(np.ascontiguousarray(biases))
            holds = f"what is added to the scores of the {kind}"
            found.append(_entry(f"{name}: bias", holds, biases))
        if isinstance(vectors, np.ndarray):
            flat = pa.array(np.ascontiguousarray(vectors).ravel())
            columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
            found.append(_entry(f"{name}: vector", f"vectors of {kind}s", vectors))
        pq.write_table(pa.table(columns), folder / name)
    return found


def _matrices(folder: Path, saved: Saved, portable: Portable) -> list[File]:
    """Write the arrays that are no column of a table; return what they hold."""
    ratings = saved.training.ratings
    ones = np.ones(ratings.nnz, dtype=np.float32)
    rated = sparse.csr_array((ones, ratings.indices, ratings.indptr), shape=ratings.shape)
    found = [_write(folder, "rated", "1 where the user has rated the item", rated)]
    if not isinstance(portable.user_vectors, np.ndarray):
        found += [
            _write(folder, f"of_{kind}", f"vectors of {kind}", vectors)
            for kind, vectors in (("users", portable.user_vectors), ("items", portable.item_vectors))
            if vectors is not None
        ]
    for name, holds, matrix in (
        ("weights", "weights from the item of the row to the item of the column", portable.item_weights),
        ("similar", "similarities of the nearest users", portable.similar_users),
        ("edges", "weights of the edges between users and items", portable.edges),
    ):
        if matrix is not None:
            found.append(_write(folder, name, holds, matrix))
    return found


def _write(folder: Path, name: str, holds: str, matrix: Matrix) -> File:
    if isinstance(matrix, np.ndarray):
        np.save(folder / f"{name}.npy", matrix)
        return _entry(f"{name}.npy", holds, matrix)
    arrays.write_matrix(folder / f"{name}.npz", matrix)
    return _entry(f"{name}.npz", f"{holds}, {matrix.nnz:,} cells, sparse", matrix)


def _entry(name: str, holds: str, values: Matrix | Numbers) -> File:
    return File(name, holds, " × ".join(f"{size:,}" for size in values.shape), str(values.dtype))


def _network(folder: Path, portable: Portable) -> list[File]:
    """Write a network for Keras, and for TensorFlow where Keras runs on it; return what was written."""
    if portable.network is None:
        return []
    say("writing the network, which takes some seconds")
    model = portable.network()
    n_weights = f"{model.count_params():,} weights"
    model.save(folder / "model.keras")
    found = [File("model.keras", "the network, for Keras", n_weights, "float32")]
    if networks.keras().backend.backend() == "tensorflow":
        # Keras asks for an absolute path, and prints the signatures unless it is asked not to.
        model.export(str((folder / "saved_model").absolute()), format="tf_saved_model", verbose=False)
        found.append(File(export_page.SERVED, "the same, for TensorFlow", n_weights, "float32"))
    return found


def checked(saved: Saved, folder: Path, code: export_page.Code, users: IntArray) -> tuple[str, float]:
    """Run the code of the README in its folder, for some users; that for TensorFlow, too.

    Parameters
    ----------
    saved : Saved
        The model that was exported.
    folder : Path
        The files.
    code : Code
        The code.
    users : ndarray of int, shape (n,)
        Indices of users to compare.

    Returns
    -------
    prints : str
        What the code prints for the user that it names.
    apart : float
        The largest `difference` of a user.

    Raises
    ------
    FoldinError
        When scores differ from the model's by more than `TOLERANCE`.
    """
    printed, found, largest = io.StringIO(), dict[str, Any](), 0.0
    with contextlib.chdir(folder):
        with contextlib.redirect_stdout(printed):
            exec(code.text(), found)
        for load, score in [("", code.score), *([code.served] if code.served else [])]:
            exec(load, found)
            for user in users:
                found["user"] = user
                exec(score, found)
                largest = max(largest, difference(found["scores"], saved.model.score(np.array([user]))[0]))
    if largest > TOLERANCE:
        what = f"the files of {saved.name} give other scores than the model: {largest:.1e} of the largest apart"
        raise FoldinError(what, remedy="choose another model, and report this one")
    return printed.getvalue(), largest


def difference(scores: FloatArray, right: FloatArray) -> float:
    """Return the largest difference of scores of one user, as a share of the largest absolute score."""
    apart = np.abs(scores.astype(np.float64) - right).max(initial=0)
    return float(apart / (np.abs(right).max(initial=0) or 1.0))
