"""`foldin similar`: cosines and weights computed apart, and models that know no nearness."""

import numpy as np
import pytest
from scipy import sparse
from small_models import rows_of
from synthetic import of

from foldin import cli
from foldin.core import params
from foldin.models import family_models
from foldin.recommend import names, similar


def cosines(vectors, item):
    dense = vectors.toarray() if sparse.issparse(vectors) else np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(dense, axis=1)
    found = dense @ dense[item] / np.where(lengths * lengths[item] > 0, lengths * lengths[item], 1)
    found[item] = -np.inf
    return found


@pytest.mark.parametrize(("model", "method"), [("als-explicit", "item_factors"), ("tf-idf", "item_vectors")])
@pytest.mark.parametrize("item", [0, 17])
def test_nearest_are_those_of_the_largest_cosine(opened, capsys, model, method, item):
    right = cosines(getattr(opened(model).model, method)(), item)
    assert cli.main(["similar", "--model", model, "--item", f"i{item:04d}", "--k", "5"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"demo: {model}\nNearest to i{item:04d}, Title {item}:\n")
    rows = rows_of(printed)
    assert len(rows) == 5
    shown = [(int(row[0][1:]), float(row[-1])) for row in rows.values()]
    assert [value for _, value in shown] == pytest.approx(np.sort(right)[::-1][:5], abs=2e-4)
    assert all(right[other] == pytest.approx(value, abs=2e-4) for other, value in shown)


def test_a_model_of_item_weights_shows_the_largest_weights_to_the_item(opened, capsys):
    weights = opened("ease").model._arrays()["weights"][:, 6]
    right = [item for item in np.argsort(-weights, kind="stable") if weights[item] > 0 and item != 6][:4]
    assert cli.main(["similar", "--model", "ease", "--item", "Title 6", "--k", "4"]) == 0
    printed = capsys.readouterr().out
    assert "Nearest to i0006, Title 6:\n" in printed
    assert [int(row[0][1:]) for row in rows_of(printed).values()] == right
    assert [float(row[-1]) for row in rows_of(printed).values()] == pytest.approx(weights[right], rel=1e-2)


def test_singular_vectors_count_by_their_singular_values(saved_models):
    """The cosine of two items is that of their columns of the approximated matrix."""
    cls = family_models("svd")["svds"]
    cells = sparse.csr_array(np.random.default_rng(0).random((12, 7)).astype(np.float32))
    model = cls(cls.Settings(factors=3))
    model.fit(of(np.ones((12, 7))).with_ratings(cells))
    columns = model.score(np.arange(12)).T
    items, values, unit = similar.nearest(model, 2, 6)
    right = cosines(columns, 2)
    assert unit == "cosine"
    assert values == pytest.approx(right[items], abs=1e-5)
    assert (np.diff(values) <= 1e-6).all()


def test_long_sparse_vectors_keep_their_cosines_in_few_columns():
    """What another vector has where the item has nothing makes it longer, and so less near."""
    vectors = sparse.csr_array(sparse.random_array((30, 200), density=0.1, rng=np.random.default_rng(1)))
    few = similar._beside(vectors, 4)
    assert few.shape == (30, vectors[[4]].nnz + 1)
    assert cosines(few, 4) == pytest.approx(cosines(vectors, 4))


def test_a_model_without_vectors_names_those_that_have_them(saved_models, capsys):
    assert cli.main(["similar", "--model", "gf-cf", "--item", "i0001"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("foldin: gf-cf has neither vectors of items nor item-item weights; choose one of: als-")
    assert error.count("\n") == 1
    named = error.strip().partition("choose one of: ")[2].split(", ")
    assert {"als-implicit", "ease", "item-knn", "svds", "mf-l2", "two-tower-retrieval", "mult-vae", "tf-idf"} <= {
        *named
    }
    assert not {"popularity", "user-knn", "gf-cf", "ncf", "stack-ranking"} & {*named}


def test_without_a_model_the_best_that_knows_nearness_is_taken(saved_models, capsys):
    """`gf-cf` is better on the leaderboard, and has no vectors."""
    assert cli.main(["similar", "--item", "i0001"]) == 0
    assert capsys.readouterr().out.startswith("demo: ease, the best model of ")


def test_every_model_of_every_family_is_known(saved_models):
    known = {name: family for family in params.known_families() for name in family_models(family)}
    assert names.families_of_models() == known
