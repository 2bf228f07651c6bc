"""Runs notebooks through papermill as stages of the pipeline, and leaves bytes that do not depend on the run.

An executed notebook contains times, paths and random ids; they are removed. Non-reproducible output, a cell that fails
or ends the notebook early, and a parameter that no cell takes are errors. The kernel is this interpreter, with this
checkout's source and no user profile; its progress is shown on the terminal.
"""

import ast
import copy
import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foldin.core import faults, files, paths, progress
from foldin.core.errors import FoldinError
from foldin.workspace import processors
from foldin.workspace.strip import KERNEL, read, stripped, write

# What a run leaves in an output that no second run, or no other checkout, can repeat: addresses of objects, names of
# temporary files, the random ids of pandas' styled tables. (`_refuse_unstable` adds this checkout's own path.)
UNSTABLE = r"\bat 0x[0-9a-fA-F]{6,}|/tmp/[\w.-]+|/var/folders/[\w./-]+|\bid=\\?[\"']T_[0-9a-f]{5}"
KERNEL_PATIENCE = 600
"""Seconds that a kernel may take to start: long, for a busy machine or an emulated processor."""
FIRST_OF_ALL = """from foldin.workspace import end_with_parent; end_with_parent.end_kernel_with_it()
from foldin.core import collector; collector.relax()"""
"""What a kernel runs before anything else, outside the notebook's own names."""
WARNING = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?P<said>\w*Warning: .*)$", re.MULTILINE)
"""The first line of what Python writes of a warning: the path of the code that warns is never the same elsewhere."""
PIXELS = ("image/png", "image/jpeg")
"""Outputs in which text cannot be looked for."""


def run(name: str, dataset: str, *, command: str) -> None:
    """Execute a stripped notebook for a data set through papermill, into reports/<dataset>/notebooks.

    Parameters
    ----------
    name : str
        Name of the notebook.
    dataset : str
        Its one parameter.
    command : str
        What a person ran, for the message of a failing cell.

    Raises
    ------
    FoldinError
        When a cell fails: names notebook, cell, exception and the partial notebook; or when an output cannot be
        the same in a second run.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    source = paths.stripped_notebook(name)
    if not source.is_file():
        raise FoldinError(f"no stripped notebook '{name}'", where=source, remedy="make it first: dvc repro strip")
    _refuse_parameters(source, name, {"dataset": dataset})
    target = paths.executed_notebook(dataset, name)
    stopped = paths.partial() / f"{dataset}-{name}.ipynb"
    stopped.unlink(missing_ok=True)
    # What a killed run leaves is removed with the folder of that run.
    partial = (paths.scratch() or paths.partial()) / stopped.name
    partial.parent.mkdir(parents=True, exist_ok=True)
    with _kernel_environment(), _progress_shown():
        try:
            papermill.execute_notebook(
                source,
                partial,
                parameters={"dataset": dataset},
                kernel_name=KERNEL["name"],
                cwd=paths.root(),
                progress_bar=False,
                start_timeout=KERNEL_PATIENCE,
                # The kernel warns that it talks over TCP (on the loopback address only) and complains when it is ended.
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                log_output=False,
                on_cell_start=_cell_shown(source, f"{dataset}: {name}"),
            )
        except PapermillExecutionError as error:
            if error.ename == MemoryError.__name__ or any(sign in str(error.evalue) for sign in faults.OUT_OF_MEMORY):
                raise MemoryError(f"{command}: {next(iter(str(error.evalue).splitlines()), error.ename)}") from None
            reason = next(iter(str(error.evalue).splitlines()), "")[:300]
            raise FoldinError(
                f"{_cell(read(source), error.exec_count)} failed with {error.ename}: {reason}",
                where=f"{command}: notebooks/{name}.ipynb",
                remedy=_opening(partial, stopped),
            ) from None
        except RuntimeError as error:
            # nbclient's and jupyter_client's own words; a process that is ended from outside says nothing.
            raise FoldinError(
                f"the kernel died: {str(error).splitlines()[0]}",
                where=f"{command}: notebooks/{name}.ipynb",
                remedy="most often memory ran out: close programs, or take a smaller data set; then run it again",
            ) from None
    try:
        write(target, canonical(read(partial)))
    except FoldinError as error:
        where = f"{command}: notebooks/{name}.ipynb, {error.where}"
        raise FoldinError(error.what, where=where, remedy=f"{error.remedy}; {_opening(partial, stopped)}") from None
    partial.unlink()


def write_note(name: str, dataset: str, text: str) -> None:
    """Write an executed notebook of one cell of Markdown, where there is nothing to run.

    Parameters
    ----------
    name, dataset : str
        The notebook, and the data set.
    text : str
        The cell.
    """
    import nbformat

    cell = nbformat.v4.new_markdown_cell(text, id="cell-0")  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    write(paths.executed_notebook(dataset, name), stripped(notebook))


def _opening(partial: Path, kept: Path) -> str:
    """Keep a notebook as it stopped; return how to open it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(kept)
    return f"open it as it stopped: .venv/bin/foldin lab --open {kept.relative_to(paths.root())}"


