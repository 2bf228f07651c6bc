"""params.yaml, the only place for parameters, read into frozen models that reject unknown keys.

The schema of its sections is in foldin.core.schema. A stage reads only its own sections, so that DVC's parameter
dependencies are complete. The section of a model family is checked by the family's own models: see
foldin.models.family.
"""

import copy
import difflib
import json
import os
import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from foldin.core import paths, yaml_files
from foldin.core.bounds import LARGEST_SEED, LONGEST_LIST, MOST_SEEDS, MOST_THREADS
from foldin.core.errors import FoldinError
from foldin.core.schema import SECTIONS as SECTIONS
from foldin.core.schema import Clean as Clean
from foldin.core.schema import Demo as Demo
from foldin.core.schema import Emulated as Emulated
from foldin.core.schema import Evaluation as Evaluation
from foldin.core.schema import Report as Report
from foldin.core.schema import Section as Section
from foldin.core.schema import Spark as Spark
from foldin.core.schema import Split as Split
from foldin.core.schema import Subset as Subset
from foldin.core.schema import Traps as Traps
from foldin.core.schema import Tune as Tune
from foldin.core.schema import Verify as Verify

LISTS = ("datasets", "families")
NUMBERS = {"seed": (0, LARGEST_SEED), "threads": (1, MOST_THREADS), "processes": (1, MOST_THREADS)}
"""The numbers outside all sections, each with its bounds."""
CHOICES = {"device": ("cpu", "gpu"), "engine": ("local", "spark")}
"""The words outside all sections, each with its values."""
DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a data set may be called: its name becomes part of a command, and names folders."""
STAGE = "FOLDIN_STAGE"
"""Names the stage that is running and the parameters it declares, for its notebook's kernel as well."""
READ_LOG = "FOLDIN_READ_LOG"
"""Names a file to which each read of a parameter by a stage is added, for tests."""
AnySection = TypeVar("AnySection", bound=Section)


def known_families() -> list[str]:
    """Return the model families there are: the modules of foldin.models, by name."""
    folder = Path(__file__).parents[1] / "models"
    return sorted(path.stem for path in folder.glob("[!_]*.py"))


def nearest(key: str, valid: list[str]) -> str:
    """Return the remedy for an unknown name: the valid one it looks like, or all of them."""
    close = difflib.get_close_matches(key, valid, n=1, cutoff=0.4)
    return f"did you mean '{close[0]}'?" if close else f"valid keys are: {', '.join(sorted(valid))}"


def read() -> dict[str, Any]:
    """Read params.yaml and check its outermost keys.

    Returns
    -------
    dict of str to Any
        The file as YAML 1.2 gives it.

    Raises
    ------
    FoldinError
        When the file is missing, is no YAML mapping, has an unknown or missing key, or names an unknown family.
    """
    file = paths.params_file()
    return copy.deepcopy(_checked(file.read_bytes(), file.name))


@lru_cache(maxsize=1)
def _checked(content: bytes, name: str) -> dict[str, Any]:
    """Return what a file holds; kept while it stays the same, for every command reads it many times."""
    values = yaml_files.load(content, name)
    if not values:
        raise FoldinError("holds no keys", where=name, remedy="restore it: git checkout params.yaml")
    families = known_families()
    valid = [*LISTS, *NUMBERS, *CHOICES, "sources", *SECTIONS, *families]
    for key in values:
        if key not in valid:
            raise FoldinError(f"unknown key '{key}'", where=name, remedy=nearest(str(key), valid))
    for key in (*LISTS, *NUMBERS, *CHOICES, "sources"):
        if key not in values:
            raise FoldinError(f"the key '{key}' is missing", where=name, remedy="restore it")
    for key in LISTS:
        names = values[key]
        if not isinstance(names, list) or not names:
            raise FoldinError(f"{key} is {names!r}", where=name, remedy="it must be a list of at least one name")
        _refuse_no_names(names, key)
        if len(set(names)) < len(names):
            raise FoldinError(f"{key} names something twice: {names}", where=name, remedy="name each once")
    for dataset in values["datasets"]:
        if not DATASET.fullmatch(dataset):
            remedy = "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit"
            raise FoldinError(f"datasets names {dataset!r}", where=name, remedy=remedy)
    for key, (least, largest) in NUMBERS.items():
        _whole(values[key], key, least, largest)
    if not isinstance(values["sources"], dict):
        remedy = "it must hold a name and a declaration for each data set of your own, or {} for none"
        raise FoldinError(f"sources is {values['sources']!r}", where=name, remedy=remedy)
    _refuse_no_names(values["sources"], "sources")
    for key, words in CHOICES.items():
        if values[key] not in words:
            remedy = f"it must be one of: {', '.join(words)}"
            raise FoldinError(f"{key} is {values[key]!r}", where=name, remedy=remedy)
    for family in values["families"]:
        if family not in families:
            raise FoldinError(f"unknown model family '{family}'", where=name, remedy=nearest(family, families))
    return values


def _whole(value: Any, key: str, least: int, largest: int) -> int:
    """Return a value of params.yaml that must be a whole number within bounds; refuse any other."""
    if type(value) is not int or not least <= value <= largest:
        remedy = f"it must be a whole number from {least:,} to {largest:,}"
        raise FoldinError(f"{key} is {value!r}", where="params.yaml", remedy=remedy)
    return value


def _refuse_no_names(names: Iterable[Any], key: str) -> None:
    """Refuse names that YAML takes for something else, such as a number or a date."""
    kinds = {bool: "true or false", int: "a number", float: "a number", date: "a date", datetime: "a date"}
    for name in names:
        if isinstance(name, str):
            continue
        written = json.dumps(name) if name is None or isinstance(name, bool) else name
        kind = "nothing" if name is None else kinds.get(type(name))
        if kind is None:
            raise FoldinError(f"{key} names {name}, which is no name", where="params.yaml", remedy="list names only")
        what = f"{key} names {written}, which YAML takes for no name, but {kind}"
        raise FoldinError(what, where="params.yaml", remedy=f"quote it: '{written}'")


