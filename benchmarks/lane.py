"""Times what the portable CPU lane costs: the same models fitted under it, and with the machine's own choices.

    python benchmarks/lane.py          # after `dvc repro user_item@demo`; ratios of times for an epoch, by model

The machine's own choices are its widest instructions in linear algebra, numpy, numba and oneDNN, oneDNN's fused
operations, and networks free to add in any order and in two threads. Elsewhere threads are the same on both sides:
their number is a parameter.
"""

import json
import os
import subprocess
import sys
import time

from foldin.core import determinism

REPEATS = 3
FREE = "free"


def machine_choices() -> dict[str, str]:
    """Return the variables that undo the lane's."""
    import llvmlite.binding

    return {
        "OPENBLAS_CORETYPE": "",
        "NPY_DISABLE_CPU_FEATURES": "",
        "ONEDNN_MAX_CPU_ISA": "DEFAULT",
        "NUMBA_CPU_NAME": llvmlite.binding.get_host_cpu_name(),
        "NUMBA_CPU_FEATURES": llvmlite.binding.get_host_cpu_features().flatten(),
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_DETERMINISTIC_OPS": "0",
    }


def fit(how: str) -> None:
    """Fit every model of every family that learns on demo, as its notebook does first; print seconds for an epoch."""
    determinism.fix_environment(2)
    from foldin import models
    from foldin.core import interactions
    from foldin.models.parts import networks

    if how == FREE:
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism = lambda: None
        tensorflow.config.threading.set_intra_op_parallelism_threads = lambda number: None
    networks.keras()
    data, seconds = interactions.load("demo"), {}
    for family in ("svd", "als", "deep", "two_tower"):
        for name, model in models.family(family).items():
            if family in ("svd", "als"):
                model.fit(data.train, data.validation)  # compiles
            begin = time.perf_counter()
            model.fit(data.train, data.validation)
            # The two sides may stop at other epochs.
            seconds[name] = (time.perf_counter() - begin) / max(1, len(model.history))
    print(json.dumps(seconds))


def timed(how: str) -> dict[str, float]:
    """Fit in a process of its own, under the lane or free of it."""
    lane = machine_choices() if how == FREE else {}
    environment = os.environ | {determinism.INSTEAD: "\n".join(f"{name}={value}" for name, value in lane.items())}
    command = [sys.executable, __file__, how]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare() -> None:
    """Fit in turns, and print the shortest times and their ratios as a table of Markdown."""
    runs = [(timed("pinned"), timed(FREE)) for _ in range(REPEATS)]
    print("| model | an epoch under the lane, s | with the machine's choices, s | ratio |\n|---|---:|---:|---:|")
    for model in runs[0][0]:
        pinned, free = (min(pair[side][model] for pair in runs) for side in (0, 1))
        print(f"| {model} | {pinned:.3f} | {free:.3f} | {pinned / free:.2f} |")


if __name__ == "__main__":
    fit(sys.argv[1]) if sys.argv[1:] else compare()
