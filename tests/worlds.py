"""Small made-up worlds of every shape, and the whole pipeline run over one of them in this process.

A world is a declaration in params.yaml and its files in own/. `report_or_refusal` runs the stages over it as dvc.yaml
orders them; cells of notebooks run here instead of in a kernel, and whatever a cell shows is drawn.
"""

import ast
import json
import shutil
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import IPython.display
import numpy as np
import pandas as pd
import pytest
from conftest import CHECKOUT
from fuzzing import one_line
from hypothesis import strategies as st
from matplotlib.figure import Figure

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.declaration import DataSet
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item
from foldin.preparation.protocols import FROM_FILES, PROTOCOLS
from foldin.report import plots
from foldin.workspace import run_notebook, train

NAME = "world"
QUICK_FAMILIES = ("baselines", "svd", "als", "bayesian", "neighbours", "linear", "graph", "content", "hybrid")
NETWORKS = ("deep", "two_tower", "autoencoder")
SCALES = ([1, 5, 1], [0.5, 5, 0.5], [0, 10, 1], [0, 1, 1], [1, 10, 0], [-10, 10, 0], [1, 100, 1])


@dataclass(frozen=True)
class World:
    """What a world is like; the seed draws the rest.

    Attributes
    ----------
    users, items : int
        How many may occur.
    fullness : float
        Share of the pairs that occur, at least one pair of each user; 0: one rating of each user, and no more.
    feedback : str
        "explicit", "counts", or "clicks": implicit feedback without a column of counts.
    scale : tuple of float
        Of explicit ratings.
    ratings : str
        "any" rating of the scale, "two" of them, or all the "same".
    domains : str
        "one", "three" (named in a table of items), or "composed" of three data sets, of which each has a scale.
    described : bool
        Whether there are tables of items and users.
    times : str
        "none", "all" different, the "same" for all, or "gaps": missing for some.
    protocol : str
        One of foldin.preparation.protocols.
    settings : tuple
        Sections of params.yaml → keys → values, as pairs.
    networks : bool
        Whether the families of networks are trained, too.
    seed : int
        Of what is drawn.
    """

    users: int = 20
    items: int = 12
    fullness: float = 0.3
    feedback: str = "explicit"
    scale: tuple[float, ...] = (1, 5, 1)
    ratings: str = "any"
    domains: str = "one"
    described: bool = False
    times: str = "none"
    protocol: str = "random_by_rating"
    settings: tuple[tuple[str, Any], ...] = ()
    networks: bool = False
    seed: int = 0


def worlds(*, networks: bool) -> st.SearchStrategy[World]:
    """Return worlds of every shape, but more of those that come to a report; with networks where asked for."""
    settings = {
        "split.seed": st.integers(0, 3),
        "split.test": st.sampled_from([0.2, 0.5]),
        "split.validation": st.sampled_from([0.1, 0.3]),
        "subset.users": st.sampled_from([1.0, 1.0, 0.6]),
        "subset.k_core": st.sampled_from([0, 0, 0, 2]),
        "evaluation.k": st.sampled_from([10, 10, 2]),
        "evaluation.seeds": st.sampled_from([{}, {"svd": 2, "two_tower": 2}]),
    }
    return st.builds(
        World,
        users=st.one_of(st.integers(12, 40), st.integers(1, 40)),
        items=st.one_of(st.integers(8, 30), st.integers(1, 30)),
        fullness=st.sampled_from([0.2, 0.6, 1.0, 0.4, 0.1, 0.2, 0.05, 0.0]),
        feedback=st.sampled_from(["explicit", "explicit", "explicit", "counts", "clicks"]),
        scale=st.sampled_from([tuple(scale) for scale in SCALES]),
        ratings=st.sampled_from(["any", "any", "any", "any", "two", "same"]),
        domains=st.sampled_from(["one", "three", "composed"]),
        described=st.booleans(),
        times=st.sampled_from(["all", "all", "all", "all", "none", "same", "gaps"]),
        protocol=st.sampled_from(sorted(PROTOCOLS)),
        settings=st.fixed_dictionaries(settings).map(lambda found: tuple(found.items())),
        networks=st.sampled_from([False, False, True]) if networks else st.just(False),
        seed=st.integers(0, 2**16),
    )


