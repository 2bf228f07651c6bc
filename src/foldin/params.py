"""params.yaml, the only home of numbers, read into frozen models that refuse what they do not know.

What its sections must hold stands in foldin.sections. A stage reads its own sections only, so that DVC's parameter
dependencies tell the truth. The section of a model family is checked by the family's own models: see
foldin.models.family.
"""

import difflib
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from foldin import paths
from foldin.errors import FoldinError
from foldin.sections import SECTIONS as SECTIONS
from foldin.sections import Clean as Clean
from foldin.sections import Demo as Demo
from foldin.sections import Emulated as Emulated
from foldin.sections import Evaluation as Evaluation
from foldin.sections import Report as Report
from foldin.sections import Section as Section
from foldin.sections import Split as Split
from foldin.sections import Subset as Subset
from foldin.sections import Traps as Traps
from foldin.sections import Verify as Verify

LISTS = ("datasets", "families")
NUMBERS = ("seed", "threads")
DEVICES = ("cpu", "gpu")
STAGE = "FOLDIN_STAGE"
"""Names the stage that is running and the parameters it declares, for its notebook's kernel as well."""
READ_LOG = "FOLDIN_READ_LOG"
"""Names a file to which each read of a parameter by a stage is added, for tests."""
AnySection = TypeVar("AnySection", bound=Section)


def known_families() -> list[str]:
    """Return the model families there are: the modules of foldin.models, by name."""
    folder = Path(__file__).parent / "models"
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
    try:
        values = YAML(typ="safe", pure=True).load(file)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FoldinError(f"not valid YAML{line}: {problem}", where=file.name, remedy="mend that line") from None
    if not isinstance(values, dict):
        raise FoldinError("holds no keys", where=file.name, remedy="restore it: git checkout params.yaml")
    families = known_families()
    valid = [*LISTS, *NUMBERS, "device", "sources", *SECTIONS, *families]
    for key in values:
        if key not in valid:
            raise FoldinError(f"unknown key '{key}'", where=file.name, remedy=nearest(str(key), valid))
    for key in (*LISTS, *NUMBERS, "device", "sources"):
        if key not in values:
            raise FoldinError(f"the key '{key}' is missing", where=file.name, remedy="restore it")
    for key in LISTS:
        names = values[key]
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise FoldinError(f"{key} is {names!r}", where=file.name, remedy="it must be a list of at least one name")
        if len(set(names)) < len(names):
            raise FoldinError(f"{key} names something twice: {names}", where=file.name, remedy="name each once")
    for key in NUMBERS:
        if type(values[key]) is not int or values[key] < (1 if key == "threads" else 0):
            raise FoldinError(
                f"{key} is {values[key]!r}", where=file.name, remedy="it must be a whole number, not negative"
            )
    if not isinstance(values["sources"], dict) or not all(isinstance(name, str) for name in values["sources"]):
        remedy = "it must hold a name and a declaration for each data set of your own, or {} for none"
        raise FoldinError(f"sources is {values['sources']!r}", where=file.name, remedy=remedy)
    if values["device"] not in DEVICES:
        remedy = f"it must be one of: {', '.join(DEVICES)}"
        raise FoldinError(f"device is {values['device']!r}", where=file.name, remedy=remedy)
    for name in values["families"]:
        if name not in families:
            raise FoldinError(f"unknown model family '{name}'", where=file.name, remedy=nearest(name, families))
    return values


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
            what, remedy = f"{key} is {first['input']!r}", first["msg"][0].lower() + first["msg"][1:]
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


def device() -> str:
    """Return the device of the Keras networks, "cpu" or "gpu"."""
    return str(read()["device"])


def list_length() -> int:
    """Return the length of the recommendation lists judged, k; training stages read this of `evaluation`, no more."""
    evaluation = read_as_declared("evaluation.k").get("evaluation")
    k = evaluation.get("k") if isinstance(evaluation, dict) else None
    if type(k) is not int or k < 1:
        raise FoldinError(f"evaluation.k is {k!r}", where="params.yaml", remedy="it must be a whole number from 1")
    return k


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
        if type(count) is not int or count < 1:
            what = f"evaluation.seeds.{name} is {count!r}"
            raise FoldinError(what, where="params.yaml", remedy="it must be a whole number from 1")
    return int(given.get(family, 1))


def datasets() -> list[str]:
    """Return the names of the data sets the pipeline runs on."""
    return list(read()["datasets"])


def families() -> list[str]:
    """Return the names of the model families the pipeline trains."""
    return list(read_as_declared("families")["families"])
