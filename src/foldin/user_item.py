"""Stage `user_item`: splits ratings into train, validation and test part, and makes the user-item matrices.

The split is random by rating, not temporal: a model may learn from ratings given later than those it is judged on.
Users and items get indices from the training data (train and validation part) alone; a user or item that occurs in
the test part only is cold and has index -1 there. The test part is written to a folder of its own.
"""

import shutil

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldin import datasets, files, interactions, params, paths
from foldin.errors import FoldinError
from foldin.ids import natural_order
from foldin.interactions import UNKNOWN, Interactions, TrainingData
from foldin.progress import say

PARTS = ("train", "validation", "test")


def run(dataset: str) -> None:
    """Split a data set and write its training data and its test part: both folders, or neither.

    Parameters
    ----------
    dataset : str
        Name of the data set.

    Raises
    ------
    FoldinError
        When the stage `clean` has not run, or a part would be empty.
    """
    wanted = datasets.get(dataset)
    clean = paths.clean(dataset)
    if not clean.is_dir():
        raise FoldinError(
            f"the data set '{dataset}' has no canonical tables yet",
            where=clean.relative_to(paths.root()),
            remedy=f"make them first: dvc repro clean@{dataset}",
        )
    ratings, users, items = (pd.read_parquet(clean / f"{name}.parquet") for name in ("ratings", "users", "items"))
    parts = split(len(ratings), params.section(params.Split))
    training = ratings.iloc[np.concatenate([parts["train"], parts["validation"]])]
    users, items = _index_table(users, training["user_id"]), _index_table(items, training["item_id"])
    indexed = ratings.assign(
        user=_indices(ratings["user_id"], users["user_id"]), item=_indices(ratings["item_id"], items["item_id"])
    )
    data = TrainingData(*(_interactions(indexed.iloc[parts[name]], users, items, wanted.scale) for name in PARTS[:2]))
    test = indexed.iloc[parts["test"]].reset_index(drop=True)
    # Folders of an earlier split go first: one of each would mix test ratings into training.
    for folder in (paths.user_item(dataset), paths.test(dataset)):
        shutil.rmtree(folder, ignore_errors=True)
    with (
        files.whole_folder(paths.user_item(dataset)) as training_folder,
        files.whole_folder(paths.test(dataset)) as test_folder,
    ):
        interactions.save(training_folder, data)
        columns = ["user", "item", "user_id", "item_id", "rating", "timestamp"]
        test[columns].to_parquet(test_folder / "ratings.parquet", index=False)
    files.write_json(paths.account(dataset, "split"), _account(data, test))
    sizes = ", ".join(f"{len(parts[name]):,} {name}" for name in PARTS)
    say(f"{dataset}: split at random by rating, not by time: {sizes}; {len(users):,} users × {len(items):,} items")


def split(n: int, settings: params.Split) -> dict[str, npt.NDArray[np.intp]]:
    """Deal n ratings out at random to the train, validation and test part.

    Parameters
    ----------
    n : int
        Number of ratings.
    settings : params.Split
        Section `split` of params.yaml: the shares and the seed.

    Returns
    -------
    dict of str to ndarray of int
        "train", "validation", "test" → positions, ascending; disjoint, and together all of them.

    Raises
    ------
    FoldinError
        When a part would be empty: names the share to change.
    """
    n_test, n_validation = round(n * settings.test), round(n * settings.validation)
    sizes = {"train": n - n_test - n_validation, "validation": n_validation, "test": n_test}
    for name, size in sizes.items():
        if size <= 0:
            shares = f"split.test is {settings.test} and split.validation is {settings.validation}"
            lower, key = ("lower", "one of them") if name == "train" else ("raise", f"split.{name}")
            raise FoldinError(
                f"the {name} part of {n:,} ratings would be empty: {shares}",
                where="params.yaml",
                remedy=f"{lower} {key}",
            )
    order = np.argsort(np.random.Generator(np.random.PCG64(settings.seed)).random(n), kind="stable")
    ends = np.cumsum([sizes[name] for name in PARTS])[:-1]
    return {name: np.sort(part) for name, part in zip(PARTS, np.split(order, ends), strict=True)}


def _index_table(table: pd.DataFrame, training_ids: "pd.Series[str]") -> pd.DataFrame:
    key = str(training_ids.name)
    return table.set_index(key).loc[natural_order(training_ids)].reset_index()


def _indices(ids: "pd.Series[str]", index: "pd.Series[str]") -> npt.NDArray[np.int32]:
    return pd.Index(index).get_indexer(pd.Index(ids)).astype(np.int32)


def _interactions(
    part: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, scale: interactions.Scale
) -> Interactions:
    user, item, rating = (part[name].to_numpy() for name in ("user", "item", "rating"))
    ratings = interactions.matrix(user, item, rating, (len(users), len(items)))
    return Interactions(ratings, users, items, scale)


def _account(data: TrainingData, test: pd.DataFrame) -> dict[str, float]:
    n_train, n_validation = data.train.ratings.nnz, data.validation.ratings.nnz
    n_users, n_items = data.train.n_users, data.train.n_items
    cold_user, cold_item = test["user"] == UNKNOWN, test["item"] == UNKNOWN
    return {
        "ratings_train": n_train,
        "ratings_validation": n_validation,
        "ratings_test": len(test),
        "users": n_users,
        "items": n_items,
        "density_of_training": (n_train + n_validation) / (n_users * n_items),
        "cold_users_in_test": test.loc[cold_user, "user_id"].nunique(),
        "cold_items_in_test": test.loc[cold_item, "item_id"].nunique(),
        "cold_pairs_in_test": int((cold_user | cold_item).sum()),
    }
