"""The data sets that foldin provides: `foldin datasets` lists them without importing their readers or pandas."""

ABOUT = {
    "demo": "Synthetic ratings of books, movies and albums, generated from known preferences; needs no network.",
    "ml-100k": "MovieLens 100K: whole-star ratings of movies; users have age, gender and occupation; 1997-98.",
    "ml-latest-small": "MovieLens latest-small of September 2018: half-star ratings of movies, 1996-2018.",
    "ml-1m": "MovieLens 1M: whole-star ratings of movies; users have age group, gender and occupation; 2000-03.",
    "ml-10m": "MovieLens 10M: half-star ratings of movies, 1995-2009.",
    "ml-20m": "MovieLens 20M: half-star ratings of movies, 1995-2015.",
    "ml-25m": "MovieLens 25M: half-star ratings of movies, 1995-2019.",
    "ml-32m": "MovieLens 32M: half-star ratings of movies, 1995-2023.",
    "personality-2018": "GroupLens Personality 2018: half-star ratings by MovieLens users who took a personality test.",
    "book-crossing": "Book-Crossing: ratings of books from 1 to 10 by readers with known country and age, 2004.",
    "netflix": "Netflix Prize: whole-star ratings of 17,770 movies by 480,189 users, 1999-2005.",
    "lastfm-hetrec2011": "Last.fm HetRec 2011: how often 1,892 users played 17,632 artists; implicit feedback.",
    "lastfm-360k": "Last.fm 360K: artists played by 359,000 users with age, gender and country; implicit feedback.",
    "douban-book": "Douban books: whole-star ratings without titles; the same users as in Douban music.",
    "douban-music": "Douban music: whole-star ratings without titles; the same users as in Douban books.",
    "douban": "Douban books and music, rated by the same users: taste in one domain may help in the other.",
    "cross-platform": "Books (Book-Crossing), movies (MovieLens 100K) and music (Douban); no user is on two platforms.",
}
"""Name → one sentence to choose a data set by, the built-in one first."""
