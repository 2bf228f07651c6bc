"""`foldin verify --processor`: runs a smaller pipeline as this processor and as others, and compares every output.

`verify.emulated` in params.yaml sets what makes it smaller. Nothing is compared with dvc.lock, which records the
full-size pipeline: the outputs of this processor, made in a copy of the checkout, are what others must equal.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from foldin.core import params, paths
from foldin.core.progress import say
from foldin.workspace import pipeline, processors, verify


def run(names: Sequence[str], dataset: str | None = None, stage: str | None = None, *, keep: bool = False) -> bool:
    """Run the smaller pipeline, or a part, as other processors, and print how each output compares with this one's.

    Parameters
    ----------
    names : sequence of str
        Processors as QEMU names them, such as `Haswell`.
    dataset : str, optional
        Only the stages of this data set; all data sets of params.yaml unless given.
    stage : str, optional
        Only this stage as other processors; what it needs is made by this one.
    keep : bool, optional
        Whether the copies stay for a look.

    Returns
    -------
    bool
        Whether all outputs are identical.

    Raises
    ------
    FoldinError
        When QEMU is missing, does not know a processor, there is no such stage, or a run fails.
    """
    processors.refuse_others(names)
    stages = list(verify.stages_to_verify(dataset, stage))
    root = paths.root()
    folder = Path(tempfile.mkdtemp(prefix="foldin-verify-"))
    try:
        here = folder / "here" / root.name
        _copy_smaller(root, here)
        say("as this processor")
        verify.reproduce(root, here, stages, alone=False, variables={})
        verdicts = [
            verdict
            for name in names
            for verdict in _as_processor(name, root, here, folder / name, stages, alone=bool(stage))
        ]
    except verify.StageFailedError:
        keep = True
        raise
    finally:
        if keep:
            say(f"the copies are kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    verify.show(verdicts)
    return all(verdict.result == verify.IDENTICAL for verdict in verdicts)


def _copy_smaller(root: Path, copy: Path) -> None:
    verify.copy_checkout(root, copy)
    yaml = YAML()
    values = yaml.load(copy / "params.yaml")
    processors.make_smaller(values, params.section(params.Verify).emulated)
    yaml.dump(values, copy / "params.yaml")


def _as_processor(
    name: str, root: Path, here: Path, folder: Path, stages: list[str], *, alone: bool
) -> list[verify.Verdict]:
    """Run stages as another processor in a copy of their own, and compare their outputs with this processor's."""
    say(f"as {name}: importing TensorFlow alone takes about a minute there")
    copy = folder / root.name
    if alone:
        shutil.copytree(here, copy, symlinks=True)
    else:
        _copy_smaller(root, copy)
    variables = processors.stage_environment(name, folder / "bin")
    verify.reproduce(root, copy, stages, alone=alone, variables=variables)
    ours, theirs = pipeline.locked(here), pipeline.locked(copy)
    return [
        verify.judge(f"{name}: {stage}", path, digest == theirs[stage].get(path), here / path, copy / path, 0.0)
        for stage in stages
        for path, digest in ours[stage].items()
    ]
