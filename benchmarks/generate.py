"""Writes rating files of full size: those of MovieLens, of the Netflix Prize, or ones as users have them.

MovieLens' ratings.csv and movies.csv; the Netflix Prize's combined_data files; or a ratings.csv of one's own, with
other names of columns in another order, and a text beside each rating.

    python benchmarks/generate.py movielens FOLDER [--ratings 20000263]
    python benchmarks/generate.py netflix FOLDER [--ratings 20000263]
    python benchmarks/generate.py own FOLDER [--ratings 20000263]

The ratings are drawn: activity and popularity have a long tail, every user and every item occurs, no pair occurs twice.
The rows are in the order of the originals: by user, then item in MovieLens; by item, and users in no order, in Netflix.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

USERS, ITEMS, RATINGS = 138_493, 26_744, 20_000_263
FIRST, LAST = 789_652_009, 1_427_784_002  # times of MovieLens 20M, seconds since 1970
HIGHEST_ITEM_ID = 131_262


def draw(ratings: int, users: int, items: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct pairs of user and item from 0, in order of user and item: every user and every item occurs."""
    activity = np.cumsum(np.exp(rng.normal(scale=1.1, size=users)))
    popularity = np.cumsum(np.exp(rng.normal(scale=1.6, size=items)))
    sure = np.unique(
        np.concatenate(
            [
                np.arange(users) * items + rng.integers(items, size=users),
                rng.integers(users, size=items) * items + np.arange(items),
            ]
        )
    )
    others = np.empty(0, dtype=np.int64)
    while (missing := ratings - len(sure) - len(others)) > 0:
        n = int(missing * 1.2) + 1000
        owner, rated = (np.searchsorted(odds, rng.random(n) * odds[-1]) for odds in (activity, popularity))
        others = np.union1d(others, np.setdiff1d(owner * items + rated, sure))
    others = rng.permutation(others)[: ratings - len(sure)]
    keys = np.sort(np.concatenate([sure, others]))
    return keys // items, keys % items


def movielens(folder: Path, ratings: int) -> None:
    """Write ratings.csv and movies.csv as MovieLens 20M has them; with the default number of ratings, in its shape."""
    share = ratings / RATINGS
    users, items = round(USERS * share), round(ITEMS * min(1, share**0.5))
    rng = np.random.default_rng(20)
    user, item = draw(ratings, users, items, rng)
    ids = np.sort(rng.choice(np.arange(1, HIGHEST_ITEM_ID + 1), items, replace=False))
    values = pa.array([f"{half / 2:.1f}" for half in range(1, 11)]).take(pa.array(_stars(len(user), rng)))
    table = pa.table(
        {
            "userId": user + 1,
            "movieId": ids[item],
            "rating": values,
            "timestamp": rng.integers(FIRST, LAST, len(user)),
        }
    )
    with (folder / "ratings.csv").open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        pyarrow.csv.write_csv(table, file, pyarrow.csv.WriteOptions(include_header=False, quoting_style="none"))
    with (folder / "movies.csv").open("w", encoding="utf-8") as file:
        file.write("movieId,title,genres\n")
        file.writelines(f'{movie},"Film {movie}, The (1995)",Comedy|Drama\n' for movie in ids)


def netflix(folder: Path, ratings: int) -> None:
    """Write combined_data_1.txt to 4.txt and movie_titles.txt in the format of the Netflix Prize."""
    share = ratings / 100_480_507
    users, items = max(1000, round(480_189 * min(1, share**0.5))), max(500, round(17_770 * min(1, share**0.5)))
    rng = np.random.default_rng(21)
    item, user = draw(ratings, items, users, rng)
    ids = np.sort(rng.choice(np.arange(6, 2_649_430), users, replace=False))
    days = np.arange(np.datetime64("1999-11-11"), np.datetime64("2006-01-01")).astype(str)
    starts = np.searchsorted(item, np.arange(items + 1))
    stars = (_stars(len(user), rng) + 2) // 2
    for part in range(4):
        with (folder / f"combined_data_{part + 1}.txt").open("w", encoding="ascii") as file:
            for movie in range(part * items // 4, (part + 1) * items // 4):
                rows = rng.permutation(np.arange(starts[movie], starts[movie + 1]))
                when = days[rng.integers(len(days), size=len(rows))]
                file.write(f"{movie + 1}:\n")
                file.writelines(
                    f"{u},{r},{d}\n"
                    for u, r, d in zip(ids[user[rows]].tolist(), stars[rows].tolist(), when, strict=True)
                )
    with (folder / "movie_titles.txt").open("w", encoding="latin-1") as file:
        file.writelines(f"{movie + 1},1995,Film {movie + 1}, Café\n" for movie in range(items))


def own(folder: Path, ratings: int) -> None:
    """Write ratings.csv with the rows of `movielens`, each with a text of its own that foldin does not read."""
    movielens(folder, ratings)
    (folder / "movies.csv").unlink()
    table = pyarrow.csv.read_csv(folder / "ratings.csv")
    review = [f"review {row} of a film" for row in range(table.num_rows)]
    table = pa.table(
        {
            "when": table["timestamp"],
            "member": table["userId"],
            "film": table["movieId"],
            "review": review,
            "stars": table["rating"],
        }
    )
    with (folder / "ratings.csv").open("wb") as file:
        file.write(b"when,member,film,review,stars\n")
        pyarrow.csv.write_csv(table, file, pyarrow.csv.WriteOptions(include_header=False, quoting_style="none"))


def _stars(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return ratings as half stars less one, 0 to 9, with MovieLens' love of whole stars."""
    odds = np.array([1.2, 3.4, 1.4, 7.2, 4.4, 21.5, 11.0, 27.8, 7.7, 14.5])
    return rng.choice(10, size=n, p=odds / odds.sum())


def main() -> None:
    """Write the files that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=["movielens", "netflix", "own"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ratings", type=int, default=RATINGS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    {"movielens": movielens, "netflix": netflix, "own": own}[arguments.format](arguments.folder, arguments.ratings)


if __name__ == "__main__":
    main()
