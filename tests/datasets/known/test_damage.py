"""Whatever happens to a file, its reader gives tables or says one line: never a traceback of a library."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldin.core.errors import FoldinError
from foldin.datasets.known import bookcrossing, douban, lastfm, movielens, movielens_dat, netflix, personality
from foldin.datasets.own import declared
from foldin.datasets.own.schema import OwnData

TIMES = "".join(
    f"{user}::{item}::{1 + (user * item) % 5}::97830{user}{item}60\n" for user in range(1, 5) for item in (3, 7)
)
OWN = {"user": "who", "item": "what", "rating": "stars", "time": "when", "scale": [1, 5, 1]}


def _own(file, **more):
    return lambda folder: declared.read(
        OwnData.model_validate({"file": f"own/{file}", **OWN, **more}), "sources.x", folder
    )


def _table():
    return pd.DataFrame(
        {"who": ["a", "b", "b"], "what": [1, 2, 1], "stars": [1.0, 2.0, 5.0], "when": [1, 2, 978300760]}
    )


def _bytes_of(name, folder):
    path = folder / name
    match path.suffix:
        case ".parquet":
            _table().to_parquet(path, index=False)
        case ".jsonl":
            path.write_text(_table().to_json(orient="records", lines=True))
        case ".csv":
            _table().to_csv(path, index=False)
        case ".db":
            with closing(sqlite3.connect(path)) as database:
                _table().to_sql("t", database, index=False)
    return path.read_bytes()


BOOKS = {
    "BX-Book-Ratings.csv": b'"User-ID";"ISBN";"Book-Rating"\r\n"1";"034545104X";"0"\r\n"2";"\\"04";"5"\r\n',
    "BX-Users.csv": b'"User-ID";"Location";"Age"\r\n"1";"tyler, usa";NULL\r\n"2";"m\xe9xico";"18"\r\n',
    "BX-Books.csv": b'"I";"T";"A";"Y";"P";"S";"M";"L"\r\n"034545104X";"F &amp; \\"T\\"";"R";"2002";"B";"s";"m";"l"\r\n',
}
FORMATS = {
    "dat": (
        movielens_dat.read_dat,
        {
            "ratings.dat": TIMES.encode(),
            "movies.dat": b"3::Caf\xe9 (1996)::Comedy\n",
            "users.dat": b"1::F::1::10::48067\n",
        },
    ),
    "csv": (
        movielens.read_csv,
        {
            "ratings.csv": b"userId,movieId,rating,timestamp\r\n1,1,4.0,964982703\r\n1,3,4.5,964981247\r\n",
            "movies.csv": b'movieId,title,genres\r\n1,"American President, The (1995)",Comedy|Drama\r\n',
        },
    ),
    "personality": (
        personality.read_personality,
        {"ratings.csv": b"useri, movie_id, rating, tstamp \n8e7c, 1, 5.0, 2001-08-11 17:07:49\n8e7d, 2, 3.5, \n"},
    ),
    "books": (bookcrossing.read, BOOKS),
    "combined": (
        netflix.read,
        {"combined_data_1.txt": b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n8:\n17:\n30878,4,2005-12-26\n"},
    ),
    "netflix-csv": (
        netflix.read,
        {
            "train.csv": b"userID,movieID,rating,date\n1,2,3,2005-09-06\n",
            "movie_titles.csv": b"1,2003,A, B\n2,NULL,C\n",
        },
    ),
    "dense": (netflix.read, {"dense-1200x1200.txt": b"2 0 5\n0 0 1\n"}),
    "hetrec": (
        lastfm.read_hetrec,
        {
            "user_artists.dat": b"userID\tartistID\tweight\r\n2\t51\t13883\r\n",
            "artists.dat": b"id\tname\turl\tpictureURL\n5\tA\t\t\n",
        },
    ),
    "360k": (
        lastfm.read_360k,
        {
            "usersha1-artmbid-artname-plays.tsv": b"00\t3bd\tbetty\t2137\n00\t\tdie \xc3\x84rzte\t1099\n",
            "usersha1-profile.tsv": b"00\tf\t22\tGermany\tFeb 1, 2007\n",
        },
    ),
    "douban": (douban.DOUBAN_BOOK.read, {"douban_book/ratings.dat": b"1\t1630\t4\n1\t1181\t4\n"}),
    "own-csv": (_own("x.csv"), {"x.csv": None}),
    "own-parquet": (_own("x.parquet"), {"x.parquet": None}),
    "own-jsonl": (_own("x.jsonl"), {"x.jsonl": None}),
    "own-database": (_own("x.db", table="t"), {"x.db": None}),
}
DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "drop", "repeat", "insert"]),
        st.floats(0, 1),
        st.sampled_from(
            [b"", b"\x00", b"\xff", b'"', b";", b",", b"\n", b"\t", b"NaN", b"-1", b"1e400", b"9" * 25, b":", b"\r"]
        ),
    ),
    min_size=1,
    max_size=3,
)


def damaged(content, steps):
    for kind, share, piece in steps:
        place = int(share * len(content))
        match kind:
            case "flip":
                content = (
                    content[:place] + bytes([content[place] ^ 0x15]) + content[place + 1 :]
                    if place < len(content)
                    else content
                )
            case "cut":
                content = content[:place]
            case "drop":
                content = content[:place] + content[place + 1 + place % 7 :]
            case "repeat":
                content = content[:place] + content[place // 2 :]
            case "insert":
                content = content[:place] + piece + content[place:]
    return content


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the undamaged bytes of every file of every format."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        form: {name: content if content is not None else _bytes_of(name, folder) for name, content in files.items()}
        for form, (_, files) in FORMATS.items()
    }


def written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def outcome(read, folder):
    """Return what a reader gives, or what it says."""
    try:
        return read(folder)
    except FoldinError as error:
        return str(error)


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_file_gives_tables_or_one_line(form, whole, tmp_path):
    read, _ = FORMATS[form]
    assert len(read(written(tmp_path, whole[form])).ratings) >= 1

    @given(which=st.integers(0, 9), steps=DAMAGE)
    @settings(deadline=None, derandomize=True, max_examples=25, suppress_health_check=list(HealthCheck))
    def attack(which, steps):
        names = list(whole[form])
        name = names[which % len(names)]
        written(tmp_path, whole[form] | {name: damaged(whole[form][name], steps)})
        found = outcome(read, tmp_path)
        if isinstance(found, str):
            assert "\n" not in found
            return
        assert {"user_id", "item_id", "rating", "timestamp"} == set(found.ratings.columns)
        assert str(found.ratings["rating"].dtype) == "float64"
        assert str(found.ratings["timestamp"].dtype) == "Int64"

    attack()
