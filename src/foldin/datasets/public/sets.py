"""Published data sets of which a declaration says all, such as Jester, Amazon, Goodreads, Gowalla and Yelp.

Counts are those that the publisher or several independent users of the very files give; where these disagree, or the
publisher replaces the files under the same name, there are none.
"""

from typing import Any

from foldin.datasets.declaration import DataSet
from foldin.datasets.public.declare import public
from foldin.datasets.releases import Counts

JESTER_PAGE = "https://eigentaste.berkeley.edu/dataset/"
JESTER_TERMS = "Free for research that cites Goldberg et al. (Eigentaste, 2001)."
MOVIETWEETINGS = "https://raw.githubusercontent.com/sidooms/MovieTweetings/master/latest"
AMAZON = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
AMAZON_TERMS = "No licence is stated; cite McAuley et al. (2015) and He and McAuley (2016)."
GOODREADS = "https://mcauleylab.ucsd.edu/public_datasets/gdrive/goodreads/byGenre"
GOODREADS_TERMS = "Academic use only; no redistribution, no commercial use; cite Wan and McAuley (2018)."
KAGGLE = "https://www.kaggle.com/datasets"


def _jester() -> list[DataSet]:
    in_blanks = {"separator": "blanks", "header": False, "user": 1, "item": 2, "rating": 3}
    # The first column counts the ratings of the row; 99 stands for none.
    sheets = {"format": "excel", "header": False, "shape": "matrix", "skip": [1], "missing": [99]}
    jokes: dict[str, Any] = {"scale": [-10, 10, 0], "domain": "jokes"}
    return [
        public(
            "jester",
            {"file": "jester_ratings.dat", **in_blanks, **jokes},
            licence=JESTER_TERMS,
            page=JESTER_PAGE,
            address=f"{JESTER_PAGE}archive/jester_dataset_2.zip",
            counts=Counts(ratings=1_761_439, users=59_132, items=140),
        ),
        public(
            "jester-1",
            {"files": "jester_dataset_1_*.zip", **sheets, **jokes},
            licence=JESTER_TERMS,
            page=JESTER_PAGE,
            address={f"jester_dataset_1_{part}.zip": f"{JESTER_PAGE}jester_dataset_1_{part}.zip" for part in (1, 2, 3)},
            counts=Counts(ratings=4_136_360, users=73_421, items=100),
        ),
    ]


def _movietweetings() -> DataSet:
    colons = {"separator": "::", "header": False}
    items = {"file": "movies.dat", **colons, "id": 1, "title": 2, "genres": 3}
    ratings = {"file": "ratings.dat", **colons, "user": 1, "item": 2, "rating": 3, "time": 4, "time_unit": "s"}
    return public(
        "movietweetings",
        {**ratings, "scale": [0, 10, 1], "domain": "movies", "items": items},
        licence="MIT; cite Dooms, De Pessemier and Martens (2013).",
        page="https://github.com/sidooms/MovieTweetings",
        address={name: f"{MOVIETWEETINGS}/{name}" for name in ("ratings.dat", "movies.dat")},
    )


def _amazon(name: str, category: str, counts: Counts) -> DataSet:
    file = f"reviews_{category}_5.json.gz"
    columns = {"user": "reviewerID", "item": "asin", "rating": "overall", "time": "unixReviewTime", "time_unit": "s"}
    return public(
        name,
        {"file": file, **columns, "scale": [1, 5, 1], "domain": name.partition("-")[2], "people": "amazon"},
        licence=AMAZON_TERMS,
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
        address={file: f"{AMAZON}/{file}"},
        counts=counts,
    )


def _goodreads(name: str, genre: str, counts: Counts) -> DataSet:
    file, books = f"goodreads_interactions_{genre}.json.gz", f"goodreads_books_{genre}.json.gz"
    # Fri Aug 25 13:55:02 -0700 2017
    times = {"time": "date_added", "date_format": "%a %b %d %H:%M:%S %z %Y"}
    items = {"file": books, "id": "book_id", "title": "title", "year": "publication_year"}
    columns = {"user": "user_id", "item": "book_id", "rating": "rating", **times}
    more = {"scale": [1, 5, 1], "zero_is_implicit": True, "domain": "books", "people": "goodreads"}
    return public(
        name,
        {"file": file, **columns, **more, "items": items},
        licence=GOODREADS_TERMS,
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/goodreads.html",
        address={one: f"{GOODREADS}/{one}" for one in (file, books)},
        counts=counts,
    )


