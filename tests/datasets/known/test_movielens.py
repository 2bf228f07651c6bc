"""The MovieLens readers: on lines made up in their formats, and on the real files where these are at hand."""

import pytest

from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.known import movielens, movielens_dat, personality
from foldin.datasets.releases import Counts


@pytest.fixture
def small_100k(tmp_path):
    (tmp_path / "u.data").write_text("7\t1\t5\t880000000\n7\t2\t1\t880000001\n9\t1\t4\t880000002\n")
    (tmp_path / "u.genre").write_text("unknown|0\nComedy|1\nDrama|2\n\n")
    item = "1|Café des Rêves (1996)|01-Jan-1997||http://x|0|1|1\n2|Untitled||||1|0|0\n"
    (tmp_path / "u.item").write_bytes(item.encode("latin-1"))
    (tmp_path / "u.user").write_text("7|24|M|technician|85711\n9|53|F|other|94043\n")
    return tmp_path


def test_ml_100k_lines_become_tables(small_100k):
    tables = movielens.read_100k(small_100k)
    assert tables.ratings.to_dict("records")[1] == {
        "user_id": "7",
        "item_id": "2",
        "rating": 1.0,
        "timestamp": 880000001,
    }
    first, second = tables.items.to_dict("records")
    assert first["title"] == "Café des Rêves (1996)"
    assert (first["domain"], first["genres"], first["year"]) == ("movies", "Comedy|Drama", 1996)
    assert second["genres"] == ""
    assert tables.items["year"].isna().tolist() == [False, True]
    assert list(tables.users.columns) == ["user_id", "age", "gender", "occupation"]
    assert tables.users["age"].tolist() == [24, 53]


def test_a_truncated_line_of_ml_100k_is_named(small_100k):
    (small_100k / "u.data").write_text("7\t1\t5\t880000000\n7\t2")
    with pytest.raises(FoldinError, match=r"u\.data: line 2: 2 fields, 4 expected"):
        movielens.read_100k(small_100k)


def test_ml_latest_small_lines_become_tables(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n3,10,4.5,964982703\n")
    movies = 'movieId,title,genres\n10,"Crown, The (1995)",Comedy|Drama\n11,Nameless,(no genres listed)\n'
    (tmp_path / "movies.csv").write_text(movies)
    tables = movielens.read_csv(tmp_path)
    assert tables.ratings["rating"].tolist() == [4.5]
    assert tables.items["title"].tolist() == ["Crown, The (1995)", "Nameless"]
    assert tables.items["genres"].tolist() == ["Comedy|Drama", ""]
    assert tables.items["year"].isna().tolist() == [False, True]
    assert tables.users.empty


@pytest.fixture
def small_1m(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n1::661::3::978302109\n")
    (tmp_path / "movies.dat").write_bytes("661::Café: a::b? (1996)::Comedy\n".replace("a::b", "a b").encode("latin-1"))
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072-1234\n")
    return tmp_path


def test_ml_1m_lines_become_tables(small_1m):
    tables = movielens_dat.read_dat(small_1m)
    assert tables.ratings["item_id"].tolist() == ["1193", "661"]
    assert tables.ratings["timestamp"].tolist() == [978300760, 978302109]
    assert tables.items.to_dict("records") == [
        {"item_id": "661", "title": "Café: a b? (1996)", "domain": "movies", "genres": "Comedy", "year": 1996}
    ]
    assert tables.users["age"].tolist() == [17, 56]
    assert tables.users["occupation"].tolist() == ["K-12 student", "self-employed"]


def test_ml_1m_without_timestamps_has_missing_times(small_1m):
    (small_1m / "ratings.dat").unlink()
    (small_1m / "ratings.triples.dat").write_text("1::1193::5\n1::661::3\n")
    ratings = movielens_dat.read_dat(small_1m).ratings
    assert ratings["rating"].tolist() == [5.0, 3.0]
    assert ratings["timestamp"].isna().all()


def test_ml_10m_has_half_stars_and_utf_8_titles_and_no_users(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::122::4.5::838985046\n")
    (tmp_path / "movies.dat").write_text("122::Šílení (Lunacy) (2005)::Animation|Horror\n", encoding="utf-8")
    tables = movielens_dat.read_dat(tmp_path)
    assert tables.ratings["rating"].tolist() == [4.5]
    assert tables.items["title"].tolist() == ["Šílení (Lunacy) (2005)"]
    assert tables.users.empty


def test_a_line_of_another_format_is_named(small_1m):
    (small_1m / "ratings.dat").write_text("1::1193::5::978300760\n1,661,3,978302109\n")
    with pytest.raises(FoldinError, match=r"ratings\.dat: line 2: 1 fields, 4 expected"):
        movielens_dat.read_dat(small_1m)


@pytest.mark.parametrize(
    ("time", "expected"), [("1439472215", 1439472215), ("2015-08-13 13:23:35", 1439472215), ("", None)]
)
def test_the_personality_study_pads_with_blanks_and_has_hexadecimal_users(tmp_path, time, expected):
    user = "8e7cebf9a234c064b75016249f2ac65e"
    (tmp_path / "ratings.csv").write_text(f"useri, movie_id, rating, tstamp \r\n{user}, 1, 5.0, {time}\r\n")
    tables = personality.read_personality(tmp_path)
    row = tables.ratings.iloc[0]
    assert (row["user_id"], row["item_id"], row["rating"]) == (user, "1", 5.0)
    assert (None if tables.ratings["timestamp"].isna()[0] else row["timestamp"]) == expected
    assert tables.items["item_id"].tolist() == ["1"]


def test_a_time_that_is_none_is_named_with_its_row(tmp_path):
    (tmp_path / "ratings.csv").write_text("useri, movie_id, rating, tstamp\nab, 1, 5.0, 7\nab, 2, 5.0, noon\n")
    with pytest.raises(FoldinError, match=r"row 2: timestamp is 'noon', no time in s"):
        personality.read_personality(tmp_path)


@pytest.mark.parametrize("name", ["ml-100k", "ml-latest-small", "ml-1m"])
def test_the_real_files_have_the_known_counts_and_digests(archives, name):
    dataset = registry.get(name)
    tables = dataset.read(archives / name)
    dataset.check_counts(tables.ratings, archives / name)
    dataset.check_files(archives / name, name)
    assert tables.items["item_id"].is_unique
    assert set(tables.ratings["item_id"]) <= set(tables.items["item_id"])
    assert tables.items["year"].between(1870, 2018).mean() > 0.99


def test_counts_that_differ_are_named(small_100k):
    ratings = movielens.read_100k(small_100k).ratings
    with pytest.raises(FoldinError, match=r"3 ratings found where 100,000 are known to be; .*fetch@ml-100k"):
        movielens.ML_100K.check_counts(ratings)
    assert movielens.ML_100K.counts == Counts(ratings=100_000, users=943, items=1_682)
