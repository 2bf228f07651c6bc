"""The stage `evaluate`: evaluates a family's saved models on the test part, which it alone reads; it trains nothing.

The metrics are explained in foldin.evaluation.judge and foldin.metrics.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldin.core import costs, files, params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import UNKNOWN, check_classes
from foldin.core.params import Evaluation, section
from foldin.core.progress import say, step
from foldin.evaluation import guards, oracle, test_part
from foldin.evaluation.judge import Judgement, Ranker, evaluate_model
from foldin.evaluation.oracle import Oracle
from foldin.evaluation.rank_block import Lists
from foldin.evaluation.test_part import HeldOut
from foldin.metrics import definitions
from foldin.metrics.oracle_gap import advantage
from foldin.models import family_models
from foldin.models.parts.recommender import Recommender

ORACLE = "oracle"
BASELINES = "baselines"
"""The family whose metrics the oracle's row stands among."""


Engine = Callable[[str, str, Recommender, Path], Ranker]
"""Returns what ranks with a saved model, by data set, family, model and the folder that it was loaded from."""


def run(dataset: str, family: str, engine: Engine | None = None) -> None:
    """Evaluate the saved models of a family; write its metrics, in two places, and its folder of predictions.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    family : str
        Name of the model family.
    engine : callable, optional
        Ranks instead of this process; see `Engine`.

    Raises
    ------
    FoldinError
        When a model or the test part is missing or damaged, a model gives NaN or recommends known items, is better
        than the oracle beyond sampling error, or the threshold of "liked" separates no ratings.
    """
    settings = section(Evaluation)
    models: dict[str, Recommender | Oracle] = dict(load_models(dataset, family))
    n_seeds = params.seeds(family)
    test = test_part.load(dataset)
    liked_from = test.training.scale.liked_from(settings.liked_share)
    rates = any(model.predicts_ratings for model in models.values())
    if rates and test.training.scale.feedback != "implicit":
        check_classes(test.ratings, liked_from)
    best = oracle.of(dataset, test.known)
    if best is not None:
        models[ORACLE] = best
    evaluated = {}
    for place, (name, model) in enumerate(models.items(), 1):
        step(f"{dataset}, model {place} of {len(models)}: {name}: evaluating on {len(test.pairs):,} test ratings")
        with _about(f"model '{name}' of '{family}' on '{dataset}'"):
            folder = paths.models(dataset, family) / name
            ranker = engine(dataset, family, model, folder) if engine and isinstance(model, Recommender) else None
            evaluated[name] = evaluate_model(model, test, settings, f"{dataset}: {name}", ranker)
            if isinstance(model, Recommender) and n_seeds > 1:
                others = []
                for each in load_reseeded(dataset, family, name, model, n_seeds):
                    folder = paths.reseeded(dataset, family, name, each.seed)
                    ranker = engine(dataset, family, each, folder) if engine else None
                    label = f"{dataset}: {name}, seed {each.seed}"
                    others.append(evaluate_model(each, test, settings, label, ranker))
                evaluated[name].metrics.update(_seed_noise([evaluated[name], *others]))
    if best is not None:
        ceiling = evaluated.pop(ORACLE)
        for name, judgement in evaluated.items():
            compared = advantage(judgement.users, ceiling.users, settings.oracle_z)
            judgement.metrics["oracle"] = compared
            if compared["leak"]:
                say(f"{dataset}: {name}: LEAK: better than the oracle beyond sampling error")
        leaks = [name for name, judgement in evaluated.items() if judgement.metrics["oracle"]["leak"]]
        guards.check_oracle(leaks, settings.explained, dataset)
        if family == BASELINES:
            evaluated[ORACLE] = ceiling
    _write(dataset, family, test, evaluated)
    found = {name: {"seconds_scoring": each.seconds} for name, each in evaluated.items() if name != ORACLE}
    costs.write(dataset, "evaluate", family, found)


def load_models(dataset: str, family: str) -> dict[str, Recommender]:
    """Load the saved models of a family, except those that were skipped (too large).

    Raises
    ------
    FoldinError
        When one is missing, or is not whole.
    """
    return {
        name: load_from(kind, name, paths.models(dataset, family) / name, dataset, family)
        for name, kind in family_models(family).items()
        if name not in left_out(dataset, family)
    }


def left_out(dataset: str, family: str) -> dict[str, str]:
    """Return the models of a family that were skipped (too large) on a data set: model → why."""
    file = paths.left_out(dataset, family)
    reasons: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return reasons


def load_reseeded(dataset: str, family: str, name: str, model: Recommender, n_seeds: int) -> list[Recommender]:
    """Load the same model fitted with other seeds.

    Raises
    ------
    FoldinError
        When one is missing, or is not whole.
    """
    seeds = range(model.seed + 1, model.seed + n_seeds)
    folders = [paths.reseeded(dataset, family, name, seed) for seed in seeds]
    return [load_from(type(model), name, folder, dataset, family) for folder in folders]