def _gowalla() -> DataSet:
    file = "loc-gowalla_totalCheckins.txt.gz"
    columns = {"user": 1, "time": 2, "time_unit": "date", "item": 5}
    return public(
        "gowalla",
        {
            "file": file,
            "separator": "\t",
            "header": False,
            **columns,
            "feedback": "implicit",
            "repeats": "keep",
            "domain": "places",
        },
        licence="No licence is stated; cite Cho, Myers and Leskovec (2011).",
        page="https://snap.stanford.edu/data/loc-gowalla.html",
        address={file: f"https://snap.stanford.edu/data/{file}"},
        # The page says 6,442,890; those who counted the file's lines found two more.
        counts=Counts(ratings=6_442_892, users=107_092, items=1_280_969),
    )


def _by_hand() -> list[DataSet]:
    """Return those that ask for an account, or for consent to their terms, before a download."""
    businesses = {
        "file": "yelp_academic_dataset_business.json",
        "id": "business_id",
        "title": "name",
        "genres": "categories",
        "genre_separator": ",",
    }
    reviews = {"user": "user_id", "item": "business_id", "rating": "stars", "time": "date", "time_unit": "date"}
    hours = {"user": 1, "item": 2, "rating": 4, "where": {"3": "play"}}
    events = {"event": "event", "events": {"view": 1, "addtocart": 3, "transaction": 5}}
    clicks = {"user": "visitorid", "item": "itemid", "time": "timestamp", "time_unit": "ms"}
    titles = {"file": "anime.csv", "id": "anime_id", "title": "name", "genres": "genre", "genre_separator": ","}
    watched = {"user": "user_id", "item": "anime_id", "rating": "rating", "missing": [-1]}
    return [
        public(
            "yelp",
            {
                "file": "yelp_academic_dataset_review.json",
                **reviews,
                "scale": [1, 5, 1],
                "domain": "businesses",
                "items": businesses,
            },
            licence="Yelp's terms for this data set, which you accept when you download it; no redistribution.",
            page="https://business.yelp.com/data/resources/open-dataset/",
        ),
        public(
            "steam-200k",
            {"file": "steam-200k.csv", "header": False, **hours, "feedback": "implicit", "domain": "games"},
            licence="The terms on its page.",
            page=f"{KAGGLE}/tamber/steam-video-games",
        ),
        public(
            "retailrocket",
            {
                "file": "events.csv",
                **clicks,
                **events,
                "feedback": "implicit",
                "repeats": "keep",
                "domain": "products",
            },
            licence="CC BY-NC-SA 4.0.",
            page=f"{KAGGLE}/retailrocket/ecommerce-dataset",
            counts=Counts(ratings=2_756_101, users=1_407_580, items=235_061),
        ),
        public(
            "anime",
            {"file": "rating.csv", **watched, "scale": [1, 10, 1], "domain": "anime", "items": titles},
            licence="CC0 1.0 (public domain).",
            page=f"{KAGGLE}/CooperUnion/anime-recommendations-database",
            counts=Counts(ratings=7_813_737, users=73_515, items=11_200),
        ),
    ]


SETS: list[DataSet] = [
    *_jester(),
    _movietweetings(),
    _amazon("amazon-music", "Digital_Music", Counts(64_706, 5_541, 3_568)),
    _amazon("amazon-instruments", "Musical_Instruments", Counts(10_261, 1_429, 900)),
    _amazon("amazon-beauty", "Beauty", Counts(198_502, 22_363, 12_101)),
    _amazon("amazon-sports", "Sports_and_Outdoors", Counts(296_337, 35_598, 18_357)),
    _amazon("amazon-toys", "Toys_and_Games", Counts(167_597, 19_412, 11_924)),
    _goodreads("goodreads-poetry", "poetry", Counts(2_734_350)),
    _goodreads("goodreads-comics", "comics_graphic", Counts(7_347_630)),
    _gowalla(),
    *_by_hand(),
]
"""In the order of the catalogue."""
