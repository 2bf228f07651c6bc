"""Checks params.yaml as a whole, before a run that would fail only hours later: `foldin check`.

A stage reads its own sections only. Here are the rules that involve several sections, and every family's section.
"""

from ruamel.yaml import YAML
from ruamel.yaml.tokens import AliasToken

from foldin import models
from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import protocols
from foldin.report import ties
from foldin.spark import options
from foldin.tuning import spaces


def check() -> None:
    """Check every section of params.yaml, also against one another.

    Raises
    ------
    FoldinError
        On the first fault: names key, value and remedy.
    """
    for section in params.SECTIONS.values():
        params.section(section)
    _check_aliases()
    evaluation, split = params.section(params.Evaluation), params.section(params.Split)
    report = params.section(params.Report)
    for name in {**dict.fromkeys(params.datasets()), **params.sources()}:
        registry.get(name)
    if split.protocol not in protocols.PROTOCOLS:
        remedy = params.nearest(split.protocol, list(protocols.PROTOCOLS))
        raise FoldinError(f"split.protocol is '{split.protocol}'", where="params.yaml", remedy=remedy)
    if split.protocol == "k_fold" and split.fold > split.folds:
        what = f"split.fold is {split.fold} of {split.folds}"
        raise FoldinError(what, where="params.yaml", remedy="choose from 1 to split.folds")
    if split.test + split.validation >= 1:
        what = f"split.test and split.validation are {split.test} and {split.validation}, which leaves nothing to learn"
        raise FoldinError(what, where="params.yaml", remedy="their sum must be below 1")
    if report.recommendations > evaluation.k:
        what = f"report.recommendations is {report.recommendations}, and lists have evaluation.k = {evaluation.k}"
        raise FoldinError(what, where="params.yaml", remedy=f"choose up to {evaluation.k}")
    compared = 0
    for family in params.known_families():
        compared += len(models.family(family)) * (family in params.families())
        params.seeds(family)
    _check_tuning()
    options.of(params.section(params.Spark))
    # The report would refuse them as well, after everything has been trained.
    ties.refuse_few_draws(evaluation.resamples, compared - 1, evaluation.confidence)


def _check_aliases() -> None:
    # DVC drops a value set by `dvc exp run -S` below an alias without a word, and trains with the old one.
    for token in YAML(typ="safe", pure=True).scan(paths.params_file().read_text(encoding="utf-8")):
        if isinstance(token, AliasToken):
            line = token.start_mark.line + 1
            what = f"line {line} uses the alias '*{token.value}', below which `dvc exp run -S` has no effect"
            raise FoldinError(what, where="params.yaml", remedy="repeat the values instead")


def _check_tuning() -> None:
    tune, known = params.section(params.Tune), params.known_families()
    for family in tune.models:
        if family not in known:
            what = f"unknown model family 'tune.models.{family}'"
            raise FoldinError(what, where="params.yaml", remedy=params.nearest(family, known))
    for family in {**dict.fromkeys(params.tuned_families()), **tune.models}:
        spaces.plans(family)
    for family in params.tuned_families():
        if family not in params.families():
            what = f"tune.families names '{family}', which is not among the families"
            raise FoldinError(
                what, where="params.yaml", remedy="add it to `families`, or leave it out of tune.families"
            )
