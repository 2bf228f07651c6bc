"""Five rated titles in a notebook: the list is the model's fold-in, with titles; a mistake is one line."""

import json

import numpy as np
import pytest
from conftest import CHECKOUT
from scipy import sparse

from foldin.core.errors import FoldinError
from foldin.metrics import top_k
from foldin.recommend import in_notebook, lists, new_user


def test_the_list_is_the_fold_in_of_the_ratings_by_title_or_id(opened):
    saved = opened("ease")
    row = sparse.csr_array((np.float32([1, 4.5, 5]), np.int32([2, 5, 30]), [0, 3]), shape=(1, 40))
    items, scores = top_k.top_k(saved.model.fold_in(row), 6, exclude=row)
    table = in_notebook.rate("demo", {"Title 2": 1, "i0005": 4.5, "Title 30": 5}, model="ease", k=6)
    assert table["title"].tolist() == [lists.title_of(saved.training.items, item) for item in items[0]]
    assert [float(score) for score in table["score"]] == pytest.approx(scores[0], rel=1e-3)
    assert table.index.name == "ease"
    assert set(table["because of"]) <= {"Title 2", lists.title_of(saved.training.items, 5), "Title 30", ""}


def test_the_best_ranking_model_is_asked_unless_one_is_named(saved_models):
    assert in_notebook.rate("demo", {"Title 2": 5}).index.name == "gf-cf"


def test_popular_items_come_first_with_their_scale(opened):
    training = opened("popularity").training
    counts = np.bincount(training.ratings.indices, minlength=training.n_items)
    right = sorted(range(training.n_items), key=lambda item: (-counts[item], item))[:7]
    table = in_notebook.popular("demo", 7)
    assert table.index.tolist() == [f"i{item:04d}" for item in right]
    assert set(table["ratings"]) == {new_user.scale_text(training.scale)}


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        ({"Titel 2": 5}, r"^'demo' has no item 'Titel 2'; did you mean 'Title 2'"),
        ({"Title 2": 7}, r"^'7' is no rating of i0002; ratings are 0\.5 to 5"),
        ({}, "^nothing was rated; give at least one item$"),
    ],
)
def test_a_mistake_is_one_line(saved_models, mine, said):
    with pytest.raises(FoldinError, match=said):
        in_notebook.rate("demo", mine)


def test_the_notebook_runs_on_the_models_of_demo(monkeypatch):
    """All cells, in this process; JupyterLab runs them in the slow tests."""
    if not (CHECKOUT / "data" / "models" / "demo").is_dir():
        pytest.skip("needs the trained models of demo: make repro")
    monkeypatch.chdir(CHECKOUT)
    cells = json.loads((CHECKOUT / "notebooks" / "try_it.ipynb").read_text(encoding="utf-8"))["cells"]
    space: dict = {}
    shown = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            *lines, last = "".join(cell["source"]).split("\n")
            exec("\n".join(lines), space)
            shown[cell["id"]] = exec(last, space) if "=" in last.split("(")[0] else eval(last, space)
    assert len(shown["mine"]) == 5
    for cell in ("list", "your-turn"):
        assert len(shown[cell]) == 10
        assert not {*shown["mine"]} & {*shown[cell]["title"]}
        assert {*shown[cell]["because of"]} <= {*shown["mine"], ""}
    assert shown["your-turn"].index.name == "als-explicit"
