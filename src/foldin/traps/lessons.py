"""What each table of the gallery says on the data at hand: a sentence or two that depend on its metrics.

On other data a mistake may flatter more, or less, or not at all; what is written beside a table is read off that table.
Every function takes a table of `foldin.traps.tables.table`, and returns text.
"""

import math
from itertools import combinations

import pandas as pd

from foldin.traps.tables import AS_PUBLISHED, KNOWING_NOTHING, MENDED, NOTHING_TO_CHOOSE


def _column(found: pd.DataFrame, name: str, reading: str | None = None) -> list[float]:
    """Return a column from top to bottom, of all rows or of those of one reading."""
    of_reading = found.index.get_level_values("reading") == reading
    return [float(value) for value in (found if reading is None else found[of_reading])[name]]


def _named(found: pd.DataFrame, name: str) -> dict[str, float]:
    """Return what is judged → its metric of a column, where it has one."""
    whats = found.index.get_level_values("what")
    return {str(what): value for what, value in zip(whats, _column(found, name), strict=True) if not math.isnan(value)}


def _names(found: pd.DataFrame) -> list[str]:
    return [str(name) for name in found.columns]


def _best(metrics: dict[str, float]) -> str:
    return max(metrics, key=lambda name: metrics[name])


def rows(found: pd.DataFrame) -> str:
    """Say what a reconstruction of other rows is worth (S1)."""
    apart = max(abs(rmse - 1) for rmse in _column(found, "RMSE", AS_PUBLISHED))
    return (
        "Every label is 1, so predicting 0 for everything has an RMSE of exactly 1. The decompositions, looked up in "
        f"rows of somebody else, differ from it by {apart:.4f} at most."
    )


def cells(found: pd.DataFrame) -> str:
    """Say what ALS is worth on cells that nobody filled (S1)."""
    (als,), (zeros,) = _column(found, "RMSE", AS_PUBLISHED), _column(found, "RMSE", KNOWING_NOTHING)
    text = f"ALS has {100 * als / zeros:.0f} % of the RMSE of predicting 0: what is small is the share of filled cells."
    if (found["precision"].min(), found["recall"].max()) == (1, 0):
        text += (
            " Neither finds a single 1, and yet precision is 1.0: the precision of nothing is 0/0, and a library's "
            "option (here scikit-learn's `zero_division=1`) makes it 1."
        )
    return text


def ones(found: pd.DataFrame) -> str:
    """Say what a network of ones makes of zeros (S1)."""
    f1, precision, auc = (_column(found, name) for name in ("F1", "precision", "AUC"))
    return (
        f"Asked about ones, the network has an F1 of {f1[0]:.2f}; so has a constant. Asked about as many zeros too, "
        f"its precision is {precision[2]:.2f}: it says yes to them as well. Its AUC is {auc[2]:.2f} (a coin's: 0.50); "
        "such order as its outputs have is a trace of how often it met each user and item. With zeros to learn from, "
        f"the AUC is {auc[4]:.2f}."
    )


def users(found: pd.DataFrame) -> str:
    """Say which models answer each of the two questions best, and whether they know more than fame (S1 mended)."""
    rated, ranked = _named(found, "RMSE"), _named(found, _names(found)[-1])
    rater, ranker = min(rated, key=lambda name: rated[name]), _best(ranked)
    text = (
        f"For ratings, {rater} is best: RMSE {rated[rater]:.4f}, the mean's is {rated['global-mean']:.4f}. For lists, "
        f"{ranker} is best: NDCG {ranked[ranker]:.4f}, chance's is {ranked['random']:.4f}"
    )
    if ranker == "popularity":
        return text + ". In ratings as sparse as these, none of these models finds more than what is popular."
    return text + f", popularity's {ranked['popularity']:.4f}."


def misread(found: pd.DataFrame) -> str:
    """Say how far a ranker's scores are from ratings, and what they are worth as lists."""
    rmse, mean, ndcg = (_column(found, name) for name in _names(found))
    worth = "better" if ndcg[0] > ndcg[2] else "no better"
    return (
        f"Its outputs are {mean[0]:.2f} on average where the mean predicts {mean[1]:.2f}, so its “RMSE” is "
        f"{rmse[0] / rmse[1]:.1f} times that of the mean. As lists they are {worth} than chance: NDCG {ndcg[0]:.4f}, "
        f"chance's is {ndcg[2]:.4f}."
    )


def matrix(found: pd.DataFrame) -> str:
    """Say what a swap of labels does to precision, and to accuracy (S2)."""
    precision, accuracies = _column(found, "precision"), _column(found, "accuracy")
    return (
        f"Accuracy is {accuracies[2]:.4f} either way, so it cannot give the swap away; precision is {precision[0]:.4f} "
        f"read one way and {precision[2]:.4f} the other."
    )


