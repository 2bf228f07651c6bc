"""A killed notebook stage leaves nothing running, nothing in the system's temporary folder, and soon nothing at all."""

import os
import subprocess
import sys
import time
from contextlib import nullcontext

import psutil
import pytest
from conftest import CHECKOUT
from nbformat.v4 import new_code_cell, new_notebook

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.workspace import run_notebook, staging, strip

STAGE = """
from foldin.workspace import run_notebook, staging
with staging.only_run("train@demo-probe") as run, staging.outputs(run):
    run_notebook.run("probe", "demo", command="train@demo-probe")
"""
WRITES = """
from foldin.core import files, paths
files.write_text(paths.root() / "reports" / "demo" / "half.txt", "half")
with files.whole_folder(paths.models("demo", "probe")) as folder:
    (folder / "half").touch()
    print("half", file=open("begun", "w"), flush=True)
    {then}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the kernel of a killed stage at once")
def test_a_killed_notebook_stage_leaves_nothing_that_the_next_stage_does_not_remove(workspace, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("temporary")
    parameters = new_code_cell('dataset = "demo"', metadata={"tags": ["parameters"]})
    cells = [parameters, new_code_cell(WRITES.format(then="import time; time.sleep(600)"))]
    strip.write(paths.stripped_notebook("probe"), strip.stripped(new_notebook(cells=cells)))
    variables = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(CHECKOUT / "src")}
    stage = subprocess.Popen([sys.executable, "-c", STAGE], cwd=workspace, env=variables)
    for _ in range(600):
        if (workspace / "begun").exists():
            break
        time.sleep(0.2)
    kernels = psutil.Process(stage.pid).children(recursive=True)
    assert kernels
    stage.kill()
    stage.wait()
    _, living = psutil.wait_procs(kernels, timeout=20)
    assert not living
    assert not list(temporary.iterdir())
    left = sorted(path.name for path in paths.partial().rglob("*"))
    assert {".probe.part", "half.txt", "demo-probe.ipynb"} <= {*left}, "the test killed it too early"
    assert not (workspace / "reports").exists()
    with staging.only_run("clean@demo"):
        assert [path.name for path in paths.partial().iterdir()] == ["clean@demo"]
    assert not list(paths.partial().iterdir())


def test_a_notebook_that_failed_is_kept_to_be_opened_until_it_runs_again(workspace):
    parameters = new_code_cell('dataset = "demo"', metadata={"tags": ["parameters"]})
    for then, left in (("1 / 0", ["demo-probe.ipynb"]), ("pass", [])):
        notebook = new_notebook(cells=[parameters, new_code_cell(WRITES.format(then=then))])
        strip.write(paths.stripped_notebook("probe"), strip.stripped(notebook))
        with staging.only_run("train@demo-probe") as run, staging.outputs(run):
            failing = pytest.raises(FoldinError, match="ZeroDivisionError") if left else nullcontext()
            with failing:
                run_notebook.run("probe", "demo", command="train@demo-probe")
        assert [path.name for path in paths.partial().iterdir()] == left
