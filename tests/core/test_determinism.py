"""The portable CPU lane is fixed before any numerical library reads its environment."""

import os
import platform
import shutil
import subprocess
import sys

import pytest
from conftest import CHECKOUT

from foldin.core import determinism
from foldin.core.errors import FoldinError

THREADS = (
    "import numba, threadpoolctl, scipy.linalg; print(*{p['num_threads'] for p in threadpoolctl.threadpool_info()})"
)


def in_the_lane(code: str, threads: int) -> str:
    environment = os.environ | determinism.variables(threads)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def alone(code: str, *kept: str) -> str:
    """Run code with only these variables of the lane, so that what is seen is theirs."""
    lane = determinism.variables(1)
    environment = {name: value for name, value in os.environ.items() if name not in lane}
    environment |= {name: lane[name] for name in kept if name in lane}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_are_the_parameters_not_the_machines(threads):
    assert in_the_lane(THREADS, threads) == str(threads)
    assert in_the_lane("import numba; print(numba.config.NUMBA_NUM_THREADS)", threads) == str(threads)


def test_no_instruction_set_wider_than_avx2_is_used():
    code = (
        "from numpy._core._multiarray_umath import __cpu_features__ as features\n"
        "print([name for name in ('X86_V4', 'AVX512_ICL', 'AVX512_SPR') if features.get(name)])"
    )
    assert in_the_lane(code, 2) == "[]"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the lane names x86-64 instruction sets")
def test_linear_algebra_runs_on_the_kernels_of_the_lane():
    code = (
        "import numpy, scipy.linalg, threadpoolctl\n"
        "print({one['architecture'] for one in threadpoolctl.threadpool_info() if one['internal_api'] == 'openblas'})"
    )
    assert in_the_lane(code, 2) == "{'Haswell'}"


def test_a_variable_of_the_lane_can_be_replaced_to_see_what_depends_on_it():
    environment = {determinism.INSTEAD: "OPENBLAS_CORETYPE=Nehalem\nNPY_DISABLE_CPU_FEATURES=X86_V3 X86_V4"}
    determinism.fix_environment(2, environment=environment)
    assert environment["OPENBLAS_CORETYPE"] == "Nehalem"
    assert environment["NPY_DISABLE_CPU_FEATURES"] == "X86_V3 X86_V4"
    assert environment["OMP_NUM_THREADS"] == "2"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the lane names x86-64 instruction sets")
def test_compiled_kernels_use_no_wider_registers_either():
    code = (
        "import numba, numpy\n"
        "@numba.njit\n"
        "def total(x):\n"
        "    y = numpy.empty_like(x)\n"
        "    for i in range(len(x)):\n"
        "        y[i] = x[i] * 3.0 + 1.0\n"
        "    return y\n"
        "total(numpy.ones(64)); print(*('mm' + c for c in 'xyz' if c + 'mm' in total.inspect_asm(total.signatures[0])))"
    )
    assert in_the_lane(code, 1) == "mmx mmy"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the lane names x86-64 instruction sets")
def test_networks_multiply_matrices_with_no_wider_instructions_either():
    # oneDNN says on its first multiplication what it runs on; TensorFlow calls it whatever TF_ENABLE_ONEDNN_OPTS says.
    code = "import tensorflow; x = tensorflow.ones((256, 256)); print(float((x @ x)[0, 0]))"
    environment = os.environ | determinism.variables(1) | {"ONEDNN_VERBOSE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    print(done.stdout)
    assert "AVX512" not in done.stdout.upper()
    assert "isa:Intel AVX2" in done.stdout


def test_sets_of_text_have_the_same_order_in_every_process():
    code = "print(hash('a'), *{f'item {number}' for number in range(20)})"
    assert alone(code, "PYTHONHASHSEED") == alone(code, "PYTHONHASHSEED")
    assert alone(code) != alone(code)


def test_a_stage_has_one_order_of_sets_from_its_start(tmp_path):
    """The lane is pinned too late for this variable: Python has read it by then."""
    shutil.copytree(CHECKOUT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    source = tmp_path / "src" / "foldin" / "cli.py"
    begin = "def main(arguments: Sequence[str] | None = None) -> int:\n"
    source.write_text(source.read_text().replace(begin, "print(hash('a'))\n\n\n" + begin, 1))
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    command = [sys.executable, "src/foldin", "datasets"]
    shown = {
        subprocess.run(command, cwd=tmp_path, env=plain | more, capture_output=True, text=True, check=True)
        .stdout.splitlines()[0]
        for more in ({}, {}, {"PYTHONHASHSEED": "random"}, {"PYTHONHASHSEED": "0"})
    }  # fmt: skip
    assert len(shown) == 1


def test_nobodys_keras_json_counts(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float64", "epsilon": 1e-05, "backend": "tensorflow"}')
    code = "import keras; print(keras.config.floatx(), keras.config.epsilon())"
    environment = {**os.environ, **determinism.variables(1), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["float32", "1e-07"]


# TensorFlow has no public way to ask for either.
ASK = "from tensorflow.python.framework import config; print(config.is_op_determinism_enabled())"
ASK_ONEDNN = "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"


def test_the_lane_alone_makes_tensorflow_deterministic_and_lets_onednn_multiply():
    assert alone(f"{ASK}; {ASK_ONEDNN}", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS").split() == ["True", "True"]


def test_networks_are_deterministic_without_the_lane_too():
    assert alone(f"{ASK}; from foldin.models.parts import networks; networks.keras(); {ASK}").split() == [
        "False",
        "True",
    ]


FITS = """
import numpy
import tensorflow
from foldin.models.parts import networks
keras, ones = networks.start(0), numpy.ones((2, 1))
print(tensorflow.config.threading.get_intra_op_parallelism_threads())
for _ in range(7):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(ones, ones, verbose=0)
"""


def test_networks_add_in_one_thread_whatever_threads_there_are_and_log_no_addresses():
    environment = os.environ | determinism.variables(2) | {"PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run([sys.executable, "-c", FITS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert "retracing" not in done.stderr


def test_a_line_of_the_lane_that_is_none_is_said():
    with pytest.raises(FoldinError, match=r"FOLDIN_LANE: holds the line 'threads'; write NAME=VALUE"):
        determinism.fix_environment(2, environment={determinism.INSTEAD: "threads"})


def test_the_command_line_does_not_load_numpy_before_the_lane_is_fixed():
    code = "import sys, foldin.cli, foldin.core.params, foldin.core.determinism; print('numpy' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_gpu_that_is_not_there_is_an_error_with_a_remedy():
    code = "from foldin.models.parts import networks\ntry: networks.keras()\nexcept Exception as error: print(error)"
    environment = os.environ | determinism.variables(2, "gpu") | {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "params.yaml: device is gpu, and tensorflow sees none; install its libraries" in done.stdout
