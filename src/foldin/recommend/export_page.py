"""The README of an exported model: what its files hold, and the code that finds a user's best items in them."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foldin.models.parts.portable import Portable

SHOWN = 10
"""Items that the code of the README prints."""

SERVED = "saved_model/"
"""The folder of a network for TensorFlow."""
SERVE = 'import tensorflow; network = tensorflow.saved_model.load("saved_model")'


class File(NamedTuple):
    """A file, or a column of a file, of an export: its name, what it holds, and its shape and type in words."""

    name: str
    holds: str
    shape: str = ""
    kind: str = ""


class Code(NamedTuple):
    """The code of the README, line by line, in the order in which it runs.

    Attributes
    ----------
    load : list of str
        Imports, and reads the files.
    choose : str
        Sets `user`, an index.
    score : str
        Sets `scores`, float32 of shape (n_items,).
    show : list of str
        Prints the best items that the user has not rated.
    served : tuple of two str
        Where a network is there for TensorFlow, too: loads it, and sets `scores` by it. Not part of the ten lines.
    """

    load: list[str]
    choose: str
    score: str
    show: list[str]
    served: tuple[str, ...] = ()

    def text(self) -> str:
        """Return all of it."""
        return "\n".join([*self.load, self.choose, self.score, *self.show])


def code(portable: Portable, user: str, *, titled: bool, served: bool = False) -> Code:
    """Return the code that scores with the files of an export.

    Parameters
    ----------
    portable : Portable
        What was exported.
    user : str
        The data set's own id of the user whose list it prints.
    titled : bool
        Whether items have titles.
    served : bool, optional
        Whether the network is there for TensorFlow, too.
    """
    matrices = {"rated": 'sparse.load_npz("rated.npz")'}
    terms = []
    if portable.user_biases is not None:
        terms.append('users["bias"][user]')
    if portable.item_biases is not None:
        terms.append('items["bias"].to_numpy()')
    if isinstance(portable.user_vectors, np.ndarray):
        terms.append('np.stack(items["vector"]) @ users["vector"][user]')
    elif portable.user_vectors is not None:
        matrices |= {name: f'sparse.load_npz("{name}.npz")' for name in ("of_users", "of_items")}
        terms.append("(of_users[[user]] @ of_items.T).toarray()[0]")
    if isinstance(portable.item_weights, np.ndarray):
        matrices["weights"] = 'np.load("weights.npy")'
        terms.append("(rated[[user]] @ weights)[0]")
    elif portable.item_weights is not None:
        matrices["weights"] = 'sparse.load_npz("weights.npz")'
        terms.append("(rated[[user]] @ weights).toarray()[0]")
    if portable.similar_users is not None:
        matrices["similar"] = 'sparse.load_npz("similar.npz")'
        terms.append("(similar[[user]] @ rated).toarray()[0]")
    if portable.edges is not None:
        matrices["edges"] = 'sparse.load_npz("edges.npz")'
        terms.append("(rated[[user]] @ edges.T @ edges).toarray()[0]")
    if portable.network is not None:
        matrices["model"] = 'keras.saving.load_model("model.keras")'
        terms.append(_prediction(portable))
    if portable.seed is not None:
        terms.append(f"np.random.default_rng([{portable.seed}, user]).random(len(items), dtype=np.float32)")
    columns = ["item_id", *(["title"] if titled else []), "score"]
    return Code(
        [
            *(["import keras"] if portable.network is not None else []),
            "import numpy as np",
            "import pandas as pd",
            "from scipy import sparse",
            'users, items = pd.read_parquet("users.parquet"), pd.read_parquet("items.parquet")',
            f"{', '.join(matrices)} = {', '.join(matrices.values())}",
        ],
        f'user = users.index[users["user_id"] == {json.dumps(user, ensure_ascii=False)}][0]',
        f"scores = np.float32({' + '.join(terms)})",
        [
            f'best = items.assign(score=scores).drop(index=rated[[user]].indices).nlargest({SHOWN}, "score")',
            f"print(best[{json.dumps(columns)}].to_string(index=False))",
        ],
        (SERVE, f"scores = network.serve({_inputs(portable)}).numpy().ravel()") if served else (),
    )


def _prediction(portable: Portable) -> str:
    if portable.reads == "rows":
        return "model.predict(rated[[user]].toarray(), verbose=0)[0]"
    return "model.predict([np.full(len(items), user), np.arange(len(items))], batch_size=4096, verbose=0)"


def _inputs(portable: Portable) -> str:
    """Return what TensorFlow reads, which is strict about types."""
    if portable.reads == "rows":
        return "np.float32(rated[[user]].toarray())"
    return "[np.full(len(items), user, np.int32), np.arange(len(items), dtype=np.int32)]"


def libraries(portable: Portable) -> list[str]:
    """Return the libraries that the code needs."""
    networks = [] if portable.network is None else ["keras", "tensorflow"]
    return ["numpy", "pandas", "pyarrow", "scipy", *networks]


def page(
    heading: str, about: Sequence[str], files: Sequence[File], code: Code, prints: str, notes: Sequence[str]
) -> str:
    """Return the README of an export.

    Parameters
    ----------
    heading : str
        What was exported.
    about : sequence of str
        Paragraphs on the model.
    files : sequence of File
        The files.
    code : Code
        The code to show.
    prints : str
        What it prints.
    notes : sequence of str
        Paragraphs below it.
    """
    rows = [f"| {f'`{file.name}`'} | {file.holds} | {file.shape} | {file.kind} |" for file in files]
    return "\n\n".join(
        [
            f"# {heading}",
            *about,
            "\n".join(["| file | what it holds | shape | type |", "|---|---|---|---|", *rows]),
            f"## The {SHOWN} best items for a user",
            "Run in this folder:",
            f"```python\n{code.text()}\n```",
            f"It prints:\n\n```text\n{prints.rstrip()}\n```",
            *notes,
        ]
    )


def notes(portable: Portable, code: Code) -> list[str]:
    """Return what else the files are good for, a paragraph each."""
    found = []
    if isinstance(portable.item_vectors, np.ndarray) and portable.edges is None:
        search = "A vector index that searches by inner product finds the best items"
        if portable.item_biases is None:
            found.append(f"A score is the dot product of two vectors. {search}.")
        else:
            append = "append the item's bias to its vector, and 1 to the user's"
            found.append(f"A score is the dot product of two vectors plus both biases. {search}: {append}.")
    if portable.item_weights is not None or portable.reads == "rows":
        found.append(
            "Scores depend only on which items a user has rated. For somebody new, use a row of their own in place of "
            "`rated[[user]]`: 1 at each item that they have rated."
        )
    if portable.network is not None:
        inputs = "two inputs: indices of users and of items" if portable.reads == "pairs" else "rows of `rated`"
        found.append(f"`model.keras` takes {inputs}.")
    if code.served:
        load, score = code.served
        found.append(
            f"`{SERVED}` is the same network for TensorFlow alone. Load it by `{load}`; then "
            f"`{score}` gives the same scores, compared for the same users."
        )
    return found
