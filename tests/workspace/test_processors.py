"""Running as another processor: what is asked of QEMU, how small the pipeline becomes, and what is said without it."""

import os
import shutil
import stat

import pytest
from conftest import CHECKOUT, sh

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.workspace import processors

needs_qemu = pytest.mark.skipif(shutil.which(processors.EMULATOR) is None, reason="needs qemu-user")


def test_without_qemu_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FoldinError, match=r"no qemu-x86_64 to run as the processor Haswell; .* apt install qemu-user"):
        processors.refuse_others(["Haswell"])


@needs_qemu
def test_a_processor_that_qemu_does_not_know_is_named_with_the_nearest():
    with pytest.raises(FoldinError, match="knows no processor 'Haswel'; did you mean 'Haswell'"):
        processors.refuse_others(["Haswel"])


@needs_qemu
def test_a_processor_without_the_instructions_of_the_lane_is_refused():
    with pytest.raises(FoldinError, match="the processor 'Nehalem' lacks AVX2 or FMA"):
        processors.refuse_others(["Nehalem"])


def test_stages_get_a_python_that_starts_as_the_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/programs/{name}")
    variables = processors.stage_environment("Haswell", tmp_path / "bin")
    program = tmp_path / "bin" / "python"
    assert variables["PATH"].startswith(f"{program.parent}{os.pathsep}")
    assert "/programs/qemu-x86_64 -cpu Haswell,check=off" in program.read_text()
    assert program.stat().st_mode & stat.S_IXUSR
    assert variables["PYTHONHASHSEED"] == "0", "a stage that starts Python anew leaves the processor"


def test_a_notebooks_kernel_starts_as_its_stage_does(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/programs/{name}")
    monkeypatch.delenv(processors.VARIABLE, raising=False)
    assert len(processors.python()) == 1
    monkeypatch.setenv(processors.VARIABLE, "EPYC-Rome")
    assert processors.python()[:3] == ["/programs/qemu-x86_64", "-cpu", "EPYC-Rome,check=off"]


def test_the_pipeline_becomes_small_enough_and_keeps_what_is_smaller(workspace):
    values = params.read() | {"datasets": ["demo"]}
    values["als"]["als-explicit"]["epochs"] = 2
    sizes = params.section(params.Verify).emulated
    processors.make_smaller(values, sizes)
    assert values["demo"]["users"] == sizes.users
    assert values["als"]["als-explicit"]["epochs"] == 2
    assert values["deep"]["ncf"]["epochs"] == sizes.epochs
    assert values["hybrid"]["stack-ratings"]["parts"]["mf-l2"]["epochs"] == sizes.epochs
    assert set(values["evaluation"]["seeds"].values()) == {sizes.seeds}
    assert values["subset"]["users"] == 1.0, "demo is drawn small"
    values["datasets"] = ["ml-100k"]
    processors.make_smaller(values, sizes)
    assert values["subset"]["users"] == sizes.share


def test_two_comparisons_at_once_are_refused():
    done = sh("foldin", "verify", "--processor", "Haswell", "--with", "NUMBA_NUM_THREADS=1", cwd=CHECKOUT, ok=False)
    assert done.returncode == 1
    assert "--processor and --with are two comparisons; ask for one at a time" in done.stderr


@needs_qemu
@pytest.mark.machines
@pytest.mark.timeout(1800)
def test_a_stage_with_a_notebook_has_the_same_bytes_as_another_processor():
    done = sh("foldin", "verify", "--processor", "Haswell", "--stage", "train@demo-als", cwd=CHECKOUT)
    assert "Haswell: train@demo-als" in done.stdout
    assert ", 0 within tolerance, 0 differs" in done.stdout
