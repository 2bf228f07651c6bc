"""Notebooks lose what a run or an editor leaves, keep what a person wrote, and fail in one line."""

import io
import json
import re
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from foldin import notebook, paths
from foldin.errors import FoldinError

PARAMETERS = new_code_cell('dataset = "demo"', metadata={"tags": ["parameters"]}, id="parameters")


def place(workspace, *cells, name="probe", parameters=PARAMETERS):
    """Put a notebook where the stage `strip` would."""
    path = workspace / "data" / "notebooks" / f"{name}.ipynb"
    notebook.write(path, notebook.stripped(new_notebook(cells=[parameters, *cells])))
    return path


def saved_in_jupyter():
    code = new_code_cell("1 + 1", id="sum", execution_count=7, metadata={"execution": {"iopub.status.busy": "now"}})
    code.outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=7)]
    cells = [PARAMETERS, new_markdown_cell("# Title", id="title"), code]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.11.7"}})


def test_stripping_takes_off_outputs_and_keeps_what_was_written():
    bare = notebook.stripped(saved_in_jupyter())
    assert [cell.source for cell in bare.cells] == ['dataset = "demo"', "# Title", "1 + 1"]
    assert [cell.id for cell in bare.cells] == ["parameters", "title", "sum"]
    assert bare.cells[0].metadata == {"tags": ["parameters"]}
    text = nbformat.writes(bare)
    assert "3.11.7" not in text
    assert "iopub" not in text
    assert '"output_type"' not in text


def test_a_notebook_saved_in_jupyter_strips_to_the_same_bytes_as_before(workspace):
    source = workspace / "notebooks" / "probe.ipynb"
    notebook.write(source, notebook.stripped(saved_in_jupyter()))
    assert notebook.strip_all() == []
    before = paths.stripped_notebook("probe").read_bytes()
    source.write_text(nbformat.writes(saved_in_jupyter()))
    assert notebook.strip_all(check=True) == ["probe.ipynb"]
    notebook.strip_all()
    assert paths.stripped_notebook("probe").read_bytes() == before
    notebook.strip_all(in_place=True)
    assert source.read_bytes() == before


def test_two_runs_leave_the_same_bytes_with_what_was_shown(workspace):
    show = new_code_cell("import sys\nfor n in range(3):\n    print(dataset, n)\n    sys.stdout.flush()\n3.5")
    show.id = "show"
    place(workspace, show)
    runs = []
    for _ in range(2):
        notebook.run("probe", "ml", command="probe")
        runs.append(paths.executed_notebook("ml", "probe").read_bytes())
    assert runs[0] == runs[1]
    cells = notebook.read(paths.executed_notebook("ml", "probe")).cells
    assert cells[1].source.endswith('dataset = "ml"\n') or 'dataset = "ml"' in cells[1].source
    assert [output.get("text") for output in cells[-1].outputs] == ["ml 0\nml 1\nml 2\n", None]
    assert cells[-1].outputs[1].data["text/plain"] == "3.5"
    assert str(workspace) not in runs[0].decode()


def test_the_pieces_a_stream_comes_in_leave_no_trace(workspace):
    """How many pieces a long output comes in depends on the moment; it is shown as one."""
    place(
        workspace,
        new_code_cell("import sys, time\nfor n in range(3): print(n, flush=True); time.sleep(0.3)", id="slow"),
    )
    notebook.run("probe", "demo", command="train@demo-probe")
    (cell,) = (cell for cell in nbformat.read(paths.executed_notebook("demo", "probe"), 4).cells if cell.id == "slow")
    assert [output.text for output in cell.outputs] == ["0\n1\n2\n"]


def test_a_failing_cell_is_one_line_with_the_way_to_open_it(workspace):
    place(workspace, new_code_cell("x = 1"), new_code_cell('raise ValueError("no such column\\nmore")'))
    with pytest.raises(FoldinError) as caught:
        notebook.run("probe", "demo", command="train@demo-probe")
    text = str(caught.value)
    assert "\n" not in text
    assert "train@demo-probe: notebooks/probe.ipynb" in text
    assert re.search(r"cell \[4\] failed with ValueError: no such column;", text)
    partial = workspace / re.search(r"jupyter lab (\S+)$", text).group(1)
    assert "no such column" in partial.read_text()
    assert not paths.executed_notebook("demo", "probe").exists()


