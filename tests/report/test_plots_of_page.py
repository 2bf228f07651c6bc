"""What the page's plots of users, coverage and training show, computed apart."""

import numpy as np
import pandas as pd
import pytest
import report_world
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from foldin.core import paths
from foldin.report import by_user, contents, fitting, leaderboard, plots, results, trade_off


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    report_world.make(folder)
    plots.style()
    yield contents.open_report("demo")
    patch.undo()


def zeros(findings, model):
    """Return the share of users whose list of ten holds no item of the test part, from the lists themselves."""
    held = contents.held_out(findings)
    rated = set(zip(held["user_id"].astype(str), held["item_id"].astype(str), strict=True))
    family = findings.board.set_index("model")["family"][model]
    lists = pd.read_parquet(paths.predictions("demo", family) / "recommendations.parquet")
    lists = lists[(lists["model"] == model) & (lists["rank"] <= 10)]
    hit = [pair in rated for pair in zip(lists["user_id"].astype(str), lists["item_id"].astype(str), strict=True)]
    return (~pd.Series(hit).groupby(lists["user_id"].astype(str).to_numpy()).any()).mean()


def test_users_without_a_hit_are_those_whose_list_holds_none(findings):
    best = findings.best_ranker
    assert by_user.sentence(findings) == (
        f"{zeros(findings, best):.0%} of demo's users get NDCG@10 0 from the best ranking model, {best}: none of the "
        f"first 10 items is a hit (popularity: {zeros(findings, 'popularity'):.0%}; oracle: "
        f"{zeros(findings, 'oracle'):.0%})."
    )


def test_the_distribution_holds_every_user_once_and_zeros_apart():
    shares = by_user.shares(np.array([0.0, 0.0, 0.01, 0.05, 0.5, 1.0, 0.999, 0.0]))
    assert len(shares) == 1 + by_user.BINS
    assert shares.sum() == 1
    assert shares[0] == 3 / 8
    assert (shares[1], shares[2], shares[11], shares[-1]) == (1 / 8, 1 / 8, 1 / 8, 2 / 8)
    assert by_user.shares(np.empty(0)).sum() == 0


def test_the_bars_are_of_the_best_ranker(findings):
    (axis,) = by_user.ndcg_plot(findings).axes
    bars = [patch.get_height() for patch in axis.patches if hasattr(patch, "get_height")]
    np.testing.assert_allclose(bars, by_user.shares(by_user.ndcg(findings, findings.best_ranker)))
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [findings.best_ranker, "popularity", "oracle"]


def test_rmse_by_activity_is_of_the_pairs_of_those_users(findings):
    table = by_user.rmse_by_activity(findings)
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    counts = ratings["user_id"].astype(str).value_counts()
    pairs = pd.read_parquet(paths.predictions("demo", "als") / "ratings.parquet")
    errors = (pairs["als-explicit"].astype(float) - pairs["rating"]) ** 2
    least = table.index[0]
    low, high = (int(end) for end in least.split("(")[1].rstrip(")").split("–"))
    of_it = pairs["user_id"].astype(str).map(counts).between(low, high)
    assert least.startswith("fewest")
    # Users with as many ratings as the end of a quarter may be in the next one.
    assert table["als-explicit"].iloc[0] == pytest.approx(np.sqrt(errors[of_it].mean()), rel=0.05)
    total = results.users("demo").query("model == 'als-explicit'")
    overall = float(np.sqrt(total["squared_error"].sum() / total["pairs"].sum()))
    assert table["als-explicit"].min() < overall < table["als-explicit"].max()
    assert list(table) == ["als-explicit", "bias", "oracle"]


def overlapping(figure, axis):
    FigureCanvasAgg(figure).draw()
    boxes = [Text.get_window_extent(text) for text in axis.texts]  # without the line
    return [
        (one.get_text(), other.get_text())
        for place, one in enumerate(axis.texts)
        for other, box in zip(axis.texts[place + 1 :], boxes[place + 1 :], strict=True)
        if boxes[place].overlaps(box)
    ]


def test_every_model_of_accuracy_against_coverage_is_named_and_no_two_names_overlap(findings):
    crowd = pd.concat([findings.board.assign(model=[f"{name}-{n}" for name in findings.board["model"]])
                       for n in range(6)])  # fmt: skip
    board = pd.concat([findings.board, crowd.assign(rmse=np.nan)], ignore_index=True)
    many = contents.Findings(findings.dataset, board, findings.k, findings.ks, findings.settings)
    for shown in (findings, many):
        figure = trade_off.plot(shown)
        (axis,) = figure.axes
        names = [text.get_text() for text in axis.texts]
        assert sorted(names) == sorted(leaderboard.rankers(shown.board, 10)["model"])
        assert overlapping(figure, axis) == []
    figure = by_user.rmse_plot(findings)
    assert overlapping(figure, figure.axes[0]) == []


def test_each_training_panel_has_its_own_axes_and_its_best_epoch(findings):
    figure = fitting.plot(findings)
    panels = {axis.get_title(): axis for axis in figure.axes if axis.get_visible()}
    assert set(panels) == {"als-explicit", "als-implicit"}
    assert {name: axis.get_ylabel() for name, axis in panels.items()} == {
        "als-explicit": "RMSE", "als-implicit": "NDCG@10"
    }  # fmt: skip
    assert panels["als-explicit"].get_ylim() != panels["als-implicit"].get_ylim()
    marks = {name: axis.get_lines()[-1] for name, axis in panels.items()}
    assert {name: (float(mark.get_xdata()[0]), float(mark.get_ydata()[0])) for name, mark in marks.items()} == {
        "als-explicit": (2, min(report_world.VALIDATION)), "als-implicit": (3, 0.3)
    }  # fmt: skip
    np.testing.assert_allclose(panels["als-explicit"].get_lines()[1].get_ydata(), report_world.VALIDATION)
