"""Runs foldin from this folder's own source: `python src/foldin STAGE …`, as dvc.yaml does.

So a copy of the checkout (a clone, `dvc exp run --temp`) runs its own code, whatever is installed. Python reads its
hash seed at start, so this module restarts Python with a fixed seed. String sets then have the same order in every
process.
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
    except ImportError as error:
        if not (isinstance(error, faults.EXPECTED) or faults.of_memory(error)):
            raise
        sys.exit(faults.line(error))
    sys.exit(main())
