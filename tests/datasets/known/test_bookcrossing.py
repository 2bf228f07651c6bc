"""Book-Crossing: the official files, byte by byte as they are written, copies of them, and the database."""

import sqlite3
from contextlib import closing

import pytest

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.known import bookcrossing
from foldin.preparation import fetch

RATINGS = (
    b'"User-ID";"ISBN";"Book-Rating"\r\n"276725";"034545104X";"0"\r\n"276726";"0155061224";"5"\r\n'
    b'"130499";"\\"0432534220\\"";"6"\r\n"11676";"8475560806\xaa";"10"\r\n'
)
USERS = (
    b'"User-ID";"Location";"Age"\r\n"276725";"tyler, texas, usa";NULL\r\n"276726";"m\xe9xico, n/a, m\xe9xico";"18"\r\n'
    b'"268";"\xe5rhus, \\n/a\\", denmark";NULL\r\n"5262";"&#304;zmir, n/a, turkey";"27"\r\n'
    b'"9";"nowhere, n/a, n/a";"3"\r\n'
)
BOOKS = (
    b'"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S";"Image-URL-M";"Image-URL-L"\r\n'
    b'"034545104X";"Flesh &amp; Tones; a \\"novel\\"";"M. J. Rose";"2002";"Ballantine";"s";"m";"l"\r\n'
    b'"0789466953";"DK Readers: Level 4\\";Michael Teitelbaum\\"";"2000";"DK";"s";"m";"l"\r\n'
    b'"0155061224";"Rites of Passage";"Judith Rae";"0";"Heinle";"s";"m";"l"\r\n'
)


@pytest.fixture
def official(tmp_path):
    for name, content in {"BX-Book-Ratings": RATINGS, "BX-Users": USERS, "BX-Books": BOOKS}.items():
        (tmp_path / f"{name}.csv").write_bytes(content)
    return tmp_path


def test_the_official_ratings_keep_zeros_quotes_and_what_is_no_ascii(official):
    ratings = bookcrossing.read(official).ratings
    assert ratings["user_id"].tolist() == ["276725", "276726", "130499", "11676"]
    assert ratings["item_id"].tolist() == ["034545104X", "0155061224", '"0432534220"', "8475560806ª"]
    assert ratings["rating"].tolist() == [0.0, 5.0, 6.0, 10.0]
    assert ratings["timestamp"].isna().all()


def test_the_official_users_have_a_country_and_an_age_where_known(official):
    users = bookcrossing.read(official).users
    assert users["country"].fillna("?").tolist() == ["usa", "méxico", "denmark", "turkey", "?"]
    assert users["age"].fillna(0).tolist() == [0, 18, 0, 27, 3]


def test_the_official_books_are_mended_where_two_fields_run_together(official):
    items = bookcrossing.read(official).items
    assert items["title"].tolist() == ['Flesh & Tones; a "novel"', "DK Readers: Level 4", "Rites of Passage"]
    assert items["creator"].tolist() == ["M. J. Rose", "Michael Teitelbaum", "Judith Rae"]
    assert items["year"].fillna(0).tolist() == [2002, 2000, 0]
    assert set(items["domain"]) == {"books"}


def test_copies_without_quotes_and_with_a_byte_order_mark_read_alike(tmp_path):
    (tmp_path / "BX-Book-Ratings.csv").write_bytes(b"UserID;ISBN;BookRating\r\n276725;034545104X;0\r\n")
    (tmp_path / "Users.csv").write_bytes("\ufeffUserID;Location;Age\r\n2;malmö, n/a, sweden;18\r\n".encode())
    tables = bookcrossing.read(tmp_path)
    assert tables.ratings["item_id"].tolist() == ["034545104X"]
    assert tables.users[["user_id", "country", "age"]].to_numpy().tolist() == [["2", "sweden", 18]]
    assert tables.items["item_id"].tolist() == ["034545104X"]


