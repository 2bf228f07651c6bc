"""The Markdown page: one or two screens, everything else folded, and every plot that it links is there."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
import report_world
from conftest import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st

from foldin.core import params, paths
from foldin.report import contents, dots, leaderboard, page, plots, provenance, results, verdict


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    report_world.make(folder)
    plots.style()
    yield contents.open_report("demo")
    patch.undo()


@pytest.fixture(scope="module")
def text(findings):
    return page.page(findings)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_it_opens_with_the_verdict_in_bullets(findings, text):
    answer = text.split("\n\n")[2]
    assert all(line.startswith("- **") for line in answer.splitlines())
    for label, sentences in verdict.bullets(findings).items():
        assert f"- **{label}.** {' '.join(sentences)}" in answer.splitlines()


def test_what_is_not_folded_fits_two_screens(findings, text):
    shown, _, folded = text.partition("## More")
    assert "<details>" not in shown
    assert len(shown) < 4500
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) <= 2 * (2 + leaderboard.SHORT + 2)
    assert max(len(cells(row)) for row in rows) <= 5
    assert max(len(cells(row)) for row in folded.splitlines() if row.startswith("|")) <= 9
    assert folded.count("<details>\n<summary>") == folded.count("\n\n</details>") == folded.count("<summary><b>") > 10
    assert "\n\n## " not in folded


def test_an_engine_that_is_not_local_is_named(findings, text, monkeypatch):
    assert "Engine:" not in text
    monkeypatch.setattr(params, "read_as_declared", lambda key: {"engine": "spark"})
    assert "Engine: Apache Spark (`engine: spark`), for what" in "\n".join(provenance.method(findings))


def test_every_plot_is_shown_once_and_every_plot_shown_is_there(findings, text):
    page.write(findings)
    folder = paths.reports("demo")
    shown = re.findall(r"plots/(\w+\.png)", text)
    assert sorted(shown) == sorted(file.name for file in (folder / "plots").iterdir())
    before = {file.name: file.read_bytes() for file in (folder / "plots").iterdir()}
    page.write(findings)
    assert before == {file.name: file.read_bytes() for file in (folder / "plots").iterdir()}


def test_links_lead_to_what_the_stages_write_or_git_holds(text):
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    assert {"report.html", "definitions.json", "leaderboard.csv", "TRAPS.md", "../README.md"} <= linked
    for target in linked:
        if not target.startswith("plots/"):
            assert (CHECKOUT / "reports" / "demo" / target).exists(), target


def test_short_tables_have_the_best_the_baseline_and_the_oracle(findings):
    board = findings.board.set_index("model")
    table = leaderboard.short_rating_table(findings.board)
    best = results.best(findings.board, "rmse")
    assert list(table) == ["model", "RMSE", "behind the best", "MAE"]
    half = (board.loc[best, "rmse_high"] - board.loc[best, "rmse_low"]) / 2
    assert table["RMSE"].iloc[0] == f"**{board.loc[best, 'rmse']:.4f}\u00a0±\u00a0{half:.4f}**"
    assert table["model"].iloc[0] == f"**{best} ({board.loc[best, 'kind']})**"
    assert table["behind the best"].iloc[0] == "best"
    assert table["model"].iloc[-1] == "oracle (ceiling)"
    assert table["behind the best"].iloc[-1] == "–"
    assert "**" not in "".join(table["RMSE"].iloc[1:])
    row = findings.board[findings.board["model"] == "als-implicit"]
    better = [row.assign(model=f"als-{n}", ndcg_at_10=0.9 - n / 100) for n in range(9)]
    short = leaderboard.short_ranking_table(pd.concat([findings.board, *better]), 10)
    first = ["**als-0**", *(f"als-{n}" for n in range(1, leaderboard.SHORT))]
    assert list(short["model"]) == [*first, "popularity (baseline)", "oracle (ceiling)"]
    assert list(short) == ["model", "NDCG@10", "behind the best", "recall@10", "coverage@10"]


def test_a_tied_model_is_marked(findings):
    tied = findings.board.assign(rmse_tied=True)
    shown = leaderboard.short_rating_table(tied).set_index("model")["behind the best"]
    assert re.fullmatch(r"0\.\d{4}, \*\*tied\*\*", shown["global-mean (baseline)"])
    equal = tied.assign(rmse_behind=-1e-6)
    shown = leaderboard.short_rating_table(equal).set_index("model")["behind the best"]
    assert shown["global-mean (baseline)"] == "0.0000, **tied**", "no sign"


def test_rating_models_worse_than_popularity_are_not_among_the_rankers(findings, text):
    names = list(leaderboard.rankers(findings.board, 10)["model"])
    worse = findings.board[
        findings.board["ndcg_at_10"] < float(findings.board.set_index("model").loc["popularity", "ndcg_at_10"])
    ]
    out = set(worse.loc[worse["rmse"].notna() & (worse["kind"] != "oracle"), "model"])
    assert {"bias", "global-mean"} <= out
    assert set(names) == set(findings.board["model"]) - out
    assert "random" in names, "it predicts no ratings"
    assert f"leave out {len(out)} models that predict ratings and rank worse than popularity" in text
    without = findings.board[findings.board["model"] != "popularity"]
    assert len(leaderboard.rankers(without, 10)) == len(without)


def test_panels_are_narrow_and_hold_their_models(findings):
    drawn = leaderboard.panels(findings.board, 10)
    assert list(drawn) == ["leaderboard_ratings", "leaderboard_ranking"]
    for figure in drawn.values():
        assert figure.get_size_inches()[0] == plots.WIDTH
    (axis,) = drawn["leaderboard_ranking"].axes
    assert [label.get_text() for label in axis.get_yticklabels()] == list(
        leaderboard.rankers(findings.board, 10)["model"]
    )


def cross(one, other):
    """Return whether two line segments, each shape (2, 2), cross."""

    def side(a, b, c):
        return np.sign(round((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]), 12))

    return side(*one, other[0]) * side(*one, other[1]) < 0 and side(*other, one[0]) * side(*other, one[1]) < 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
@settings(derandomize=True, deadline=None, max_examples=30)
def test_names_beside_a_plot_never_overlap_and_their_lines_never_cross(points):
    figure, axis = plots.plt.subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1))
    gap = 1 / 20
    dots.name_beside(axis, [(x, y, f"model {place:02}") for place, (x, y) in enumerate(points)], gap=gap)
    plots.plt.close(figure)
    assert {text.get_text(): text.xy for text in axis.texts} == {
        f"model {place:02}": point for place, point in enumerate(points)
    }
    heights = sorted(text.xyann[1] for text in axis.texts)
    assert all(upper - lower > gap * (1 - 1e-6) for lower, upper in itertools.pairwise(heights))
    assert heights[0] > -1e-9
    assert heights[-1] < 1 + 1e-9
    lines = [np.array([text.xy, text.xyann]) for text in axis.texts]
    assert not any(cross(one, other) for one, other in itertools.combinations(lines, 2))
