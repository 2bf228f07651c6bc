"""A small checkout with saved models whose lists can be computed apart: fixtures for the tests of foldin.recommend."""

import shutil

import pandas as pd
import pytest
from conftest import CHECKOUT
from synthetic import planted

from foldin.core import interactions, paths
from foldin.core.interactions import TrainingData
from foldin.models import family
from foldin.recommend import saved

MODELS = {
    "baselines": ["popularity", "bias", "random"],
    "linear": ["ease"],
    "als": ["als-explicit"],
    "content": ["tf-idf"],
    "graph": ["gf-cf"],
}
BOARD = """\
model,family,kind,rmse,mae,ndcg,recall,coverage
oracle,baselines,oracle,0.5,0.4,0.9,0.5,0.3
als-explicit,als,model,0.7,0.6,0.1,0.1,0.2
gf-cf,graph,model,,,0.4,0.1,0.2
ease,linear,model,,,0.3,0.1,0.2
bias,baselines,baseline,0.9,0.7,,,
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Return the folder of a checkout whose models of `demo` are saved."""
    folder = tmp_path_factory.mktemp("trained")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(CHECKOUT / name, folder)
    train, validation, _ = planted(n_users=50, n_items=40)
    items = train.items.copy()
    items.loc[[3, 8], "title"] = "Twice"
    data = TrainingData(
        *(interactions.Interactions(part.ratings, part.users, items, part.scale) for part in (train, validation))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        paths.user_item("demo").mkdir(parents=True)
        interactions.save(paths.user_item("demo"), data)
        for name, chosen in MODELS.items():
            for model, untrained in family(name).items():
                if model in chosen:
                    (paths.models("demo", name) / model).mkdir(parents=True)
                    untrained.fit(data.training).save(paths.models("demo", name) / model)
        cleaned = paths.clean("demo")
        cleaned.mkdir(parents=True)
        for table, more in ((train.users, {"user_id": "u-cold"}), (items, {"item_id": "i-cold", "title": "Unheard"})):
            kind = next(iter(more)).partition("_")[0]
            pd.concat([table, pd.DataFrame([more])]).to_parquet(cleaned / f"{kind}s.parquet")
        paths.reports("demo").mkdir(parents=True)
        (paths.reports("demo") / "leaderboard.csv").write_text(BOARD)
    return folder


@pytest.fixture
def saved_models(trained, monkeypatch):
    """Make that checkout the current folder; tests leave it as it is."""
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def opened(saved_models):
    """Return what opens a saved model."""
    return lambda model: saved.open_saved("demo", model)


def rows_of(printed):
    """Return the cells of a printed table: rank → the words of its line."""
    lines = printed.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("---")) + 1
    found = {}
    for line in lines[start:]:
        if not line:
            break
        if line[:6].strip():
            found[int(line[:6])] = line.split()[1:]
    return found


def trained_small(name, model, parts):
    """Return a model of a family, trained on the first of some parts for two epochs at most, as if it were saved."""
    untrained = family(name)[model]
    quick = {"epochs": 2} if "epochs" in type(untrained.settings).model_fields else {}
    fitted = type(untrained)(untrained.settings.model_copy(update=quick), seed=1).fit(parts[0])
    fitted.name = model
    return saved.Saved("demo", name, fitted, parts[0])