# As in the official files, and as in copies: no quotes, other names of columns, a mark of UTF-8 or none.
COPIES = {
    "official": RATINGS,
    "copy": b"UserID;ISBN;BookRating\r\n276725;034545104X;0\r\n276726;0155061224;5\r\n130499;0432534220;6\r\n"
    b"11676;8475560806\xaa;10\r\n",
    "marked": "\ufeffUser-ID;ISBN;Rating\r\n276725;034545104X;0\r\n276726;0155061224;5\r\n".encode()
    + "130499;0432534220;6\r\n11676;8475560806ª;10\r\n".encode(),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_that_leave_the_prefix_off_all_names_are_fetched_and_read(workspace, monkeypatch, copy):
    archive = workspace / "archives" / "book-crossing"
    archive.mkdir(parents=True)
    for name, content in {"Ratings.csv": COPIES[copy], "Users.csv": USERS, "Books.csv": BOOKS}.items():
        (archive / name).write_bytes(content)
    monkeypatch.setenv(fetch.VARIABLE, str(archive.parent))
    fetch.run("book-crossing")
    folder = paths.raw("book-crossing")
    assert sorted(path.name for path in folder.iterdir()) == ["Books.csv", "Ratings.csv", "Users.csv"]
    tables = bookcrossing.read(folder)
    assert tables.ratings["user_id"].tolist() == ["276725", "276726", "130499", "11676"]
    assert tables.ratings["item_id"].str.strip('"').tolist() == [
        "034545104X",
        "0155061224",
        "0432534220",
        "8475560806ª",
    ]
    assert tables.ratings["rating"].tolist() == [0.0, 5.0, 6.0, 10.0]
    assert tables.items["year"].fillna(0).tolist() == [2002, 2000, 0]
    assert tables.users["country"].fillna("?").tolist()[0] == "usa"
    # The whole is known by its counts, whatever its name.
    with pytest.raises(FoldinError, match="4 ratings found where 1,149,780 are known to be"):
        registry.get("book-crossing").check_counts(tables.ratings, folder)


def test_of_both_names_the_official_one_is_taken(official):
    (official / "Ratings.csv").write_bytes(b"UserID;ISBN;BookRating\r\n1;2;3\r\n")
    assert "Ratings.csv" not in registry.get("book-crossing").choose_files([path.name for path in official.iterdir()])
    assert len(bookcrossing.read(official).ratings) == 4


def test_the_database_gives_the_same_rows(tmp_path):
    with closing(sqlite3.connect(tmp_path / bookcrossing.DATABASE)) as database:
        database.execute("create table ratings (user_id integer, isbn text, rating integer)")
        rows = [(276725, "034545104X", 0), (276726, "0155061224", 5), (None, "0155061224", 5)]
        database.executemany("insert into ratings values (?, ?, ?)", rows)
        database.commit()
    ratings = bookcrossing.read(tmp_path).ratings
    assert ratings["user_id"].fillna("?").tolist() == ["276725", "276726", "?"]
    assert ratings["item_id"].tolist() == ["034545104X", "0155061224", "0155061224"]
    assert ratings["rating"].tolist() == [0.0, 5.0, 5.0]


def test_a_database_of_something_else_is_named_with_its_tables(tmp_path):
    with closing(sqlite3.connect(tmp_path / bookcrossing.DATABASE)) as database:
        database.execute("create table books (isbn text)")
    with pytest.raises(FoldinError, match=r"no such table: ratings.*the tables are: books"):
        bookcrossing.read(tmp_path)
    (tmp_path / bookcrossing.DATABASE).write_bytes(b"this is no database, but long enough to look like a file" * 3)
    with pytest.raises(FoldinError, match="file is not a database"):
        bookcrossing.read(tmp_path)


def test_an_age_that_is_no_number_is_named(official):
    (official / "BX-Users.csv").write_bytes(USERS.replace(b'"27"', b'"old"'))
    with pytest.raises(FoldinError, match=r"BX-Users\.csv: row 4: age is 'old', no whole number"):
        bookcrossing.read(official)


def test_the_real_first_rows_are_known_as_a_part_and_the_whole_is_not_refused(archives, official):
    dataset = registry.get("book-crossing")
    folder = archives / "book-crossing"
    tables = dataset.read(folder)
    assert dataset.release_in(folder).counts.ratings == 199_999
    dataset.check_counts(tables.ratings, folder)
    assert (tables.ratings["rating"] > 0).sum() == 79_269
    assert tables.users["country"].notna().mean() > 0.9
    # Any other file of that name is taken for the whole, whose counts are known.
    dataset.check_files(official, "here")
    with pytest.raises(FoldinError, match="4 ratings found where 1,149,780 are known to be"):
        dataset.check_counts(dataset.read(official).ratings, official)
