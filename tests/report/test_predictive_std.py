"""Errors beside predicted standard deviations on the report, where a model has them."""

import numpy as np
import pandas as pd
import pytest
from conftest import edit_params

from foldin import models
from foldin.core import files, interactions, params, paths
from foldin.evaluation import evaluate
from foldin.preparation import clean, fetch, user_item
from foldin.report import contents, page, predictive_std

FAMILIES = ("baselines", "bayesian")


@pytest.fixture
def findings(workspace):
    """Return the findings on demo of baselines and of two short chains."""

    def ask(values):
        values.update(families=list(FAMILIES))
        values["evaluation"]["seeds"] = {}
        for name in values["bayesian"]:
            values["bayesian"][name].update(factors=2, epochs=12)

    edit_params(workspace, ask)
    for stage in (fetch, clean, user_item):
        stage.run("demo")
    training = interactions.load("demo").training
    for family in params.families():
        for name, model in models.family(family).items():
            with files.whole_folder(paths.models("demo", family) / name) as folder:
                model.fit(training).save(folder)
        evaluate.run("demo", family)
    return contents.open_report("demo")


def test_groups_are_of_the_test_ratings_and_stand_on_the_page(findings):
    folder = paths.predictions("demo", "bayesian")
    rated, stds = (pd.read_parquet(folder / f"{name}.parquet") for name in ("ratings", "stds"))
    assert not (paths.predictions("demo", "baselines") / "stds.parquet").exists()
    assert rated[["user_id", "item_id"]].equals(stds[["user_id", "item_id"]])
    names = predictive_std.models(findings)
    assert set(names) == {"bayesian-mf", "bayesian-fm-flipped"}
    found = predictive_std.groups(findings, names[0])
    least = stds[names[0]].rank(pct=True) <= 0.1
    errors = (rated[names[0]] - rated["rating"])[least]
    assert found["pairs"][0] == least.sum()
    assert found["rmse"][0] == pytest.approx(np.sqrt(np.mean(errors.astype(float) ** 2)))
    assert found["std"][0] == pytest.approx(np.sqrt(np.mean(stds[names[0]][least].astype(float) ** 2)))
    text = page.page(findings)
    assert f" {found['std'][0]:.4f} " in text
    assert f"{names[0]} and {names[1]} also predict a standard deviation" in text
    assert "(plots/predictive_std.png)" in text
    (axis,) = predictive_std.plot(findings).axes
    assert [line.get_label() for line in axis.get_lines()][:2] == names
    np.testing.assert_allclose(axis.get_lines()[0].get_ydata(), found["rmse"])


def test_without_such_a_model_the_page_has_nothing_of_them(findings):
    edit_params(paths.root(), lambda values: values.update(families=["baselines"]))
    alone = contents.open_report("demo")
    assert predictive_std.models(alone) == []
    assert "Predicted errors" not in page.page(alone)
