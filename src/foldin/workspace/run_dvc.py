"""DVC's command line as `foldin repro` starts it: `python run_dvc.py repro …`, with the same results in less time.

After each stage, DVC parses all of dvc.lock, replaces one entry, and writes all of it: 2 seconds at 64 stages. Here
that entry is replaced in the text, as DVC would have written it; a dvc.lock of any other form is left to DVC. While it
looks for changes, DVC parses params.yaml once for each stage; here it does so once. `dvc repro` does not need this
module, and writes the same bytes.
"""

import copy
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # the modules beside this one are called `cache`, `show`, …

COMMAND = (sys.executable, str(Path(__file__).resolve()))
"""How to start it."""
HEAD = "schema: '2.0'\nstages:\n"
"""How a dvc.lock begins."""
ENTRIES = re.compile(r"(?P<key>  [A-Za-z][\w@.-]*:\n)(?P<body>(?:    .*\n|\n)*)")
"""The entry of a stage; any other line in a dvc.lock, such as a conflict mark, is left to DVC."""


def with_entry(lock: str, entry: str) -> str | None:
    """Return the text of a dvc.lock with the entry of a stage in place of its earlier one, or after all others.

    Parameters
    ----------
    lock : str
        The text of dvc.lock.
    entry : str
        The stage's, from its key on, as DVC writes it: indented by two spaces.

    Returns
    -------
    str or None
        None where either is not of the form that DVC writes.
    """
    new = ENTRIES.fullmatch(entry)
    if new is None or not lock.startswith(HEAD):
        return None
    place, known = len(HEAD), []
    for found in ENTRIES.finditer(lock, place):
        if found.start() != place:
            return None
        place = found.end()
        if found["key"] == new["key"]:
            known.append(found)
    if place != len(lock) or len(known) > 1:
        return None
    start, end = known[0].span() if known else (place, place)
    return lock[:start] + entry + lock[end:]


def quicken() -> None:
    """Replace DVC's writing of dvc.lock and its parsing of parameters in this process."""
    from dvc.dependency import param
    from dvc.dvcfile import Lockfile

    Lockfile.dump_stages = _dumping(Lockfile.dump_stages)
    param.read_param_file = _reading(param.read_param_file)


def _dumping(dump_stages: Callable[..., None]) -> Callable[..., None]:
    from dvc.stage.serialize import to_lockfile
    from dvc.utils.serialize import dumps_yaml

    def dump(lockfile: Any, stages: Sequence[Any], **kwargs: Any) -> None:
        """Write the entries of stages, as `Lockfile.dump_stages` does, which it calls where it cannot."""
        file = Path(lockfile.path)
        before = after = file.read_bytes().decode("utf-8", errors="replace") if file.is_file() else ""
        for stage in stages:
            _, entry = dumps_yaml({"stages": to_lockfile(stage, **kwargs)}).split("\n", 1)
            changed = with_entry(after, entry)
            if changed is None:
                dump_stages(lockfile, stages, **kwargs)
                return
            after = changed
        if after != before:
            # In place, as DVC does: a dvc.lock may be a link.
            file.write_bytes(after.encode("utf-8"))
            lockfile.repo.scm_context.track_file(lockfile.relpath)

    return dump


def _reading(read_param_file: Callable[..., Any]) -> Callable[..., Any]:
    from dvc.utils.serialize import parse_yaml

    parsed = lru_cache(maxsize=1)(parse_yaml)

    def read(fs: Any, path: str, key_paths: Sequence[str] | None = None, flatten: bool = False, **kwargs: Any) -> Any:
        """Return parameters, as DVC's `read_param_file` does, which it calls where it cannot."""
        if flatten and key_paths and not kwargs and path.endswith(".yaml") and fs.isfile(path):
            with suppress(KeyError, TypeError, UnicodeDecodeError), fs.open(path, encoding="utf-8") as file:
                values = parsed(file.read(), path)
                # One copy of all: what two keys share in params.yaml, and nothing else, is an alias in dvc.lock.
                return copy.deepcopy({key: reduce(getitem, key.split("."), values) for key in key_paths})
        return read_param_file(fs, path, key_paths, flatten, **kwargs)

    return read


def main() -> int:
    """Run DVC with this process's arguments."""
    from dvc.cli import main as dvc

    from foldin.core import collector

    collector.relax()
    quicken()
    return int(dvc(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
