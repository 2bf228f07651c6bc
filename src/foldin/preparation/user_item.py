"""Stage `user_item`: splits ratings into parts by a protocol of `splits`, and makes the user-item matrices.

Users and items get indices from the training data (train and validation part) alone; a user or item that occurs in the
test part only is cold and has index -1 there. The test part is written to its own folder, with the ratings of held-out
users that models observe at evaluation, and any negatives provided by the protocol's files.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from foldin.core import arrays, files, interactions, params, paths
from foldin.core.days import Days, of_timestamps
from foldin.core.errors import FoldinError
from foldin.core.ids import categories, occurring
from foldin.core.interactions import IMPLICIT, UNKNOWN, Interactions, TrainingData, check_classes
from foldin.core.progress import say, step
from foldin.datasets import registry
from foldin.preparation import protocols, splits, subset
from foldin.preparation.account import check
from foldin.preparation.protocols import PROTOCOLS, Protocol, Rows, Split
from foldin.preparation.splits import PARTS

NOT_OBSERVED = "fold_in_ratings_of_unknown_items"
"""What the account calls observed ratings of held-out users whose item no model knows."""
NOT_LIKED = "ratings_not_liked"
"""What the account calls ratings that `split.liked_only` left out."""
COLUMNS = ["user", "item", "user_id", "item_id", "rating", "timestamp"]


def run(dataset: str, elsewhere: Mapping[str, Protocol] | None = None) -> None:
    """Split a data set and write its training data and its test part: both folders, or neither.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    elsewhere : mapping of str to callable, optional
        Protocols that another engine computes.

    Raises
    ------
    FoldinError
        When the stage `clean` has not run, the protocol does not suit the data, a part would be empty, or no metric
        could be computed on what is held out: said here, before hours of training.
    """
    declared = registry.get(dataset)
    settings = params.section(params.Split)
    clean = paths.clean(dataset)
    files.require(dataset, "clean", "canonical tables", clean)
    step(f"{dataset}: splitting the ratings")
    ratings, users, items = (pd.read_parquet(clean / f"{name}.parquet") for name in ("ratings", "users", "items"))
    every, scale = len(ratings), declared.scale
    if settings.liked_only and scale.feedback != "implicit":
        ratings, scale = _liked(ratings, scale, settings.protocol), IMPLICIT
    _refuse_single_ratings(ratings, dataset)
    split = splits.split_ratings(ratings, settings, (declared, paths.raw(dataset)), elsewhere)
    split = subset.reduce(ratings, split, params.section(params.Subset))
    training = np.concatenate([split.train, split.validation])
    # Models observe some ratings of held-out users when they are evaluated (fold-in): other rows, the same items.
    held_out_users = _index_table(users, ratings["user_id"], split.fold_in)
    users = _index_table(users, ratings["user_id"], training)
    items = _index_table(items, ratings["item_id"], training)
    indexed = pd.DataFrame(
        {
            "user": _indices(ratings["user_id"], users["user_id"]),
            "item": _indices(ratings["item_id"], items["item_id"]),
            "rating": ratings["rating"],
        }
    )
    days = _days(indexed.iloc[training], ratings["timestamp"].iloc[training], (len(users), len(items)))
    data = TrainingData(
        *(_interactions(indexed.iloc[rows], users, items, scale, days) for rows in (split.train, split.validation))
    )
    test = indexed[["user", "item"]].iloc[split.test].reset_index(drop=True)
    held = ratings.iloc[split.test].reset_index(drop=True).astype({"user_id": "str", "item_id": "str"})
    test = pd.concat([test, held], axis=1)
    cold_users = test["user"] == UNKNOWN
    fold_in = None
    if len(split.fold_in):
        indexed["user"] = _indices(ratings["user_id"], held_out_users["user_id"])
        test["user"] = indexed["user"].iloc[split.test].to_numpy()
        observed = indexed.iloc[split.fold_in]
        fold_in = _interactions(observed[observed["item"] != UNKNOWN], held_out_users, items, scale)
    _refuse_unjudged(test, scale)
    with (
        files.whole_folder(paths.user_item(dataset)) as training_folder,
        files.whole_folder(paths.test(dataset)) as test_folder,
    ):
        interactions.save(training_folder, data)
        test[COLUMNS].to_parquet(test_folder / "ratings.parquet", index=False)
        if declared.normalized and scale == declared.scale:
            interactions.write_scales(test_folder, {part.domain: part.dataset.scale for part in declared.parts})
        if fold_in is not None:
            # The observed ratings of held-out users; foldin.evaluation.test_part reads them.
            arrays.write_matrix(test_folder / "fold_in.npz", fold_in.ratings)
            fold_in.users.to_parquet(test_folder / "fold_in_users.parquet", index=False)
        if split.negatives is not None:
            _with_indices(split.negatives, users, items).to_parquet(test_folder / "negatives.parquet", index=False)
    account = _account(data, test, cold_users, split, fold_in) | {"protocol": settings.protocol}
    if scale != declared.scale:
        account[NOT_LIKED] = every - len(ratings)
    _check(account, every)
    if settings.protocol in ("k_fold", "predefined_fold"):
        account["fold"] = settings.fold
    files.write_json(paths.account(dataset, "split"), account)
    sizes = ", ".join(f"{len(getattr(split, name)):,} {name}" for name in PARTS)
    phrase = PROTOCOLS[settings.protocol][1]
    say(f"{dataset}: split {phrase}: {sizes}; {len(users):,} users × {len(items):,} items")


def _liked(ratings: pd.DataFrame, scale: interactions.Scale, protocol: str) -> pd.DataFrame:
    """Return the liked ratings as implicit feedback: each counts once, so all have the value log(1 + 1)."""
    if protocol in protocols.FROM_FILES:
        raise FoldinError(
            f"split.liked_only is true, and {protocol} holds out pairs that its files name",
            where="params.yaml",
            remedy="write liked_only: false, or choose a protocol that draws its own parts",
        )
    liked_from = scale.liked_from(params.liked_share())
    liked = ratings[ratings["rating"] >= liked_from].reset_index(drop=True)
    if liked.empty:
        raise FoldinError(
            f"none of {len(ratings):,} ratings is at least {liked_from:g}, and split.liked_only keeps no others",
            where="params.yaml",
            remedy="lower evaluation.liked_share",
        )
    return liked.assign(rating=np.full(len(liked), np.log(2), ratings["rating"].to_numpy().dtype))


def _refuse_single_ratings(ratings: pd.DataFrame, dataset: str) -> None:
    """Refuse ratings of which no split leaves anybody both something known and something held out."""
    if not ratings["user_id"].duplicated().any():
        raise FoldinError(
            f"each of {len(ratings):,} users has one rating: of nobody could one be known and another held out",
            where=paths.clean(dataset).relative_to(paths.root()),
            remedy="look whether the right column is declared as user; foldin needs users with two ratings or more",
        )


def _refuse_unjudged(test: pd.DataFrame, scale: interactions.Scale) -> None:
    """Refuse a test part that `evaluate` would refuse, once all models have been trained."""
    if (test["user"] == UNKNOWN).all():
        raise FoldinError(
            f"no user of the {len(test):,} test ratings is in the training part, so no list could be evaluated",
            where="params.yaml (split)",
            remedy="lower split.test, or choose another split.seed or split.protocol",
        )
    if scale.feedback != "implicit":
        liked_from = scale.liked_from(params.liked_share())
        check_classes(test["rating"].to_numpy(np.float32), liked_from)


def _index_table(table: pd.DataFrame, ids: "pd.Series[str]", rows: Rows) -> pd.DataFrame:
    key = str(ids.name)
    return table.set_index(key).loc[occurring(categories(ids), rows)].reset_index()


def _indices(ids: "pd.Series[str]", index: "pd.Series[str]") -> npt.NDArray[np.int32]:
    coded = categories(ids)
    places = np.append(pd.Index(index).get_indexer(coded.categories), UNKNOWN).astype(np.int32)
    found: npt.NDArray[np.int32] = places[coded.codes]
    return found


def _with_indices(pairs: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"user": _indices(pairs["user_id"], users["user_id"]), "item": _indices(pairs["item_id"], items["item_id"])}
    )


def _interactions(
    part: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, scale: interactions.Scale, days: Days | None = None
) -> Interactions:
    user, item, rating = (part[name].to_numpy() for name in ("user", "item", "rating"))
    ratings = interactions.matrix(user, item, rating, (len(users), len(items)))
    return Interactions(ratings, users, items, scale, days)


def _days(part: pd.DataFrame, timestamps: "pd.Series[int]", shape: tuple[int, int]) -> Days | None:
    """Return the days of ratings, None where no rating has a time."""
    if timestamps.isna().all():
        return None

    def read() -> sparse.csr_array:
        days = of_timestamps(timestamps).astype(np.float32)  # exact: a day has five digits
        cells = interactions.matrix(part["user"].to_numpy(), part["item"].to_numpy(), days, shape)
        return cells.astype(np.int32)

    return Days(read)


def _account(
    data: TrainingData, test: pd.DataFrame, cold_user: "pd.Series[bool]", split: Split, fold_in: Interactions | None
) -> dict[str, float | str]:
    n_train, n_validation = data.train.ratings.nnz, data.validation.ratings.nnz
    n_users, n_items = data.train.n_users, data.train.n_items
    cold_item = test["item"] == UNKNOWN
    account: dict[str, float | str] = {
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
    if fold_in is not None:
        account["ratings_fold_in"] = fold_in.ratings.nnz
        # Training has never seen their items, so models have no number for them.
        account[NOT_OBSERVED] = len(split.fold_in) - fold_in.ratings.nnz
    if split.negatives is not None:
        account["negatives"] = len(split.negatives)
    return account | split.notes


def _check(account: dict[str, float | str], ratings: int) -> None:
    """Refuse an account whose parts, and what was left out of them for a reason, are not all ratings."""
    kept = sum(int(account.get(f"ratings_{name}", 0)) for name in (*PARTS, "fold_in"))
    left_out = {
        why: int(account[why]) for why in (NOT_LIKED, NOT_OBSERVED, subset.NOT_DRAWN, subset.OUTSIDE) if why in account
    }
    rows = {"rows_in": ratings, "rows_out": kept, "dropped": left_out}
    check("the split", rows, kept, where="src/foldin/preparation/user_item.py")
