"""Starts JupyterLab as the pipeline starts notebooks: on this checkout's source, in the fixed CPU environment."""

import os
from collections.abc import Sequence
from pathlib import Path

from foldin.core import paths
from foldin.core.errors import FoldinError

CONFIG = Path(__file__).parent / "jupyter"
"""Defaults of JupyterLab's settings: it neither asks for permission to fetch news, nor fetches any. A user's own
settings replace them."""


def run(notebook: str | None, options: Sequence[str]) -> None:
    """Become JupyterLab.

    Parameters
    ----------
    notebook : str or None
        What it opens; the folder notebooks/ unless given.
    options : sequence of str
        For JupyterLab itself.

    Raises
    ------
    FoldinError
        When the user is root and has not allowed it.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options:
        remedy = "if you mean it: .venv/bin/foldin lab -- --allow-root"
        raise FoldinError("JupyterLab does not run as root by itself", remedy=remedy)
    # A copy of the checkout works with its own source, whatever is installed.
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    # Jupyter adds these folders to its own; of two defaults, the first holds.
    given = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*([given] if given else []), str(CONFIG)])
    shown = notebook or str(paths.source_notebooks())
    os.execvp("jupyter", ["jupyter", "lab", "--ip", "127.0.0.1", *options, shown])
