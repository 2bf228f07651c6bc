"""Rows and columns of totals whose ids are no known word: arithmetic tells them from data, or a line says the doubt."""

import numpy as np
import pandas as pd
import pytest
from own_data import put, raw
from ruamel.yaml import YAML

from foldin.core import paths
from foldin.datasets.own import printed, proposal, side

USERS, ITEMS = 60, 18


def stars(seed=1, density=0.5):
    rng = np.random.default_rng(seed)
    known = rng.integers(1, 6, (USERS, ITEMS)).astype(float)
    known[rng.random(known.shape) > density] = np.nan
    return pd.DataFrame(known, [f"m{n}" for n in range(USERS)], [f"film_{n}" for n in range(ITEMS)])


def as_list(table, names=("member", "film", "stars")):
    user, item, rating = names
    rows = table.rename_axis(user).reset_index().melt(user, var_name=item, value_name=rating).dropna()
    return rows.sample(frac=1, random_state=1)


def examined(quick, path):
    """Return a proposal, and the ratings that `clean` would read by it."""
    found = side.examine(path) if isinstance(path, list) else proposal.examine(path)
    quick["sources"] = YAML(typ="safe").load(printed.block(found.declared, "mine"))
    return found, raw().ratings


def same(read, known):
    """Return whether ratings are exactly those of a table."""
    truth = {(str(user), str(item)): value for user, item, value in as_list(known).itertuples(index=False)}
    mine = read.dropna(subset=["user_id", "item_id"])
    rows = zip(mine["user_id"].astype(str), mine["item_id"].astype(str), mine["rating"], strict=True)
    return len(mine) == len(truth) and {(user, item): value for user, item, value in rows} == truth


OF = {"sum": lambda t: t.sum(), "mean": lambda t: t.mean().round(2), "number": lambda t: t.count()}


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("lines", [["sum"], ["mean"], ["number"], ["sum", "mean"], ["number", "sum", "mean"]])
@pytest.mark.parametrize("first", [False, True])
def test_rows_of_a_matrix_that_sum_up_its_columns_are_no_users(quick, lines, coded, first):
    known = stars()
    below = pd.DataFrame({f"zz {n}": OF[line](known) for n, line in enumerate(lines)}).T
    table = known.fillna(99) if coded else known
    table = pd.concat([below, table] if first else [table, below])
    found, read = examined(quick, put("m.csv", table.rename_axis("member").to_csv()))
    assert found.declared["totals"] == list(below.index)
    assert found.declared["scale"] == [1, 5, 1]
    assert not [what for what in found.unsure if "total" in what]
    assert same(read, known)


@pytest.mark.parametrize("name", ["Σ", "alle", "x9"])
def test_totals_of_each_user_in_a_list_are_no_item(quick, name):
    known = stars()
    rows = as_list(known.assign(**{name: known.sum(axis=1)}))
    found, read = examined(quick, put("a.csv", rows.to_csv(index=False)))
    assert found.declared["totals"] == [name]
    assert same(read, known)


@pytest.mark.parametrize("line", ["sum", "mean"])
def test_totals_of_each_item_in_a_list_are_no_user(quick, line):
    known = stars()
    rows = as_list(pd.concat([known, pd.DataFrame({"0": OF[line](known)}).T]))
    found, read = examined(quick, put("a.csv", rows.to_csv(index=False)))
    assert found.declared["totals"] == ["0"]
    assert same(read, known)


def test_a_user_that_is_a_total_may_have_the_id_of_an_item(quick):
    known = stars().set_axis(range(1, ITEMS + 1), axis=1).set_axis(range(100, 100 + USERS))
    rows = as_list(pd.concat([known, pd.DataFrame({7: known.sum()}).T]), ("user", "item", "rating"))
    found, read = examined(quick, put("a.csv", rows.to_csv(index=False)))
    assert found.declared["totals"] == {"user": ["7"]}
    assert same(read, known)


def test_a_matrix_without_ids_has_a_row_of_totals(quick):
    known = stars(density=0.9).reset_index(drop=True)
    table = pd.concat([known, known.sum().to_frame().T])
    found, read = examined(quick, put("m.csv", table.to_csv(index=False, header=False)))
    assert found.declared["totals"] == [str(USERS + 1)]
    assert len(read) == known.notna().sum().sum()
    assert found.declared["scale"] == [1, 5, 1]


def test_totals_in_a_row_of_a_matrix_without_an_id_are_no_ratings(quick):
    known = stars()
    table = pd.concat([known, known.sum().to_frame().T.set_axis([""])])
    found, read = examined(quick, put("m.csv", table.rename_axis("member").to_csv()))
    assert found.declared["scale"] == [1, 5, 1]
    assert any("without an id" in note for note in found.notes)
    assert same(read, known)


@pytest.mark.parametrize("name", ["Alles", "~", "9999"])
def test_the_last_row_of_a_list_of_counts_may_be_the_sum_of_all(quick, name):
    counts = stars() * np.arange(3, 3 + ITEMS)
    rows = as_list(counts, ("kunde", "artikel", "menge"))
    rows.loc[-1] = [name, name, counts.sum().sum()]
    found, read = examined(quick, put("a.csv", rows.to_csv(index=False)))
    assert found.declared["totals"] == [name]
    assert same(read, counts)
    assert not found.unsure


@pytest.mark.parametrize("name", ["Total", "alles zusammen"])
def test_each_of_several_files_may_end_with_its_sum(quick, name):
    counts = stars() * np.arange(3, 3 + ITEMS)
    rows = as_list(counts, ("kunde", "artikel", "menge"))
    for month in range(6):
        part = rows.iloc[month::6].copy()
        part.loc[-1] = [name, name, part["menge"].sum()]
        put(f"m-{month}.csv", part.to_csv(index=False))
    found, read = examined(quick, sorted((paths.root() / "own").glob("m-*.csv")))
    assert found.declared["totals"] == [name]
    assert same(read, counts)
    assert not found.unsure


def test_totals_that_each_user_has_under_another_name_are_unsure(quick):
    known = stars()
    rows = as_list(known)
    ends = pd.DataFrame({"member": known.index, "film": "all of " + known.index, "stars": known.sum(axis=1)})
    found, _ = examined(quick, put("a.csv", pd.concat([rows, ends]).to_csv(index=False)))
    assert any("have a rating that is the sum of all their others" in what for what in found.unsure)


def test_totals_of_few_columns_are_unsure(quick):
    known = stars(density=1).iloc[:5, :3]
    rows = as_list(pd.concat([known, pd.DataFrame({"zz": known.sum()}).T]))
    found, read = examined(quick, put("a.csv", rows.to_csv(index=False)))
    assert "totals" not in found.declared
    assert any("user 'zz' has the sum of the ratings of each item" in what for what in found.unsure)
    assert len(read) == known.notna().sum().sum() + 3


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", ["matrix", "list"])
def test_nobody_is_a_total_where_nothing_sums_up(quick, seed, shape):
    known = stars(seed, density=[0.3, 0.97][seed % 2]).iloc[: [12, 60][seed // 4]]
    text = known.rename_axis("member").to_csv() if shape == "matrix" else as_list(known).to_csv(index=False)
    found, read = examined(quick, put("a.csv", text))
    assert "totals" not in found.declared
    assert not [what for what in found.unsure if "total" in what or "sum" in what]
    assert same(read, known)
