"""What every damaged file must come to: a correct table with an account that closes, or one FoldinError."""

import json
import shutil

import pandas as pd
from hypothesis import HealthCheck, settings

from foldin.core import interactions, paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.preparation import clean, user_item

FUZZ = settings(
    deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def one_line(error: FoldinError) -> None:
    assert "\n" not in str(error)
    assert error.remedy


def table_or_error(name: str) -> pd.DataFrame | None:
    """Clean and split a data set; return its ratings after checking all that must hold, or None after a FoldinError."""
    shutil.rmtree(paths.clean(name), ignore_errors=True)
    try:
        clean.run(name)
    except FoldinError as error:
        one_line(error)
        assert not paths.clean(name).exists()
        return None
    ratings = pd.read_parquet(paths.clean(name) / "ratings.parquet")
    account = json.loads(paths.account(name, "cleaning").read_text())
    parts = account.pop("parts", {})
    assert set(account) == {"ratings", "items", "users"}
    assert not parts or account["ratings"]["rows_in"] == sum(part["ratings"]["rows_in"] for part in parts.values())
    for table, metrics in account.items():
        rows = len(pd.read_parquet(paths.clean(name) / f"{table}.parquet"))
        gone = sum(metrics["dropped"].values())
        assert metrics["rows_in"] - gone + metrics.get("added_without_description", 0) == metrics["rows_out"] == rows
    assert len(ratings) > 0
    scale = registry.get(name).scale
    assert ratings["rating"].between(scale.lowest, scale.highest).all()
    assert ratings[["user_id", "item_id", "rating"]].notna().all().all()
    assert not ratings.duplicated(["user_id", "item_id"]).any()
    try:
        user_item.run(name)
    except FoldinError as error:
        one_line(error)
        return ratings
    test = pd.read_parquet(paths.test(name) / "ratings.parquet")
    data = interactions.load(name)
    assert data.train.ratings.nnz + data.validation.ratings.nnz + len(test) == len(ratings)
    return ratings
