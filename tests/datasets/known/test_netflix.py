"""The Netflix Prize in its forms: one text of groups, a file a movie, CSV, and a dense block."""

import pytest

from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.known import netflix

COMBINED = b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n8:\n17:\n30878,4,2005-12-26\n"
TITLES = "1,2003,Dinosaur Planet\r\n8,NULL,What the #$*! Do We Know!?\r\n17,2001,7 Seconds, Café, and More\r\n"
ROWS = [
    ("1488844", "1", 3.0, 1125964800),
    ("822109", "1", 5.0, 1115942400),
    ("30878", "17", 4.0, 1135555200),
]


def rows(folder):
    return list(netflix.read(folder).ratings.itertuples(index=False, name=None))


@pytest.fixture
def combined(tmp_path):
    (tmp_path / "combined_data_1.txt").write_bytes(COMBINED)
    (tmp_path / "movie_titles.csv").write_bytes(TITLES.encode("latin-1"))
    return tmp_path


def test_a_combined_file_gives_each_rating_its_movie_and_titles_keep_their_commas(combined):
    assert rows(combined) == ROWS
    items = netflix.read(combined).items
    assert items["item_id"].tolist() == ["1", "8", "17"]
    assert items["title"].tolist()[2] == "7 Seconds, Café, and More"
    assert items["year"].fillna(0).tolist() == [2003, 0, 2001]


@pytest.mark.parametrize("block", [5, 20, 24, 30, 60])
def test_where_a_block_ends_changes_nothing(combined, monkeypatch, block):
    monkeypatch.setattr(netflix, "BLOCK", block)
    assert rows(combined) == ROWS


def test_windows_line_ends_and_a_missing_last_one_change_nothing(combined):
    (combined / "combined_data_1.txt").write_bytes(COMBINED.rstrip().replace(b"\n", b"\r\n"))
    assert rows(combined) == ROWS


def test_several_files_follow_each_other(combined):
    (combined / "combined_data_2.txt").write_bytes(b"18:\n1,2,2004-01-01\n")
    assert rows(combined) == [*ROWS, ("1", "18", 2.0, 1072915200)]


@pytest.mark.parametrize("block", [24, 1 << 26])
def test_ids_are_texts_stored_once_however_often_and_wherever_they_occur(combined, monkeypatch, block):
    monkeypatch.setattr(netflix, "BLOCK", block)
    (combined / "combined_data_2.txt").write_bytes(b"18:\n822109,2,2004-01-01\n1488844,1,2004-01-02\n")
    ratings = netflix.read(combined).ratings
    assert ratings["user_id"].cat.categories.tolist() == ["1488844", "822109", "30878"]
    assert ratings["user_id"].tolist() == ["1488844", "822109", "30878", "822109", "1488844"]
    assert ratings["item_id"].cat.categories.tolist() == ["1", "17", "18"]
    assert ratings["item_id"].tolist() == ["1", "1", "17", "18", "18"]


def test_ids_of_two_csv_files_stay_categories(tmp_path):
    for name, row in (("train", "1,7,3"), ("test", "2,7,4")):
        (tmp_path / f"{name}.csv").write_text(f"userID,movieID,rating\n{row}\n", encoding="utf-8")
    ratings = netflix.read(tmp_path).ratings
    assert ratings.dtypes.astype(str).tolist() == ["category", "category", "float64", "Int64"]
    assert sorted(ratings["user_id"]) == ["1", "2"]
    assert ratings["item_id"].cat.categories.tolist() == ["7"]


def test_a_file_for_each_movie_gives_the_same(tmp_path):
    (tmp_path / "mv_0000001.txt").write_bytes(COMBINED[: COMBINED.index(b"8:\n")])
    (tmp_path / "mv_0000017.txt").write_bytes(COMBINED[COMBINED.index(b"17:\n") :])
    assert rows(tmp_path) == ROWS
    assert netflix.read(tmp_path).items["item_id"].tolist() == ["1", "17"]


def test_csv_files_with_their_own_names_of_columns_give_the_same(tmp_path):
    (tmp_path / "train.csv").write_text(
        "movieID,userID,rating,date\n1,1488844,3,2005-09-06\n1,822109,5,2005-05-13\n", encoding="utf-8"
    )
    (tmp_path / "test.csv").write_text("userID,movieID,rating,date\n30878,17,4,2005-12-26\n", encoding="utf-8")
    assert sorted(rows(tmp_path)) == sorted(ROWS)


@pytest.mark.parametrize(
    ("spoilt", "what"),
    [
        (COMBINED.replace(b"822109,5", b"822109,x"), "line 3: '822109,x,2005-05-13' is neither"),
        (COMBINED.replace(b",2005-05-13", b""), "line 3: '822109,5' is neither"),
        (COMBINED.replace(b"2005-12-26", b"2005-13-26"), "line 6: '30878,4,2005-13-26' is neither"),
        (COMBINED[:-8], "line 6: '30878,4,200' is neither"),
        (COMBINED[3:], "line 1: a rating before any line that names its movie"),
        (b"\x00\xff" + COMBINED, "line 1: "),
        (COMBINED.replace(b"17:", b"x:"), "line 5: 'x:' is neither"),
    ],
)
def test_a_faulty_line_is_named(combined, spoilt, what):
    (combined / "combined_data_1.txt").write_bytes(spoilt)
    with pytest.raises(FoldinError) as error:
        netflix.read(combined)
    assert what in str(error.value)
    assert "combined_data_1.txt" in str(error.value)


def test_a_header_without_users_is_named(tmp_path):
    (tmp_path / "train.csv").write_text("who,movieID,rating\n1,2,3\n", encoding="utf-8")
    with pytest.raises(FoldinError, match=r"train\.csv: line 1: the header .* names no user_id"):
        netflix.read(tmp_path)


def test_titles_without_a_title_are_named(combined):
    (combined / "movie_titles.csv").write_text("1,2003,Dinosaur Planet\n8,2004\n", encoding="latin-1")
    with pytest.raises(FoldinError, match=r"movie_titles\.csv: line 2 is not 'movie,year,title'"):
        netflix.read(combined)


def test_a_dense_block_gives_the_ratings_that_are_not_0(tmp_path):
    (tmp_path / "dense-1200x1200.txt").write_text("2 0 5\n0 0 1\n", encoding="utf-8")
    triples = [row[:3] for row in rows(tmp_path)]
    assert triples == [("1", "1", 2.0), ("1", "3", 5.0), ("2", "3", 1.0)]


def test_the_real_titles_and_the_real_block_are_whole(archives):
    folder = archives / "netflix"
    dataset = registry.get("netflix")
    dataset.check_counts(dataset.read(folder).ratings, folder)
    path = folder / "movie_titles.txt"
    commas = sum(line.count(b",") > 2 for line in path.read_bytes().splitlines())
    items = netflix._titles_of(path)
    assert len(items) == 17_770
    assert items["title"].str.contains(",").sum() == commas > 100
    assert items["year"].isna().sum() == 7
