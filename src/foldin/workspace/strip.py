"""Notebooks as the pipeline takes them: without outputs, so that saving one in Jupyter is not a change.

A notebook saved in Jupyter contains outputs, execution counts and versions; `stripped` removes them. The stage `strip`
does so for all of notebooks/, DVC depends on the result, and git sees the same (.gitattributes).
"""

import copy
import sys
from pathlib import Path
from typing import IO, Any

# jsonschema, which nbformat checks with, compiles a grammar of addresses as it is loaded: 1.5 of the 2 seconds that
# loading nbformat took. No notebook needs it, and jsonschema does without it where it is absent.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402

from foldin.core import files, paths  # noqa: E402
from foldin.core.errors import FoldinError  # noqa: E402

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


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
