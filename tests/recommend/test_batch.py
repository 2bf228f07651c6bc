"""`foldin recommend --all`: one file for all users, equal to single lists, in three formats."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from foldin import cli
from foldin.core import loops
from foldin.recommend import batch, lists

COLUMNS = ["user", "item", "rank", "score", "title"]


@pytest.fixture
def written(saved_models, tmp_path, monkeypatch):
    """Return what writes the lists of a model in blocks of few users: its table, as read back."""

    def write(model, name, *more):
        to = tmp_path / name
        assert cli.main(["recommend", "--all", "--model", model, "--to", str(to), *more]) == 0
        match to.suffix:
            case ".parquet":
                return pd.read_parquet(to)
            case ".csv":
                return pd.read_csv(to, dtype={"score": "float32"})
            case ".jsonl":
                rows = [json.loads(line) for line in to.read_text().splitlines()]
                return pd.DataFrame(rows).astype({"score": "float32"})

    # A table of 25 rows or more is written at once.
    monkeypatch.setattr(batch, "block_size", lambda n_items: 7)
    monkeypatch.setattr(batch, "ROWS", 25)
    return write


@pytest.mark.parametrize("model", ["ease", "als-explicit"])
def test_the_file_has_every_users_list(written, opened, model):
    table = written(model, "lists.parquet", "--k", "4")
    assert list(table) == COLUMNS
    saved = opened(model)
    about = saved.training.items
    assert table["user"].unique().tolist() == saved.training.users["user_id"].tolist()
    for user, (name, rows) in enumerate(table.groupby("user", sort=False)):
        items, scores = lists.of_user(saved, user, 4)
        assert name == f"u{user:04d}"
        assert rows["item"].tolist() == about["item_id"].iloc[items].tolist()
        assert rows["title"].tolist() == about["title"].iloc[items].tolist()
        assert rows["rank"].tolist() == list(range(1, len(items) + 1))
        assert rows["score"].to_numpy() == pytest.approx(scores, rel=1e-5)


def test_all_formats_hold_the_same(written):
    parquet, csv, lines = (written("ease", f"lists.{ending}") for ending in ("parquet", "csv", "jsonl"))
    assert len(parquet) == 500
    for other in (csv, lines):
        assert list(other) == COLUMNS
        assert np.array_equal(parquet["score"], other["score"]), "to the last digit"
        assert parquet.astype({"rank": "int64"}).astype("object").equals(other.astype("object"))


def test_memory_for_scores_is_bounded_by_params(saved_models):
    """40 MB at 20 bytes for each score, in double and single precision and copied."""
    assert batch.block_size(1000) == 2000
    assert batch.block_size(26_744) == 74
    assert batch.block_size(10_000_000) == 1


def test_candidates_may_run_out(written, opened):
    table = written("ease", "lists.csv", "--k", "1000")
    assert len(table) == 50 * 40 - opened("ease").training.ratings.nnz


def test_how_many_users_per_second_is_said(saved_models, tmp_path, capsys):
    to = tmp_path / "new" / "lists.csv"
    assert cli.main(["recommend", "--all", "--model", "ease", "--to", str(to), "--k", "3"]) == 0
    headline, last = capsys.readouterr().out.splitlines()
    assert headline == "demo: ease"
    assert last.startswith(f"{to}: 150 recommendations for 50 users in ")
    assert last.endswith(" users per second.")


def test_a_file_is_whole_or_not_there(written, tmp_path, monkeypatch):
    (tmp_path / "lists.csv").write_text("before")

    def stopping(self, first):
        if first == 14:
            raise KeyboardInterrupt

    monkeypatch.setattr(batch.Blocks, "begin", stopping)
    to = str(tmp_path / "lists.csv")
    assert cli.main(["recommend", "--all", "--model", "ease", "--to", to]) == 130
    assert (tmp_path / "lists.csv").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["lists.csv"]


def test_progress_says_how_far_and_how_long(written, monkeypatch):
    said = []
    monkeypatch.setattr(loops, "tick", said.append)
    written("ease", "lists.csv")
    assert len(said) == 8
    assert said[0] == "demo: ease: list of user 1 of 50"
    assert re.fullmatch(r"demo: ease: list of user 50 of 50, \d+ s left", said[-1])


def test_items_without_titles_have_no_column(written, opened, monkeypatch):
    monkeypatch.setattr("foldin.recommend.names.titles", lambda items: pd.Series(pd.NA, items.index, dtype="str"))
    assert list(written("ease", "lists.jsonl")) == COLUMNS[:-1]
