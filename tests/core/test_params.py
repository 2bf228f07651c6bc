"""Bad numbers are refused in one line that names the key, the file and what to do."""

import pytest
from ruamel.yaml import YAML

from foldin import models
from foldin.core import params
from foldin.core.errors import FoldinError


def change(workspace, edit):
    yaml = YAML()
    values = yaml.load(workspace / "params.yaml")
    edit(values)
    yaml.dump(values, workspace / "params.yaml")


def complaint(call, *arguments) -> str:
    with pytest.raises(FoldinError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_committed_file_is_valid(workspace):
    for section in params.SECTIONS.values():
        assert params.section(section)
    for family in params.known_families():
        assert models.family(family)


def test_an_unknown_section_is_named_with_the_nearest_valid_one(workspace):
    change(workspace, lambda values: values.update(evalution={"k": 3}))
    text = complaint(params.read)
    assert "params.yaml" in text
    assert "'evalution'" in text
    assert "did you mean 'evaluation'?" in text


def test_an_unknown_key_of_a_section_is_named_in_full(workspace):
    change(workspace, lambda values: values["split"].update(tset=0.3))
    text = complaint(params.section, params.Split)
    assert "unknown key 'split.tset'" in text
    assert "did you mean 'test'?" in text


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.2, "0.2", None])
def test_an_impossible_share_is_refused_with_its_value(workspace, value):
    change(workspace, lambda values: values["split"].update(test=value))
    text = complaint(params.section, params.Split)
    assert "split.test" in text
    assert repr(value) in text


def test_a_missing_key_is_named(workspace):
    change(workspace, lambda values: values["split"].pop("seed"))
    assert "'split.seed' is missing" in complaint(params.section, params.Split)


def test_a_missing_section_is_named_by_its_first_missing_key(workspace):
    change(workspace, lambda values: values.pop("evaluation"))
    assert "'evaluation." in complaint(params.section, params.Evaluation)
    assert "evaluation.k" in complaint(params.list_length)


def test_a_mistyped_setting_of_a_model_is_named_in_full(workspace):
    change(workspace, lambda values: values["als"]["als-implicit"].update(factrs=8))
    text = complaint(models.family, "als")
    assert "unknown key 'als.als-implicit.factrs'" in text
    assert "did you mean 'factors'?" in text


def test_a_mistyped_model_is_named_with_the_nearest(workspace):
    change(workspace, lambda values: values["als"].update({"als-implict": {}}))
    assert "did you mean 'als-implicit'?" in complaint(models.family, "als")


def test_an_unknown_family_is_refused_before_anything_runs(workspace):
    change(workspace, lambda values: values.update(families=["alz"]))
    assert "did you mean 'als'?" in complaint(params.read)


@pytest.mark.parametrize("names", [[], "demo", ["demo", "demo"], [3], None])
def test_the_lists_must_be_lists_of_distinct_names(workspace, names):
    change(workspace, lambda values: values.update(datasets=names))
    assert "datasets" in complaint(params.read)


@pytest.mark.parametrize(("key", "value"), [("seed", -1), ("seed", 1.5), ("threads", 0), ("threads", True)])
def test_the_plain_numbers_must_be_whole(workspace, key, value):
    change(workspace, lambda values: values.update({key: value}))
    assert key in complaint(params.read)


def test_the_device_must_be_one_there_is(workspace):
    change(workspace, lambda values: values.update(device="tpu"))
    assert "device is 'tpu'; it must be one of: cpu, gpu" in complaint(params.read)


def test_broken_yaml_is_one_line_with_its_place(workspace):
    (workspace / "params.yaml").write_text("datasets: [demo\nfamilies: [als]\n")
    assert "params.yaml: not valid YAML at line" in complaint(params.read)


def test_an_empty_file_is_said_to_hold_nothing(workspace):
    (workspace / "params.yaml").write_text("")
    assert "holds no keys" in complaint(params.read)


def test_outside_a_checkout_the_message_says_where_one_is_needed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no foldin workspace here" in complaint(params.read)
