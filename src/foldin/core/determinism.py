"""The fixed CPU environment: everything that changes floating-point results, fixed before numpy or a kernel starts.

Each variable is read once, when its library is first loaded; so `fix_environment` is the first thing the command line
does, and kernels inherit it. (`PYTHONHASHSEED` is read when Python starts: see `foldin.__main__`.) Personal library
settings are ignored. `KERAS_BACKEND` is up to the user: other backends give other numbers, see docs/reproducibility.md.
"""

import os
import platform
from collections.abc import MutableMapping

from foldin.core.errors import FoldinError

DEVICE = "FOLDIN_DEVICE"
"""Tells a kernel which device params.yaml asks for."""
INSTEAD = "FOLDIN_LANE"
"""Lines `NAME=VALUE` that replace variables of the lane, to see what depends on them: `foldin verify --with`."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

# The instruction set every x86-64 machine of the last decade has: wider ones sum in another order.
AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",  # those of the name above, instead of the machine's
}
# Nobody's matplotlibrc and keras.json, and no date in a plot.
IMPERSONAL = {"MATPLOTLIBRC": os.devnull, "KERAS_HOME": os.devnull, "SOURCE_DATE_EPOCH": "0"}


def variables(threads: int, device: str = "cpu") -> dict[str, str]:
    """Return the environment of the portable CPU lane.

    Parameters
    ----------
    threads : int
        Threads of every numerical library; sums are grouped by thread, so this is a parameter, not the machine's.
    device : str
        Device of the Keras networks; "cpu" hides any other from them, so that none is picked silently.

    Returns
    -------
    dict of str to str
        Environment variables and their values.
    """
    lane = dict.fromkeys(THREAD_VARIABLES, str(threads))
    lane |= {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        # Off, products of matrices are cut by the size of caches, and last digits follow the cut.
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_DETERMINISTIC_OPS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONHASHSEED": "0",
        DEVICE: device,
        **IMPERSONAL,
    }
    if device == "cpu":
        lane |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    if platform.machine().lower() in ("x86_64", "amd64"):
        lane |= AVX2
    return lane


def fix_environment(threads: int, device: str = "cpu", environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the variables of the portable CPU lane; call before numpy is imported.

    Parameters
    ----------
    threads : int
        Threads of every numerical library.
    device : str
        Device of the Keras networks.
    environment : mapping of str to str, optional
        Where to set them: this process's environment unless given.

    Raises
    ------
    FoldinError
        When a line of FOLDIN_LANE is no NAME=VALUE.
    """
    instead = {}
    for line in environment.get(INSTEAD, "").splitlines():
        name, sign, value = line.partition("=")
        if not (name and sign):
            raise FoldinError(f"holds the line {line!r}", where=INSTEAD, remedy="write NAME=VALUE, a line each")
        instead[name] = value
    environment.update(variables(threads, device) | instead)
