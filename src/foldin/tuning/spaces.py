"""What a search tries: the spaces of `tune.models` in params.yaml, held against the settings of the models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foldin import models
from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.core.schema import ModelSearch, Search, Section
from foldin.models.parts.recommender import Recommender

SIGNIFICANT_DIGITS = 3
"""Of values drawn from a range: more would mean nothing, and would depend on the last digits of a logarithm."""


@dataclass(frozen=True)
class Choices:
    """Values to choose from, such as [16, 32, 64]."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; evenly in their logarithm if `log`, whole ones if `whole`."""

    low: float
    high: float
    log: bool
    whole: bool

    def readable(self, drawn: float) -> float:
        """Return a drawn number with three significant digits, within the range."""
        if self.whole:
            return int(drawn)
        return min(max(float(f"{drawn:.{SIGNIFICANT_DIGITS}g}"), self.low), self.high)


Space = Mapping[str, Choices | Range]


@dataclass(frozen=True)
class Plan:
    """How the settings of a model are searched.

    Attributes
    ----------
    name : str
        The model's name in params.yaml.
    cls : type of Recommender
        The model.
    settings : Section
        Its settings in params.yaml: what the search does not try, and what it is compared with.
    space : mapping of str to Choices or Range
        What it tries, by setting.
    search : Search
        How it tries.
    """

    name: str
    cls: type[Recommender]
    settings: Section
    space: Space
    search: Search


class _Bounds(Section):
    low: float
    high: float
    log: bool = False


def plans(family: str) -> dict[str, Plan]:
    """Return how the models of a family are searched: model name → plan, for those that `tune.models` names.

    Parameters
    ----------
    family : str
        The model family.

    Raises
    ------
    FoldinError
        When `tune.models` has nothing of the family, or a model, setting or value of it is impossible.
    """
    given = _below(params.read_as_declared("tune.search"), "tune", "search")
    search = params.parse(Search, given, "tune.search")
    known = models.family(family)
    asked = _below(params.read_as_declared(f"tune.models.{family}"), "tune", "models", family)
    if not isinstance(asked, dict) or not asked:
        remedy = f"name models and what to try, as tune.models.als does; the models are: {', '.join(known)}"
        raise FoldinError(f"tune.models has nothing of '{family}' to search", where="params.yaml", remedy=remedy)
    return {name: _plan(family, name, values, known, search) for name, values in asked.items()}


def _below(values: Any, *keys: str) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _plan(family: str, name: str, values: Any, known: Mapping[str, Recommender], search: Search) -> Plan:
    place = f"tune.models.{family}.{name}"
    if name not in known:
        remedy = params.nearest(str(name), list(known))
        raise FoldinError(f"unknown model '{place}'", where="params.yaml", remedy=remedy)
    own = params.parse(ModelSearch, values, place)
    changed = own.model_dump(exclude={"space"}, exclude_none=True)
    search = params.parse(Search, search.model_dump() | changed, place)
    model = known[name]
    place += ".space"
    space = {key: _dimension(model, key, tried, place) for key, tried in own.space.items()}
    if search.method == "grid":
        for key, dimension in space.items():
            if isinstance(dimension, Range):
                what, remedy = f"{place}.{key} is a range, and a grid has none", "list its values, as in [0.01, 0.1, 1]"
                raise FoldinError(what, where="params.yaml", remedy=remedy)
    return Plan(name, type(model), model.settings, space, search)


def _dimension(model: Recommender, key: str, tried: Any, place: str) -> Choices | Range:
    if key not in type(model.settings).model_fields:
        remedy = params.nearest(str(key), list(type(model.settings).model_fields))
        raise FoldinError(f"unknown setting '{place}.{key}'", where="params.yaml", remedy=remedy)
    if isinstance(tried, list):
        if not tried:
            raise FoldinError(f"{place}.{key} is []", where="params.yaml", remedy="list at least one value")
        values = tuple(_checked(model, key, value, place) for value in tried)
        if len(set(values)) < len(values):
            raise FoldinError(f"{place}.{key} has a value twice: {tried}", where="params.yaml", remedy="list each once")
        return Choices(values)
    if not isinstance(tried, dict):
        remedy = "list values, as in [16, 32], or give a range, as in {low: 0.01, high: 1, log: true}"
        raise FoldinError(f"{place}.{key} is {tried!r}", where="params.yaml", remedy=remedy)
    bounds = params.parse(_Bounds, tried, f"{place}.{key}")
    low, high = (_checked(model, key, tried[end], place) for end in ("low", "high"))
    if not low < high:
        raise FoldinError(
            f"{place}.{key} is from {low} to {high}", where="params.yaml", remedy="low must be below high"
        )
    if bounds.log and low <= 0:
        remedy = "a logarithm needs low above 0: raise it, or leave log out"
        raise FoldinError(f"{place}.{key} is from {low}", where="params.yaml", remedy=remedy)
    return Range(low, high, bounds.log, isinstance(low, int))


def _checked(model: Recommender, key: str, value: Any, place: str) -> Any:
    """Return a value of a setting as the model's settings take it: a whole number of a float setting is a float."""
    settings = params.parse(type(model.settings), model.settings.model_dump() | {key: value}, place)
    return getattr(settings, key)
