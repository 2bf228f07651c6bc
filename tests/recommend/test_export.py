"""`foldin export`: what the folder's own README computes in a process without foldin, and folders that are refused."""

import contextlib
import importlib.metadata
import json
import re
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from small_models import rows_of, trained_small
from synthetic import planted

from foldin import cli
from foldin.core.errors import FoldinError
from foldin.models.baselines import Popularity
from foldin.models.hybrid import StackedRanking
from foldin.models.parts import portable
from foldin.models.parts.portable import Portable
from foldin.models.parts.stacking import Weights
from foldin.recommend import export, export_page, saved

NUMPY = ("popularity", "bias", "random", "ease", "als-explicit", "tf-idf", "gf-cf")
READER = """
import json, os, pathlib, re, sys
class Missing:
    '''As if only the libraries that the README names, and what they need, were installed.'''
    names = {"foldin", *json.loads(sys.argv[1])}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is not among the libraries that the README names", name=name)
sys.meta_path.insert(0, Missing())
for folder in sys.argv[2:]:
    os.chdir(folder)
    (code,) = re.findall("```python\\n(.*?)```", pathlib.Path("README.md").read_text("utf-8"), re.DOTALL)
    found = {}
    exec(code, found)
    found["np"].save("found.npy", found["scores"])
"""


def exported(model, to, capsys):
    assert cli.main(["export", "--model", model, "--to", str(to)]) == 0
    return capsys.readouterr().out


def read_elsewhere(*folders, more=""):
    """Run the code of each README, and then more, in a process that has no foldin; return what was printed."""
    missing = json.dumps(sorted(not_needed(folders)))
    command = [sys.executable, "-I", "-c", READER + textwrap.indent(more, "    "), missing, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"KERAS_BACKEND": "tensorflow"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def not_needed(folders):
    """Return the names of all installed packages that no README of some folders names, directly or as a requirement."""
    said = {
        name
        for folder in folders
        for name in re.findall(r"([a-z]+) \d", re.search(r"checked with (.*)\.", (folder / "README.md").read_text())[1])
    }
    assert {"numpy", "pandas", "scipy"} <= said
    waiting, needed = list(said), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in needed:
            continue
        needed.add(name)
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            asked = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [each.name for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
    owners = importlib.metadata.packages_distributions()
    return {name for name, of in owners.items() if not needed & {canonicalize_name(each) for each in of}}


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


WITH_TENSORFLOW = """
note = re.search("Load it by `(.*)`; then `(.*)` gives", pathlib.Path("README.md").read_text("utf-8"))
by_keras = found.pop("scores")
exec("\\n".join(note.groups()), found)
apart = abs(found["scores"] - by_keras).max()
assert apart <= 1e-5 * abs(by_keras).max(), apart
"""


def test_what_tensorflow_would_compute_otherwise_is_refused(opened, saved_models, tmp_path, capsys):
    exported("popularity", tmp_path / "to", capsys)
    made, users = opened("popularity"), np.arange(3)
    code = export_page.code(made.model.portable(), "u0000", titled=True)
    assert export.checked(made, tmp_path / "to", code, users)[1] == 0
    with pytest.raises(FoldinError, match="the files of popularity give other scores than the model"):
        export.checked(made, tmp_path / "to", code._replace(served=("more = 1", "scores = scores + more")), users)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_networks_are_loaded_by_keras_and_by_tensorflow_without_foldin(saved_models, tmp_path, capsys):
    """A network over pairs whose layers are drawn by a function of ours, and one over rows."""
    parts = planted(n_users=30, n_items=40)
    made = [trained_small("deep", "ncf", parts), trained_small("autoencoder", "mult-vae", parts)]
    folders = [tmp_path / each.name for each in made]
    for each, folder in zip(made, folders, strict=True):
        export.run(each, folder)
    read_elsewhere(*folders, more=WITH_TENSORFLOW)
    for each, folder in zip(made, folders, strict=True):
        right = each.model.score(np.array([0]))[0]
        assert np.abs(np.load(folder / "found.npy") - right).max() <= export.TOLERANCE * np.abs(right).max()


def stack_of(opened, **weights):
    """Return a stack of saved models, with weights of its parts."""
    stack = StackedRanking(StackedRanking.Settings.model_construct())
    stack.name, stack.parts = "stack-ranking", {name: opened(name.replace("_", "-")).model for name in weights}
    stack.part_names, stack.weights = [*weights], Weights(0.0, np.array([*weights.values()]))
    training = opened("ease").training
    stack._known = training.ratings
    return saved.Saved("demo", "hybrid", stack, training)


def test_a_stack_of_every_kind_of_part_is_one_product_of_matrices(opened, tmp_path, capsys):
    made = stack_of(opened, ease=0.4, als_explicit=0.3, gf_cf=0.2, popularity=0.1, tf_idf=0.2)
    export.run(made, tmp_path / "to")
    assert re.search(r"compared for 20 users, differ by at most \d", capsys.readouterr().out)
    listed = read_elsewhere(tmp_path / "to").splitlines()[1:]
    right = made.model.recommend(np.array([0]), 10)[0][0]
    assert [line.split()[0] for line in listed] == [f"i{item:04d}" for item in right]


@pytest.mark.parametrize(("part", "why"), [("random", "no products"), ("ease", r"its vectors would have [\d,]+ cells")])
def test_a_stack_that_is_no_product_of_matrices_names_its_parts(opened, tmp_path, monkeypatch, part, why):
    monkeypatch.setattr(portable, "LARGEST_PRODUCT", 1000)
    with pytest.raises(
        FoldinError, match=f"stack-ranking cannot be exported: .*{why}.*; export a part instead: {part}"
    ):
        export.run(stack_of(opened, **{part: 1.0}), tmp_path / "to")
    assert not (tmp_path / "to").exists()
