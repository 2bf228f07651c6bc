"""Reading the test part: whatever says that training has seen it, or that it is of other data, is refused."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from conftest import edit_params
from scipy import sparse

from foldin.core import interactions, paths
from foldin.core.errors import FoldinError
from foldin.evaluation import test_part
from foldin.preparation import clean, fetch, user_item


def split(workspace, protocol):
    edit_params(workspace, lambda values: values["split"].update(protocol=protocol))
    for stage in (fetch, clean, user_item):
        stage.run("demo")


def rewrite(path, change):
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def without(matrix, axis, place):
    """Return a matrix without the ratings of a row or column, of the same shape."""
    cells = sparse.coo_array(matrix)
    kept = cells.coords[axis] != place
    return sparse.csr_array((cells.data[kept], [part[kept] for part in cells.coords]), shape=matrix.shape)


@pytest.mark.parametrize(("axis", "kind"), [(0, "user"), (1, "item")])
def test_an_index_without_a_training_rating_is_refused(workspace, axis, kind):
    split(workspace, "random_by_rating")
    test_part.load("demo")
    data = interactions.load("demo")
    for name in ("train", "validation"):
        matrix = getattr(data, name).ratings
        sparse.save_npz(paths.user_item("demo") / f"{name}.npz", without(matrix, axis, 7))
    name = getattr(data.train, f"{kind}s")[f"{kind}_id"].iloc[7]
    rewrite(paths.test("demo") / "ratings.parquet", lambda pairs: pairs[pairs[kind] != 7])
    with pytest.raises(FoldinError, match=f"the {kind} '{name}' has an index but no training rating"):
        test_part.load("demo")


def test_a_test_pair_that_was_trained_on_is_refused(workspace):
    split(workspace, "random_by_rating")
    users, items, _ = interactions.load("demo").train.triples()
    columns = {"user": users[0], "item": items[0]}
    rewrite(paths.test("demo") / "ratings.parquet", lambda pairs: pd.concat([pairs, pairs[:1].assign(**columns)]))
    with pytest.raises(FoldinError, match="is in the training part too; make it again"):
        test_part.load("demo")


def test_a_test_pair_that_a_model_is_told_of_is_refused(workspace):
    split(workspace, "strong_generalization")
    observed = test_part.load("demo").fold_in
    users, items, _ = observed.triples()
    columns = {"user": users[0], "item": items[0]}
    rewrite(paths.test("demo") / "ratings.parquet", lambda pairs: pd.concat([pairs, pairs[:1].assign(**columns)]))
    with pytest.raises(
        FoldinError, match=f"the pair \\('{observed.users['user_id'].iloc[users[0]]}'.*training part too"
    ):
        test_part.load("demo")


def test_a_held_out_user_who_was_trained_on_is_refused(workspace):
    split(workspace, "strong_generalization")
    known = interactions.load("demo").train.users["user_id"].iloc[0]

    def changed(users):
        users["user_id"] = users["user_id"].astype("str")
        users.loc[0, "user_id"] = known
        return users

    rewrite(paths.test("demo") / "fold_in_users.parquet", changed)
    with pytest.raises(FoldinError, match=f"the held-out user '{known}' is in the training part too; make it again"):
        test_part.load("demo")


def test_a_negative_that_was_trained_on_is_refused_and_an_unknown_one_is_passed_over(workspace):
    split(workspace, "random_by_rating")
    test = test_part.load("demo")
    taken = (test.training.ratings + test.relevant).toarray() != 0
    user = int(test.ranked[0])
    free = np.flatnonzero(~taken[user])[:3]
    file = paths.test("demo") / "negatives.parquet"
    unknown = pd.DataFrame({"user": [-1, user], "item": [int(free[0]), -1]})
    negatives = pd.concat([pd.DataFrame({"user": user, "item": [*free, free[0]]}), unknown]).astype("int32")
    negatives.to_parquet(file, index=False)
    assert test_part.load("demo").negatives.nonzero()[1].tolist() == free.tolist()
    trained_on = test.training.ratings[[user]].indices[0]
    pd.concat([negatives, pd.DataFrame({"user": [user], "item": [trained_on]})]).astype("int32").to_parquet(file)
    with pytest.raises(FoldinError, match=r"negatives\.parquet: a negative is in the training part; make it again"):
        test_part.load("demo")


def test_the_first_shared_cell_is_found_in_memory_that_grows_with_the_cells():
    """A user with 4,000 ratings and 1,000 test ratings: a copy of the row for each of these would take 32 MB."""
    ones, columns = np.ones(4000, np.float32), np.arange(0, 8000, 2)
    one = sparse.csr_array((ones, columns, [0, 0, 4000]), shape=(2, 9000))
    other = sparse.csr_array((ones[:1000], columns[:1000] + 1, [0, 0, 1000]), shape=(2, 9000))
    tracemalloc.start()
    assert test_part.first_shared(one, other) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    other.indices[[700, 800]] -= 1
    assert test_part.first_shared(one, other) == (1, 1400)