def load_from(kind: type[Recommender], name: str, folder: Path, dataset: str, family: str) -> Recommender:
    """Load the saved model of a folder.

    Raises
    ------
    FoldinError
        When it is missing, or is not whole: names what makes it.
    """
    place = folder.relative_to(paths.root())
    if not (folder / "model.json").is_file():
        raise FoldinError("no saved model here", where=place, remedy=f"train it: dvc repro train@{dataset}-{family}")
    try:
        model = kind.load(folder)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = f"the saved model is not whole ({repr(error).splitlines()[0]})"
        again = f"train it again: dvc repro -f train@{dataset}-{family}"
        raise FoldinError(what, where=place, remedy=again) from None
    model.name = name
    return model


def _seed_noise(evaluated: Sequence[Judgement]) -> dict[str, float]:
    """Return how the headline metrics spread over models of several seeds: their sample standard deviation."""
    noise: dict[str, float] = {"seeds": len(evaluated)}
    for name in evaluated[0].metrics:
        if name == "rmse" or (definitions.base(name) == "ndcg" and not name.endswith("_se")):
            noise[f"{name}_seed_sd"] = float(np.std([each.metrics[name] for each in evaluated], ddof=1))
    return noise


def _write(dataset: str, family: str, test: HeldOut, evaluated: dict[str, Judgement]) -> None:
    ratings = test.pairs[["user_id", "item_id", "rating", "timestamp"]].copy()
    for name, judgement in evaluated.items():
        if judgement.predicted is not None:
            ratings[name] = judgement.predicted
    ids = test.pairs[["user_id", "item_id"]]
    stds = ids.assign(**{name: each.stds for name, each in evaluated.items() if each.stds is not None})
    names = set().union(*(guards.names(each.metrics) for each in evaluated.values()))
    with files.whole_folder(paths.predictions(dataset, family)) as folder:
        ratings.to_parquet(folder / "ratings.parquet", index=False)
        if len(stds.columns) > len(ids.columns):
            stds.to_parquet(folder / "stds.parquet", index=False)
        if evaluated:
            _by_model(evaluated, lambda each: _recommendations(test, each.lists)).to_parquet(
                folder / "recommendations.parquet", index=False
            )
            _by_model(evaluated, lambda each: each.users).to_parquet(folder / "users.parquet", index=False)
        if left_out(dataset, family):
            files.write_json(folder / "left_out.json", left_out(dataset, family))
        files.write_json(folder / "metrics.json", {name: each.metrics for name, each in evaluated.items()})
        files.write_json(folder / "definitions.json", definitions.texts(names))
    table = {}
    for name, judgement in evaluated.items():
        table[name] = in_git(judgement.metrics)
        guards.check_sampling(table[name], sampled=test.negatives is not None, where=f"{dataset}, {name}")
        for domain, metrics in judgement.metrics.get("domains", {}).items():
            table[f"{name}.{domain}"] = in_git(metrics)
    files.write_json(paths.table(dataset, family), table)
    with files.whole_folder(paths.metrics(dataset, family)) as folder:
        for name in evaluated:
            files.write_json(folder / f"{name}.json", definitions.headline(table[name]))


def in_git(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that stand in git: the same names for every model, so that they make a table.

    Parameters
    ----------
    metrics : mapping
        A model's metrics, or those of one of its domains, as `judge.evaluate_model` gives them.

    Returns
    -------
    dict of str to float
        Rating and ranking metrics, and `liked_precision`, `liked_recall` and `liked_f1`; counts are left out.
    """
    flat = {name: value for name, value in metrics.items() if isinstance(value, float)}
    liked = metrics.get("liked", {})
    return flat | {f"liked_{name}": liked[name] for name in ("precision", "recall", "f1") if name in liked}


def _by_model(evaluated: dict[str, Judgement], table: Callable[[Judgement], pd.DataFrame]) -> pd.DataFrame:
    """Return one table of all models, `model` first."""
    tables = {name: table(judgement) for name, judgement in evaluated.items()}
    stacked = pd.concat(tables.values(), ignore_index=True)
    models = np.repeat(np.arange(len(tables)), [len(each) for each in tables.values()])
    names = pd.Series(pd.Categorical.from_codes(models, pd.Index(list(tables))), name="model")
    return pd.concat([names, stacked], axis=1)


def _recommendations(test: HeldOut, lists: Lists) -> pd.DataFrame:
    rows, places = np.nonzero(lists.items != UNKNOWN)
    users, catalogue = test.known.users["user_id"], test.training.items["item_id"]
    return pd.DataFrame(
        {
            "user_id": pd.Categorical.from_codes(test.ranked[rows], pd.Index(users)),
            "rank": (places + 1).astype(np.int16),
            "item_id": pd.Categorical.from_codes(lists.items[rows, places], pd.Index(catalogue)),
            "score": lists.scores[rows, places],
        }
    )


@contextmanager
def _about(place: str) -> Iterator[None]:
    """Say of which model a fault is."""
    try:
        yield
    except FoldinError as error:
        where = f"{place}: {error.where}" if error.where else place
        raise FoldinError(error.what, where=where, remedy=error.remedy) from None
