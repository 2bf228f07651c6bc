"""Each family's file depends on what was chosen for it, and on nothing else."""

import json

import pytest
from conftest import edit_params

from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.tuning import tuned


def chose(family, **values):
    account = {"a-model": {"chosen": values, "params": {}, "value": 0.5}}
    files.write_text(paths.account("demo", f"tuning/{family}"), json.dumps(account))


def written():
    return {file.stem: json.loads(file.read_text()) for file in (paths.root() / "data" / "tuned" / "demo").iterdir()}


def test_every_family_has_a_file_that_is_empty_unless_it_is_tuned(workspace):
    edit_params(
        workspace, lambda values: (values.update(families=["als", "svd"]), values["tune"].update(families=["als"]))
    )
    chose("als", l2=1e-9)
    chose("svd", l2=2.0)
    tuned.run("demo")
    # To the last digit: metrics are rounded, settings are not.
    assert written() == {"als": {"a-model": {"l2": 1e-9}}, "svd": {}}


def test_what_is_missing_is_named_with_the_stage_that_makes_it(workspace):
    edit_params(workspace, lambda values: values["tune"].update(families=["als"]))
    with pytest.raises(FoldinError, match="no settings chosen for als yet"):
        tuned.run("demo")


def test_searches_of_families_that_are_no_longer_tuned_go_and_others_stay(workspace):
    for family in ("als", "svd"):
        chose(family, l2=1.0)
        files.write_text(paths.trials("demo", family), "model,trial")
    split = paths.account("demo", "split")
    files.write_text(split, "{}")
    edit_params(workspace, lambda values: values["tune"].update(families=["als"]))
    tuned.remove_old_searches("demo")
    assert sorted(path.name for path in split.parent.rglob("*")) == ["als.csv", "als.json", "split.json", "tuning"]
    edit_params(workspace, lambda values: values["tune"].update(families=[]))
    tuned.remove_old_searches("demo")
    tuned.remove_old_searches("demo")
    assert [path.name for path in split.parent.rglob("*")] == ["split.json"]
