"""Files appear whole or not at all, and the same values give the same bytes."""

import json

import pandas as pd
import pytest

from foldin.core import files, paths
from foldin.core.errors import FoldinError


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    target = tmp_path / "folder" / "metrics.json"
    files.write_text(target, "old")
    with pytest.raises(ZeroDivisionError), files.whole_file(target) as unfinished:
        unfinished.write_text("half")
        _ = 1 / 0
    assert target.read_text() == "old\n"
    assert [path.name for path in target.parent.iterdir()] == ["metrics.json"]


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path):
    target = tmp_path / "models"
    with files.whole_folder(target) as unfinished:
        (unfinished / "old").touch()
    with pytest.raises(KeyboardInterrupt), files.whole_folder(target) as unfinished:
        (unfinished / "half").touch()
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_folder_replaces_the_old_one_wholly(tmp_path):
    target = tmp_path / "models"
    for name in ("first", "second"):
        with files.whole_folder(target) as unfinished:
            (unfinished / name).touch()
    assert [path.name for path in target.iterdir()] == ["second"]


def test_metrics_are_rounded_and_their_keys_sorted(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": 0.123456789, "a": {"d": -0.0, "c": 3}})
    assert (tmp_path / "a.json").read_text().splitlines()[1] == '  "a": {'
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": {"c": 3, "d": 0.0}, "b": 0.123457}
    assert "-0.0" not in (tmp_path / "a.json").read_text()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_without_value_is_refused_by_name(tmp_path, value):
    with pytest.raises(FoldinError, match=r"metrics\.json\.als\.rmse is (nan|inf)"):
        files.write_json(tmp_path / "metrics.json", {"als": {"rmse": value}})
    assert not (tmp_path / "metrics.json").exists()


def test_tables_have_stable_decimals(tmp_path):
    files.write_csv(tmp_path / "t.csv", pd.DataFrame({"epoch": [1], "value": [1 / 3]}))
    assert (tmp_path / "t.csv").read_bytes() == b"epoch,value\n1,0.333333\n"


def test_what_an_earlier_stage_has_not_written_is_named_with_the_command_that_makes_it(workspace):
    tables, account = paths.clean("mine"), paths.account("mine", "cleaning")
    tables.mkdir(parents=True)
    with pytest.raises(FoldinError) as error:
        files.require("mine", "clean", "canonical tables", tables, account)
    assert str(error.value) == (
        "reports/mine/accounts/cleaning.json: the data set 'mine' has no canonical tables yet; "
        "make them first: dvc repro clean@mine"
    )
    files.write_json(account, {})
    files.require("mine", "clean", "canonical tables", tables, account)
