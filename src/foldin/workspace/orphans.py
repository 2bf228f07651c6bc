"""Leftovers of data sets and families that no longer exist: stages of dvc.lock, and folders of reports/ and data/.

A data set that foldin knows but params.yaml does not list is not a leftover: its reports are kept on purpose.
"""

from foldin.core import params, paths
from foldin.datasets import registry
from foldin.workspace import pipeline

OF_DATASETS = (
    *(f"data/{name}" for name in ("raw", "clean", "user_item", "test", "tuned", "models", "predictions", "costs")),
    "reports",
)
"""Folders that hold a folder for each data set."""


def stages() -> list[str]:
    """Return the stages that dvc.lock knows and no data set and family there is can have, sorted; none without one."""
    if not (paths.root() / "dvc.lock").is_file():
        return []
    families = params.known_families()
    return sorted(pipeline.locked().keys() - pipeline.every(registry.names(), families, tuned=families).keys())


def folders() -> list[str]:
    """Return the folders of reports/ and data/ that bear the name of no data set there is, sorted."""
    known = set(registry.names())
    return sorted(
        path.relative_to(paths.root()).as_posix()
        for place in OF_DATASETS
        for path in (paths.root() / place).glob("[!.]*")
        if path.is_dir() and path.name not in known
    )
