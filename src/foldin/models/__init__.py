"""Model families, one module each, each with a `MODELS` table of name → class.

To add one: a module here, a notebook of the same name in notebooks/, a key of the same name in params.yaml.
"""

import importlib

from foldin.errors import FoldinError
from foldin.params import known_families
from foldin.recommender import Recommender


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
    if family not in known_families():
        raise FoldinError(
            f"unknown model family '{family}'", remedy=f"the families are: {', '.join(known_families())}"
        )
    module = importlib.import_module(f"foldin.models.{family}")
    models: dict[str, type[Recommender]] = module.MODELS
    return models
