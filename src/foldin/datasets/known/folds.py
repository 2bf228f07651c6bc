"""Splits that were published as files: the official folds of ML-100K, and the NCF paper's test files on ML-1M."""

from pathlib import Path

import pandas as pd

from foldin.core.errors import FoldinError
from foldin.datasets.formats import lines, parsers

NCF_TEST, NCF_NEGATIVES = "ml-1m.test.rating", "ml-1m.test.negative"
N_NEGATIVES = 99


def read_100k_fold(folder: Path, fold: int) -> pd.DataFrame:
    """Read the test pairs of an official fold of ML-100K, u1 to u5.

    Parameters
    ----------
    folder : Path
        Where `u1.test` … `u5.test` lie.
    fold : int
        1 to 5.

    Returns
    -------
    pandas.DataFrame
        `user_id`, `item_id` (str), a row for each test rating.

    Raises
    ------
    FoldinError
        When there is no such fold.
    """
    if fold not in range(1, 6):
        raise FoldinError(f"split.fold is {fold}", where="params.yaml", remedy="ml-100k has the folds 1 to 5")
    columns: dict[str, parsers.Parser] = dict.fromkeys(("user_id", "item_id"), parsers.text)
    columns |= {"rating": parsers.number, "timestamp": parsers.integer}
    return lines.read(folder / f"u{fold}.test", columns, delimiter="\t")[["user_id", "item_id"]]


def read_ncf(folder: Path, ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the held-out pairs and the sampled negatives of He et al. (2017, Neural Collaborative Filtering) on ML-1M.

    Their files count users and items from 0: users by id, items in the order in which the ratings first name them.

    Parameters
    ----------
    folder : Path
        Where `ml-1m.test.rating` and `ml-1m.test.negative` lie.
    ratings : pandas.DataFrame
        The raw ratings in the order of their file: `user_id`, `item_id` (str).

    Returns
    -------
    held : pandas.DataFrame
        `user_id`, `item_id`: one held-out pair for each user.
    negatives : pandas.DataFrame
        `user_id`, `item_id`: 99 pairs for each user, the items beside which the held-out one is ranked.

    Raises
    ------
    FoldinError
        When a file is missing or malformed, or the two do not belong together or to these ratings.
    """
    for name in (NCF_TEST, NCF_NEGATIVES):
        if not (folder / name).is_file():
            raise FoldinError(
                "the file is missing",
                where=folder / name,
                remedy="put both test files of the NCF paper (github.com/hexiangnan/neural_collaborative_filtering, "
                "folder Data) beside the ratings in FOLDIN_ARCHIVES, and fetch again: dvc repro -f fetch@ml-1m",
            )
    names = [f"negative_{number}" for number in range(1, N_NEGATIVES + 1)]
    test = lines.read(
        folder / NCF_TEST,
        {"user": parsers.integer, "item": parsers.integer, "rating": parsers.number, "timestamp": parsers.integer},
        delimiter="\t",
    )
    others = lines.read(
        folder / NCF_NEGATIVES, {"pair": parsers.text, **dict.fromkeys(names, parsers.integer)}, delimiter="\t"
    )
    pairs = [f"({user},{item})" for user, item in zip(test["user"], test["item"], strict=True)]
    if others["pair"].tolist() != pairs:
        raise FoldinError(
            f"does not name the pairs of {NCF_TEST}", where=folder / NCF_NEGATIVES, remedy="get both anew"
        )
    user_ids = pd.Series(sorted(ratings["user_id"].unique(), key=int))
    item_ids = pd.Series(ratings["item_id"].unique())
    long = others[names].to_numpy().ravel()
    if test["user"].max() >= len(user_ids) or max(test["item"].max(), long.max()) >= len(item_ids):
        raise FoldinError("names users or items that the ratings have not", where=folder / NCF_TEST, remedy="use ml-1m")
    users = user_ids.iloc[test["user"]].to_numpy()
    held = pd.DataFrame({"user_id": users, "item_id": item_ids.iloc[test["item"]].to_numpy()})
    negatives = pd.DataFrame({"user_id": users.repeat(N_NEGATIVES), "item_id": item_ids.iloc[long].to_numpy()})
    return held, negatives
