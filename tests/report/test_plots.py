"""Plots have the same bytes wherever and whenever they are drawn."""

import datetime
import subprocess
import sys

import pandas as pd
import pytest

from foldin.report import plots

DRAW = """
import sys
from pathlib import Path
import pandas as pd
from foldin.report import plots
plots.style()
plot = plots.bars(pd.Series({"als": 0.8, "bias": 0.9}), "RMSE (rating units)")
plots.save(plot, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_plot_drawn_in_another_process_has_the_same_bytes(tmp_path, kind):
    drawn = []
    for name in ("first", "second"):
        path = tmp_path / f"{name}.{kind}"
        subprocess.run([sys.executable, "-c", DRAW, str(path)], check=True)
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_plot_says_neither_when_nor_by_what_version_it_was_drawn(tmp_path, kind):
    path = tmp_path / f"plot.{kind}"
    subprocess.run([sys.executable, "-c", DRAW, str(path)], check=True)
    content = path.read_bytes()
    assert b"tEXtSoftware" not in content
    assert f"<dc:date>{datetime.date.today().year}".encode() not in content


def test_quarters_are_of_ranks_and_few_counts_leave_some_empty():
    found = plots.quarters([5, 1, 1, 9, 7, 3, 2, 8]).tolist()
    assert found == ["many", "fewest", "fewest", "most", "many", "few", "few", "most"]
    assert plots.quarters([3, 8]).tolist() == ["fewest", "most"]
    assert plots.quarters([4]).tolist() == ["fewest"]


def test_train_and_validation_share_a_panel_solid_and_dashed():
    rows = [
        (model, epoch, metric, 1.0 / epoch)
        for model, metrics in {
            "als-explicit": ("train_rmse", "validation_rmse", "train_objective"),
            "als-implicit": ("train_objective", "validation_ndcg"),
        }.items()
        for metric in metrics
        for epoch in (1, 2, 3)
    ]
    drawn = plots.learning_curves(pd.DataFrame(rows, columns=["model", "epoch", "metric", "value"]))
    labels = [axis.get_ylabel() for axis in drawn.axes]
    assert labels == ["RMSE (rating units)", "objective for each train rating", "validation NDCG@k (0 to 1)"]
    styles = [[(line.get_color(), line.get_linestyle()) for line in axis.get_lines()] for axis in drawn.axes]
    first, second = plots.COLOURS[:2]
    assert styles[0][:2] == [(first, "-"), (first, "--")]
    assert styles[1] == [(first, "-"), (second, "-")]
    # One metric alone is no comparison, and a model keeps its colour.
    assert styles[2] == [(second, "-")]
    legends = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in drawn.axes]
    assert legends == [["als-explicit", "train", "validation"], ["als-explicit", "als-implicit"], ["als-implicit"]]