def report_or_refusal(
    world: World,
    values: dict[str, Any],
    patch: pytest.MonkeyPatch,
    families: Sequence[str] = QUICK_FAMILIES,
    guests: Sequence[str] = ("explore", "traps"),
) -> str:
    """Run all stages over a world; return "report", or the name of the data stage that refused it in one line.

    Parameters
    ----------
    world : World
        The world.
    values : dict
        What params.yaml holds, as the fixture `quick` gives it; changed here.
    patch : pytest.MonkeyPatch
        Lends the world's data set what its protocol wants of files, and runs notebooks in this process.
    families : sequence of str, optional
        Those to train beside networks.
    guests : sequence of str, optional
        The stages to run that no other reads.
    """
    for folder in ("own", "data", "reports"):
        shutil.rmtree(paths.root() / folder, ignore_errors=True)
    families = [*families, *(NETWORKS if world.networks else ())]
    _make_small(values)
    for key, value in world.settings:
        section, name = key.split(".")
        values[section][name] = value
    values["split"]["protocol"] = world.protocol
    values.update(families=families, datasets=[NAME], sources=_write_files(world))
    patch.setattr(run_notebook, "run", _run_notebook)
    patch.setattr(plots, "save", _save)
    get = registry.get
    patch.setattr(registry, "get", lambda name: _with_files(get(name), world) if name == NAME else get(name))
    for name, stage in {"fetch": fetch.run, "clean": clean.run}.items():
        try:
            stage(NAME)
        except FoldinError as error:
            one_line(error)
            return name
    refused = False
    try:
        user_item.run(NAME)
    except FoldinError as error:
        one_line(error)
        refused = True
    if not refused:
        for family in families:
            train.run(NAME, family)
            evaluate.run(NAME, family)
        run_notebook.run("report", NAME, command="report")
        assert (paths.reports(NAME) / "README.md").is_file()
    for guest in guests:
        run_notebook.run(guest, NAME, command=guest)
    assert "traps" not in guests or (paths.reports(NAME) / "TRAPS.md").is_file()
    return "user_item" if refused else "report"


def _make_small(values: dict[str, Any]) -> None:
    """Shorten what takes time; every model, table and metric stays."""
    values["traps"].update(epochs=3)
    values["evaluation"].update(resamples=1000)
    for family in (*QUICK_FAMILIES, *NETWORKS):
        for settings in values[family].values():
            for own in (settings, *settings.get("parts", {}).values()):
                own.update({"epochs": 2} if "epochs" in own else {})
            settings.update({"steps_per_epoch": 3} if "steps_per_epoch" in settings else {})


