"""A small world with all that a report shows: baselines and ALS on a small demo, curves, trials and deviations."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import CHECKOUT
from ruamel.yaml import YAML

from foldin import models
from foldin.core import files, interactions, paths
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item

FAMILIES = ("baselines", "als")
VALIDATION = (0.9, 0.8, 0.85, 0.8)
"""Validation RMSE of als-explicit by epoch: the best, the first of equals, is epoch 2."""


def make(folder: Path) -> None:
    """Make the world in the current folder, whose checkout it becomes."""
    yaml = YAML()
    values = yaml.load(CHECKOUT / "params.yaml")
    values["demo"].update(users=120, items=90, ratings=3000)
    values["families"] = list(FAMILIES)
    values["evaluation"].update(seeds={}, resamples=400)
    values["tune"]["families"] = ["als"]
    for name in values["als"]:
        values["als"][name].update(factors=2, epochs=3)
    yaml.dump(values, folder / "params.yaml")
    (folder / "dvc.yaml").write_text((CHECKOUT / "dvc.yaml").read_text())
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    training = interactions.load("demo").training
    for family in FAMILIES:
        for name, model in models.family(family).items():
            with files.whole_folder(paths.models("demo", family) / name) as into:
                model.fit(training).save(into)
        evaluate.run("demo", family)
    _training()
    _trials()
    _stds()


def _training() -> None:
    rows = [("als-explicit", epoch, "validation_rmse", value) for epoch, value in enumerate(VALIDATION, 1)]
    rows += [("als-explicit", epoch, "train_rmse", 0.9 - epoch / 10) for epoch in range(1, 5)]
    rows += [("als-implicit", epoch, "validation_ndcg", epoch / 10) for epoch in (1, 2, 3)]
    rows += [("als-implicit", epoch, "train_objective", 1 / epoch) for epoch in (1, 2, 3)]
    columns = ["model", "epoch", "metric", "value"]
    files.write_csv(paths.training("demo", "als"), pd.DataFrame(rows, columns=columns))
    single = pd.DataFrame([("bias", 1, "validation_rmse", 1.0)], columns=columns)
    files.write_csv(paths.training("demo", "baselines"), single)


def _trials() -> None:
    account = {
        "chosen": {"factors": 4},
        "params": {"factors": 2},
        "metric": "rmse",
        "value": 0.7,
        "value_of_params": 0.8,
        "state_of_params": "complete",
        "trial": 3,
        "method": "tpe",
        "folds": 0,
        "trials": {"complete": 2, "pruned": 1, "diverged": 0, "impossible": 0},
    }
    files.write_text(paths.account("demo", "tuning/als"), json.dumps({"als-explicit": account}))
    rows = [(0, 0.8, 0.8, "complete"), (1, 0.9, 0.8, "complete"), (2, None, 0.8, "pruned"), (3, 0.7, 0.7, "complete")]
    trials = pd.DataFrame(rows, columns=["trial", "value", "best", "state"]).assign(model="als-explicit")
    files.write_csv(paths.trials("demo", "als"), trials)


def _stds() -> None:
    folder = paths.predictions("demo", "als")
    ids = pd.read_parquet(folder / "ratings.parquet", columns=["user_id", "item_id"])
    stds = np.linspace(0.5, 1.5, len(ids))
    ids.assign(**{"als-explicit": stds}).to_parquet(folder / "stds.parquet", index=False)
