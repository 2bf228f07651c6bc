"""`foldin export`: what the folder's own README computes in a process without foldin, and folders that are refused."""

import re
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from small_models import rows_of
from synthetic import planted

from foldin import cli
from foldin.core.errors import FoldinError
from foldin.models import family
from foldin.models.baselines import Popularity
from foldin.models.hybrid import StackedRanking
from foldin.models.parts import portable
from foldin.models.parts.portable import Portable
from foldin.models.parts.stacking import Weights
from foldin.recommend import export, export_index, saved

NUMPY = ("popularity", "bias", "random", "ease", "als-explicit", "tf-idf", "gf-cf")
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


def read_elsewhere(*folders, more=""):
    """Run the code of each README, and then more, in a process that has no foldin; return what was printed."""
    command = [sys.executable, "-I", "-c", READER + textwrap.indent(more, "    "), *map(str, folders)]
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


def trained_small(name, model, parts):
    untrained = family(name)[model]
    quick = {"epochs": 2} if "epochs" in type(untrained.settings).model_fields else {}
    fitted = type(untrained)(untrained.settings.model_copy(update=quick), seed=1).fit(parts[0])
    fitted.name = model
    return saved.Saved("demo", name, fitted, parts[0])


WITH_TENSORFLOW = """
import numpy, tensorflow
inputs = [numpy.zeros(40, "int32"), numpy.arange(40, dtype="int32")]
inputs = inputs if folder.endswith("ncf") else numpy.float32(found["rated"][[0]].toarray())
network = tensorflow.saved_model.load("saved_model")
served = network.serve(inputs).numpy().ravel()
numpy.testing.assert_allclose(served, found["scores"], rtol=1e-4, atol=1e-5)
"""


@pytest.mark.slow
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


@pytest.mark.parametrize("model", ["als-explicit", "svds"])
def test_the_index_finds_nearly_all_and_its_recall_is_that_of_the_readme_s_code(
    opened, tmp_path, capsys, monkeypatch, model
):
    pytest.importorskip("faiss")
    made = trained_small("svd", model, planted(n_users=50, n_items=40)) if model == "svds" else opened(model)
    export.run(made, tmp_path / "to", index=True)
    (measured,) = re.findall(r"items\.faiss: recall@10 ([\d.]+), .* of 50 users", capsys.readouterr().out)
    page = (tmp_path / "to" / "README.md").read_text("utf-8")
    assert f"recall@10 {measured}, " in page
    names, shares = {}, []
    monkeypatch.chdir(tmp_path / "to")
    search, approximate = re.findall("```python\n(.*?)```", page, re.DOTALL)
    exec(search, names)
    for user, exact in enumerate(made.model.recommend(np.arange(50), 10)[0]):
        names["user"] = user
        exec(approximate, names)
        shares.append(np.isin(exact, names["found"]).mean())
    assert float(measured) == pytest.approx(np.mean(shares), abs=1e-4)
    assert float(measured) > 0.9


def test_recall_counts_what_a_search_misses(opened):
    """A search that finds every second item only."""
    model = opened("als-explicit")

    class Half:
        def search(self, queries, k):
            return None, np.arange(0, 40, 2)[None]

    users = np.arange(50, dtype=np.int32)
    right = []
    for user, exact in zip(users, model.model.recommend(users, 10)[0], strict=True):
        rated = model.training.ratings[[user]].indices
        kept = [item for item in range(0, 40, 2) if item not in rated][:10]
        right.append(np.mean([item in kept for item in exact]))
    assert 0 < np.mean(right) < 1
    assert export_index.recall(Half(), model, np.zeros((50, 1), np.float32)) == (pytest.approx(np.mean(right)), 50)


def test_an_index_needs_vectors_and_its_library(saved_models, tmp_path, capsys, monkeypatch):
    command = ["export", "--model", "ease", "--to", str(tmp_path / "to"), "--index"]
    monkeypatch.setattr(export_index.importlib.util, "find_spec", lambda name: None)
    assert cli.main(command) == 1
    said = "foldin: --index needs the library faiss, which is not installed; make install EXTRA=ann\n"
    assert capsys.readouterr().err == said
    monkeypatch.setattr(export_index, "refuse_without_library", lambda: None)
    assert cli.main(command) == 1
    assert "the scores of ease are no products of dense vectors, so there is nothing to index; leave out --index" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "to").exists()