def _with_files(dataset: DataSet, world: World) -> DataSet:
    """Return the data set with what FROM_FILES want: a fold of its first ratings, and a negative of each user."""
    if world.protocol not in FROM_FILES or (dataset.parts and world.protocol == "given_negatives"):
        return dataset

    def fold(folder: Any, number: int) -> pd.DataFrame:
        return pd.read_parquet(paths.clean(NAME) / "ratings.parquet").groupby("user_id", observed=True).head(1)

    def negatives(folder: Any, ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        held = fold(folder, 1)
        every = pd.read_parquet(paths.clean(NAME) / "ratings.parquet").astype({"user_id": "str", "item_id": "str"})
        pairs = held[["user_id"]].astype("str").merge(every[["item_id"]].drop_duplicates(), how="cross")
        both = pairs.merge(every[["user_id", "item_id"]], how="left", indicator=True)
        unrated = both[both["_merge"] == "left_only"].drop(columns="_merge")
        return held, unrated.groupby("user_id").head(2)

    return replace(dataset, fold=fold, negatives=negatives)


def _write_files(world: World) -> dict[str, Any]:
    """Write the files of a world into own/; return the declarations of `sources`."""
    (paths.root() / "own").mkdir()
    if world.domains != "composed":
        return {NAME: _source(world, "a", world.scale)}
    spread = [world.scale, (1, 5, 1), (1, 10, 1)] if world.seed % 2 else [world.scale] * 3
    parts = dict(zip(("books", "movies", "music"), spread, strict=True))
    sources = {
        domain: _source(replace(world, seed=world.seed + place), domain, scale) | {"people": "us"}
        for place, (domain, scale) in enumerate(parts.items())
    }
    return {**sources, NAME: {"parts": {domain: domain for domain in parts}}}


def _source(world: World, name: str, scale: tuple[float, ...]) -> dict[str, Any]:
    rng = np.random.default_rng(world.seed)
    users, items = (grid.ravel() for grid in np.indices((world.users, world.items)))
    own = rng.integers(world.items, size=world.users)[users] == items
    there = own | (rng.random(len(users)) < world.fullness)
    table = pd.DataFrame({"user": users[there], "item": items[there]})
    lowest, highest, step = scale
    steps = np.round((highest - lowest) / step) if step else 1000
    drawn = lowest + (highest - lowest) * np.round(steps * rng.random(len(table))) / steps
    few = rng.choice(drawn, 2)
    ratings = {"any": drawn, "two": rng.choice(few, len(table)), "same": np.full(len(table), few[0])}
    moments = 1_000_000_000 + 40_000 * rng.permutation(len(table))
    times = {"all": moments, "same": np.full(len(table), moments[0]), "none": None}
    times["gaps"] = pd.array(np.where(rng.random(len(table)) < 0.3, None, moments), dtype="Int64")
    declared: dict[str, Any] = {"file": f"own/{name}.csv", "user": "user", "item": "item"}
    if world.feedback == "explicit":
        table["rating"] = np.round(ratings[world.ratings], 3)
        declared |= {"rating": "rating", "scale": list(scale)}
    elif world.feedback == "counts":
        table["rating"] = rng.integers(1, 50, len(table)) if world.ratings == "any" else 3
        declared |= {"rating": "rating", "feedback": "implicit"}
    else:
        declared |= {"feedback": "implicit"}
    if world.times != "none":
        table["time"] = times[world.times]
        declared["time"] = "time"
    table.to_csv(paths.root() / declared["file"], index=False)
    return declared | _descriptions(world, name, rng)


def _descriptions(world: World, name: str, rng: np.random.Generator) -> dict[str, Any]:
    """Write tables of items and users where the world has them; return what declares them."""
    three = world.domains == "three"
    if not (world.described or three):
        return {}
    items = pd.DataFrame({"id": range(world.items), "title": [f"Title {n}" for n in range(world.items)]})
    items["genres"] = rng.choice(["", "Crime", "Crime|War", "Comedy"], world.items)
    items["year"] = rng.integers(1980, 2020, world.items)
    items["kind"] = rng.choice(["books", "movies", "music"], world.items)
    items.to_csv(paths.root() / "own" / f"{name}-items.csv", index=False)
    about = {"file": f"own/{name}-items.csv", "id": "id", "title": "title", "genres": "genres", "year": "year"}
    declared: dict[str, Any] = {"items": about | ({"domain": "kind"} if three else {})}
    if world.described:
        users = pd.DataFrame({"id": range(world.users), "age": rng.integers(8, 90, world.users)})
        users["land"] = rng.choice(["Norland", "Sudmark"], world.users)
        users.to_csv(paths.root() / "own" / f"{name}-users.csv", index=False)
        declared["users"] = {"file": f"own/{name}-users.csv", "id": "id", "age": "age", "country": "land"}
    return declared


def _run_notebook(name: str, dataset: str, *, command: str) -> None:
    """Run a notebook's code cells here, as runner.run does in a kernel, and draw whatever they show."""
    space: dict[str, Any] = {}
    with _showing():
        for body, last in _cells(name):
            exec(body, space)
            if last is not None:
                _show(eval(last, space))
            if "dataset" in space and len(space) < 4:  # after the cell with the tag `parameters`
                space["dataset"] = dataset


@cache
def _cells(name: str) -> list[tuple[types.CodeType, types.CodeType | None]]:
    cells = json.loads((CHECKOUT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    found = []
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            file, tree = f"{name}.ipynb, cell {place + 1}", ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            shown = compile(ast.Expression(last.value), file, "eval") if isinstance(last, ast.Expr) else None
            found.append((compile(tree, file, "exec"), shown))
    return found


@contextmanager
def _showing() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IPython.display, "display", _show)
        yield


def _save(metric: Figure, path: Path) -> None:
    """Draw a metric, but spare the pixels: they take longest."""
    metric.draw_without_rendering()
    path.touch()


def _show(*values: Any) -> None:
    for value in values:
        if isinstance(value, Figure):
            value.draw_without_rendering()
        elif value is not None:
            repr(value)
            if isinstance(value, pd.DataFrame):
                value._repr_html_()
