"""A stage that DVC starts refuses inputs that are not as dvc.lock records them, and says what to remove."""

import json
import shlex
import shutil

import pytest
from conftest import CHECKOUT
from ruamel.yaml import YAML

from foldin import cli
from foldin.core import files, paths
from foldin.core.errors import FoldinError
from foldin.preparation import fetch
from foldin.workspace import cache, check_inputs, doctor, end_with_parent, pipeline, watched_inputs


def place(objects, md5):
    return objects / md5[:2] / md5[2:]


@pytest.fixture
def checkout(workspace, monkeypatch):
    """Return a workspace whose raw files were fetched by DVC: in its cache, and recorded in dvc.lock."""
    fetch.run("demo")
    objects = workspace / ".dvc" / "cache" / "files" / "md5"
    monkeypatch.setattr(cache, "folder", lambda: objects)
    monkeypatch.setenv(end_with_parent.STARTED_BY_DVC, "clean@demo")
    # Tests may have been started by a shell that has ended since: then nothing is their parent that could be DVC.
    monkeypatch.setattr(end_with_parent, "end_stage_with_it", lambda: None)
    raw = paths.raw("demo")
    listed = [{"md5": files.md5(file), "relpath": file.name} for file in sorted(raw.iterdir())]
    for entry in listed:
        place(objects, entry["md5"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(raw / entry["relpath"], place(objects, entry["md5"]))
    whole = check_inputs.digest(raw)
    place(objects, whole).parent.mkdir(parents=True, exist_ok=True)
    place(objects, whole).write_text(json.dumps(listed))
    outs = [{"path": "data/raw/demo", "hash": "md5", "md5": whole}]
    lock = {"schema": "2.0", "stages": {"fetch@demo": {"cmd": "python src/foldin fetch demo", "outs": outs}}}
    YAML().dump(lock, workspace / "dvc.lock")
    return workspace


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_folder_has_the_hash_that_dvc_gives_it(checkout):
    # DVC 3.67 wrote this of such a folder, of files and names as here, with one that .dvcignore leaves out.
    folder = checkout / "folder"
    for name, text in {"b.txt": "two", "a/c.txt": "one", "__pycache__/x.pyc": "left out"}.items():
        files.write_text(folder / name, text)
    assert check_inputs.digest(folder) == "85c052e717896354d6bb7735824c4313.dir"


def test_a_stage_runs_on_what_is_recorded(checkout):
    with watched_inputs.inputs("clean", "demo"):
        pass


def test_a_damaged_input_is_refused_with_what_to_remove(checkout):
    file = paths.raw("demo") / "ratings.csv"
    object_ = place(cache.folder(), files.md5(file)).relative_to(checkout)
    for damaged in (file, checkout / object_):
        flip(damaged)
    with pytest.raises(FoldinError) as caught, watched_inputs.inputs("clean", "demo"):
        raise AssertionError("the stage ran")
    assert str(caught.value) == (
        "data/raw/demo/ratings.csv: not what fetch@demo made, by its hash in dvc.lock; "
        f"remove what is damaged and make it again: rm -rf data/raw/demo/ratings.csv {object_}; dvc repro"
    )


def test_an_object_that_is_whole_need_not_be_removed(checkout):
    flip(paths.raw("demo") / "ratings.csv")
    with pytest.raises(FoldinError, match=r"rm -rf data/raw/demo/ratings\.csv; dvc repro$"):
        watched_inputs.inputs("clean", "demo").__enter__()


def test_a_folder_whose_list_is_damaged_is_removed_as_a_whole(checkout):
    list_ = next(cache.folder().glob("*/*.dir"))
    flip(list_)
    (paths.raw("demo") / "ratings.csv").unlink()
    remedy = rf"^data/raw/demo: .* rm -rf data/raw/demo {list_.relative_to(checkout)}; dvc repro$"
    with pytest.raises(FoldinError, match=remedy):
        watched_inputs.inputs("clean", "demo").__enter__()


def test_a_file_that_dvc_ignores_is_no_damage(checkout):
    (paths.raw("demo") / "a note that .dvcignore names").touch()
    with watched_inputs.inputs("clean", "demo"):
        pass


def test_a_stage_run_by_hand_may_read_what_a_person_made(checkout, monkeypatch):
    monkeypatch.delenv(end_with_parent.STARTED_BY_DVC)
    flip(paths.raw("demo") / "ratings.csv")
    with watched_inputs.inputs("clean", "demo"):
        pass


@pytest.mark.parametrize("known", ["no lock", "another stage's", "an old version's"])
def test_what_dvc_has_not_recorded_cannot_be_held_against_it(checkout, known):
    lock = checkout / "dvc.lock"
    old = {"another stage's": ("fetch@demo:", "fetch@ml-100k:"), "an old version's": ("hash: md5", "size: 1")}
    lock.write_text(lock.read_text().replace(*old[known])) if known in old else lock.unlink()
    flip(paths.raw("demo") / "ratings.csv")
    with watched_inputs.inputs("clean", "demo"):
        pass


def test_some_stages_of_the_lock_are_read_as_all_of_it_is():
    every = pipeline.locked(CHECKOUT)
    names = ["strip", "user_item@demo", "train@demo-two_tower", "report@ml-100k", "no-such-stage"]
    assert pipeline.recorded(names) == {name: every[name] for name in names if name in every}


def test_what_dvcignore_names_is_left_out():
    lines = (CHECKOUT / ".dvcignore").read_text().splitlines()
    assert {line for line in lines if not line.startswith("#")} == set(check_inputs.NO_PART)


def test_doctor_finds_every_damaged_object_and_says_of_which_output(checkout, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS", ())
    assert cli.main(["doctor", "--cache"]) == 0
    objects = cache.folder()
    assert capsys.readouterr().out == f"ok  cache         4 objects, each as its name says, in {objects}\n"
    object_ = place(objects, files.md5(paths.raw("demo") / "ratings.csv"))
    flip(object_)
    with pytest.raises(SystemExit, match="1"):
        cli.main(["doctor", "--cache"])
    said = capsys.readouterr().out
    assert said.startswith(f"DO  cache         damaged: 1 of 4 objects in {objects}, of data/raw/demo/ratings.csv; ")
    removed = shlex.split(said.split(": rm -rf ")[1].split(";")[0])
    assert removed == [str(object_.relative_to(checkout)), "data/raw/demo/ratings.csv"]