def _refuse_parameters(source: Path, name: str, given: dict[str, Any]) -> None:
    """Refuse parameters that a notebook does not take; papermill would set them, and no cell would read them."""
    import papermill

    with warnings.catch_warnings():
        # Said here instead, as an error.
        warnings.simplefilter("ignore")
        taken = papermill.inspect_notebook(source)
    for key, value in given.items():
        place = f"notebooks/{name}.ipynb"
        if key not in taken:
            known = f"it takes: {', '.join(taken)}" if taken else "no cell has the tag 'parameters'"
            what, remedy = f"takes no parameter '{key}'", f"{known}; set {key} in the cell with that tag"
            raise FoldinError(what, where=place, remedy=remedy)
        default = taken[key]["default"]
        if _kind(default) is not type(value):
            what = f"the parameter '{key}' is set to {value!r}, and its default is {default}"
            raise FoldinError(what, where=place, remedy="give it a default of the same type")


def _kind(literal: str) -> type | None:
    try:
        return type(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return None


def _cell(notebook: Any, count: int) -> str:
    """Return what to call the code cell that ran as the `count`-th, papermill's own cell of parameters included."""
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    # Papermill's follows the cell with the tag `parameters`, which a notebook that takes any has.
    return f"cell {code[count - 2] + 1} (In [{count}])" if count > 1 else f"cell {code[0] + 1} (In [1])"


def canonical(notebook: Any) -> Any:
    """Return an executed notebook without what changes from run to run.

    Parameters
    ----------
    notebook : NotebookNode
        As papermill wrote it.

    Raises
    ------
    FoldinError
        When an output shows an object's address, a temporary path or the path of this checkout; or when a cell did
        not run to its end, as after `sys.exit()`.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    notebook.cells = [
        cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    place = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if tags and "injected-parameters" in tags:
            cell.id = "injected-parameters"
        else:
            place += 1
        if cell.cell_type == "code":
            where = f"cell {place} (In [{cell.execution_count}])" if cell.execution_count else f"cell {place}"
            ended = any(output.output_type == "error" for output in cell.outputs)
            if ended or (cell.execution_count is None and cell.source.strip()):
                what = "ended the notebook before its last cell" if ended else "did not run"
                raise FoldinError(what, where=where, remedy="let every cell run to its end: no sys.exit() or quit()")
            cell.outputs = _merged_streams(cell.outputs)
            for output in cell.outputs:
                _refuse_unstable(output, where)
    return notebook


def _merged_streams(outputs: list[Any]) -> list[Any]:
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            output.pop("execution_count", None) if output.output_type != "execute_result" else None
            merged.append(output)
    return merged


def _refuse_unstable(output: Any, place: str) -> None:
    unstable = "|".join([UNSTABLE, *(re.escape(str(path)) for path in (paths.root(), tempfile.gettempdir()))])
    shown = {"text/plain": output.get("text", ""), **output.get("data", {})}
    for kind, content in shown.items():
        if kind in PIXELS:
            continue
        found = re.search(unstable, content if isinstance(content, str) else json.dumps(content))
        if found and output.get("name") == "stderr" and (warned := WARNING.search(content)):
            raise FoldinError(
                f"a warning is shown, '{warned['said']}', of line {warned['line']} of {Path(warned['file']).name}",
                where=place,
                remedy="mend what it warns of; if it must be so, silence it there with warnings.catch_warnings()",
            )
        if found:
            raise FoldinError(
                f"an output shows '{found.group()}', which differs from run to run",
                where=place,
                remedy="end the cell with a value that prints the same each time, or with a semicolon",
            )


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Let the kernel be this interpreter, importing this checkout's own source, without a person's own profile."""
    source = str(Path(__file__).resolve().parents[2])
    # With a backend of somebody's own, a notebook would be without plots.
    inline = "module://matplotlib_inline.backend_inline"
    variables = {"PYTHONPATH": source, "JUPYTER_PLATFORM_DIRS": "1", "MPLBACKEND": inline}
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory(prefix="foldin-ipython-", dir=paths.scratch()) as folder:
        # A person's own kernel may bear the same name, and be another Python.
        kernel = Path(folder) / "kernels" / KERNEL["name"] / "kernel.json"
        kernel.parent.mkdir(parents=True)
        started = [*processors.python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": started, **KERNEL}), encoding="utf-8")
        # A stage that is killed removes nothing; so whatever belongs to its kernel lies where the next run does.
        variables |= {"IPYTHONDIR": folder, "JUPYTER_PATH": folder, "JUPYTER_RUNTIME_DIR": folder}
        files.write_text(Path(folder) / "profile_default" / "ipython_kernel_config.py", FIRST_OF_ALL)
        before = {key: os.environ.get(key) for key in variables}
        os.environ.update(variables)
        # Jupyter's own file of the kernel's ports too; not the kernel's temporary files, whose names it must not show.
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = None
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key)
                else:
                    os.environ[key] = value


def _cell_shown(source: Path, label: str) -> Callable[..., None]:
    """Return what is called with each cell that begins: it shows the cell's place and heading."""
    headings, heading = [], ""
    for cell in read(source).cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)):
            heading = found[1]
        headings.append((cell.get("id"), heading))
    by_cell = {cell: (place, text) for place, (cell, text) in enumerate(headings, 1)}

    def shown(cell: Any, **_: Any) -> None:
        place, text = by_cell.get(cell.get("id"), (0, ""))
        if place and cell.cell_type == "code":
            progress.tick(f"{label}: cell {place} of {len(headings)}: {text}", every=0)

    return shown


@contextmanager
def _progress_shown() -> Iterator[None]:
    """Show what the kernel's code says, while it runs; or leave that to whoever shows several stages at a time."""
    if os.environ.get(progress.VARIABLE):
        yield
        return
    with progress.following(progress.show, paths.scratch()) as file:
        os.environ[progress.VARIABLE] = str(file)
        try:
            yield
        finally:
            os.environ.pop(progress.VARIABLE)
