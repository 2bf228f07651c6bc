"""`foldin verify`: which stages it runs again, and with which inputs."""

import pytest
from conftest import edit_params
from matplotlib.figure import Figure
from ruamel.yaml import YAML

from foldin import figures, files, params, paths, pipeline, verify
from foldin.errors import FoldinError


@pytest.fixture
def two_of_a_name(workspace):
    """Return a workspace of two data sets, the name of one beginning the other's, and what its dvc.lock knows."""
    edit_params(
        workspace, lambda values: values.update(datasets=["douban", "douban-book"], families=["baselines", "als"])
    )
    made = pipeline.every(params.datasets(), params.families())
    left = pipeline.every(["demo"], ["svd"])
    stages = {name: {"outs": [{"path": f"data/{name}", "md5": "0"}]} for name in {**left, **made}}
    YAML().dump({"stages": stages}, workspace / "dvc.lock")
    return pipeline.locked()


def test_the_stages_are_those_that_dvc_makes_of_dvc_yaml(two_of_a_name):
    from dvc.repo import Repo

    (paths.root() / "dvc.lock").unlink()
    with Repo.init(no_scm=True) as repository:
        assert set(pipeline.every(params.datasets(), params.families())) == {
            stage.addressing for stage in repository.index.stages
        }


def test_a_data_sets_stages_are_not_those_of_one_whose_name_begins_alike(two_of_a_name):
    wanted = verify._wanted(two_of_a_name, "douban", None)
    assert "train@douban-als" in wanted
    assert "strip" in wanted
    assert not [name for name in wanted if "douban-book" in name]
    assert "train@douban-book-als" in verify._wanted(two_of_a_name, "douban-book", None)


def test_a_stages_inputs_are_its_own_data_sets_and_familys(two_of_a_name, tmp_path):
    inputs = verify._wanted(two_of_a_name, None, "train@douban-book-als")["train@douban-book-als"].inputs
    assert inputs == ("data/source/train-als.txt", "data/notebooks/als.ipynb", "data/user_item/douban-book")
    for name in inputs[:2]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / inputs[2]).mkdir(parents=True)
    verify._copy_inputs(tmp_path, tmp_path / "copy", inputs)
    assert all((tmp_path / "copy" / name).exists() for name in inputs)


def test_stages_that_only_the_lock_still_knows_are_not_asked_of_dvc(two_of_a_name):
    assert "train@demo-svd" in two_of_a_name
    assert not [name for name in verify._wanted(two_of_a_name, None, None) if "demo" in name or "svd" in name]


def test_a_stage_that_has_not_run_cannot_be_verified(two_of_a_name):
    del two_of_a_name["train@douban-als"]
    with pytest.raises(FoldinError, match=r"^dvc\.lock: knows no outputs of train@douban-als; .* dvc repro$"):
        verify._wanted(two_of_a_name, "douban", None)
    with pytest.raises(
        FoldinError, match=r"^dvc\.yaml: no stage 'train@douban-asl'; the stages are: .*train@douban-als"
    ):
        verify._wanted(two_of_a_name, None, "train@douban-asl")


def judged(tmp_path, rmse, drawn):
    """Judge a stage of a table and a picture that differ from those of the checkout as told."""
    for name, value, height in (("ours", 0.8, 1.0), ("theirs", rmse, drawn)):
        files.write_json(tmp_path / name / "metrics" / "als.json", {"rmse": value})
        figure = Figure()
        figure.subplots().bar([0, 1], [height, 2.0])
        (tmp_path / name / "figures").mkdir(parents=True)
        figures.save(figure, tmp_path / name / "figures" / "als.png")
    found = [
        verify._judge("train@demo-als", name, False, tmp_path / "ours" / name, tmp_path / "theirs" / name, 0.001)
        for name in ("figures", "metrics")
    ]
    return [verdict.result for verdict in verify._with_pictures(found)]


def test_a_picture_is_within_tolerance_where_its_stages_numbers_are(tmp_path):
    assert judged(tmp_path, 0.8004, 1.1) == [verify.WITHIN, verify.WITHIN]


def test_a_picture_of_a_stage_whose_numbers_moved_differs(tmp_path):
    assert judged(tmp_path, 0.84, 1.1) == [verify.DIFFERS, verify.DIFFERS]
