"""Every protocol: what it holds out, what it must never mix, and what it says when it does not suit the data."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from synthetic import from_triples

from foldin.core import params, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale
from foldin.datasets import registry
from foldin.datasets.declaration import DataSet, RawTables
from foldin.datasets.demo import generate
from foldin.datasets.known import folds
from foldin.evaluation import test_part
from foldin.evaluation.judge import evaluate_model
from foldin.evaluation.test_part import HeldOut
from foldin.models.baselines import Popularity
from foldin.preparation import clean, protocols, splits, user_item

always = settings(deadline=None, derandomize=True, max_examples=60)
EVALUATION = params.Evaluation(
    k=10,
    ks=[5],
    liked_share=0.75,
    block_megabytes=40.0,
    resamples=200,
    confidence=0.95,
    seeds={},
    oracle_z=4.0,
    explained={},
)
DATED = ("leave_last_out", "global_time")
FREE = ("random_by_rating", "random_by_user", "k_fold", "strong_generalization", *DATED)


def asked(protocol, **values):
    given = {"seed": 1, "test": 0.2, "validation": 0.1, "folds": 5, "fold": 1, "fold_in": 0.8, "liked_only": False}
    return params.Split(protocol=protocol, **given | values)


def table(users, items, moments=None):
    ratings = pd.DataFrame({"user_id": [f"u{u}" for u in users], "item_id": [f"i{i}" for i in items], "rating": 3.0})
    moments = range(len(ratings)) if moments is None else moments
    return ratings.assign(timestamp=pd.array(list(moments), dtype="Int64"))


@st.composite
def dated_ratings(draw):
    """Draw ratings of up to 12 users in natural order, whose moments are often the same."""
    counts = draw(st.lists(st.integers(1, 9), min_size=4, max_size=12))
    users = np.repeat(np.arange(len(counts)), counts)
    items = np.concatenate([np.arange(count) for count in counts])
    moments = draw(st.lists(st.integers(0, 30), min_size=len(users), max_size=len(users)))
    return table(users, items, moments)


def split_by(ratings, protocol, **values):
    """Return the split, or None where a part would be empty, which is refused in one line."""
    try:
        return splits.split_ratings(ratings, asked(protocol, **values), (generate.DEMO, None))
    except FoldinError as error:
        if "would be empty" not in error.what:
            raise
        return None


@always
@given(dated_ratings(), st.sampled_from(FREE), st.integers(0, 3))
def test_parts_are_disjoint_and_together_all_ratings(ratings, protocol, seed):
    split = split_by(ratings, protocol, seed=seed)
    if split is None:
        return
    rows = np.concatenate([split.train, split.validation, split.test, split.fold_in])
    assert sorted(rows) == list(range(len(ratings)))
    again = split_by(ratings, protocol, seed=seed)
    assert all(np.array_equal(getattr(split, part), getattr(again, part)) for part in (*splits.PARTS, "fold_in"))


@always
@given(dated_ratings())
def test_global_time_learns_only_from_what_is_older(ratings):
    split = split_by(ratings, "global_time")
    if split is not None:
        moments = ratings["timestamp"].to_numpy(np.int64)
        assert moments[split.train].max() < moments[split.validation].min()
        assert moments[split.validation].max() < moments[split.test].min()


@always
@given(dated_ratings())
def test_leave_last_out_holds_out_each_user_s_last_rating_and_ties_fall_to_the_last_item(ratings):
    split = split_by(ratings, "leave_last_out")
    if split is None:
        return
    for _, mine in ratings.groupby("user_id"):
        in_order = mine.assign(row=mine.index).sort_values(["timestamp", "row"])["row"].tolist()
        assert np.isin(in_order, split.test).tolist() == [False] * (len(in_order) - 1) + [len(in_order) > 1]
        if len(in_order) > 1:
            assert (in_order[-2] in split.validation) == (len(in_order) > 2)
    tied = ratings.groupby("user_id")["timestamp"].agg(lambda moments: (moments == moments.max()).sum() > 1)
    assert split.notes == {"users_whose_last_moment_is_tied": tied.sum()}


@always
@given(dated_ratings())
def test_random_by_user_takes_a_share_of_everyone_and_leaves_something_to_learn(ratings):
    split = split_by(ratings, "random_by_user", test=0.4)
    if split is not None:
        held = ratings.iloc[split.test].groupby("user_id").size()
        counts = ratings.groupby("user_id").size()
        for user, count in counts.items():
            assert held.get(user, 0) == min(round(count * 0.4), count - 1)
        assert ratings["user_id"].iloc[split.train].nunique() == len(counts)


def test_k_folds_hold_out_every_rating_once():
    ratings = table(np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20))
    parts = [split_by(ratings, "k_fold", fold=fold, folds=4) for fold in range(1, 5)]
    assert sorted(np.concatenate([part.test for part in parts])) == list(range(100))
    assert [len(part.validation) for part in parts] == [10] * 4
    with pytest.raises(FoldinError, match=r"split\.fold is 5 of 4; choose from 1 to split\.folds"):
        split_by(ratings, "k_fold", fold=5, folds=4)


@always
@given(dated_ratings())
def test_strong_generalization_never_trains_on_a_held_out_user(ratings):
    split = split_by(ratings, "strong_generalization", test=0.4, fold_in=0.5)
    if split is None:
        return
    owners = ratings["user_id"].to_numpy()
    training = set(owners[np.concatenate([split.train, split.validation])])
    assert not training & set(owners[split.test])
    assert set(owners[split.test]) == set(owners[split.fold_in])
    assert split.notes["users_held_out"] == len(set(owners[split.test]))


@pytest.mark.parametrize("protocol", DATED)
def test_without_times_the_protocols_by_time_refuse(protocol):
    ratings = table([0, 0, 0, 1, 1, 1], [0, 1, 2] * 2, [1, 2, None, 4, 5, 6])
    with pytest.raises(FoldinError, match=f"1 of 6 ratings have no time, which {protocol} goes by; choose"):
        split_by(ratings, protocol)


def test_an_unknown_protocol_is_named_with_the_nearest():
    with pytest.raises(FoldinError, match=r"split\.protocol is 'globaltime'; did you mean 'global_time'\?"):
        split_by(table([0], [0]), "globaltime")


@pytest.mark.parametrize(
    ("protocol", "what"), [("predefined_fold", "no official folds"), ("given_negatives", "no negatives")]
)
def test_a_data_set_without_such_files_is_named(protocol, what):
    with pytest.raises(FoldinError, match=f"'demo' (has|comes with) {what}; choose"):
        split_by(table([0, 1], [0, 1]), protocol)


def test_a_random_split_is_never_called_temporal():
    for name, (_, phrase) in protocols.PROTOCOLS.items():
        assert ("by time" in phrase.replace("not by time", "")) == (name in DATED), name


def test_a_predefined_fold_is_the_one_that_was_asked_for():
    ratings = table(np.repeat(np.arange(10), 6), np.tile(np.arange(6), 10))
    published = {fold: ratings.iloc[fold - 1 :: 5][["user_id", "item_id"]] for fold in range(1, 6)}
    data = replace(generate.DEMO, fold=lambda _, fold: published[fold])
    for fold in (1, 4):
        split = splits.split_ratings(ratings, asked("predefined_fold", fold=fold), (data, None))
        assert split.test.tolist() == list(range(fold - 1, 60, 5))
        assert len(split.validation) == 5


def test_official_folds_of_ml_100k_are_five_disjoint_fifths(archives):
    raw = archives / "ml-100k"
    pairs = pd.concat([folds.read_100k_fold(raw, fold) for fold in range(1, 6)])
    assert len(pairs) == len(pairs.drop_duplicates()) == 100_000
    with pytest.raises(FoldinError, match=r"split\.fold is 6; ml-100k has the folds 1 to 5"):
        folds.read_100k_fold(raw, 6)


def ncf_files(folder, test, negatives):
    (folder / folds.NCF_TEST).write_text("".join(f"{u}\t{i}\t5\t0\n" for u, i in test))
    rows = ["\t".join([f"({u},{i})", *map(str, others)]) for (u, i), others in zip(test, negatives, strict=True)]
    (folder / folds.NCF_NEGATIVES).write_text("\n".join(rows) + "\n")


def tiny(folder):
    """Return a data set of 6 users and 130 items whose raw order of items is not their natural one."""
    users = np.repeat(np.arange(6), 10)
    items = (users * 7 + np.tile(np.arange(10), 6) * 11) % 130
    first = table([0] * 130, range(129, -1, -1))
    raw = pd.concat([first, table(users + 1, items)], ignore_index=True)
    raw["user_id"] = raw["user_id"].str.removeprefix("u")
    raw["rating"] = np.where(raw["user_id"].astype(int) % 2, 4.0, 2.0)
    described = pd.DataFrame({"item_id": raw["item_id"].unique(), "title": "t", "domain": "movies", "genres": ""})
    tables = RawTables(raw, described, pd.DataFrame({"user_id": pd.Series(dtype="str")}))
    return DataSet(
        name="tiny",
        about="",
        scale=Scale(1, 5, 1),
        domains=("movies",),
        licence="",
        redistributable=True,
        files={},
        read=lambda _: tables,
        negatives=folds.read_ncf,
    )


def test_given_negatives_are_mapped_to_ids_and_kept_beside_the_test_part(workspace, monkeypatch):
    raw = paths.raw("tiny")
    raw.mkdir(parents=True)
    data = tiny(raw)
    monkeypatch.setattr(registry, "get", lambda _: data)
    ratings = data.read(raw).ratings
    # Items count from 0 in the order of the file, so number 0 is i129.
    held = [(user, 129 - int(ratings.loc[ratings["user_id"] == str(user), "item_id"].iloc[3][1:])) for user in (1, 2)]
    known = [set(ratings.loc[ratings["user_id"] == str(user), "item_id"]) for user, _ in held]
    negatives = [[n for n in range(130) if f"i{129 - n}" not in mine][:99] for mine in known]
    ncf_files(raw, held, negatives)
    text = (workspace / "params.yaml").read_text()
    (workspace / "params.yaml").write_text(text.replace("protocol: random_by_rating", "protocol: given_negatives"))
    clean.run("tiny")
    user_item.run("tiny")
    test = test_part.load("tiny")
    assert test.negatives.sum() == 2 * 99
    for row, (user, number) in enumerate(held):
        assert test.pairs.loc[row, ["user_id", "item_id"]].tolist() == [str(user), f"i{129 - number}"]
        of_user = test.negatives[[test.pairs.loc[row, "user"]]].indices
        assert set(test.training.items["item_id"].iloc[of_user]) == {f"i{129 - n}" for n in negatives[row]}
    account = json.loads(paths.account("tiny", "split").read_text())
    assert (account["protocol"], account["negatives"]) == ("given_negatives", 198)


def test_negative_files_that_do_not_belong_together_are_refused(tmp_path):
    data = tiny(tmp_path)
    with pytest.raises(FoldinError, match=r"ml-1m\.test\.rating: the file is missing; put both test files of the NCF"):
        folds.read_ncf(tmp_path, data.read(tmp_path).ratings)
    ncf_files(tmp_path, [(1, 3)], [range(99)])
    (tmp_path / folds.NCF_TEST).write_text("1\t4\t5\t0\n")
    with pytest.raises(FoldinError, match=r"does not name the pairs of ml-1m\.test\.rating"):
        folds.read_ncf(tmp_path, data.read(tmp_path).ratings)
    ncf_files(tmp_path, [(1, 130)], [range(99)])
    with pytest.raises(FoldinError, match="names users or items that the ratings have not"):
        folds.read_ncf(tmp_path, data.read(tmp_path).ratings)


def test_popularity_has_the_published_metric_on_the_ncf_split(archives):
    """He et al. (2017) print HR@10 .4535 and NDCG@10 .2543: what ties in random order come to on average, as
    test_anchors_quick.py shows. By our rule, the smaller item first, the last digit of NDCG is another.
    """
    file = archives / "ml-1m" / "ratings.triples.dat"
    rows = pd.read_csv(file, sep=":", usecols=[0, 2, 4], header=None, dtype=np.int32).to_numpy()
    # Ties break by item, here in the order of the published files: that of first appearance.
    user, (item, item_ids) = rows[:, 0] - 1, pd.factorize(rows[:, 1])
    raw = pd.DataFrame({"user_id": rows[:, 0].astype(str), "item_id": item_ids.astype(str)[item]})
    held, negatives = folds.read_ncf(archives / "ncf-ml-1m", raw)
    shape = 6040, len(item_ids)
    number = pd.Index(item_ids.astype(str))

    def keys(pairs):
        return (pairs["user_id"].astype(int).to_numpy() - 1) * shape[1] + number.get_indexer(pairs["item_id"])

    is_test = np.isin(user.astype(np.int64) * shape[1] + item, keys(held))
    assert is_test.sum() == len(held) == 6040
    training = from_triples(user[~is_test], item[~is_test], rows[~is_test, 2], shape, Scale(1, 5, 1))
    test = pd.DataFrame({"user": user, "item": item, "user_id": user, "rating": rows[:, 2]})[is_test]
    pairs = np.divmod(keys(negatives), shape[1])
    candidates = sparse.csr_array((np.ones(len(negatives), np.float32), pairs), shape=shape)
    model = Popularity().fit(training)
    judged = evaluate_model(model, HeldOut(test, training, negatives=candidates), EVALUATION, "popularity")
    assert judged.metrics["sampled_hit_rate_at_10"] == pytest.approx(0.4535, abs=5e-5)
    assert judged.metrics["sampled_ndcg_at_10"] == pytest.approx(0.2543, abs=1e-4)
    assert "ndcg_at_10" not in judged.metrics
