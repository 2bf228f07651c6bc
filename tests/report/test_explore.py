"""The profile: plots whose right values are known, and pictures that never need a dense matrix."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch
from foldin.report import explore
from foldin.workspace import run_notebook, source_lists, strip


@pytest.fixture
def profile(workspace):
    fetch.run("demo")
    clean.run("demo")
    return explore.open_profile("demo")


def test_the_summary_says_what_the_tables_hold(profile):
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet").astype({"user_id": "str", "item_id": "str"})
    found = explore.summary(profile)
    assert (found["users"], found["items"]) == (ratings["user_id"].nunique(), ratings["item_id"].nunique())
    assert found["density"] == len(ratings) / (found["users"] * found["items"])
    per_item = ratings["item_id"].value_counts()
    assert found["ratings_per_item_most"] == per_item.max()
    assert found["items_rated_once"] == (per_item == 1).sum()
    assert found["rating_mean"] == pytest.approx(ratings["rating"].mean())
    explore.keep(profile)
    assert json.loads((paths.reports("demo") / "profile.json").read_text())["users"] == found["users"]


def test_domains_add_up_and_cleaning_is_accounted_for(profile):
    domains = explore.domain_table(profile)
    assert list(domains.index) == ["books", "movies", "music"]
    assert sum(int(count.replace(",", "")) for count in domains["ratings"]) == len(profile.ratings)
    cleaned = explore.cleaning_table(profile)
    assert cleaned.loc[("ratings", "rows out"), "rows"] == f"{len(profile.ratings):,}"


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6)), unique=True, min_size=1, max_size=40),
    st.integers(1, 9),
)
@settings(derandomize=True, deadline=None)
def test_blocks_are_those_of_the_sorted_dense_matrix(cells, blocks):
    users, items = (np.unique(side, return_inverse=True)[1].astype(np.int32) for side in zip(*cells, strict=True))
    dense = np.zeros((users.max() + 1, items.max() + 1))
    dense[users, items] = 1
    by_activity, by_popularity = (np.argsort(-dense.sum(axis=axis), kind="stable") for axis in (1, 0))
    dense = dense[by_activity][:, by_popularity]
    rows, columns = (np.arange(n) * min(blocks, n) // n for n in dense.shape)
    expected = [[dense[rows == r][:, columns == c].mean() for c in range(columns[-1] + 1)] for r in range(rows[-1] + 1)]
    np.testing.assert_allclose(explore.filled_blocks(users, items, blocks), expected)


def test_plots_say_what_their_axes_are(profile):
    for draw in (explore.ratings_plot, explore.tails_plot, explore.timeline_plot, explore.sparsity_plot):
        figure = draw(profile)
        assert all(axis.get_ylabel() for axis in figure.axes)
        assert any(axis.get_xlabel() for axis in figure.axes)


def test_without_times_there_is_no_timeline(workspace):
    fetch.run("demo")
    clean.run("demo")
    file = paths.clean("demo") / "ratings.parquet"
    table = pd.read_parquet(file)
    table.assign(timestamp=pd.array([None] * len(table), dtype="Int64")).to_parquet(file, index=False)
    assert explore.timeline_plot(explore.open_profile("demo")) is None


def test_one_rating_is_a_data_set_too(workspace):
    fetch.run("demo")
    clean.run("demo")
    file = paths.clean("demo") / "ratings.parquet"
    pd.read_parquet(file).head(1).astype({"user_id": "str", "item_id": "str"}).to_parquet(file, index=False)
    one = explore.open_profile("demo")
    assert explore.summary(one)["density"] == 1.0
    for draw in (explore.ratings_plot, explore.tails_plot, explore.timeline_plot, explore.sparsity_plot):
        draw(one).canvas.draw()


def test_the_notebook_runs_and_shows_every_plot_whatever_backend_is_asked_for(profile, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    (Path.cwd() / "notebooks").symlink_to(CHECKOUT / "notebooks")
    strip.strip_all()
    run_notebook.run("explore", "demo", command="explore@demo")
    cells = strip.read(paths.executed_notebook("demo", "explore")).cells
    shown = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4
    assert sum("text/html" in output.get("data", {}) for output in shown) == 3


def test_no_training_stage_can_reach_the_description_of_all_data(workspace):
    (workspace / "notebooks").symlink_to(CHECKOUT / "notebooks")
    strip.strip_all()
    for stage, modules in source_lists.stages().items():
        if stage != "explore":
            assert not any(path.name == "explore.py" for path in source_lists.closure(modules)), stage


def test_before_clean_the_error_names_the_command(workspace):
    with pytest.raises(FoldinError, match=r"data/clean/demo: .* dvc repro clean@demo"):
        explore.open_profile("demo")
