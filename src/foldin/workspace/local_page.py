"""`foldin page`: report.html with rows of real users, in a file that git ignores. Nothing is trained."""

import shutil
import subprocess
from pathlib import Path

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.recommend import names
from foldin.workspace import read_notebook

NAME = "report.local.html"
"""Beside report.html, so that its links to the other files of the report work; in .gitignore."""


def run(dataset: str | None, to: Path | None) -> None:
    """Write the page with example users, and show it in the browser unless a file is named.

    Parameters
    ----------
    dataset : str or None
        The data set; that of params.yaml, where it lists one.
    to : Path or None
        The HTML file to write; without one it is `NAME` beside the report, and the browser opens it.

    Raises
    ------
    FoldinError
        When the models of the data set were not evaluated here, the file cannot be there, or git would take a file
        with rows of real users.
    """
    name = names.dataset(dataset)
    folder = paths.reports(name)
    target = folder / NAME if to is None else to
    predictions = paths.root() / "data" / "predictions" / name
    if not predictions.is_dir():
        where = predictions.relative_to(paths.root())
        remedy = read_notebook.how_to_run(name, f"report@{name}")
        raise FoldinError("the page is made of predictions, and none are here", where=where, remedy=remedy)
    read_notebook.refuse_place(target, "page.html")
    if not registry.get(name).generate:
        _refuse_tracked(target)
    # Only now, because they take seconds to import.
    from foldin.report import contents
    from foldin.report.html import page

    beside = "" if target.parent.resolve() == folder.resolve() else f"{folder.as_uri()}/"
    text = page.page(contents.open_report(name), local=True, beside=beside)
    target.write_text(text, encoding="utf-8")
    read_notebook.show(target, in_browser=to is None)


def _refuse_tracked(target: Path) -> None:
    """Refuse a file that a git repository would take; one outside of any, or where git is not installed, is fine."""
    git = shutil.which("git")
    if git is None:
        return
    asked = [git, "check-ignore", "--quiet", "--", target.name]
    # 0: ignored; 1: not ignored, or tracked already; 128: no repository.
    if subprocess.run(asked, cwd=target.parent, capture_output=True, check=False).returncode == 1:
        what = "git would take this file, and the page shows rows of real users"
        raise FoldinError(what, where=target, remedy=f"leave out --to, for {NAME} beside the report, or name another")
