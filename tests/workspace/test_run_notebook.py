"""Notebooks run as stages: stable bytes whoever runs them, and every fault one line that names the cell."""

import io
import json
import os
import re
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from foldin.core import files, paths, progress
from foldin.core.errors import FoldinError
from foldin.workspace import run_notebook, strip

PARAMETERS = new_code_cell('dataset = "demo"', metadata={"tags": ["parameters"]}, id="parameters")


def place(workspace, *cells, name="probe", parameters=PARAMETERS):
    """Put a notebook where the stage `strip` would."""
    path = workspace / "data" / "notebooks" / f"{name}.ipynb"
    strip.write(path, strip.stripped(new_notebook(cells=[parameters, *cells])))
    return path


def test_two_runs_leave_the_same_bytes_with_what_was_shown(workspace):
    show = new_code_cell("import sys\nfor n in range(3):\n    print(dataset, n)\n    sys.stdout.flush()\n3.5")
    show.id = "show"
    place(workspace, show)
    runs = []
    for _ in range(2):
        run_notebook.run("probe", "ml", command="probe")
        runs.append(paths.executed_notebook("ml", "probe").read_bytes())
    assert runs[0] == runs[1]
    cells = strip.read(paths.executed_notebook("ml", "probe")).cells
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
    run_notebook.run("probe", "demo", command="train@demo-probe")
    (cell,) = (cell for cell in nbformat.read(paths.executed_notebook("demo", "probe"), 4).cells if cell.id == "slow")
    assert [output.text for output in cell.outputs] == ["0\n1\n2\n"]


def test_a_failing_cell_is_one_line_with_the_way_to_open_it(workspace):
    place(workspace, new_code_cell("x = 1"), new_code_cell('raise ValueError("no such column\\nmore")'))
    with pytest.raises(FoldinError) as caught:
        run_notebook.run("probe", "demo", command="train@demo-probe")
    text = str(caught.value)
    assert "\n" not in text
    assert "train@demo-probe: notebooks/probe.ipynb" in text
    assert "cell 3 (In [4]) failed with ValueError: no such column;" in text
    partial = workspace / re.search(r"foldin lab --open (\S+)$", text).group(1)
    assert "no such column" in partial.read_text()
    assert not paths.executed_notebook("demo", "probe").exists()


def test_a_kernel_that_dies_is_one_line(workspace):
    place(workspace, new_code_cell("import os; os._exit(1)", id="death"))
    with pytest.raises(FoldinError, match=r"^probe: notebooks/probe\.ipynb: the kernel died: .*; most often memory"):
        run_notebook.run("probe", "demo", command="probe")


SHOWN = {
    "an address": ("object()", "at 0x"),
    "a temporary file": ("import tempfile; print(tempfile.mkdtemp())", "/tmp/"),
    "a temporary folder of one's own": ("import os; print(os.environ['TMPDIR'] + '/x')", "somewhere"),
    "this checkout": ("import os; print(os.getcwd())", "checkout"),
    "a styled table's id": (
        'from IPython.display import HTML; HTML("<table id=\\"T_0a1b2\\"></table>")',
        'id="T_0a1b2',
    ),
    "an address in JSON": ("from IPython.display import JSON; JSON({'made': repr(object())})", "at 0x"),
    "an address in SVG": ("from IPython.display import SVG; SVG(f'<svg id=\"at {id(SVG):#x}\"/>')", "at 0x"),
}


@pytest.mark.parametrize("what", SHOWN)
def test_what_no_second_run_can_show_is_refused_by_cell(workspace, tmp_path_factory, monkeypatch, what):
    cell, shown = SHOWN[what]
    if shown in ("somewhere", "checkout"):
        # pytest's own folders are temporary ones.
        monkeypatch.setattr(run_notebook, "UNSTABLE", "no such text")
        shown = str(workspace)
    if "own" in what:
        shown = str(tmp_path_factory.mktemp("own"))
        monkeypatch.setenv("TMPDIR", shown)
        monkeypatch.setattr(run_notebook.tempfile, "tempdir", shown)
    place(workspace, new_markdown_cell("# Title"), new_code_cell(cell))
    expected = r"^train@demo-probe: notebooks/probe\.ipynb, cell 3 \(In \[3\]\): an output shows '" + re.escape(shown)
    with pytest.raises(FoldinError, match=expected) as caught:
        run_notebook.run("probe", "demo", command="train@demo-probe")
    assert not paths.executed_notebook("demo", "probe").exists()
    partial = workspace / re.search(r"open it as it stopped: .*foldin lab --open (\S+)$", str(caught.value)).group(1)
    assert partial.is_file()


def test_a_warning_is_told_apart_from_what_else_differs(workspace):
    place(workspace, new_code_cell("import numpy as np\nprint('before')\nnp.array([0.0]) / 0"))
    with pytest.raises(FoldinError) as caught:
        run_notebook.run("probe", "demo", command="probe")
    said = str(caught.value)
    assert "a warning is shown, 'RuntimeWarning: invalid value encountered in divide', of line 3 of " in said
    assert "; mend what it warns of; " in said
    assert "/tmp" not in said
    assert "semicolon" not in said
    assert "\n" not in said


