"""Runs this Python as another processor, under Debian's `qemu-user`: the basis of `foldin verify --processor`.

`qemu-x86_64 -cpu Haswell python …` shows Python that processor's instructions and caches, so libraries choose as they
would there. It does so for one process only: a process that it starts runs natively again. So DVC is given a `python`
that starts each stage under it, and the runner starts the notebook's kernel under it, too.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from foldin.core import params
from foldin.core.errors import FoldinError

EMULATOR = "qemu-x86_64"
VARIABLE = "FOLDIN_PROCESSOR"
"""Names the processor that a stage runs as, so that its notebook's kernel does, too."""
_SEES_AVX2 = "from numpy._core._multiarray_umath import __cpu_features__ as seen; print(seen['AVX2'], seen['FMA3'])"


def command(processor: str) -> list[str]:
    """Return the words that start this Python as a processor.

    Parameters
    ----------
    processor : str
        As QEMU names it, such as `Haswell`, `EPYC-Rome` or `Skylake-Server`.

    Raises
    ------
    FoldinError
        When QEMU's user emulation is not installed.
    """
    emulator = shutil.which(EMULATOR)
    if emulator is None:
        raise FoldinError(
            f"there is no {EMULATOR} to run as the processor {processor}",
            where="PATH",
            remedy="install QEMU's user emulation (Debian: apt install qemu-user), then again",
        )
    # What of a processor QEMU lacks, it says on each start; libraries see by themselves that it is not there.
    return [emulator, "-cpu", f"{processor},check=off", sys.executable]


def refuse_others(processors: Iterable[str]) -> None:
    """Refuse names that QEMU does not know, and processors without the instructions of the CPU lane.

    Raises
    ------
    FoldinError
        Names the processor and what to say instead.
    """
    for processor in processors:
        asked = subprocess.run([*command(processor), "-c", _SEES_AVX2], capture_output=True, text=True, check=False)
        if "unable to find CPU model" in asked.stderr:
            raise FoldinError(
                f"{EMULATOR} knows no processor '{processor}'",
                where="--processor",
                remedy=params.nearest(processor, names()),
            )
        if asked.returncode != 0 or asked.stdout.split() != ["True", "True"]:
            raise FoldinError(
                f"the processor '{processor}' lacks AVX2 or FMA, which results are made with",
                where="--processor",
                remedy="take one from Haswell (2013) or EPYC (2017) on",
            )


def names() -> list[str]:
    """Return the processors that QEMU can be, without the versions of each."""
    listed = subprocess.run([*command("max")[:1], "-cpu", "help"], capture_output=True, text=True, check=False).stdout
    return re.findall(r"^x86 ((?:(?!-v\d)\S)+)(?:\s|$)", listed, re.MULTILINE)


def stage_environment(processor: str, folder: Path) -> dict[str, str]:
    """Return the environment in which DVC runs each stage as a processor.

    Parameters
    ----------
    processor : str
        As QEMU names it.
    folder : Path
        Where the program `python` that DVC starts is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command(processor))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    # With a hash seed from the start, no stage starts Python anew, which would be this machine's.
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {"PATH": path, "PYTHONHASHSEED": "0", VARIABLE: processor}


def python() -> list[str]:
    """Return the command that starts Python as this process runs: emulated, if an emulated processor was asked for."""
    processor = os.environ.get(VARIABLE)
    return command(processor) if processor else [sys.executable]


def make_smaller(values: dict[str, Any], sizes: params.Emulated) -> None:
    """Change what params.yaml holds so that the pipeline is small enough for an emulated processor.

    Parameters
    ----------
    values : dict
        The file's values; changed in place.
    sizes : params.Emulated
        What `verify.emulated` says: how small.
    """
    values["demo"].update(users=sizes.users, items=sizes.items, ratings=sizes.ratings)
    if values["datasets"] != ["demo"]:
        values["subset"]["users"] = min(values["subset"]["users"], sizes.share)
    seeds = values["evaluation"]["seeds"]
    seeds.update({family: min(count, sizes.seeds) for family, count in seeds.items()})
    for family in params.known_families():
        for settings in (values.get(family) or {}).values():
            # The parts of a hybrid have settings of their own.
            for own in (settings or {}, *(settings or {}).get("parts", {}).values()):
                if "epochs" in own:
                    own["epochs"] = min(own["epochs"], sizes.epochs)
