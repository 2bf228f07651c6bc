"""Model families, one module each, each with a `MODELS` table of name → class.

To add one: a module here, a notebook of the same name in notebooks/, a key of the same name in params.yaml.
"""

import importlib
import json
from collections.abc import Mapping
from typing import Any

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import Interactions
from foldin.models.parts.recommender import Recommender


def family_models(family: str) -> dict[str, type[Recommender]]:
    """Return the models of a family.

    Parameters
    ----------
    family : str
        The name of a module of this package.

    Returns
    -------
    dict of str to type
        Model name → class, as the module's `MODELS` gives them.

    Raises
    ------
    FoldinError
        When there is no such family.
    """
    if family not in params.known_families():
        raise FoldinError(
            f"unknown model family '{family}'",
            remedy=f"the families are: {', '.join(params.known_families())}",
        )
    module = importlib.import_module(f"foldin.models.{family}")
    models: dict[str, type[Recommender]] = module.MODELS
    return models


def chosen(dataset: str, family: str) -> dict[str, dict[str, Any]]:
    """Return what `tune` chose for a family's models: model → setting → value.

    Empty where tuning is off, and where a person runs a stage without those before it.

    Parameters
    ----------
    dataset : str
        The data set it was chosen on.
    family : str
        The model family.
    """
    file = paths.tuned(dataset, family)
    values: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return values


def left_out(family: Mapping[str, Recommender], train: Interactions) -> dict[str, str]:
    """Return the models to skip because they are too large for these data, by params.yaml: model → why.

    Parameters
    ----------
    family : mapping of str to Recommender
        Models as `family` gives them.
    train : Interactions
        A training part: its users and items count, not its ratings.
    """
    reasons = {name: model.too_large(train.n_users, train.n_items) for name, model in family.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def family(name: str, instead: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Recommender]:
    """Return a family's models, untrained, with the settings params.yaml gives them.

    Parameters
    ----------
    name : str
        The family: a module of this package, and a key of params.yaml.
    instead : mapping, optional
        Settings that take the place of those of params.yaml, as `chosen` gives them.

    Returns
    -------
    dict of str to Recommender
        Model name → untrained model, in the order of the family's module.

    Raises
    ------
    FoldinError
        When the family is unknown, or its section names an unknown model or setting, or lacks one.
    """
    classes = family_models(name)
    given = params.read_as_declared(name).get(name)
    if not isinstance(given, dict):
        raise FoldinError(f"the key '{name}' is missing", where="params.yaml", remedy="restore it")
    for key in given:
        if key not in classes:
            remedy = params.nearest(str(key), list(classes))
            raise FoldinError(f"unknown key '{name}.{key}'", where="params.yaml", remedy=remedy)
    seed = params.seed()
    models = {}
    for model, cls in classes.items():
        settings = params.parse(cls.Settings, given.get(model) or {}, f"{name}.{model}")
        if searched := (instead or {}).get(model):
            settings = params.parse(cls.Settings, settings.model_dump() | dict(searched), f"{name}.{model}")
        models[model] = cls(settings, seed=seed)
        models[model].name = model
    return models