def read_as_declared(key: str) -> dict[str, Any]:
    """Return params.yaml to one who needs a key of it, which a running stage must have declared in dvc.yaml.

    Otherwise DVC would not rerun the stage when that key changes.

    Parameters
    ----------
    key : str
        The key, with points between levels.

    Raises
    ------
    FoldinError
        When the stage that is running has not declared the key, or one above it; or as `read` does.
    """
    stage, *declared = os.environ.get(STAGE, "").split() or [""]
    if stage and not any(key == known or key.startswith(f"{known}.") for known in declared):
        what = f"{stage} reads the parameter '{key}', which it does not declare"
        raise FoldinError(what, where="dvc.yaml", remedy=f"add '{key}' to the stage's params")
    if stage and (log := os.environ.get(READ_LOG)):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{stage} {key}\n")
    return read()


def parse(model: type[AnySection], values: Any, place: str) -> AnySection:
    """Check values against a model of them.

    Parameters
    ----------
    model : type of Section
        What the values must be.
    values : Any
        What the file holds.
    place : str
        The key they stand under, for the message.

    Returns
    -------
    Section
        The frozen values.

    Raises
    ------
    FoldinError
        On the first unknown, missing or impossible value: names key, value, file and remedy.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # A mistyped key is unknown, and so another is missing: the first says more.
        first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
        key = ".".join([place, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            what, remedy = f"unknown key '{key}'", nearest(str(first["loc"][-1]), list(model.model_fields))
        elif first["type"] == "missing":
            what, remedy = f"the key '{key}' is missing", "restore it"
        elif first["type"] == "value_error" and isinstance(first["input"], dict):
            what, remedy = f"{key} is not whole", str(first["ctx"]["error"])
        else:
            said = first["msg"].removeprefix("Value error, ")
            what, remedy = f"{key} is {first['input']!r}", said[0].lower() + said[1:]
        raise FoldinError(what, where="params.yaml", remedy=remedy) from None


def section(model: type[AnySection]) -> AnySection:
    """Return one section of params.yaml, checked: `section(Split)`.

    Raises
    ------
    FoldinError
        When params.yaml or that section is not as it must be.
    """
    (name,) = (key for key, known in SECTIONS.items() if known is model)
    return parse(model, read_as_declared(name).get(name, {}), name)


def sources() -> dict[str, Any]:
    """Return what is declared of data sets of the user's own: name → unchecked declaration."""
    return dict(read()["sources"])


def seed() -> int:
    """Return the seed of everything random in training."""
    return int(read_as_declared("seed")["seed"])


def threads() -> int:
    """Return the number of threads of every numerical library."""
    return int(read()["threads"])


def processes() -> int:
    """Return how many processes may fit models of a family at once; it changes no number."""
    return int(read()["processes"])


def device() -> str:
    """Return the device of the Keras networks, "cpu" or "gpu"."""
    return str(read()["device"])


def list_length() -> int:
    """Return the length of the recommendation lists judged, k; training stages read this of `evaluation`, no more."""
    evaluation = read_as_declared("evaluation.k").get("evaluation")
    k = evaluation.get("k") if isinstance(evaluation, dict) else None
    return _whole(k, "evaluation.k", 1, LONGEST_LIST)


def liked_share() -> float:
    """Return how far up the rating scale "liked" begins; the stage `user_item` reads this of `evaluation`, no more."""
    evaluation = read_as_declared("evaluation.liked_share").get("evaluation")
    share = evaluation.get("liked_share") if isinstance(evaluation, dict) else None
    if type(share) is not float or not 0 < share < 1:
        what = f"evaluation.liked_share is {share!r}"
        raise FoldinError(what, where="params.yaml", remedy="it must be a number above 0 and below 1")
    return share


def seeds(family: str) -> int:
    """Return how many seeds a family's models are fitted with; training stages read this of `evaluation` as well."""
    evaluation = read_as_declared("evaluation.seeds").get("evaluation")
    given = evaluation.get("seeds") if isinstance(evaluation, dict) else None
    if not isinstance(given, dict):
        raise FoldinError("evaluation.seeds is no mapping of families", where="params.yaml", remedy="write: seeds: {}")
    for name, count in given.items():
        if name not in known_families():
            remedy = nearest(str(name), known_families())
            raise FoldinError(f"unknown model family 'evaluation.seeds.{name}'", where="params.yaml", remedy=remedy)
        _whole(count, f"evaluation.seeds.{name}", 1, MOST_SEEDS)
    return int(given.get(family, 1))


def datasets() -> list[str]:
    """Return the names of the data sets the pipeline runs on."""
    return list(read()["datasets"])


def families() -> list[str]:
    """Return the names of the model families the pipeline trains."""
    return list(read_as_declared("families")["families"])


def tuned_families() -> list[str]:
    """Return the names of the model families whose settings are searched; none unless params.yaml names some."""
    tune = read_as_declared("tune.families").get("tune")
    names = tune.get("families") if isinstance(tune, dict) else None
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        remedy = "list families, each once, or write: families: []"
        raise FoldinError(f"tune.families is {names!r}", where="params.yaml", remedy=remedy)
    _refuse_no_names(names, "tune.families")
    for name in names:
        if name not in known_families():
            remedy = nearest(name, known_families())
            raise FoldinError(f"unknown model family '{name}' in tune.families", where="params.yaml", remedy=remedy)
    return names
