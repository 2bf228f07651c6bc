"""Published data sets that are declarations: each read from files in the format of its publisher."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from public_files import AMAZON, FILES, packed, zipped
from spreadsheets import xlsx

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.public.sets import SETS
from foldin.preparation import clean, fetch

ALL = {dataset.name: dataset for dataset in SETS}


@pytest.fixture
def archive(workspace, monkeypatch):
    """Return a local archive, and let data sets have as few ratings as the small files."""
    monkeypatch.setenv(fetch.VARIABLE, str(workspace / "archives"))
    for name, dataset in ALL.items():
        monkeypatch.setitem(registry._ALL, name, replace(dataset, counts=None))
    return workspace / "archives"


def store(archive, name):
    files, read = FILES[name]
    for file, content in files.items():
        (archive / name).mkdir(parents=True, exist_ok=True)
        (archive / name / file).write_bytes(content)
    return files, read


@pytest.mark.parametrize("name", FILES)
def test_files_in_the_format_of_the_publisher_are_read_to_the_last_value(archive, name):
    _, expected = store(archive, name)
    fetch.run(name)
    found = registry.get(name).read(paths.raw(name)).ratings
    rows = found.astype({"user_id": "str", "item_id": "str", "rating": "object", "timestamp": "object"})
    rows = rows.where(rows.notna(), None)
    assert list(rows[["user_id", "item_id", "rating", "timestamp"]].itertuples(index=False, name=None)) == expected
    clean.run(name)


def test_every_set_is_tested_and_says_where_it_comes_from():
    assert set(ALL) == {*FILES, "jester-1"}
    for dataset in SETS:
        assert dataset.page.startswith("https://")
        addresses = dataset.address.values() if isinstance(dataset.address, dict) else [dataset.address or dataset.page]
        assert all(address.startswith("https://") for address in addresses)
        if isinstance(dataset.address, dict):
            # All that is needed is downloaded, under the name that the reader looks for.
            assert dataset.choose_files(list(dataset.address)) == sorted(dataset.address)


def test_titles_and_genres_are_read_where_their_file_is_there(archive):
    def items(name):
        fetch.run(name)
        table = registry.get(name).read(paths.raw(name)).items.set_index("item_id")
        return table.astype("object").where(table.notna(), None)

    store(archive, "anime")
    assert items("anime").loc["20", ["title", "genres"]].tolist() == ["Leaf: Story", "Action|Comedy"]
    (archive / "anime" / "anime.csv").unlink()
    assert items("anime")["title"].isna().all()
    store(archive, "movietweetings")
    assert items("movietweetings")["title"].tolist() == ["Espèces (1995)", "Blue: A Film (2009)"]
    store(archive, "goodreads-poetry")
    assert items("goodreads-poetry")["year"].tolist() == [1855, None]
    store(archive, "yelp")
    assert items("yelp").loc["b-0aA_1z", ["title", "genres"]].tolist() == ["Corner, East", "Cafes|Food"]


def test_cleaning_says_what_became_of_zeros_codes_events_and_repeats(archive):
    def account(name):
        store(archive, name)
        fetch.run(name)
        clean.run(name)
        return json.loads(paths.account(name, "cleaning").read_text())["ratings"]

    assert account("goodreads-poetry")["dropped"]["zero_means_not_rated"] == 1
    watched = account("anime")
    assert (watched["dropped"]["missing_rating"], watched["changed"]["code_for_missing"]) == (1, 1)
    assert account("steam-200k")["dropped"]["not_selected_by_where"] == 2
    assert account("retailrocket")["repeats"]["rows_merged_by_sum"] == 2
    assert account("gowalla")["repeats"]["last_interactions_that_repeat"] == 1
    log = pd.read_parquet(paths.clean("gowalla") / clean.LOG)
    assert log["item_id"].tolist() == ["1001", "1002", "1001", "1001"]


@pytest.mark.parametrize("name", ["yelp", "steam-200k", "retailrocket", "anime"])
def test_what_only_a_person_may_download_says_where_to_get_and_put_it(workspace, monkeypatch, name):
    monkeypatch.delenv(fetch.VARIABLE, raising=False)
    with pytest.raises(FoldinError) as error:
        fetch.run(name)
    said = str(error.value)
    (file,) = ALL[name].files
    assert said.startswith(ALL[name].page)
    assert f"a folder in which {name}/ holds {file}" in said
    assert "\n" not in said


def test_known_counts_are_checked(archive, monkeypatch):
    store(archive, "amazon-music")
    monkeypatch.setitem(registry._ALL, "amazon-music", ALL["amazon-music"])
    fetch.run("amazon-music")
    with pytest.raises(FoldinError, match="2 ratings found where 64,706 are known to be"):
        clean.run("amazon-music")


def test_a_damaged_file_is_named_as_it_lies_and_no_declaration_is_blamed(archive):
    store(archive, "retailrocket")
    path = archive / "retailrocket" / "events.csv"
    path.write_bytes(path.read_bytes().replace(b"itemid", b"item"))
    fetch.run("retailrocket")
    with pytest.raises(FoldinError) as error:
        clean.run("retailrocket")
    said = str(error.value)
    assert said.startswith("data/raw/retailrocket/events.csv: its item is 'itemid', and the file has no such column; ")
    assert "of another release" in str(error.value)
    assert "params.yaml" not in str(error.value)


def served(monkeypatch, workspace, name, contents):
    monkeypatch.delenv(fetch.VARIABLE, raising=False)
    folder = workspace / "served"
    folder.mkdir(exist_ok=True)
    addresses = {}
    for file, content in contents.items():
        (folder / file).write_bytes(content)
        addresses[file] = (folder / file).as_uri()
    monkeypatch.setitem(registry._ALL, name, replace(ALL[name], counts=None, address=addresses))
    return folder


def test_files_with_addresses_of_their_own_are_downloaded_once(workspace, monkeypatch):
    folder = served(monkeypatch, workspace, "movietweetings", FILES["movietweetings"][0])
    fetch.run("movietweetings")
    clean.run("movietweetings")
    for path in folder.iterdir():
        path.unlink()
    fetch.run("movietweetings")
    assert sorted(path.name for path in paths.raw("movietweetings").iterdir()) == [
        fetch.FETCHED,
        "movies.dat",
        "ratings.dat",
    ]


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><title>Moved</title>", b"not found", packed(b"")[:0]])
def test_a_page_in_place_of_the_data_is_refused(workspace, monkeypatch, content):
    (file,) = FILES["amazon-music"][0]
    served(monkeypatch, workspace, "amazon-music", {file: content})
    with pytest.raises(FoldinError, match=f"is a page or another file, not {file}; see https://cseweb"):
        fetch.run("amazon-music")
    assert not paths.raw("amazon-music").exists()
    served(monkeypatch, workspace, "amazon-music", {file: AMAZON})
    fetch.run("amazon-music")


def test_the_sheets_of_jester_are_one_matrix_of_users(archive):
    pytest.importorskip("python_calamine", reason="needs the extra excel: make install EXTRA=excel")
    (archive / "jester-1").mkdir(parents=True)
    for part, rows in ((1, [[2, -7.82, 99, 8.79], [1, 99, 99, 10]]), (2, [[1, 4.08, 99, 99]]), (3, [[1, 99, 0, 99]])):
        book = zipped(f"jester-data-{part}.xls", xlsx(Sheet1=rows))
        (archive / "jester-1" / f"jester_dataset_1_{part}.zip").write_bytes(book)
    fetch.run("jester-1")
    found = registry.get("jester-1").read(paths.raw("jester-1")).ratings
    assert found[["user_id", "item_id", "rating"]].to_numpy().tolist() == [
        ["1", "1", -7.82],
        ["1", "3", 8.79],
        ["2", "3", 10.0],
        ["3", "1", 4.08],
        ["4", "2", 0.0],
    ]
