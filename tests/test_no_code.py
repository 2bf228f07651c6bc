"""No file makes code run: not a model, a matrix, a table, a database, or YAML."""

import ast
import json
import os
import pickle

import numpy as np
import pyarrow as pa
import pytest
from conftest import CHECKOUT
from own_data import declare, put, raw
from pyarrow import parquet

from foldin import cli, models
from foldin.core import arrays, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.preparation import clean, fetch, user_item
from foldin.recommend import saved
from foldin.workspace import pipeline

FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__"}
RUNS_ITS_OWN = CHECKOUT / "src" / "foldin" / "recommend" / "export.py"
"""Runs the lines that it has just written into a README; of the data, they hold an id only, as a string of JSON."""


class Evil:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(workspace):
    """Return the folder that must never appear."""
    yield workspace / "pwned"
    assert not (workspace / "pwned").exists()


def test_the_fixture_would_run(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "ran")))
    assert (tmp_path / "ran").is_dir()


@pytest.fixture
def trained(workspace):
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    model = models.family("baselines")["bias"].fit(interactions.load("demo").training)
    folder = paths.models("demo", "baselines") / "bias"
    folder.mkdir(parents=True)
    model.save(folder)
    return folder


def poison(file, mark):
    """Put a pickled object into the first array of an .npz file."""
    content = arrays.read(file)
    content[next(iter(content))] = np.array([Evil(mark)], dtype=object)
    with file.open("wb") as opened:
        np.savez(opened, **content)


def test_a_model_and_a_matrix_with_a_pickled_object_are_refused(trained, mark):
    for name in ("bias", "known"):
        file = trained / f"{name}.npz"
        whole = file.read_bytes()
        poison(file, mark)
        with pytest.raises(FoldinError, match="the saved model is not whole"):
            saved.open_saved("demo", "bias")
        file.write_bytes(whole)
    poison(paths.user_item("demo") / "train.npz", mark)
    with pytest.raises(FoldinError, match=r"^data/user_item/demo: the training part is not whole \(ValueError"):
        interactions.load("demo")


def test_a_parquet_file_with_a_pickled_type_is_read_without_it(workspace, mark):
    pickled = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Evil(mark))}
    field = pa.field("who", pa.string(), metadata=pickled)
    schema = pa.schema([field, pa.field("book", pa.string()), pa.field("stars", pa.float64())])
    columns = [["u1", "u1", "u2"], ["b1", "b2", "b1"], [4.5, 1.0, 3.0]]
    put("a.parquet", b"")
    parquet.write_table(pa.table(columns, schema=schema), workspace / "own" / "a.parquet")
    declare("mine: {file: own/a.parquet, user: who, item: book, rating: stars, scale: [0.5, 5, 0.5]}")
    assert len(raw().ratings) == 3
    assert cli.main(["describe", "own/a.parquet"]) == 0


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir [pwned]", "!!python/name:os.mkdir pwned"])
def test_a_tag_of_yaml_makes_no_object(workspace, mark, tag):
    whole = paths.params_file().read_text()
    paths.params_file().write_text(whole.replace("datasets:", f"sources: {tag}\ndatasets:", 1))
    with pytest.raises(FoldinError, match=r"^params\.yaml: "):
        params.read()
    paths.params_file().write_text(whole)
    (workspace / "dvc.lock").write_text(f"schema: '2.0'\nstages: {tag}\n")
    with pytest.raises(FoldinError, match=r"^dvc\.lock: "):
        pipeline.locked()


def test_no_source_file_imports_or_calls_what_runs_the_content_of_files():
    looked_at = 0
    for file in (CHECKOUT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "").split(".")[0]]
            assert not FORBIDDEN & {*names}, file
            if isinstance(node, ast.Call):
                looked_at += 1
                called = {node.func.id} & CALLS if isinstance(node.func, ast.Name) else set()
                assert called <= ({"exec"} if file == RUNS_ITS_OWN else set()), file
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert given.get("allow_pickle", "False") == "False", file
                assert given.get("shell", "False") == "False", file
    assert looked_at > 1000


@pytest.mark.parametrize("name", ['"] or print(1) or ["', "a\\", "\u2028print(1)", "\n\x00'", "\U0001f642 {0}"])
def test_an_id_in_the_code_of_an_export_is_a_literal(name):
    """As `foldin.recommend.export_page` writes it."""
    assert ast.literal_eval(json.dumps(name, ensure_ascii=False)) == name


def test_the_values_of_a_notebook_s_parameters_are_literals(workspace):
    """What papermill writes into the cell of parameters is the name of a data set, quoted."""
    from papermill.translators import PythonTranslator

    cell = PythonTranslator.codify({"dataset": 'a"; import os; os.mkdir("pwned") #'})
    (assignment,) = ast.parse(cell).body
    assert isinstance(assignment, ast.Assign)
    assert isinstance(assignment.value, ast.Constant)
    assert json.dumps(assignment.value.value)