@pytest.mark.parametrize("leave", ["import sys; sys.exit()", "import sys; sys.exit(0)", "raise SystemExit"])
def test_a_cell_that_ends_the_notebook_is_a_failure(workspace, leave):
    place(workspace, new_code_cell(leave), new_code_cell('print("never")'))
    with pytest.raises(FoldinError, match=r"cell 2 \(In \[3\]\)(: ended the notebook before| failed with SystemExit)"):
        run_notebook.run("probe", "demo", command="probe")
    assert not paths.executed_notebook("demo", "probe").exists()


FIGURE = """
import matplotlib.pyplot as plt
%config InlineBackend.figure_format = "svg"
plot, axis = plt.subplots()
axis.plot([0, 1], [0, 1])
plt.show()
print(plt.rcParams["lines.linewidth"], 1 + 1)
"""


def test_nobodys_own_settings_are_in_the_bytes(workspace, monkeypatch, tmp_path_factory):
    """A profile, a matplotlibrc and a keras.json in somebody's home change nothing, and a plot carries no date."""
    place(workspace, new_code_cell("from foldin.report import plots; plots.style()"), new_code_cell(FIGURE))
    home = tmp_path_factory.mktemp("home")
    files.write_text(home / ".ipython" / "profile_default" / "startup" / "00.py", "print('good morning')")
    files.write_text(
        home / ".ipython" / "profile_default" / "ipython_kernel_config.py",
        "c = get_config()\nc.InteractiveShell.ast_node_interactivity = 'all'",
    )
    files.write_text(home / ".config" / "matplotlib" / "matplotlibrc", "metric.figsize: 3, 3\nlines.markersize: 20")
    runs = []
    for person in (home, tmp_path_factory.mktemp("plain")):
        monkeypatch.setenv("HOME", str(person))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(person / ".config"))
        run_notebook.run("probe", "demo", command="probe")
        runs.append(paths.executed_notebook("demo", "probe").read_bytes())
    assert b"svg" in runs[0]
    assert runs[0] == runs[1]


WAITS = """
import time
from pathlib import Path
from foldin.core.progress import say
say("epoch 1 of 3")
for _ in range(400):
    if Path("seen").exists():
        break
    time.sleep(0.05)
else:
    raise TimeoutError("nobody saw it")
"""


def test_progress_shows_while_a_cell_runs_and_not_in_the_notebook(workspace, monkeypatch):
    class Terminal(io.StringIO):
        def write(self, text):
            if "epoch 1 of 3" in text:
                (workspace / "seen").touch()
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Terminal())
    place(workspace, new_code_cell(WAITS))
    run_notebook.run("probe", "demo", command="probe")
    executed = strip.read(paths.executed_notebook("demo", "probe"))
    assert all(not cell.outputs for cell in executed.cells if cell.cell_type == "code")


def test_each_cell_that_begins_is_shown_under_its_heading(workspace, monkeypatch, capsys):
    # Lines that no test before has shown, and that come as seldom as can be, however slow the machine.
    lines = progress.Lines()
    lines._last = float("-inf")
    monkeypatch.setattr(progress, "_lines", lines)
    monkeypatch.setattr(progress, "SELDOM", float("inf"))
    place(workspace, new_markdown_cell("Text\n\n## What it *learned*"), new_code_cell("1 + 1;"))
    run_notebook.run("probe", "demo", command="probe")
    said = capsys.readouterr().err
    assert "demo: probe: cell 1 of 3" in said
    assert "learned" not in said  # it came at once, and lines come seldom


def test_where_several_stages_are_shown_the_kernel_writes_into_their_file(workspace, monkeypatch, capsys):
    file = workspace / "progress"
    monkeypatch.setenv(progress.VARIABLE, str(file))
    heading = new_markdown_cell("Text\n\n## What it *learned*")
    place(workspace, heading, new_code_cell("from foldin.core.progress import say\nsay('a line')"))
    run_notebook.run("probe", "demo", command="probe")
    assert file.read_text().splitlines()[-2:] == ["tick demo: probe: cell 3 of 3: What it *learned*", "say a line"]
    assert capsys.readouterr().err == ""
    assert os.environ[progress.VARIABLE] == str(file)


def test_the_kernel_is_this_interpreter_whatever_kernels_a_person_has(workspace, monkeypatch):
    """Even where their own has the same name and comes first."""
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "mine", "language": "python"}
    theirs = workspace / "jupyter" / "kernels" / "python3" / "kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(json.dumps(spec))
    for variable in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(workspace / "jupyter"))
    place(workspace, new_code_cell(f"import sys\nassert sys.executable == {sys.executable!r}, sys.executable"))
    run_notebook.run("probe", "demo", command="probe")
    assert paths.executed_notebook("demo", "probe").is_file()


def test_the_kernel_imports_the_source_that_runs_it(workspace, monkeypatch):
    """A copy of the checkout runs its own source, whatever is installed."""
    monkeypatch.setattr(run_notebook, "__file__", str(workspace / "src" / "foldin" / "workspace" / "run_notebook.py"))
    (workspace / "src").mkdir()
    (workspace / "src" / "only_here.py").touch()
    place(workspace, new_code_cell("import only_here"))
    run_notebook.run("probe", "demo", command="probe")
    assert paths.executed_notebook("demo", "probe").is_file()


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
        run_notebook.run("probe", "demo", command="train@demo-probe")
