"""Java, which Spark runs on: which one is here, and whether Spark can use it."""

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from foldin.core.errors import FoldinError

VERSIONS = (17, 21)
"""Releases of Java that Spark 4 supports."""
INSTALL = "install Java 17 or 21 (Debian: apt install openjdk-17-jre-headless), or write engine: local"


def program() -> str | None:
    """Return the path of `java` that Spark starts: that of JAVA_HOME, else the first of PATH; None without one."""
    if home := os.environ.get("JAVA_HOME"):
        return shutil.which(str(Path(home) / "bin" / "java"))
    return shutil.which("java")


@lru_cache(maxsize=4)
def version(java: str) -> int | None:
    """Return the release of a `java`, such as 17; None where it does not say.

    Parameters
    ----------
    java : str
        Its path.
    """
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else None


def require() -> str:
    """Return the path of a `java` that Spark can use.

    Raises
    ------
    FoldinError
        When there is none: says which is there, and what to install.
    """
    java = program()
    if java is None:
        home = os.environ.get("JAVA_HOME")
        what = f"JAVA_HOME is {home}, where there is no Java" if home else "there is no Java here"
        raise FoldinError(f"engine is spark, and {what}", where="params.yaml", remedy=INSTALL)
    found = version(java)
    if found not in VERSIONS:
        what = f"engine is spark, and {java} is Java {found or 'of an unknown version'}"
        raise FoldinError(what, where="params.yaml", remedy=f"{INSTALL}; name it in JAVA_HOME")
    return java
