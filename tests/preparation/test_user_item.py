"""The split and the matrices: disjoint, seeded, indexed from training data alone, whole or absent."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from foldin.core import ids, interactions, params, paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.evaluation import test_part
from foldin.preparation import clean, fetch, protocols, splits, user_item
from foldin.workspace import watched_inputs


@pytest.fixture
def cleaned(workspace):
    fetch.run("demo")
    clean.run("demo")
    return workspace


def write_clean(ratings: pd.DataFrame) -> None:
    """Replace the canonical tables of demo by ratings alone, of items and users nothing is known of."""
    folder = paths.clean("demo")
    folder.mkdir(parents=True, exist_ok=True)
    ratings.to_parquet(folder / "ratings.parquet", index=False)
    items = ids.natural_order(ratings["item_id"])
    pd.DataFrame({"item_id": items, "title": items, "domain": "books", "genres": ""}).to_parquet(
        folder / "items.parquet", index=False
    )
    users = ids.natural_order(ratings["user_id"])
    pd.DataFrame({"user_id": users}).to_parquet(folder / "users.parquet", index=False)


def set_split(workspace, subset=None, **values):
    yaml = YAML()
    content = yaml.load(workspace / "params.yaml")
    content["split"].update(values)
    content["subset"].update(subset or {})
    yaml.dump(content, workspace / "params.yaml")


def named(part: interactions.Interactions) -> set[tuple[str, str, float]]:
    users, items, ratings = part.triples()
    user_ids, item_ids = part.users["user_id"].to_numpy(), part.items["item_id"].to_numpy()
    return set(zip(user_ids[users], item_ids[items], ratings.tolist(), strict=True))


def test_the_parts_are_disjoint_and_together_all_ratings_under_their_own_ids(cleaned):
    user_item.run("demo")
    data = interactions.load("demo")
    test = pd.read_parquet(paths.test("demo") / "ratings.parquet")
    everything = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    parts = [named(data.train), named(data.validation)]
    parts.append(set(zip(test["user_id"], test["item_id"], test["rating"], strict=True)))
    assert sum(map(len, parts)) == len(everything)
    assert set().union(*parts) == set(
        zip(everything["user_id"], everything["item_id"], everything["rating"], strict=True)
    )
    assert list(test.columns) == ["user", "item", "user_id", "item_id", "rating", "timestamp"]
    assert test["user"].dtype == test["item"].dtype == np.int32
    warm = test[(test["user"] >= 0) & (test["item"] >= 0)]
    assert (data.train.users["user_id"].to_numpy()[warm["user"]] == warm["user_id"]).all()
    assert (data.train.items["item_id"].to_numpy()[warm["item"]] == warm["item_id"]).all()
    assert data.train.scale == registry.get("demo").scale


def test_each_training_rating_has_the_day_of_its_time(cleaned):
    user_item.run("demo")
    data = interactions.load("demo")
    everything = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    days = dict(
        zip(
            zip(everything["user_id"], everything["item_id"], strict=True),
            everything["timestamp"] // 86_400,
            strict=True,
        )
    )
    for part in (data.train, data.validation, data.training):
        users, items, _ = part.triples()
        pairs = zip(part.users["user_id"].to_numpy()[users], part.items["item_id"].to_numpy()[items], strict=True)
        assert part.days_of_ratings().tolist() == [days[pair] for pair in pairs]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_another_split(cleaned):
    def written():
        user_item.run("demo")
        folders = (paths.user_item("demo"), paths.test("demo"))
        return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}

    first = written()
    assert written() == first
    set_split(cleaned, seed=2)
    assert written() != first


def split_by(n: int, seed: int, test: float, validation: float) -> protocols.Split:
    shares = {"test": test, "validation": validation, "fold_in": 0.8}
    settings = params.Split(protocol="random_by_rating", seed=seed, folds=5, fold=1, liked_only=False, **shares)
    return splits.split_ratings(pd.DataFrame(index=range(n)), settings, (registry.get("demo"), Path()))


@given(
    n=st.integers(10, 3000),
    test=st.floats(0.1, 0.45),
    validation=st.floats(0.1, 0.45),
    seed=st.integers(0, 9),
)
@settings(deadline=None, derandomize=True, max_examples=50)
def test_shares_are_shares_of_all_ratings(n, test, validation, seed):
    parts = split_by(n, seed, test, validation)
    assert np.array_equal(np.sort(np.concatenate([parts.train, parts.validation, parts.test])), np.arange(n))
    assert len(parts.test) == round(n * test)
    assert len(parts.validation) == round(n * validation)
    # The least draws are trained on, the greatest are held out.
    drawn = np.random.Generator(np.random.PCG64(seed)).random(n)
    assert drawn[parts.train].max() < drawn[parts.validation].min()
    assert drawn[parts.validation].max() < drawn[parts.test].min()


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), max_size=12), st.integers(-1, 13))
@settings(deadline=None, derandomize=True)
def test_of_equal_draws_the_first_are_the_least(values, k):
    values = np.array(values)
    least = np.argsort(values, kind="stable")[: max(k, 0)]
    assert np.flatnonzero(protocols._least(values, k)).tolist() == sorted(least.tolist())


def test_every_rating_is_held_out_equally_often():
    counts = np.zeros(50)
    for seed in range(400):
        counts[split_by(50, seed, 0.2, 0.1).test] += 1
    assert np.all(np.abs(counts - 80) < 5 * np.sqrt(400 * 0.2 * 0.8))


def test_the_test_part_adds_nothing_to_the_index_and_its_cold_pairs_are_kept(workspace):
    # Every item occurs once, and every user but the last ten rows': of these alone is anything known.
    n = 50
    owner = [str(min(u, 40)) for u in range(n)]
    once = pd.DataFrame({"user_id": owner, "item_id": [f"b{i:02d}" for i in range(n)]})
    write_clean(once.assign(rating=np.float32([1, 5] * 25), timestamp=pd.array([None] * n, dtype="Int64")))
    user_item.run("demo")
    data = interactions.load("demo")
    test = pd.read_parquet(paths.test("demo") / "ratings.parquet")
    assert len(test) == 10
    known = test["user_id"] == "40"
    cold = int((~known).sum())
    assert 0 < cold < 10
    assert ((test["user"] == -1) == ~known).all()
    assert (test["item"] == -1).all()
    assert test["timestamp"].isna().all()
    assert set(test["user_id"]) & set(data.train.users["user_id"]) == {"40"}
    assert not set(test["item_id"]) & set(data.train.items["item_id"])
    # Those of the validation part have rows and columns, though the train part has no rating of theirs.
    assert data.train.ratings.shape == data.validation.ratings.shape == (41 - cold, 40)
    assert (data.train.ratings.nnz, data.validation.ratings.nnz) == (35, 5)
    account = json.loads(paths.account("demo", "split").read_text())
    assert account["cold_users_in_test"] == cold
    assert account["cold_items_in_test"] == account["cold_pairs_in_test"] == 10
    assert account["density_of_training"] == pytest.approx(1 / (41 - cold), abs=1e-6)


def once_each(n=40):
    table = pd.DataFrame({"user_id": [str(u) for u in range(n)], "item_id": [f"b{i % 9}" for i in range(n)]})
    return table.assign(rating=np.float32([1, 5] * (n // 2)), timestamp=pd.array([None] * n, dtype="Int64"))


def test_what_could_not_be_judged_is_refused_before_any_training(workspace):
    write_clean(once_each())
    with pytest.raises(FoldinError, match=r"each of 40 users has one rating: .* right column is declared as user"):
        user_item.run("demo")
    # Of one user there is more, and none of it is held out.
    more = once_each().assign(user_id=lambda table: table["user_id"].replace({"39": "38"}))
    write_clean(more)
    with pytest.raises(FoldinError, match=r"no user of the 8 test ratings is in the training part.* split\.seed"):
        user_item.run("demo")
    users, items = np.divmod(np.arange(100), 10)
    alike = pd.DataFrame({"user_id": users.astype(str), "item_id": items.astype(str)})
    write_clean(alike.assign(rating=np.float32(5), timestamp=pd.array([1] * 100, dtype="Int64")))
    with pytest.raises(FoldinError, match=r"all of 20 test ratings .*each of them 5.*feedback: implicit"):
        user_item.run("demo")
    assert not paths.user_item("demo").exists()
    assert not paths.test("demo").exists()


def test_indices_follow_ids_in_natural_order(workspace):
    users, items = np.divmod(np.arange(600), 30)
    ratings = pd.DataFrame({"user_id": users.astype(str), "item_id": [f"i{i}" for i in items]})
    write_clean(ratings.assign(rating=np.float32([1, 5] * 300), timestamp=pd.array(range(600), dtype="Int64")))
    user_item.run("demo")
    train = interactions.load("demo").train
    assert train.users["user_id"].tolist() == [str(u) for u in range(20)]
    assert train.items["item_id"].tolist() == sorted(f"i{i}" for i in range(30))


def test_clean_tables_of_plain_text_ids_give_the_same(cleaned):
    def written():
        user_item.run("demo")
        folders = (paths.user_item("demo"), paths.test("demo"))
        return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}

    categorical = written()
    file = paths.clean("demo") / "ratings.parquet"
    pd.read_parquet(file).astype({"user_id": "str", "item_id": "str"}).to_parquet(file, index=False)
    assert written() == categorical


def test_explicit_zeros_survive(workspace):
    users, items = np.divmod(np.arange(100), 10)
    ratings = pd.DataFrame({"user_id": users.astype(str), "item_id": items.astype(str)})
    write_clean(ratings.assign(rating=np.float32([0, 5] * 50), timestamp=pd.array([1] * 100, dtype="Int64")))
    user_item.run("demo")
    data = interactions.load("demo")
    assert (data.train.ratings.nnz, data.validation.ratings.nnz) == (70, 10)
    assert 0 < np.count_nonzero(data.train.ratings.data == 0) < 70


@pytest.mark.parametrize(
    ("shares", "part", "remedy"),
    [
        ({"test": 0.0001}, "test", "raise split.test"),
        ({"validation": 0.0001}, "validation", "raise split.validation"),
        ({"test": 0.6, "validation": 0.4}, "train", "lower one of them"),
        ({"test": 0.8, "validation": 0.7}, "train", "lower one of them"),
    ],
)
def test_an_empty_part_is_refused_and_what_was_split_before_stays(cleaned, shares, part, remedy):
    user_item.run("demo")
    before = {path.name: path.read_bytes() for path in paths.user_item("demo").iterdir()}
    set_split(cleaned, **shares)
    with pytest.raises(FoldinError) as error:
        user_item.run("demo")
    assert str(error.value).startswith(f"params.yaml: the {part} part of")
    assert remedy in str(error.value)
    for key, value in shares.items():
        assert f"split.{key} is {value}" in str(error.value)
    assert {path.name: path.read_bytes() for path in paths.user_item("demo").iterdir()} == before


def test_a_failure_while_writing_leaves_both_folders_of_the_split_before(cleaned, monkeypatch):
    user_item.run("demo")
    folders = (paths.user_item("demo"), paths.test("demo"))
    before = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    set_split(cleaned, seed=2)

    def full_disk(folder, data):
        (folder / "train.npz").write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(interactions, "save", full_disk)
    with pytest.raises(OSError, match="no space"), watched_inputs.inputs("user_item", "demo"):
        user_item.run("demo")
    assert [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders] == before
    assert [list(folder.parent.iterdir()) for folder in folders] == [[folder] for folder in folders]


def test_before_clean_the_error_names_the_command(workspace):
    with pytest.raises(FoldinError, match=r"data/clean/demo: .* dvc repro clean@demo"):
        user_item.run("demo")


def test_people_are_told_that_the_split_is_random(cleaned, capsys):
    user_item.run("demo")
    assert "at random by rating, not by time" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", [name for name in protocols.PROTOCOLS if name not in protocols.FROM_FILES])
def test_every_protocol_makes_parts_that_can_be_judged_and_says_what_it_is(cleaned, protocol, capsys):
    set_split(cleaned, protocol=protocol)
    user_item.run("demo")
    account = json.loads(paths.account("demo", "split").read_text())
    assert account["protocol"] == protocol
    assert f"split {protocols.PROTOCOLS[protocol][1]}:" in capsys.readouterr().err
    test = test_part.load("demo")
    assert len(test.pairs) == account["ratings_test"]
    assert len(test.ranked)
    observed = test.known.with_ratings(test.relevant).triples()
    assert (
        test.known.users["user_id"].to_numpy()[observed[0]] == test.pairs.loc[test.warm, "user_id"].to_numpy()
    ).all()
    if protocol == "strong_generalization":
        assert set(test.known.users["user_id"]).isdisjoint(test.training.users["user_id"])
        assert test.known.ratings.nnz == account["ratings_fold_in"]
    else:
        assert test.fold_in is None
        assert account["cold_users_in_test"] == test.pairs.loc[test.pairs["user"] < 0, "user_id"].nunique()


@pytest.mark.parametrize("protocol", ["random_by_rating", "strong_generalization"])
def test_liked_ratings_alone_are_implicit_feedback(cleaned, protocol):
    set_split(cleaned, protocol=protocol, liked_only=True)
    user_item.run("demo")
    test = test_part.load("demo")
    assert test.training.scale == test.known.scale == interactions.IMPLICIT
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    liked = ratings[ratings["rating"] >= 4]
    account = json.loads(paths.account("demo", "split").read_text())
    assert account["ratings_not_liked"] == len(ratings) - len(liked) > 0
    values = [test.training.ratings.data, test.pairs["rating"].to_numpy()]
    values += [] if test.fold_in is None else [test.fold_in.ratings.data]
    assert set(np.concatenate(values)) == {np.float32(np.log(2))}
    assert sum(map(len, values)) == len(liked) - account.get("fold_in_ratings_of_unknown_items", 0)
    asked = set(zip(liked["user_id"], liked["item_id"], strict=True))
    assert set(zip(test.pairs["user_id"], test.pairs["item_id"], strict=True)) <= asked


def test_liked_only_refuses_parts_that_files_name_and_a_threshold_that_nothing_reaches(cleaned):
    set_split(cleaned, protocol="predefined_fold", liked_only=True)
    with pytest.raises(FoldinError, match="predefined_fold holds out pairs that its files name; write liked_only: fal"):
        user_item.run("demo")
    file = paths.clean("demo") / "ratings.parquet"
    pd.read_parquet(file).assign(rating=np.float32(1)).to_parquet(file)
    set_split(cleaned, protocol="random_by_rating", liked_only=True)
    with pytest.raises(FoldinError, match=r"none of .* ratings is at least 4.*lower evaluation.liked_share"):
        user_item.run("demo")


@pytest.mark.parametrize("k_core", [0, 15])
def test_the_account_of_held_out_users_says_what_models_cannot_be_told(cleaned, k_core):
    set_split(cleaned, subset={"users": 0.8, "k_core": k_core}, protocol="strong_generalization")
    user_item.run("demo")
    account = json.loads(paths.account("demo", "split").read_text())
    observed = test_part.load("demo").known.ratings.nnz
    assert account["ratings_fold_in"] == observed
    parts = ["ratings_train", "ratings_validation", "ratings_test", "ratings_fold_in", "ratings_of_users_not_drawn"]
    left = ["fold_in_ratings_of_unknown_items", "training_ratings_outside_the_core"]
    ratings = pd.read_parquet(paths.clean("demo") / "ratings.parquet")
    assert sum(account.get(name, 0) for name in parts + left) == len(ratings)
    assert (account["fold_in_ratings_of_unknown_items"] > 0) == (k_core > 0)


def test_an_account_of_the_split_that_does_not_close_stops_the_stage(cleaned, monkeypatch):
    monkeypatch.setattr(
        user_item.splits, "split_ratings", lambda ratings, *_: protocols.Split(*np.arange(30).reshape(3, 10))
    )
    with pytest.raises(FoldinError, match="the account of the split does not close"):
        user_item.run("demo")


def test_changing_the_protocol_leaves_nothing_of_the_old_one(cleaned):
    set_split(cleaned, protocol="strong_generalization")
    user_item.run("demo")
    assert {path.name for path in paths.test("demo").iterdir()} > {"ratings.parquet"}
    set_split(cleaned, protocol="global_time")
    user_item.run("demo")
    assert {path.name for path in paths.test("demo").iterdir()} == {"ratings.parquet"}
