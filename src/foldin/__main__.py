"""Runs foldin from this folder's own source: `python src/foldin STAGE …`, as dvc.yaml does.

A copy of the checkout (a clone, `dvc exp run --temp`) thereby runs its own code, whatever is installed. Sets of text
have one order in every process: Python takes its hash seed when it starts, so it is started once more with one.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED", "random") == "random":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from foldin.core import faults

    try:
        from foldin.cli import main
    except ModuleNotFoundError as error:
        sys.exit(faults.line(error))
    sys.exit(main())
