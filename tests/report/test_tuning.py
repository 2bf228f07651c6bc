"""What the report says of tuning: chosen settings beside those of params.yaml, and nothing where tuning is off."""

import json

import pandas as pd
import pytest
from conftest import edit_params

from foldin.core import files, paths
from foldin.report import details, plots, tuning

EXPLICIT = {
    "chosen": {"factors": 16, "regularization": 0.106},
    "params": {"factors": 32, "regularization": 0.13},
    "metric": "rmse",
    "value": 0.792186,
    "value_of_params": 0.797464,
    "state_of_params": "complete",
    "trial": 3,
    "method": "tpe",
    "folds": 0,
    "trials": {"complete": 2, "pruned": 1, "diverged": 0, "impossible": 0},
}
IMPLICIT = EXPLICIT | {
    "chosen": {"factors": 8},
    "params": {"factors": 32},
    "metric": "ndcg_at_10",
    "value": 0.2,
    "value_of_params": None,
    "state_of_params": "impossible",
    "trial": 0,
    "method": "grid",
    "folds": 5,
}


@pytest.fixture
def searched(workspace):
    edit_params(workspace, lambda values: values["tune"].update(families=["als"]))
    accounts = {"als-explicit": EXPLICIT, "als-implicit": IMPLICIT}
    files.write_text(paths.account("demo", "tuning/als"), json.dumps(accounts))
    rows = [
        (model, number, value, best, "complete" if value else "pruned")
        for model in accounts
        for number, value, best in [(0, 0.8, 0.8), (1, 0.9, 0.8), (2, None, 0.8), (3, 0.7, 0.7)]
    ]
    table = pd.DataFrame(rows, columns=["model", "trial", "value", "best", "state"])
    files.write_csv(paths.trials("demo", "als"), table)


def test_chosen_settings_stand_beside_those_of_params_yaml(searched):
    rows = tuning.table(tuning.accounts("demo")).to_numpy().tolist()
    assert rows == [
        ["als-explicit", "factors", "32", "16"],
        ["als-explicit", "regularization", "0.13", "0.106"],
        ["als-explicit", "RMSE on the validation part", "0.7975", "0.7922"],
        ["als-implicit", "factors", "32", "8"],
        ["als-implicit", "NDCG@10, mean of 5 folds", "not possible", "0.2000"],
    ]


def test_the_page_says_how_many_trials_there_were_and_how_they_ended(searched):
    said = "\n".join(details._tuning("demo"))
    assert "- als-explicit: 3 trials by TPE (1 stopped early). Trial 3 was best.\n" in said
    assert "- als-implicit: 3 trials by grid search (1 stopped early). None was better than params.yaml." in said
    assert "| als-explicit | factors" in said
    assert "(plots/tuning.png)" in said


def test_the_plot_has_a_panel_for_each_model_and_every_trial_in_it(searched):
    drawn = tuning.plot("demo")
    panels = [axis for axis in drawn.axes if axis.get_visible()]
    assert [axis.get_title() for axis in panels] == ["als-explicit", "als-implicit"]
    assert [axis.get_ylabel() for axis in panels] == ["RMSE (lower is better)", "NDCG@10 (higher is better)"]
    for axis in panels:
        lines = {line.get_label(): list(line.get_xdata()) for line in axis.get_lines()}
        assert lines["trial"] == [1, 3]
        assert lines["no result: stopped early"] == [2]
        assert lines["best so far"] == [0, 1, 2, 3]
    # One model's own settings diverged, so it has no line of them.
    assert ["params.yaml" in {line.get_label() for line in axis.get_lines()} for axis in panels] == [True, False]


def test_a_model_that_was_not_possible_has_no_metric_and_a_panel_all_the_same(searched):
    accounts = {"als-explicit": EXPLICIT, "als-implicit": IMPLICIT | {"value": None}}
    files.write_text(paths.account("demo", "tuning/als"), json.dumps(accounts))
    table = pd.read_csv(paths.trials("demo", "als"))
    table.loc[table["model"] == "als-implicit", ["value", "best", "state"]] = None, None, "impossible"
    files.write_csv(paths.trials("demo", "als"), table)
    last = tuning.table(tuning.accounts("demo")).to_numpy().tolist()[-1]
    assert last == ["als-implicit", "NDCG@10, mean of 5 folds", "not possible", "not possible"]
    assert "The settings of params.yaml stay." in tuning.sentences(tuning.accounts("demo"))
    lines = {line.get_label(): list(line.get_xdata()) for line in tuning.plot("demo").axes[1].get_lines()}
    assert lines["no result: not possible"] == [1, 2, 3]


def test_trials_without_a_result_stand_where_no_result_is_at_the_worst_edge(searched):
    for axis, worst in zip(tuning.plot("demo").axes, (1.0, 0.0), strict=False):
        lines = {line.get_label(): line for line in axis.get_lines()}
        low, high = axis.get_ylim()
        crosses = lines["no result: stopped early"].get_ydata()[0]
        (band,) = axis.patches
        assert band.get_y() < crosses < band.get_y() + band.get_height()
        assert worst in (round(band.get_y(), 6), round(band.get_y() + band.get_height(), 6))
        results = [(value - low) / (high - low) for value in lines["trial"].get_ydata()]
        assert abs(worst - crosses) < tuning.BAND
        assert all(abs(worst - result) > tuning.BAND for result in results)


def test_every_kind_of_trial_is_in_the_legend_once(searched):
    (legend,) = tuning.plot("demo").legends
    named = [text.get_text() for text in legend.get_texts()]
    assert sorted(named) == ["best so far", "no result: stopped early", "params.yaml", "trial"]


def test_two_drawings_have_the_same_bytes(searched, tmp_path):
    for name in ("first.png", "second.png"):
        plots.save(tuning.plot("demo"), tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_where_tuning_is_off_nothing_is_said_though_an_old_search_is_there(searched, workspace):
    edit_params(workspace, lambda values: values["tune"].update(families=[]))
    assert tuning.accounts("demo") == {}
    assert details._tuning("demo") == []
