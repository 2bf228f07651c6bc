"""Libraries that are installed on request only: extras of pyproject.toml."""

import importlib.util

from foldin.core.errors import FoldinError


def require(module: str, needs: str, extra: str) -> None:
    """Refuse to go on without a library.

    Parameters
    ----------
    module : str
        What is imported of it.
    needs : str
        How a message begins, such as "the app needs Streamlit".
    extra : str
        The extra of pyproject.toml that has it.

    Raises
    ------
    FoldinError
        When it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise FoldinError(f"{needs}, which is an extra", remedy=f"install it: make install EXTRA={extra}")
