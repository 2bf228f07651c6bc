"""Which source files each stage imports: the stage `source` lists them, and DVC depends on the lists.

This keeps dvc.yaml short and correct: a file that a stage imports, directly or not, is in its list with its hash, so an
edit reruns the stages that import it and no others. The lists are derived from the import statements, including those
inside functions; a family's stages import only their own family's module, and those of `hybrid` also the modules of
its parts. Templates, styles and scripts of pages belong to the modules of their folder.

Another version of a library is another source, so the lock file is in every list. On `device: gpu` the libraries of the
extra `gpu` compute too: its lock is in the lists of the stages that import foldin.models.parts.networks; on the CPU it
is in none, and editing it reruns nothing. The same holds of foldin.spark and the lock of its extra on `engine: spark`.
A backend named in KERAS_BACKEND, and its lock, DVC does not track (docs/reproducibility.md).

Modules that only launch and monitor a stage (foldin.cli, __main__, `MONITORS`, and in this package watched_inputs,
staging, check_inputs and pipeline) are not listed, because they do not affect its results. What they fix for every
stage is in foldin.core.determinism, which is in all lists, and the number of threads, which stages declare if their
last digits depend on it. An `__init__.py` that is only a docstring is not listed either.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from foldin.core import engines, files, params, paths
from foldin.core.errors import FoldinError
from foldin.core.params import known_families
from foldin.workspace import strip

PACKAGE = "foldin"
SOURCE = Path(__file__).resolve().parents[2]
# The command line fixes these before any stage's own module is imported.
ALWAYS = ("foldin.core.determinism", "foldin.core.params")
MONITORS = ("core/collector.py", "core/costs.py", "core/progress.py")
"""Print lines for the user, write how long a stage took, and free memory; no result depends on them."""
PAGES = (".css", ".html", ".js")
"""Endings of templates, styles and scripts."""


def stages() -> dict[str, list[str]]:
    """Return the modules each stage starts from: stage name → module names, notebooks' imports included."""
    families = known_families()
    # The report shows each model's own description of itself.
    described = [f"foldin.models.{family}" for family in families]
    starts = {
        "fetch": ["foldin.preparation.fetch"],
        "clean": [engines.module("preparation.clean")],
        "user_item": [engines.module("preparation.user_item")],
        "tuned": ["foldin.tuning.tuned"],
        "explore": ["foldin.workspace.run_notebook", *notebook_imports("explore")],
        "traps": ["foldin.workspace.run_notebook", *notebook_imports("traps")],
        "report": ["foldin.workspace.run_notebook", *notebook_imports("report"), *described],
    }
    for family in families:
        model = f"foldin.models.{family}"
        starts[f"tune-{family}"] = ["foldin.workspace.tune", model]
        starts[f"train-{family}"] = ["foldin.workspace.train", model, *notebook_imports(family)]
        if (there := engines.fitting(family)) is not None:
            starts[f"train-{family}"].append(there)
        starts[f"evaluate-{family}"] = [engines.module("evaluation.evaluate"), model]
    return {stage: [*ALWAYS, *modules] for stage, modules in starts.items()}


def closure(modules: Iterable[str]) -> list[Path]:
    """Return the files of foldin that importing these modules can reach and results can depend on, sorted.

    Templates, styles and scripts beside these modules are among them.

    Parameters
    ----------
    modules : iterable of str
        Dotted names.

    Returns
    -------
    list of Path
        Absolute paths.
    """
    reached: set[Path] = set()
    waiting = [file for name in modules for file in _files_of(name)]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            # What only a monitor imports is printed, too.
            waiting += () if _is_monitor(file) else _imported(file)
    read = sorted(file for file in reached if not _is_without_effect(file))
    return sorted([*read, *(other for folder in {file.parent for file in read} for other in _beside(folder))])


def run() -> None:
    """Write data/source/<stage>.txt for every stage: a line `sha256  path` for each file it can reach, and lock."""
    with files.whole_folder(paths.root() / "data" / "source") as folder:
        for stage, modules in stages().items():
            files.write_text(folder / f"{stage}.txt", "\n".join(lines(modules)))


def lines(modules: Iterable[str]) -> list[str]:
    """Return a line `sha256  path` for each file that modules can reach, and each lock of what computes for them."""
    reached = closure(modules)
    locks = [file for file in _locks(reached, params.device()) if file.is_file()]
    return [f"{files.sha256(file)}  {file.relative_to(SOURCE.parent).as_posix()}" for file in [*reached, *locks]]


def _locks(reached: list[Path], device: str) -> list[Path]:
    """Return the locks of the libraries that compute for a stage."""
    locks = [SOURCE.parent / "requirements.lock"]
    if device == "gpu" and SOURCE / PACKAGE / "models" / "parts" / "networks.py" in reached:
        locks.append(SOURCE.parent / "requirements" / "gpu.lock")
    if SOURCE / PACKAGE / "spark" / "session.py" in reached:
        locks.append(SOURCE.parent / "requirements" / "spark.lock")
    return locks


def notebook_imports(name: str) -> list[str]:
    """Return the modules of foldin that a stripped notebook imports.

    Raises
    ------
    FoldinError
        When a code cell is not valid Python.
    """
    path = paths.stripped_notebook(name)
    if not path.is_file():
        return []
    found: list[str] = []
    for place, cell in enumerate(strip.read(path).cells):
        if cell.cell_type == "code":
            try:
                found += _names(ast.parse(cell.source))
            except SyntaxError as error:
                raise FoldinError(
                    f"cell {place + 1} is not valid Python: {error.msg}",
                    where=f"notebooks/{name}.ipynb",
                    remedy="mend it",
                ) from None
    return found


def _beside(folder: Path) -> list[Path]:
    """Return the templates, styles and scripts that modules of a folder read."""
    return [path for path in folder.iterdir() if path.suffix in PAGES and not path.name.startswith(".")]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imports(file: Path) -> list[str]:
    return list(_names(_tree(file)))


@cache
def _imported(file: Path) -> frozenset[Path]:
    """Return the files that the imports of a file run."""
    return frozenset(other for name in _imports(file) for other in _files_of(name))


def _is_without_effect(file: Path) -> bool:
    """Return whether no result depends on a file: it only monitors, or is only a docstring."""
    only_text = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in _tree(file).body)
    return only_text or _is_monitor(file)


def _is_monitor(file: Path) -> bool:
    return file.relative_to(SOURCE / PACKAGE).as_posix() in MONITORS


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(name: str) -> list[Path]:
    """Return the files that importing a dotted name runs: its packages' and its own, as far as they exist."""
    parts = name.split(".")
    found = []
    for depth in range(1, len(parts) + 1):
        base = SOURCE.joinpath(*parts[:depth])
        found += [path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()]
    return found
