"""`foldin open als`: an executed notebook as one HTML file, for the browser; nothing runs, and no network is needed."""

import logging
import webbrowser
from pathlib import Path

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.recommend import names

STAGES = {"report": "report@{dataset}", "explore": "explore@{dataset}", "traps": "traps@{dataset}"}
"""The stage that runs a notebook which is no family's."""
WITHOUT_NETWORK = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
"""nbconvert's page without the scripts that it would load from elsewhere; no notebook here needs one of them."""


def run(name: str, dataset: str | None, to: Path | None) -> None:
    """Show an executed notebook in the browser, or write it to a file.

    Parameters
    ----------
    name : str
        The notebook, such as "als" or "report".
    dataset : str or None
        The data set; that of params.yaml, where it lists one.
    to : Path or None
        The HTML file to write; without one it is written beside the notebook, and the browser opens it.

    Raises
    ------
    FoldinError
        When there is no such notebook or data set, the notebook was not executed yet or is damaged, or the file cannot
        be there.
    """
    data = names.dataset(dataset)
    notebook = executed(name, data)
    target = notebook.with_suffix(".html") if to is None else to
    refuse_place(target, "als.html")
    try:
        text = html(notebook)
    except FoldinError as error:
        # It says how git restores one; those that the pipeline executed are not in git.
        where, remedy = notebook.relative_to(paths.root()), f"make it again: dvc repro {_stage(name, data)}"
        raise FoldinError(error.what, where=where, remedy=remedy) from None
    target.write_text(text, encoding="utf-8")
    show(target, in_browser=to is None)


def refuse_place(target: Path, example: str) -> None:
    """Refuse to write a page where none can be.

    Parameters
    ----------
    target : Path
        The file to write.
    example : str
        A name for it, for the message.

    Raises
    ------
    FoldinError
        When it is a folder, or its folder does not exist.
    """
    if not target.parent.is_dir() or target.is_dir():
        what = "is a folder" if target.is_dir() else "its folder does not exist"
        raise FoldinError(what, where=target, remedy=f"name a file in a folder that exists: --to {example}")


def show(page: Path, *, in_browser: bool) -> None:
    """Print where a page is, and open it in the browser where that is asked for."""
    print(page)
    if in_browser and not webbrowser.open(page.resolve().as_uri()):
        print("No browser was found; open this file in one.")


def how_to_run(dataset: str, stage: str) -> str:
    """Return what to do so that a stage of a data set runs."""
    listed = "" if dataset in params.datasets() else f"add '{dataset}' to `datasets` in params.yaml, then "
    return f"{listed}run: dvc repro {stage}"


def executed(name: str, dataset: str) -> Path:
    """Return the path of an executed notebook.

    Raises
    ------
    FoldinError
        When there is no such notebook, or it was not executed yet.
    """
    known = [*params.known_families(), *STAGES]
    if name not in known:
        raise FoldinError(f"no notebook '{name}'", remedy=names.did_you_mean(name, known, "notebooks"))
    path = paths.executed_notebook(dataset, name)
    if not path.is_file():
        remedy = how_to_run(dataset, _stage(name, dataset))
        raise FoldinError("not executed yet", where=path.relative_to(paths.root()), remedy=remedy)
    return path


def _stage(name: str, dataset: str) -> str:
    return STAGES.get(name, "train@{dataset}-{name}").format(dataset=dataset, name=name)


def html(notebook: Path) -> str:
    """Return an executed notebook as one page that needs no other file.

    Parameters
    ----------
    notebook : Path
        The notebook.
    """
    from nbconvert import HTMLExporter

    from foldin.workspace import strip

    # It warns of every picture that no text describes.
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    exporter = HTMLExporter(raw_template=WITHOUT_NETWORK, embed_images=True)  # type: ignore[no-untyped-call]
    title = f"{notebook.parents[1].name}: {notebook.stem}"
    page, _ = exporter.from_notebook_node(strip.read(notebook), {"metadata": {"name": title}})
    return str(page)