def accuracy(found: pd.DataFrame) -> str:
    """Say whom an error called accuracy praises (S2)."""
    printed, true = _named(found, "printed as accuracy, %"), _named(found, "true accuracy, %")
    praised, right = _best(printed), _best(true)
    return (
        f"Highest when printed: {praised}, {printed[praised]:.1f} %, whose error is largest. Highest true accuracy: "
        f"{right}, {true[right]:.1f} %."
    )


def epochs(found: pd.DataFrame) -> str:
    """Say how much a choice on the test part flatters (S3)."""
    sizes, flattery = (_column(found, name, AS_PUBLISHED) for name in ("ratings to choose on", "flattery"))
    (luck,) = _column(found, "flattery", NOTHING_TO_CHOOSE)
    by_size = ", ".join(f"on {size:,.0f} ratings by {by:.4f}" for size, by in zip(sizes, flattery, strict=True))
    return (
        f"The epoch chosen looks better where it was chosen than elsewhere: {by_size}. The last row chooses among "
        "copies of the middle epoch's predictions, each with noise of its own, of which none is better than another: "
        f"the best looks better by {luck:.4f}, all of it luck."
    )


def batches(found: pd.DataFrame) -> str:
    """Say what batch means hide (S4)."""
    means, true = _column(found, "RMSE of batch means, train"), _column(found, "RMSE, test")
    return (
        f"Even the mean, which knows nothing, is only {means[0]:.4f} off batch by batch. Rating by rating, on the test "
        f"part, it is {true[0]:.4f} off, and the factorization {true[1]:.4f}."
    )


def example(found: pd.DataFrame) -> str:
    """Say what L2 does on a dozen ratings (S5)."""
    (plain,), (felt,), (mean,) = (
        _column(found, "test loss, mean", reading) for reading in (AS_PUBLISHED, MENDED, KNOWING_NOTHING)
    )
    medians, better = _column(found, "test loss, median"), _column(found, "splits better than the mean, %")
    return (
        f"L2 divides the mean test loss by {plain / felt:.1f} and the median by {medians[2] / medians[3]:.1f}. Even so "
        f"the mean of the ratings is hard to beat: the factors do so on {better[3]:.1f} % of the splits "
        f"({better[2]:.1f} % with next to no L2), and their mean test loss is {felt:.2f} where predicting the mean has "
        f"{mean:.2f}."
    )


def rated(found: pd.DataFrame) -> str:
    """Say what chance gets among rated items, and in the whole catalogue."""
    among, whole = (_named(found, name) for name in _names(found))
    few, many = _best(among), _best(whole)
    return (
        f"Among rated items chance has {among['random']:.2f}, and the best, {few}, {among[few]:.2f}. In the whole "
        f"catalogue chance has {whole['random']:.4f}, and the best, {many}, {whole[many]:.4f}."
    )


def sampled(found: pd.DataFrame) -> str:
    """Say how far a few candidates are from the catalogue, and whether the order of models stays."""
    among, whole = (_named(found, name) for name in _names(found))
    turned = any((among[a] - among[b]) * (whole[a] - whole[b]) < 0 for a, b in combinations(among, 2))
    return (
        f"Chance hits {100 * among['random']:.1f} % among a few and {100 * whole['random']:.1f} % in all. The two ways "
        f"order the models {'differently' if turned else 'alike'} here."
    )


def negatives(found: pd.DataFrame) -> str:
    """Say what counting one's negatives gets."""
    name = _names(found)[0]
    leak, honest = _column(found, name)
    return (
        f"Something that has only counted its negatives has a {name} of {leak:.4f}; with the test part out of reach, "
        f"{honest:.4f}."
    )


def copies(found: pd.DataFrame) -> str:
    """Say what a look-up gains by duplicates across the split."""
    alone, looked_up = (_column(found, name) for name in ("RMSE", "RMSE with the look-up"))
    gains = [round(100 - 100 * after / before) for before, after in zip(alone, looked_up, strict=True)]
    return (
        f"Looking known pairs up takes {gains[1]} % off the RMSE of the biases while the log holds duplicates, and "
        f"{gains[3]} % once they are dropped."
    )


def temporal(found: pd.DataFrame) -> str:
    """Say what a random split knows of the future, and what a split by time makes of the error."""
    older = _column(found, "test ratings older than something learnt of the user, %")
    rmse = _column(found, "RMSE")
    return (
        f"In the random split {older[0]:.0f} % of the test ratings are older than something learnt of their user. ALS "
        f"has an RMSE of {rmse[1]:.4f} there, and of {rmse[3]:.4f} in a true split by time."
    )


def errors(found: pd.DataFrame) -> str:
    """Say how far apart the errors of one model are."""
    ways = _column(found, _names(found)[0])
    return f"One model, and its “RMSE” is anything from {min(ways):.4f} to {max(ways):.4f}; in truth {ways[0]:.4f}."
