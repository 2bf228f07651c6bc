"""Plots have the same bytes wherever and whenever they are drawn."""

import datetime
import subprocess
import sys

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
