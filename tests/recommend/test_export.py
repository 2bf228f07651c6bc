"""`foldin export`: what the folder's own README computes in a process without foldin, and folders that are refused."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from small_models import rows_of

from foldin import cli
from foldin.models.baselines import Popularity
from foldin.models.parts.portable import Portable
from foldin.recommend import export

NUMPY = ("popularity", "bias", "random", "ease", "als-explicit", "tf-idf", "gf-cf")
MORE = {"neighbours": ("item-knn", "user-knn"), "deep": ("ncf",), "autoencoder": ("mult-vae",), "hybrid": ("stack-",)}
READER = """
import os, pathlib, re, sys
sys.modules["foldin"] = None  # whatever imports it fails
for folder in sys.argv[1:]:
    os.chdir(folder)
    (code,) = re.findall("```python\\n(.*?)```", pathlib.Path("README.md").read_text("utf-8"), re.DOTALL)
    found = {}
    exec(code, found)
    found["np"].save("found.npy", found["scores"])
"""


def exported(model, to, capsys):
    assert cli.main(["export", "--model", model, "--to", str(to)]) == 0
    return capsys.readouterr().out


def read_elsewhere(*folders):
    """Run the code of each README in a process that has no foldin; return what was printed."""
    command = [sys.executable, "-I", "-c", READER, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"KERAS_BACKEND": "tensorflow"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def recommended(model, capsys):
    assert cli.main(["recommend", "--user", "u0000", "--model", model]) == 0
    return [row[0] for row in rows_of(capsys.readouterr().out).values()]


def test_the_readme_s_code_gives_the_scores_and_the_list_without_foldin(opened, tmp_path, capsys):
    folders = {model: tmp_path / model for model in NUMPY}
    for model, folder in folders.items():
        assert str(folder) in exported(model, folder, capsys)
    lists = re.split(r"^ *item_id.*\n", read_elsewhere(*folders.values()), flags=re.MULTILINE)[1:]
    for (model, folder), listed in zip(folders.items(), lists, strict=True):
        right = opened(model).model.score(np.array([0]))[0]
        found = np.load(folder / "found.npy")
        assert np.abs(found - right).max() <= export.TOLERANCE * np.abs(right).max(), model
        assert [line.split()[0] for line in listed.splitlines()] == recommended(model, capsys), model


def test_the_code_is_at_most_ten_lines_and_the_readme_shows_what_it_prints(saved_models, tmp_path, capsys):
    exported("als-explicit", tmp_path / "als", capsys)
    page = (tmp_path / "als" / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)\n```", page, re.DOTALL)
    assert len(code.splitlines()) <= 10
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert shown == read_elsewhere(tmp_path / "als")
    users = pd.read_parquet(tmp_path / "als" / "users.parquet")
    assert users["user_id"].to_list() == [f"u{user:04d}" for user in range(50)]
    size = len(users["vector"][0])
    assert f"| `users.parquet: vector` | vectors of users | 50 × {size} | float32 |" in page
    items = pd.read_parquet(tmp_path / "als" / "items.parquet")
    assert items["title"][[0, 3, 8]].to_list() == ["Title 0", "Twice", "Twice"]


def test_a_folder_in_use_is_refused_before_anything_is_loaded(saved_models, tmp_path, capsys):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine")
    assert cli.main(["export", "--model", "no-such-model", "--to", str(tmp_path / "used")]) == 1
    said = f"foldin: {tmp_path / 'used'}: the folder is not empty; name a new folder, or empty this one\n"
    assert capsys.readouterr().err == said
    assert cli.main(["export", "--model", "ease", "--to", str(tmp_path / "used" / "mine.txt")]) == 1
    assert capsys.readouterr().err == f"foldin: {tmp_path / 'used' / 'mine.txt'}: is a file; name a folder\n"
    (tmp_path / "empty").mkdir()
    exported("bias", tmp_path / "empty", capsys)


@pytest.mark.parametrize(("model", "said"), [("slim", "'slim' is not trained on 'demo' yet"), ("eas", "did you mean")])
def test_a_model_that_is_not_there_is_said_as_for_recommendations(saved_models, tmp_path, capsys, model, said):
    assert cli.main(["export", "--model", model, "--to", str(tmp_path / "to")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert cli.main(["recommend", "--model", model, "--user", "u0001"]) == 1
    assert capsys.readouterr().err == error


def test_files_that_give_other_scores_are_not_kept(saved_models, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Popularity, "portable", lambda model: Portable(item_biases=model.counts() * 1.001))
    assert cli.main(["export", "--model", "popularity", "--to", str(tmp_path / "to")]) == 1
    assert "the files of popularity give other scores than the model: 1.0e-03 of the largest" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
