"""Notebooks as pipeline stages: strip outputs, run through papermill, leave bytes that do not depend on the run.

A notebook saved in Jupyter carries outputs, counts and versions; `strip` takes them off, and DVC depends on what is
left. An executed one carries times, paths and random ids; `run` takes those off.
"""

import ast
import copy
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

# jsonschema, which nbformat checks with, compiles a grammar of addresses as it is loaded: 1.5 of the 2 seconds that
# loading nbformat took. No notebook needs it, and jsonschema does without it where it is absent.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402

from foldin import files, paths, progress  # noqa: E402
from foldin.errors import FoldinError  # noqa: E402

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# What a run leaves in an output that no second run can repeat: addresses of objects, names of temporary files, the
# random ids of pandas' styled tables.
UNSTABLE = re.compile(r"\bat 0x[0-9a-fA-F]{6,}|/tmp/[\w.-]+|/var/folders/[\w./-]+|\bid=\"T_[0-9a-f]{5}\b")


def read(path: Path) -> Any:
    """Read a notebook.

    Raises
    ------
    FoldinError
        When the file is missing or is no notebook of format 4.
    """
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise FoldinError(
            "no such notebook", where=path, remedy="add it, or take its family out of params.yaml"
        ) from None
    except Exception as error:
        reason = str(error).splitlines()[0][:120]
        raise FoldinError(f"not a notebook: {reason}", where=path, remedy="restore it: git checkout") from None


def write(path: Path, notebook: Any) -> None:
    """Write a notebook with stable bytes: keys sorted, one space of indent, a final newline."""
    files.write_text(path, _text(notebook))


def _text(notebook: Any) -> str:
    text: str = nbformat.writes(notebook, version=4, indent=1, sort_keys=True)  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"


def stripped(notebook: Any) -> Any:
    """Return a copy without outputs, execution counts and whatever else an editor or a run leaves.

    Cells keep their source, type, id and tags.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    notebook.nbformat_minor = 5
    for place, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        cell.setdefault("id", f"cell-{place}")
        cell.pop("attachments", None) if not cell.get("attachments") else None
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return notebook


def strip_all(*, check: bool = False, in_place: bool = False) -> list[str]:
    """Strip every notebook of notebooks/ into data/notebooks/, or look for, or mend, ones with outputs.

    Parameters
    ----------
    check : bool
        Write nothing; return the notebooks whose file differs from its stripped form.
    in_place : bool
        Rewrite those of notebooks/ themselves.

    Returns
    -------
    list of str
        Names of the notebooks that differed from their stripped form.
    """
    changed = []
    for path in sorted(paths.source_notebooks().glob("*.ipynb")):
        notebook = stripped(read(path))
        if _text(notebook) != path.read_text("utf-8"):
            changed.append(path.name)
            if in_place:
                write(path, notebook)
        if not check and not in_place:
            write(paths.stripped_notebook(path.stem), notebook)
    return changed


def strip_stream(source: IO[bytes], target: IO[bytes]) -> None:
    """Strip one notebook from stream to stream: git's clean filter, so that outputs never show as changes.

    What is no notebook, such as one with conflict marks in it, passes as it is: git must be able to show it.
    """
    content = source.read()
    try:
        text = _text(stripped(nbformat.reads(content.decode("utf-8"), as_version=4)))  # type: ignore[no-untyped-call]
    except Exception as error:
        reason = str(error).splitlines()[0][:120]
        print(f"foldin: not a notebook, so left as it is: {reason}", file=sys.stderr)
        target.write(content)
    else:
        target.write(text.encode("utf-8"))


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
    partial = paths.root() / "data" / "partial" / f"{dataset}-{name}.ipynb"
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
                # The kernel warns that it talks over TCP (on the loopback address only) and complains when it is ended.
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                log_output=False,
            )
        except PapermillExecutionError as error:
            reason = next(iter(str(error.evalue).splitlines()), "")[:300]
            shown = partial.relative_to(paths.root())
            raise FoldinError(
                f"cell [{error.exec_count}] failed with {error.ename}: {reason}",
                where=f"{command}: notebooks/{name}.ipynb",
                remedy=f"open it as it stopped: .venv/bin/jupyter lab {shown}",
            ) from None
        except RuntimeError as error:
            # nbclient's and jupyter_client's own words; a process that is ended from outside says nothing.
            raise FoldinError(
                f"the kernel died: {str(error).splitlines()[0]}",
                where=f"{command}: notebooks/{name}.ipynb",
                remedy="most often memory ran out: close programs, or take a smaller data set; then run it again",
            ) from None
    write(target, canonical(read(partial), name))
    partial.unlink()


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


def canonical(notebook: Any, name: str) -> Any:
    """Return an executed notebook without what changes from run to run.

    Parameters
    ----------
    notebook : NotebookNode
        As papermill wrote it.
    name : str
        Its name, for messages.

    Raises
    ------
    FoldinError
        When an output shows an object's address or a temporary path.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    notebook.cells = [
        cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    for place, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if tags and "injected-parameters" in tags:
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = _merged_streams(cell.outputs)
            for output in cell.outputs:
                _refuse_unstable(output, f"notebooks/{name}.ipynb, cell {place + 1}")
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
    shown = {"text/plain": output.get("text", ""), **output.get("data", {})}
    for kind, text in shown.items():
        found = UNSTABLE.search(text) if isinstance(text, str) and not kind.startswith("image/") else None
        if found:
            raise FoldinError(
                f"an output shows '{found.group()}', which differs from run to run",
                where=place,
                remedy="end the cell with a value that prints the same each time, or with a semicolon",
            )


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Let the kernel be this interpreter, importing this checkout's own source."""
    source = str(Path(__file__).resolve().parents[1])
    # A person's own kernel may bear the same name, and be another Python.
    kernels = str(Path(sys.prefix) / "share" / "jupyter")
    wanted = {"PYTHONPATH": source, "JUPYTER_PATH": kernels, "JUPYTER_PLATFORM_DIRS": "1"}
    wanted["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key)
            else:
                os.environ[key] = value


@contextmanager
def _progress_shown() -> Iterator[None]:
    """Show the lines that the kernel's code says, while it runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "progress"
        file.touch()
        done = threading.Event()

        def follow() -> None:
            with file.open(encoding="utf-8") as lines:
                while True:
                    last_look = done.is_set()
                    for line in lines:
                        print(f"  {line.rstrip()}", file=sys.stderr, flush=True)
                    if last_look:
                        return
                    done.wait(0.3)

        follower = threading.Thread(target=follow, daemon=True)
        os.environ[progress.VARIABLE] = str(file)
        follower.start()
        try:
            yield
        finally:
            os.environ.pop(progress.VARIABLE)
            done.set()
            follower.join()