def test_a_kernel_that_dies_is_one_line(workspace):
    place(workspace, new_code_cell("import os; os._exit(1)", id="death"))
    with pytest.raises(FoldinError, match=r"^probe: notebooks/probe\.ipynb: the kernel died: .*; most often memory"):
        notebook.run("probe", "demo", command="probe")


def test_an_object_address_in_an_output_is_refused_by_cell(workspace):
    place(workspace, new_code_cell("object()"))
    with pytest.raises(FoldinError, match=r"notebooks/probe\.ipynb, cell \d+: an output shows 'at 0x"):
        notebook.run("probe", "demo", command="probe")
    assert not paths.executed_notebook("demo", "probe").exists()


def test_progress_reaches_the_terminal_but_not_the_notebook(workspace, capfd):
    place(workspace, new_code_cell('from foldin.progress import say\nsay("epoch 1 of 3")'))
    notebook.run("probe", "demo", command="probe")
    assert "epoch 1 of 3" in capfd.readouterr().err
    executed = notebook.read(paths.executed_notebook("demo", "probe"))
    assert all(not cell.outputs for cell in executed.cells if cell.cell_type == "code")


def test_the_kernel_is_this_interpreter_whatever_kernels_a_person_has(workspace, monkeypatch):
    """Even where their own has the same name and comes first."""
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "mine", "language": "python"}
    theirs = workspace / "jupyter" / "kernels" / "python3" / "kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(json.dumps(spec))
    for variable in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(workspace / "jupyter"))
    place(workspace, new_code_cell(f"import sys\nassert sys.executable == {sys.executable!r}, sys.executable"))
    notebook.run("probe", "demo", command="probe")
    assert paths.executed_notebook("demo", "probe").is_file()


def test_the_kernel_imports_the_source_that_runs_it(workspace, monkeypatch):
    """A copy of the checkout runs its own source, whatever is installed."""
    monkeypatch.setattr(notebook, "__file__", str(workspace / "src" / "foldin" / "notebook.py"))
    (workspace / "src").mkdir()
    (workspace / "src" / "only_here.py").touch()
    place(workspace, new_code_cell("import only_here"))
    notebook.run("probe", "demo", command="probe")
    assert paths.executed_notebook("demo", "probe").is_file()


def test_what_is_no_notebook_is_said_to_be_none(tmp_path):
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(FoldinError, match="not a notebook"):
        notebook.read(tmp_path / "broken.ipynb")
    with pytest.raises(FoldinError, match="no such notebook"):
        notebook.read(tmp_path / "absent.ipynb")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ('datset = "demo"', "takes no parameter 'dataset'; it takes: datset; set dataset in the cell with that tag"),
        (
            "dataset = 1",
            "the parameter 'dataset' is set to 'demo', and its default is 1; give it a default of the same",
        ),
        ("", "takes no parameter 'dataset'; no cell has the tag 'parameters'; set dataset in the cell with that tag"),
    ],
)
def test_a_mistyped_parameter_is_refused_before_a_cell_runs(workspace, cell, message):
    tags = ["parameters"] if cell else []
    parameters = new_code_cell(cell, metadata={"tags": tags}, id="parameters")
    place(workspace, new_code_cell("raise RuntimeError", id="ran"), parameters=parameters)
    with pytest.raises(FoldinError, match=f"^notebooks/probe.ipynb: {re.escape(message)}"):
        notebook.run("probe", "demo", command="train@demo-probe")


def test_gits_filter_takes_outputs_off_and_lets_other_text_pass(capsys):
    saved, shown = io.BytesIO(nbformat.writes(saved_in_jupyter()).encode()), io.BytesIO()
    notebook.strip_stream(saved, shown)
    assert not any(cell.get("outputs") for cell in nbformat.reads(shown.getvalue().decode(), as_version=4).cells)
    torn, passed = b"<<<<<<< HEAD\n{", io.BytesIO()
    notebook.strip_stream(io.BytesIO(torn), passed)
    assert passed.getvalue() == torn
    assert capsys.readouterr().err.startswith("foldin: not a notebook, so left as it is: ")
