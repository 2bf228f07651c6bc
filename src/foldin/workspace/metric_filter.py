"""Which metrics `foldin compare` compares: by data set, model and name; the headline metrics by default."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from foldin.core import params
from foldin.core.errors import FoldinError
from foldin.metrics import definitions

Key = tuple[str, str, str]
"""Data set, family and model (with its domain)."""
Place = tuple[Key, str]
"""A metric of a model, by its name."""
UNCERTAINTIES = ("_se", "_seed_sd")
"""End the names of what says how sure a metric is: a change of it is none of the metric."""


@dataclass(frozen=True)
class Chosen:
    """Which metrics are compared.

    Attributes
    ----------
    dataset, model : str or None
        Only this data set, only this model; None for all. A model's domain is named `als-explicit.books`.
    metrics : tuple of str
        Names, with or without `_at_10`; none for the headline metrics.
    everything : bool
        All metrics, of domains as well, instead.
    """

    dataset: str | None = None
    model: str | None = None
    metrics: tuple[str, ...] = ()
    everything: bool = False

    def among(self, found: Iterable[Place]) -> set[Place]:
        """Return the chosen ones of metrics, each given by its key and its name.

        Raises
        ------
        FoldinError
            When no metric is of a data set, model or name that is asked for.
        """
        kept = {place for place in found if not place[1].endswith(UNCERTAINTIES)}
        if self.dataset:
            kept = _of(kept, "data set", self.dataset, lambda key, _: [key[0]])
        if self.model:
            kept = _of(kept, "model", self.model, lambda key, _: [key[2]])
        elif not self.everything:
            kept = {place for place in kept if "." not in place[0][2]}
        if self.everything:
            return kept
        if not self.metrics:
            return {place for place in kept if definitions.is_headline(place[1])}
        return set().union(
            *(_of(kept, "metric", metric, lambda _, name: [name, definitions.base(name)]) for metric in self.metrics)
        )


EVERYTHING = Chosen(everything=True)


def all_places(found: Mapping[Key, Mapping[str, float]]) -> set[Place]:
    """Return the places of all metrics that a revision has."""
    return {(key, name) for key, values in found.items() for name in values}


def _of(places: set[Place], what: str, asked_for: str, names: Callable[[Key, str], list[str]]) -> set[Place]:
    kept = {place for place in places if asked_for in names(*place)}
    if places and not kept:
        known = sorted({name for place in places for name in names(*place)})
        raise FoldinError(f"no {what} '{asked_for}' in either", remedy=params.nearest(asked_for, known))
    return kept
