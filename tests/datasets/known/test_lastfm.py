"""Last.fm: play counts, with and without the tables beside them."""

import pytest

from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.known import lastfm

USER = "00000c289a1829a808ac09c00daf10bc3c4e223b"


def test_hetrec_counts_and_names_become_tables(tmp_path):
    (tmp_path / "user_artists.dat").write_text("userID\tartistID\tweight\r\n2\t51\t13883\r\n", newline="")
    assert lastfm.read_hetrec(tmp_path).items["title"].isna().all()
    (tmp_path / "artists.dat").write_text(
        "id\tname\turl\tpictureURL\n51\tDuran Duran\thttp://x\t\n52\tSigur Rós\thttp://y\thttp://z\n", encoding="utf-8"
    )
    tables = lastfm.read_hetrec(tmp_path)
    assert tables.ratings[["user_id", "item_id", "rating"]].to_numpy().tolist() == [["2", "51", 13883.0]]
    assert tables.items["title"].tolist() == ["Duran Duran", "Sigur Rós"]
    assert tables.ratings["timestamp"].isna().all()


@pytest.fixture
def plays(tmp_path):
    rows = f'{USER}\t3bd73256\tbetty "blowtorch"\t2137\n{USER}\t\tdie Ärzte\t1099\n{USER}\t\t\t5\n'
    (tmp_path / "usersha1-artmbid-artname-plays.tsv").write_text(rows, encoding="utf-8")
    return tmp_path


def test_360k_tells_artists_by_their_id_else_by_their_name(plays):
    tables = lastfm.read_360k(plays)
    assert tables.ratings["item_id"].fillna("?").tolist() == ["3bd73256", "die Ärzte", "?"]
    assert tables.items["title"].tolist() == ['betty "blowtorch"', "die Ärzte"]
    assert tables.users.empty


def test_360k_profiles_have_gaps(plays):
    rows = f"{USER}\tf\t\tGermany\tFeb 1, 2007\n11\t\t22\t\tJun 3, 2008\n"
    (plays / "usersha1-profile.tsv").write_text(rows, encoding="utf-8")
    users = lastfm.read_360k(plays).users
    assert users["gender"].fillna("?").tolist() == ["F", "?"]
    assert users["age"].fillna(0).tolist() == [0, 22]
    assert users["country"].fillna("?").tolist() == ["Germany", "?"]


def test_a_truncated_line_is_named(plays):
    with (plays / "usersha1-artmbid-artname-plays.tsv").open("a") as file:
        file.write(f"{USER}\tab")
    with pytest.raises(FoldinError, match="line 4: 2 fields, 4 expected"):
        lastfm.read_360k(plays)


def test_the_real_counts_are_whole(archives):
    dataset = registry.get("lastfm-hetrec2011")
    tables = dataset.read(archives / dataset.name)
    dataset.check_counts(tables.ratings)
    assert tables.ratings["rating"].min() == 1
