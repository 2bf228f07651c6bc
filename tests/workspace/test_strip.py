"""Notebooks lose what a run or an editor leaves, and keep what a person wrote."""

import io

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.workspace import strip

PARAMETERS = new_code_cell('dataset = "demo"', metadata={"tags": ["parameters"]}, id="parameters")


def saved_in_jupyter():
    code = new_code_cell("1 + 1", id="sum", execution_count=7, metadata={"execution": {"iopub.status.busy": "now"}})
    code.outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=7)]
    cells = [PARAMETERS, new_markdown_cell("# Title", id="title"), code]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.11.7"}})


def test_stripping_takes_off_outputs_and_keeps_what_was_written():
    bare = strip.stripped(saved_in_jupyter())
    assert [cell.source for cell in bare.cells] == ['dataset = "demo"', "# Title", "1 + 1"]
    assert [cell.id for cell in bare.cells] == ["parameters", "title", "sum"]
    assert bare.cells[0].metadata == {"tags": ["parameters"]}
    text = nbformat.writes(bare)
    assert "3.11.7" not in text
    assert "iopub" not in text
    assert '"output_type"' not in text


def test_a_notebook_saved_in_jupyter_strips_to_the_same_bytes_as_before(workspace):
    source = workspace / "notebooks" / "probe.ipynb"
    strip.write(source, strip.stripped(saved_in_jupyter()))
    assert strip.strip_all() == []
    before = paths.stripped_notebook("probe").read_bytes()
    source.write_text(nbformat.writes(saved_in_jupyter()))
    assert strip.strip_all(check=True) == ["probe.ipynb"]
    strip.strip_all()
    assert paths.stripped_notebook("probe").read_bytes() == before
    strip.strip_all(in_place=True)
    assert source.read_bytes() == before


def test_what_is_no_notebook_is_said_to_be_none(tmp_path):
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(FoldinError, match="not a notebook"):
        strip.read(tmp_path / "broken.ipynb")
    with pytest.raises(FoldinError, match="no such notebook"):
        strip.read(tmp_path / "absent.ipynb")


def test_gits_filter_takes_outputs_off_and_lets_other_text_pass(capsys):
    saved, shown = io.BytesIO(nbformat.writes(saved_in_jupyter()).encode()), io.BytesIO()
    strip.strip_stream(saved, shown)
    assert not any(cell.get("outputs") for cell in nbformat.reads(shown.getvalue().decode(), as_version=4).cells)
    torn, passed = b"<<<<<<< HEAD\n{", io.BytesIO()
    strip.strip_stream(io.BytesIO(torn), passed)
    assert passed.getvalue() == torn
    assert capsys.readouterr().err.startswith("foldin: not a notebook, so left as it is: ")
