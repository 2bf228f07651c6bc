"""Runs foldin from this folder's own source: `python src/foldin STAGE …`, as dvc.yaml does.

A copy of the checkout (a clone, `dvc exp run --temp`) thereby runs its own code, whatever is installed.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from foldin.cli import main

    sys.exit(main())
